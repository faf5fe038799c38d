"""Classes whose values are saved as somebody says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fluffy_nb.engine.codecs import add_codec, is_saved
from fluffy_nb.engine.plain import call_plain, check_plain
from fluffy_nb.errors import InvalidSpecError


def register_codec(
    kind: type, encode: Callable[[Any], Any], decode: Callable[[Any], Any], *, name: str = ""
) -> None:
    """Say how values of a class are saved.

    Args:
        kind: The class; values of its subclasses need a codec of their own.
        encode: Takes a value and returns one that can be saved.
        decode: Takes what `encode` returned and returns an equal value.
        name: What it is called in what is saved; by default the name of the class.

    Raises:
        InvalidSpecError: The class is none, or has a codec that is part of the package.

    Example:
        >>> register_codec(Point, lambda p: [p.x, p.y], lambda xy: Point(*xy))
    """
    if not isinstance(kind, type):
        raise InvalidSpecError("what has a codec", kind, "a class")
    check_plain("encode", encode, "a value")
    check_plain("decode", decode, "what encode returned")
    if not isinstance(name, str):
        raise InvalidSpecError("the name of a codec", name, "a string")
    tag = f"codec:{name or kind.__qualname__}"
    if is_saved(kind):
        raise InvalidSpecError("what has a codec", kind, "a class that is not saved already")
    add_codec(
        kind,
        tag,
        lambda value, encoder: encoder.value(call_plain("encode", encode, value)),
        lambda data, decoder: call_plain("decode", decode, decoder.value(data)),
    )
