"""From a diagram to a Mermaid flowchart, which GitHub and JupyterLab draw in Markdown."""

from __future__ import annotations

import re

from fluffy_nb.diagram.box import box_of, worded
from fluffy_nb.diagram.model import Diagram, Direction, Edge
from fluffy_nb.diagram.style import palette
from fluffy_nb.engine.graph import EdgeKind

# All of ASCII but letters, digits and spaces, the underscore in a word and the point in a number.
_SPECIAL = re.compile(r"(?<!\w)_|_(?!\w)|(?<!\d)\.|\.(?!\d)|[^\w .\x80-\U0010ffff]")
_ARROWS = {EdgeKind.DECLARED: "-->", EdgeKind.DEPENDENCY: "-.-o"}


def render(diagram: Diagram, direction: Direction = "TB") -> str:
    """Write a diagram as Mermaid text.

    Args:
        diagram: What to draw.
        direction: "TB" or "LR".

    Returns:
        The text, without the fence around it.
    """
    ids = diagram.ids
    lines = [f"flowchart {direction}"]
    used = set()

    def add(inside: str) -> None:
        for node in diagram.inside(inside):
            look = "undefined" if node.undefined else node.status.value.lower()
            used.add(look)
            texts = (*box_of(node).lines, worded(node))
            box = f'  {ids[node.name]}["{"<br>".join(map(_escaped, texts))}"]:::{look}'
            if node.name in diagram.clusters:
                lines.extend([f'  subgraph c{ids[node.name]}[" "]', box])
                add(node.name)
                lines.append("  end")
            else:
                lines.append(box)

    add("")
    for number, node in enumerate(node for node in diagram.nodes if node.start):
        lines.append(f'  s{number}((" ")) --> {ids[node.name]}')
    lines += [f"  {ids[edge.source]} {_arrow(edge)} {ids[edge.target]}" for edge in diagram.edges]
    colours = palette()
    for look in sorted(used):
        dashes = ",stroke-dasharray:4 3" if look == "undefined" else ""
        lines.append(f"  classDef {look} stroke:{colours[look]},fill:{colours[look]}14{dashes}")
    return "\n".join(lines) + "\n"


def _arrow(edge: Edge) -> str:
    return "==>" if edge.taken else _ARROWS.get(edge.kind, "-.->")


def _escaped(text: str) -> str:
    """Mermaid has entities and no other way to write what it would read as its own, or as HTML."""
    return _SPECIAL.sub(lambda found: f"#{ord(found[0])};", text)
