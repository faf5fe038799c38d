"""People's functions that are called and not awaited: observers, validators and others (13.7)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import AsyncGeneratorType, CoroutineType
from typing import Any

from fluffy_nb.engine.callables import is_async
from fluffy_nb.errors import InvalidSpecError


def check_plain(what: str, function: object, takes: str, remedy: str = "") -> None:
    """Refuse what can't be called, or would have to be awaited.

    Args:
        what: What the function is for, as "an observer".
        function: What was given.
        takes: What it is called with, as "an event".
        remedy: What to do instead where it is async.

    Raises:
        InvalidSpecError: It is no plain function.
    """
    allowed = f"a plain function of {takes}"
    if inspect.iscoroutine(function):
        function.close()  # else Python warns that nobody has awaited it
        given = f"Give the function itself, without calling it: {function.__name__}."
        raise InvalidSpecError(what, function, allowed, given)
    if not callable(function):
        raise InvalidSpecError(what, function, allowed)
    call = getattr(function, "__call__", None)  # noqa: B004 - of an object that can be called
    if is_async(function) or any(map(inspect.isasyncgenfunction, (_inner(function), call))):
        raise InvalidSpecError(what, function, allowed, f"Nobody awaits it here. {remedy}".strip())


def _inner(function: Any) -> Any:
    while hasattr(function, "func"):  # a partial
        function = function.func
    return function


def check_returned(what: str, function: object, returned: object, takes: str) -> None:
    """Refuse what a function has returned where it would have to be awaited; close it.

    A task or a future that the function returns has begun by itself, so it is let through.

    Args:
        what: As in `check_plain`.
        function: What was called.
        returned: What it returned.
        takes: As in `check_plain`.

    Raises:
        InvalidSpecError: It returned a coroutine or an async generator.
    """
    kind = ""
    if type(returned) is CoroutineType:  # isinstance would ask a foreign object for its class
        returned.close()
        kind = "a coroutine"
    elif type(returned) is AsyncGeneratorType:
        kind = "an async generator"
    if kind:
        remedy = f"It returned {kind}, which nobody awaits here."
        raise InvalidSpecError(what, function, f"a plain function of {takes}", remedy)


def call_plain(what: str, function: Callable[[Any], Any], value: object) -> Any:
    """Call a function of a value; one that turns out to be async is refused."""
    returned = function(value)
    check_returned(what, function, returned, "a value")
    return returned
