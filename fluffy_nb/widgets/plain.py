"""What all widgets share: a text form that says what is shown and holds no address."""

from __future__ import annotations

import anywidget
import traitlets as t


class PlainWidget(anywidget.AnyWidget):
    """An anywidget that is printed as its class and what it is about."""

    label = t.Unicode(help="The name of the agent.").tag(sync=True)

    def about(self) -> str:
        """What the text form says in its parentheses."""
        return self.label

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.about()})"
