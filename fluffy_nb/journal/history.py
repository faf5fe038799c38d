"""A run's checkpoints in a store, to be read one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, overload

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.checkpoint import Changes, Checkpoint
from fluffy_nb.engine.codecs import decode
from fluffy_nb.engine.soundness import check_progress
from fluffy_nb.errors import CheckpointError, StoreError, nearest, text_of
from fluffy_nb.journal.delta import NUMBER, progress_from
from fluffy_nb.journal.store import DAMAGED, EARLIER, AsItIs, Row, RunInfo, Store, Value


class Place(NamedTuple):
    """Where a checkpoint is: the run that made it, and the number of the event that it is of."""

    run: str
    event: int


class History(Sequence[Checkpoint]):
    """The checkpoints of a run, one for each state's end, oldest first; read when asked for.

    They are numbered from 1. A fork has those of its parent up to where it left. Where a row of the
    file is damaged there are those before it, and `problem` says what is wrong.

    Args:
        store: Where the run is kept.
        run: Its id.
        until: The number of an event, after which rows don't count; None for all.
    """

    def __init__(self, store: Store, run: str, until: int | None = None) -> None:
        self._store = store
        self._run = run
        infos = {info.id: info for info in store.runs()}
        self.problem: StoreError | CheckpointError | None = None
        """What can't be read of the run, where something can't."""
        self._places = self._find(infos, until)
        self.numbers = list(self._places)
        """The number of each."""

    def __len__(self) -> int:
        return len(self.numbers)

    def __repr__(self) -> str:
        damaged = "" if self.problem is None else "; what came later is damaged"
        return f"<{len(self)} checkpoints of run {self._run!r}{damaged}>"

    @overload
    def __getitem__(self, place: int) -> Checkpoint: ...

    @overload
    def __getitem__(self, place: slice) -> list[Checkpoint]: ...

    def __getitem__(self, place: int | slice) -> Checkpoint | list[Checkpoint]:
        if isinstance(place, slice):
            return [self.at(number) for number in self.numbers[place]]
        return self.at(self.numbers[place])

    def at(self, seq: int) -> Checkpoint:
        """The checkpoint of a number.

        Args:
            seq: Its number in the run, from 1.

        Raises:
            CheckpointError: There is none.
            StoreError: It can't be read.
        """
        if seq not in self._places and self.problem is not None:
            raise self.problem
        if seq not in self._places:
            shown = [str(number) for number in self.numbers[-5:]]
            raise CheckpointError(
                f"run {self._run!r} has no checkpoint {seq}: {nearest(str(seq), shown)}",
                "agent.checkpoints has them all, each with its seq",
            )
        run, event = self._places[seq]
        return checkpoint_at(self._store, run, event, seq)

    def _find(self, infos: dict[str, RunInfo], until: int | None) -> dict[int, Place]:
        """Where the checkpoints are, by number: first the parents', from the oldest."""
        line, left = [self._run], [0]  # the run and its parents, and at which number each left
        while (info := infos.pop(line[-1], None)) is not None and info.parent in infos:
            line.append(info.parent)  # each is looked at once, whatever a file says
            left.append(info.parent_seq or 0)
        places: dict[int, Place] = {}
        for run, number in zip(reversed(line), [0, *reversed(left[1:])], strict=True):
            places = self._add(run, until if run == self._run else None, number, places)
        return places

    def _add(
        self, run: str, until: int | None, left: int, before: dict[int, Place]
    ) -> dict[int, Place]:
        """The places of a run after those of its parent up to where it left."""
        places: dict[int, Place] = {}
        number, is_first, self.problem = 0, True, None
        try:
            for row in self._store.rows(run, 0, until):
                _check(self._store, run, row)
                told = row.progress.get(NUMBER)
                if is_first:
                    # Files of earlier versions tell no numbers, and at which event a fork left.
                    places = {
                        n: place
                        for n, place in before.items()
                        if (place.event if told is None else n) <= left
                    }
                    number, is_first = max(places, default=0), False
                number = number + bool(row.state) if told is None else told
                if row.state:
                    places[number] = Place(run, row.seq)
        except (StoreError, CheckpointError) as problem:
            self.problem = problem
        return places


