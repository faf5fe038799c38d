"""Values as plain data and back: without pickle, and without importing anything by name.

What JSON has stands for itself. Everything else is `{"$": tag, "v": data}`; the tag says which of
the codecs below, or of those that were registered, reads it. Classes are found only among those
that this process has registered or saved before.
"""

from __future__ import annotations

import binascii
import dataclasses
import enum
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from fluffy_nb.engine.typed import KNOWN, is_typed_class
from fluffy_nb.errors import (
    GOES_THROUGH,
    CheckpointError,
    InvalidSpecError,
    class_of,
    nearest,
    problem_of,
    shortened,
    text_of,
)

MOST_BITS = 14_000
"""The largest whole number that JSON readers take; Python's own stops at 4,300 digits."""

DEEPEST = 100
"""How deep containers in containers are saved; JSON readers stop at 200, with what is around."""

LARGE = 256
"""Bytes from which a buffer is kept beside the text, where there is a place for it."""

REMEDY = "give what Checkpoint.to_dict returned, unchanged"


class UnsavableError(Exception):
    """There is something in a value that can't be saved; the message says what."""


class Codec(NamedTuple):
    """How values of one class become plain data, and plain data such values.

    Args:
        tag: Its name in what is saved.
        encode: The data of a value; `Encoder.value` and `Encoder.buffer` do what is inside.
        decode: The value of such data; may raise whatever it likes.
    """

    tag: str
    encode: Callable[[Any, Encoder], Any]
    decode: Callable[[Any, Decoder], Any]


_codecs: dict[type, Codec] = {}
_tags: dict[str, Codec] = {}
_later: list[Callable[[Any, Encoder], tuple[str, Any] | None]] = []
"""For classes of modules that may not be imported: each gives a tag and data, or None."""


def is_saved(kind: type) -> bool:
    """Whether the package itself says how values of a class are saved."""
    return kind in _PLAIN or (kind in _codecs and not _codecs[kind].tag.startswith("codec:"))


def register_type(cls: type) -> type:
    """Let values of a class be read from what was saved; a decorator too.

    Dataclasses that derive from `TypedContextData` are registered when they are defined. Other
    dataclasses, pydantic models and enums are when a value is saved; a process that reads before
    it saves must name them.

    Args:
        cls: A dataclass, a pydantic model or an enum.

    Returns:
        The class.

    Raises:
        InvalidSpecError: It is none of these.
    """
    known = isinstance(cls, type) and (
        dataclasses.is_dataclass(cls) or issubclass(cls, enum.Enum) or is_typed_class(cls)
    )
    if not known:
        raise InvalidSpecError("a registered class", cls, "a dataclass, a model or an enum")
    KNOWN[cls.__qualname__] = cls
    return cls


def add_codec(
    kind: type,
    tag: str,
    encode: Callable[[Any, Encoder], Any],
    decode: Callable[[Any, Decoder], Any],
) -> None:
    """Add a codec of the package; see `Codec`."""
    _codecs[kind] = _tags[tag] = Codec(tag, encode, decode)


def add_later(
    find: Callable[[Any, Encoder], tuple[str, Any] | None],
    decoders: dict[str, Callable[[Any, Decoder], Any]],
) -> None:
    """Add codecs for classes whose modules may not be imported; see `_later`."""
    _later.append(find)
    for tag, read in decoders.items():
        add_tag(tag, read)


def add_tag(tag: str, decode: Callable[[Any, Decoder], Any]) -> None:
    """Add how a tag is read that no class has a codec for."""
    _tags[tag] = Codec(tag, lambda value, _: value, decode)


def encode(value: object, buffers: list[bytes] | None = None) -> Any:
    """A value as data that JSON gives back as it was.

    Args:
        value: The value.
        buffers: Takes large buffers, as of arrays; None leaves them in the data, as text.

    Raises:
        UnsavableError: There is something in it that can't be saved.
    """
    _prepare()
    try:
        return Encoder(buffers).value(value)
    except RecursionError:
        raise UnsavableError(_too_deep()) from None


def decode(data: object, buffers: Sequence[bytes] = ()) -> Any:
    """The value that `encode` was given.

    Args:
        data: What it returned, also after a way through JSON.
        buffers: What it put there.

    Raises:
        CheckpointError: The data is none that `encode` returns, or of a class that is not known.
    """
    _prepare()
    try:
        return Decoder(buffers).value(data)
    except (CheckpointError, *GOES_THROUGH):
        raise
    except RecursionError:
        raise CheckpointError(f"a saved value has {_too_deep()}", REMEDY) from None
    except BaseException as problem:  # noqa: BLE001 - whatever a class says to what it is given
        raised = f"a saved value can't be read: {text_of(problem, 500)}"
        raise CheckpointError(raised, REMEDY) from None


@cache
def _prepare() -> None:
    """Have the codecs of the package; who saves nothing does not wait for them."""
    from fluffy_nb.engine import arrays, kinds  # noqa: F401, PLC0415


def _too_deep() -> str:
    return f"containers in containers, more than {DEEPEST} deep"


_PLAIN = frozenset({type(None), bool, str, int, float, list, dict})


