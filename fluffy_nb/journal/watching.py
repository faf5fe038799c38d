"""A run in a file, looked at while another process goes on with it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from types import MappingProxyType
from typing import Any, NoReturn

from fluffy_nb.engine.definition import taken_inside
from fluffy_nb.engine.graph import Edge, EdgeKind, StateGraph, is_led, matching
from fluffy_nb.engine.machine import Machine
from fluffy_nb.engine.specs import StateSpec
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.engine.watched import WatchedFlow
from fluffy_nb.errors import WatchedRunError, visible
from fluffy_nb.journal.history import info_of
from fluffy_nb.journal.replaying import NO_GRAPH, Replay
from fluffy_nb.journal.stores import open_store

AT_ONCE = 20
"""Rows that are taken in before others in the loop have their turn."""

_OF_AGENTS = frozenset({
    "breakpoints", "checkpoint_interval", "max_concurrent", "name", "resources", "responder",
    "store",
})  # fmt: skip
"""What can be set of an agent."""

STANDING_SECONDS = 1.0
"""How often to look whether a run that stands still goes on."""


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
        self._store = open_store(file)
        self._info = info_of(self._store, run)
        super().__init__(self._info.agent, None, None, None, None)
        self._replay = Replay(self._store.path, self._info)
        self._holder = ""  # who executes it, as of the last look
        self._has_left = False
        self._states: tuple[StateGraph, Mapping[str, StateSpec]] = NO_GRAPH, {}
        self._shown = _Shown()

    # ------------------------------------------------------------ what it refuses

    def add_state(self, name: str, *_: Any, **__: Any) -> NoReturn:
        """Refuse: what is watched is not changed.

        Raises:
            WatchedRunError: Always.
        """
        self._refuse(f"add_state({name!r}, ...)")

    def state(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse, as `add_state` does."""
        self._refuse("@state")

    def remove_state(self, name: str) -> NoReturn:
        """Refuse, as `add_state` does."""
        self._refuse(f"remove_state({name!r})")

    def __setattr__(self, name: str, value: object) -> None:
        if name in _OF_AGENTS and "_states" in vars(self):
            self._refuse(f"setting {name}")
        super().__setattr__(name, value)

    def _refuse(self, what: str) -> NoReturn:
        raise WatchedRunError(what, self.run_id, self.name)

    def __repr__(self) -> str:
        return f"<RunWatch {visible(self._info.id)} of {self.name!r}: {self.status}>"

    # ------------------------------------------------------------ what is watched

    @property
    def _machine(self) -> Machine | None:
        return self._replay.machine

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
        return None if self._machine is None else self._replay.duration

    @property
    def where(self) -> str:
        """Who executes the run, for people, and what it asks there."""
        if self._has_left:
            return f"its process has died; take it up: %fluffy load {self.run_id}"
        if self.status is AgentStatus.RUNNING:
            asks = "".join(f"; {question}" for question in self._replay.asked.values())
            return f"watched; {self._holder or 'somebody'} runs it{asks}"
        return f"watched; kept in {self._store.path.name}"

    @property
    def states(self) -> Mapping[str, StateSpec]:
        """The states by name, without their code."""
        graph, states = self._states
        if graph is not self._replay.graph:
            graph = self._replay.graph
            states = MappingProxyType({name: _without_code(name) for name in graph.states})
            self._states = graph, states
        return states

    def spec(self, name: str) -> StateSpec | None:
        """The state of a name, as events have it; without its code."""
        graph, rest = self._replay.graph, name
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
        self._shown.update(self._replay.graph, self.taken_edges)
        return self._shown.graph

    def check(self) -> tuple[()]:
        """Nothing: who runs it was told what looks wrong."""
        return ()

    def explain_each(self, names: Iterable[str]) -> Mapping[str, str]:
        """Why states are where they are; see `WatchedFlow.explain_each`."""
        if self._machine is not None:
            for scope in self._machine.scopes.values():
                scope.joins.next_ready()  # has each join find out what it waits for
        return super().explain_each(names)

    # ------------------------------------------------------------ following

    async def follow(self, every: float = 0.2) -> None:
        """Take in what is written, until the run has completed; observers hear of it.

        Args:
            every: Seconds between two looks at the file while the run is active.

        Raises:
            StoreError: The file can't be read any more.
        """
        while True:
            await self.read()
            if self.status is AgentStatus.COMPLETED:
                return
            if self.status is AgentStatus.RUNNING and not self._holder:
                self._has_left = True
                self._observers.deliver(self._replay.leave())
            is_active = self.status is AgentStatus.RUNNING
            await asyncio.sleep(every if is_active else max(every, STANDING_SECONDS))

    async def read(self) -> None:
        """Take in what was written since the last time.

        Raises:
            StoreError: It can't be read, or the run was kept by a version that kept no graphs.
        """
        self._holder = self._store.holder(self.run_id)  # before: from nobody nothing comes after
        for number, row in enumerate(self._store.rows(self.run_id, self._replay.seq)):
            self._has_left = False
            for event in self._replay.take(row):
                self._observers.deliver(event)
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(0)

    def close(self) -> None:
        """Close the file."""
        self._store.close()


class _Shown:
    """The graph for pictures, made anew only where the run took an edge that it lacks."""

    def __init__(self) -> None:
        self.graph = self._kept = NO_GRAPH
        self._known: set[tuple[str, str]] = set()
        self._seen = 0  # taken edges that were looked at

    def update(self, kept: StateGraph, taken: Mapping[tuple[str, str], int]) -> None:
        """Take in a kept graph and the edges that the run took."""
        if kept is not self._kept or len(taken) < self._seen:
            self.graph = self._kept = kept
            self._known, self._seen = set(_edges_of(kept)), 0
        new = set(islice(taken, self._seen, None)) - self._known
        self._seen = len(taken)
        if new:
            self._known |= new
            self.graph = _with_taken(kept, taken)


def _edges_of(graph: StateGraph, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The edges that returns lead along, states inside agents by their whole names."""
    for edge in graph.edges:
        if edge.kind is not EdgeKind.DEPENDENCY:
            yield prefix + edge.source, prefix + edge.target
    for name, inner in graph.agents.items():
        yield from _edges_of(inner, f"{prefix}{name}/")


def _with_taken(graph: StateGraph, taken: Mapping[tuple[str, str], int]) -> StateGraph:
    """A graph with the edges that a run took although its code did not tell."""
    edges = {(edge.source, edge.target): edge for edge in graph.edges}
    for source, target in taken:
        kept = edges.get((source, target))
        told = kept is not None and kept.kind is not EdgeKind.DEPENDENCY
        led = is_led(source, target, graph.led, graph.dependencies)
        if source in graph.states and not told and not led:
            edges[source, target] = Edge(source, target, EdgeKind.TAKEN)
    # A graph that was changed meanwhile, or a file that was: what is no state is drawn as such.
    known = {*graph.states, *graph.undefined}
    lost = dict.fromkeys(edge.target for edge in edges.values() if edge.target not in known)
    agents = {
        name: _with_taken(inner, taken_inside(name, taken)) for name, inner in graph.agents.items()
    }
    undefined = (*graph.undefined, *lost)
    return replace(graph, edges=tuple(edges.values()), agents=agents, undefined=undefined)


def _without_code(name: str) -> StateSpec:
    return StateSpec(name, _elsewhere)


async def _elsewhere(context: Any) -> None:
    """Stands for a function that is where the run is executed."""
