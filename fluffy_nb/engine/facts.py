"""Immutable records that are as cheap to define, make and keep as a tuple.

A run makes two events for each state, and importing the package defines some thirty classes of
them. Measured on Python 3.12, a frozen dataclass with slots takes eight times as long to make, and
its definition was a quarter of the package's import.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Self, dataclass_transform


@dataclass_transform(frozen_default=True)
class FactClass(type):
    """Makes of a class with annotated fields, in order, a tuple whose places have their names."""

    fields: tuple[str, ...]
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

    def __getnewargs__(self) -> tuple[Any, ...]:
        """What a copy is made of."""
        return tuple(self)

    def __repr__(self) -> str:
        values = zip(type(self).fields, self, strict=True)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in values)})"
