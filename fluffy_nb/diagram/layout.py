"""From DOT to positions, each computed once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from fluffy_nb.diagram import graphviz_process
from fluffy_nb.errors import LayoutError

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """The way of an edge.

    Args:
        points: Of a chain of cubic Bézier curves: one, and three more for each.
        tip: Where the arrow head, which begins at the last point, ends.
    """

    points: tuple[Point, ...]
    tip: Point


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is, in px, from the top left corner.

    Args:
        width: Of everything.
        height: Of everything.
        nodes: For each node id its middle.
        curves: For each edge id its way.
        clusters: For the id of each agent's node the left, top, right and bottom of its cluster.
    """

    width: float
    height: float
    nodes: Mapping[str, Point]
    curves: Mapping[str, Curve]
    clusters: Mapping[str, tuple[float, float, float, float]] = field(default_factory=dict)


@lru_cache(32)
def lay_out(source: str) -> Layout:
    """Have Graphviz find the positions; the latest are remembered.

    Args:
        source: DOT, as from `dot.bare`.

    Returns:
        The layout.

    Raises:
        LayoutError: Graphviz could not do it.
    """
    answer = graphviz_process.render(source, "json0")
    try:
        return _read(json.loads(answer))
    except (KeyError, ValueError) as problem:
        raise LayoutError(f"the answer of Graphviz can't be read ({problem!r})") from problem


def _read(answer: Mapping[str, Any]) -> Layout:
    _, _, width, height = map(float, answer["bb"].split(","))

    def point(text: str) -> Point:
        x, y = map(float, text.split(","))
        return round(x, 2), round(height - y, 2)  # Graphviz counts from the bottom

    nodes, clusters = {}, {}
    for item in answer.get("objects", ()):
        if "bb" in item:
            left, bottom, right, top = map(float, item["bb"].split(","))
            box = (left, height - top, right, height - bottom)
            clusters[item["name"].removeprefix("cluster_")] = box
        else:
            nodes[item["name"]] = point(item["pos"])
    curves = {}
    for edge in answer.get("edges", ()):
        tip, *points = edge["pos"].removeprefix("e,").split()
        curves[edge["id"]] = Curve(tuple(map(point, points)), point(tip))
    return Layout(width, height, nodes, curves, clusters)
