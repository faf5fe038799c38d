"""The state graph: where each state can lead, how that is known, and where a run starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from fluffy_nb.engine.alike import alike
from fluffy_nb.engine.dependencies import Dependency, DependencyType
from fluffy_nb.engine.loops import components
from fluffy_nb.engine.returns import Returns
from fluffy_nb.engine.specs import StateSpec
from fluffy_nb.engine.templates import Template, may_name
from fluffy_nb.errors import AmbiguousStartError, OpenStateError


class EdgeKind(StrEnum):
    """How an edge is known."""

    DECLARED = "declared"
    INFERRED = "inferred"
    HANDLER = "on_error"
    DEPENDENCY = "dependency"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Edge:
    """One state can lead to another, or one must have run before another."""

    source: str
    target: str
    kind: EdgeKind


@dataclass(frozen=True, slots=True)
class StateGraph:
    """What is known of a flow before, and during, a run.

    Args:
        states: The names of the states, in the order they were added.
        edges: Where they can lead, and from each dependency to its dependent (from a dependent to
            what is PARALLEL to it); a target may be undefined.
        starts: Where a run starts.
        undefined: Names that edges lead to and that are no states.
        open: States whose successors can't be read, and why.
        forks: States that can return several names, and the return that does.
        joins: The join mode of each state that has another than "all".
        dependencies: By dependent state, then by the state it depends on.
        templates: The states whose names have placeholders, and what matches them.
        agents: The states that are agents, each with the graph inside.
        sent: States that a `Send` or a failure can lead to.
        led: States that no return leads to and whose dependencies do.
    """

    states: tuple[str, ...]
    edges: tuple[Edge, ...]
    starts: tuple[str, ...]
    undefined: tuple[str, ...]
    open: Mapping[str, str]
    forks: Mapping[str, str]
    joins: Mapping[str, str] = field(default_factory=dict)
    dependencies: Mapping[str, Mapping[str, Dependency]] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)
    agents: Mapping[str, StateGraph] = field(default_factory=dict)
    sent: frozenset[str] = frozenset()
    led: frozenset[str] = frozenset()

    def successors(self) -> dict[str, list[str]]:
        """The defined states that a branch at each state can lead to."""
        known = set(self.states)
        leads: dict[str, dict[str, None]] = {state: {} for state in self.states}
        for edge in self.edges:
            if edge.target not in known or edge.source not in known:
                continue
            if edge.kind is EdgeKind.DEPENDENCY and not self._goes(edge):
                continue
            leads[edge.source][edge.target] = None
        return {state: list(targets) for state, targets in leads.items()}

    def _goes(self, edge: Edge) -> bool:
        """Whether a branch goes along a dependency: to a state that nothing else leads to."""
        given = self.dependencies.get(edge.source, {}).get(edge.target)
        if given is not None and given.type is DependencyType.PARALLEL:
            return True
        return edge.target in self.led


def read_graph(
    specs: Mapping[str, StateSpec],
    starts: Sequence[str] | None,
    taken: Iterable[tuple[str, str]],
    returns: Mapping[str, Returns],
    agents: Mapping[str, StateGraph],
    names_of_agents: Mapping[int, str],
) -> StateGraph:
    """Build the graph of some states from what they declare, their code, and a run.

    Args:
        specs: The states, in order.
        starts: The start states where they are named; None lets them be found (`find_starts`).
        taken: Edges that a run took.
        returns: What was read of the states' functions.
        agents: The graphs of the states that are agents.
        names_of_agents: The state that each of these agents is, by the agent's `id()`.

    Returns:
        The graph, its start states marked.
    """
    templates = {name: spec.template for name, spec in specs.items() if spec.template is not None}
    edges: dict[tuple[str, str], Edge] = {}
    opened: dict[str, str] = {}
    forks: dict[str, str] = {}
    sent: set[str] = set()

    def resolved(target: str) -> str:
        return target if target in specs else matching(target, templates) or target

    def add(source: str, target: str, kind: EdgeKind) -> None:
        edges.setdefault((source, target), Edge(source, target, kind))

    for name, spec in specs.items():
        read = returns.get(name, _NOTHING_READ)
        if read.forks:
            forks[name] = read.forks
        if spec.next is not None:
            for declared in spec.next:
                for target in _possible(declared, specs, templates):
                    add(name, target, EdgeKind.DECLARED)
            if len(spec.next) > 1 and spec.flow is not None:
                forks[name] = f"next={list(spec.next)}"
        else:
            for target in _read_targets(read, specs, templates):
                add(name, target, EdgeKind.INFERRED)
            for agent, _ in read.agents:
                add(name, names_of_agents[id(agent)], EdgeKind.INFERRED)
            if read.unreadable:
                opened[name] = read.unreadable
        for sending in read.sends:
            sent.update(_possible(sending, specs, templates))
        if spec.on_error is not None:
            handler = resolved(spec.on_error)
            add(name, handler, EdgeKind.HANDLER)
            sent.add(handler)
    returned = {edge.target for edge in edges.values()}
    dependencies = {name: spec.dependencies for name, spec in specs.items() if spec.dependencies}
    led = frozenset(name for name in dependencies if name not in returned)
    for source, target in taken:
        if source in specs and not is_led(source, target, led, dependencies):
            add(source, target, EdgeKind.TAKEN)
    for name, needed in dependencies.items():
        for other, dependency in needed.items():
            if dependency.type is DependencyType.PARALLEL:
                add(name, other, EdgeKind.DEPENDENCY)
                sent.add(other)
            else:
                add(other, name, EdgeKind.DEPENDENCY)
    graph = StateGraph(
        tuple(specs),
        tuple(edges.values()),
        (),
        tuple(dict.fromkeys(e.target for e in edges.values() if e.target not in specs)),
        opened,
        forks,
        {name: spec.join for name, spec in specs.items() if spec.join != "all"},
        dependencies,
        templates,
        agents,
        frozenset(sent),
        led,
    )
    return replace(graph, starts=tuple(starts) if starts is not None else find_starts(graph))


def is_led(
    source: str,
    target: str,
    led: frozenset[str],
    dependencies: Mapping[str, Mapping[str, Dependency]],
) -> bool:
    """Whether a branch goes from one state to the other because this depends on that."""
    return target in led and source in dependencies[target]


_NOTHING_READ = Returns()


def matching(name: str, templates: Mapping[str, Template]) -> str | None:
    """The template that matches a name; None where none does."""
    return next((state for state, template in templates.items() if template.match(name)), None)


def _read_targets(
    read: Returns, specs: Mapping[str, StateSpec], templates: Mapping[str, Template]
) -> Iterable[str]:
    """The states that a function can lead to, and the names it returns that are no states."""
    for target in (*read.targets, *read.patterns):
        yield from _possible(target, specs, templates)


def _possible(
    target: object, specs: Mapping[str, StateSpec], templates: Mapping[str, Template]
) -> Iterable[str]:
    """The states that a name or an f-string's pattern can mean."""
    if isinstance(target, str):
        known = target if target in specs else matching(target, templates)
        return [known or alike(target, specs) or target]
    return [
        name
        for name in specs
        if (may_name(target, templates[name]) if name in templates else target.fullmatch(name))  # type: ignore[attr-defined,arg-type]  # a pattern
    ]


