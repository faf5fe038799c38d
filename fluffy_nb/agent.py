"""The agent people use: the engine's, with its past, its pictures and its widgets."""

from __future__ import annotations

from typing import Any, Literal

from fluffy_nb.journal.agent import Agent as KeptAgent


class Agent(KeptAgent):
    """A named set of states that runs, that is kept, and that can be looked at.

    See `fluffy_nb.engine.agent.Agent` and `fluffy_nb.journal.agent.Agent` for its arguments and
    verbs. Pictures and widgets are
    imported when they are asked for, so that headless programs do not pay for them.
    """

    layout: Literal["TB", "LR"] = "TB"
    """Whether its pictures read from top to bottom or from left to right."""

    def view(self) -> Any:
        """The whole view: graph, controls, progress and inbox, in one widget."""
        from fluffy_nb.widgets import View  # noqa: PLC0415 - not before a widget is wanted

        return View(self)

    def graph(self) -> Any:
        """The graph alone, coloured as the run goes."""
        from fluffy_nb.widgets import GraphWidget  # noqa: PLC0415 - as above

        return GraphWidget(self)

    def inbox(self) -> Any:
        """The open questions alone, as forms."""
        from fluffy_nb.widgets import Inbox  # noqa: PLC0415 - as above

        return Inbox(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from fluffy_nb.diagram import to_svg  # noqa: PLC0415 - as above

        bundle = {"text/plain": repr(self)}
        if self.states:
            bundle["image/svg+xml"] = to_svg(self)
        return bundle
