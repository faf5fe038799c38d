"""What a picture shows, as plain immutable data: the seam between agents and renderers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fluffy_nb.engine.graph import EdgeKind
from fluffy_nb.engine.status import StateStatus

Direction = Literal["TB", "LR"]
"""Whether a picture reads from top to bottom or from left to right."""


@dataclass(frozen=True, slots=True)
class Node:
    """A state, or a name that some state leads to.

    Args:
        name: The state's name.
        status: Of its latest execution.
        details: What to say beneath the name, the most telling first: perhaps not all fits.
        waits: What a branch that stands here waits for; empty where none does.
        error: What went wrong last; empty where nothing did.
        start: Runs start here.
        undefined: There is no such state.
        open: Why its successors can't be read; empty where they can.
        join: Its join mode where that is not "all".
        cluster: The node that is the agent it is inside; empty where it is inside none.
        breakpoint: The run pauses before it.
    """

    name: str
    status: StateStatus = StateStatus.PENDING
    details: tuple[str, ...] = ()
    waits: str = ""
    error: str = ""
    start: bool = False
    undefined: bool = False
    open: str = ""
    join: str = ""
    cluster: str = ""
    breakpoint: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """One node can lead to another.

    Args:
        source: A node's name.
        target: A node's name.
        kind: How that is known.
        taken: How often the present run went this way.
    """

    source: str
    target: str
    kind: EdgeKind = EdgeKind.INFERRED
    taken: int = 0


@dataclass(frozen=True, slots=True)
class Diagram:
    """A graph of states at one moment.

    Args:
        name: The agent's.
        nodes: The states in their order, then the undefined ones.
        edges: Where they lead.
    """

    name: str
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()

    @property
    def ids(self) -> dict[str, str]:
        """For each name the id that its node has in every rendering: made of no outside text."""
        return node_ids(node.name for node in self.nodes)

    def inside(self, cluster: str) -> tuple[Node, ...]:
        """The nodes directly inside an agent's node; those inside none for an empty name."""
        return tuple(node for node in self.nodes if node.cluster == cluster)

    @property
    def clusters(self) -> tuple[str, ...]:
        """The nodes that others are inside, an outer one before those in it."""
        return tuple(dict.fromkeys(node.cluster for node in self.nodes if node.cluster))


def node_ids(names: Iterable[str]) -> dict[str, str]:
    """Number names in their order: n0, n1, ..."""
    return {name: f"n{number}" for number, name in enumerate(names)}
