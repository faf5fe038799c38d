"""The `@state` decorator: settings of a state, kept on its function until an agent takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar, cast, overload

from fluffy_nb.engine.dependencies import declared_dependencies
from fluffy_nb.engine.resources import ResourceRequirements
from fluffy_nb.engine.retry import RetryPolicy
from fluffy_nb.engine.specs import (
    Dependencies,
    JoinMode,
    StateFunction,
    StateSettings,
    StateSpec,
    check_name,
    declared_next,
)
from fluffy_nb.errors import ArgumentsError, InvalidSpecError, StateFunctionError, nearest

F = TypeVar("F", bound=StateFunction)

SETTINGS = ("next", "join", "dependencies", "resources", "retry", "timeout", "on_error")
"""What a decorator takes besides the name."""

_ATTRIBUTE = "__fluffy_state__"


@dataclass(frozen=True, slots=True)
class Settings:
    """What was declared about a state.

    Args:
        name: Its name; None for the function's own.
        given: The settings that were given, others are left to their defaults.
    """

    name: str | None = None
    given: StateSettings | None = None


_noted: ContextVar[list[Any] | None] = ContextVar("noted", default=None)

UNDECLARED = Settings()
"""The settings of every function that `@state` was not used on."""


def settings_from(
    name: str,
    *,
    next: str | Iterable[str] | None = None,
    join: JoinMode | None = None,
    dependencies: Dependencies | None = None,
    resources: ResourceRequirements | None = None,
    retry: RetryPolicy | None = None,
    timeout: float | None = None,
    on_error: str | None = None,
) -> StateSettings:
    """The settings of a state in one form, with those left out that were not given.

    Args:
        name: The state, for messages.
        next: As in `Agent.add_state`, as are all others.
        join: See there.
        dependencies: See there.
        resources: See there.
        retry: There called `retry_policy`.
        timeout: See there.
        on_error: See there.

    Raises:
        InvalidSpecError: One of them is not what it must be.
    """
    settings: dict[str, Any] = {
        "next": declared_next(name, next),
        "join": join,
        "dependencies": None if dependencies is None else declared_dependencies(name, dependencies),
        "resources": resources,
        "retry": retry,
        "timeout": timeout,
        "on_error": on_error,
    }
    given = {key: value for key, value in settings.items() if value is not None}
    return cast("StateSettings", given)


@overload
def state(function: F, /) -> F: ...


@overload
def state(
    *,
    name: str | None = None,
    next: str | Iterable[str] | None = None,
    join: JoinMode | None = None,
    dependencies: Dependencies | None = None,
    resources: ResourceRequirements | None = None,
    retry: RetryPolicy | None = None,
    timeout: float | None = None,
    on_error: str | None = None,
) -> Callable[[F], F]: ...


def state(function: Any = None, /, *, name: str | None = None, **settings: Any) -> Any:
    """Say of a function what kind of state it is, as a decorator; no agent is named.

    A `%%fluffy` cell, and `agent.add_state`, take the settings from the function.

    Args:
        function: The function, when the decorator is used without brackets.
        name: Its name as a state; the function's own by default.
        **settings: `next`, `join`, `dependencies`, `resources`, `retry`, `timeout` and `on_error`,
            as in `Agent.add_state`.

    Returns:
        The function, unchanged but for an attribute that holds the settings.

    Raises:
        InvalidSpecError: The name or a setting is not what it must be.
        StateFunctionError: It is no function, or one that takes no attribute, as a bound method.

    Example:
        >>> @state(next=["approve", "revise"], timeout=30)
        ... async def review(context):
        ...     return pick(context)
    """
    check_decorated("@state", function, name, settings)

    def decorate(function: F) -> F:
        called = name or str(getattr(function, "__name__", "state"))
        if not callable(function):
            raise StateFunctionError(called, function, "can't be called")
        given = settings_from(called, **settings)
        StateSpec(called, _anything, **given)  # refuses what is wrong here, where it is written
        try:
            setattr(function, _ATTRIBUTE, Settings(name, given))
        except (AttributeError, TypeError):
            problem = "can't be marked; give name= and next= to add_state instead"
            raise StateFunctionError(called, function, problem) from None
        noted = _noted.get()
        if noted is not None:
            noted.append(function)
        return function

    return decorate if function is None else decorate(function)


def check_decorated(
    decorator: str, function: object, name: object, settings: Mapping[str, object]
) -> None:
    """Refuse what the decorator of a state can't be given.

    Args:
        decorator: How it is written, for messages.
        function: What was given by position; None where it has brackets with settings.
        name: What was given as `name`.
        settings: The other arguments.

    Raises:
        InvalidSpecError: A name stands where the function does, or the name is none.
        ArgumentsError: There is no such setting.
    """
    if isinstance(function, str):
        remedy = f"Write {decorator}(name={function!r}) above the function."
        raise InvalidSpecError(f"what {decorator} is given", function, "a function", remedy)
    if name is not None:
        check_name("a state's name", name)
    for setting in settings:
        if setting not in SETTINGS:
            near = "it is called retry" if setting == "retry_policy" else nearest(setting, SETTINGS)
            problem = f"takes no argument {setting}= ({near})"
            takes = ", ".join(f"{each}=None" for each in SETTINGS)
            raise ArgumentsError(decorator, problem, f"(name=None, {takes})")


def note_declared(*, stop: bool = False) -> list[Any]:
    """Note from now on, in this context, every function that `@state` is used on.

    A cell needs it: a loop can make several states from one `def`.

    Args:
        stop: Note no more.

    Returns:
        The list that they are appended to, in their order.
    """
    noted: list[Any] = []
    _noted.set(None if stop else noted)
    return noted


def _anything(context: object) -> None:
    """Stands for the function while its settings are looked at."""


def settings_of(function: object) -> Settings:
    """What `@state` declared about a function.

    Args:
        function: Any object.

    Returns:
        Its settings; `UNDECLARED` itself where the decorator was not used.
    """
    found = getattr(function, _ATTRIBUTE, UNDECLARED)
    return found if isinstance(found, Settings) else UNDECLARED
