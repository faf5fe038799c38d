"""What all widgets share: forms for other places than a live page."""

from __future__ import annotations

from typing import Any

import anywidget
import ipywidgets
import traitlets as t

from fluffy_nb.errors import visible

VIEW = "application/vnd.jupyter.widget-view+json"


class Plain:
    """Printed as its class and what it is about, without an address; once closed, only that."""

    comm: Any
    model_id: str
    _ipython_display_ = None  # ipywidgets 7 would display itself, and no more

    def about(self) -> str:
        """What the text form says in its parentheses."""
        raise NotImplementedError

    def pictures(self) -> dict[str, str]:
        """What stands for the widget in files and exports, by mime type."""
        return {}

    def close(self) -> None:
        """End the widget in the page."""
        super().close()  # type: ignore[misc]  # a widget's
        # ipywidgets leaves an attribute that would hide the method below: no more pictures.
        self.__dict__.pop("_repr_mimebundle_", None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({visible(self.about())})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = {"text/plain": repr(self), **self.pictures()}
        if self.comm is not None:
            bundle[VIEW] = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return bundle


class PlainWidget(Plain, anywidget.AnyWidget):  # type: ignore[misc]  # its bundle is no tuple
    """An anywidget about an agent."""

    label = t.Unicode(help="The name of the agent.").tag(sync=True)

    def about(self) -> str:
        """What the text form says in its parentheses."""
        return self.label


class PlainBox(Plain, ipywidgets.VBox):
    """A column of widgets."""
