"""How SQLite opens a file: where it is, who else has it, and what of it can be done."""

from __future__ import annotations

import ctypes
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from fluffy_nb.errors import StoreBusyError, StoreError, StoreReplacedError
from fluffy_nb.journal.store import Durability
from fluffy_nb.journal.strangers import guarded

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


class Place(NamedTuple):
    """Which file a path leads to."""

    device: int
    number: int

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Place | None:
        """The file of a path; None where there is none."""
        try:
            found = os.stat(path)  # noqa: PTH116 - for each commit: a Path takes twice as long
        except OSError:
            return None
        return cls(found.st_dev, found.st_ino)


def log_of(path: Path) -> Path:
    """The write-ahead log of a file."""
    return path.with_name(path.name + "-wal")


def size_of(path: Path) -> int:
    """The size of a file in bytes; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a file without waiting for others.

    Args:
        path: The file.
        mode: SQLite's: "ro", "rw", "rwc", or "immutable" for a file that nobody writes.
    """
    query = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{query}",
        uri=True,
        timeout=0,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA foreign_keys = OFF")
    return connection


def set_up(connection: sqlite3.Connection) -> None:
    """Have a connection write to a log, and leave the copying of the log to a thread."""
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA journal_mode = WAL")


def set_level(connection: sqlite3.Connection, durability: Durability) -> Durability:
    """Have commits survive what is said; returns that."""
    level = "FULL" if durability == "full" else "NORMAL"
    connection.execute(f"PRAGMA synchronous = {level}")
    return durability


def is_empty(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether a file has no tables yet, of ours or of anybody else."""
    with guarded(connection, path).reading():
        return not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()


def is_whole(connection: sqlite3.Connection, size: int) -> bool:
    """Whether a file that is smaller than it was has all its pages, as after a VACUUM.

    Asked of SQLite: whoever opens and closes the file beside it takes away its locks.

    Args:
        connection: To the file.
        size: Of the file in bytes.
    """
    try:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (page,) = connection.execute("PRAGMA page_size").fetchone()
    except sqlite3.Error:
        return False
    return bool(pages * page <= size)


def copy_log(path: Path, most: int) -> None:
    """Copy the log into the file, and make it empty where it is large.

    Args:
        path: The file.
        most: From so many bytes on it is made empty. Writers have to wait meanwhile, so what has
            to be copied is copied before. Readers that began before can prevent it.
    """
    connection = connect(path, "rw")
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        if size_of(log_of(path)) > most:
            connection.execute("PRAGMA busy_timeout = 100")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


@contextmanager
def reading_at_once(connection: sqlite3.Connection) -> Iterator[None]:
    """Have several statements see one state of the file."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def remove(path: Path) -> None:
    """Remove a file with its log, which SQLite would take for that of a new file."""
    for each in (path, log_of(path), path.with_name(path.name + "-shm")):
        each.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder for runs: it is none that version control should keep."""
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if folder.name.startswith("."):
            (folder / ".gitignore").write_text("*\n")


def never_close(connection: sqlite3.Connection) -> None:
    """Leave a connection open for as long as the process lives.

    When SQLite closes a file it deletes the log of that name. This is for connections whose log
    is not the one of that name any more, or belongs to the parent of this process.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def is_busy(problem: sqlite3.Error) -> bool:
    """Whether another process is in the way just now, so that it is worth to try again."""
    return _code(problem) in _BUSY


def is_unwritable(problem: sqlite3.Error) -> bool:
    """Whether the file, or its folder, may not be written."""
    return _code(problem) in _UNWRITABLE


def is_foreign(problem: sqlite3.Error) -> bool:
    """Whether the file is no database."""
    return _code(problem) == sqlite3.SQLITE_NOTADB


def is_lost(problem: sqlite3.Error) -> bool:
    """Whether the connection is of no use any more."""
    lost = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB}
    return _code(problem) in lost


def _code(problem: sqlite3.Error) -> int:
    code: int = getattr(problem, "sqlite_errorcode", 0) or 0
    return code & 0xFF  # the rest says more about it


def as_ours(path: Path, what: str, problem: sqlite3.Error | OSError) -> StoreError:
    """SQLite's errors, and the system's, as ours.

    Args:
        path: The file.
        what: What could not be done, as "write".
        problem: The error.
    """
    text = f"can't {what}: {problem}"
    if not isinstance(problem, sqlite3.Error):
        return StoreError(path, text, "choose a folder that can be written")
    if is_busy(problem):
        remedy = (
            "another process is writing for long; the run goes on in memory, and is written later"
        )
        return StoreBusyError(path, text, remedy)
    if getattr(problem, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_DBMOVED:
        return StoreReplacedError(path, "moved or deleted")
    return StoreError(path, text, _remedy(str(problem)))


def _remedy(text: str) -> str:
    if "full" in text:
        return "make room; the run goes on in memory, and is written when there is some"
    if "readonly" in text or "unable to open" in text:
        return "choose a file that can be written"
    return "restore the file from a copy, or name another one"
