"""A run's graph as plain data: so that who watches a run need not have its code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluffy_nb.engine.dependencies import Dependency, DependencyLifecycle, DependencyType
from fluffy_nb.engine.graph import Edge, EdgeKind, StateGraph
from fluffy_nb.engine.planning import topology_from
from fluffy_nb.engine.templates import Template, is_template
from fluffy_nb.engine.topology import Topology

ITEM = "g"
"""The item of a row's progress that holds the graph, where it is new or has changed."""


def graph_data(graph: StateGraph) -> dict[str, Any]:
    """A graph as plain data, with those of the agents inside.

    Args:
        graph: Of an agent.
    """
    return {
        "states": list(graph.states),
        "edges": [[edge.source, edge.target, edge.kind.value] for edge in graph.edges],
        "starts": list(graph.starts),
        "undefined": list(graph.undefined),
        "open": dict(graph.open),
        "joins": dict(graph.joins),
        "dependencies": {
            state: {
                other: [needed.type, needed.lifecycle, needed.expiry, needed.even_if_failed]
                for other, needed in dependencies.items()
            }
            for state, dependencies in graph.dependencies.items()
        },
        "agents": {state: graph_data(inner) for state, inner in graph.agents.items()},
        "sent": sorted(graph.sent),
        "led": sorted(graph.led),
    }


def graph_from(data: Mapping[str, Any]) -> StateGraph:
    """The graph that `graph_data` was called on, also after a way through JSON.

    Raises:
        KeyError, TypeError, ValueError: It gives no such data, or names what is no state.
    """
    states = set(data["states"])
    targets = states | set(data["undefined"])
    # The starts may be others: an agent that takes up a run can lack the states where it began.
    named = {*data["joins"], *data["dependencies"], *data["agents"]}
    named.update(source for source, _, _ in data["edges"])
    if not named <= states or any(target not in targets for _, target, _ in data["edges"]):
        raise ValueError("a graph has edges or joins at what is no state")
    return StateGraph(
        tuple(data["states"]),
        tuple(Edge(source, target, EdgeKind(kind)) for source, target, kind in data["edges"]),
        tuple(data["starts"]),
        tuple(data["undefined"]),
        data["open"],
        {},
        data["joins"],
        {
            state: {
                other: Dependency(DependencyType(kind), DependencyLifecycle(life), *rest)
                for other, (kind, life, *rest) in dependencies.items()
            }
            for state, dependencies in data["dependencies"].items()
        },
        {state: Template(state) for state in data["states"] if is_template(state)},
        {state: graph_from(inner) for state, inner in data["agents"].items()},
        frozenset(data["sent"]),
        frozenset(data["led"]),
    )


def topology_of(graph: StateGraph) -> Topology:
    """What the machine needs to take in the events of a run on this graph."""
    return topology_from(
        graph, {state: topology_of(inner) for state, inner in graph.agents.items()}
    )
