"""What an agent is made of: its states in order, and the graph they form."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Unpack, cast

from fluffy_nb.engine.alike import alike, tell_form, twin
from fluffy_nb.engine.check import check_dependencies
from fluffy_nb.engine.graph import StateGraph, check_open, check_starts, matching, read_graph
from fluffy_nb.engine.returns import Reading, read
from fluffy_nb.engine.specs import Flow, StateFunction, StateSettings, StateSpec, as_it_is_now
from fluffy_nb.engine.templates import overlap
from fluffy_nb.errors import (
    AgentInItselfError,
    DuplicateStateError,
    NoStatesError,
    OverlappingTemplatesError,
    SameLookError,
    UndefinedTargetWarning,
    UnknownStateError,
    nearest,
    outside,
    template_remedy,
)

if TYPE_CHECKING:
    from fluffy_nb.engine.planning import Plan

MOST_GRAPHS = 4
"""Graphs that are kept: of the check before a run, of the run, and of its picture."""


class Definition:
    """The states of an agent.

    Args:
        agent: The agent's name, for messages.
        start: The start states where the agent names them.
        state_timeout: Seconds for an attempt of a state that has no timeout of its own.
    """

    def __init__(
        self, agent: str, start: tuple[str, ...] | None, state_timeout: float | None = None
    ) -> None:
        self.agent = agent
        self.start = start or None
        self.state_timeout = state_timeout
        self._specs: dict[str, StateSpec] = {}
        self.states: Mapping[str, StateSpec] = MappingProxyType(self._specs)
        self._agents: dict[str, Definition] = {}  # of the states that are agents
        self._readings: dict[str, Reading] = {}  # of the states whose code has been read
        self._names_of_agents: tuple[int, dict[int, str]] = -1, {}  # and for which version
        self._graphs: dict[object, StateGraph] = {}
        self.plan: Plan | None = None  # of the latest run; see `Routes`
        self._version = 0
        self._told: set[tuple[str, str]] = set()

    def add(
        self,
        name: str,
        function: StateFunction | Flow,
        *,
        replace: bool,
        **settings: Unpack[StateSettings],
    ) -> None:
        """Add a state at the end, or replace one where it stands.

        Raises:
            DuplicateStateError: There is one of this name, and `replace` is not set.
            StateFunctionError: The function does not take a context.
            InvalidSpecError: A setting is not what it must be.
            AgentInItselfError: The agent that is to be a state has this one inside.
            OverlappingTemplatesError: One name could be that of this template and of another.
            SameLookError: Its name differs from that of another state in Unicode form only.
        """
        spec = StateSpec(name, function, **settings)
        name = spec.name
        if name in self._specs and not replace:
            raise DuplicateStateError(self.agent, name)
        same_look = twin(name, self._specs)
        if same_look is not None:
            raise SameLookError(self.agent, name, same_look)
        if spec.flow is not None and self in set(inside(spec.flow.definition)):
            raise AgentInItselfError(self.agent, name)
        if spec.template is not None:
            self._check_template(spec)
        self._specs[name] = spec
        self._forget(name)
        if spec.flow is not None:
            self._agents[name] = spec.flow.definition

    def _check_template(self, spec: StateSpec) -> None:
        for other in self._specs.values():
            if other.template is not None and spec.template is not None and other.name != spec.name:
                example = overlap(spec.template, other.template)
                if example is not None:
                    raise OverlappingTemplatesError(spec.name, other.name, example)

    def remove(self, name: str) -> None:
        """Remove a state.

        Raises:
            UnknownStateError: There is none of this name.
        """
        if name not in self._specs:
            raise UnknownStateError(name, tuple(self._specs))
        del self._specs[name]
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._readings.pop(name, None)
        self._agents.pop(name, None)
        self._version += 1

    def reread(self) -> bool:
        """Forget what was read of code that has been swapped, or of values that are others now.

        `%autoreload` and the like give a function another code object. A run looks at the graph
        anew when it begins and when it goes on.

        Returns:
            Whether there was any, here or in an agent inside.
        """
        stale = {name for name, reading in self._readings.items() if not reading.is_current()}
        for name, spec in list(self._specs.items()):
            now = as_it_is_now(spec)
            if now is not spec:
                self._specs[name] = now
                stale.add(name)
        for name in stale:
            self._forget(name)
        inner = [s.flow.definition.reread() for s in self._specs.values() if s.flow is not None]
        return bool(stale) or any(inner)

    # ------------------------------------------------------------ names

    def spec(self, name: str) -> StateSpec | None:
        """The state of a name: the one so called, or the template that matches."""
        found = self._specs.get(name)
        if found is None:
            node = matching(name, self._templates())
            found = None if node is None else self._specs[node]
        return found

    def _templates(self) -> dict[str, Any]:
        return {n: s.template for n, s in self._specs.items() if s.template is not None}

    def state_of(self, agent: Flow) -> str:
        """The state that an agent is; one of its own name is added where there is none.

        Raises:
            DuplicateStateError: Another state has the agent's name.
        """
        found = next((name for name, spec in self._specs.items() if spec.flow is agent), None)
        if found is None:
            found = str(agent.definition.agent)
            self.add(found, agent, replace=False, next=())
        return found

    # ------------------------------------------------------------ the graph

    @property
    def version(self) -> tuple[int, ...]:
        """Changes when a state is added, replaced or removed, here or in an agent inside."""
        return tuple(definition._version for definition in inside(self))  # noqa: SLF001 - its own class

    def graph(
        self,
        starts: tuple[str, ...] | None = None,
        taken: Mapping[tuple[str, str], int] | None = None,
    ) -> StateGraph:
        """The graph of the states, with the edges a run took.

        Args:
            starts: The start states where the caller names them.
            taken: How often each edge was taken; states of agents inside by their whole names.
        """
        starts = starts or self.start
        taken = taken or {}
        names_of_agents = self._find_agents()
        key = (starts, frozenset(taken), self.version)
        graph = self._graphs.get(key)
        if graph is None:
            agents = {
                name: spec.flow.definition.graph(None, taken_inside(name, taken))
                for name, spec in self._specs.items()
                if spec.flow is not None
            }
            graph = self._read_graph(starts, taken, agents, names_of_agents)
            if graph.open and self._read_declared():  # then it matters whether some state forks
                graph = self._read_graph(starts, taken, agents, names_of_agents)
            while len(self._graphs) >= MOST_GRAPHS:
                del self._graphs[next(iter(self._graphs))]
            self._graphs[key] = graph
            if starts is None:  # a run that starts where it was found has the same graph
                self._graphs[(graph.starts, *key[1:])] = graph
        return graph

    def _find_agents(self) -> dict[int, str]:
        """The state that each agent is which some return goes to, by the agent's `id()`.

        Looked up once for each version: pictures ask for the graph many times a second.
        """
        version, names = self._names_of_agents
        if version != self._version:
            names = {id(agent): self.state_of(agent) for agent in self._agents_named()}
            self._names_of_agents = self._version, names
        return names

    def _read_graph(self, starts: tuple[str, ...] | None, *parts: Any) -> StateGraph:
        returns = {name: reading.returns for name, reading in self._readings.items()}
        taken, agents, names_of_agents = parts
        return read_graph(self._specs, starts, taken, returns, agents, names_of_agents)

    def _agents_named(self) -> Iterator[Flow]:
        """The agents that some return goes to; reads the code that has not been read yet.

        What a state declares wins over its code, which is slow to read: that is left alone.
        """
        for name, spec in list(self._specs.items()):
            if spec.next is None and spec.flow is None and name not in self._readings:
                self._readings[name] = read(spec.function, (Flow,))
        for reading in list(self._readings.values()):
            yield from (cast("Flow", agent) for agent, _ in reading.returns.agents)

    def _read_declared(self) -> bool:
        """Read the code of the other states too; False where it has been read."""
        unread = {
            name: spec.function
            for name, spec in self._specs.items()
            if spec.flow is None and name not in self._readings
        }
        self._readings |= {name: read(code, (Flow,)) for name, code in unread.items()}
        return bool(unread)

    def _tell_forms(self) -> None:
        for state, reading in self._readings.items():
            for target in reading.returns.targets:
                meant = None if self.spec(target) else alike(target, self._specs)
                if meant is not None:
                    self.tell_form(state, target, meant)

    def tell_form(self, state: str, target: str, meant: str) -> None:
        """Say once that a state leads to a name that is another in Unicode form only."""
        if (state, target) not in self._told:
            self._told.add((state, target))
            tell_form(state, target, meant)

    def check(self, starts: tuple[str, ...] | None) -> tuple[str, ...]:
        """Refuse what can't run, warn of what looks wrong, and say where a run starts.

        Args:
            starts: The start states where the caller names them.

        Returns:
            The start states.

        Raises:
            NoStatesError: There are no states.
            UnknownStateError: A start state is none of them.
            AmbiguousStartError: Where to start can't be told.
            OpenStateError: A flow that forks has states whose successors can't be read.
            DependencyError: A dependency is no state, or they need each other in a circle.
        """
        if not self._specs:
            raise NoStatesError(self.agent)
        self.reread()
        starts = starts or self.start
        for name in starts or ():
            if self.spec(name) is None:
                raise UnknownStateError(name, tuple(self._specs))
        graph = self.graph(starts)
        check_dependencies(graph)
        if starts is None:
            check_starts(graph)
        check_open(graph)
        for spec in self._specs.values():
            if spec.flow is not None:
                spec.flow.definition.check(None)
        self._tell_forms()
        for target in graph.undefined:
            source = next(edge.source for edge in graph.edges if edge.target == target)
            warnings.warn(
                f"state {source!r} of agent {self.agent!r} can return {target!r}, which is no "
                f"state ({nearest(target, graph.states)}); the run fails if it gets there."
                + template_remedy(target, graph.states),
                UndefinedTargetWarning,
                stacklevel=outside(),
            )
        return graph.starts


def inside(definition: Definition) -> Iterator[Definition]:
    """A definition and those of the agents in it, at any depth."""
    yield definition
    for agent in definition._agents.values():  # noqa: SLF001 - its own class
        yield from inside(agent)


def taken_inside(name: str, taken: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """The edges taken inside an agent that is a state, by its own names."""
    prefix = f"{name}/"
    return {
        (source.removeprefix(prefix), target.removeprefix(prefix)): number
        for (source, target), number in taken.items()
        if source.startswith(prefix) and target.startswith(prefix)
    }
