"""The view of one agent: its controls, graph and inbox in one widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluffy_nb.widgets.controls import ControlsWidget
from fluffy_nb.widgets.fallback import pictures
from fluffy_nb.widgets.graph import GraphWidget
from fluffy_nb.widgets.inbox import Inbox
from fluffy_nb.widgets.plain import PlainBox

if TYPE_CHECKING:
    from fluffy_nb.agent import Pictured


class View(PlainBox):
    """Controls, graph and inbox of one agent.

    Each part observes the agent for itself, notes what an event changes, and draws that a moment
    later. Any number of views can show one agent; they stay in step because each shows what the
    agent says. Messages from the page may come in another thread (ipykernel's subshells), so they
    only call what is thread-safe: `agent.request` and a prompt's `answer`.

    Args:
        agent: Whose view.
    """

    def __init__(self, agent: Pictured) -> None:
        self._agent = agent
        self.controls = ControlsWidget(agent)
        self.graph = GraphWidget(agent, self.controls.report)
        self.inbox = Inbox(agent, self.controls.report)
        super().__init__(children=self._parts(), layout={"overflow": "visible"})
        self.add_class("fluffy-view")

    def _parts(self) -> tuple[ControlsWidget, GraphWidget, Inbox]:
        return self.controls, self.graph, self.inbox

    def about(self) -> str:
        """What the text form says in its parentheses."""
        return f"{self._agent.name}: {self._agent.status.value}"

    def pictures(self) -> dict[str, str]:
        """The graph as it is now, by mime type."""
        return pictures(self._agent)

    def close(self) -> None:
        """Stop observing the agent; what is displayed goes away, and the picture remains."""
        if self.comm is None:
            return  # closed before
        for part in self._parts():
            part.close()
        super().close()
