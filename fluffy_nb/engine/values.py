"""Noticing that a value was changed in place, where looking is cheap (semantics 10.4)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import sys
import types
from typing import Any

from fluffy_nb.errors import GOES_THROUGH, called

MOST_ELEMENTS = 10_000
"""Containers with more elements than this, at all depths together, are not compared."""

MOST_BYTES = 16 * 2**20
"""Buffers of more bytes than this are not compared."""

UNCOMPARED = object()
"""The look of what can change and was not looked at: it counts as changed."""

_ATOMS = (
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    range,
    type(None),
    type(...),
    type,
    enum.Enum,
    dt.date,
    dt.time,
    dt.timedelta,
    dt.tzinfo,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
)

_MORE_ATOMS = {
    "decimal": "Decimal",
    "fractions": "Fraction",
    "pathlib": "PurePath",
    "uuid": "UUID",
}
"""Others by their modules: nobody holds one whose module nobody has imported."""


class _TooMuchError(Exception):
    """It has more elements or bytes than are compared, or can't be looked into."""


def look(value: object) -> object:
    """How a value looks now, to be compared with how it looks later.

    Args:
        value: Any object.

    Returns:
        None for what can't change; `UNCOMPARED` for what would be too much to look at; else plain
        data that is equal as long as nothing was changed.
    """
    try:
        return None if _cannot_change(value) else _Look().at(value)
    except GOES_THROUGH:
        raise
    except BaseException:  # noqa: BLE001 - too much to look at, or what a foreign object raises
        return UNCOMPARED


def _cannot_change(value: object) -> bool:
    if isinstance(value, _ATOMS):
        return True
    for module, name in _MORE_ATOMS.items():
        imported = sys.modules.get(module)
        if imported is not None and isinstance(value, getattr(imported, name)):
            return True
    return False


def has_changed(before: object, value: object) -> bool:
    """Whether a value looks otherwise than before.

    Args:
        before: What `look` gave.
        value: The same object, later.
    """
    if before is None:
        return False
    if before is UNCOMPARED:
        return True
    is_other, error = called(lambda: bool(look(value) != before))  # as a foreign __eq__ raises
    return error is not None or is_other is True


class _Look:
    """One look at a value; counts what it has seen."""

    def __init__(self) -> None:
        self._left = MOST_ELEMENTS

    def at(self, value: Any) -> object:
        self._left -= 1
        if self._left < 0:
            raise _TooMuchError
        kind = type(value)
        if _cannot_change(value):
            return kind, value
        if kind in {list, tuple}:
            return kind, tuple([self.at(entry) for entry in value])
        if kind is dict:
            return kind, tuple([(self.at(key), self.at(entry)) for key, entry in value.items()])
        if kind in {set, frozenset}:
            self._left -= len(value)
            if self._left < 0:
                raise _TooMuchError
            return kind, frozenset(value)  # what is in a set can't change
        if dataclasses.is_dataclass(value) or hasattr(kind, "__pydantic_fields__"):
            return kind, self.at({name: getattr(value, name) for name in _fields(value)})
        return kind, _buffer(value)


def _fields(value: Any) -> list[str]:
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    return list(type(value).__pydantic_fields__)


def _buffer(value: Any) -> object:
    """The hash of what a bytearray, an array or a frame holds; nothing is imported for it."""
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series, pandas.Index)):
        return _pandas(pandas, value)
    if polars is not None and isinstance(value, (polars.DataFrame, polars.Series)):
        _check_size(value.estimated_size())
        frame = value if isinstance(value, polars.DataFrame) else value.to_frame()
        return tuple(frame.columns), _hashed(frame.hash_rows().to_numpy())
    try:
        view = memoryview(value)
    except (TypeError, ValueError, BufferError):
        raise _TooMuchError from None  # an object that nobody can look into
    if view.format == "O" or not view.contiguous:
        raise _TooMuchError
    _check_size(view.nbytes)
    return view.format, view.shape, _hashed(view)


def _pandas(pandas: Any, value: Any) -> object:
    size = value.memory_usage(deep=True)
    _check_size(int(getattr(size, "sum", lambda: size)()))
    try:
        rows = pandas.util.hash_pandas_object(value, index=True)
    except TypeError:
        raise _TooMuchError from None  # it holds what can't be hashed, as lists
    names = tuple(map(repr, getattr(value, "columns", ())))
    types_ = tuple(map(str, getattr(value, "dtypes", ()))) if names else str(value.dtype)
    return names, types_, _hashed(rows.to_numpy())


def _check_size(size: int) -> None:
    if size > MOST_BYTES:
        raise _TooMuchError


def _hashed(buffer: Any) -> bytes:
    import hashlib  # noqa: PLC0415 - few runs hold what needs it

    return hashlib.blake2b(buffer, digest_size=16).digest()
