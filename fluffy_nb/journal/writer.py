"""Writes a run's rows: in the loop where that takes microseconds, else in the store's thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.executors.thread import count_work
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import (
    GOES_THROUGH,
    RunHeldError,
    RunMovedOnError,
    SaveWarning,
    StoreBusyError,
    StoreError,
    StoreReplacedError,
    UnknownRunError,
    shortened,
    text_of,
    warn,
)
from fluffy_nb.journal.folding import after_what_is_there, folded, size_of
from fluffy_nb.journal.places import has_place, take_place
from fluffy_nb.journal.store import Row, RunInfo, Store
from fluffy_nb.journal.waiting import waiting
from fluffy_nb.journal.worker import Worker

if TYPE_CHECKING:
    from fluffy_nb.engine.runner import Runner

SMALL = 64 * 1024
"""Bytes up to which rows are written in the loop: that takes less than handing them over."""

RETRY_SECONDS = (0.05, 1.0)
"""After how long to try again what could not be written: at first, and at most."""

MOST_ROWS = 1_000
"""Rows that wait to be written; more are made one."""

_others = Worker()
"""Writes to stores that have no thread of their own."""


class Writer:
    """Writes rows in order, and says whether it is behind.

    The run waits while rows are on their way. What can't be written is reported and kept here, and
    the store's thread tries again until it is written, also when the run has ended: the run goes
    on in memory meanwhile, and waits no more.

    Args:
        runner: The run.
        info: What the store is told of it.
        store: Where it is kept.
        is_known: Whether the store has the run already.
    """

    def __init__(
        self, runner: Runner, info: RunInfo, store: Store, *, is_known: bool = False
    ) -> None:
        self._runner = runner
        self._info = info
        self._run = info.id
        self._store = store
        self._worker: Worker = getattr(store, "worker", _others)
        self._guard = threading.Lock()  # of the rows, which the thread takes
        self._rows: list[Row] = []
        self._unsavable: dict[str, str] = {}  # values that stand in the way
        self._has_gap = False  # a row lacks such a value: it is made one with the next
        self._reported: set[str] = set()
        self._written_seq = 0  # of the last row in the store
        self._waiting: list[asyncio.Future[None]] = []
        self._is_known = self._was_known = is_known
        self.goes_on = False
        """Whether the run is about to be active: it is held, and its event comes next."""
        self.is_held = False
        """Whether the store knows that this run is executed here."""
        self._wants_hold = False
        self._is_writing = False  # in the thread, and the loop waits for it
        self._is_adrift = False  # it could not be written
        self._lacks_all = False  # nothing of the run is in the store any more
        self._tells_all = False  # the row that waits does
        self._pause = 0.0  # before the next try
        self._refused: Exception | None = None
        self._is_only_taken_up = False  # nothing is written until the run is gone on with
        self._is_ended_here = False  # what is refused now needs not be told
        self.is_behind = False

    def executes(self) -> bool:
        """Whether the run is active, or becomes so in a moment."""
        is_active = self._runner.machine.status is AgentStatus.RUNNING or self.goes_on
        return is_active and self._refused is None

    def hold(self, *, goes_on: bool = True) -> None:
        """Be the only one that executes the run.

        Where the store can't be written just now the run goes on, and is held when it can.

        Args:
            goes_on: Whether the run becomes active now; if not, it is only taken up.

        Raises:
            RunHeldError: Another process, or another agent of this one, executes it.
            RunMovedOnError: Another one has gone on with it since it stood still here.
            StoreError: What was given as a store is none.
        """
        take_place(self._store, self._run, self, goes_on=goes_on)
        self._wants_hold = True
        self._refused = None
        if not self._is_writing:
            self.is_behind = False  # it may have been in a loop that was closed
        if self._lacks_all:
            self._add_all()
        self._write(last=True)
        if self._refused is not None:
            self.goes_on = False
            raise self._refused

    def leave(self) -> None:
        """Nobody goes on with the run here: let others execute it."""
        self._wants_hold = self.goes_on = False
        self._write(last=True)

    # ------------------------------------------------------------ from the loop

    def _add_row(self, row: Row) -> None:
        with self._guard:
            self._rows.append(row)
            if len(self._rows) > MOST_ROWS:
                self._rows = [folded(self._rows)]

    def _write_soon(self) -> None:
        """Write at the end of this turn of the loop: with the ends of others, in one go."""
        if self._store.keeps_objects:
            self._write()
        elif not self.is_behind and not self._is_adrift:
            self.is_behind = True
            self._runner.loop.call_soon(self._write)

    def _write(self, *, last: bool = False) -> None:
        """Bring the store to where the run is.

        Args:
            last: Whether nothing follows for now, so that what failed is tried again.
        """
        if self._is_writing:
            self.is_behind = self.is_behind or not self._is_adrift
            return  # what is being written is followed by the rest
        if (self._is_adrift and not last) or not self._is_undone():
            self._catch_up()
            return
        if not self._is_adrift and self._is_small():
            rows = self._take_rows()
            problem = self._carry_out(rows, wait=False)
            if not isinstance(problem, StoreBusyError):
                self._done(rows, problem)
                self._take_in(problem)
                self._catch_up()
                return
            self._give_back(rows)
        self.is_behind = self._is_writing = True
        loop = self._loop()
        count_work(loop, 1)
        self._worker.submit(self._work, loop)

    def _loop(self) -> asyncio.AbstractEventLoop:
        try:
            return asyncio.get_running_loop()  # where the run goes on in another one than before
        except RuntimeError:
            return self._runner.loop

    def _is_undone(self) -> bool:
        """Whether the store is not where the run is."""
        if self._refused is not None:
            return False
        has_rows = bool(self._rows) and not self._unsavable and not self._is_only_taken_up
        return has_rows or self.is_held != self._wants_hold

    def _is_small(self) -> bool:
        """Whether it takes less to write in the loop than to hand it over."""
        is_full = getattr(self._store, "durability", "normal") == "full"
        if is_full and (self._rows or not self._is_known):
            return False
        size = 0
        for row in self._rows:
            for value in row.values.values():
                if value is not None:
                    size += sum(map(len, value.buffers)) + size_of(value.data, SMALL)
            if size > SMALL:
                return False
        return True

    def _there(self, loop: asyncio.AbstractEventLoop, problem: Exception | None) -> None:
        """The thread has tried; in the loop."""
        self._is_writing = False
        count_work(loop, -1)
        self._take_in(problem, is_late=True)
        if self._is_adrift or not self._is_undone():
            self._catch_up()
        else:
            self._write()

    def _take_in(self, problem: Exception | None, *, is_late: bool = False) -> None:
        """Say in the loop what came of trying."""
        if problem is None:
            return
        if not self._is_refusal(problem):
            self._report(problem)
            if self._lacks_all:
                self._runner.loop.call_soon(self._write_all)
        elif self.executes():
            self._refuse(problem)
            cancel = self._runner.cancelling.interrupted
            _ = cancel(problem) if is_late else self._runner.loop.call_soon(cancel, problem)
        else:
            self._refuse(problem)
            if not self._is_ended_here:
                self._report(problem)

    def _refuse(self, problem: Exception) -> None:
        """Write nothing any more; a run that goes on is cancelled, and raises this."""
        self._refused = problem
        self._wants_hold = self.is_held = self._is_adrift = False
        self._lacks_all = True
        self._rows = []

    def _catch_up(self) -> None:
        self.is_behind = False
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._runner.keeper_caught_up()

    async def caught_up(self) -> None:
        """Wait until all that has happened is kept, or is known not to be."""
        while self.is_behind:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter

    def _report(self, why: Exception) -> None:
        """Say once what keeps the run from being kept."""
        text = self._runner.shared.secrets.masked(text_of(why))
        if text not in self._reported:
            self._reported.add(text)
            loop = self._runner.loop
            with suppress(RuntimeError):  # it was closed
                loop.call_soon(self._runner.emit, ev.SaveFailed, text)
            told = f"run {self._run!r} is not kept for now: {text}"
            warn(told, SaveWarning)

    # ------------------------------------------------------------ from the thread

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Write what there is, and tell the loop, which waits for it."""
        problem = self._try(wait=not self._is_adrift)
        if not _called_in(loop, self._there, loop, problem) and not _called_in(
            self._runner.loop, self._there, loop, problem
        ):
            self._is_writing = False
            count_work(loop, -1)

    def _try_again(self) -> None:
        """Write what could not be written, while the run goes on or when it has ended."""
        loop = self._runner.loop
        while self._is_adrift and self._refused is None:
            if self._lacks_all and loop.is_running():
                _called_in(loop, self._write_all)  # there it is known where the run is
                self._try_later()
                return
            if self._lacks_all:
                self._add_all()
            problem = self._try(wait=False)
            if problem is not None:
                if loop.is_running():
                    _called_in(loop, self._take_in, problem)
                return
            if self._is_undone():  # something has happened meanwhile
                if loop.is_running():
                    _called_in(loop, self._write)
                    return
                self._is_adrift = True

    def _try(self, *, wait: bool) -> Exception | None:
        rows = self._take_rows()
        problem = self._carry_out(rows, wait=wait)
        self._done(rows, problem)
        return problem

    def _try_later(self) -> None:
        first, most = RETRY_SECONDS
        self._pause = min(2 * self._pause, most) or first
        self._worker.call_later(self._pause, self._try_again)

    # ------------------------------------------------------------ in both

    def _take_rows(self) -> list[Row]:
        """The rows that can be written; none while a value stands in the way."""
        with self._guard:
            if self._unsavable or self._is_only_taken_up:
                return []
            rows, self._rows = self._rows, []
        if self._has_gap and len(rows) > 1:
            rows = [folded(rows)]
        return rows

    def _give_back(self, rows: list[Row]) -> None:
        """Keep what was taken, unless it was written before something else went wrong."""
        with self._guard:
            self._rows = [*(row for row in rows if row.seq > self._written_seq), *self._rows]

    def _carry_out(self, rows: list[Row], *, wait: bool) -> Exception | None:
        """Have the store know the run, hold it for us, take its rows, and let it go."""
        try:
            if self.is_held and self._wants_hold:  # as it is between two ends
                self._append(rows, wait=wait)
                return None
            with waiting(wait):
                if not self._is_known:
                    self._store.begin(self._info)
                    self._is_known = self._was_known = True
                if not self.is_held and (rows or self._wants_hold):
                    self._hold()
                self._append(rows, wait=wait)
                if not self._wants_hold:
                    if has_place(self._store, self._run, self):
                        self._store.release(self._run)
                    self.is_held = False
        except UnknownRunError:
            self._is_known = self.is_held = False
            return StoreReplacedError(getattr(self._store, "path", self._store), "replaced")
        except StoreReplacedError as problem:
            self._is_known = self.is_held = False
            return problem
        except (StoreError, RunHeldError, RunMovedOnError) as problem:
            return problem
        except GOES_THROUGH:
            raise
        except BaseException as problem:  # noqa: BLE001 - whatever a store raises harms no run
            raised = f"it raised {shortened(problem)}"
            return StoreError(shortened(self._store), raised, "see whether check_store passes")
        return None

    def _hold(self) -> None:
        """Hold the run, then look whether it is where we left it (semantics 12.7)."""
        self._store.hold(self._run)
        if next(iter(self._store.rows(self._run, self._written_seq)), None) is not None:
            self._store.release(self._run)
            raise RunMovedOnError(self._run)
        self.is_held = True

    def _append(self, rows: list[Row], *, wait: bool) -> None:
        if not rows:
            return
        seq = rows[-1].seq
        if self._tells_all:
            rows = [*after_what_is_there(self._store, self._run, rows[0]), *rows[1:]]
        self._store.append(self._run, rows, wait=wait)
        self._written_seq = seq
        self._has_gap = self._tells_all = False

    def _done(self, rows: list[Row], problem: Exception | None) -> None:
        """Remember what came of trying."""
        self._give_back(rows)
        if problem is None:
            if rows:
                self._reported.clear()
            self._is_adrift = False
            self._pause = 0.0
        elif not self._is_refusal(problem):
            self._lacks_all |= isinstance(problem, StoreReplacedError)
            self._is_adrift = True
            self._try_later()

    def _is_refusal(self, problem: Exception) -> bool:
        """Whether the run can't be kept there, whatever comes."""
        if isinstance(problem, StoreError):
            return problem.refuses_runs and not self._was_known
        return True

    # ------------------------------------------------------------ all of it

    def _write_all(self) -> None:
        """Write all that is known of the run, to a store that has nothing of it any more."""
        if self._lacks_all and self._refused is None and not self._is_writing:
            self._add_all()
            self._write(last=True)

    def _add_all(self) -> None:
        """Make one row of all that is known of the run, in place of those that wait."""
        raise NotImplementedError


def _called_in(
    loop: asyncio.AbstractEventLoop, function: Callable[..., object], *told: object
) -> bool:
    """Have a loop call a function, from another thread; False where it is closed."""
    try:
        loop.call_soon_threadsafe(function, *told)
    except RuntimeError:
        return False
    return True
