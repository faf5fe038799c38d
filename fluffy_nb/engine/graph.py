"""The state graph: where each state can lead, how that is known, and where a run starts."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fluffy_nb.engine.loops import components
from fluffy_nb.engine.returns import Returns, read_returns
from fluffy_nb.engine.specs import StateSpec
from fluffy_nb.errors import AmbiguousStartError, OpenStateError


class EdgeKind(StrEnum):
    """How an edge is known."""

    DECLARED = "declared"
    INFERRED = "inferred"
    DEPENDENCY = "dependency"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Edge:
    """One state can lead to another."""

    source: str
    target: str
    kind: EdgeKind


@dataclass(frozen=True, slots=True)
class StateGraph:
    """What is known of a flow before, and during, a run.

    Args:
        states: The names of the states, in the order they were added.
        edges: Where they can lead; a target may be undefined.
        starts: Where a run starts.
        undefined: Names that edges lead to and that are no states.
        open: States whose successors can't be read, and why.
        forks: States that can return several names, and the return that does.
    """

    states: tuple[str, ...]
    edges: tuple[Edge, ...]
    starts: tuple[str, ...]
    undefined: tuple[str, ...]
    open: Mapping[str, str]
    forks: Mapping[str, str]

    def successors(self) -> dict[str, list[str]]:
        """The defined states each state can lead to."""
        known = set(self.states)
        leads: dict[str, list[str]] = {state: [] for state in self.states}
        for edge in self.edges:
            if edge.target in known:
                leads[edge.source].append(edge.target)
        return leads


def read_graph(
    specs: Mapping[str, StateSpec],
    starts: Sequence[str] | None,
    taken: Iterable[tuple[str, str]] = (),
    returns: dict[str, Returns] | None = None,
) -> StateGraph:
    """Build the graph of some states from what they declare, their code, and a run.

    Args:
        specs: The states, in order.
        starts: The start states where they are named; None lets them be found (`find_starts`).
        taken: Edges that a run took.
        returns: What was read of the states' functions before; added to.

    Returns:
        The graph, its start states marked.
    """
    returns = {} if returns is None else returns
    edges: dict[tuple[str, str], Edge] = {}
    opened: dict[str, str] = {}
    forks: dict[str, str] = {}
    for name, spec in specs.items():
        read = returns.get(name)
        if read is None:
            read = returns[name] = read_returns(spec.function)
        if read.forks:
            forks[name] = read.forks
        if spec.next is not None:
            kind, targets = EdgeKind.DECLARED, list(spec.next)
        else:
            kind, targets = EdgeKind.INFERRED, list(read.targets)
            targets += [other for other in specs if any(p.fullmatch(other) for p in read.patterns)]
            if read.unreadable:
                opened[name] = read.unreadable
        for target in targets:
            edges.setdefault((name, target), Edge(name, target, kind))
    for source, target in taken:
        if source in specs:
            edges.setdefault((source, target), Edge(source, target, EdgeKind.TAKEN))
    undefined = tuple(dict.fromkeys(e.target for e in edges.values() if e.target not in specs))
    graph = StateGraph(tuple(specs), tuple(edges.values()), (), undefined, opened, forks)
    found = tuple(starts) if starts is not None else find_starts(graph)
    return StateGraph(graph.states, graph.edges, found, undefined, opened, forks)


def find_starts(graph: StateGraph) -> tuple[str, ...]:
    """The first state of every part of the graph that nothing outside it leads to.

    A part is one state, or states that lead to each other in a circle.
    """
    successors = graph.successors()
    parts = components(graph.states, successors)
    part_of = {state: number for number, part in enumerate(parts) for state in part}
    led_to = {
        part_of[target]
        for source, targets in successors.items()
        for target in targets
        if part_of[source] != part_of[target]
    }
    place = {state: number for number, state in enumerate(graph.states)}
    firsts = [min(part, key=place.__getitem__) for n, part in enumerate(parts) if n not in led_to]
    return tuple(sorted(firsts, key=place.__getitem__))


def check_starts(graph: StateGraph) -> None:
    """Refuse to guess where to start when a misspelt target may be the reason for a start.

    Raises:
        AmbiguousStartError: Several states would start and some return names no state.
    """
    if len(graph.starts) > 1 and graph.undefined:
        target = graph.undefined[0]
        source = next(edge.source for edge in graph.edges if edge.target == target)
        close = difflib.get_close_matches(target, graph.states, n=3, cutoff=0.5)
        raise AmbiguousStartError(graph.starts, source, target, close or graph.states)


def check_open(graph: StateGraph, forks: str = "") -> None:
    """Refuse open states in a flow that can have several branches.

    Args:
        graph: The flow.
        forks: Why it has several branches, where a run has shown it.

    Raises:
        OpenStateError: There are open states, and the flow forks or starts in several places.
    """
    if not graph.open:
        return
    if not forks and graph.forks:
        state, what = next(iter(graph.forks.items()))
        forks = f"state {state!r}: {what}"
    if not forks and len(graph.starts) > 1:
        forks = f"it starts at {', '.join(map(repr, graph.starts))}"
    if forks:
        state, why = next(iter(graph.open.items()))
        raise OpenStateError(state, why, forks, [s for s in graph.states if s != state])
