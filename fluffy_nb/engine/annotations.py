"""Reading a state's possible successors from its return annotation."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import TYPE_CHECKING, Literal, Union, get_args, get_origin, get_type_hints

from fluffy_nb.engine.readings import MANY, NOTHING, Value

if TYPE_CHECKING:
    from types import FunctionType


def from_annotation(function: FunctionType) -> tuple[str, int, Value] | None:
    """What a return annotation made of literals allows, with its text.

    Args:
        function: The function.

    Returns:
        The text, line 0, and the value; None where the annotation is none of literals.
    """
    try:
        annotation = function.__annotations__["return"]
        value = _literals(_evaluated(annotation, function.__globals__))
    except Exception:  # noqa: BLE001 - an annotation can be any code
        return None
    if value is None or not (value.names or value.entries):
        return None
    text = annotation if isinstance(annotation, str) else repr(annotation).replace("typing.", "")
    return f"-> {text}", 0, value


def _evaluated(annotation: object, names: dict[str, object]) -> object:
    def bearer() -> None: ...

    bearer.__annotations__ = {"return": annotation}  # of the return alone: others may not resolve
    return get_type_hints(bearer, globalns=names)["return"]


def _literals(hint: object) -> Value | None:
    """What an annotation allows; None where it is wider than literals."""
    hint = getattr(hint, "__value__", hint)  # of `type Next = Literal[...]`
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is NoneType:
        return NOTHING
    if origin is Literal and all(isinstance(name, str | None) for name in arguments):
        return Value(tuple(str.__str__(name) for name in arguments if name is not None))
    if origin in {Union, UnionType}:
        either = NOTHING
        for part in map(_literals, arguments):
            if part is None:
                return None
            either |= part
        return either
    if origin is list and arguments:
        entry = _literals(arguments[0])
        return Value(entries=entry.names, most=MANY) if entry and entry.entries is None else None
    return None
