"""Whether a store may wait for others: in the loop it may not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

may_wait: ContextVar[bool] = ContextVar("fluffy_store_may_wait", default=True)
"""Whether a store waits for another process that writes, or raises `StoreBusyError` at once."""


@contextmanager
def waiting(allowed: bool) -> Iterator[None]:
    """Say in a block whether stores may wait.

    Args:
        allowed: Whether they may.
    """
    before = may_wait.set(allowed)
    try:
        yield
    finally:
        may_wait.reset(before)
