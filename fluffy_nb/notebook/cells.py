"""Which functions of a `%%fluffy` cell are states, and which cell a state belongs to."""

from __future__ import annotations

import dis
import inspect
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from types import CodeType
from typing import Any

from fluffy_nb.agent import Agent
from fluffy_nb.engine.callables import called, layers, signature_of
from fluffy_nb.engine.context import Context
from fluffy_nb.engine.declare import UNDECLARED, settings_of
from fluffy_nb.engine.specs import StateSpec
from fluffy_nb.errors import StateFunctionError, UsageError

States = Mapping[str, Callable[..., Any]]


def states_among(
    functions: Mapping[str, Any], declared: Collection[Any] = (), added: Collection[Any] = ()
) -> dict[str, Callable[..., Any]]:
    """The states among the functions a cell defined, by the names they have as states.

    A function is one if `@state` was used on it, or if its first parameter is named `context` or
    annotated `Context` and its name does not begin with an underscore.

    Args:
        functions: By their names in the cell, in its order.
        declared: All that `@state` was used on, in order. A loop defines several functions of one
            name; each that was given a name of its own as a state is one.
        added: Functions that are states already, because the cell itself called `add_state`.

    Returns:
        The states in the same order.

    Raises:
        UsageError: Two of them have one name, or a helper takes a context and more.
        StateFunctionError: One that was declared can't be called with a context.
    """
    found: dict[str, Callable[..., Any]] = {}
    defined_by: dict[str, str] = {}
    for name, function in _all_versions(functions, declared):
        settings = settings_of(function)
        if settings is UNDECLARED and (
            name.startswith("_")
            or not takes_context(function)
            or any(function is each for each in added)
        ):
            continue
        state = settings.name or name
        if defined_by.setdefault(state, name) != name:
            raise UsageError(f"two functions of this cell are state {state!r}; rename one of them.")
        _check(state, name, function)
        found[state] = function
    return found


def _all_versions(
    functions: Mapping[str, Any], declared: Collection[Any]
) -> Iterator[tuple[str, Any]]:
    """The functions of a cell, with the earlier ones of each name that have one as a state."""
    named = [each for each in declared if settings_of(each).name is not None]
    for name, function in functions.items():
        for each in named:
            if each is not function and getattr(each, "__name__", "") == name:
                yield name, each
        yield name, function
    for each in named:  # made by a function of the cell
        if getattr(each, "__name__", "") not in functions:
            yield str(settings_of(each).name), each


def _check(state: str, name: str, function: Callable[..., Any]) -> None:
    """Refuse what can't be a state before anything is changed."""
    try:
        StateSpec(state, function)
    except StateFunctionError:
        if settings_of(function) is not UNDECLARED:
            raise
        raise UsageError(
            f"{head(name, function)} takes a context as states do, and can't be called with a "
            f"context alone. If it is a helper, let its name begin with an underscore: _{name}; "
            f"if it is a state, it takes the context alone: async def {name}(context): ..."
        ) from None


def takes_context(function: object) -> bool:
    """Whether a function looks like a state: by its first parameter, or that of what it wraps."""
    if not callable(function) or inspect.isclass(function):
        return False
    return any(map(_begins_with_context, layers(function)))


def _begins_with_context(function: Any) -> bool:
    try:
        parameters = list(signature_of(function).parameters.values())
    except (TypeError, ValueError):
        return False
    if not parameters or parameters[0].kind in {
        inspect.Parameter.KEYWORD_ONLY,
        inspect.Parameter.VAR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    }:
        return False
    annotation = parameters[0].annotation
    if isinstance(annotation, str):
        annotation = annotation.strip("\"' ").rpartition(".")[2]
    return parameters[0].name == "context" or annotation in ("Context", Context)


def head(name: str, function: object) -> str:
    """A function as it is called, for a message."""
    try:
        return f"{name}{signature_of(function)}" if callable(function) else name
    except (TypeError, ValueError):
        return name


def is_of(file: str, function: object) -> bool:
    """Whether a function, or one that it wraps, was defined in a cell; known by its file."""
    return any(code.co_filename == file for code in _codes(function))


def helpers_among(states: States) -> dict[str, str]:
    """States that another one calls by its name: probably helpers, by the name of who calls.

    Args:
        states: The states of a cell.
    """
    found: dict[str, str] = {}
    for caller, function in states.items():
        used = {name for code in _codes(function) for name in _globals_of(code)}
        for name, other in states.items():
            if name in used and name != caller and settings_of(other) is UNDECLARED:
                found.setdefault(name, caller)
    return found


def _codes(function: object) -> Iterator[CodeType]:
    for layer in layers(function):
        try:
            yield called(layer).function.__code__
        except TypeError:
            return


def _globals_of(code: CodeType) -> Iterator[str]:
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            yield step.argval
        elif inspect.iscode(step.argval):
            yield from _globals_of(step.argval)


class Owners:
    """Which cell owns which states: one that is run again without a state removes it."""

    def __init__(self) -> None:
        self._owner: dict[tuple[Agent, str], object] = {}

    def apply(self, cell: str | None, agent: Agent, states: States) -> None:
        """Give an agent the states of a cell, and take away those the cell had before.

        Args:
            cell: Its id. Where the front end sends none, its earlier version is the one that
                shares most names with it.
            agent: Whose states.
            states: All that the cell defines for it now, in order.

        Raises:
            StateInUseError: One to be removed has a branch of a run standing at it. The others
                are as the cell has them; the cell owns this one still.
        """
        owner = self._earlier(agent, states) if cell is None else cell
        for name, function in states.items():
            agent.add_state(name, function, replace=True)
            self._owner[agent, name] = owner
        now = {(agent, name) for name in states}
        for other, name in [key for key, by in self._owner.items() if by == owner]:
            if (other, name) not in now:
                if name in other.states:
                    other.remove_state(name)
                del self._owner[other, name]

    def _earlier(self, agent: Agent, states: States) -> object:
        """What stands for a cell without an id: the same as for its earlier version."""
        owners = Counter(self._owner.get((agent, name)) for name in states)
        shared = [owner for owner, _ in owners.most_common() if isinstance(owner, _Anonymous)]
        return shared[0] if shared else _Anonymous()


class _Anonymous:
    """A cell that the front end sends no id of."""
