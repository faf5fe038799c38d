"""The graph of one agent, kept as the agent is: patched where that is enough, else drawn anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fluffy_nb.diagram import Drawing, FlatGraph, draw, flatten, patch, topology
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.metadata import StateMetadata
from fluffy_nb.engine.status import StateStatus
from fluffy_nb.errors import LayoutError
from fluffy_nb.widgets.details import details
from fluffy_nb.widgets.fallback import pictures
from fluffy_nb.widgets.pace import ENDS, Pace
from fluffy_nb.widgets.picture import PictureWidget

if TYPE_CHECKING:
    from fluffy_nb.agent import Pictured

QUIET = (StateStatus.PENDING.value, StateStatus.COMPLETED.value)
"""Statuses that the beginning or the end of a run's activity does not change."""


STANDING = (StateStatus.PENDING, StateStatus.BLOCKED)
"""Where what a state waits for may change although the state itself does not."""


class GraphWidget(PictureWidget):
    """The graph of one agent, coloured as the run goes.

    Args:
        agent: Whose graph.
        report: Is given an error that would have nowhere else to be shown.
    """

    def __init__(
        self, agent: Pictured, report: Callable[[Exception], object] | None = None
    ) -> None:
        self._agent, self._report = agent, report or _log_problem
        self._ids: dict[str, str] = {}  # state -> element
        self._edges: dict[tuple[str, str], str] = {}  # edge -> "element element"
        self._topology: object = None
        self._changed: set[str] = set()
        self._left: set[str] = set()  # states that branches went on from
        self._graph: object = None  # what was flattened
        self._flat = FlatGraph()
        self._waiting: set[str] = set()  # states where a branch waits: what for can change
        self._progress: dict[str, tuple[float, str]] = {}
        self._all = self._unquiet = self._look = False
        self._drawing: asyncio.Task[None] | None = None
        self._pace = Pace(self._paint)
        super().__init__(agent.name)
        self._draw_now()
        self._unsubscribe = agent.subscribe(self._note)

    def tell(self, state: str) -> dict[str, Any] | None:
        """The details of a state, with how far it has come.

        Args:
            state: Its name.

        Returns:
            Plain data; None where they can't be had, which is reported.
        """
        try:
            told = details(self._agent, state)
        except Exception as problem:  # noqa: BLE001 - shown to the person who asked
            self._report(problem)
            return None
        fraction, message = self._progress.get(state, (None, ""))
        return {**told, "fraction": fraction, "message": message}

    def pictures(self) -> dict[str, str]:
        """The graph as it is now, by mime type."""
        return pictures(self._agent)

    def close(self) -> None:
        """Stop observing the agent, and a drawing that is under way."""
        if self.comm is None:
            return  # closed before
        self._unsubscribe()
        self._pace.stop()
        super().close()
        if self._drawing is not None:
            self._drawing.cancel()

    def _note(self, event: ev.Event) -> None:
        """Note what an event may have changed."""
        match event:
            case ev.RunStarted() | ev.RunRestored() | ev.GraphChanged():
                self._all = self._look = True
                if not isinstance(event, ev.GraphChanged):
                    self._progress.clear()
            case ev.ProgressReported():
                self._progress[event.state] = (event.fraction, event.message)
            case ev.StateStarted():
                self._progress.pop(event.state, None)
                self._changed.add(event.state)
            case ev.StateCompleted() | ev.StateFailed() | ev.StateReused():
                self._changed.add(event.state)
                self._left.add(event.state)
            case _ if isinstance(event, (ev.RunResumed, *ENDS)):
                self._unquiet = True
            case _:
                self._changed.add(getattr(event, "state", ""))
        self._pace.after(event)

    def _paint(self) -> None:
        """Show what was noted."""
        if self._drawing is not None:
            return  # ids may be others in a moment, and then everything is painted
        if self._look or self._agent.state_graph is not self._graph:
            self._look = False
            self._flat_now()
            if topology(self._agent) != self._topology:
                self._redraw()
                return
        counts = self._counts()
        states = self._noted_states()
        self._forget()
        self.patch(patch(self._agent, states), counts)

    def _flat_now(self) -> None:
        self._graph = graph = self._agent.state_graph
        self._flat = flatten(graph)

    # ------------------------------------------------------------ what to patch

    def _noted_states(self) -> list[str]:
        agent = self._agent
        if self._all:
            noted = set(self._ids)
        else:
            noted = {self._flat.node(name) for name in self._changed} | self._waiting
            if self._unquiet:
                nodes = self.present["nodes"]
                noted |= {n for n, i in self._ids.items() if nodes[i]["status"] not in QUIET}
        known = [name for name in noted if name in self._ids]
        metadata = agent.state_metadata
        standing = (
            name for name in known if (metadata.get(name) or StateMetadata()).status in STANDING
        )
        self._waiting = {name for name, why in agent.explain_each(standing).items() if why}
        return known

    def _counts(self) -> dict[str, int]:
        """How often the edges were taken that may have been; notes the states they lead to."""
        taken = self._agent.taken_edges
        if self._all:
            return {id_: taken.get(edge, 0) for edge, id_ in self._edges.items()}
        counts = {}
        for node in map(self._flat.node, self._left):
            for way in self._flat.ways.get(node, ()):
                edge = way.source, way.target
                number = taken.get(edge, 0)
                if number and edge in self._edges:
                    counts[self._edges[edge]] = number
                    self._changed.add(way.target)
        return counts

    def _forget(self) -> None:
        self._changed.clear()
        self._left.clear()
        self._all = self._unquiet = False

    # ------------------------------------------------------------ another drawing

    def _draw_now(self) -> None:
        self._topology = topology(self._agent)
        try:
            self._show(draw(self._agent))
        except LayoutError as problem:
            self._report(problem)

    def _redraw(self) -> None:
        """Lay out aside where a loop runs, so that it is not held."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._draw_now()
        else:
            self._drawing = loop.create_task(self._draw_aside())

    async def _draw_aside(self) -> None:
        self._topology = topology(self._agent)
        try:
            drawing = await asyncio.to_thread(draw, self._agent)
        except LayoutError as problem:
            self._drawing = None
            self._report(problem)
        except RuntimeError:  # states were added while the other thread went through them
            self._drawing = None
            self._draw_now()
        except asyncio.CancelledError:
            self._drawing = None
            if self.comm is not None:
                self._draw_now()  # the loop ends: there is no later
            raise
        else:
            self._drawing = None
            self._show(drawing)
            self._look = True  # it may have changed again meanwhile
            self._paint()

    def _show(self, drawing: Drawing) -> None:
        ids = self._ids = drawing.ids
        self._flat_now()
        self._edges = {
            (edge.source, edge.target): f"{ids[edge.source]} {ids[edge.target]}"
            for edge in self._flat.edges
            if edge.source in ids and edge.target in ids
        }
        self._all = True
        counts = self._counts()
        nodes = patch(self._agent, self._noted_states())
        self._forget()
        self.show(drawing.svg, nodes, counts)


def _log_problem(problem: Exception) -> None:
    logging.getLogger("fluffy_nb").error("the graph is not up to date: %s", problem)
