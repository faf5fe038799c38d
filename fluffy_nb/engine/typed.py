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


def check_typed(key: str, value: object) -> None:
    """Check the fields of a typed value.

    Args:
        key: Where it is to be stored, for the message.
        value: An instance of a dataclass that derives from `TypedContextData`, or of a pydantic
            model.

    Raises:
        TypedDataError: It is neither, or a field has the wrong type.
    """
    if is_model(value):
        _check(key, type(value), value, "the model")
        return
    if not isinstance(value, TypedContextData) or not dataclasses.is_dataclass(value):
        raise TypedDataError(
            key,
            f"{shortened(value)} is of {type(value).__name__}",
            "give a pydantic model or a @dataclass that derives from TypedContextData, "
            "or store it untyped with set_state",
        )
    hints = _hints(type(value))
    for field in dataclasses.fields(value):
        _check(key, hints[field.name], getattr(value, field.name), f"field {field.name!r}")


def changed(key: str, value: Any, changes: dict[str, object]) -> Any:
    """Make a copy of a typed value with some fields changed, and check it.

    Raises:
        TypedDataError: A field is unknown or has the wrong type.
    """
    model = is_model(value)
    fields = (
        list(type(value).model_fields) if model else [f.name for f in dataclasses.fields(value)]
    )
    for name in changes:
        if name not in fields:
            raise TypedDataError(
                key,
                f"{type(value).__name__} has no field {name!r} ({nearest(name, fields)})",
                "correct the name, or add the field to the class",
            )
    new = value.model_copy(update=changes) if model else dataclasses.replace(value, **changes)
    check_typed(key, new)
    return new


def _check(key: str, kind: Any, value: object, what: str) -> None:
    from pydantic import ValidationError  # noqa: PLC0415 - importing the engine stays cheap

    try:
        if is_model(value) and kind is type(value):
            # Strict about what is there now: a model may have been changed since it was made.
            kind.__pydantic_validator__.validate_python(dict(value), strict=True)  # type: ignore[call-overload]
        else:
            _adapter(kind).validate_python(value, strict=True)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = "".join(f"[{part!r}]" for part in first["loc"])
        raise TypedDataError(
            key,
            f"{what}{place} is {shortened(first['input'])}: {first['msg'].lower()}",
            "give a value of the declared type, or change the declaration",
        ) from None


@cache
def _hints(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except Exception:  # noqa: BLE001 - an annotation nobody can read is taken as Any
        return {field.name: Any for field in dataclasses.fields(cls)}


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
