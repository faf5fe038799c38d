"""What events are made of: immutable records, as cheap to define, make and keep as a tuple.

A run makes two events for each state, and importing the package defines some thirty classes of
them. Measured on Python 3.12, a frozen dataclass with slots takes eight times as long to make, and
its definition was a quarter of the package's import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from operator import itemgetter
from types import MappingProxyType
from typing import Any, ClassVar, Self, dataclass_transform

from fluffy_nb.engine.shapes import is_count, is_number, or_none
from fluffy_nb.errors import shortened

MOST_SHOWN = 10_000
"""Characters of a field that the repr of an event shows."""

KINDS: dict[str, type[Event]] = {}
"""The classes of events by name."""


@dataclass_transform(frozen_default=True)
class FactClass(type):
    """Makes of a class with annotated fields, in order, a tuple whose places have their names."""

    fields: tuple[str, ...]
    text_fields: tuple[str, ...]
    texts: tuple[int, ...]
    defaults: dict[str, Any]

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> FactClass:
        """Add the fields to those of the class it derives from."""
        above = next((base for base in bases if isinstance(base, FactClass)), None)
        own = [
            field
            for field, kind in namespace.get("__annotations__", {}).items()
            if not str(kind).startswith("ClassVar")
        ]
        fields = (*(above.fields if above else ()), *own)
        defaults = {field: namespace[field] for field in own if field in namespace}
        places = {field: property(itemgetter(fields.index(field))) for field in own}
        made = super().__new__(
            cls, name, bases, {**namespace, **places, "__slots__": (), "__match_args__": fields}
        )
        made.fields = fields
        made.texts = tuple(map(fields.index, namespace.get("text_fields", ())))
        made.defaults = {**(above.defaults if above else {}), **defaults}
        return made


class Fact(tuple[Any, ...], metaclass=FactClass):
    """A record; derive from it and annotate the fields."""

    __slots__ = ()

    def __new__(cls, *values: Any, **named: Any) -> Self:
        """Take the values in the order of the fields, or by their names."""
        if named or len(values) != len(cls.fields):
            values = cls._filled(values, named)
        return tuple.__new__(cls, values)

    @classmethod
    def _filled(cls, values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        rest = cls.fields[len(values) :]
        wrong = [name for name in named if name not in rest]
        lacking = [name for name in rest if name not in named and name not in cls.defaults]
        if wrong or lacking or len(values) > len(cls.fields):
            raise TypeError(
                f"{cls.__name__} takes {', '.join(cls.fields)}; got {len(values)} values and "
                f"{', '.join(named) or 'no names'}."
            )
        return (*values, *(named[n] if n in named else cls.defaults[n] for n in rest))

    def __eq__(self, other: object) -> bool:
        """Whether it is of the same class and holds the same."""
        return type(self) is type(other) and tuple.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        """The contrary; a tuple has its own."""
        return not self == other

    __hash__ = tuple.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        """What a copy is made of; a view of a mapping can't be pickled."""
        values = tuple(dict(v) if type(v) is MappingProxyType else v for v in self)
        return type(self), values

    def __repr__(self) -> str:
        values = zip(type(self).fields, self, strict=True)
        told = (f"{name}={shortened(value, MOST_SHOWN)}" for name, value in values)
        return f"{type(self).__name__}({', '.join(told)})"


class Event(Fact):
    """A fact about a run.

    Args:
        seq: The number of the event in its run, from 1, without gaps.
        time: When it happened, seconds since the epoch.
    """

    seq: int
    time: float
    kind: ClassVar[str] = ""
    text_fields: ClassVar[tuple[str, ...]] = ()
    """The fields that may hold text from outside: no secret is left in them (semantics 13.5).

    What the run itself needs as it is, names of states and keys of the context, can be none.
    """

    def __init_subclass__(cls) -> None:
        cls.kind = cls.__name__
        KINDS[cls.kind] = cls

    def to_dict(self) -> dict[str, Any]:
        """The event as plain data, with its class as `kind`."""
        return {"kind": self.kind, **_plain(self)}


_ATOMS = frozenset({int, str, float, bool, type(None)})


def _plain(value: Any) -> Any:
    if type(value) in _ATOMS:
        return value
    if isinstance(value, Fact):
        return {name: _plain(each) for name, each in zip(type(value).fields, value, strict=True)}
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return dict(value) if type(value) in _MAPPINGS else value


_MAPPINGS = (dict, MappingProxyType)


def from_dict(data: Mapping[str, Any]) -> Event:
    """Make the event that `to_dict` was called on.

    Args:
        data: What `Event.to_dict` returned, also after a way through JSON.

    Returns:
        An equal event.

    Raises:
        KeyError: The kind is unknown.
        TypeError: A field is lacking, or holds what it can't.
    """
    kind = KINDS[data["kind"]]
    fields = {key: _frozen(value) for key, value in data.items() if key != "kind"}
    if type(fields.get("next")) is tuple:
        fields["next"] = tuple(
            Going(**entry) if isinstance(entry, Mapping) else entry for entry in fields["next"]
        )
    make: Callable[..., Event] = kind
    event = make(**fields)
    _check(event)
    return event


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _check(fact: Fact) -> None:
    """Refuse a fact from outside that holds what its annotations don't say."""
    for name, hint in hints_of(type(fact)).items():
        value = getattr(fact, name)
        if not FORMS[hint](value):
            raise TypeError(f"{type(fact).__name__}.{name} can't be {shortened(value)}")


@cache
def hints_of(kind: type[Fact]) -> dict[str, str]:
    """The annotations of a fact's fields, as they are written."""
    written: dict[str, str] = {}
    for cls in reversed(kind.__mro__):
        written |= vars(cls).get("__annotations__", {})
    return {name: written[name] for name in kind.fields}


def _each(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: type(value) is tuple and all(map(check, value))


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, value))


def _is_texts(value: Any) -> bool:
    return _is_mapping(value) and all(map(_is_text, value.values()))


def _is_next(value: Any) -> bool:
    if isinstance(value, Going):
        _check(value)
        return True
    return _is_text(value)


FORMS: dict[str, Callable[[Any], bool]] = {
    "int": is_count,
    "float": is_number,
    "float | None": or_none(is_number),
    "str": _is_text,
    "str | None": or_none(str),
    "bool": lambda value: type(value) is bool,
    "tuple[int, ...]": _each(is_count),
    "tuple[str, ...]": _each(_is_text),
    "Mapping[str, Any]": _is_mapping,
    "Mapping[str, Any] | None": lambda value: value is None or _is_mapping(value),
    "Mapping[str, str]": _is_texts,
    "Mapping[str, str] | None": lambda value: value is None or _is_texts(value),
    "Next": _each(_is_next),
}
"""Whether a value of an event from outside is what the annotation of its field says."""


class Going(Fact):
    """A branch to be that is more than the name of its state.

    Args:
        name: The state it goes to.
        inputs: What its execution alone gets.
        alone: Whether it never joins others there (semantics 5.3).
        start: Where an agent that is the state begins; None for where it would.
    """

    name: str
    inputs: Mapping[str, Any] = MappingProxyType({})
    alone: bool = False
    start: str | None = None


Next = tuple[str | Going, ...]
"""Where an execution leads: a branch for each."""
