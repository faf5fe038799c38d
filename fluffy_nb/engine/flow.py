"""The half of an agent that is defined: its states, their settings and their graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast, overload

from fluffy_nb.engine.check import Note, check
from fluffy_nb.engine.declare import check_decorated, settings_from, settings_of
from fluffy_nb.engine.definition import Definition
from fluffy_nb.engine.resources import ResourcePool, ResourceRequirements, machine_pool
from fluffy_nb.engine.retry import RetryPolicy
from fluffy_nb.engine.specs import (
    Dependencies,
    Flow,
    JoinMode,
    StateFunction,
    StateSettings,
    StateSpec,
    check_name,
    is_seconds,
)
from fluffy_nb.errors import InvalidSpecError, StateFunctionError, explains_arguments, plain

F = TypeVar("F", bound=StateFunction)


class DefinedFlow(Flow):
    """States and what is declared about them; `Agent` adds the verbs.

    Args:
        name: What it is called.
        start: The state or states where runs start; None lets them be found.
        max_concurrent: How many states may run at once; None for no limit.
        state_timeout: Seconds for an attempt of a state that has no timeout of its own.
        resources: What the states can take together; None for what the machine has.
    """

    def __init__(
        self,
        name: str,
        start: str | Iterable[str] | None,
        max_concurrent: int | None,
        state_timeout: float | None,
        resources: ResourcePool | None,
    ) -> None:
        self.name = plain(name)
        check_name("an agent's name", self.name)
        self.max_concurrent = max_concurrent
        if state_timeout is not None and not (is_seconds(state_timeout) and state_timeout > 0):
            allowed = "a number of seconds above zero, or None"
            raise InvalidSpecError("state_timeout", state_timeout, allowed)
        if resources is not None and not isinstance(resources, ResourcePool):
            allowed = "a ResourcePool(cpu_units=..., memory_mb=..., gpu_units=...), or None"
            raise InvalidSpecError("resources= of an agent", resources, allowed)
        self.resources = resources
        """What the states can take together; None for what the machine has."""
        self.definition: Definition = Definition(self.name, as_names(start), state_timeout)

    @property
    def max_concurrent(self) -> int | None:
        """How many states may run at once; None for no limit. A change counts from the next run."""
        return self._max_concurrent

    @max_concurrent.setter
    def max_concurrent(self, value: int | None) -> None:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and (not is_number or value < 1):
            raise InvalidSpecError("max_concurrent", value, "a whole number from 1, or None")
        self._max_concurrent = value

    @explains_arguments
    def add_state(
        self,
        name: str,
        function: StateFunction | Flow,
        *,
        next: str | Iterable[str] | None = None,
        join: JoinMode | None = None,
        dependencies: Dependencies | None = None,
        resources: ResourceRequirements | None = None,
        retry_policy: RetryPolicy | None = None,
        timeout: float | None = None,
        on_error: str | None = None,
        replace: bool = False,
    ) -> None:
        """Add a state, or replace one.

        Args:
            name: Unique in this agent. With placeholders, as in `"chunk_{i}"`, it stands for every
                name that fits: returning `"chunk_3"` runs it with the input `i=3`.
            function: `f(context) -> StateResult`, async, or plain to run in a thread; or an agent,
                whose states then run as this one state, on the same context.
            next: Where it can lead, when its code does not show it; where an agent goes on.
            join: What happens where several branches lead to it: "all" (the default) waits for
                every branch, "each" runs once for each, "first" runs for the first alone.
            dependencies: What must have happened before it runs, by the name of the state: a
                `DependencyType`, a `(type, lifecycle)` pair or a `Dependency`.
            resources: What it takes while it runs, and its priority.
            retry_policy: What happens when an attempt fails; None for one attempt.
            timeout: Seconds for one attempt; waiting for a person does not count.
            on_error: The state where the branch goes on when the last attempt has failed.
            replace: Take the place of a state of the same name.

        Raises:
            DuplicateStateError: There is one of this name, and `replace` is not set.
            StateFunctionError: The function can't be called with a context.
            InvalidSpecError: The name or a setting is not what it must be.
            OverlappingTemplatesError: One name could be that of this template and of another.
            AgentInItselfError: The agent given has this one inside.
        """
        check_name("a state's name", name, function)
        name = plain(name)
        declared = settings_of(function).given or {}
        own = settings_from(
            name,
            next=next,
            join=join,
            dependencies=dependencies,
            resources=resources,
            retry=retry_policy,
            timeout=timeout,
            on_error=on_error,
        )
        settings = cast("StateSettings", {**declared, **own})
        self.definition.add(name, function, replace=replace, **settings)
        self._changed(name)

    @overload
    def state(self, function: F, /) -> F: ...

    @overload
    def state(
        self,
        /,
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

    def state(
        self,
        function: Any = None,
        /,
        *,
        name: str | None = None,
        retry: RetryPolicy | None = None,
        **settings: Any,
    ) -> Any:
        """Make a function a state, as a decorator; running it again replaces the state.

        Args:
            function: The function, when the decorator is used without brackets.
            name: Its name as a state; the function's own by default.
            retry: As `retry_policy` in `add_state`.
            **settings: `next`, `join`, `dependencies`, `resources`, `timeout` and `on_error`, as in
                `add_state`.

        Returns:
            The function, unchanged.

        Example:
            >>> @agent.state
            ... async def load(context):
            ...     return "analyse"
        """
        check_decorated("@agent.state", function, name, settings)

        def decorate(function: F) -> F:
            called = name or getattr(function, "__name__", "")
            if not called:
                problem = "has no name of its own; write @agent.state(name=...)"
                raise StateFunctionError("state", function, problem)
            self.add_state(called, function, retry_policy=retry, replace=True, **settings)
            return function

        return decorate if function is None else decorate(function)

    @explains_arguments
    def remove_state(self, name: str) -> None:
        """Remove a state.

        Args:
            name: The state.

        Raises:
            UnknownStateError: There is none of this name.
            StateInUseError: A branch of a run that can go on stands at it.
        """
        check_name("the state to remove", name)
        self._check_unused(name)
        self.definition.remove(name)
        self._changed(name)

    def _check_unused(self, name: str) -> None:
        """Refuse to remove a state that a run stands at; nothing runs here."""

    def _changed(self, name: str) -> None:
        """A state was added, replaced or removed; nobody is to be told here."""

    @property
    def states(self) -> Mapping[str, StateSpec]:
        """The states by name, in order, read-only."""
        return self.definition.states

    def spec(self, name: str) -> StateSpec | None:
        """The state of a name, as events have it: also of a template, or inside an agent.

        Args:
            name: Such as "load", "chunk_3" or "review/draft".

        Returns:
            The state; None where there is none.
        """
        found = self.definition.spec(name)
        if found is not None:
            return found
        for agent, spec in self.states.items():
            if isinstance(spec.flow, DefinedFlow) and name.startswith(f"{agent}/"):
                return spec.flow.spec(name.removeprefix(f"{agent}/"))
        return None

    def check(self) -> tuple[Note, ...]:
        """What looks wrong before a run: the things a run would be refused for come first.

        States never reached, targets and dependencies that are no states, dependencies in a
        circle, demands larger than the pool, states whose successors can't be read.

        Returns:
            One note for each; empty where nothing looks wrong.

        Example:
            >>> for note in agent.check():
            ...     print(note)
        """
        self.definition.reread()
        return check(self.definition.graph(None), self.states, self.resources, machine_pool())


def as_names(value: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """One name, several or none, as a tuple; None for none."""
    if value is None:
        return None
    if isinstance(value, str):
        return (plain(value),)
    several = isinstance(value, Iterable) and not isinstance(value, bytes)
    names = tuple(value) if several else ()
    if not several or not all(isinstance(name, str) for name in names):
        raise InvalidSpecError("start", value, "the name of a state, or several names")
    return tuple(map(plain, names))
