"""The size of a node's box and where its texts stand in it, worked out from its name alone.

What changes during a run must not move anything, so the line beneath the name has its place from
the beginning and is cut to it.
"""

from __future__ import annotations

from dataclasses import dataclass

from fluffy_nb.diagram import text
from fluffy_nb.diagram.model import Node
from fluffy_nb.errors import visible

TILE = 32
"""The width of the coloured tile that holds the icon."""
LINE = 17
"""From one line of a name to the next."""

_SIDE = 11  # beside the texts
_ABOVE = 8  # and below
_BENEATH = 15  # the line for details
_LEAST = 108  # px for texts: what most details need
_MOST_TOLD = 160  # characters of one fact: a patch stays small


@dataclass(frozen=True, slots=True)
class Box:
    """A node's box, in px, its top left corner at 0, 0.

    Args:
        lines: The name.
        room: How wide the texts can be.
    """

    lines: tuple[str, ...]
    room: float

    @property
    def width(self) -> int:
        """How wide it is."""
        return round(TILE + self.room + 2 * _SIDE)

    @property
    def height(self) -> int:
        """How high it is."""
        return 2 * _ABOVE + LINE * len(self.lines) + _BENEATH

    @property
    def text_x(self) -> int:
        """Where texts begin."""
        return TILE + _SIDE

    @property
    def baselines(self) -> list[int]:
        """Where the lines of the name stand."""
        return [_ABOVE + 13 + LINE * number for number in range(len(self.lines))]

    @property
    def detail_y(self) -> int:
        """Where the line beneath the name stands."""
        return self.height - _ABOVE - 3


def box_of(node: Node) -> Box:
    """The box that a node gets.

    Args:
        node: The node; only its name counts.

    Returns:
        The box.
    """
    lines = text.wrapped(node.name)
    return Box(lines, max(_LEAST, *(text.width(line, text.LABEL) for line in lines)))


def detail_of(node: Node) -> str:
    """The line beneath a node's name: as many details as there is room for.

    Args:
        node: The node.

    Returns:
        One line; the first detail is cut where it alone is too long.
    """
    room, line = box_of(node).room, ""
    for detail in node.details:
        told = _told(detail)
        longer = f"{line} · {told}" if line else told
        if line and text.width(longer, text.DETAIL) > room:
            break
        line = longer
    return text.shortened(line, room, text.DETAIL)


def worded(node: Node) -> str:
    """The detail with the status in a word, for pictures that have no icons.

    Args:
        node: The node.

    Returns:
        One line.
    """
    parts = ("" if node.undefined else node.status.value.lower(), detail_of(node))
    return " · ".join(filter(None, parts))


def title_of(node: Node) -> str:
    """All there is to say of a node: shown when the mouse rests on it, read aloud.

    Args:
        node: The node.

    Returns:
        A few lines; the first is the full name and the status.
    """
    status = "undefined" if node.undefined else node.status.value.lower()
    told = [*node.details, node.waits, node.error]
    if node.start:
        told.append("runs start here")
    if node.join:
        told.append(f"runs for {node.join} arrival" + ("" if node.join == "each" else " only"))
    if node.breakpoint:
        told.append("the run pauses before it")
    if node.open:
        told.append(f"what follows can't be read: {node.open}")
    lines = dict.fromkeys(_told(one) for one in told if one)
    return "\n".join([f"{visible(node.name)}: {status}", *lines])


def _told(fact: str) -> str:
    return visible(fact[:_MOST_TOLD])
