"""Typed context data: dataclasses and pydantic models whose fields are checked."""

from __future__ import annotations

import dataclasses
import sys
import typing
from functools import cache
from typing import TYPE_CHECKING, Any

from fluffy_nb.errors import TypedDataError, nearest, shortened

if TYPE_CHECKING:
    from pydantic import TypeAdapter


class TypedContextData:
    """The base of dataclasses that `context.set_typed` stores.

    Example:
        >>> @dataclass
        ... class UserProfile(TypedContextData):
        ...     name: str
        ...     age: int
    """


def is_model(value: object) -> bool:
    """Whether a value is an instance of a pydantic model."""
    pydantic = sys.modules.get("pydantic")  # no instance can exist before it is imported
    return pydantic is not None and isinstance(value, pydantic.BaseModel)


def check_typed(key: str, value: Any) -> None:
    """Check the fields of a typed value.

    Args:
        key: Where it is to be stored, for the message.
        value: An instance of a dataclass that derives from `TypedContextData`, or of a pydantic
            model.

    Raises:
        TypedDataError: It is neither, or a field has the wrong type.
    """
    typed = isinstance(value, TypedContextData) and dataclasses.is_dataclass(value)
    if not typed and not is_model(value):
        raise TypedDataError(
            key,
            f"{shortened(value)} is of {type(value).__name__}",
            "give a pydantic model or a @dataclass that derives from TypedContextData, "
            "or store it untyped with set_state",
        )
    for name, kind in _fields(type(value)).items():
        _check(key, kind, getattr(value, name), f"field {name!r}")


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
    if is_model(value):
        new = value.model_copy(update=changes)
    else:
        new = dataclasses.replace(value, **changes)
    check_typed(key, new)
    return new


def _check(key: str, kind: Any, value: object, what: str) -> None:
    from pydantic import ValidationError  # noqa: PLC0415 - importing the engine stays cheap

    try:
        _adapter(kind).validate_python(value, strict=True)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = "".join(f"[{part!r}]" for part in first["loc"])
        raise TypedDataError(
            key,
            f"{what}{place} is {shortened(first['input'])}: {first['msg'].lower()}",
            "give a value of the declared type, or change the declaration",
        ) from None


def _fields(cls: Any) -> dict[str, Any]:
    """The fields of a typed class and their types; what nobody can read is taken as Any."""
    if not dataclasses.is_dataclass(cls):
        return {name: info.rebuild_annotation() for name, info in cls.model_fields.items()}
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001 - as an annotation that names what is imported nowhere
        hints = {}
    return {field.name: hints.get(field.name, Any) for field in dataclasses.fields(cls)}


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

    try:
        return TypeAdapter(kind, config=ConfigDict(arbitrary_types_allowed=True))
    except (PydanticUserError, SchemaError, TypeError):
        try:
            return TypeAdapter(kind)  # a type with a configuration of its own
        except (PydanticUserError, SchemaError, TypeError):
            return TypeAdapter(Any)
