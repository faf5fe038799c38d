"""A run's checkpoints in a store, to be read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.checkpoint import Changes, Checkpoint
from fluffy_nb.engine.codecs import decode
from fluffy_nb.engine.soundness import check_progress
from fluffy_nb.errors import CheckpointError, nearest
from fluffy_nb.journal.delta import progress_from
from fluffy_nb.journal.store import DAMAGED, AsItIs, Row, RunInfo, Store, Value


class History(Sequence[Checkpoint]):
    """The checkpoints of a run, one for each state's end, oldest first; read when asked for.

    Args:
        store: Where the run is kept.
        run: Its id.
    """

    def __init__(self, store: Store, run: str) -> None:
        self._store = store
        self._run = run
        self.numbers = [row.seq for row in store.rows(run) if row.state]
        """The number of each: of the event that ended the state."""

    def __len__(self) -> int:
        return len(self.numbers)

    def __repr__(self) -> str:
        return f"<{len(self)} checkpoints of run {self._run!r}>"

    @overload
    def __getitem__(self, place: int) -> Checkpoint: ...

    @overload
    def __getitem__(self, place: slice) -> list[Checkpoint]: ...

    def __getitem__(self, place: int | slice) -> Checkpoint | list[Checkpoint]:
        if isinstance(place, slice):
            return [checkpoint_at(self._store, self._run, seq) for seq in self.numbers[place]]
        return checkpoint_at(self._store, self._run, self.numbers[place])

    def at(self, seq: int) -> Checkpoint:
        """The checkpoint of a number: the one that keeps the event of this number.

        Args:
            seq: The number of the event that ended the state.

        Raises:
            CheckpointError: There is none.
        """
        if seq not in self.numbers:
            shown = [str(number) for number in self.numbers[-5:]]
            raise CheckpointError(
                f"run {self._run!r} has no checkpoint {seq}: {nearest(str(seq), shown)}",
                "agent.checkpoints has them all, each with its seq",
            )
        return checkpoint_at(self._store, self._run, seq)


def info_of(store: Store, run: str) -> RunInfo:
    """What a store says of a run.

    Raises:
        UnknownRunError: It has no such run.
    """
    for info in store.runs():
        if info.id == run:
            if info.status == DAMAGED:
                raise CheckpointError(
                    f"the entry of run {run!r} can't be read", "restore the file from a copy"
                )
            return info
    next(iter(store.rows(run)), None)  # says which there are
    raise AssertionError  # pragma: no cover - rows() has raised


def items_of(store: Store, run: str, until: int | None = None) -> tuple[dict[str, Any], list[Row]]:
    """What a run's rows come to: the latest data of each item, and its last two rows."""
    items: dict[str, Any] = {}
    last: list[Row] = []
    for row in store.rows(run, 0, until):
        _check(store, run, row)
        items.update(row.progress)
        last = [*last[-1:], row]
    return items, last


def _check(store: Store, run: str, row: Row) -> None:
    """Refuse a row of a file that is none of ours."""
    if store.keeps_objects:
        return
    from fluffy_nb.journal.reading import MalformedError, check_row  # noqa: PLC0415 - for files

    try:
        check_row(row)
    except MalformedError as problem:
        raise CheckpointError(
            f"what run {run!r} wrote after event {row.seq} can't be read: {problem}",
            f"go on from before it: load with a number below {row.seq}",
        ) from None


def checkpoint_at(store: Store, run: str, until: int | None = None) -> Checkpoint:
    """The checkpoint that a run's rows up to one come to.

    Args:
        store: Where it is kept.
        run: The run.
        until: The number of the last row; None for all.

    Raises:
        UnknownRunError: There is no such run.
        CheckpointError: It holds what can't be read here.
    """
    info = info_of(store, run)
    items, last = items_of(store, run, until)
    if not last:
        raise CheckpointError(f"run {run!r} has nothing to go on from", "begin another run")
    row = last[-1]
    read = _as_it_is if store.keeps_objects else decode
    try:
        progress = progress_from(run, info.starts, items, read)
        check_progress(progress)
    except CheckpointError:
        raise
    except Exception as problem:
        raise CheckpointError(
            f"the progress of run {run!r} can't be read: {problem}", "restore the file from a copy"
        ) from problem
    values = store.values(run, until)
    return Checkpoint(
        timestamp=row.time,
        agent_name=info.agent,
        agent_status=row.status,
        shared_state={key: _value(value) for key, value in values.items()},
        progress=progress,
        changes=_changes(store, run, row, values),
        writers={key: value.writer[0] for key, value in values.items()},
        seq=row.seq,
        state=row.state,
    )


def _value(value: Value) -> Any:
    if isinstance(value.data, AsItIs):
        return value.data.value
    return decode(value.data, value.buffers)


def _as_it_is(data: Any) -> Any:
    return data


def _changes(store: Store, run: str, row: Row, values: Mapping[str, Value]) -> Changes:
    """The keys that a row added, changed and removed."""
    if not row.values:
        return Changes()
    before = store.values(run, row.seq - 1)
    return Changes(
        added=tuple(key for key in row.values if key in values and key not in before),
        changed=tuple(key for key in row.values if key in values and key in before),
        removed=tuple(key for key in row.values if key not in values),
    )


def events_of(store: Store, run: str, after: int = 0) -> Iterator[Mapping[str, Any]]:
    """A run's events as plain data, those after one number."""
    for row in store.rows(run, after):
        _check(store, run, row)
        for event in row.events:
            data = event.to_dict() if isinstance(event, ev.Event) else event
            if data["seq"] > after:
                yield data
