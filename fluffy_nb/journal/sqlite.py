"""Runs in one SQLite file."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sqlite3
import uuid
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from pydantic_core import to_json

from fluffy_nb.errors import (
    RunHeldError,
    RunMovedOnError,
    StoreError,
    StoreReplacedError,
    UnknownRunError,
    shortened,
)
from fluffy_nb.journal import holding
from fluffy_nb.journal.file import SQLiteFile
from fluffy_nb.journal.graphs import ITEM
from fluffy_nb.journal.reading import (
    MalformedError,
    info_from,
    is_sum,
    parsed,
    row_from,
    value_from,
)
from fluffy_nb.journal.store import EARLIER, Durability, Row, RunInfo, Value

LET_GO = "let_go"
"""In `runs.holder`: nobody holds the run, and when its last row was made."""


LAST_TIME = "SELECT time FROM moments WHERE run = ? ORDER BY seq DESC LIMIT 1"


class SQLiteStore(SQLiteFile):
    """One file, which any number of processes can read while they write other runs.

    Args:
        path: The file; it is made where there is none.
        durability: "normal": what was reported survives a crash of the process. "full": a loss of
            power too, for one fsync at each commit.
        read_only: Whether the file is only looked at.
        opens: Whether the file is opened now, or when it is first needed.

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
        opens: bool = True,
    ) -> None:
        super().__init__(path, durability, read_only=read_only, opens=opens)

    def _begin_anew(self) -> None:
        super()._begin_anew()
        self._token = uuid.uuid4().hex
        self._written: dict[str, tuple[str, float]] = {}  # status and time of runs' last rows

    def _lost(self) -> None:
        self._written.clear()

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.path)!r})"

    # ------------------------------------------------------------ writing

    def begin(self, info: RunInfo) -> None:
        """Take in a new run, without rows."""
        values = (*info[:4], json.dumps(info.starts), info.parent, info.parent_seq, None)
        self._check_log()
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)

    def append(self, run: str, rows: Iterable[Row], *, wait: bool = True) -> None:
        """Add rows to a run, all of them or none; the last one's status is the run's."""
        rows = list(rows)
        if not rows:
            return
        size = 0
        last = rows[-1]
        with self._transaction(wait=wait) as connection:
            try:
                for row in rows:
                    size += self._insert(connection, run, row)
            except sqlite3.IntegrityError:
                raise RunMovedOnError(run) from None
            if self._written.get(run, ("", 0.0))[0] != last.status:
                connection.execute(
                    "UPDATE runs SET status = ?, holder = iif(holder LIKE ?, NULL, holder) "
                    "WHERE id = ?",
                    (last.status, f'{{"{LET_GO}"%', run),
                )
        self._written[run] = last.status, last.time
        self._wrote(size)

    def _insert(self, connection: sqlite3.Connection, run: str, row: Row) -> int:
        """Add a row; returns about how large it is."""
        size = 0
        progress = row.progress
        if ITEM in progress:
            graph = _write(progress[ITEM])
            digest = _digest(graph)  # kept once for all runs that have it
            connection.execute("INSERT OR IGNORE INTO graphs VALUES (?, ?)", (digest, graph))
            progress = {**progress, ITEM: digest}
        text = _write([row.events, progress, list(row.values)])
        connection.execute(
            "INSERT INTO moments VALUES (?, ?, ?, ?, ?, ?, ?)", (run, *row[:4], text, _sum(text))
        )
        size += len(text)
        for key, value in row.values.items():
            data = None if value is None else _write([value.data, value.writer])
            connection.execute(
                "INSERT INTO context VALUES (?, ?, ?, ?, ?)",
                (run, key, row.seq, data, _sum(data or "")),
            )
            size += len(data or "") + 100
            for place, buffer in enumerate(() if value is None else value.buffers):
                connection.execute(
                    "INSERT INTO buffers VALUES (?, ?, ?, ?, ?, ?)",
                    (run, key, row.seq, place, buffer, zlib.crc32(buffer)),
                )
                size += len(buffer)
        return size

    # ------------------------------------------------------------ reading

    def runs(self) -> list[RunInfo]:
        """All runs, the latest first."""
        with self._reading():
            found = self._all(
                "SELECT id, agent, status, created, holder, starts, parent, parent_seq "
                "FROM runs ORDER BY created DESC, id"
            )
            return [info_from((*row[:4], self._updated(row), *row[5:])) for row in found]

    def _updated(self, row: tuple[Any, ...]) -> Any:
        """When a run's last row was made: of one that stands still no row is read."""
        run, created, holder = row[0], row[3], row[4]
        let_go = _let_go(holder)
        if let_go is not None:
            return let_go
        found = self._all(LAST_TIME, (run,))
        return found[0][0] if found else created

    def rows(self, run: str, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """A run's rows in order, with the keys of their values but without these."""
        self._check_known(run)
        last = 2**62 if until is None else until
        while True:  # in pieces, so that no reading is open while others write
            with self._reading():
                found = self._all(
                    "SELECT seq, time, state, status, data, sum FROM moments "
                    "WHERE run = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT 500",
                    (run, after, last),
                )
            if not found:
                return
            for *cells, sum_ in found:
                seq = cells[0]
                with self._understood(run, seq):
                    if not is_sum(sum_, cells[-1]):
                        raise self._damaged(run, seq)
                    row = row_from(cells, partial(self._graph, run, seq))
                yield row
                after = row.seq

    def _graph(self, run: str, seq: int, digest: object) -> Any:
        with self._reading():
            found = self._all("SELECT data FROM graphs WHERE digest = ?", (digest,))
        if not found or _digest(found[0][0]) != digest:
            raise self._damaged(run, seq)
        return parsed(found[0][0])

    def values(self, run: str, until: int | None = None) -> dict[str, Value]:
        """The context's values as they were after a row, or as they are."""
        self._check_known(run)
        last = 2**62 if until is None else until
        values = {}
        with self._reading():
            latest = self._all(
                "SELECT key, max(seq), data, sum FROM context "
                "WHERE run = ? AND seq <= ? GROUP BY key",
                (run, last),
            )
            for key, seq, text, sum_ in latest:
                with self._understood(run, seq):
                    if type(key) is not str or not is_sum(sum_, "" if text is None else text):
                        raise self._damaged(run, seq)
                    if text is not None:
                        data, writer = value_from(text)
                        values[key] = Value(data, self._buffers(run, key, seq), writer)
        return values

    def _buffers(self, run: str, key: str, seq: int) -> tuple[bytes, ...]:
        found = self._all(
            "SELECT data, sum FROM buffers WHERE run = ? AND key = ? AND seq = ? ORDER BY place",
            (run, key, seq),
        )
        for data, sum_ in found:
            if type(data) is not bytes or not is_sum(sum_, data):
                raise self._damaged(run, seq)
        return tuple(data for data, _ in found)

    def _all(self, sql: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query, as far as the file can have so much."""
        found = []
        for row in self._open["read"].execute(sql, tuple(values)):  # within `_reading`
            self._budget.take(row)
            found.append(row)
        return found

    def _check_known(self, run: str) -> None:
        with self._reading():
            known = self._all("SELECT 1 FROM runs WHERE id = ?", (run,))
        if not known:
            raise UnknownRunError(run, str(self.path), [info.id for info in self.runs()])

    @contextmanager
    def _understood(self, run: str, seq: object) -> Iterator[None]:
        """What is no row of ours as an error that has its number."""
        try:
            yield
        except MalformedError as problem:
            raise StoreError(
                self.path,
                f"what run {run!r} wrote after event {shortened(seq, 40)} can't be read: {problem}",
                EARLIER,
            ) from None

    def _damaged(self, run: str, seq: object) -> StoreError:
        return StoreError(
            self.path,
            f"what run {run!r} wrote after event {shortened(seq, 40)} was damaged",
            EARLIER,
        )

    async def follow(
        self, run: str, after: int = 0, every: float = 0.2
    ) -> AsyncIterator[Mapping[str, Any]]:
        """A run's events as plain data, as another process writes them, until it stands still.

        So it does also when that process has died.

        Args:
            run: The run.
            after: The number of the event to begin behind.
            every: Seconds between two looks at the file.

        Yields:
            Each event, in order.

        Raises:
            UnknownRunError: There is no such run.
        """
        while True:
            held, status = self.is_held(run), ""
            for row in self.rows(run, after):
                after, status = row.seq, row.status
                for event in row.events:
                    yield event
            if (status or self._status(run)) != "RUNNING" or not held:
                return
            await asyncio.sleep(every)

    def _status(self, run: str) -> str:
        with self._reading():
            found = self._all("SELECT status FROM runs WHERE id = ?", (run,))
        return str(found[0][0]) if found else ""

    # ------------------------------------------------------------ holding

    def holder(self, run: str) -> str:
        """Who executes a run, for people, as "process 4711 on desk"; empty where nobody does."""
        found = self._holder(run)
        return holding.told(found) if found and holding.is_alive(found) else ""

    def is_held(self, run: str) -> bool:
        """Whether some process, which is alive, executes a run."""
        return bool(self.holder(run))

    def _holder(self, run: str) -> str:
        with self._reading():
            found = self._all("SELECT holder FROM runs WHERE id = ?", (run,))
        return _text(found[0][0]) if found else ""

    def hold(self, run: str) -> None:
        """Have this store of this process be the only one that executes a run.

        Raises:
            RunHeldError: Another one, which is alive, holds it.
            UnknownRunError: There is no such run.
        """
        ours = json.dumps({**holding.this_process(), "store": self._token})
        self._check_log()
        try:
            with self._transaction() as connection:
                holder = _holder(connection, run)
                _check_free(run, holder, ours)
                if holder is None:
                    raise UnknownRunError(run, str(self.path), [])
                if holder != ours:
                    connection.execute("UPDATE runs SET holder = ? WHERE id = ?", (ours, run))
        except StoreReplacedError:
            raise
        except StoreError:  # who holds it can be read all the same
            with suppress(StoreError):
                _check_free(run, self._holder(run), ours)
            raise
        self._held.add(run)

    def release(self, run: str) -> None:
        """Let others execute a run; where we don't hold it nothing changes."""
        self._held.discard(run)
        with self._transaction() as connection:
            if self._token in (_holder(connection, run) or ""):
                _, time = self._written.pop(run, ("", None))
                let_go = json.dumps({LET_GO: time or _last_time(connection, run)})
                connection.execute("UPDATE runs SET holder = ? WHERE id = ?", (let_go, run))


def _holder(connection: sqlite3.Connection, run: str) -> str | None:
    """What the file says of who holds a run; None where there is no such run."""
    found = connection.execute("SELECT holder FROM runs WHERE id = ?", (run,)).fetchone()
    return None if found is None else _text(found[0])


def _check_free(run: str, holder: str | None, ours: str) -> None:
    if holder and holder != ours and holding.is_alive(holder):
        raise RunHeldError(run, holding.told(holder))


def _last_time(connection: sqlite3.Connection, run: str) -> float | None:
    found = connection.execute(LAST_TIME, (run,)).fetchone()
    return None if found is None else found[0]


def _let_go(holder: object) -> float | None:
    """When the last row of a run was made that nobody holds; None where it is not told."""
    if not isinstance(holder, str) or not holder.startswith(f'{{"{LET_GO}"'):
        return None
    try:
        time = json.loads(holder)[LET_GO]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return time if isinstance(time, (int, float)) else None


def _text(cell: object) -> str:
    return cell if isinstance(cell, str) else ""


def _write(data: Any) -> str:
    """Data as JSON; by pydantic's writer, which takes a seventh of the time for many numbers."""
    try:
        return to_json(data, inf_nan_mode="constants").decode()
    except ValueError:  # lone surrogates, as names of files may have, are no UTF-8
        return json.dumps(data, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _sum(text: str) -> int:
    return zlib.crc32(text.encode())
