"""One SQLite file: opening it, transactions, and copying its log."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fluffy_nb.errors import StoreBusyError, StoreError
from fluffy_nb.journal import strangers
from fluffy_nb.journal.store import Durability

APPLICATION = 0x666C7566
"""Says in the file's header whose it is: "fluf"."""

VERSION = 2
"""Of the tables."""

BUSY_SECONDS = 10.0
"""How long another process that writes is waited for."""

COPY_BYTES = 4 * 2**20
"""After so much the log is copied into the file, in a thread."""

END_BYTES = 256 * 1024
"""As `COPY_BYTES`, where a run ends."""

GRAPHS = """
CREATE TABLE graphs (digest TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID;
"""

FIRST_TABLES = """
CREATE TABLE runs (
  id TEXT PRIMARY KEY, agent TEXT NOT NULL, status TEXT NOT NULL, created REAL NOT NULL,
  starts TEXT NOT NULL, parent TEXT, parent_seq INTEGER, holder TEXT
) WITHOUT ROWID;
CREATE TABLE moments (
  run TEXT NOT NULL, seq INTEGER NOT NULL, time REAL NOT NULL, state TEXT NOT NULL,
  status TEXT NOT NULL, data TEXT NOT NULL, sum INTEGER NOT NULL,
  PRIMARY KEY (run, seq)
);
CREATE TABLE context (
  run TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, data TEXT, sum INTEGER NOT NULL,
  PRIMARY KEY (run, key, seq)
);
CREATE TABLE buffers (
  run TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, place INTEGER NOT NULL,
  data BLOB NOT NULL, sum INTEGER NOT NULL,
  PRIMARY KEY (run, key, seq, place)
);
"""

TABLES = FIRST_TABLES + GRAPHS

MADE = {1: FIRST_TABLES, 2: TABLES}
"""The tables of each version: those of a file have to be the same, to the word."""

MIGRATIONS = {1: GRAPHS}
"""What makes of the tables of a version those of the next, while others may have the file open."""


class SQLiteFile:
    """A file with our tables, open for as long as the object is there.

    Args:
        path: See `SQLiteStore`.
        durability: See `SQLiteStore`.
        read_only: See `SQLiteStore`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        durability: Durability = "normal",
        *,
        read_only: bool = False,
    ) -> None:
        self.path = Path(path)
        self.durability = durability
        self._lock = threading.RLock()
        self._since_copy = 0
        self._copying: threading.Thread | None = None
        self._patience = BUSY_SECONDS
        with self._told("open"):
            self._connection = self._open(read_only=read_only)
        # Python 3.13 warns of a connection that goes away unclosed. At the interpreter's end a
        # thread may still write.
        weakref.finalize(self, self._connection.close).atexit = False

    def close(self) -> None:
        """Close the file, when its log has been copied where that is under way."""
        if self._copying is not None:
            self._copying.join()
        with self._lock:
            self._connection.close()

    # ------------------------------------------------------------ opening

    def _open(self, *, read_only: bool) -> sqlite3.Connection:
        if read_only and not self.path.exists():
            raise StoreError(self.path, "there is no such file", "name the file of a store")
        connection = self._connect(read_only=read_only)
        try:
            self._prepare(connection, read_only=read_only)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, *, read_only: bool) -> sqlite3.Connection:
        strangers.check_path(self.path)
        if not read_only:
            self._make_folder()
        mode = "ro" if read_only else "rwc"
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA foreign_keys = OFF")
        return connection

    def _make_folder(self) -> None:
        """A folder that is made for runs is none that version control should keep."""
        if not self.path.parent.exists():
            self.path.parent.mkdir(parents=True)
            if self.path.parent.name.startswith("."):
                (self.path.parent / ".gitignore").write_text("*\n")

    def _prepare(self, connection: sqlite3.Connection, *, read_only: bool) -> None:
        self._budget = strangers.guarded(connection, self.path)
        with self._budget.reading():
            whose = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            # No count(*): SQLite does that in one step, which the budget can't stop.
            is_new = not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            if not is_new and whose != APPLICATION:
                problem = "it is a database of something else"
                raise StoreError(self.path, problem, "name another file")
            if version > VERSION:
                raise StoreError(
                    self.path,
                    f"it has version {version}, this package reads up to {VERSION}",
                    "open it with the version of fluffy-nb that wrote it",
                )
            if not is_new:
                strangers.check_schema(connection, self.path, version, MADE)
        if read_only:
            return  # older tables can be read as they are
        connection.execute("PRAGMA journal_mode = WAL")
        level = "FULL" if self.durability == "full" else "NORMAL"
        connection.execute(f"PRAGMA synchronous = {level}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # it would hold the loop: see `_copy`
        if is_new:
            connection.executescript(
                f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION};"
                f"PRAGMA user_version = {VERSION}; {TABLES} COMMIT;"
            )
        elif version < VERSION:
            self._migrate(connection)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        """Make older tables the present ones: all steps or none."""
        connection.execute("BEGIN IMMEDIATE")
        # Asked again: another process may have done it meanwhile.
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        for step in range(version, VERSION):
            connection.execute(MIGRATIONS[step])
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except StoreError:
            raise
        except sqlite3.Error as problem:
            code = getattr(problem, "sqlite_errorcode", None)
            kind = StoreBusyError if code == sqlite3.SQLITE_BUSY else StoreError
            raise kind(self.path, f"can't {what}: {problem}", _remedy(problem)) from problem
        except OSError as problem:
            raise StoreError(
                self.path, f"can't {what}: {problem}", "choose a folder that can be written"
            ) from problem

    @contextmanager
    def _transaction(self, patience: float = BUSY_SECONDS) -> Iterator[sqlite3.Connection]:
        with self._lock, self._told("write"):
            if patience != self._patience:
                self._patience = patience
                self._connection.execute(f"PRAGMA busy_timeout = {int(1000 * patience)}")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    # ------------------------------------------------------------ copying the log

    def _copy_soon(self, mode: str) -> None:
        self._since_copy = 0
        self._copying = threading.Thread(
            target=self._copy, args=(mode,), name="fluffy-store", daemon=True
        )
        self._copying.start()

    def _copy(self, mode: str = "PASSIVE") -> None:
        """Copy the log into the file; another time where that can't be done now.

        Args:
            mode: SQLite's "PASSIVE", or "TRUNCATE", which also makes the log empty.
        """
        try:
            connection = self._connect(read_only=False)
            try:
                connection.execute(f"PRAGMA wal_checkpoint({mode})")
            finally:
                connection.close()
        except sqlite3.Error:
            return  # the log is whole without it


def _remedy(problem: sqlite3.Error) -> str:
    text = str(problem)
    if "full" in text:
        return "make room; the run goes on in memory, and is written when there is some"
    if "readonly" in text or "unable to open" in text:
        return "choose a file that can be written"
    if "locked" in text or "busy" in text:
        return (
            "another process is writing for long; the run goes on in memory, and is written later"
        )
    return "restore the file from a copy, or name another one"
