"""What every store must do, as a check that a store of one's own can run too."""

from __future__ import annotations

from collections.abc import Callable

from fluffy_nb.engine.codecs import encode
from fluffy_nb.errors import UnknownRunError
from fluffy_nb.journal.store import Row, RunInfo, Store, Value

WRITER = ("s", 1, 1, 1)


def check_store(make: Callable[[], Store]) -> None:
    """Check that stores keep what they are given, and give it back as it was.

    Args:
        make: Makes an empty store each time it is called.

    Raises:
        AssertionError: It does not; the message says what.

    Example:
        >>> check_store(lambda: SQLiteStore(folder / f"{next(numbers)}.sqlite"))
    """
    for check in (_runs, _rows, _values, _unknown, _apart, _all_or_nothing, _holding):
        check(make())


def _info(run: str, created: float = 1.0) -> RunInfo:
    return RunInfo(run, "agent", "IDLE", created, created, ("a", "b"), "parent", 7)


def _row(seq: int, state: str = "", **values: object) -> Row:
    """A row whose values are plain; None stands for one that is gone."""
    kept = {
        key: None if value is None else Value(encode(value), (b"x" * 300,), WRITER)
        for key, value in values.items()
    }
    events = ({"kind": "RetryDue", "seq": seq, "time": 1.5, "execution": 1, "state": "s"},)
    return Row(seq, 1.5, state, "RUNNING", events, {"w1": {"state": "s"}, "r": None}, kept)


def _runs(store: Store) -> None:
    assert store.runs() == [], "a new store has no runs"
    store.begin(_info("one", 1.0))
    store.begin(_info("two", 2.0))
    assert [info.id for info in store.runs()] == ["two", "one"], "runs() gives the latest first"
    assert store.runs()[1] == _info("one", 1.0), "a run is as it was begun"
    store.append("one", [_row(3)._replace(status="PAUSED", time=9.0)])
    assert store.runs()[1].status == "PAUSED", "a run has the status of its last row"
    assert store.runs()[1].updated == 9.0, "a run was updated when its last row was made"


def _rows(store: Store) -> None:
    store.begin(_info("run"))
    assert list(store.rows("run")) == [], "a new run has no rows"
    rows = [_row(2, "a", n=1), _row(5), _row(6, "b", n=2)]
    store.append("run", rows[:2])
    store.append("run", rows[2:], wait=False)
    found = list(store.rows("run"))
    for row, read in zip(rows, found, strict=True):
        assert read[:4] == row[:4], "a row has its seq, time, state and status"
        assert list(read.events) == list(row.events), "a row has its events"
        assert dict(read.progress) == row.progress, "a row has its progress, gone items too"
        assert list(read.values) == list(row.values), "a row has the keys that it changed"
    assert [row.seq for row in store.rows("run", 2)] == [5, 6], "rows after a seq"
    assert [row.seq for row in store.rows("run", 0, 5)] == [2, 5], "rows up to a seq"


def _values(store: Store) -> None:
    store.begin(_info("run"))
    store.append("run", [_row(1, n=1, text="ü"), _row(2, n=[1, 2])])
    store.append("run", [_row(3, n=None), _row(4, n=4, more={"a": None})])
    now = store.values("run")
    assert set(now) == {"n", "text", "more"}, "values() gives the latest of each key"
    assert now["n"] == _row(4, n=4).values["n"], "with its buffers and its writer"
    assert store.values("run", 2)["n"].data == [1, 2], "values as they were"
    assert set(store.values("run", 3)) == {"text"}, "a value that is gone is not there"
    assert store.values("run", 0) == {}, "before the first row there is nothing"


def _unknown(store: Store) -> None:
    store.begin(_info("known"))
    for ask in (store.values, lambda run: list(store.rows(run))):
        try:
            ask("unknwon")
        except UnknownRunError as problem:
            assert "known" in str(problem), "the error says which runs there are"
        else:
            raise AssertionError("a run that is not there is an UnknownRunError")


def _apart(store: Store) -> None:
    store.begin(_info("one"))
    store.begin(_info("two"))
    store.append("one", [_row(1, n=1)])
    assert list(store.rows("two")) == [], "runs do not mix"
    assert store.values("two") == {}, "values of runs do not mix"


def _all_or_nothing(store: Store) -> None:
    """A row that can't be written takes those of the same call with it."""
    store.begin(_info("run"))
    if store.keeps_objects:
        return  # whatever it is given is kept as it is
    broken = _row(2)._replace(progress={"w1": object()})
    try:
        store.append("run", [_row(1, n=1), broken])
    except Exception:  # noqa: BLE001 - which one is the store's affair
        assert list(store.rows("run")) == [], "of a call that fails nothing is kept"
        assert store.values("run") == {}, "of a call that fails nothing is kept"
    else:
        raise AssertionError("a row that is no data is refused")


def _holding(store: Store) -> None:
    store.begin(_info("run"))
    store.hold("run")
    store.hold("run")  # who holds it may say so again
    store.release("run")
    store.release("run")
