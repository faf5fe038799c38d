"""Errors that raise, or lie, wherever somebody looks at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fluffy_nb.errors import StateError

from .hostile_values import ODD, Hostile, OddError, raising


def _error(name: str, /, **methods: Any) -> Callable[[], BaseException]:
    return lambda: type(name, (Exception,), methods)("told")


def _chain() -> BaseException:
    error = ValueError("its own cause")
    error.__cause__ = error
    return error


def _circle() -> BaseException:
    one, other = ValueError("one"), ValueError("other")
    one.__context__, other.__context__ = other, one
    return one


def _with_notes(notes: object) -> Callable[[], BaseException]:
    def make() -> BaseException:
        error = ValueError("noted")
        error.__notes__ = notes
        return error

    return make


class KeywordOnlyError(Exception):
    def __init__(self, code, *, detail):
        super().__init__()
        self.code, self.detail = code, detail


class LyingStateError(StateError):
    """Says that it is of any run."""

    def __init__(self):
        Exception.__init__(self, "lies")

    @property
    def run_id(self):
        raise OddError("run_id")


class Meta(type):
    """A class that raises where its name is asked for."""

    @property
    def __name__(cls):
        raise OddError("no name")


class NamelessError(Exception, metaclass=Meta):
    pass


def _again(error: object) -> str:
    return f"{error} {error!r}"


def _deep() -> BaseException:
    def down(n: int) -> int:
        return down(n + 1) + 1

    try:
        down(0)
    except RecursionError as error:
        return error
    raise AssertionError


ERRORS: dict[str, Callable[[], BaseException]] = {
    **ODD,
    "a real RecursionError": _deep,
    "StopAsyncIteration": StopAsyncIteration,
    "MemoryError": MemoryError,
    "TimeoutError": lambda: TimeoutError("late"),
    "a warning": lambda: UserWarning("raised"),
    "a group": lambda: ExceptionGroup("group", [ValueError("one"), ValueError("two")]),
    "a group of odd ones": lambda: BaseExceptionGroup("group", [OddError("one")]),
    "a KeyError of a hostile key": lambda: KeyError(Hostile()),
    "an argument that raises": lambda: ValueError(Hostile()),
    "keyword-only arguments": lambda: KeywordOnlyError(1, detail="x"),
    "its own cause": _chain,
    "a circle of contexts": _circle,
    "notes that are none": _with_notes(5),
    "notes that are no texts": _with_notes([1, None, b"x"]),
    "a text of five million characters": lambda: ValueError("long " * 1_000_000),
    "half a character": lambda: ValueError("\ud800"),
    "__str__ raises": _error("E", __str__=raising(lambda: AttributeError("text"))),
    "__str__ raises an odd one": _error("E", __str__=raising(GeneratorExit)),
    "__str__ raises what has no text": _error(
        "E", __str__=raising(_error("F", __str__=raising(ValueError)))
    ),
    "__str__ gives no text": _error("E", __str__=lambda _: 5),
    "__str__ and __repr__ never end": _error("E", __str__=_again, __repr__=_again),
    "__repr__ raises": _error("E", __repr__=raising(ValueError)),
    "__class__ raises": _error("E", __class__=property(raising(ValueError))),
    "__eq__ and __hash__ raise": _error(
        "E", __eq__=raising(ValueError), __hash__=raising(ValueError)
    ),
    "__bool__ raises": _error("E", __bool__=raising(ValueError)),
    "__getattribute__ raises": _error("E", __getattribute__=raising(ValueError)),
    "__setattr__ raises": _error("E", __setattr__=raising(ValueError)),
    "__reduce__ raises": _error(
        "E", __reduce__=raising(ValueError), __reduce_ex__=raising(ValueError)
    ),
    "a class without a name": lambda: NamelessError("nameless"),
    "a StateError of another run": lambda: StateError("other", 1, "other", "its own"),
    "a StateError that lies": LyingStateError,
}
"""Errors that a state raises: each must be the failure of the state."""
