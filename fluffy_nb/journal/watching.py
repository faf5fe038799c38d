"""A run in a file, looked at while another process goes on with it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, cast

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.definition import taken_inside
from fluffy_nb.engine.graph import Edge, EdgeKind, StateGraph, matching
from fluffy_nb.engine.machine import Machine
from fluffy_nb.engine.progress import restore
from fluffy_nb.engine.specs import StateSpec
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.engine.watched import WatchedFlow
from fluffy_nb.errors import StoreError
from fluffy_nb.journal.delta import progress_from
from fluffy_nb.journal.graphs import ITEM, graph_from, topology_from
from fluffy_nb.journal.history import info_of
from fluffy_nb.journal.sqlite import SQLiteStore
from fluffy_nb.journal.store import Row

AT_ONCE = 20
"""Rows that are taken in before others in the loop have their turn."""

STANDING_SECONDS = 1.0
"""How often to look whether a run that stands still goes on."""

MOST_ASKED = 200
"""Characters of a question that are shown."""

_NO_GRAPH = StateGraph((), (), (), (), {}, {})
_CLOSED = (ev.PromptAnswered, ev.PromptExpired, ev.PromptWithdrawn)
_STOPS = (ev.RunPaused, ev.RunCompleted, ev.RunFailed, ev.RunCancelled)


class RunWatch(WatchedFlow):
    """A run that another process executes, or has left, watched as an agent is.

    It changes nothing, in the file or in the run.

    Args:
        file: The path of the file.
        run: The run's id.

    Raises:
        UnknownRunError: There is no such run.
        StoreError: There is no such file, or it is no store.
    """

    steers = False
    breakpoints = frozenset()

    def __init__(self, file: str | os.PathLike[str], run: str) -> None:
        self._store = SQLiteStore(file, read_only=True)
        self._info = info_of(self._store, run)
        super().__init__(self._info.agent, None, None, None, None)
        self._machine_here: Machine | None = None
        self._kept_graph: StateGraph = _NO_GRAPH
        self._items: dict[str, Any] = {}
        self._seq = 0  # of the last row that was taken in
        self._began: float | None = None
        self._active = 0.0
        self._asked: dict[str, str] = {}  # the open questions, by the ids of their prompts
        self._has_left = False
        self._is_rough = False  # the machine is made anew of the items after each row

    def __repr__(self) -> str:
        return f"<RunWatch {self._info.id} of {self.name!r}: {self.status}>"

    # ------------------------------------------------------------ what is watched

    @property
    def _machine(self) -> Machine | None:
        return self._machine_here

    @property
    def status(self) -> AgentStatus:
        """Where the run stands; PAUSED where the process that executed it has died."""
        return AgentStatus.IDLE if self._machine is None else self._machine.status

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._info.id

    @property
    def duration(self) -> float | None:
        """Seconds the run was active; pauses don't count."""
        if self._machine is None:
            return None
        return self._active + (0.0 if self._began is None else time.time() - self._began)

    @property
    def where(self) -> str:
        """Who executes the run, for people, and what it asks there."""
        if self._has_left:
            return f"its process has died; take it up: %fluffy load {self.run_id}"
        if self.status is AgentStatus.RUNNING:
            asks = "".join(f"; {question}" for question in self._asked.values())
            return f"watched; {self._store.holder(self.run_id) or 'somebody'} runs it{asks}"
        return f"watched; kept in {self._store.path.name}"

    @property
    def states(self) -> Mapping[str, StateSpec]:
        """The states by name, without their code."""
        return self._states

    @cached_property
    def _states(self) -> Mapping[str, StateSpec]:
        return MappingProxyType({name: _without_code(name) for name in self._kept_graph.states})

    def spec(self, name: str) -> StateSpec | None:
        """The state of a name, as events have it; without its code."""
        graph, rest = self._kept_graph, name
        while rest not in graph.states:
            agent = next((agent for agent in graph.agents if rest.startswith(f"{agent}/")), None)
            if agent is None:
                template = matching(rest, graph.templates)
                return None if template is None else _without_code(template)
            graph, rest = graph.agents[agent], rest.removeprefix(f"{agent}/")
        return _without_code(rest)

    @property
    def state_graph(self) -> StateGraph:
        """Where each state can lead, with the edges that the run took."""
        return _with_taken(self._kept_graph, self.taken_edges)

    def check(self) -> tuple[()]:
        """Nothing: who runs it was told what looks wrong."""
        return ()

    def explain(self, name: str) -> str:
        """Why a state is where it is; see `WatchedFlow.explain`."""
        if self._machine is not None:
            for scope in self._machine.scopes.values():
                scope.joins.next_ready()  # has each join find out what it waits for
        return super().explain(name)

    # ------------------------------------------------------------ following

    async def follow(self, every: float = 0.2) -> None:
        """Take in what is written, until the run has completed; observers hear of it.

        Args:
            every: Seconds between two looks at the file while the run is active.

        Raises:
            StoreError: The file can't be read any more.
        """
        while True:
            held = self._store.is_held(self.run_id)  # asked first: nothing comes after
            await self.read()
            if self.status is AgentStatus.COMPLETED:
                return
            if self.status is AgentStatus.RUNNING and not held:
                self._left()
            is_active = self.status is AgentStatus.RUNNING
            await asyncio.sleep(every if is_active else max(every, STANDING_SECONDS))

    async def read(self) -> None:
        """Take in what was written since the last time.

        Raises:
            StoreError: It can't be read, or the run was kept by a version that kept no graphs.
        """
        for number, row in enumerate(self._store.rows(self.run_id, self._seq)):
            self._take(row)
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def _take(self, row: Row) -> None:
        try:
            events = [ev.from_dict(data) for data in row.events]
            if row.progress.get(ITEM) is not None:
                self._set_graph(row.progress[ITEM])
            # Where the run was taken up and more came in this row, what was before is where from.
            is_folded = any(isinstance(event, ev.RunRestored) for event in events[:-1])
            before = dict(self._items) if is_folded else self._items
            self._items.update(row.progress)
            self._follow_events(row, events, before)
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise StoreError(
                self._store.path,
                f"what run {self.run_id!r} wrote after event {row.seq} can't be understood here",
                "use the version of fluffy-nb that runs it",
            ) from problem
        self._seq = row.seq
        for event in events:
            self._observers.deliver(event)

    def _set_graph(self, data: Mapping[str, Any]) -> None:
        self._kept_graph = graph_from(data)
        self.__dict__.pop("_states", None)
        if self._machine is not None:
            self._machine.set_topology(topology_from(self._kept_graph))

    def _follow_events(self, row: Row, events: list[ev.Event], before: Mapping[str, Any]) -> None:
        """Let the machine go where the events lead; where it can't, to where the items say."""
        self._has_left = False
        for event in events:
            self._clock(event)
            self._note_question(event)
        if not self._is_rough or isinstance(events[0], ev.RunRestored):
            try:
                self._fold(events, before)
            except (KeyError, ValueError):
                self._is_rough = True  # the file was not told of all that happened
            else:
                self._is_rough = False
        if self._is_rough:
            self._restore(self._items, row.status)

    def _fold(self, events: list[ev.Event], before: Mapping[str, Any]) -> None:
        for event in events:
            if isinstance(event, ev.RunStarted):
                self._machine_here = Machine(topology_from(self._graph_there()))
            if isinstance(event, ev.RunRestored):
                self._restore(before, AgentStatus.PAUSED)
            else:
                cast("Machine", self._machine_here).apply(event)  # the first event has made it

    def _graph_there(self) -> StateGraph:
        if self._kept_graph is _NO_GRAPH:
            raise StoreError(
                self._store.path,
                f"run {self.run_id!r} was kept by a version that kept no graphs",
                "load it, or watch one that was begun since",
            )
        return self._kept_graph

    def _restore(self, items: Mapping[str, Any], status: str) -> None:
        """Let a new machine stand where the items say."""
        progress = progress_from(self.run_id, self._info.starts, items, _as_it_is)
        machine = self._machine_here = Machine(topology_from(self._graph_there()))
        restore(machine, self.run_id, asdict(progress))
        machine.status = AgentStatus(status)

    def _left(self) -> None:
        """The process that executed the run has died: it stands where it was last kept."""
        self._has_left, self._began = True, None
        self._restore(self._items, AgentStatus.PAUSED)
        now = time.time()
        self._observers.deliver(ev.RunRestored(self._seq, now, self.run_id, self.name, {}))

    def _clock(self, event: ev.Event) -> None:
        if isinstance(event, (ev.RunStarted, ev.RunRestored)):
            self._active, self._began = 0.0, None
        if isinstance(event, (ev.RunStarted, ev.RunResumed)):
            self._began = event.time
        elif isinstance(event, _STOPS) and self._began is not None:
            self._active, self._began = self._active + event.time - self._began, None

    def _note_question(self, event: ev.Event) -> None:
        if isinstance(event, ev.PromptOpened):
            self._asked[event.prompt] = f"{event.state} asks there: {event.text[:MOST_ASKED]}"
        elif isinstance(event, _CLOSED):
            self._asked.pop(event.prompt, None)
        elif isinstance(event, ev.RunRestored):
            self._asked.clear()


def _with_taken(graph: StateGraph, taken: Mapping[tuple[str, str], int]) -> StateGraph:
    """A graph with the edges that a run took although its code did not tell."""
    known = {(edge.source, edge.target) for edge in graph.edges}
    more = (
        Edge(source, target, EdgeKind.TAKEN)
        for source, target in taken
        if source in graph.states and (source, target) not in known
    )
    agents = {
        name: _with_taken(inner, taken_inside(name, taken)) for name, inner in graph.agents.items()
    }
    return replace(graph, edges=(*graph.edges, *more), agents=agents)


def _without_code(name: str) -> StateSpec:
    return StateSpec(name, _elsewhere)


async def _elsewhere(context: Any) -> None:
    """Stands for a function that is where the run is executed."""


def _as_it_is(data: Any) -> Any:
    return data
