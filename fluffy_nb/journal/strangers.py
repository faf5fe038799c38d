"""A file that anybody may have made: what is checked before its tables are read.

SQLite runs what a schema says: a view, a trigger or a generated column of a file is code. So the
schema has to be the one that this package makes, to the word. What is read of the tables can't
take longer, or be more, than a file of that size can need.
"""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from fluffy_nb.errors import StoreError, listed

REMEDY = "don't use a file that you don't trust; name another one, or restore this one from a copy"

STEPS = 100_000
"""How many steps of SQLite's machine are done between two looks at the budget."""

LEAST_STEPS = 20_000_000
"""A reading may take so many; SQLite does them in less than a second."""

STEPS_A_BYTE = 10
"""And so many more for each byte of the file; a row of 60 bytes takes about 40."""

SPARSE_BYTES = 64 * 2**20
"""A file that has few blocks on the disk counts as so large at most."""

SLACK_BYTES = 2**20
"""What is read may be longer than the file by this: what others write meanwhile."""

_LIMITS = {
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_COLUMN: 32,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}

_STATISTICS = {
    ("table", "sqlite_stat1", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
    (
        "table",
        "sqlite_stat4",
        "sqlite_stat4",
        "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
    ),
}
"""What SQLite's ANALYZE adds: numbers that the planner reads. They change no result."""

_SUPER_JOURNAL = bytes.fromhex("d9d505f920a163d7")
"""What a rollback journal ends with that names another file, which SQLite would delete."""


def check_path(path: Path) -> None:
    """Refuse what is no plain file; opening a pipe would wait for ever.

    Raises:
        StoreError: It is a folder, a pipe or a device, or its journal names another file.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # there is none yet, or opening it says why not
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
        raise StoreError(path, f"it is {kind}", "name a file")
    journal = Path(f"{path}-journal")
    try:
        if not stat.S_ISREG(journal.stat().st_mode):
            raise StoreError(path, f"{journal.name!r} beside it is no plain file", REMEDY)
        with journal.open("rb") as file:
            file.seek(max(journal.stat().st_size - len(_SUPER_JOURNAL), 0))
            names_another = file.read(len(_SUPER_JOURNAL)) == _SUPER_JOURNAL
    except FileNotFoundError:
        return
    if names_another:
        raise StoreError(path, f"{journal.name!r} beside it names another file", REMEDY)


def guarded(connection: sqlite3.Connection, path: Path) -> Budget:
    """Have a connection trust nothing that its file says; before anything is read by it.

    Returns:
        The budget of its readings.
    """
    for limit, most in _LIMITS.items():
        connection.setlimit(limit, most)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA mmap_size = 0")
    connection.text_factory = _text
    return Budget(connection, path)


def _text(data: bytes) -> str:
    """A text of the file; what is no UTF-8 is found by its checksum, with the row's number."""
    return data.decode("utf-8", "surrogateescape")


def check_schema(
    connection: sqlite3.Connection, path: Path, version: int, made: dict[int, str]
) -> None:
    """Refuse a file whose schema is not the one that this package makes.

    Args:
        connection: To the file.
        path: The file, for messages.
        version: What the file says of its tables.
        made: The SQL that makes the tables, by version.

    Raises:
        StoreError: The schema is another one; the message names what differs.
    """
    if version not in made:
        versions = " or ".join(map(str, made))
        raise StoreError(path, f"it has version {version}, which is none of {versions}", REMEDY)
    limit = _longest(made[version])
    rows = connection.execute(
        "SELECT type, name, tbl_name, substr(sql, 1, ?) FROM sqlite_master LIMIT 50", (limit,)
    )
    found = set(map(_normalised, rows.fetchall())) - _STATISTICS
    expected = _schema(made[version])
    if found != expected:
        raise StoreError(path, f"its schema is not ours: {_difference(found, expected)}", REMEDY)


def _longest(sql: str) -> int:
    return len(sql) + 1000


@cache
def _schema(sql: str) -> Collection[tuple[str, ...]]:
    """The rows of `sqlite_master` that some SQL makes."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(sql)
        rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
        return frozenset(map(_normalised, rows))


def _normalised(row: Iterable[object]) -> tuple[str, ...]:
    """A row of `sqlite_master` with each run of white space as one space.

    Our own SQL has no quotes and no comments, so what is equal so far has equal words.
    """
    return tuple(" ".join(str(cell).split()) for cell in row)


def _difference(found: set[tuple[str, ...]], expected: Collection[tuple[str, ...]]) -> str:
    ours = {(row[0], row[1]) for row in expected}
    theirs = {(row[0], row[1]) for row in found}
    for words, rows in (
        ("has", theirs - ours),
        ("lacks", ours - theirs),
        ("has another form of", {row[:2] for row in found - set(expected)}),
    ):
        if rows:
            return f"it {words} {listed((f'{kind} {name}' for kind, name in sorted(rows)), 3)}"
    return "it has a row twice"  # pragma: no cover - sets have none


class Budget:
    """How much work and how many bytes a reading may take.

    Nothing is counted outside `reading`, so what we write ourselves is never stopped.

    Args:
        connection: Whose statements are counted.
        path: The file.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._path = path
        self._steps: int | None = None
        self._bytes = 0
        connection.set_progress_handler(self._step, STEPS)

    def _step(self) -> int:
        if self._steps is None:
            return 0
        self._steps -= STEPS
        return int(self._steps < 0)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Count what is done and read inside; readings inside one another have one budget."""
        if self._steps is not None:
            yield
            return
        size = _size(self._path)
        self._steps, self._bytes = LEAST_STEPS + STEPS_A_BYTE * size, size + SLACK_BYTES
        try:
            yield
        except sqlite3.OperationalError as problem:
            if self._steps < 0:
                raise self._refused("takes more steps") from problem
            raise
        except UnicodeDecodeError as problem:  # SQLite's own message quotes the file
            raise StoreError(self._path, "its schema is damaged", REMEDY) from problem
        finally:
            self._steps = None

    def take(self, cells: Iterable[object]) -> None:
        """Count the bytes of a row that was read.

        Raises:
            StoreError: What was read is more than the file has.
        """
        for cell in cells:
            if isinstance(cell, (str, bytes)):
                self._bytes -= len(cell)
        if self._bytes < 0:
            raise self._refused("gives more bytes")

    def _refused(self, what: str) -> StoreError:
        return StoreError(self._path, f"reading it {what} than a file of its size has", REMEDY)


def _size(path: Path) -> int:
    """Bytes of a file and its log; of a sparse file about as many as it has."""
    size = 0
    for each in (path, Path(f"{path}-wal")):
        try:
            found = each.stat()
        except OSError:
            continue
        blocks = getattr(found, "st_blocks", found.st_size)  # Windows does not say
        # A file system that compresses, or has not written yet, says fewer than there are.
        size += min(found.st_size, max(64 * 512 * blocks, SPARSE_BYTES))
    return size
