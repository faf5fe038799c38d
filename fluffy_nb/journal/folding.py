"""Rows as one row, and beside what a store has already."""

from __future__ import annotations

from typing import Any

from fluffy_nb.journal.store import Row, Store

_LIVE = "wedr"
"""Items of the progress that can be gone; see `delta`."""


def folded(rows: list[Row]) -> Row:
    """Several rows as one.

    Args:
        rows: One at least, in order.
    """
    last = rows[-1]
    events = tuple(event for row in rows for event in row.events)
    progress = {item: data for row in rows for item, data in row.progress.items()}
    values = {key: value for row in rows for key, value in row.values.items()}
    return last._replace(events=events, progress=progress, values=values)


def size_of(data: Any, most: int) -> int:
    """About how long the text of data is; looks at no more than it must.

    Args:
        data: Plain data.
        most: From here on it does not matter.
    """
    size = 0
    rest = [data]
    while rest and size <= most:
        item = rest.pop()
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, dict):
            rest.extend(item.values())
            size += 8 * len(item)
        elif isinstance(item, list):
            rest.extend(item)
        size += 4
    return size


def after_what_is_there(store: Store, run: str, row: Row) -> list[Row]:
    """A row that tells everything, for a store that may have an earlier part of the run.

    So it is where a file was replaced by a copy of itself.

    Args:
        store: Where the run is kept.
        run: Its id.
        row: Tells all of it.

    Returns:
        The row, without the events that are there, and with what is gone since; none where the
        row is there.
    """
    items: dict[str, Any] = {}
    last = 0
    for other in store.rows(run):
        items.update(other.progress)
        last = other.seq
    if last >= row.seq:
        return []
    gone = {item: None for item, data in items.items() if data is not None and item[0] in _LIVE}
    keys: dict[str, Any] = dict.fromkeys(store.values(run))
    events = tuple(event for event in row.events if event["seq"] > last)
    return [
        row._replace(
            events=events, progress={**gone, **row.progress}, values={**keys, **row.values}
        )
    ]