class Encoder:
    """Makes plain data of one value and all that is in it.

    Args:
        buffers: See `encode`.
    """

    def __init__(self, buffers: list[bytes] | None) -> None:
        self._buffers = buffers
        self._depth = 0

    def value(self, value: Any) -> Any:
        """The data of a value."""
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return value if is_unicode(value) else _tagged("str", _surrogates(value))
        if kind is int:
            return value if value.bit_length() <= MOST_BITS else _tagged("int", hex(value))
        if kind is float:
            return value if math.isfinite(value) else _tagged("float", repr(value))
        if self._depth == DEEPEST:
            raise UnsavableError(_too_deep())
        self._depth += 1
        try:
            return self._inside(kind, value)
        except (UnsavableError, *GOES_THROUGH):
            raise
        except BaseException as problem:  # noqa: BLE001 - whatever a class or codec raises
            raised = f"{shortened(value)} of {class_of(value)}, of which saving raised"
            raise UnsavableError(f"{raised} {problem_of(problem, 500)}") from None
        finally:
            self._depth -= 1

    def _inside(self, kind: type, value: Any) -> Any:
        if kind is list:
            items = list(value)  # threads may change it meanwhile
            return items if _is_flat(items) else [self.value(item) for item in items]
        if kind is dict:
            items = list(value.items())  # threads may change it meanwhile
            if "$" not in value and all(type(k) is str and is_unicode(k) for k, _ in items):
                return {key: self.value(item) for key, item in items}
            return _tagged("dict", [[self.value(k), self.value(item)] for k, item in items])
        codec = _codecs.get(kind)
        if codec is not None:
            return _tagged(codec.tag, codec.encode(value, self))
        if isinstance(value, enum.Enum):
            return _tagged("enum", [register_type(kind).__qualname__, value.name])
        if dataclasses.is_dataclass(kind) or is_typed_class(kind):
            return _tagged("object", [register_type(kind).__qualname__, self._fields(value)])
        for find in _later:
            found = find(value, self)
            if found is not None:
                return _tagged(*found)
        raise UnsavableError(f"{shortened(value)} of {class_of(value)}")

    def _fields(self, value: Any) -> dict[str, Any]:
        if dataclasses.is_dataclass(value):
            names = [field.name for field in dataclasses.fields(value)]
        else:
            names = list(type(value).__pydantic_fields__)
        return {name: self.value(getattr(value, name)) for name in names}

    def buffer(self, data: bytes) -> int | str:
        """Where a buffer is: its number beside the text, or itself as text."""
        if self._buffers is None or len(data) < LARGE:
            return binascii.b2a_base64(data, newline=False).decode()
        self._buffers.append(data)
        return len(self._buffers) - 1


class Decoder:
    """Makes one value of plain data.

    Args:
        buffers: See `decode`.
    """

    def __init__(self, buffers: Sequence[bytes]) -> None:
        self._buffers = buffers

    def value(self, data: Any) -> Any:
        """The value of data."""
        if type(data) is list:
            return [self.value(item) for item in data]
        if type(data) is not dict:
            return self._plain(data)
        if "$" not in data:
            return {self._key(key): self.value(item) for key, item in data.items()}
        tag = data["$"]
        codec = _tags.get(tag) if type(tag) is str and data.keys() == {"$", "v"} else None
        if codec is None:
            if type(tag) is str and tag.startswith("codec:"):
                name = tag.removeprefix("codec:")
                raise CheckpointError(
                    f"a value was saved by the codec of {name!r}, which is not registered",
                    f"call register_codec({name}, encode, decode) before reading it",
                )
            raise CheckpointError(f"a saved value has the tag {shortened(tag)}", REMEDY)
        return codec.decode(data["v"], self)

    @staticmethod
    def _plain(data: Any) -> Any:
        if type(data) not in _PLAIN:
            raise CheckpointError(f"a saved value holds {shortened(data)}", REMEDY)
        return data

    @staticmethod
    def _key(key: Any) -> str:
        if type(key) is not str:
            raise CheckpointError(f"a saved value has the key {shortened(key)}", REMEDY)
        return key

    def buffer(self, place: Any) -> bytes:
        """The buffer that `Encoder.buffer` has put somewhere."""
        if type(place) is int and 0 <= place < len(self._buffers):
            return self._buffers[place]
        try:
            return binascii.a2b_base64(place, strict_mode=True)
        except (TypeError, ValueError, binascii.Error):
            raise CheckpointError(f"a saved buffer is {shortened(place)}", REMEDY) from None

    @staticmethod
    def known(name: Any) -> Any:
        """The registered class of a name."""
        found = KNOWN.get(name) if type(name) is str else None
        if found is None:
            near = nearest(name, KNOWN) if type(name) is str else "a name is text"
            raise CheckpointError(
                f"a value of class {shortened(name)} was saved, which is not registered ({near})",
                "define it, or call register_type with it, before reading the checkpoint",
            )
        return found


def _is_flat(items: list[Any]) -> bool:
    """Whether a list holds values of one kind that JSON has as they are; told at C's speed."""
    kinds = set(map(type, items))
    if kinds == {float}:
        return all(map(math.isfinite, items))
    if kinds == {int}:
        return max(map(int.bit_length, items)) <= MOST_BITS
    if kinds == {str}:
        return all(map(str.isascii, items))
    return kinds <= {bool, type(None)}


def _tagged(tag: str, data: Any) -> dict[str, Any]:
    return {"$": tag, "v": data}


def is_unicode(text: str) -> bool:
    """Whether a string has no lone surrogates, as names of files may have."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _surrogates(text: str) -> str:
    return text.encode("utf-8", "surrogatepass").hex()