def last_number(store: Store, run: str, until: int | None = None) -> int:
    """The number of the latest checkpoint of a run, up to the row of one event; 0 for none."""
    return max(History(store, run, until).numbers, default=0)


def info_of(store: Store, run: str) -> RunInfo:
    """What a store says of a run.

    Raises:
        UnknownRunError: It has no such run.
        StoreError: The entry of the run is none that this package writes.
    """
    for info in store.runs():
        if info.id == run:
            if info.status == DAMAGED:
                raise StoreError(
                    getattr(store, "path", store),
                    f"the entry of run {run!r} can't be read",
                    "restore the file from a copy",
                )
            return info
    next(iter(store.rows(run)), None)  # says which there are
    raise AssertionError  # pragma: no cover - rows() has raised


class Kept(NamedTuple):
    """What a run's rows come to.

    Args:
        items: The latest data of each item of the progress.
        keys: The keys of the context that they tell of.
        last: The last of the rows; None where there are none.
    """

    items: dict[str, Any]
    keys: dict[str, None]
    last: Row | None


def kept_of(store: Store, run: str, until: int | None = None) -> Kept:
    """What a run's rows come to, all or up to one."""
    items: dict[str, Any] = {}
    keys: dict[str, None] = {}
    row = None
    for row in store.rows(run, 0, until):
        _check(store, run, row)
        items.update(row.progress)
        keys.update(dict.fromkeys(row.values))
    return Kept(items, keys, row)


def _check(store: Store, run: str, row: Row) -> None:
    """Refuse a row of a file that is none of ours."""
    if store.keeps_objects:
        return
    from fluffy_nb.journal.reading import MalformedError, check_row  # noqa: PLC0415 - for files

    try:
        check_row(row)
    except MalformedError as problem:
        raise _malformed(store, run, row, problem) from None


def _malformed(store: Store, run: str, row: Row, problem: Exception) -> StoreError:
    """A row that nothing can go on from, as an error that has its number."""
    return StoreError(
        getattr(store, "path", store),
        f"what run {run!r} wrote after event {row.seq} can't be read: {text_of(problem, 500)}",
        EARLIER,
    )


def checkpoint_at(
    store: Store,
    run: str,
    until: int | None = None,
    number: int | None = None,
    kept: Kept | None = None,
) -> Checkpoint:
    """The checkpoint that a run's rows up to one come to.

    Args:
        store: Where it is kept.
        run: The run.
        until: The number of the event of the last row; None for all.
        number: The checkpoint's own number; None lets it be found.
        kept: What the rows come to, where that was read already.

    Raises:
        UnknownRunError: There is no such run.
        CheckpointError: It holds a value that can't be read here.
        StoreError: A row is none that this package writes; the message has its number.
    """
    info = info_of(store, run)
    items, _, row = kept_of(store, run, until) if kept is None else kept
    if row is None:
        raise CheckpointError(f"run {run!r} has nothing to go on from", "begin another run")
    if number is None:
        number = items.get(NUMBER) or last_number(store, run, until)
    read = _as_it_is if store.keeps_objects else decode
    try:
        progress = progress_from(run, info.starts, items, read)
    except CheckpointError:
        raise  # of a value: its class is not known here
    except Exception as problem:
        raise _malformed(store, run, row, problem) from problem
    try:
        check_progress(progress)
    except CheckpointError as problem:
        raise _malformed(store, run, row, problem) from None
    values = store.values(run, until)
    return Checkpoint(
        timestamp=row.time,
        agent_name=info.agent,
        agent_status=row.status,
        shared_state={key: _value(value) for key, value in values.items()},
        progress=progress,
        changes=_changes(store, run, row, values),
        writers={key: value.writer[0] for key, value in values.items()},
        seq=number,
        event=row.seq,
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
