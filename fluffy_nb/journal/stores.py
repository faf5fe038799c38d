"""Which store somebody means: memory, a file, or one of their own."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from fluffy_nb.engine.specs import is_seconds
from fluffy_nb.errors import InvalidSpecError, explains_arguments
from fluffy_nb.journal.memory import MemoryStore
from fluffy_nb.journal.store import Durability, RunInfo, Store

if TYPE_CHECKING:
    from fluffy_nb.journal.sqlite import SQLiteStore

_files: dict[str, SQLiteStore] = {}
"""The stores of this process by the real paths of their files."""

Given = str | os.PathLike[str] | Store
"""What can be given as a store."""


def store_of(given: Given, durability: Durability = "normal") -> Store:
    """The store that is meant; one file has one store in a process.

    A file is the same by whatever path it is given: relative, through a link, in other letters
    where the system does not tell them apart. If it is given with two durabilities, "full" counts
    for both.

    Args:
        given: "memory", the path of a file, or a store. A file is opened when it is needed.
        durability: Of a file; see `SQLiteStore`.

    Raises:
        InvalidSpecError: It is none of these.
    """
    check_store_given(given, durability)
    if given == "memory":
        return MemoryStore()
    if not isinstance(given, (str, os.PathLike)):
        return given
    from fluffy_nb.journal.sqlite import SQLiteStore  # noqa: PLC0415 - not before a file is wanted

    place = os.path.normcase(os.path.realpath(given))
    store = _files.get(place) or _same_file(place)
    if store is None:
        store = _files[place] = SQLiteStore(given, durability, opens=False)
    elif durability == "full":
        store.durability = durability
    return store


def _same_file(place: str) -> SQLiteStore | None:
    """The store whose file has another path too, by a hard link or in other letters."""
    from fluffy_nb.journal.opening import Place  # noqa: PLC0415 - as above

    found = Place.of(place)
    same = (store for store in _files.values() if found and Place.of(store.path) == found)
    return next(same, None)


def check_store_given(given: Given, durability: Durability) -> Given:
    """Refuse what can't be a store, without opening it; returns it."""
    if not isinstance(durability, str) or durability not in {"normal", "full"}:
        raise InvalidSpecError("durability", durability, '"normal" or "full"')
    parts = ("begin", "append", "runs", "rows", "values", "hold", "release")
    if not isinstance(given, (str, os.PathLike)) and not all(hasattr(given, p) for p in parts):
        raise InvalidSpecError("store", given, '"memory", the path of a file, or a Store')
    if given != "memory" and isinstance(given, (str, os.PathLike)):
        import fluffy_nb.journal.sqlite  # noqa: F401, PLC0415 - now: when a run begins it would take long
    return given


def check_run_id(run_id: object) -> None:
    """Refuse what can't be the id of a run."""
    if not isinstance(run_id, str):
        remedy = "result.run_id and agent.run_id say which; runs_in(path) lists those of a file."
        raise InvalidSpecError("run_id", run_id, "the id of a run, a string", remedy)


def check_interval(seconds: float | None) -> None:
    """Refuse what can't be a `checkpoint_interval`."""
    if seconds is not None and not (is_seconds(seconds) and seconds > 0):
        allowed = "a number of seconds above zero, or None"
        raise InvalidSpecError("checkpoint_interval", seconds, allowed)


@explains_arguments
def open_store(path: str | os.PathLike[str]) -> SQLiteStore:
    """Look at the runs in a file, also while another process writes there; changes nothing.

    Args:
        path: The file; neither it nor its folder need be one that can be written.

    Returns:
        The store; `runs()` lists them, `History(store, run)` has a run's checkpoints.

    Raises:
        StoreError: There is no such file, or it is no store.
    """
    from fluffy_nb.journal.sqlite import SQLiteStore  # noqa: PLC0415 - as above

    if not isinstance(path, (str, os.PathLike)):
        raise InvalidSpecError("the file of a store", path, "the path of a file")
    return SQLiteStore(path, read_only=True)


def runs_in(path: str | os.PathLike[str]) -> list[RunInfo]:
    """The runs in a file, the latest first.

    Args:
        path: The file.

    Raises:
        StoreError: There is no such file, or it is no store.
    """
    with closing(open_store(path)) as store:
        return store.runs()
