"""A graph with the graphs of the agents inside it, as one list of names and edges."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from fluffy_nb.diagram.model import node_ids
from fluffy_nb.engine.graph import Edge, EdgeKind

if TYPE_CHECKING:
    from fluffy_nb.engine.graph import StateGraph
    from fluffy_nb.engine.templates import Template


@dataclass(frozen=True)
class FlatGraph:
    """All states of a flow, those inside agents by their whole names, as `review/draft`.

    Args:
        names: The states in their order, each agent followed by those inside it, then names that
            are no states.
        edges: Where they lead; from an agent also to where it begins.
        starts: Where a run starts.
        undefined: The names that are no states.
        open: States whose successors can't be read, and why.
        joins: The join mode of each state that has another than "all".
        clusters: For each state inside an agent the name of that agent.
        templates: The states whose names have placeholders: what is before it, and what matches.
    """

    names: tuple[str, ...] = ()
    edges: tuple[Edge, ...] = ()
    starts: frozenset[str] = frozenset()
    undefined: frozenset[str] = frozenset()
    open: Mapping[str, str] = field(default_factory=dict)
    joins: Mapping[str, str] = field(default_factory=dict)
    clusters: Mapping[str, str] = field(default_factory=dict)
    templates: Mapping[str, tuple[str, Template]] = field(default_factory=dict)

    @cached_property
    def ids(self) -> Mapping[str, str]:
        """For each name the id of its element in a picture."""
        return node_ids(self.names)

    @cached_property
    def ways(self) -> Mapping[str, tuple[Edge, ...]]:
        """For each name the edges that begin there."""
        ways: dict[str, list[Edge]] = {}
        for edge in self.edges:
            ways.setdefault(edge.source, []).append(edge)
        return {name: tuple(edges) for name, edges in ways.items()}

    def node(self, name: str) -> str:
        """The name in the graph of what an event tells of: a template's for a name it matches."""
        if name in self.ids:
            return name
        for whole, (prefix, template) in self.templates.items():
            if name.startswith(prefix) and template.match(name.removeprefix(prefix)):
                return whole
        return name


_recent: deque[tuple[StateGraph, FlatGraph]] = deque(maxlen=8)
"""Graphs never change, so that each is put flat once, however often it is painted."""


def flatten(graph: StateGraph) -> FlatGraph:
    """Put a graph and those inside it into one.

    Args:
        graph: Of an agent.

    Returns:
        The same, flat; the same object again where it was flattened not long ago.
    """
    for known, flat in tuple(_recent):
        if known is graph:
            return flat
    flat = _flattened(graph)
    _recent.append((graph, flat))
    return flat


def _flattened(graph: StateGraph) -> FlatGraph:
    levels = list(_levels(graph, "", ""))
    names: list[str] = []
    for prefix, _, level in levels:
        place = names.index(prefix[:-1]) + 1 if prefix else 0
        names[place:place] = [prefix + state for state in level.states]
    undefined = [prefix + name for prefix, _, level in levels for name in level.undefined]
    return FlatGraph(
        (*names, *undefined),
        tuple(edge for prefix, agent, level in levels for edge in _edges(prefix, agent, level)),
        frozenset(graph.starts),
        frozenset(undefined),
        {prefix + state: why for prefix, _, level in levels for state, why in level.open.items()},
        {prefix + state: how for prefix, _, level in levels for state, how in level.joins.items()},
        {
            prefix + state: agent
            for prefix, agent, level in levels
            if agent
            for state in (*level.states, *level.undefined)
        },
        {
            prefix + state: (prefix, template)
            for prefix, _, level in levels
            for state, template in level.templates.items()
        },
    )


def _levels(graph: StateGraph, prefix: str, agent: str) -> Iterator[tuple[str, str, StateGraph]]:
    yield prefix, agent, graph
    for name, inner in graph.agents.items():
        yield from _levels(inner, f"{prefix}{name}/", prefix + name)


def _edges(prefix: str, agent: str, level: StateGraph) -> Iterator[Edge]:
    if agent:
        for start in level.starts:
            yield Edge(agent, prefix + start, EdgeKind.DECLARED)
    for edge in level.edges:
        yield Edge(prefix + edge.source, prefix + edge.target, edge.kind)
