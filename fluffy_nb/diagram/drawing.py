"""Pictures of agents, in each form there is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fluffy_nb.diagram import dot, graphviz_process, icons, mermaid, svg
from fluffy_nb.diagram.box import detail_of, title_of
from fluffy_nb.diagram.extract import extract, nodes
from fluffy_nb.diagram.flat import flatten
from fluffy_nb.diagram.layout import lay_out
from fluffy_nb.diagram.model import Direction

if TYPE_CHECKING:
    from fluffy_nb.agent import Pictured

_PNG_DPI = 144  # twice the size of the SVG: sharp on the screens of today


@dataclass(frozen=True, slots=True)
class Drawing:
    """An agent's graph as SVG, painted with the statuses at that moment.

    Args:
        svg: One SVG element, for a page or by itself.
        ids: For each name in the graph the id of its element.
    """

    svg: str
    ids: dict[str, str]


def draw(agent: Pictured, *, direction: Direction | None = None) -> Drawing:
    """Draw an agent's graph.

    Args:
        agent: Whose graph.
        direction: "TB" from top to bottom, "LR" from left to right; None for `agent.layout`.

    Returns:
        The drawing. `patch` keeps it up to date until `topology` changes.

    Raises:
        LayoutError: Graphviz is not there, or could not do it.
    """
    diagram = extract(agent)
    return Drawing(
        svg.render(diagram, lay_out(dot.bare(diagram, direction or agent.layout))), diagram.ids
    )


def patch(agent: Pictured, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """What to change in a drawing of the same topology, so that it shows the present.

    Args:
        agent: Whose graph.
        names: The states that may have changed.

    Returns:
        For each element id: its `data-status`, the `d` of its icon, and the texts of its detail
        and its title.
    """
    graph = flatten(agent.state_graph)
    return {
        element_id: {
            "status": node.status.value,
            "icon": icons.icon(node),
            "detail": detail_of(node),
            "title": title_of(node),
        }
        for element_id, node in nodes(agent, graph, map(graph.node, names)).items()
    }


def to_svg(agent: Pictured, *, direction: Direction | None = None) -> str:
    """An agent's graph as SVG, for a file or a page; see `draw`."""
    return draw(agent, direction=direction).svg


def to_png(agent: Pictured, *, direction: Direction | None = None) -> bytes:
    """An agent's graph as PNG, drawn by Graphviz itself.

    Args:
        agent: Whose graph.
        direction: "TB" or "LR"; None for `agent.layout`.

    Returns:
        The bytes of the file.

    Raises:
        LayoutError: Graphviz is not there, or could not do it.
    """
    source = dot.styled(extract(agent), direction or agent.layout, dpi=_PNG_DPI)
    return graphviz_process.render(source, "png")


def to_dot(agent: Pictured, *, direction: Direction | None = None) -> str:
    """An agent's graph as DOT, with names and colours; needs no Graphviz."""
    return dot.styled(extract(agent), direction or agent.layout)


def to_mermaid(agent: Pictured, *, direction: Direction | None = None) -> str:
    """An agent's graph as a Mermaid flowchart; needs no Graphviz."""
    return mermaid.render(extract(agent), direction or agent.layout)
