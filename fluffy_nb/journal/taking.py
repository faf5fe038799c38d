"""Taking up a run of a store: it is held first, then read (semantics 12.7)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, TypeVar

from fluffy_nb.errors import StoreBusyError, StoreError, UnknownRunError
from fluffy_nb.journal.history import Kept, info_of, kept_of
from fluffy_nb.journal.places import check_place, has_place
from fluffy_nb.journal.store import RunInfo, Store
from fluffy_nb.journal.waiting import waiting
from fluffy_nb.journal.worker import Worker

T = TypeVar("T")


class Taken(NamedTuple):
    """What a run is taken up with.

    Args:
        info: What the store says of it, or is to be told; None where it is of no store.
        kept: What its rows come to; None where the store does not have it.
    """

    info: RunInfo | None
    kept: Kept | None


def take(store: Store, run: str) -> Taken:
    """What a store has of a run; nothing where it does not know the run, or can't be read.

    Args:
        store: Where the run is kept.
        run: Its id.
    """
    try:
        return Taken(info_of(store, run), kept_of(store, run))
    except (StoreError, UnknownRunError):
        return Taken(None, None)


def hold_and_take(store: Store, run: str) -> Taken:
    """As `take`, of a run that is held before it is read.

    Args:
        store: Where the run is kept.
        run: Its id.

    Raises:
        RunHeldError: Another process, or another agent of this one, executes it.
    """
    try:
        with held(store, run):
            return take(store, run)
    except UnknownRunError:
        return Taken(None, None)


@contextmanager
def held(store: Store, run: str) -> Iterator[None]:
    """Hold a run while it is read; where the block fails it is let go.

    A store that can't be written just now is read without: whoever keeps the run goes on trying,
    and finds out whether another process has taken it meanwhile.

    Args:
        store: Where the run is kept.
        run: Its id.

    Raises:
        RunHeldError: Another process, or another agent of this one, executes it.
        UnknownRunError: There is no such run.
    """
    check_place(store, run)
    was_free = has_place(store, run, None)
    with suppress(StoreError), waiting(allowed=False):
        store.hold(run)
    try:
        yield
    except BaseException:
        if was_free:
            with suppress(StoreError), waiting(allowed=False):
                store.release(run)
        raise


async def in_thread(store: Store, read: Callable[[str], T], run: str) -> T:
    """Read a run in the store's thread, so that a long one does not hold the loop.

    Args:
        store: Where the run is kept; one without a thread of its own is read here.
        read: Reads it.
        run: Its id.
    """
    worker: Any = getattr(store, "worker", None)
    if not isinstance(worker, Worker):
        return read(run)
    return await asyncio.wrap_future(worker.submit(read, run))


async def wait_to_hold(store: Store, run: str) -> None:
    """Hold a run, and wait in a thread where another process writes just now.

    Args:
        store: Where the run is kept.
        run: Its id.

    Raises:
        RunHeldError: Another process, or another agent of this one, executes it.
        UnknownRunError: There is no such run.
    """
    check_place(store, run)
    worker: Any = getattr(store, "worker", None)
    try:
        with waiting(allowed=False):
            store.hold(run)
    except StoreBusyError:
        if isinstance(worker, Worker):
            with suppress(StoreError):
                await asyncio.wrap_future(worker.submit(store.hold, run))
    except StoreError:
        return
