"""Immutable records of what a state is; they check themselves when they are made."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from fluffy_nb.errors import InvalidSpecError, StateFunctionError

StateResult = str | list[str] | None
"""What a state returns: the next state's name, several to run in parallel, or None to end."""

StateFunction = Callable[..., Any]
"""`f(context) -> StateResult`, async or plain."""


@dataclass(frozen=True, slots=True)
class StateSpec:
    """A state: its name, its function and what was declared about it.

    Args:
        name: Unique within its agent.
        function: Takes the context, returns a `StateResult`; async, or plain (runs in a thread).
        next: The states it can lead to, where declared; None lets them be read from the code.

    Raises:
        StateFunctionError: The function can't be called with a context alone.
        InvalidSpecError: The name is no string, or empty.
    """

    name: str
    function: StateFunction
    next: tuple[str, ...] | None = None
    is_async: bool = field(init=False, compare=False)
    """Whether the function is awaited on the loop; a plain one runs in a thread."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise InvalidSpecError("a state's name", self.name, "a string that is not empty")
        check_function(self.name, self.function)
        object.__setattr__(self, "is_async", is_async(self.function))


def is_async(function: StateFunction) -> bool:
    """Whether calling the function gives a coroutine."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object with an async __call__
    )


def check_function(name: str, function: object) -> None:
    """Refuse what can't be called with a context as its only argument."""
    if not callable(function):
        raise StateFunctionError(name, function, "can't be called")
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise StateFunctionError(name, function, "is a generator: it yields instead of returning")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return  # a builtin without a signature: calling it will tell
    try:
        signature.bind(None)
    except TypeError:
        takes = [p.name for p in signature.parameters.values() if p.default is p.empty]
        problem = f"takes ({', '.join(takes)})" if takes else "takes no argument"
        raise StateFunctionError(name, function, problem) from None


def declared_next(state: str, value: Iterable[str] | str | None) -> tuple[str, ...] | None:
    """The `next=` of `add_state` as a tuple of names; one name alone is allowed."""
    if value is None:
        return None
    what, allowed = f"next= of state {state!r}", "the names of states"
    if not isinstance(value, Iterable):
        raise InvalidSpecError(what, value, allowed)
    names = (value,) if isinstance(value, str) else tuple(value)
    for name in names:
        if not isinstance(name, str):
            raise InvalidSpecError(what, name, allowed)
    return tuple(dict.fromkeys(names))


def check_seconds(name: str, value: float | None) -> None:
    """Refuse what is no number of seconds; None is allowed."""
    if value is not None and not (isinstance(value, Real) and value >= 0):
        raise InvalidSpecError(name, value, "a number of seconds, zero or more, or None")
