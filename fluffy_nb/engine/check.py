"""What is wrong, or looks wrong, with a flow before it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fluffy_nb.engine.dependencies import DependencyType
from fluffy_nb.engine.graph import StateGraph
from fluffy_nb.engine.loops import components
from fluffy_nb.engine.resources import ResourcePool
from fluffy_nb.engine.specs import StateSpec
from fluffy_nb.errors import (
    DependencyCycleError,
    UnknownDependencyError,
    listed,
    nearest,
    visible_lines,
)


@dataclass(frozen=True, slots=True)
class Note:
    """Something that looks wrong with a flow.

    Args:
        state: The state it is about; empty for the whole flow.
        text: What it is and what to do.
        serious: Whether a run would be refused because of it.
    """

    state: str
    text: str
    serious: bool = False

    def __str__(self) -> str:
        return visible_lines(f"{self.state}: {self.text}" if self.state else self.text)


def check_dependencies(graph: StateGraph) -> None:
    """Refuse dependencies that can't be satisfied (semantics 6.3).

    Raises:
        UnknownDependencyError: One is no state, or a PARALLEL one is a template.
        DependencyCycleError: States need each other in a circle.
    """
    for state, name in _unknown(graph):
        raise UnknownDependencyError(state, name, graph.states)
    cycle = _cycle(graph)
    if cycle:
        raise DependencyCycleError(cycle)


def _unknown(graph: StateGraph) -> Iterator[tuple[str, str]]:
    for state, dependencies in graph.dependencies.items():
        for name, dependency in dependencies.items():
            parallel = dependency.type is DependencyType.PARALLEL
            if name not in graph.states or (parallel and name in graph.templates):
                yield state, name


def _cycle(graph: StateGraph) -> list[str]:
    """States that need each other in a circle, the first one again at the end."""
    needs: dict[str, list[str]] = {
        state: [
            name
            for name, dependency in dependencies.items()
            if dependency.type is DependencyType.REQUIRED
        ]
        for state, dependencies in graph.dependencies.items()
    }
    for part in components(needs, needs):
        if len(part) > 1:
            return _around(part, needs)
    return []


def _around(part: list[str], needs: Mapping[str, list[str]]) -> list[str]:
    """One circle among states that all need each other."""
    path = [part[0]]
    while True:
        following = next(name for name in needs[path[-1]] if name in part)
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)


def check(
    graph: StateGraph,
    specs: Mapping[str, StateSpec],
    pool: ResourcePool | None,
    machine: ResourcePool,
) -> tuple[Note, ...]:
    """Everything that looks wrong, most serious first.

    Args:
        graph: The flow.
        specs: Its states.
        pool: What the agent's states can take together, where it says so.
        machine: What this machine has.

    Returns:
        One note for each thing; empty where nothing looks wrong.
    """
    if not specs:
        return (Note("", "there are no states; add one with add_state(name, function)", True),)
    notes = [*_about_dependencies(graph), *_about_edges(graph), *_about_reach(graph)]
    notes += _about_resources(specs, pool, machine)
    return tuple(sorted(notes, key=lambda note: not note.serious))


def _about_dependencies(graph: StateGraph) -> Iterator[Note]:
    for state, name in _unknown(graph):
        text = f"depends on {name!r}, which is no state that can be: {nearest(name, graph.states)}"
        yield Note(state, text, serious=True)
    cycle = _cycle(graph)
    if cycle:
        yield Note(cycle[0], f"needs itself: {' needs '.join(cycle)}", serious=True)


def _about_edges(graph: StateGraph) -> Iterator[Note]:
    dependencies = {name for _, name in _unknown(graph)}
    for target in graph.undefined:
        if target in dependencies:
            continue
        source = next(edge.source for edge in graph.edges if edge.target == target)
        yield Note(
            source,
            f"can lead to {target!r}, which is no state: {nearest(target, graph.states)}",
            serious=len(graph.starts) > 1,
        )
    forks = bool(graph.forks) or len(graph.starts) > 1
    for state, why in graph.open.items():
        text = f"where it leads can't be read from its code ({why}); declare it with next=[...]"
        yield Note(state, text, serious=forks)


def _about_reach(graph: StateGraph) -> Iterator[Note]:
    if not graph.starts:
        yield Note("", "no state can start; name one with run(start=...)", serious=True)
    leads = graph.successors()
    reached = set(graph.starts)
    rim = list(reached)
    while rim:
        for target in leads.get(rim.pop(), ()):
            if target not in reached:
                reached.add(target)
                rim.append(target)
    if graph.open:
        return  # an open state may lead anywhere
    for state in graph.states:
        if state not in reached:
            yield Note(state, f"is never reached from {listed(graph.starts)}")


def _about_resources(
    specs: Mapping[str, StateSpec], pool: ResourcePool | None, machine: ResourcePool
) -> Iterator[Note]:
    for name, spec in specs.items():
        lacks = (pool or machine).lacks(spec.resources)
        if lacks and pool is not None:
            yield Note(name, f"needs {lacks}, more than the pool has", serious=True)
        elif lacks:
            known = "more than this machine is known to have"
            yield Note(name, f"needs {lacks}, {known}: it will run alone")
