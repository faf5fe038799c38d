"""Keeps one run in a store, as it goes."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.checkpoint import copied, unsaved
from fluffy_nb.engine.codecs import UnsavableError, encode
from fluffy_nb.errors import (
    CheckpointError,
    RunMovedOnError,
    SaveWarning,
    StoreBusyError,
    StoreError,
    shortened,
)
from fluffy_nb.journal.delta import Delta
from fluffy_nb.journal.store import Row, Store, Value

if TYPE_CHECKING:
    from fluffy_nb.engine.runner import Runner

SMALL = 64 * 1024
"""Bytes up to which rows are written in the loop: that takes less than handing them over."""

ENDS = {ev.StateCompleted, ev.StateFailed, ev.StateCancelled, ev.StateReused}
"""Events that are kept together with those of the same moment, before what follows them."""

AT_ONCE = {
    ev.RunStarted,
    ev.RunRestored,
    ev.RunPaused,
    ev.RunCompleted,
    ev.RunFailed,
    ev.RunCancelled,
    ev.PromptAnswered,
    ev.DoneOnce,
    ev.Saved,
}
"""Events that are kept before anybody hears of them."""

STOPS = {ev.RunPaused, ev.RunCompleted, ev.RunFailed, ev.RunCancelled}

_writers = ThreadPoolExecutor(1, "fluffy-store")


class Recorder:
    """A run's keeper: makes rows of what happens, and has them written.

    What can't be written, or holds what can't be saved, is reported, kept here, and written
    together with what comes later: the run goes on, and the store has its last good state.

    Args:
        runner: The run.
        run: Its id.
        store: Where it is kept.
        interval: Seconds between what is kept of states that still run; None keeps nothing.
    """

    def __init__(
        self, runner: Runner, run: str, store: Store, interval: float | None = None
    ) -> None:
        self._runner = runner
        self._run = run
        self._store = store
        self._delta = Delta(runner, self._encode)
        self._events: list[ev.Event] = []
        self._keys: dict[str, None] = {}
        self._rows: list[Row] = []
        self._unsavable: dict[str, str] = {}
        self._reported: set[str] = set()
        self._written_seq = 0  # of the last row in the store
        self._waiting: list[asyncio.Future[None]] = []
        self._writing: Future[StoreError | None] | None = None  # in the other thread
        self._written_there: list[Row] = []
        self.is_behind = False
        self._interval = interval
        self._timer: asyncio.TimerHandle | None = None

    def go_on_from(self, items: Iterable[str], seq: int) -> None:
        """The store has rows of this run.

        Args:
            items: What they tell of and is not gone.
            seq: The number of the last.
        """
        self._delta.forget(items)
        self._written_seq = seq

    def hold(self) -> None:
        """Be the only one that executes the run.

        Raises:
            RunHeldError: Another process does.
            RunMovedOnError: Another process has gone on with it since it stood still here.
        """
        self._store.hold(self._run)
        later = next(iter(self._store.rows(self._run, self._written_seq)), None)
        if later is not None:
            self._store.release(self._run)
            raise RunMovedOnError(self._run)

    # ------------------------------------------------------------ what happens

    def note(self, event: ev.Event) -> None:
        """Take in what has happened."""
        kind = type(event)
        self._events.append(event)
        self._delta.note(event)
        if kind in ENDS:
            self._keys.update(dict.fromkeys(getattr(event, "written", ())))
            self._keys.update(dict.fromkeys(getattr(event, "removed", ())))
            self._add(event, event.state)  # type: ignore[attr-defined]  # all of these have one
            self._write_soon()
        elif kind in AT_ONCE:
            if kind in {ev.RunStarted, ev.RunRestored}:
                self._keys.update(dict.fromkeys(self._runner.shared.values))
            self._add(event, "")
            self._write(at_once=True)
            if kind in STOPS:
                self._release()
                if self._timer is not None:
                    self._timer.cancel()
        elif isinstance(event, ev.CompletionTakenOver):
            self._keys.update(dict.fromkeys(self._runner.kept[event.state].values))
        if kind in {ev.RunStarted, ev.RunResumed}:
            self._save_later()

    def _save_later(self) -> None:
        if self._interval is not None:
            self._timer = self._runner.loop.call_later(self._interval, self._save)

    def _save(self) -> None:
        """Keep what states that still run have written so far (semantics 12.8)."""
        self._save_later()
        for context in self._runner.work.contexts():
            self._keys.update(dict.fromkeys([*context.written, *context.removed]))
        if self._keys:
            self._runner.emit(ev.Saved)

    def _add(self, event: ev.Event, state: str) -> None:
        """Make a row of all since the last."""
        keys, self._keys = self._keys, {}
        values: dict[str, Value | None] = {}
        for key in keys:
            self._unsavable.pop(key, None)
            try:
                values[key] = self._value(key)
            except UnsavableError as problem:
                self._unsavable[key] = key
                writer = self._runner.shared.writers[key].state
                self._report(unsaved(key, problem, writer))
        try:
            progress = self._delta.take()
        except UnsavableError as problem:
            what = f"what a state was sent or did once holds {problem}, which can't be saved"
            self._report(CheckpointError(what, "send and return what can be saved"))
            return  # all stays as it is until the next row
        row = Row(
            event.seq,
            event.time,
            state,
            str(self._runner.machine.status),
            tuple(
                self._events if self._store.keeps_objects else map(self._event_data, self._events)
            ),
            progress,
            values,
        )
        self._events = []
        self._rows.append(row)

    def _event_data(self, event: ev.Event) -> dict[str, Any]:
        """An event as plain data, without what stands in its row anyway."""
        data = event.to_dict()
        if isinstance(event, ev.RunRestored):
            data["progress"] = {}
        for to in data.get("next", ()):
            if isinstance(to, dict):
                to["inputs"] = {key: self._told(value) for key, value in to["inputs"].items()}
        return data

    def _told(self, value: object) -> Any:
        try:
            return self._encode(value)
        except UnsavableError:
            return shortened(value)

    def _value(self, key: str) -> Value | None:
        shared = self._runner.shared
        with shared.lock:
            if key not in shared.values:
                return None
            value, writer = shared.values[key], shared.writers[key]
        if self._store.keeps_objects:
            return Value(copied(value), (), writer)
        buffers: list[bytes] = []
        return Value(encode(value, buffers), tuple(buffers), writer)

    def _encode(self, value: object) -> Any:
        return copied(value) if self._store.keeps_objects else encode(value)

    # ------------------------------------------------------------ writing

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
        writing.add_done_callback(lambda done: _tell(loop, self._there, done))

    def _there(self, done: Future[StoreError | None]) -> None:
        """The other thread has written; unless somebody could not wait for this."""
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
        except Exception as problem:  # noqa: BLE001 - whatever a store raises harms no run
            return StoreError(
                self._store, f"it raised {problem!r}", "see whether check_store passes"
            )
        return None

    def _written(self, rows: list[Row], problem: StoreError | None) -> None:
        self._note_written(rows, problem)
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
        text = str(problem)
        if text not in self._reported:
            self._reported.add(text)
            told = f"run {self._run!r} is not kept for now: {text}"
            warnings.warn(told, SaveWarning, stacklevel=2)
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
