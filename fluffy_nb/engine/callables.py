"""What is called when a state runs: the outermost callable, and the function that it calls."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, MethodType
from typing import Any, NamedTuple

MOST_LAYERS = 100  # things can be wrapped in a circle

_CACHED = type(functools.lru_cache(len))
_PLACEHOLDER = getattr(functools, "Placeholder", None)  # of Python 3.14


class Called(NamedTuple):
    """The function that a call of some callable comes to.

    Args:
        function: The function.
        given: The parameters whose values are known.
        wrapped: What the callable says it wraps; None where it says nothing.
    """

    function: FunctionType
    given: Mapping[str, object]
    wrapped: object


def called(function: Any, *, alone: bool = True) -> Called:
    """Say which function a call comes to; what is wrapped in that function is another one.

    Args:
        function: A function, method, partial or callable object.
        alone: It is called with a context alone, so that the other parameters have their defaults.

    Raises:
        TypeError: The call comes to no function in Python.
    """
    before: list[object] = []
    keywords: dict[str, object] = {}
    wrapped: object = None
    for _ in range(MOST_LAYERS):
        kind = type(function)  # `isinstance` would ask the object itself
        if kind is FunctionType:
            wrapped = vars(function).get("__wrapped__", wrapped)
            return Called(function, _given(function, before, keywords if alone else None), wrapped)
        if issubclass(kind, functools.partial):
            _refuse_own_call(function)
            _refuse_placeholder(function)
            before = [*function.args, *before]
            keywords = {**function.keywords, **keywords}
            function = function.func
        elif kind is MethodType:
            before = [function.__self__, *before]
            function = function.__func__
        elif issubclass(kind, staticmethod):
            function = function.__func__
        elif issubclass(kind, _CACHED):
            function = function.__wrapped__
        else:
            wrapped = attributes(function).get("__wrapped__")
            before = [function, *before]
            function = inspect.getattr_static(type(function), "__call__")
            if isinstance(function, staticmethod):
                before = before[1:]
    raise TypeError(function)


def _refuse_own_call(function: functools.partial[Any]) -> None:
    if type(function).__call__ is not functools.partial.__call__:
        raise TypeError(function)


def _refuse_placeholder(function: functools.partial[Any]) -> None:
    if _PLACEHOLDER is not None and any(value is _PLACEHOLDER for value in function.args):
        raise TypeError(function)


def attributes(thing: object) -> Mapping[str, object]:
    """The attributes that an object itself has; none of its code is run."""
    try:
        found = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return {}
    return found if isinstance(found, dict) else {}


def _given(
    function: FunctionType, before: list[object], keywords: Mapping[str, object] | None
) -> dict[str, object]:
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    if keywords is None:  # what else it is called with is not known
        return dict(zip(names, before, strict=False))
    found = dict(function.__kwdefaults__ or {})
    defaults = function.__defaults__ or ()
    found |= dict(zip(names[len(names) - len(defaults) :], defaults, strict=True))
    found |= keywords
    found |= dict(zip(names, before, strict=False))
    for name in names[len(before) : len(before) + 1]:
        found.pop(name, None)  # the context
    return found


def layers(function: object) -> Iterator[object]:
    """A callable and what it says it wraps, outermost first."""
    for _ in range(MOST_LAYERS):
        yield function
        inner = attributes(function).get("__wrapped__")
        if inner is None:
            return
        function = inner


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """How the outermost callable is called, whatever it wraps.

    Raises:
        TypeError: It has no signature.
        ValueError: It has no signature that can be known.
    """
    return inspect.signature(function, follow_wrapped=False)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling the outermost callable gives a coroutine, as far as it says."""
    while isinstance(function, functools.partial | staticmethod):
        function = function.func if isinstance(function, functools.partial) else function.__func__
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__
    )
