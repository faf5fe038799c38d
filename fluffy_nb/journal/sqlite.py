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
from contextlib import contextmanager
from functools import partial
from typing import Any

from pydantic_core import to_json

from fluffy_nb.errors import RunHeldError, StoreError, UnknownRunError, shortened
from fluffy_nb.journal import holding
from fluffy_nb.journal.file import (
    BUSY_SECONDS,
    COPY_BYTES,
    END_BYTES,
    SQLiteFile,
)
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


class SQLiteStore(SQLiteFile):
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
        self._token = uuid.uuid4().hex
        self._statuses: dict[str, str] = {}  # of runs, as we have written them
        super().__init__(path, durability, read_only=read_only)

    def __repr__(self) -> str:
        return f"SQLiteStore({str(self.path)!r})"

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
        progress = row.progress
        if ITEM in progress:
            progress = {**progress, ITEM: self._insert_graph(connection, progress[ITEM])}
        text = _write([row.events, progress, list(row.values)])
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

    def _insert_graph(self, connection: sqlite3.Connection, graph: Any) -> str:
        """Keep a graph once for all runs that have it; returns what stands for it."""
        text = _write(graph)
        digest = _digest(text)
        done = connection.execute("INSERT OR IGNORE INTO graphs VALUES (?, ?)", (digest, text))
        self._since_copy += len(text) * done.rowcount
        return digest

    # ------------------------------------------------------------ reading

    def runs(self) -> list[RunInfo]:
        """All runs, the latest first."""
        with self._reading():
            found = self._all(
                "SELECT id, agent, status, created, coalesce((SELECT time FROM moments WHERE "
                "run = runs.id ORDER BY seq DESC LIMIT 1), created), starts, parent, parent_seq "
                "FROM runs ORDER BY created DESC, id"
            )
        return list(map(info_from, found))

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

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Read within the budget of the file."""
        with self._lock, self._told("read"), self._budget.reading():
            yield

    def _all(self, sql: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query, as far as the file can have so much."""
        found = []
        for row in self._connection.execute(sql, tuple(values)):
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
        holder = found[0][0] if found else ""
        return holder if isinstance(holder, str) else ""

    def hold(self, run: str) -> None:
        """Have this store of this process be the only one that executes a run."""
        ours = json.dumps({**holding.this_process(), "store": self._token})
        with self._transaction() as connection:
            holder = self._holder(run)
            if holder and holder != ours and holding.is_alive(holder):
                raise RunHeldError(run, holding.told(holder))
            connection.execute("UPDATE runs SET holder = ? WHERE id = ?", (ours, run))

    def release(self, run: str) -> None:
        """Let others execute a run; where we don't hold it nothing changes."""
        with self._transaction() as connection:
            if self._token in self._holder(run):
                connection.execute("UPDATE runs SET holder = NULL WHERE id = ?", (run,))
        if self._since_copy > END_BYTES:
            self._copy_soon("TRUNCATE")


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
