"""The one stylesheet, and its light colours for pictures that take no stylesheet."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files


@cache
def stylesheet() -> str:
    """The text of graph.css, which also stands inside every SVG."""
    return files("fluffy_nb.diagram").joinpath("graph.css").read_text(encoding="utf-8")


@cache
def palette() -> dict[str, str]:
    """The colours of the light theme by name: "ink", "edge", "running", ..."""
    light = stylesheet().partition("}")[0]
    return dict(re.findall(r"--fluffy-([\w-]+): (#[0-9a-f]{6});", light))
