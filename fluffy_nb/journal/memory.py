"""Runs in memory: as long as the process lives, and as far back as there is room."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from fluffy_nb.errors import UnknownRunError
from fluffy_nb.journal.store import Row, RunInfo, Value

MOST_ROWS = 1_000
"""Checkpoints of a run that are kept; older ones are folded together."""

MOST_EVENTS = 10_000
"""Events of a run that are kept."""

MOST_RUNS = 20
"""Runs that are kept; the oldest goes."""


class _Kept:
    """A run: what the rows that were folded together came to, and those since."""

    def __init__(self, info: RunInfo) -> None:
        self._info = info
        self.rows: dict[int, Row] = {}
        self._latest: Row | None = None
        self._folded: Row | None = None  # the latest of those that were
        self._progress: dict[str, Any] = {}
        self._values: dict[str, Any] = {}
        self._events: deque[Any] = deque(maxlen=MOST_EVENTS)

    @property
    def info(self) -> RunInfo:
        row = self._latest
        return (
            self._info if row is None else self._info._replace(status=row.status, updated=row.time)
        )

    def add(self, row: Row) -> None:
        self.rows[row.seq] = row
        self._latest = row
        if len(self.rows) > MOST_ROWS:
            self._fold(self.rows.pop(next(iter(self.rows))))

    def _fold(self, row: Row) -> None:
        self._folded = row
        self._events.extend(row.events)
        for folded, more in ((self._progress, row.progress), (self._values, row.values)):
            for name, data in more.items():
                if data is None:
                    folded.pop(name, None)
                else:
                    folded[name] = data

    def all(self) -> Iterator[Row]:
        if self._folded is not None:
            events, progress, values = tuple(self._events), dict(self._progress), dict(self._values)
            yield self._folded._replace(events=events, progress=progress, values=values)
        yield from list(self.rows.values())


class MemoryStore:
    """Keeps the latest checkpoints and events of the latest runs."""

    keeps_objects = True

    def __init__(self) -> None:
        self._runs: dict[str, _Kept] = {}

    def begin(self, info: RunInfo) -> None:
        """Take in a new run, without rows."""
        self._runs[info.id] = _Kept(info)
        while len(self._runs) > MOST_RUNS:
            del self._runs[next(iter(self._runs))]

    def append(self, run: str, rows: Iterable[Row], *, wait: bool = True) -> None:  # noqa: ARG002 - nobody else writes
        """Add rows to a run."""
        kept = self._kept(run)
        for row in rows:
            kept.add(row)

    def runs(self) -> list[RunInfo]:
        """All runs, the latest first."""
        return [kept.info for kept in reversed(self._runs.values())]

    def rows(self, run: str, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """A run's rows in order; the first stands for all that were folded together."""
        for row in self._kept(run).all():
            if row.seq > after and (until is None or row.seq <= until):
                yield row

    def values(self, run: str, until: int | None = None) -> dict[str, Value]:
        """The context's values as they were after a row, or as they are."""
        found: dict[str, Any] = {}
        for row in self.rows(run, 0, until):
            found.update(row.values)
        return {key: value for key, value in found.items() if value is not None}

    def hold(self, run: str) -> None:
        """Nobody else can reach it."""

    def release(self, run: str) -> None:
        """Nobody else can reach it."""

    def _kept(self, run: str) -> _Kept:
        if run not in self._runs:
            raise UnknownRunError(run, "memory", list(self._runs))
        return self._runs[run]
