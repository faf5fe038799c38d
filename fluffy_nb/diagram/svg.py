"""From a diagram and its layout to our own SVG: painted by the stylesheet, patched by a page."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator, Mapping

from fluffy_nb.diagram import icons
from fluffy_nb.diagram.box import TILE, box_of, detail_of, title_of
from fluffy_nb.diagram.layout import Curve, Layout, Point
from fluffy_nb.diagram.model import Diagram, Edge, Node
from fluffy_nb.diagram.style import stylesheet
from fluffy_nb.errors import visible

_MARGIN = 14
_EMPTY = 120.0, 60.0  # the size without a state
_ROUND = 8  # the radius of a box's corners
_HEAD = 3.1  # half the width of an arrow head
_GAP = 1.5  # between an arrow head and the box it points to
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(diagram: Diagram, layout: Layout) -> str:
    """Draw a diagram.

    Args:
        diagram: What to draw.
        layout: Where; of the same topology.

    Returns:
        One SVG element: for a page, or by itself as a file.
    """
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    inside = [
        *_clusters(layout),
        *_edges(diagram, layout),
        *_starts(layout),
        *_nodes(diagram, layout),
    ]
    if not diagram.nodes:
        width, height = _EMPTY
        inside = [_tag("text", {"class": "detail", "x": 12, "y": 20}, "no states yet")]
    size = {"width": _n(width), "height": _n(height)}
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "class": "fluffy-graph",
        **size,
        "viewBox": f"0 0 {_n(width)} {_n(height)}",
        "role": "group",
        "aria-label": f"States of {visible(diagram.name)}",
    }
    return _tag(
        "svg",
        attributes,
        f"\n<style>\n{stylesheet()}</style>\n",
        _tag("rect", {"class": "canvas", **size, "rx": 6}),
        _tag("g", {"transform": f"translate({_MARGIN} {_MARGIN})"}, "\n", *inside),
        "\n",
    )


def escaped(text: str) -> str:
    """Make a text safe for SVG, alone or in HTML, between tags or in a quoted attribute.

    Args:
        text: Any string.

    Returns:
        The text; characters that XML can't hold are replaced by U+FFFD.
    """
    safe = html.escape(_NO_XML.sub("\ufffd", text))
    # In attributes XML takes these for spaces, and parsers take \r for \n everywhere.
    return safe.replace("\t", "&#9;").replace("\n", "&#10;").replace("\r", "&#13;")


def _tag(name: str, attributes: Mapping[str, object], *inside: str) -> str:
    """An element. The values of its attributes are escaped here, what is inside has been."""
    written = "".join(f' {key}="{escaped(str(value))}"' for key, value in attributes.items())
    return f"<{name}{written}>{''.join(inside)}</{name}>" if inside else f"<{name}{written}/>"


def _n(number: float) -> str:
    """A number in as few characters as the eye needs."""
    return f"{number:.1f}".removesuffix(".0")


def _clusters(layout: Layout) -> Iterator[str]:
    """A frame around each agent and the states inside it, outer ones beneath inner ones."""
    boxes = sorted(layout.clusters.values(), key=lambda box: box[0] - box[2])
    for left, top, right, bottom in boxes:
        corner = {"x": _n(left), "y": _n(top)}
        size = {"width": _n(right - left), "height": _n(bottom - top)}
        yield _tag("rect", {"class": "fluffy-cluster", **corner, **size, "rx": 12}) + "\n"


# ---------------------------------------------------------------- nodes


def _nodes(diagram: Diagram, layout: Layout) -> Iterator[str]:
    for element_id, node in zip(diagram.ids.values(), diagram.nodes, strict=True):
        yield _node(element_id, node, layout.nodes[element_id]) + "\n"


def _node(element_id: str, node: Node, middle: Point) -> str:
    box, title = box_of(node), title_of(node)
    x, y = middle[0] - box.width / 2, middle[1] - box.height / 2
    marks = {
        "start": node.start,
        "undefined": node.undefined,
        "open": node.open,
        "join": node.join,
        "breakpoint": node.breakpoint,
    }
    attributes = {
        "class": "fluffy-node",
        "id": element_id,
        "data-state": node.name,
        "data-status": node.status.value,
        **{f"data-{mark}": "" for mark, is_so in marks.items() if is_so},
        "tabindex": 0,
        "role": "button",
        "aria-label": title.replace("\n", ", "),
        "transform": f"translate({_n(x)} {_n(y)})",
    }
    to_icon = f"translate({_n((TILE - icons.SIZE) / 2)} {_n((box.height - icons.SIZE) / 2)})"
    detail = {"class": "detail", "x": box.text_x, "y": box.detail_y}
    lines = (
        _tag("tspan", {"x": box.text_x, "y": baseline}, escaped(line))
        for line, baseline in zip(box.lines, box.baselines, strict=True)
    )
    return _tag(
        "g",
        attributes,
        _tag("title", {}, escaped(title)),
        _tag("rect", {"class": "box", "width": box.width, "height": box.height, "rx": _ROUND}),
        _tag("path", {"class": "tile", "d": _tile(box.height)}),
        _tag("path", {"class": "icon", "d": icons.icon(node), "transform": to_icon}),
        _tag("text", {"class": "label"}, *lines),
        _tag("text", detail, escaped(detail_of(node))),
        _tag("path", {"class": "open", "d": _dots(box.width)}) if node.open else "",
        _tag("circle", {"class": "breakpoint", "cx": box.width, "r": 5}) if node.breakpoint else "",
    )


def _tile(height: int) -> str:
    """The left part of a box, its outer corners rounded as the box's."""
    r = _ROUND
    return f"M{TILE} 0V{height}H{r}A{r} {r} 0 0 1 0 {height - r}V{r}A{r} {r} 0 0 1 {r} 0Z"


