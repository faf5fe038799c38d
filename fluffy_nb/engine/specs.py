"""Immutable records of what a state is; they check themselves when they are made."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import FunctionType, MappingProxyType
from typing import Any, Literal, TypedDict, Union

from fluffy_nb.engine.callables import is_async, signature_of
from fluffy_nb.engine.dependencies import Dependency, DependencyLifecycle, DependencyType
from fluffy_nb.engine.resources import NOTHING, ResourceRequirements, is_amount
from fluffy_nb.engine.retry import RetryPolicy
from fluffy_nb.engine.templates import Template, is_template
from fluffy_nb.errors import InvalidSpecError, StateFunctionError, plain, shortened


class Flow:
    """What can be a state of another flow: the base of `Agent`."""

    definition: Any
    """Its states: a `Definition`."""


class Send:
    """Go to a state with inputs of its own; several to one state run it several times.

    Args:
        name: The state.
        **inputs: What this execution alone gets: `context.get_state(key)` sees it first.

    Raises:
        InvalidSpecError: The name is no string.

    Example:
        >>> return [Send("summarise", page=page) for page in pages]
    """

    __slots__ = ("inputs", "name")

    def __init__(self, name: str = "", /, **inputs: Any) -> None:
        self.name = plain(name)
        if not isinstance(self.name, str) or not self.name:
            allowed = "the name of a state, which comes first"
            remedy = "Write Send('name', key=value)."
            raise InvalidSpecError("the state to send to", name, allowed, remedy)
        self.inputs: Mapping[str, Any] = MappingProxyType(inputs)

    def __repr__(self) -> str:
        inputs = "".join(f", {key}={shortened(value)}" for key, value in self.inputs.items())
        return f"Send({self.name!r}{inputs})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Send):
            return NotImplemented
        return self.name == other.name and dict(self.inputs) == dict(other.inputs)

    def __hash__(self) -> int:
        return hash(self.name)  # inputs can be of any kind

    def __reduce__(self) -> tuple[Any, ...]:
        return _sent, (self.name, dict(self.inputs))


def _sent(name: str, inputs: dict[str, Any]) -> Send:
    """What a pickled or copied `Send` is made of; an input may be called as an argument here."""
    return Send(name, **inputs)


Step = Union[str, Send, tuple[Flow, str]]  # noqa: UP007 - a tuple of a class and a string
StateResult = Step | list[Any] | None
"""What a state returns: the next state's name, `Send(name, ...)`, `(agent, name)`, a list of these
to run in parallel, or None to end."""

StateFunction = Callable[..., Any]
"""`f(context) -> StateResult`, async or plain."""

JoinMode = Literal["all", "each", "first"]
"""What a state does where several branches lead to it (semantics 5)."""

Dependencies = Mapping[
    str, Dependency | DependencyType | tuple[DependencyType, DependencyLifecycle]
]
"""What a state depends on, as `add_state` takes it."""


class StateSettings(TypedDict, total=False):
    """What can be declared about a state besides its name and function."""

    next: tuple[str, ...] | None
    join: JoinMode
    dependencies: Mapping[str, Dependency]
    resources: ResourceRequirements
    retry: RetryPolicy | None
    timeout: float | None
    on_error: str | None


@dataclass(frozen=True, slots=True)
class StateSpec:
    """A state: its name, its function and what was declared about it.

    Args:
        name: Unique within its agent; with placeholders it stands for many (semantics 4.3).
        function: Takes the context, returns a `StateResult`; async, or plain (runs in a thread).
            An agent is run as this one state.
        next: The states it can lead to, where declared; None lets them be read from the code.
        join: "all" waits for every branch, "each" for none, "first" takes the first alone.
        dependencies: What must have happened before it runs, by the name of the state.
        resources: What an execution takes.
        retry: What happens when an attempt fails; None for one attempt.
        timeout: Seconds for one attempt; waiting for a person does not count.
        on_error: Where the branch goes on when the last attempt has failed.

    Raises:
        StateFunctionError: The function can't be called with a context alone.
        InvalidSpecError: A setting is not what it must be.
    """

    name: str
    function: StateFunction | Flow
    next: tuple[str, ...] | None = None
    join: JoinMode = "all"
    dependencies: Mapping[str, Dependency] = field(default_factory=dict)
    resources: ResourceRequirements = NOTHING
    retry: RetryPolicy | None = None
    timeout: float | None = None
    on_error: str | None = None
    is_async: bool = field(init=False, compare=False)
    """Whether the function is awaited on the loop; a plain one runs in a thread."""
    template: Template | None = field(init=False, compare=False)
    """What matches the names it stands for, where its name has placeholders."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", plain(self.name))
        object.__setattr__(self, "on_error", plain(self.on_error))
        check_name("a state's name", self.name, self.function)
        self._check_settings()
        template = Template(self.name) if is_template(self.name) else None
        object.__setattr__(self, "template", template)
        if isinstance(self.function, Flow):
            self._check_agent()
            object.__setattr__(self, "is_async", False)
            return
        check_function(self.name, self.function)
        object.__setattr__(self, "is_async", is_async(self.function))

    def _check_settings(self) -> None:
        of = f"of state {self.name!r}"
        if not isinstance(self.join, str) or self.join not in {"all", "each", "first"}:
            raise InvalidSpecError(f"join= {of}", self.join, "'all', 'each' or 'first'")
        if not isinstance(self.resources, ResourceRequirements):
            allowed = "a ResourceRequirements(cpu_units=..., memory_mb=..., gpu_units=...)"
            raise InvalidSpecError(f"resources= {of}", self.resources, allowed)
        if self.retry is not None and not isinstance(self.retry, RetryPolicy):
            allowed = "a RetryPolicy(max_retries=...), or None for one attempt"
            raise InvalidSpecError(f"the retry policy {of}", self.retry, allowed)
        if self.timeout is not None and not (is_seconds(self.timeout) and self.timeout > 0):
            allowed = "a number of seconds above zero, or None"
            raise InvalidSpecError(f"timeout= {of}", self.timeout, allowed)
        if self.on_error is not None and not isinstance(self.on_error, str):
            raise InvalidSpecError(f"on_error= {of}", self.on_error, "the name of a state, or None")
        if self.on_error == self.name:
            remedy = "To try the state again give it a retry_policy=RetryPolicy(...)."
            raise InvalidSpecError(f"on_error= {of}", self.on_error, "another state", remedy)

    def _check_agent(self) -> None:
        """An agent as a state holds nothing and does nothing itself (semantics 4.4)."""
        given = {
            "resources=": self.resources is not NOTHING and bool(self.resources),
            "retry_policy=": self.retry is not None,
            "timeout=": self.timeout is not None,
            "on_error=": self.on_error is not None,
        }
        for setting, is_given in given.items():
            if is_given:
                what = f"{setting} of state {self.name!r}, which is an agent,"
                remedy = "Give it to the agent's own states."
                raise InvalidSpecError(what, getattr(self, _FIELDS[setting]), "left out", remedy)
        if self.template is not None:
            remedy = "Choose a plain name and go there with Send(name, key=value)."
            raise InvalidSpecError("the name of an agent's state", self.name, "plain", remedy)

    @property
    def flow(self) -> Flow | None:
        """The agent that is run as this state; None where it is a function."""
        return self.function if isinstance(self.function, Flow) else None


