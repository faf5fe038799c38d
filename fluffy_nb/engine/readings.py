"""What an expression of a state can be: the names, lists and `Send`s it can give."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

Target = str | re.Pattern[str]
"""A state's name, or the pattern of an f-string."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The target of a `Send`."""

    target: Target


@dataclass(frozen=True, slots=True)
class Inside:
    """A state of another agent: `(agent, "state")`."""

    agent: object
    target: Target


Entry = Target | Sent | Inside
"""One thing that a result can hold."""

MANY = 2
"""More than one entry; how many more makes no difference."""


@dataclass(frozen=True, slots=True)
class Value:
    """Everything that an expression can be.

    Args:
        names: What it can be when it is one name, `Send` or pair.
        entries: What it can hold when it is a list; None if it is never one.
        most: How many entries the list can have, `MANY` for several.
        loose: The list can also be a tuple, set or generator, which is no result.
        empty: It can also be None, or something false that leads nowhere.
        known: False if it can also be something that can't be read.
    """

    names: tuple[Entry, ...] = ()
    entries: tuple[Entry, ...] | None = None
    most: int = 0
    loose: bool = False
    empty: bool = False
    known: bool = True

    def __or__(self, other: Value) -> Value:
        """Either this or the other."""
        lists = [v.entries for v in (self, other) if v.entries is not None]
        return Value(
            self.names + other.names,
            sum(lists, ()) if lists else None,
            max(self.most, other.most),
            self.loose or other.loose,
            self.empty or other.empty,
            self.known and other.known,
        )

    def __add__(self, other: Value) -> Value:
        """The entries of this and then those of the other, as one list."""
        one, two = self.unpacked(), other.unpacked()
        entries = (one.entries or ()) + (two.entries or ())
        return Value(entries=entries, most=one.most + two.most, known=one.known and two.known)

    def unpacked(self) -> Value:
        """As a list of its entries."""
        sure = self.known and not self.empty and not self.names
        return Value(
            entries=self.entries or (),
            most=self.most if sure else MANY,
            known=self.known and not self.names,  # a string's entries are its letters
        )

    def entry(self) -> Value:
        """As the one entry of a list."""
        return Value(entries=self.names, most=1, known=self.known and self.entries is None)


UNKNOWN = Value(known=False)
NOTHING = Value(empty=True)
NO_NAMES = Value()
NO_ENTRIES = Value(entries=())

TARGETS = (str, re.Pattern)

ANYTHING = re.compile(".*", re.DOTALL)
"""The pattern of a text that is not known."""


def joined(left: Value, right: Value) -> Value | None:
    """The texts of one and then of the other, as names; None where one is more than text."""
    both = (left, right)
    if any(value.empty or value.entries is not None for value in both):
        return None
    if not all(isinstance(name, TARGETS) for value in both for name in value.names):
        return None
    names = tuple(_joined(one, two) for one, two in product(left.names, right.names))  # type: ignore[arg-type]  # targets
    return Value(names, known=left.known and right.known)


def _joined(one: Target, two: Target) -> Target:
    if isinstance(one, str) and isinstance(two, str):
        return one + two
    return re.compile(_source(one) + _source(two), re.DOTALL)


def _source(target: Target) -> str:
    return re.escape(target) if isinstance(target, str) else target.pattern
