"""From an agent, through its public names, to what a picture of it shows."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING

from fluffy_nb.diagram.flat import flatten
from fluffy_nb.diagram.model import Diagram, Edge, Node
from fluffy_nb.engine.metadata import StateMetadata
from fluffy_nb.engine.status import StateStatus

if TYPE_CHECKING:
    from fluffy_nb.agent import Pictured
    from fluffy_nb.diagram.flat import FlatGraph

_STANDING = {StateStatus.PENDING, StateStatus.READY, StateStatus.BLOCKED}
_BROKEN = {StateStatus.FAILED, StateStatus.TIMEOUT}
_ENDED = {StateStatus.COMPLETED, StateStatus.CANCELLED, *_BROKEN}


def topology(agent: Pictured) -> Hashable:
    """What a drawing has to be made anew for when it changes.

    Args:
        agent: Whose graph.

    Returns:
        A key to compare; statuses and counts are no part of it.
    """
    graph = flatten(agent.state_graph)
    marks = (tuple(graph.open.items()), tuple(graph.joins.items()), *graph.clusters.items())
    stops = tuple(sorted(agent.breakpoints))
    return (agent.name, agent.layout, stops, graph.names, graph.edges, graph.starts, *marks)


def extract(agent: Pictured) -> Diagram:
    """The diagram of an agent as it is now.

    Args:
        agent: Whose graph.

    Returns:
        The diagram: equal ones look the same.
    """
    graph, taken = flatten(agent.state_graph), agent.taken_edges
    edges = (
        Edge(edge.source, edge.target, edge.kind, taken.get((edge.source, edge.target), 0))
        for edge in graph.edges
    )
    return Diagram(agent.name, tuple(nodes(agent, graph, graph.names).values()), tuple(edges))


def nodes(agent: Pictured, graph: FlatGraph, names: Iterable[str]) -> dict[str, Node]:
    """Some nodes of an agent's diagram, by id.

    Args:
        agent: Whose graph.
        graph: Its graph, at the same moment.
        names: Which ones; names that are not in the graph are left out.

    Returns:
        For each id the node, in the order of `names`.
    """
    metadata = agent.state_metadata
    ids = graph.ids
    data = {name: metadata.get(name) or StateMetadata() for name in names if name in ids}
    reasons = agent.explain_each(n for n, known in data.items() if known.status in _STANDING)
    found = {}
    for name, known in data.items():
        reason = reasons.get(name, "")
        undefined = name in graph.undefined
        found[ids[name]] = Node(
            name,
            known.status,
            details=("no such state",) if undefined else tuple(_details(known, reason, agent)),
            waits=reason,
            error=_first_line(known.error),
            start=name in graph.starts,
            undefined=undefined,
            open=graph.open.get(name, ""),
            join=graph.joins.get(name, ""),
            cluster=graph.clusters.get(name, ""),
            breakpoint=name in agent.breakpoints,
        )
    return found


def _details(known: StateMetadata, reason: str, agent: Pictured) -> Iterator[str]:
    if reason:
        yield reason
    elif known.status is StateStatus.WAITING:
        yield "waits for you" if agent.steers else "waits for a person"
    elif known.status in _BROKEN and known.error:
        yield _first_line(known.error)
    elif known.status in _ENDED and known.started is not None and known.ended is not None:
        yield duration(known.ended - known.started)
    if known.attempts > 1:
        yield f"attempt {known.attempts}"
    if known.executions > 1 and known.completions < known.executions:
        yield f"{known.completions}/{known.executions}"
    elif known.executions > 1:
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
