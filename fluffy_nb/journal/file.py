"""One SQLite file: opened when it is needed, closed when nobody uses it, and its log kept small."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fluffy_nb.errors import StoreBusyError, StoreError, StoreReplacedError
from fluffy_nb.journal import opening, strangers, tables
from fluffy_nb.journal.opening import Place
from fluffy_nb.journal.store import Durability
from fluffy_nb.journal.strangers import Budget
from fluffy_nb.journal.waiting import may_wait
from fluffy_nb.journal.worker import Worker

PATIENCE_SECONDS = 2.0
"""How long another process that writes is waited for, in a thread."""

LOCK_SECONDS = 0.002
"""How long the store's own thread is waited for in the loop: mostly it looks at the file only."""

READ_MILLISECONDS = 500
"""How long a reader waits for one that has the file for itself, which is rare."""

COPY_BYTES = 4 * 2**20
"""After about so much the log is copied into the file, in a thread."""

COMMIT_BYTES = 20 * 2**10
"""About what a small commit adds to the log: the pages that it changes."""

LOG_BYTES = 16 * 2**20
"""A log that is larger is made empty when it is copied, for which writers have to wait."""

END_BYTES = 256 * 2**10
"""As `COPY_BYTES`, where nobody uses the file any more."""


class SQLiteFile:
    """A file with our tables. It is open while it is used, and is closed soon after.

    Args:
        path: See `SQLiteStore`.
        durability: See `SQLiteStore`.
        read_only: See `SQLiteStore`.
        opens: Whether the file is opened, and made where there is none, now.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        durability: Durability = "normal",
        *,
        read_only: bool = False,
        opens: bool = True,
    ) -> None:
        self.path = Path(path).absolute()  # also when the process changes its folder
        self.durability: Durability = durability
        """May be made "full" at any time."""
        self._log = opening.log_of(Path(os.path.realpath(self.path)))  # SQLite follows links
        self._is_read_only = read_only
        self.worker = Worker(self._rest)
        """Calls what has to wait for the file."""
        self._open: dict[str, sqlite3.Connection] = {}  # to "write" and to "read"
        self._begin_anew()
        # Python 3.13 warns of a connection that goes away unclosed.
        weakref.finalize(self, _close_all, self._open).atexit = False
        _files.add(self)
        if opens:
            with self._told("open"):
                self._open_now()

    def _begin_anew(self) -> None:
        self._lock = threading.RLock()  # of the connection to write
        self._read_lock = threading.RLock()
        self._held: set[str] = set()  # the runs for which the file stays open
        self._since_copy = 0
        self._is_copying = False
        self._place: Place | None = None
        self._log_place: Place | None = None
        self._size = 0
        self._cut_place: Place | None = None
        self._read_place: Place | None = None
        self._level: Durability = "normal"
        self._is_stand_in = self._is_immutable = False

    def _forked(self) -> None:
        """This is a child process: what is open is the parent's, as are the runs it holds."""
        for connection in self._open.values():
            opening.never_close(connection)
        self._open.clear()
        self._begin_anew()

    def close(self) -> None:
        """Close the file, when all that is to be written has been; it is opened again if needed."""
        self.worker.join()
        with self._lock, self._read_lock:
            if self._is_cut():
                self._cut()
                self._lost()
            self._close()

    def _close(self) -> None:
        while self._open:
            with suppress(sqlite3.Error):  # a log that can't be copied now stays
                self._open.popitem()[1].close()

    def _rest(self) -> None:
        """Close the file when nobody uses it."""
        if self._held or not self._lock.acquire(blocking=False):
            return
        try:
            if self._is_cut():
                return  # who uses it next is told
            if self._since_copy > END_BYTES:
                self._copy()
            with self._read_lock:
                if not self._held:
                    self._close()
        finally:
            self._lock.release()

    def _used(self) -> None:
        if not self._held:
            self.worker.look_when_idle()

    # ------------------------------------------------------------ opening

    def _open_now(self) -> None:
        if self._is_read_only:
            self._reader()
        else:
            self._make()
        self._used()

    def _make(self) -> None:
        """Open the file to write, and make it where there is none."""
        self._begin(wait=may_wait.get()).execute("ROLLBACK")
        self._lock.release()

    @property
    def _connection(self) -> sqlite3.Connection:
        """What writes, opened if needed."""
        connection = self._open.get("write")
        return self._open_to_write() if connection is None else connection

    def _open_to_write(self) -> sqlite3.Connection:
        if self._is_read_only:
            raise StoreError(self.path, "can't write: it was opened readonly", "use Agent(store=)")
        if self._cut_place is not None and Place.of(self.path) == self._cut_place:
            raise StoreError(
                self.path, "it was cut while it was in use", "move it away, or a copy to its place"
            )
        opening.make_folder(self.path.parent)
        strangers.check_path(self.path)
        connection = opening.connect(self.path, "rwc")
        try:
            self._prepare(connection, read_only=False)
            connection.execute("SELECT count(*) FROM runs").fetchone()  # opens the log
        except BaseException as problem:
            connection.close()
            if isinstance(problem, sqlite3.Error) and opening.is_foreign(problem):
                problem = opening.as_ours(self.path, "open", problem)
            if isinstance(problem, StoreError):
                problem.refuses_runs = True
            raise problem  # noqa: TRY201 - it may be another
        self._open["write"] = connection
        self._place, self._log_place = Place.of(self.path), Place.of(self._log)
        self._size = opening.size_of(self.path)
        self._level = opening.set_level(connection, "normal")
        return connection

    def _prepare(self, connection: sqlite3.Connection, *, read_only: bool) -> Budget:
        budget = strangers.guarded(connection, self.path)
        # In one transaction: another process may be making the tables just now.
        with budget.reading(), opening.reading_at_once(connection):
            whose = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            # No count(*): SQLite does that in one step, which the budget can't stop.
            is_new = not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            if not is_new and whose != tables.APPLICATION:
                problem = "it is a database of something else"
                raise StoreError(self.path, problem, "name another file")
            if version > tables.VERSION:
                raise StoreError(
                    self.path,
                    f"it has version {version}, this package reads up to {tables.VERSION}",
                    "open it with the version of fluffy-nb that wrote it",
                )
            if not is_new:
                strangers.check_schema(connection, self.path, version, tables.MADE)
        if read_only:
            return budget  # older tables can be read as they are
        if is_new and self.durability == "normal":  # the disk is waited for in the thread
            connection.execute("PRAGMA synchronous = OFF")
            self.worker.submit(self._copy)
        opening.set_up(connection)
        tables.make(connection) if is_new else tables.migrate(connection, version)
        return budget

    def _check_opened_quickly(self) -> None:
        """Refuse what takes long: waiting for a disk, and reading a long log."""
        is_full = self.durability == "full" and not opening.size_of(self.path)
        if is_full or opening.size_of(self._log) > COPY_BYTES:
            raise StoreBusyError(self.path, "can't write: it is not open", "open it in a thread")

    # ------------------------------------------------------------ writing

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except StoreError:
            raise
        except (sqlite3.Error, OSError) as problem:
            raise opening.as_ours(self.path, what, problem) from problem

    @contextmanager
    def _transaction(self, *, wait: bool | None = None) -> Iterator[sqlite3.Connection]:
        with self._told("write"):
            connection = self._begin(wait=may_wait.get() if wait is None else wait)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException as problem:
                self._undo(connection, problem)
                raise
            finally:
                self._lock.release()
        self._used()

    def _begin(self, *, wait: bool) -> sqlite3.Connection:
        """Begin a transaction, with the lock that its end gives back.

        Others are waited for here and not by SQLite, so that the lock is free meanwhile.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        pause = 0.001
        while True:
            if not self._lock.acquire(timeout=PATIENCE_SECONDS if wait else LOCK_SECONDS):
                raise StoreBusyError(
                    self.path, "can't write: another thread is writing", "try again later"
                )
            try:
                if "write" in self._open:
                    self._check_place()
                elif not wait:
                    self._check_opened_quickly()
                connection = self._connection
                if self._level != self.durability:
                    self._level = opening.set_level(connection, self.durability)
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as problem:
                self._lock.release()
                if not wait or not opening.is_busy(problem) or time.monotonic() > until:
                    raise
            except BaseException:
                self._lock.release()
                raise
            else:
                return connection
            time.sleep(pause)
            pause = min(2 * pause, 0.05)

    def _undo(self, connection: sqlite3.Connection, problem: BaseException) -> None:
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        if isinstance(problem, sqlite3.Error) and opening.is_lost(problem):
            self._open.pop("write", None)
            with suppress(sqlite3.Error):
                connection.close()

    # ------------------------------------------------------------ a file that is another now

    def _check_place(self) -> None:
        """Notice that the file was deleted, replaced or cut since it was opened."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - for each commit: a Path takes twice as long
        except (FileNotFoundError, NotADirectoryError):
            what = "deleted"
        else:
            if (found.st_dev, found.st_ino) != self._place:
                what = "replaced by another"
            elif found.st_size >= self._size or opening.is_whole(self._connection, found.st_size):
                self._size = found.st_size
                return
            else:
                what = f"cut to {found.st_size} bytes"
                self._cut()
        with self._read_lock:
            self._close()
        self._lost()
        raise StoreReplacedError(self.path, what)

    def _is_cut(self) -> bool:
        """Whether the file is open and was cut meanwhile: SQLite must not copy the log into it."""
        if "write" not in self._open or Place.of(self.path) != self._place:
            return False
        size = opening.size_of(self.path)
        return size < self._size and not opening.is_whole(self._connection, size)

    def _cut(self) -> None:
        """Do not close what was cut: SQLite would fill it with pieces of the log."""
        for connection in self._open.values():
            opening.never_close(connection)
        self._open.clear()
        if opening.size_of(self.path):
            self._cut_place = self._place
        else:  # nothing is in it: a new one is made, to which the old log does not belong
            opening.remove(self.path)

    def _check_log(self) -> None:
        """Notice that the log was deleted, while the file is there: what is in it is saved."""
        with self._lock:
            if "write" not in self._open or self._log_place is None:
                return
            if Place.of(self._log) == self._log_place:
                return
            connection = self._open.pop("write")
            if self._log.exists() or Place.of(self.path) != self._place:
                opening.never_close(connection)  # it is another's, who may have written since
                return
            with suppress(sqlite3.Error), self._read_lock:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                connection.close()
                self._close()

    def _lost(self) -> None:
        """What is known of the file counts no more."""

    # ------------------------------------------------------------ reading

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._told("read"):
            if not self._is_read_only and "read" not in self._open and not self.path.exists():
                self._make()
            with self._read_lock:
                connection = self._reader()
                with self._budget.reading():
                    yield connection
        self._used()

    def _reader(self) -> sqlite3.Connection:
        connection = self._open.get("read")
        if connection is not None:
            is_outdated = self._is_stand_in or (self._is_immutable and self._log.exists())
            if not is_outdated and Place.of(self.path) == self._read_place:
                return connection
            del self._open["read"]
            connection.close()
        if not self.path.exists():
            raise StoreError(self.path, "there is no such file", "name the file of a store")
        connection = self._open_to_read("ro" if self._is_read_only else "rw")
        connection.execute(f"PRAGMA busy_timeout = {READ_MILLISECONDS}")
        self._open["read"], self._read_place = connection, Place.of(self.path)
        return connection

    def _open_to_read(self, mode: str) -> sqlite3.Connection:
        strangers.check_path(self.path)
        self._is_immutable = mode == "immutable"
        connection = None
        try:
            connection = opening.connect(self.path, mode)
            connection.execute(f"PRAGMA busy_timeout = {READ_MILLISECONDS}")
            self._is_stand_in = opening.is_empty(connection, self.path)
            if self._is_stand_in:  # whoever makes it is not done, or was killed
                connection.close()
                connection = sqlite3.connect(":memory:", check_same_thread=False)
                connection.executescript(tables.TABLES)
                self._budget = strangers.guarded(connection, self.path)
                return connection
            self._budget = self._prepare(connection, read_only=True)
        except BaseException as problem:
            if connection is not None:
                connection.close()
            may_be_folder = isinstance(problem, sqlite3.Error) and opening.is_unwritable(problem)
            if not may_be_folder or self._is_immutable:
                raise
        else:
            return connection
        if opening.size_of(self._log):
            raise StoreError(
                self.path,
                f"a part of it is in {self._log.name}, and the folder can't be written",
                "copy both to a folder that you can write, and open the copy",
            )
        return self._open_to_read("immutable")

    # ------------------------------------------------------------ copying the log

    def _wrote(self, size: int) -> None:
        """Have the log copied when much was written."""
        self._since_copy += size + COMMIT_BYTES
        if self._since_copy > COPY_BYTES and not self._is_copying:
            self._is_copying = True
            self.worker.submit(self._copy)

    def _copy(self) -> None:
        """Copy the log into the file; another time where that can't be done now."""
        self._since_copy = 0
        self._check_log()
        with self._lock:  # not while it is copied: who writes in the loop does not wait for it
            is_cut = self._is_cut()
        with suppress(sqlite3.Error):  # the log is whole without it
            if not is_cut:
                opening.copy_log(self.path, LOG_BYTES)
        self._is_copying = False


_files: weakref.WeakSet[SQLiteFile] = weakref.WeakSet()


def _close_all(connections: dict[str, sqlite3.Connection]) -> None:
    while connections:
        with suppress(sqlite3.Error):
            connections.popitem()[1].close()


def _forked() -> None:
    for file in list(_files):
        file._forked()  # noqa: SLF001 - its own module


if hasattr(os, "register_at_fork"):  # there is none on Windows, which can't fork
    os.register_at_fork(after_in_child=_forked)
