"""The values that the states of a run share, who wrote each, and what is never saved."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from fluffy_nb.engine.secrets import Secrets
from fluffy_nb.errors import InvalidSpecError, TypedDataError, class_of, plain, shortened


class Writer(NamedTuple):
    """Who wrote a key last."""

    state: str
    attempt: int
    event: int
    """The number of the run's latest event at that time."""
    execution: int = 0


class SharedState:
    """The values of one run, who wrote each, and which are typed.

    Args:
        values: The first values.
        writers: The states that wrote them, in a run that is taken up.
    """

    __slots__ = ("local", "lock", "secrets", "types", "values", "writers")

    def __init__(
        self, values: Mapping[str, Any] | None = None, writers: Mapping[str, str] | None = None
    ) -> None:
        self.values: dict[str, Any] = {}
        self.writers: dict[str, Writer] = {}
        self.types: dict[str, type] = {}
        self.secrets = Secrets()
        self.local: dict[str, Any] = {}
        self.lock = threading.RLock()
        """Held while a value is read and written in one step; threads write too."""
        for key, value in (values or {}).items():
            self.set(key, value, Writer((writers or {}).get(key, ""), 0, 0))

    def __repr__(self) -> str:
        return f"<shared state of {len(self.values)} keys>"

    def set(self, key: str, value: object, writer: Writer, *, typed: bool = False) -> None:
        """Store a value; a key that was set typed takes another type only typed again."""
        key = check_key(key)
        held = self.types.get(key)
        if typed:
            self.types[key] = type(value)
        elif held is not None and type(value) is not held:
            raise TypedDataError(
                key,
                f"it holds a {held.__name__}, and {shortened(value)} is of {class_of(value)}",
                f"remove_state({key!r}) first, or choose another key",
            )
        self.values[key] = value
        self.writers[key] = writer

    def take_over(self, values: Mapping[str, Any], writers: Mapping[str, Writer]) -> None:
        """Store what a state wrote in an earlier run."""
        for key, value in values.items():
            self.set(key, value, writers[key])

    def remove(self, key: str) -> None:
        """Forget a key."""
        self.values.pop(key, None)
        self.writers.pop(key, None)
        self.types.pop(key, None)


def check_key(key: str) -> str:
    """A key as a plain string.

    Raises:
        InvalidSpecError: It is no string.
    """
    if type(key) is str:
        return key
    if not issubclass(type(key), str):
        raise InvalidSpecError("a context key", key, "a string")
    return plain(key)
