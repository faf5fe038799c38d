"""Copies of plain containers, for what must not change when a run goes on."""

from __future__ import annotations

from typing import Any

from fluffy_nb.errors import called


def copied(value: Any) -> Any:
    """A copy of plain containers, so that a checkpoint does not change with the run.

    What can't be saved stays as it is: copying a subclass would make it look savable. So does what
    can't be copied: a circle, or an object that raises.
    """
    copy, error = called(_copied, value)
    return value if error is not None else copy


def _copied(value: Any) -> Any:
    # Threads may change the container meanwhile: list() takes all of it in one go.
    if type(value) is dict:
        return {key: _copied(item) for key, item in list(value.items())}
    if type(value) is list:
        return [_copied(item) for item in list(value)]
    if type(value) in {set, bytearray} or hasattr(type(value), "__array__"):
        copy, error = called(value.copy)  # arrays and frames too
        return value if error is not None else copy
    return value
