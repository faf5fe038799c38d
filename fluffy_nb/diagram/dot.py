"""From a diagram to DOT: bare for a layout, with names and colours for people and PNG."""

from __future__ import annotations

from collections.abc import Callable

import graphviz

from fluffy_nb.diagram.box import box_of, worded
from fluffy_nb.diagram.model import Diagram, Direction, Node
from fluffy_nb.diagram.style import palette
from fluffy_nb.diagram.text import shortened
from fluffy_nb.engine.graph import EdgeKind
from fluffy_nb.errors import InvalidSpecError

_INCH = 72
_FONT = 12
_LINES = {EdgeKind.DECLARED: "solid", EdgeKind.DEPENDENCY: "dotted", EdgeKind.HANDLER: "solid"}


def bare(diagram: Diagram, direction: Direction = "TB") -> str:
    """What a layout depends on and nothing else: ids, sizes and edges, no text from outside.

    Args:
        diagram: What to lay out.
        direction: "TB" or "LR".

    Returns:
        DOT, with node ids as in `Diagram.ids`, s0... for the marks of start states, and edges
        named e0... in their order.
    """
    graph = _graph(direction)
    graph.attr("node", label="")
    ids = diagram.ids
    _nest(graph, diagram, "", lambda into, node: into.node(ids[node.name], **_size(node)))
    _start_marks(graph, diagram)
    for number, edge in enumerate(diagram.edges):
        graph.edge(ids[edge.source], ids[edge.target], id=f"e{number}")
    return str(graph.source)


def styled(diagram: Diagram, direction: Direction = "TB", dpi: int = _INCH) -> str:
    """The same with names, details and colours, for Graphviz to draw.

    Args:
        diagram: What to draw.
        direction: "TB" or "LR".
        dpi: How many pixels per inch a bitmap gets.

    Returns:
        DOT.
    """
    colours, ids = palette(), diagram.ids
    graph = _graph(direction)
    graph.attr(bgcolor=colours["canvas"], pad="0.2", dpi=str(dpi))
    graph.attr("node", fontname="Helvetica", fontsize=str(_FONT), fontcolor=colours["ink"])
    graph.attr("node", style="rounded,filled", penwidth="1.2")

    def add(into: graphviz.Digraph, node: Node) -> None:
        colour = colours["undefined" if node.undefined else node.status.value.lower()]
        into.node(
            ids[node.name],
            label=_label(node),
            color=colour,
            fillcolor=f"{colour}14",  # as in graph.css: a tint
            style="rounded,dashed" if node.undefined else None,
            **_size(node),
        )

    _nest(graph, diagram, "", add, color=colours["edge"], style="rounded,dashed")
    _start_marks(graph, diagram, color=colours["ink"])
    for edge in diagram.edges:
        look = {"color": colours["edge"], "style": _LINES.get(edge.kind, "dashed")}
        if edge.taken:
            look = {"color": colours["taken"], "style": "solid", "penwidth": "2"}
        graph.edge(ids[edge.source], ids[edge.target], **look)
    return str(graph.source)


def _nest(
    graph: graphviz.Digraph,
    diagram: Diagram,
    inside: str,
    add: Callable[[graphviz.Digraph, Node], None],
    **look: str,
) -> None:
    """Add the nodes, those inside an agent in a cluster of their own with the agent's node."""
    clusters, ids = diagram.clusters, diagram.ids
    for node in diagram.inside(inside):
        if node.name not in clusters:
            add(graph, node)
            continue
        with graph.subgraph(name=f"cluster_{ids[node.name]}") as cluster:
            cluster.attr(margin="12", **look)
            add(cluster, node)
            _nest(cluster, diagram, node.name, add, **look)


def _graph(direction: Direction) -> graphviz.Digraph:
    if direction not in {"TB", "LR"}:
        raise InvalidSpecError("the direction of a picture", direction, "'TB' or 'LR'")
    graph = graphviz.Digraph("fluffy")
    graph.attr(rankdir=direction, nodesep="0.4", ranksep="0.62")
    graph.attr("node", shape="box", fixedsize="true")
    graph.attr("edge", arrowsize="0.7")
    return graph


def _size(node: Node) -> dict[str, str]:
    box = box_of(node)
    return {"width": f"{box.width / _INCH:.4f}", "height": f"{box.height / _INCH:.4f}"}


def _start_marks(graph: graphviz.Digraph, diagram: Diagram, **look: str) -> None:
    """Give every start state a dot with an arrow to it."""
    for number, node in enumerate(node for node in diagram.nodes if node.start):
        graph.node(f"s{number}", shape="point", width="0.12", height="0.12", **look)
        graph.edge(f"s{number}", diagram.ids[node.name], id=f"a{number}", **look)


def _label(node: Node) -> str:
    """The texts of a box; Graphviz reads entities in them, so an ampersand has to be one."""
    box = box_of(node)
    beneath = shortened(worded(node), box.width - 2 * _FONT, _FONT)
    lines = (graphviz.escape(line.replace("&", "&amp;")) for line in (*box.lines, beneath))
    label: str = graphviz.nohtml(r"\n".join(lines))  # <b> is a name and no markup
    return label
