"""The agent people use, and the watch of a run: the journal's, with pictures and widgets."""

from __future__ import annotations

from typing import Any, Literal

from fluffy_nb.engine.watched import WatchedFlow
from fluffy_nb.journal.agent import Agent as KeptAgent
from fluffy_nb.journal.watching import RunWatch as PlainWatch


class Pictured(WatchedFlow):
    """What can be looked at: an agent, or the watch of a run.

    Pictures and widgets are imported when they are asked for, so that headless programs do not pay
    for them.
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

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from fluffy_nb.diagram import to_svg  # noqa: PLC0415 - as above

        bundle = {"text/plain": repr(self)}
        if self.states:
            bundle["image/svg+xml"] = to_svg(self)
        return bundle


class Agent(Pictured, KeptAgent):
    """A named set of states that runs, that is kept, and that can be looked at.

    See `fluffy_nb.engine.agent.Agent` and `fluffy_nb.journal.agent.Agent` for its arguments and
    verbs.
    """

    def inbox(self) -> Any:
        """The open questions alone, as forms."""
        from fluffy_nb.widgets import Inbox  # noqa: PLC0415 - as above

        return Inbox(self)


class RunWatch(Pictured, PlainWatch):
    """A run in a file, looked at while another process goes on with it.

    See `fluffy_nb.journal.watching.RunWatch` for its arguments.

    Example:
        >>> watch = RunWatch(".fluffy/runs.sqlite", "5c1a09f2")
        >>> display(watch.view())
        >>> await watch.follow()
    """
