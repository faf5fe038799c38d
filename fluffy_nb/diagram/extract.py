"""From an agent, through its public names, to what a picture of it shows."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING

from fluffy_nb.diagram.model import Diagram, Edge, Node, node_ids
from fluffy_nb.engine.metadata import StateMetadata
from fluffy_nb.engine.status import StateStatus

if TYPE_CHECKING:
    from fluffy_nb.engine.agent import Agent
    from fluffy_nb.engine.graph import StateGraph

_STANDING = {StateStatus.PENDING, StateStatus.BLOCKED}
_BROKEN = {StateStatus.FAILED, StateStatus.TIMEOUT}
_ENDED = {StateStatus.COMPLETED, StateStatus.CANCELLED, *_BROKEN}


def topology(agent: Agent) -> Hashable:
    """What a drawing has to be made anew for when it changes.

    Args:
        agent: Whose graph.

    Returns:
        A key to compare; statuses and counts are no part of it.
    """
    graph = agent.state_graph
    marks = (graph.starts, graph.undefined, tuple(graph.open.items()))
    return (agent.name, graph.states, graph.edges, *marks)


def extract(agent: Agent) -> Diagram:
    """The diagram of an agent as it is now.

    Args:
        agent: Whose graph.

    Returns:
        The diagram: equal ones look the same.
    """
    graph, taken = agent.state_graph, agent.taken_edges
    edges = (
        Edge(edge.source, edge.target, edge.kind, taken.get((edge.source, edge.target), 0))
        for edge in graph.edges
    )
    names = (*graph.states, *graph.undefined)
    return Diagram(agent.name, tuple(nodes(agent, graph, names).values()), tuple(edges))


def nodes(agent: Agent, graph: StateGraph, names: Iterable[str]) -> dict[str, Node]:
    """Some nodes of an agent's diagram, by id.

    Args:
        agent: Whose graph.
        graph: Its graph, at the same moment.
        names: Which ones; names that are not in the graph are left out.

    Returns:
        For each id the node, in the order of `names`.
    """
    metadata = agent.state_metadata
    ids = node_ids((*graph.states, *graph.undefined))
    undefined, starts = set(graph.undefined), set(graph.starts)
    found = {}
    for name in names:
        if name not in ids:
            continue
        known = metadata.get(name) or StateMetadata()
        waits = agent.explain(name) if known.status in _STANDING else ""
        found[ids[name]] = Node(
            name,
            known.status,
            details=("no such state",) if name in undefined else tuple(_details(known, waits)),
            waits=waits,
            error=_first_line(known.error),
            start=name in starts,
            undefined=name in undefined,
            open=graph.open.get(name, ""),
        )
    return found


def _details(known: StateMetadata, waits: str) -> Iterator[str]:
    if waits:
        yield waits
    elif known.status is StateStatus.WAITING:
        yield "waits for you"
    elif known.status in _BROKEN and known.error:
        yield _first_line(known.error)
    elif known.status in _ENDED and known.started is not None and known.ended is not None:
        yield duration(known.ended - known.started)
    if known.attempts > 1:
        yield f"attempt {known.attempts}"
    if known.executions > 1:
        yield f"{known.executions}\u00d7"  # the multiplication sign


def _first_line(text: str | None) -> str:
    return next(iter((text or "").strip().splitlines()), "")


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    Args:
        seconds: How long something took.

    Returns:
        "240 ms", "2.1 s", "3 min 05 s" or "2 h 10 min".
    """
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
