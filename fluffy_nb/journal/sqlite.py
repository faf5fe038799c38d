"""Runs in one SQLite file."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from fluffy_nb.errors import RunHeldError, StoreBusyError, StoreError, UnknownRunError
from fluffy_nb.journal import holding
from fluffy_nb.journal.store import Row, RunInfo, Value

Durability = Literal["normal", "full"]

APPLICATION = 0x666C7566
"""Says in the file's header whose it is: "fluf"."""

VERSION = 1
"""Of the tables; see `migrations.py`."""

BUSY_SECONDS = 10.0
"""How long another process that writes is waited for."""

COPY_BYTES = 4 * 2**20
"""After so much the log is copied into the file, in a thread."""

END_BYTES = 256 * 1024
"""As `COPY_BYTES`, where a run ends."""

TABLES = """
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

_write = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class SQLiteStore:
    """One file, which any number of processes can read while they write other runs.

    Args:
        path: The file; it is made where there is none.
        durability: "normal": what was reported survives a crash of the process. "full": a loss of
            power too, for one fsync at each commit.
        read_only: Whether the file is only looked at.

    Raises:
        StoreError: The file can't be opened, is no store, or is of a newer version.
    """

    keeps_objects = False

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
        self._token = uuid.uuid4().hex
        self._since_copy = 0
        self._statuses: dict[str, str] = {}  # of runs, as we have written them
        self._patience = BUSY_SECONDS
        with self._told("open"):
            self._connection = self._open(read_only=read_only)

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.path)!r})"

    def close(self) -> None:
        """Close the file."""
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
        whose = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        is_new = not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not is_new and whose != APPLICATION:
            raise StoreError(self.path, "it is a database of something else", "name another file")
        if version > VERSION:
            raise StoreError(
                self.path,
                f"it has version {version}, this package reads up to {VERSION}",
                "open it with the version of fluffy-nb that wrote it",
            )
        if read_only:
            return
        connection.execute("PRAGMA journal_mode = WAL")
        level = "FULL" if self.durability == "full" else "NORMAL"
        connection.execute(f"PRAGMA synchronous = {level}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # it would hold the loop: see `_copy`
        if is_new:
            connection.executescript(
                f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION};"
                f"PRAGMA user_version = {VERSION}; {TABLES} COMMIT;"
            )

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

    # ------------------------------------------------------------ writing

    def begin(self, info: RunInfo) -> None:
        """Take in a new run, without rows."""
        values = (*info[:4], json.dumps(info.starts), info.parent, info.parent_seq, None)
        with self._transaction() as connection:
            connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    def append(self, run: str, rows: Iterable[Row], *, wait: bool = True) -> None:
        """Add rows to a run, all of them or none; the last one's status is the run's."""
        rows = list(rows)
        if not rows:
            return
        with self._transaction(BUSY_SECONDS if wait else 0.0) as connection:
            for row in rows:
                self._insert(connection, run, row)
            status = rows[-1].status
            if self._statuses.get(run) != status:
                connection.execute("UPDATE runs SET status = ? WHERE id = ?", (status, run))
        self._statuses[run] = status
        if self._since_copy > COPY_BYTES:
            self._copy_soon("PASSIVE")

    def _insert(self, connection: sqlite3.Connection, run: str, row: Row) -> None:
        text = _write([row.events, row.progress, list(row.values)])
        connection.execute(
            "INSERT INTO moments VALUES (?, ?, ?, ?, ?, ?, ?)", (run, *row[:4], text, _sum(text))
        )
        self._since_copy += len(text) + 100
        for key, value in row.values.items():
            data = None if value is None else _write([value.data, value.writer])
            connection.execute(
                "INSERT INTO context VALUES (?, ?, ?, ?, ?)",
                (run, key, row.seq, data, _sum(data or "")),
            )
            self._since_copy += len(data or "") + 100
            for place, buffer in enumerate(() if value is None else value.buffers):
                connection.execute(
                    "INSERT INTO buffers VALUES (?, ?, ?, ?, ?, ?)",
                    (run, key, row.seq, place, buffer, zlib.crc32(buffer)),
                )
                self._since_copy += len(buffer)

    def _copy_soon(self, mode: str) -> None:
        self._since_copy = 0
        threading.Thread(target=self._copy, args=(mode,), name="fluffy-store", daemon=True).start()

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

    # ------------------------------------------------------------ reading

    def runs(self) -> list[RunInfo]:
        """All runs, the latest first."""
        with self._lock, self._told("read"):
            found = self._connection.execute(
                "SELECT id, agent, status, created, coalesce((SELECT time FROM moments WHERE "
                "run = runs.id ORDER BY seq DESC LIMIT 1), created), starts, parent, parent_seq "
                "FROM runs ORDER BY created DESC, id"
            ).fetchall()
        return [RunInfo(*(*row[:5], tuple(json.loads(row[5])), *row[6:])) for row in found]

    def rows(self, run: str, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """A run's rows in order, with the keys of their values but without these."""
        self._check_known(run)
        last = 2**62 if until is None else until
        while True:  # in pieces, so that no reading is open while others write
            with self._lock, self._told("read"):
                found = self._connection.execute(
                    "SELECT seq, time, state, status, data, sum FROM moments "
                    "WHERE run = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT 500",
                    (run, after, last),
                ).fetchall()
            if not found:
                return
            for seq, time, state, status, text, sum_ in found:
                self._check_sum(sum_ == _sum(text), run, seq)
                events, progress, keys = json.loads(text)
                yield Row(seq, time, state, status, tuple(events), progress, dict.fromkeys(keys))
            after = found[-1][0]

    def values(self, run: str, until: int | None = None) -> dict[str, Value]:
        """The context's values as they were after a row, or as they are."""
        self._check_known(run)
        last = 2**62 if until is None else until
        values = {}
        with self._lock, self._told("read"):
            latest = self._connection.execute(
                "SELECT key, max(seq), data, sum FROM context "
                "WHERE run = ? AND seq <= ? GROUP BY key",
                (run, last),
            ).fetchall()
            for key, seq, text, sum_ in latest:
                self._check_sum(sum_ == _sum(text or ""), run, seq)
                if text is not None:
                    data, writer = json.loads(text)
                    values[key] = Value(data, self._buffers(run, key, seq), tuple(writer))
        return values

    def _buffers(self, run: str, key: str, seq: int) -> tuple[bytes, ...]:
        found = self._connection.execute(
            "SELECT data, sum FROM buffers WHERE run = ? AND key = ? AND seq = ? ORDER BY place",
            (run, key, seq),
        ).fetchall()
        for data, sum_ in found:
            self._check_sum(zlib.crc32(data) == sum_, run, seq)
        return tuple(data for data, _ in found)

    def _check_known(self, run: str) -> None:
        with self._lock, self._told("read"):
            known = self._connection.execute("SELECT 1 FROM runs WHERE id = ?", (run,)).fetchone()
        if known is None:
            raise UnknownRunError(run, str(self.path), [info.id for info in self.runs()])

    def _check_sum(self, fits: bool, run: str, seq: int) -> None:
        if not fits:
            raise StoreError(
                self.path,
                f"what run {run!r} wrote after event {seq} was damaged",
                f"go on from before it: load with a number below {seq}",
            )

    # ------------------------------------------------------------ holding

    def hold(self, run: str) -> None:
        """Have this store of this process be the only one that executes a run."""
        ours = json.dumps({**holding.this_process(), "store": self._token})
        with self._transaction() as connection:
            found = connection.execute("SELECT holder FROM runs WHERE id = ?", (run,)).fetchone()
            holder = found[0] if found else None
            if holder is not None and holder != ours and holding.is_alive(holder):
                raise RunHeldError(run, holding.told(holder))
            connection.execute("UPDATE runs SET holder = ? WHERE id = ?", (ours, run))

    def release(self, run: str) -> None:
        """Let others execute a run; where we don't hold it nothing changes."""
        with self._transaction() as connection:
            found = connection.execute("SELECT holder FROM runs WHERE id = ?", (run,)).fetchone()
            if found and found[0] and self._token in found[0]:
                connection.execute("UPDATE runs SET holder = NULL WHERE id = ?", (run,))
        if self._since_copy > END_BYTES:
            self._copy_soon("TRUNCATE")


def _sum(text: str) -> int:
    return zlib.crc32(text.encode())


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
