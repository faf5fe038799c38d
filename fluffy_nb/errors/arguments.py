"""Calls with the wrong arguments: an unknown keyword is answered with the nearest name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from fluffy_nb.errors.base import FluffyError
from fluffy_nb.errors.wording import nearest, shortened

P = ParamSpec("P")
T = TypeVar("T")


class ArgumentsError(FluffyError, TypeError):
    """A function was called with arguments that it does not take, or without one that it needs."""

    def __init__(self, function: str, problem: str, takes: str) -> None:
        super().__init__(f"{function}() {problem}; write {function}{takes}.")


def explains_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function answer wrong arguments with an `ArgumentsError`; a decorator.

    A call that goes well costs one more call: nothing is checked before.

    Args:
        function: Async or plain.

    Returns:
        A function of the same signature.
    """

    def explain(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        signature = inspect.signature(function)
        try:
            signature.bind(*args, **kwargs)
        except TypeError as problem:
            raise _error(function, signature, kwargs, problem) from None

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except TypeError:
            explain(args, kwargs)
            raise

    mark = getattr(inspect, "markcoroutinefunction", None)  # from Python 3.12
    if mark is not None and inspect.iscoroutinefunction(function):
        mark(called)
    return called


C = TypeVar("C", bound=type)


def explains_init(cls: C) -> C:
    """As `explains_arguments`, for the constructor of a class; a class decorator."""
    setattr(cls, "__init__", explains_arguments(cls.__init__))  # type: ignore[misc]  # noqa: B010 - its own
    return cls


def _error(
    function: Callable[..., Any],
    signature: inspect.Signature,
    kwargs: dict[str, Any],
    problem: TypeError,
) -> ArgumentsError:
    owner, _, name = function.__qualname__.rpartition(".")
    called = owner.rpartition(".")[2] if name == "__init__" else name
    parameters = [p for p in signature.parameters.values() if p.name != "self"]
    names = [p.name for p in parameters if p.kind not in {p.POSITIONAL_ONLY, p.VAR_KEYWORD}]
    unknown = next((key for key in kwargs if key not in names), None)
    told = str(problem)
    if unknown is not None and "unexpected keyword" in told:
        value = shortened(kwargs[unknown])
        told = f"takes no argument {unknown}={value} ({nearest(unknown, names)})"
    shown = (str(p.replace(annotation=p.empty)) for p in parameters)
    takes = _short(", ".join(_starred(parameters, list(shown))))
    return ArgumentsError(called, _lower(told), f"({takes})")


def _starred(parameters: list[inspect.Parameter], shown: list[str]) -> list[str]:
    """The parameters as they are written, with the star before those that need their names."""
    first = next((i for i, p in enumerate(parameters) if p.kind is p.KEYWORD_ONLY), None)
    if first is not None and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        shown.insert(first, "*")
    return shown


def _short(takes: str) -> str:
    return takes if len(takes) <= 400 else takes[:400] + "..."


def _lower(told: str) -> str:
    return told if told.startswith("takes") else f"was called wrongly: {told}"
