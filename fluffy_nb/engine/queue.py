"""The order of the states that may run (semantics 7.1, 7.3).

Higher priority first, then first come, first served; whoever does not fit lets others pass. No
entry is passed more than `MOST_PASSED` times: then it is the next, and the pool is held for it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluffy_nb.engine.execution import Execution
    from fluffy_nb.engine.resources import ResourceRequirements

MOST_PASSED = 16
"""How many that came later may start before one that came earlier."""


class ReadyQueue:
    """The executions that may run and wait for a slot or for resources.

    Those with equal needs stand in one lane, in the order they came: when the first of a lane does
    not fit, none behind it does.
    """

    def __init__(self) -> None:
        self._lanes: dict[ResourceRequirements, list[tuple[int, int, Execution]]] = {}
        self.length = 0
        self._latest: list[int] = []  # the orders of the latest-come that have started, at most 16

    def __iter__(self) -> Iterator[Execution]:
        """All of them, in the order in which they would start if all fitted."""
        entries = [entry for lane in self._lanes.values() for entry in lane]
        return iter(sorted((execution for _, _, execution in entries), key=_place))

    def add(self, execution: Execution) -> None:
        """Put one in its place; one that comes again keeps the place it had."""
        lane = self._lanes.setdefault(execution.needs, [])
        heapq.heappush(lane, (execution.order, execution.id, execution))
        self.length += 1

    def remove(self, execution: Execution) -> None:
        """Take one out: it starts, and those that came earlier have been passed once more."""
        self.discard(execution)
        if len(self._latest) < MOST_PASSED:
            heapq.heappush(self._latest, execution.order)
        else:
            heapq.heappushpop(self._latest, execution.order)

    def discard(self, execution: Execution) -> None:
        """Take one out without a word about the others."""
        lane = self._lanes[execution.needs]
        if lane[0][2] is execution:
            heapq.heappop(lane)
        else:
            lane.remove((execution.order, execution.id, execution))
            heapq.heapify(lane)
        if not lane:
            del self._lanes[execution.needs]
        self.length -= 1

    def forgive(self) -> None:
        """Forget who was passed: some that ran come back to the places they had."""
        self._latest.clear()

    def first(self, fits: Callable[[Execution], bool]) -> Execution | None:
        """The one to start now, or None where none may.

        Args:
            fits: Whether what it needs is free.
        """
        heads = [lane[0][2] for lane in self._lanes.values()]
        if len(heads) > 1:
            oldest = min(heads, key=lambda execution: execution.order)
            if self._was_passed(oldest):
                return oldest if fits(oldest) else None  # all is held for it
            heads.sort(key=_place)
        return next((execution for execution in heads if fits(execution)), None)

    def first_retried(self, fits: Callable[[Execution], bool]) -> Execution | None:
        """The one to start now where only further attempts may, or None.

        Args:
            fits: Whether what it needs is free.
        """
        entries = (entry[2] for lane in self._lanes.values() for entry in lane)
        able = (execution for execution in entries if execution.retried and fits(execution))
        return min(able, key=_place, default=None)

    def _was_passed(self, execution: Execution) -> bool:
        """Whether as many as may have started that came after it."""
        return len(self._latest) == MOST_PASSED and self._latest[0] > execution.order


def _place(execution: Execution) -> tuple[int, int]:
    """Its place among all: by priority, then by when it came."""
    return -execution.needs.priority, execution.order
