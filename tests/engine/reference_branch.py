"""What moves in the reference model: branches, and what can be seen of them from outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

WAITS, READY, RUNS, DELAYED, STOPPED = "waits", "ready", "runs", "delayed", "stopped"


@dataclass(eq=False)
class Branch:
    """It waits before its state, is ready, runs, waits for another attempt, or was stopped."""

    state: str
    node: str
    alone: bool = False
    inputs: Mapping[str, int] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    handles: bool = False
    phase: str = WAITS
    came: int = 0
    passed: int = 0
    execution: int | None = None
    attempt: int = 1
    tries: int = 0
    failed: int = 0
    again: bool = False
    halted: bool = False
    due: float = inf
    left: float = 0


Seen = tuple[Any, ...]
"""What is seen of an execution: its state, and whether it is alone and what its inputs are."""


class Disagreement(AssertionError):
    """What has happened is not what the rules say."""


def lost_of(group: list[Branch]) -> frozenset[str]:
    """Where a branch that comes of several ends: where each of them would."""
    return frozenset.intersection(*(branch.lost for branch in group))


def seen_of(branch: Branch, lost: Iterable[str] = (), *, handles: bool | None = None) -> Seen:
    """What can be seen of a branch from outside, and where it ends.

    Args:
        branch: The model's, or the engine's.
        lost: Where it ends.
        handles: Whether it goes on after a failure, where the branch does not say so itself.
    """
    handles = branch.handles if handles is None else handles
    return branch.state, branch.alone, sorted(branch.inputs.items()), handles, sorted(lost)
