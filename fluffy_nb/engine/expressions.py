"""Reading which state names an expression can give, without running it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from operator import or_
from typing import TYPE_CHECKING

from fluffy_nb.engine.specs import Send

if TYPE_CHECKING:
    from fluffy_nb.engine.names import Names

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

_LIMIT = 10_000
"""Steps after which an expression counts as unreadable, so that none can take long."""

_COPYING = {"list": False, "sorted": False, "reversed": True, "set": True, "tuple": True}
"""The builtins whose result has the entries of their argument, and whether it is no list."""


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


class Reader:
    """Reads the expressions of one function.

    Args:
        names: What the names in the function stand for.
        agent_types: The classes of what can be the agent in `(agent, "state")`.
    """

    def __init__(self, names: Names, agent_types: tuple[type, ...] = ()) -> None:
        self._names = names
        self._agent_types = agent_types
        self._reading: set[str] = set()  # a name bound to an expression of itself adds nothing new
        self._left = _LIMIT

    def read(self, node: ast.expr) -> Value:
        """Everything that an expression can be when it is evaluated."""
        self._left -= 1
        if self._left < 0:
            return UNKNOWN
        match node:
            case ast.Constant(value=None):
                return NOTHING
            case ast.Constant(value=str(text)):
                return Value((text,))
            case ast.JoinedStr(values=parts):
                return _pattern(parts)
            case ast.List(elts=entries):
                return self._display(entries)
            case ast.Tuple(elts=[agent, name]) if self._is_agent(agent):
                return self._inside(self._names.value(agent), self.read(name))
            case ast.Tuple(elts=entries) | ast.Set(elts=entries):
                return replace(self._display(entries), loose=True)
            case ast.ListComp():
                return self._comprehension(node)
            case ast.GeneratorExp() | ast.SetComp():
                return replace(self._comprehension(node), loose=True)
            case ast.IfExp(body=body, orelse=orelse):
                return self.read(body) | self.read(orelse)
            case ast.BoolOp(op=ast.And(), values=[*_, last]):
                return self.read(last) | NOTHING  # those before it are the result when false
            case ast.BoolOp(values=[*first, last]):
                ahead = [replace(self.read(value), empty=False) for value in first]
                return reduce(or_, ahead) | self.read(last)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._sum(self.read(left), self.read(right))
            case ast.Name(id=name) | ast.NamedExpr(target=ast.Name(id=name)):
                return self._name(name)
            case ast.Attribute():
                return self.read(self._names.attribute(node))
            case ast.Subscript(value=value, slice=key):
                return self._subscript(value, key)
            case ast.Call(func=function, args=arguments):
                return self._call(function, arguments)
        return UNKNOWN

    def _display(self, entries: list[ast.expr]) -> Value:
        value = NO_ENTRIES
        for entry in entries:
            if isinstance(entry, ast.Starred):
                value += self.read(entry.value)
            else:
                value += self.read(entry).entry()
        return value

    def _is_agent(self, node: ast.expr) -> bool:
        return isinstance(self._names.value(node), self._agent_types)

    @staticmethod
    def _inside(agent: object, value: Value) -> Value:
        targets = [Inside(agent, name) for name in value.names if isinstance(name, _TARGETS)]
        sure = value.known and not value.empty and len(targets) == len(value.names)
        return Value(tuple(targets), known=sure and value.entries is None)

    @staticmethod
    def _sending(value: Value) -> Value:
        targets = [Sent(name) for name in value.names if isinstance(name, _TARGETS)]
        sure = value.known and not value.empty and len(targets) == len(value.names)
        return Value(tuple(targets), known=sure and value.entries is None)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
        for generator in node.generators:
            match node.elt, generator.target:
                case ast.Name(id=entry), ast.Name(id=target) if entry == target:
                    return replace(self.read(generator.iter).unpacked(), most=MANY)
        return replace(self.read(node.elt).entry(), most=MANY)

    def _sum(self, left: Value, right: Value) -> Value:
        if left.entries is not None or right.entries is not None:
            return replace(left + right, loose=left.loose or right.loose)
        self._left -= len(left.names) * len(right.names)
        ours = [name for name in left.names if isinstance(name, _TARGETS)]
        theirs = [name for name in right.names if isinstance(name, _TARGETS)]
        whole = len(ours) + len(theirs) == len(left.names) + len(right.names)
        if left.empty or right.empty or self._left < 0 or not whole:
            return UNKNOWN
        names = tuple(_joined(one, two) for one, two in product(ours, theirs))
        return Value(names, known=left.known and right.known)

    def _name(self, name: str) -> Value:
        if name in self._reading:
            return NOTHING
        self._reading.add(name)
        value = reduce(or_, map(self.read, self._names.bound(name)), NO_NAMES)
        added = reduce(or_, map(self.read, self._names.additions.get(name, ())), NO_NAMES)
        self._reading.remove(name)
        if added.entries is not None:
            # += on a string makes a name that stands nowhere
            is_text = value.entries is None and (value.names or not added.known)
            value |= UNKNOWN if is_text else replace(added, most=MANY)
        if value.entries is not None and not value.loose and self._names.may_change(name):
            value |= replace(UNKNOWN, most=MANY)
        return value

    def _subscript(self, owner: ast.expr, key: ast.expr) -> Value:
        choices = self._choices(owner)
        if choices is not None:
            return self._chosen(choices, key)
        value = self.read(owner)
        if value.entries is None:
            return UNKNOWN
        known = value.known and not value.names
        if isinstance(key, ast.Slice):
            return replace(value, names=(), known=known)
        return Value(value.entries, known=known)

    def _call(self, function: ast.expr, arguments: list[ast.expr]) -> Value:
        match function, arguments:
            case ast.Attribute(value=owner, attr="get"), [key, *default]:
                choices = None if isinstance(key, ast.Starred) else self._choices(owner)
                if choices is not None:
                    otherwise = self.read(default[0]) if default else NOTHING
                    return self._chosen(choices, key) | otherwise
            case _, [name, *_] if self._names.value(function) is Send:
                return UNKNOWN if isinstance(name, ast.Starred) else self._sending(self.read(name))
            case ast.Name(id=name), [] if name == "list" and self._names.is_builtin(name):
                return NO_ENTRIES
            case ast.Name(id=name), [value] if name in _COPYING and self._names.is_builtin(name):
                return replace(self.read(value).unpacked(), loose=_COPYING[name])
        return UNKNOWN

    def _chosen(self, choices: list[tuple[ast.expr, ast.expr]], key: ast.expr) -> Value:
        wanted = _text(key)
        values = (v for k, v in choices if wanted is None or _text(k) in {None, wanted})
        return reduce(or_, map(self.read, values), NO_NAMES)

    def _choices(self, owner: ast.expr) -> list[tuple[ast.expr, ast.expr]] | None:
        """The keys and values of a dict; None where they can't be read."""
        match owner:
            case ast.Dict(keys=keys, values=values):
                found: list[tuple[ast.expr, ast.expr]] = []
                for key, value in zip(keys, values, strict=True):
                    inner = [(key, value)] if key else self._choices(value)
                    if inner is None:
                        return None
                    found += inner
                return found
            case ast.Attribute():
                constant = self._names.attribute(owner)
                return self._choices(constant) if isinstance(constant, ast.Dict) else None
            case ast.Name(id=name) if name not in self._reading:
                self._reading.add(name)
                parts = [self._choices(bound) for bound in self._names.bound(name)]
                self._reading.remove(name)
                choices = [choice for part in parts for choice in part or ()]
                holds_lists = any(self.read(value).entries is not None for _, value in choices)
                if None in parts or self._names.may_change(name, holds_lists=holds_lists):
                    return None
                return choices
        return None


_TARGETS = (str, re.Pattern)


def _text(node: ast.expr) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
    return None


def _joined(one: Target, two: Target) -> Target:
    if isinstance(one, str) and isinstance(two, str):
        return one + two
    return re.compile(_source(one) + _source(two))


def _source(target: Target) -> str:
    return re.escape(target) if isinstance(target, str) else target.pattern


def _pattern(parts: list[ast.expr]) -> Value:
    """An f-string as a pattern; one without any text of its own says nothing."""
    texts = [_text(part) for part in parts]
    if None not in texts:
        return Value(("".join(filter(None, texts)),))
    if not any(texts):
        return UNKNOWN
    return Value((re.compile("".join(".+" if t is None else re.escape(t) for t in texts)),))
