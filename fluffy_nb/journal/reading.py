"""What the rows of a file say, checked cell by cell: the file may be anybody's."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from fluffy_nb.engine.shapes import (
    BRANCH,
    ENDS,
    EXECUTION,
    fits,
    is_any,
    is_count,
    is_moment,
    is_number,
    or_none,
)
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import shortened
from fluffy_nb.journal.graphs import ITEM
from fluffy_nb.journal.store import DAMAGED, Row, RunInfo

DEEPEST = 200
"""How deep containers in containers may be; `codecs.DEEPEST` and what is around are less."""

_STATUSES = frozenset(map(str, AgentStatus))

_GRAPH: dict[str, Any] = {
    "states": [str],
    "edges": [(str, str, str)],
    "starts": [str],
    "undefined": [str],
    "open": {str: str},
    "joins": {str: str},
    "dependencies": {str: {str: (str, str, or_none(is_number), bool)}},
    "sent": [str],
    "led": [str],
}
_GRAPH["agents"] = {str: _GRAPH}

_ITEMS: dict[str, Any] = {
    "w": BRANCH,
    "e": EXECUTION,
    "m": (is_count, is_count, bool),
    "t": is_count,
    "d": ENDS,
    "r": [str],
    "c": is_count,
}
"""The forms of a progress's items, by the first letter of their names; see `delta`."""

_EVENT = {"kind": str, "seq": is_count, "time": is_moment}
_ROW = ([dict], {str: is_any}, [str])


class MalformedError(ValueError):
    """A row is none that this package writes; the message says what is wrong in it."""


def parsed(text: object) -> Any:
    """What JSON text says.

    Args:
        text: A cell of the file.

    Raises:
        MalformedError: It is no text, no JSON, or deeper than `DEEPEST`.
    """
    from pydantic_core import from_json  # noqa: PLC0415 - a third of the package's import time

    if type(text) is not str:
        raise MalformedError(f"{shortened(text, 40)} is no text")
    try:
        return from_json(text)
    except ValueError as problem:
        if "\\ud" not in text:  # lone surrogates, as names of files may have
            raise MalformedError(_why(problem)) from None
    except TypeError:
        raise MalformedError("it is no UTF-8") from None
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise MalformedError(_why(problem)) from None
    _check_depth(data)
    return data


def _why(problem: Exception) -> str:
    return f"it is no JSON ({shortened(str(problem), 100)})"


def _check_depth(data: Any) -> None:
    level = [data]
    for _ in range(DEEPEST):
        level = [
            item
            for each in level
            if isinstance(each, (list, dict))
            for item in (each if isinstance(each, list) else each.values())
        ]
    if level:
        raise MalformedError(f"it is more than {DEEPEST} deep")


def is_sum(sum_: object, data: object) -> bool:
    """Whether a checksum is that of a text or a buffer."""
    if isinstance(data, str):
        # Bytes that are no UTF-8 were read as lone surrogates.
        data = data.encode("utf-8", "surrogatepass")
    return isinstance(data, bytes) and sum_ == zlib.crc32(data)


def info_from(cells: Sequence[Any]) -> RunInfo:
    """A run, from its row; one that can't be understood has the status `DAMAGED`.

    Args:
        cells: As the fields of `RunInfo`, the starts as JSON.
    """
    run, agent, status, created, updated, starts, parent, parent_seq = cells
    try:
        starts = parsed(starts)
    except MalformedError:
        starts = None
    fine = (
        type(run) is str
        and type(agent) is str
        and agent != ""
        and status in _STATUSES
        and is_moment(created)
        and is_moment(updated)
        and fits(starts, [str])
        and fits(parent, or_none(str))
        and fits(parent_seq, or_none(is_count))
    )
    if fine:
        return RunInfo(run, agent, status, created, updated, tuple(starts), parent, parent_seq)
    name = run if type(run) is str else shortened(run, 40)
    return RunInfo(name, agent if type(agent) is str else "", DAMAGED, 0.0, 0.0, ())


def row_from(cells: Sequence[Any], graph: Callable[[str], Any]) -> Row:
    """A row of a run, from what stands in the file.

    Args:
        cells: Its number, time, state, status and JSON.
        graph: The graph of a digest.

    Raises:
        MalformedError: It is none that this package writes.
    """
    seq, time, state, status, text = cells
    if not (is_count(seq) and is_moment(time) and type(state) is str and status in _STATUSES):
        raise MalformedError(f"its columns are {shortened((seq, time, state, status), 100)}")
    data = parsed(text)
    if not fits(data, _ROW):
        raise MalformedError("it holds no events, progress and keys")
    events, progress, keys = data
    if progress.get(ITEM) is not None:
        progress[ITEM] = graph(progress[ITEM])
    return Row(seq, time, state, status, tuple(events), progress, dict.fromkeys(keys))


def check_row(row: Row) -> None:
    """Refuse a row that nothing can go on from.

    Args:
        row: From a file.

    Raises:
        MalformedError: Its events have other numbers than they should, or an item of its progress
            has another form than `delta` gives it.
    """
    if not fits(list(row.events), [_EVENT]):
        raise MalformedError("it holds what is no event")
    numbers = [event["seq"] for event in row.events]
    if numbers != sorted(set(numbers)) or numbers[-1:] != [row.seq]:
        raise MalformedError(f"its events have the numbers {shortened(numbers, 60)}")
    for item, data in row.progress.items():
        form = _GRAPH if item == ITEM else _ITEMS.get(item[:1], is_any)
        if data is not None and not fits(data, form):
            raise MalformedError(f"its item {shortened(item, 40)} is {shortened(data, 60)}")


def value_from(text: str) -> tuple[Any, tuple[str, int, int, int]]:
    """A value of the context as plain data, and who wrote it.

    Args:
        text: The JSON of both.

    Raises:
        MalformedError: It is none that this package writes.
    """
    data = parsed(text)
    if not fits(data, (is_any, (str, is_count, is_count, is_count))):
        raise MalformedError("it holds no value and who wrote it")
    value, writer = data
    return value, tuple(writer)
