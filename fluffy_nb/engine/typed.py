"""Typed context data: dataclasses and pydantic models whose fields are checked."""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from fluffy_nb.errors import TypedDataError, nearest, shortened

if TYPE_CHECKING:
    from pydantic import TypeAdapter


KNOWN: dict[str, type] = {}
"""The classes that saved values may be of, by name; the latest of a name counts."""


class TypedContextData:
    """The base of dataclasses that `context.set_typed` stores.

    Example:
        >>> @dataclass
        ... class UserProfile(TypedContextData):
        ...     name: str
        ...     age: int
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Let saved values be of this class."""
        super().__init_subclass__(**options)
        KNOWN[cls.__qualname__] = cls


def is_typed(value: object) -> bool:
    """Whether a value is what `context.set_typed` takes."""
    return is_typed_class(type(value))


def is_typed_class(cls: type) -> bool:
    """Whether instances of a class are what `context.set_typed` takes."""
    if issubclass(cls, TypedContextData):
        return dataclasses.is_dataclass(cls)
    pydantic = sys.modules.get("pydantic")  # no model can exist before it is imported
    return pydantic is not None and issubclass(cls, pydantic.BaseModel)


def check_typed(key: str, value: Any) -> None:
    """Check the fields of a typed value, and of those that its fields hold.

    Args:
        key: Where it is to be stored, for the message.
        value: An instance of a dataclass that derives from `TypedContextData`, or of a pydantic
            model.

    Raises:
        TypedDataError: It is neither, or a field has the wrong type.
    """
    if not is_typed(value):
        raise TypedDataError(
            key,
            f"{shortened(value)} is of {type(value).__name__}",
            "give a pydantic model or a @dataclass that derives from TypedContextData, "
            "or store it untyped with set_state",
        )
    seen = set()
    fields: dict[type, dict[str, Any]] = {}
    waiting = [("", value)]
    while waiting:
        place, found = waiting.pop()
        if id(found) in seen:  # as a child's parent
            continue
        seen.add(id(found))
        cls = type(found)
        if is_typed_class(cls):
            if cls not in fields:
                fields[cls] = _fields(cls)
            waiting += _check_fields(key, place and place + ".", found, fields[cls])
        else:
            waiting += _items(place, found)


def _check_fields(
    key: str, before: str, value: object, fields: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Check the fields of one value; yields those that can hold typed values in turn."""
    for name, kind in fields.items():
        place = before + name
        if not hasattr(value, name):
            raise TypedDataError(
                key, f"field {place!r} is not set", "give it a value, or a default in the class"
            )
        held = getattr(value, name)
        _check(key, kind, held, place)
        if _names_typed(kind):
            yield place, held


def _items(place: str, value: object) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((f"{place}[{shortened(name, 40)}]", item) for name, item in value.items())
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from ((f"{place}[{number}]", item) for number, item in enumerate(value))


def changed(key: str, value: Any, changes: dict[str, object]) -> Any:
    """Make a copy of a typed value with some fields changed, and check it.

    Raises:
        TypedDataError: A field is unknown or has the wrong type.
    """
    fields = _fields(type(value))
    for name in changes:
        if name not in fields:
            raise TypedDataError(
                key,
                f"{type(value).__name__} has no field {name!r} ({nearest(name, fields)})",
                "correct the name, or add the field to the class",
            )
    if dataclasses.is_dataclass(value):
        new: Any = dataclasses.replace(value, **changes)  # type: ignore[type-var]
    else:
        new = value.model_copy(update=changes)
    check_typed(key, new)
    return new


def _check(key: str, kind: Any, value: object, place: str) -> None:
    from pydantic import ValidationError  # noqa: PLC0415 - importing the engine stays cheap

    try:
        _adapter(kind).validate_python(value, strict=True)
    except ValidationError as problem:
        first = problem.errors()[0]
        # pydantic says "[key]" after a key that is at fault itself
        place += "".join(f"[{part!r}]" for part in first["loc"] if part != "[key]")
        raise TypedDataError(
            key,
            f"field {place!r} is {shortened(first['input'])}: {first['msg'].lower()}",
            "give a value of the declared type, or change the declaration",
        ) from None


# ---------------------------------------------------------------- what is declared


def _fields(cls: Any) -> dict[str, Any]:
    """The fields of a typed class and their types; what nobody can read is taken as Any."""
    if not dataclasses.is_dataclass(cls):
        return {name: info.rebuild_annotation() for name, info in cls.model_fields.items()}
    fields = dataclasses.fields(cls)
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001 - as an annotation that names what is imported nowhere
        hints = {field.name: _hint(cls, field.type) for field in fields}
    return {field.name: hints.get(field.name, Any) for field in fields}


def _hint(cls: Any, annotation: object) -> Any:
    """The type that one annotation of a class says, where others can't be read."""

    def bearer() -> None: ...

    bearer.__annotations__ = {"field": annotation}
    names = {**vars(sys.modules[cls.__module__]), cls.__name__: cls}
    try:
        return typing.get_type_hints(bearer, names, include_extras=True)["field"]
    except Exception:  # noqa: BLE001 - as above
        return Any


def _names_typed(kind: Any) -> bool:
    """Whether a type is, or has inside, one whose fields are to be checked."""
    if isinstance(kind, type) and is_typed_class(kind):
        return True
    return any(map(_names_typed, typing.get_args(kind)))


def _adapter(kind: Any) -> TypeAdapter[Any]:
    try:
        return _cached_adapter(kind)
    except TypeError:  # unhashable, as Annotated with a list
        return _new_adapter(kind)


@cache
def _cached_adapter(kind: Any) -> TypeAdapter[Any]:
    return _new_adapter(kind)


def _new_adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter  # noqa: PLC0415 - as above
    from pydantic_core import SchemaError  # noqa: PLC0415 - as above

    unreadable = (PydanticUserError, SchemaError, TypeError, NameError)
    # A type with a configuration of its own refuses ours, some unions refuse models by instance.
    for readable in (_by_instance(kind), kind):
        for config in (ConfigDict(arbitrary_types_allowed=True), None):
            with suppress(*unreadable), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it says that it takes `any` as Any
                adapter = TypeAdapter(readable, config=config)
                if getattr(adapter, "pydantic_complete", True):  # all names in it are defined
                    return adapter
    return TypeAdapter(Any)


def _by_instance(kind: Any) -> Any:
    """The type with instances alone for the models in it, where pydantic would take a dict."""
    from pydantic import BaseModel, InstanceOf  # noqa: PLC0415 - as above

    arguments, origin = typing.get_args(kind), typing.get_origin(kind)
    if isinstance(kind, type) and not arguments and issubclass(kind, BaseModel):
        instance: Any = InstanceOf
        return instance[kind]
    exact = tuple(map(_by_instance, arguments))
    if exact == arguments or origin is type:
        return kind
    generic: Any = typing.Union if origin is types.UnionType else origin
    return generic[exact]
