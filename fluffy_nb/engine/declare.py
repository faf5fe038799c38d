"""The `@state` decorator: settings that a function carries until it becomes a state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "__fluffy_state__"


@dataclass(frozen=True, slots=True)
class Settings:
    """What `@state(...)` was given.

    Args:
        name: The state's name; None for the function's own.
        next: Where the state can lead; None to read it from the code.
    """

    name: str | None = None
    next: str | Iterable[str] | None = None


NO_SETTINGS = Settings()


@overload
def state(function: F, /) -> F: ...


@overload
def state(
    *,
    name: str | None = None,
    next: str | Iterable[str] | None = None,  # noqa: A002 - the word of add_state
) -> Callable[[F], F]: ...


def state(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    next: str | Iterable[str] | None = None,  # noqa: A002 - the word of add_state
) -> Any:
    """Give a function of a `%%fluffy` cell its settings as a state.

    Args:
        function: The function, when the decorator is used without brackets.
        name: Its name as a state; the function's own by default.
        next: Where it can lead, when its code does not show it.

    Returns:
        The function, unchanged but for the settings it carries.

    Example:
        >>> @state(next=["publish", "revise"])
        ... async def decide(context):
        ...     return context.get_state("verdict")
    """

    def decorate(function: F) -> F:
        setattr(function, _ATTRIBUTE, Settings(name, next))
        return function

    return decorate if function is None else decorate(function)


def settings_of(function: object) -> Settings:
    """The settings a function carries; defaults where it was not decorated."""
    settings = getattr(function, _ATTRIBUTE, NO_SETTINGS)
    return settings if isinstance(settings, Settings) else NO_SETTINGS
