"""A timer that can stand still: pauses, and waiting for a person, don't count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Countdown:
    """Counts down to an action; can be stopped and started again.

    Args:
        seconds: How long; None never comes to an end.
        action: Called once the time is up, in the loop.
    """

    def __init__(self, seconds: float | None, action: Callable[[], object]) -> None:
        self._left = seconds
        self._action = action
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> bool:
        """Go on counting; False when there is nothing to count, or it runs already."""
        if self._left is None or self._handle is not None:
            return False
        self._handle = asyncio.get_running_loop().call_later(self._left, self._action)
        return True

    def stop(self) -> bool:
        """Stand still; False when it did not run."""
        if self._handle is None:
            return False
        self._left = max(0.0, self._handle.when() - asyncio.get_running_loop().time())
        self._handle.cancel()
        self._handle = None
        return True

    @property
    def left(self) -> float | None:
        """Seconds left when it was last stopped, or made; None where it never ends."""
        return self._left
