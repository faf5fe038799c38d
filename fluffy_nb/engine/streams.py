"""Watches `sys.stdout` and `sys.stderr`, which stay the objects that they are.

An object that stands for a stream is no `io.TextIOBase`, can't be copied, and stays behind wherever
a state keeps it: in a logging handler, or in `contextlib.redirect_stdout`. So the stream itself has
another `write` for a while, among its attributes.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

Write = Callable[..., Any]
"""Is called with the name of a stream, the stream's own `write`, and the arguments of the call."""


class _Watched:
    """The `write` of a stream that is watched.

    Args:
        told: Is called instead.
        name: "stdout" or "stderr".
        stream: The stream.
    """

    def __init__(self, told: Write, name: str, stream: Any) -> None:
        self._told = told
        self._name = name
        self._write = stream.write
        self._state = getattr(stream, "__getstate__", dict)
        self.former: dict[str, Any] = {}
        """The `write` that was among the stream's attributes before."""

    def __call__(self, *arguments: Any, **more: Any) -> Any:
        return self._told(self._name, self._write, *arguments, **more)

    def state(self) -> Any:
        """What a copy of the stream is made of: it does not write to this stream."""
        return _without_ours(self._state())


class _Stand:
    """Stands for a stream that can have no attributes of its own."""

    def __init__(self, told: Write, name: str, stream: Any) -> None:
        self.stream = stream
        self.write = _Watched(told, name, stream)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Streams:
    """The streams of this process that are watched.

    Args:
        told: Is called instead of a stream's `write`.
    """

    def __init__(self, told: Write) -> None:
        self._told = told
        self._watched: list[Callable[[], Any]] = []  # references to streams

    def watch(self) -> None:
        """Watch the present streams; others that are watched already stay so."""
        self._watched = [each for each in self._watched if each() is not None]
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None or isinstance(stream, _Stand) or _is_watched(stream):
                continue
            if self._mark(stream, name):
                self._watched.append(_reference(stream))
            else:
                setattr(sys, name, _Stand(self._told, name, stream))

    def leave(self) -> None:
        """Leave all streams as they were; what somebody else has replaced stays theirs."""
        for each in self._watched:
            stream = each()
            if stream is not None:
                _unmark(_attributes(stream) or {})
        self._watched.clear()
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if isinstance(stream, _Stand):
                setattr(sys, name, stream.stream)

    def _mark(self, stream: Any, name: str) -> bool:
        """Give a stream another `write`; False where it takes none."""
        attributes = _attributes(stream)
        if attributes is None:
            return False
        watched = _Watched(self._told, name, stream)
        can_be_copied = _can_be_copied(stream)
        if "write" in attributes:
            watched.former["write"] = attributes["write"]
        attributes["write"] = watched
        if can_be_copied:
            attributes["__getstate__"] = watched.state
        if stream.write is not watched:
            _unmark(attributes)
            return False
        return True


def _attributes(stream: Any) -> dict[str, Any] | None:
    """The attributes of the object itself: a proxy may hand on those that are set."""
    try:
        found = object.__getattribute__(stream, "__dict__")
    except AttributeError:
        return None
    return found if isinstance(found, dict) else None


def _can_be_copied(stream: Any) -> bool:
    """Whether Python can copy it; of a file it refuses to, and must go on doing so."""
    if getattr(type(stream), "__getstate__", None) is not object.__getstate__:
        return True  # it says itself what is copied
    try:
        object.__reduce_ex__(stream, 4)
    except TypeError:
        return False
    return True


def _is_watched(stream: Any) -> bool:
    return isinstance((_attributes(stream) or {}).get("write"), _Watched)


def _unmark(attributes: dict[str, Any]) -> None:
    kept = _without_ours(attributes)
    for name in ("write", "__getstate__"):
        attributes.pop(name, None)
        if name in kept:
            attributes[name] = kept[name]


def _reference(stream: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(stream)
    except TypeError:
        return lambda: stream


def _without_ours(state: Any) -> Any:
    """The state of a stream as it was before: attributes, or a tuple that holds them."""
    if isinstance(state, tuple):
        return tuple([_without_ours(each) for each in state])
    if not isinstance(state, dict):
        return state
    kept = {}
    for key, value in state.items():
        if isinstance(value, _Watched):
            kept.update(value.former)
        elif not isinstance(getattr(value, "__self__", None), _Watched):
            kept[key] = value
    return kept
