"""The `@state` decorator: settings of a state, kept on its function until an agent takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from fluffy_nb.engine.specs import StateFunction, declared_next
from fluffy_nb.errors import InvalidSpecError, StateFunctionError

F = TypeVar("F", bound=StateFunction)

_ATTRIBUTE = "__fluffy_state__"


@dataclass(frozen=True, slots=True)
class Settings:
    """What was declared about a state.

    Args:
        name: Its name; None for the function's own.
        next: The states it can lead to; None lets them be read from the code.
    """

    name: str | None = None
    next: tuple[str, ...] | None = None


UNDECLARED = Settings()
"""The settings of every function that `@state` was not used on."""


@overload
def state(function: F, /) -> F: ...


@overload
def state(
    *,
    name: str | None = None,
    next: str | Iterable[str] | None = None,
) -> Callable[[F], F]: ...


def state(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    next: str | Iterable[str] | None = None,
) -> Any:
    """Say of a function what kind of state it is, as a decorator; no agent is named.

    A `%%fluffy` cell, and `agent.add_state`, take the settings from the function.

    Args:
        function: The function, when the decorator is used without brackets.
        name: Its name as a state; the function's own by default.
        next: Where it can lead, when its code does not show it.

    Returns:
        The function, unchanged but for an attribute that holds the settings.

    Raises:
        InvalidSpecError: The name or `next` is not what it must be.
        StateFunctionError: It is no function, or one that takes no attribute, as a bound method.

    Example:
        >>> @state(next=["approve", "revise"])
        ... async def review(context):
        ...     return pick(context)
    """
    if name is not None and (not isinstance(name, str) or not name.strip()):
        raise InvalidSpecError("a state's name", name, "a string that is not empty")

    def decorate(function: F) -> F:
        called = name or str(getattr(function, "__name__", "state"))
        if not callable(function):
            raise StateFunctionError(called, function, "can't be called")
        settings = Settings(name, declared_next(called, next))
        try:
            setattr(function, _ATTRIBUTE, settings)
        except (AttributeError, TypeError):
            problem = "can't be marked; give name= and next= to add_state instead"
            raise StateFunctionError(called, function, problem) from None
        return function

    return decorate if function is None else decorate(function)


def settings_of(function: object) -> Settings:
    """What `@state` declared about a function.

    Args:
        function: Any object.

    Returns:
        Its settings; `UNDECLARED` itself where the decorator was not used.
    """
    found = getattr(function, _ATTRIBUTE, UNDECLARED)
    return found if isinstance(found, Settings) else UNDECLARED
