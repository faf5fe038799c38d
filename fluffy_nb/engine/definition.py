"""What an agent is made of: its states in order, and the graph they form."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from fluffy_nb.engine.graph import StateGraph, check_open, check_starts, read_graph
from fluffy_nb.engine.returns import Returns
from fluffy_nb.engine.specs import StateFunction, StateSpec, declared_next
from fluffy_nb.errors import (
    DuplicateStateError,
    NoStatesError,
    UndefinedTargetWarning,
    UnknownStateError,
    nearest,
)


class Definition:
    """The states of an agent.

    Args:
        agent: The agent's name, for messages.
        start: The start states where the agent names them.
    """

    def __init__(self, agent: str, start: tuple[str, ...] | None) -> None:
        self.agent = agent
        self.start = start or None
        self._specs: dict[str, StateSpec] = {}
        self.states: Mapping[str, StateSpec] = MappingProxyType(self._specs)
        self._returns: dict[str, Returns] = {}  # of the states whose code has been read
        self._graphs: dict[object, StateGraph] = {}

    def add(
        self,
        name: str,
        function: StateFunction,
        following: Iterable[str] | str | None,
        *,
        replace: bool,
    ) -> None:
        """Add a state at the end, or replace one where it stands.

        Raises:
            DuplicateStateError: There is one of this name, and `replace` is not set.
            StateFunctionError: The function does not take a context.
            InvalidSpecError: The name or what follows is not what it must be.
        """
        spec = StateSpec(name, function, declared_next(name, following))
        if name in self._specs and not replace:
            raise DuplicateStateError(self.agent, name)
        self._specs[name] = spec
        self._forget(name)

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
        self._returns.pop(name, None)
        self._graphs.clear()

    def graph(
        self,
        starts: tuple[str, ...] | None = None,
        taken: Mapping[tuple[str, str], int] | None = None,
    ) -> StateGraph:
        """The graph of the states, with the edges a run took."""
        starts = starts or self.start
        key = (starts, frozenset(taken or ()))
        graph = self._graphs.get(key)
        if graph is None:
            graph = read_graph(self._specs, starts, taken or (), self._returns)
            self._graphs = {key: graph}  # the latest is the one that is asked for again
        return graph

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
        """
        if not self._specs:
            raise NoStatesError(self.agent)
        starts = starts or self.start
        for name in starts or ():
            if name not in self._specs:
                raise UnknownStateError(name, tuple(self._specs))
        graph = self.graph(starts)
        if starts is None:
            check_starts(graph)
        check_open(graph)
        for target in graph.undefined:
            source = next(edge.source for edge in graph.edges if edge.target == target)
            warnings.warn(
                f"state {source!r} of agent {self.agent!r} can return {target!r}, which is no "
                f"state ({nearest(target, graph.states)}); the run fails if it gets there.",
                UndefinedTargetWarning,
                stacklevel=4,
            )
        return graph.starts
