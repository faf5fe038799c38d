"""The Stop button: a kernel that is interrupted cancels the cell, and we say what became of it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from types import FrameType
from typing import Self

from fluffy_nb.errors import StoppedBeforeError

HEARTBEAT = 0.2
"""Seconds. A signal does not wake a loop that waits for messages only, a timer does."""


class Stop:
    """Notices that the kernel was interrupted while it was entered.

    Args:
        pressed: Is called the first time.
        alone: Whether that is all that happens then. The second time does not wait for what it
            began. Otherwise the kernel acts as ever.
    """

    def __init__(
        self, pressed: Callable[[], object] = lambda: None, *, alone: bool = False
    ) -> None:
        self.pressed = False
        self._tell = pressed
        self._alone = alone

    async def deliver(self) -> None:
        """End here if the kernel was interrupted before; it cancels a cell that awaits.

        Raises:
            StoppedBeforeError: It was, and the cell had not come to an await since.
        """
        if not self.pressed:
            return
        self.pressed = False
        try:
            await asyncio.sleep(HEARTBEAT)
        except asyncio.CancelledError:
            raise StoppedBeforeError from None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, *_: object) -> None:
        # Another may have come on top: it passes on to this one, which does no harm.
        if signal.getsignal(signal.SIGINT) == self._interrupted:
            signal.signal(signal.SIGINT, self._before)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if not self.pressed:
            self.pressed = True
            self._tell()
            if self._alone:
                return
        if callable(self._before):
            self._before(number, frame)
        if self._alone:
            raise KeyboardInterrupt  # a kernel that has a coroutine to cancel raises nothing


class Heart:
    """A timer that turns the loop often enough for it to notice a signal."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._beat()

    def _beat(self) -> None:
        self._timer = self._loop.call_later(HEARTBEAT, self._beat)

    def stop(self) -> None:
        """End the timer."""
        self._timer.cancel()