def _dots(width: int) -> str:
    """Three dots in the corner of an open state: it goes on, and nobody can read where."""
    return "".join(f"M{width - 20 + 5 * number} 7h.01" for number in range(3))


# ---------------------------------------------------------------- edges


def _edges(diagram: Diagram, layout: Layout) -> Iterator[str]:
    ids = diagram.ids
    for number, edge in enumerate(diagram.edges):
        yield _edge(edge, ids, layout.curves[f"e{number}"]) + "\n"


def _edge(edge: Edge, ids: dict[str, str], curve: Curve) -> str:
    attributes: dict[str, object] = {
        "class": "fluffy-edge",
        "data-from": ids[edge.source],
        "data-to": ids[edge.target],
        "data-kind": edge.kind.value,
    }
    if edge.taken:
        attributes["data-taken"] = edge.taken
    return _tag("g", attributes, _arrow(curve))


def _starts(layout: Layout) -> Iterator[str]:
    """The marks of start states: dots with an arrow, named s0... by `dot.bare`."""
    for name, (x, y) in layout.nodes.items():
        if name.startswith("s"):
            dot = _tag("circle", {"class": "dot", "cx": _n(x), "cy": _n(y), "r": 4.5})
            arrow = _arrow(layout.curves[name.replace("s", "a")])
            yield _tag("g", {"class": "fluffy-start"}, dot, arrow) + "\n"


def _arrow(curve: Curve) -> str:
    """A line with a head that points where the line's end does."""
    end, tip = curve.points[-1], curve.tip
    length = math.dist(end, tip) or 1
    dx, dy = (tip[0] - end[0]) / length, (tip[1] - end[1]) / length
    corners = (
        (tip[0] - _GAP * dx, tip[1] - _GAP * dy),
        (end[0] - _HEAD * dy, end[1] + _HEAD * dx),
        (end[0] + _HEAD * dy, end[1] - _HEAD * dx),
    )
    first, *rest = (f"{_n(x)} {_n(y)}" for x, y in curve.points)
    line = _tag("path", {"class": "line", "d": f"M{first}C{' '.join(rest)}"})
    head = "L".join(f"{_n(x)} {_n(y)}" for x, y in corners)
    return line + _tag("path", {"class": "head", "d": f"M{head}Z"})