def find_starts(graph: StateGraph) -> tuple[str, ...]:
    """The first state of every part of the graph that nothing outside it leads to.

    A part is one state, or states that lead to each other in a circle; its first state is the one
    added first that depends on nothing inside. Templates never start.
    """
    known = set(graph.states)
    leads: dict[str, list[str]] = {state: [] for state in graph.states}
    for edge in graph.edges:
        if edge.source in known and edge.target in known:
            leads[edge.source].append(edge.target)
    parts = components(graph.states, leads)
    part_of = {state: number for number, part in enumerate(parts) for state in part}
    led_to = {
        part_of[target]
        for source, targets in leads.items()
        for target in targets
        if part_of[source] != part_of[target]
    }
    place = {state: number for number, state in enumerate(graph.states)}
    firsts = [
        _first(part, place, graph)
        for number, part in enumerate(parts)
        if number not in led_to and not all(state in graph.templates for state in part)
    ]
    return tuple(sorted(firsts, key=place.__getitem__))


def _first(part: Sequence[str], place: Mapping[str, int], graph: StateGraph) -> str:
    def later(state: str) -> tuple[bool, bool, int]:
        needed = [
            other
            for other, dependency in graph.dependencies.get(state, {}).items()
            if dependency.type is not DependencyType.PARALLEL
        ]
        return state in graph.templates, not set(part).isdisjoint(needed), place[state]

    return min(part, key=later)


def check_starts(graph: StateGraph) -> None:
    """Refuse to guess where to start when a misspelt target may be the reason for a start.

    Raises:
        AmbiguousStartError: Several states would start and some return names no state.
    """
    undefined = [name for name in graph.undefined if not _is_only_needed(graph, name)]
    if len(graph.starts) > 1 and undefined:
        target = undefined[0]
        source = next(edge.source for edge in graph.edges if edge.target == target)
        from difflib import get_close_matches  # noqa: PLC0415 - as in `nearest`

        close = get_close_matches(target, graph.states, n=3, cutoff=0.5)
        raise AmbiguousStartError(graph.starts, source, target, close or graph.states)


def _is_only_needed(graph: StateGraph, name: str) -> bool:
    """Whether only dependencies speak of a name: those are refused with an error of their own."""
    return all(e.kind is EdgeKind.DEPENDENCY for e in graph.edges if e.target == name)


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
