"""From a definition to the graph that the machine decides by."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fluffy_nb.engine.definition import Definition, inside
from fluffy_nb.engine.dependencies import DependencyType
from fluffy_nb.engine.graph import EdgeKind, StateGraph
from fluffy_nb.engine.resources import NOTHING, ResourcePool, ResourceRequirements, machine_pool
from fluffy_nb.engine.topology import Rules, Topology
from fluffy_nb.errors import LargeStateWarning, ResourceError, outside

Sent = Mapping[int, Collection[str]]
"""By the `id()` of a definition, the states that a run has sent branches to."""


NO_NEEDS: Mapping[str, ResourceRequirements] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Plan:
    """The graph that runs of a flow begin with, kept for the next of them.

    Args:
        key: The start states, and the version of the flow.
        topology: What joins and dependencies ask.
        is_open: Whether where some state leads can't be read.
    """

    key: object
    topology: Topology
    is_open: bool


def topology_of(
    definition: Definition, graph: StateGraph, sent: Sent, lacking: Iterable[str] = ()
) -> Topology:
    """The graph of a flow as joins see it, with those of the agents inside.

    Args:
        definition: The flow.
        graph: Its graph.
        sent: States that `Send`s led to although the code did not tell.
        lacking: States that branches stand at and the flow lacks; reported when they are needed.

    Returns:
        The topology; states that are not there lead nowhere.
    """
    agents = {
        name: topology_of(spec.flow.definition, graph.agents[name], sent)
        for name, spec in definition.states.items()
        if spec.flow is not None
    }
    needs = {
        name: spec.resources
        for name, spec in definition.states.items()
        if spec.resources != NOTHING
    }
    return topology_from(graph, agents, needs, sent.get(id(definition), ()), lacking)


def topology_from(
    graph: StateGraph,
    agents: Mapping[str, Topology],
    needs: Mapping[str, ResourceRequirements] = NO_NEEDS,
    sent: Collection[str] = (),
    lacking: Iterable[str] = (),
) -> Topology:
    """The graph of one agent as joins see it.

    Args:
        graph: Its graph.
        agents: What the states that are agents come to.
        needs: What the states take.
        sent: As above, of this agent.
        lacking: As above.
    """
    successors = graph.successors()
    missing = dict.fromkeys(name for name in lacking if name not in successors)
    states = [*graph.states, *missing]
    rules = Rules(
        joins=graph.joins,
        dependencies=graph.dependencies,
        needs=needs,
        templates=graph.templates,
        agents=agents,
        sent=graph.sent | set(sent),
        led=graph.led,
        optional=optional_in(graph),
    )
    return Topology(
        states,
        {name: successors.get(name, []) for name in states},
        [name for name in graph.starts if name in states],
        rules,
    )


def optional_in(graph: StateGraph) -> dict[str, tuple[str, ...]]:
    """The states that are there for nothing but being an OPTIONAL dependency (semantics 6).

    Returns:
        Each with the state that it returns, if any: this depends on it as OPTIONAL too.
    """
    types: dict[str, dict[str, DependencyType]] = {}
    for dependent, dependencies in graph.dependencies.items():
        for state, dependency in dependencies.items():
            types.setdefault(state, {})[dependent] = dependency.type
    found = {}
    for state, dependents in types.items():
        is_optional = all(each is DependencyType.OPTIONAL for each in dependents.values())
        if is_optional and state not in graph.open and state not in graph.agents:
            ways = [
                edge.target
                for edge in graph.edges
                if edge.source == state and edge.kind is not EdgeKind.DEPENDENCY
            ]
            # Of a template nobody knows which of its names would have been returned.
            is_known = graph.templates.keys().isdisjoint(ways)
            if len(ways) < 2 and dependents.keys() >= set(ways) and is_known:
                found[state] = tuple(ways)
    return found


def is_open(graph: StateGraph) -> bool:
    """Whether where some state leads can't be read, at any depth."""
    return bool(graph.open) or any(map(is_open, graph.agents.values()))


def pool_for(definition: Definition, pool: ResourcePool | None) -> ResourcePool:
    """What the states of a run can take together (semantics 7.4).

    Args:
        definition: The flow.
        pool: What its agent says there is; None for what the machine has.

    Raises:
        ResourceError: A state needs more than the pool will ever have.
    """
    needs = {
        name: spec.resources
        for each in inside(definition)
        for name, spec in each.states.items()
        if spec.resources
    }
    if not needs:
        return pool or ResourcePool()
    whole = pool or machine_pool()
    for name, needed in needs.items():
        lacks = whole.lacks(needed)
        if lacks and pool is not None:
            raise ResourceError(name, lacks)
        if lacks:
            warnings.warn(
                f"state {name!r} of agent {definition.agent!r} needs more than this machine is "
                f"known to have ({lacks}); it runs alone. Say what there is: "
                "Agent(resources=ResourcePool(...)).",
                LargeStateWarning,
                stacklevel=outside(),
            )
    return whole
