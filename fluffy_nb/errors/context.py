"""Errors of the context: keys, types, contexts of attempts that have ended."""

from __future__ import annotations

from collections.abc import Collection

from fluffy_nb.errors.base import FluffyError
from fluffy_nb.errors.characters import visible_lines
from fluffy_nb.errors.wording import nearest


class TypedDataError(FluffyError, TypeError):
    """A typed value has a field of the wrong type, or the wrong class."""

    def __init__(self, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"typed value {key!r}: {problem}; {remedy}")


class MissingKeyError(FluffyError, KeyError):
    """The context holds no value under this key."""

    def __init__(self, key: str, keys: Collection[str]) -> None:
        super().__init__(
            f"the context holds nothing under {key!r} ({nearest(key, keys)}); "
            f"store it first: context.set_typed({key!r}, value)."
        )

    def __str__(self) -> str:
        return visible_lines(str(self.args[0]))  # KeyError would show the repr of the message


class InputReadOnlyError(FluffyError, TypeError):
    """A state wrote a key that is an input of its execution."""

    def __init__(self, state: str, key: str) -> None:
        super().__init__(
            f"{key!r} is an input of this execution of state {state!r}, and inputs are read-only; "
            "store the result under another key."
        )


class ContextClosedError(FluffyError, RuntimeError):
    """An attempt that was cancelled wrote to the context."""

    def __init__(self, state: str, attempt: int) -> None:
        super().__init__(
            f"attempt {attempt} of state {state!r} has ended (it was cancelled or timed out), so "
            "its writes are refused; return from the function, the next attempt writes."
        )