_FIELDS = {
    "resources=": "resources",
    "retry_policy=": "retry",
    "timeout=": "timeout",
    "on_error=": "on_error",
}


def as_it_is_now(spec: StateSpec) -> StateSpec:
    """The record of a state anew where its function has become async or plain; else the same."""
    function = spec.function
    if not isinstance(function, FunctionType):
        return spec
    awaited = bool(function.__code__.co_flags & inspect.CO_COROUTINE)
    if awaited is spec.is_async or is_async(function) is spec.is_async:
        return spec
    return replace(spec)


def check_name(what: str, name: object, function: object = None) -> None:
    """Refuse what can't be a name; say so where the function was given in its place."""
    if isinstance(name, str) and name.strip():
        return
    swapped = callable(name) and isinstance(function, str)
    remedy = f"The name comes first: ({function!r}, function)." if swapped else ""
    raise InvalidSpecError(what, name, "a string that is not empty", remedy)


def check_function(name: str, function: object) -> None:
    """Refuse what can't be called with a context as its only argument."""
    if inspect.iscoroutine(function):
        function.close()  # else Python warns that nobody has awaited it
        problem = f"is a coroutine: give {function.__name__} itself, without calling it"
        raise StateFunctionError(name, function, problem)
    if not callable(function):
        raise StateFunctionError(name, function, "can't be called")
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise StateFunctionError(name, function, "is a generator: it yields instead of returning")
    try:
        signature = signature_of(function)
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
    if not isinstance(value, Iterable) or isinstance(value, bytes):
        raise InvalidSpecError(what, value, allowed)
    names = (value,) if isinstance(value, str) else tuple(value)
    for name in names:
        if not isinstance(name, str):
            raise InvalidSpecError(what, name, allowed)
    return tuple(dict.fromkeys(map(plain, names)))


def check_seconds(name: str, value: float | None) -> None:
    """Refuse what is no number of seconds; None is allowed."""
    if value is not None and not is_seconds(value):
        raise InvalidSpecError(name, value, "a number of seconds, zero or more, or None")


def is_seconds(value: object) -> bool:
    """Whether it is a number from 0 that is not NaN; truth values are no numbers."""
    return is_amount(value)


def check_steps(n: int) -> int:
    """Refuse what is no number of steps."""
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise InvalidSpecError("the number of steps", n, "a whole number from 1")
    return n
