"""A small outline for each status, drawn and not written, so that no font can lack it."""

from __future__ import annotations

from fluffy_nb.diagram.model import Node
from fluffy_nb.engine.status import StateStatus

SIZE = 16
"""The width and height that the outlines are made for."""

_RING = "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11z"

ICONS: dict[StateStatus, str] = {
    StateStatus.PENDING: _RING,
    StateStatus.READY: "M4.5 2.5h7M4.5 13.5h7M5.5 2.5V5L8 8l2.5-3V2.5M5.5 13.5V11L8 8l2.5 3v2.5",
    StateStatus.RUNNING: "M5.5 3.2v9.6L12.8 8z",
    StateStatus.WAITING: "M2.5 3h11v8H8l-3 2.7V11H2.5zM5.5 7h.01M8 7h.01M10.5 7h.01",
    StateStatus.COMPLETED: "M3 8.5l3.3 3.3L13 4.7",
    StateStatus.FAILED: "M4 4l8 8M12 4l-8 8",
    StateStatus.BLOCKED: _RING + "M5.2 8h5.6",
    StateStatus.CANCELLED: _RING + "M4.2 11.8l7.6-7.6",
    StateStatus.TIMEOUT: _RING + "M8 5v3.2l2.2 1.4",
}
UNDEFINED = "M5.6 5.8a2.5 2.5 0 1 1 3.7 2.2C8.4 8.5 8 9 8 10M8 12.9h.01"


def icon(node: Node) -> str:
    """The `d` of the path that stands for a node's status.

    Args:
        node: The node.

    Returns:
        Path data in a square of `SIZE`, to be stroked and not filled.
    """
    return UNDEFINED if node.undefined else ICONS[node.status]
