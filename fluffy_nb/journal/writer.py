"""Writes a run's rows: in the loop where they are few, in a thread where they are large."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.executors.thread import count_work
from fluffy_nb.errors import (
    GOES_THROUGH,
    SaveWarning,
    StoreBusyError,
    StoreError,
    shortened,
    text_of,
    warn,
)
from fluffy_nb.journal.store import Row, Store

if TYPE_CHECKING:
    from fluffy_nb.engine.runner import Runner

SMALL = 64 * 1024
"""Bytes up to which rows are written in the loop: that takes less than handing them over."""

_writers = ThreadPoolExecutor(1, "fluffy-store")


class Writer:
    """Writes rows in order, and says whether it is behind.

    What can't be written is reported, kept here, and written together with what comes later: the
    run goes on, and the store has its last good state.

    Args:
        runner: The run.
        run: Its id.
        store: Where it is kept.
    """

    def __init__(self, runner: Runner, run: str, store: Store) -> None:
        self._runner = runner
        self._run = run
        self._store = store
        self._rows: list[Row] = []
        self._unsavable: dict[str, str] = {}  # values that stand in the way
        self._reported: set[str] = set()
        self._writing: Future[StoreError | None] | None = None  # in the other thread
        self._written_there: list[Row] = []
        self._written_seq = 0  # of the last row in the store
        self._waiting: list[asyncio.Future[None]] = []
        self.is_behind = False

    def _write_soon(self) -> None:
        """Write at the end of this turn of the loop: with the ends of others, in one go."""
        if self._store.keeps_objects:
            self._write(at_once=True)
        elif not self.is_behind:
            self.is_behind = True
            self._runner.loop.call_soon(self._write)

    def _write(self, *, at_once: bool = False) -> None:
        if self._writing is not None:
            if not at_once:
                return  # what is being written is followed by the rest
            self._take_in(self._writing.result())
        rows = self._take_rows()
        if not rows:
            self._catch_up()
            return
        is_small = at_once or self._is_small(rows)
        problem = self._append(rows, wait=at_once) if is_small else None
        if is_small and not isinstance(problem, StoreBusyError):
            self._written(rows, problem)
            return
        self._written_there = rows
        self._writing = writing = _writers.submit(self._append, rows, wait=True)
        loop = self._runner.loop
        count_work(loop, 1)
        writing.add_done_callback(lambda done: _tell(loop, self._there, loop, done))

    def _there(self, loop: asyncio.AbstractEventLoop, done: Future[StoreError | None]) -> None:
        """The other thread has written; unless somebody could not wait for this."""
        count_work(loop, -1)
        if done is self._writing:
            self._take_in(done.result())
            if self._rows and not self._reported:
                self._write()
            else:
                self._catch_up()

    def _take_in(self, problem: StoreError | None) -> None:
        rows, self._written_there, self._writing = self._written_there, [], None
        self._note_written(rows, problem)

    def _take_rows(self) -> list[Row]:
        """The rows that can be written; none while a value stands in the way."""
        if self._unsavable:
            return []
        rows, self._rows = self._rows, []
        if self._reported and len(rows) > 1:
            rows = [_folded(rows)]  # some of them lack a value
        return rows

    def _is_small(self, rows: list[Row]) -> bool:
        if getattr(self._store, "durability", "normal") == "full":
            return False
        size = 0
        for row in rows:
            for value in row.values.values():
                if value is not None:
                    size += sum(map(len, value.buffers)) + _size(value.data, SMALL)
            if size > SMALL:
                return False
        return True

    def _append(self, rows: list[Row], *, wait: bool) -> StoreError | None:
        try:
            self._store.append(self._run, rows, wait=wait)
        except StoreError as problem:
            return problem
        except GOES_THROUGH:
            raise
        except BaseException as problem:  # noqa: BLE001 - whatever a store raises harms no run
            raised = f"it raised {shortened(problem)}"
            return StoreError(shortened(self._store), raised, "see whether check_store passes")
        return None

    def _written(self, rows: list[Row], problem: StoreError | None) -> None:
        try:
            self._note_written(rows, problem)
        finally:  # where warnings are errors, the run goes on all the same
            self._catch_up()

    def _note_written(self, rows: list[Row], problem: StoreError | None) -> None:
        if problem is None:
            self._reported.clear()
            self._written_seq = rows[-1].seq
        else:
            self._rows = [*rows, *self._rows]
            self._report(problem)

    def _catch_up(self) -> None:
        self.is_behind = False
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._runner.keeper_caught_up()

    async def caught_up(self) -> None:
        """Wait until all that has happened is kept."""
        while self.is_behind:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter

    def _release(self) -> None:
        try:
            self._store.release(self._run)
        except StoreError as problem:
            self._report(problem)

    def _report(self, problem: Exception) -> None:
        """Say once what keeps the run from being kept."""
        text = self._runner.shared.secrets.masked(text_of(problem))
        if text not in self._reported:
            self._reported.add(text)
            told = f"run {self._run!r} is not kept for now: {text}"
            warn(told, SaveWarning)
            self._runner.loop.call_soon(self._runner.emit, ev.SaveFailed, text)


def _tell(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *told: object) -> None:
    """Call a function in a loop, from another thread, unless it is closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *told)


def _folded(rows: list[Row]) -> Row:
    """Several rows as one."""
    last = rows[-1]
    events = tuple(event for row in rows for event in row.events)
    progress = {item: data for row in rows for item, data in row.progress.items()}
    values = {key: value for row in rows for key, value in row.values.items()}
    return last._replace(events=events, progress=progress, values=values)


def _size(data: Any, most: int) -> int:
    """About how long the text of data is; looks at no more than it must."""
    size = 0
    rest = [data]
    while rest and size <= most:
        item = rest.pop()
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, dict):
            rest.extend(item.values())
            size += 8 * len(item)
        elif isinstance(item, list):
            rest.extend(item)
        size += 4
    return size
