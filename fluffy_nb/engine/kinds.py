"""How values of Python's own classes, of dataclasses and of models are saved."""

from __future__ import annotations

import dataclasses
import datetime as dt
import importlib
import math
import re
import sys
from collections.abc import Callable
from typing import Any, cast

from fluffy_nb.engine.codecs import (
    REMEDY,
    Decoder,
    Encoder,
    UnsavableError,
    add_codec,
    add_later,
    add_tag,
)
from fluffy_nb.engine.typed import TypedContextData, check_typed
from fluffy_nb.errors import CheckpointError, shortened

# ---------------------------------------------------------------- containers and numbers


def _items(value: Any, encoder: Encoder) -> list[Any]:
    return [encoder.value(item) for item in list(value)]


def _made(make: Callable[[Any], Any]) -> Callable[[Any, Decoder], Any]:
    return lambda data, decoder: make(decoder.value(item) for item in data)


for _kind in (tuple, set, frozenset):
    add_codec(_kind, _kind.__name__, _items, _made(_kind))


def _dict(data: Any, decoder: Decoder) -> dict[Any, Any]:
    return {decoder.value(key): decoder.value(value) for key, value in data}


def _not_finite(data: Any, _: Decoder) -> float:
    value = float(data)
    if math.isfinite(value):
        raise CheckpointError(f"a saved number is {shortened(data)}", REMEDY)
    return value


add_tag("dict", _dict)
add_tag("float", _not_finite)
add_tag("int", lambda data, _: int(data, 16))
add_tag("str", lambda data, _: bytes.fromhex(data).decode("utf-8", "surrogatepass"))
add_codec(bytes, "bytes", lambda v, e: e.buffer(v), lambda data, d: bytes(d.buffer(data)))
add_codec(
    bytearray,
    "bytearray",
    lambda v, e: e.buffer(bytes(v)),
    lambda data, d: bytearray(d.buffer(data)),
)
add_codec(
    complex,
    "complex",
    lambda v, e: [e.value(v.real), e.value(v.imag)],
    lambda data, d: complex(*d.value(data)),
)
add_codec(range, "range", lambda v, _: [v.start, v.stop, v.step], lambda data, _: range(*data))

# ---------------------------------------------------------------- times


def _moment_data(moment: Any, _: Encoder) -> list[Any]:
    """As text, with the name of its zone where it has one."""
    zone, zones = moment.tzinfo, sys.modules.get("zoneinfo")
    if zones is not None and type(zone) is zones.ZoneInfo and zone.key:
        return [moment.replace(tzinfo=None).isoformat(), zone.key, moment.fold]
    if zone is not None and type(zone) is not dt.timezone:
        raise UnsavableError(f"{shortened(moment)}, whose zone is of {type(zone).__name__}")
    return [moment.isoformat(), None, moment.fold]


def _moment(kind: Any) -> Callable[[Any, Decoder], Any]:
    def read(data: Any, _: Decoder) -> Any:
        text, zone, fold = data
        found = kind.fromisoformat(text).replace(fold=fold)
        if zone is None:
            return found
        return found.replace(tzinfo=importlib.import_module("zoneinfo").ZoneInfo(zone))

    return read


add_codec(dt.datetime, "datetime", _moment_data, _moment(dt.datetime))
add_codec(dt.time, "time", _moment_data, _moment(dt.time))
add_codec(dt.date, "date", lambda v, _: v.isoformat(), lambda data, _: dt.date.fromisoformat(data))
add_codec(
    dt.timedelta,
    "timedelta",
    lambda v, _: [v.days, v.seconds, v.microseconds],
    lambda data, _: dt.timedelta(*data),
)

# ---------------------------------------------------------------- what is written as text

_TEXTS = {
    "Decimal": ("decimal", "Decimal"),
    "Fraction": ("fractions", "Fraction"),
    "UUID": ("uuid", "UUID"),
    "Path": ("pathlib", "Path"),
    "PurePosixPath": ("pathlib", "PurePosixPath"),
    "PureWindowsPath": ("pathlib", "PureWindowsPath"),
}
"""Tag, module and class."""

_FRACTION = re.compile(r"-?[0-9]+(/[0-9]+)?")


def _text(value: Any, _: Encoder) -> tuple[str, Any] | None:
    for tag, (module, name) in _TEXTS.items():
        imported = sys.modules.get(module)
        if imported is not None:
            kind = getattr(imported, name)
            if type(value) is kind or (tag == "Path" and isinstance(value, kind)):
                return tag, str(value)
    return None


def _from_text(module: str, name: str) -> Callable[[Any, Decoder], Any]:
    def read(data: Any, _: Decoder) -> Any:
        # A fraction could have an exponent, whose number would fill the memory.
        if type(data) is not str or (name == "Fraction" and not _FRACTION.fullmatch(data)):
            raise CheckpointError(f"a saved {name} is {shortened(data)}", REMEDY)
        return getattr(importlib.import_module(module), name)(data)  # one of `_TEXTS`

    return read


add_later(_text, {tag: _from_text(*place) for tag, place in _TEXTS.items()})

# ---------------------------------------------------------------- classes of people's own


def _object(data: Any, decoder: Decoder) -> Any:
    name, fields = data
    cls: Any = decoder.known(name)
    values = decoder.value(fields)
    if not dataclasses.is_dataclass(cls):
        return cls.model_validate(values)
    names = {field.name for field in dataclasses.fields(cls)}
    if values.keys() != names:
        wrong = ", ".join(sorted(values.keys() ^ names))
        raise CheckpointError(
            f"a saved {name!r} has other fields than the class has now: {wrong}",
            "read it with the class as it was, or leave the key out",
        )
    # Nothing of the class is run; its fields are checked instead.
    made: Any = object.__new__(cast("type[Any]", cls))
    for field, value in values.items():
        object.__setattr__(made, field, value)
    if isinstance(made, TypedContextData):
        check_typed("value", made)
    return made


def _enum(data: Any, decoder: Decoder) -> Any:
    name, member = data
    return decoder.known(name)[member]


add_tag("object", _object)
add_tag("enum", _enum)
