"""Where runs are kept: what a store is given, and what it gives back.

A run is a sequence of rows. Each holds the events since the row before, and what they changed: of
the run's progress, and of the context. All rows up to one, folded, are a checkpoint. So what is
written grows with what has changed, not with what there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, Protocol

Durability = Literal["normal", "full"]
"""What is kept in a file survives: the death of the process, or a loss of power too."""


DAMAGED = "DAMAGED"
"""The status of a run in a file whose entry can't be read; the other runs can."""


EARLIER = "go on from a checkpoint before it: agent.take_up(run, number)"
"""The remedy where a row can't be read; `History` has the checkpoints before it."""


class RunInfo(NamedTuple):
    """A run in a store.

    Args:
        id: The run's.
        agent: The name of its agent.
        status: Where it stood when it was last written, as `AgentStatus` has it, or `DAMAGED`.
        created: When it began, seconds since the epoch.
        updated: When it was last written.
        starts: The states it began at.
        parent: The run it was forked from, where it was.
        parent_seq: The number of the checkpoint there that it was forked from; in files of earlier
            versions that of its event.
    """

    id: str
    agent: str
    status: str
    created: float
    updated: float
    starts: tuple[str, ...]
    parent: str | None = None
    parent_seq: int | None = None


class AsItIs(NamedTuple):
    """A value that can't be saved, in a store that keeps objects."""

    value: Any


class Value(NamedTuple):
    """A value of the context.

    Args:
        data: Plain data that `codecs.encode` gave, or an `AsItIs`.
        buffers: The large buffers in it.
        writer: The state, attempt, event number and execution that wrote it.
    """

    data: Any
    buffers: tuple[bytes, ...]
    writer: tuple[str, int, int, int]


class Row(NamedTuple):
    """What one moment of a run added.

    Args:
        seq: The number of the latest event in it: the row's own number.
        time: When that was, seconds since the epoch.
        state: The state whose end it keeps; empty where it keeps something else.
        status: The agent's, then.
        events: The events since the row before: as plain data; in a store that keeps objects, as
            they are.
        progress: What has changed of the progress, by item; None for what is gone.
        values: The context's values that have changed, by key; None for those that are gone.
    """

    seq: int
    time: float
    state: str
    status: str
    events: tuple[Any, ...]
    progress: Mapping[str, Any]
    values: Mapping[str, Value | None]


class Store(Protocol):
    """Keeps the rows of runs; `fluffy_nb.testing.check_store` says whether one does it well.

    Every method may raise `StoreError`; then nothing of the call has happened.
    """

    keeps_objects: bool
    """Whether it can keep what is no plain data: events, and values that can't be saved."""

    def begin(self, info: RunInfo) -> None:
        """Take in a new run, without rows."""

    def append(self, run: str, rows: Iterable[Row], *, wait: bool = True) -> None:
        """Add rows to a run, all of them or none; the last one's status is the run's.

        Args:
            run: The run's id.
            rows: The rows, in order.
            wait: Whether to wait for others who write; if not, `StoreBusyError` is raised.
        """

    def runs(self) -> list[RunInfo]:
        """All runs, the latest first."""

    def rows(self, run: str, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """A run's rows in order, without their values; those after one seq and up to another."""

    def values(self, run: str, until: int | None = None) -> dict[str, Value]:
        """The context's values as they were after a row, or as they are."""

    def hold(self, run: str) -> None:
        """Have this process be the only one that executes a run.

        Raises:
            RunHeldError: Another one, which is alive, holds it.
        """

    def release(self, run: str) -> None:
        """Let others execute a run."""
