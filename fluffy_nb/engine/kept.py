"""Completions that count in later runs: the lifecycles ONCE and TEMPORARY of semantics 6."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fluffy_nb.engine.dependencies import Dependency
from fluffy_nb.engine.events import Next

Dependencies = Mapping[str, Mapping[str, Dependency]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A completion of a state, with what it wrote.

    Args:
        time: When it completed, seconds since the epoch.
        next: Where it led.
        values: What it wrote, by key.
        writers: Who wrote each of these keys last.
    """

    time: float
    next: Next
    values: Mapping[str, Any]
    writers: Mapping[str, Any]

    @staticmethod
    def outlives(dependencies: Dependencies, name: str) -> bool:
        """Whether some dependent wants completions of this state in later runs."""
        return any(needed[name].outlives_run for needed in dependencies.values() if name in needed)

    def counts(self, dependencies: Dependencies, name: str, now: float) -> bool:
        """Whether it counts still, for the one dependent that lets it count longest."""
        return any(
            needed[name].outlives_run
            and (needed[name].expiry is None or now - self.time <= (needed[name].expiry or 0))
            for needed in dependencies.values()
            if name in needed
        )
