"""Reading which state names an expression can give, without running it."""

from __future__ import annotations

import ast
import asyncio
import random
import secrets
import typing
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from fluffy_nb.engine.entries import COPYING
from fluffy_nb.engine.names import Entry, Part
from fluffy_nb.engine.readings import (
    MANY,
    NO_ENTRIES,
    NO_NAMES,
    NOTHING,
    TARGETS,
    UNKNOWN,
    Inside,
    Sent,
    Value,
    joined,
)
from fluffy_nb.engine.sends import sent_by
from fluffy_nb.engine.texts import Texts

if TYPE_CHECKING:
    from fluffy_nb.engine.names import Names

_SAME = (asyncio.run, asyncio.wait_for, asyncio.shield)
"""What gives what its first argument gives."""

_PICKING = (random.choice, secrets.choice)
_SAMPLING = (random.sample, random.choices)

Wrapped = Callable[[ast.Call], Value | None]
"""What a call of another function gives; None where that function is not read."""


class Reader(Texts):
    """Reads the expressions of one function.

    Args:
        names: What the names in the function stand for.
        agent_types: The classes of what can be the agent in `(agent, "state")`.
        wrapped: Reads what a function gives that this one is wrapped around.
    """

    def __init__(
        self, names: Names, agent_types: tuple[type, ...] = (), wrapped: Wrapped | None = None
    ) -> None:
        super().__init__(names)
        self._agent_types = agent_types
        self._wrapped = wrapped

    def read(self, node: ast.expr) -> Value:
        """Everything that an expression can be when it is evaluated."""
        if self.is_spent():
            return UNKNOWN
        match node:
            case ast.Constant(value=None):
                return NOTHING
            case ast.Constant(value=str(text)):
                return Value((text,))
            case ast.List(elts=entries):
                return self._display(entries)
            case ast.Tuple(elts=[agent, name]) if self._is_agent(agent):
                return self._inside(self.names.value(agent), self.read(name))
            case ast.Tuple(elts=entries) | ast.Set(elts=entries):
                return replace(self._display(entries), loose=True)
            case ast.ListComp(elt=entry):
                return replace(self.read(entry).entry(), most=MANY)
            case ast.GeneratorExp(elt=entry) | ast.SetComp(elt=entry):
                return replace(self.read(entry).entry(), most=MANY, loose=True)
            case ast.IfExp(body=body, orelse=orelse):
                return self.read(body) | self.read(orelse)
            case ast.BoolOp(op=ast.And(), values=[*_, last]):
                return self.read(last) | NOTHING  # those before it are the result when false
            case ast.BoolOp(values=[*first, last]):
                ahead = [replace(self.read(value), empty=False) for value in first]
                return reduce(or_, ahead) | self.read(last)
            case ast.Await(value=value):
                return self.read(value)
            case _ if self.is_text(node):
                return self.as_names(node)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._sum(self.read(left), self.read(right))
            case ast.Name(id=name) | ast.NamedExpr(target=ast.Name(id=name)):
                return self._name(name)
            case Entry(iterable=iterable):
                return self.read_entry(iterable)
            case Part():
                return self.read_part(node)
            case ast.Attribute():
                return self.read(self.names.attribute(node))
            case ast.Subscript(value=value, slice=key):
                return self._subscript(value, key)
            case ast.Call():
                return self._call(node)
        return UNKNOWN

    # ------------------------------------------------------------ lists

    def _display(self, entries: list[ast.expr]) -> Value:
        value = NO_ENTRIES
        for entry in entries:
            if isinstance(entry, ast.Starred):
                value += self._unpacked(entry.value)
            else:
                value += self.read(entry).entry()
        return value

    def _unpacked(self, node: ast.expr) -> Value:
        """The entries of whatever can be iterated over, as a list."""
        value = self.read(node)
        if value.known and value.entries is not None:
            return value.unpacked()
        entries = self.entries(node)
        if entries is None:
            return value.unpacked()
        names = reduce(or_, map(self.read, entries), NO_NAMES).entry()
        return replace(names, most=MANY)

    def _name(self, name: str) -> Value:
        if name in self._reading:
            return NOTHING
        self._reading.add(name)
        value = reduce(or_, map(self.read, self.names.bound(name)), NO_NAMES)
        added = reduce(or_, map(self.read, self.names.additions.get(name, ())), NO_NAMES)
        self._reading.remove(name)
        if added.entries is not None:
            # += on a string makes a name that stands nowhere
            is_text = value.entries is None and (value.names or not added.known)
            value |= UNKNOWN if is_text else replace(added, most=MANY)
        is_list = value.entries is not None and (not value.loose or added.entries is not None)
        if is_list and self.names.may_change(name):
            value |= replace(UNKNOWN, most=MANY)
        return value

    def _subscript(self, owner: ast.expr, key: ast.expr) -> Value:
        choices = self.choices(owner)
        if choices is not None:
            return self.chosen(choices, key)
        value = self.read(owner)
        if value.entries is None:
            return UNKNOWN
        known = value.known and not value.names
        if isinstance(key, ast.Slice):
            return replace(value, names=(), known=known)
        return Value(value.entries, known=known)

    def _sum(self, left: Value, right: Value) -> Value:
        if left.entries is not None or right.entries is not None:
            return replace(left + right, loose=left.loose or right.loose)
        self._left -= len(left.names) * len(right.names)
        whole = None if self._left < 0 else joined(left, right)
        return UNKNOWN if whole is None else whole

    # ------------------------------------------------------------ agents, sends and calls

    def _is_agent(self, node: ast.expr) -> bool:
        return isinstance(self.names.value(node), self._agent_types)

    @staticmethod
    def _inside(agent: object, value: Value) -> Value:
        targets = [Inside(agent, name) for name in value.names if isinstance(name, TARGETS)]
        sure = value.known and not value.empty and len(targets) == len(value.names)
        return Value(tuple(targets), known=sure and value.entries is None)

    @staticmethod
    def _sending(value: Value) -> Value:
        targets = [Sent(name) for name in value.names if isinstance(name, TARGETS)]
        sure = value.known and not value.empty and len(targets) == len(value.names)
        return Value(tuple(targets), known=sure and value.entries is None)

    def _call(self, call: ast.Call) -> Value:
        match call.func, call.args:
            case ast.Attribute(value=owner, attr="get" | "pop"), [key, *default]:
                found = self.looked_up(owner, key, default)
                if found is not None:
                    return found
            case ast.Attribute(value=owner, attr="copy"), []:
                return self.read(owner)
            case function, [] if self.is_builtin(function, "list") and not call.keywords:
                return NO_ENTRIES
            case ast.Name(id=name) as function, [value] if self.is_builtin(function, *COPYING):
                return replace(self._unpacked(value), loose=COPYING[name])
            case function, [value] if self.is_builtin(function, "min", "max", "next"):
                return self.read_entry(value)
            case function, [value, default] if self.is_builtin(function, "next"):
                return self.read_entry(value) | self.read(default)
        match call.func:
            case ast.Attribute(value=owner, attr="pop"):
                return self.read_entry(owner)
        return self._call_of(self.names.value(call.func), call)

    def _call_of(self, function: object, call: ast.Call) -> Value:
        """What a call of something from outside gives."""
        sent = sent_by(function, call)
        if sent is not None:
            return UNKNOWN if isinstance(sent, ast.Starred) else self._sending(self.read(sent))
        match call.args:
            case [ast.Starred(), *_]:
                pass
            case [value, *_] if function in _SAME:
                return self.read(value)
            case [_, value] if function is typing.cast:
                return self.read(value)
            case [value] if function in _PICKING:
                return self.read_entry(value)
            case [value, *_] if function in _SAMPLING:
                return replace(self._unpacked(value), most=MANY)
        found = self._wrapped(call) if self._wrapped else None
        return UNKNOWN if found is None else found
