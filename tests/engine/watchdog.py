"""A hang fails: it is not waited for."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class HangError(SystemExit):
    """Of a kind that no loop and no state swallows, and that fails a test, not the session."""


@contextmanager
def watchdog(seconds: float = 20) -> Iterator[None]:
    """Raise `HangError` wherever the main thread is when the time is up.

    Args:
        seconds: Of real time.
    """

    def bark(*_):
        raise HangError(f"no end after {seconds} s")

    former = signal.signal(signal.SIGALRM, bark)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
