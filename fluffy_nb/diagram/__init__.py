"""From an agent to a picture: extract -> model -> DOT -> layout -> SVG, and Mermaid and PNG.

Nothing here knows a notebook or a widget.
"""

from fluffy_nb.diagram.drawing import Drawing, draw, patch, to_dot, to_mermaid, to_png, to_svg
from fluffy_nb.diagram.extract import topology
from fluffy_nb.diagram.flat import FlatGraph, flatten
from fluffy_nb.diagram.graphviz_process import warm_up

__all__ = [
    "Drawing",
    "FlatGraph",
    "draw",
    "flatten",
    "patch",
    "to_dot",
    "to_mermaid",
    "to_png",
    "to_svg",
    "topology",
    "warm_up",
]
