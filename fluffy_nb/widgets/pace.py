"""Many changes, few pictures: a callback is called soon, but not too often."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from fluffy_nb.engine import events as ev

PER_SECOND = 30
"""The most calls within any second: what an eye can follow, and far below what a server drops."""

FOR_ENDS = 5
"""How many of them are kept for ends, which can't wait."""

ENDS = (ev.RunCompleted, ev.RunFailed, ev.RunCancelled, ev.RunPaused)
"""After these a loop may end, and with it what was to be called later."""

GAP = 1 / (PER_SECOND - FOR_ENDS)
"""Seconds between two calls, as long as nothing ends."""


class Pace:
    """Calls `paint` soon after something has changed, at most 30 times a second.

    Args:
        paint: What to call, in the thread of the loop in which the change was noted.
    """

    def __init__(self, paint: Callable[[], None]) -> None:
        self._paint = paint
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.Handle | None = None
        self._times: deque[float] = deque(maxlen=PER_SECOND)

    def after(self, event: ev.Event) -> None:
        """Paint soon after this event; where the run's activity ends with it, in this very turn.

        Args:
            event: What has happened.
        """
        loop = self._here()
        if loop is not None and isinstance(event, ENDS) and self._room(loop) <= 0:
            self.stop()
            self._timer = loop.call_soon(self._due, loop)
        else:
            self.soon()

    def soon(self) -> None:
        """Paint when this thread's loop turns again; at once where none runs."""
        loop = self._here()
        if loop is None:
            self._paint()
        elif self._timer is None:
            gap = self._times[-1] + GAP - loop.time() if self._times else 0.0
            self._timer = loop.call_later(max(0.0, gap, self._room(loop)), self._due, loop)

    def stop(self) -> None:
        """Forget a call that is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _here(self) -> asyncio.AbstractEventLoop | None:
        """The loop of this thread; what a former loop was to do is forgotten."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return None
        if loop is not self._loop:
            self.stop()
            self._loop = loop
            self._times.clear()
        return loop

    def _room(self, loop: asyncio.AbstractEventLoop) -> float:
        """How long until one more call within a second is allowed."""
        full = len(self._times) == PER_SECOND
        return self._times[0] + 1.0 - loop.time() if full else 0.0

    def _due(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self._times.append(loop.time())
        self._paint()
