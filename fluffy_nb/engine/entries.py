"""Which expressions can stand in a list, a tuple or a dict, without running what makes them."""

from __future__ import annotations

import ast
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from fluffy_nb.engine.names import Entry, Part
from fluffy_nb.engine.outside import OPAQUE
from fluffy_nb.engine.readings import NO_NAMES, NOTHING, Value

if TYPE_CHECKING:
    from fluffy_nb.engine.names import Names

LIMIT = 10_000
"""Steps after which an expression counts as unreadable, so that none can take long."""

COPYING = {
    "list": False, "sorted": False, "reversed": True, "set": True, "tuple": True,
    "frozenset": True, "iter": True,
}  # fmt: skip
"""The builtins whose result has the entries of their argument, and whether it is no list."""

Choices = list[tuple[ast.expr, ast.expr]]
"""The keys and values of a dict."""


class Entries:
    """Finds the expressions that lists, tuples and dicts of one function can hold.

    Args:
        names: What the names in the function stand for.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self._reading: set[str] = set()  # a name bound to an expression of itself adds nothing new
        self._left = LIMIT

    def read(self, node: ast.expr) -> Value:
        """Everything that an expression can be when it is evaluated."""
        raise NotImplementedError

    def is_spent(self) -> bool:
        """Count one step; whether there were too many."""
        self._left -= 1
        return self._left < 0

    def is_builtin(self, function: ast.expr, *names: str) -> bool:
        """Whether an expression is the builtin of one of these names."""
        match function:
            case ast.Name(id=name):
                return name in names and self.names.is_builtin(name)
        return False

    # ------------------------------------------------------------ entries

    def entries(self, node: ast.expr) -> list[ast.expr] | None:
        """The expressions that iterating over another can give; None where they can't be read."""
        if self.is_spent():
            return None
        match node:
            case ast.Name(id=name):
                return self._entries_of_name(name)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return self._all([p.value if isinstance(p, ast.Starred) else [p] for p in parts])
            case ast.Dict():
                choices = self.choices(node)
                return None if choices is None else [key for key, _ in choices]
            case ast.IfExp(body=body, orelse=orelse):
                return self._all([body, orelse])
            case ast.BoolOp(values=values):
                return self._all([*values])
            case ast.Constant(value=None):
                return []  # it can't be iterated over
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._all([left, right])
            case ast.Subscript(value=value, slice=ast.Slice()) | ast.NamedExpr(value=value):
                return self.entries(value)
            case ast.ListComp(elt=entry) | ast.GeneratorExp(elt=entry) | ast.SetComp(elt=entry):
                return [entry]
            case ast.Call(func=function, args=arguments, keywords=keywords):
                return self._entries_of_call(function, arguments, [k.arg for k in keywords])
            case ast.Attribute():
                constant = self.names.attribute(node)
                return None if isinstance(constant, ast.Constant) else self.entries(constant)
            case Entry() | Part():
                options = self._options(node)
                return None if node in options else self._all([*options])
        return None

    def _all(self, parts: list[ast.expr | list[ast.expr]]) -> list[ast.expr] | None:
        every: list[ast.expr] = []
        for part in parts:
            found = part if isinstance(part, list) else self.entries(part)
            if found is None:
                return None
            every += found
        return every

    def _entries_of_name(self, name: str) -> list[ast.expr] | None:
        if name in self._reading:
            return []
        self._reading.add(name)
        found = self._all([*self.names.bound(name), *self.names.additions.get(name, ())])
        holds_lists = any(self.read(entry).entries is not None for entry in found or ())
        self._reading.remove(name)
        return None if self.names.may_change(name, holds_lists=holds_lists) else found

    def _entries_of_call(
        self, function: ast.expr, arguments: list[ast.expr], keywords: list[str | None]
    ) -> list[ast.expr] | None:
        match function, arguments:
            case ast.Attribute(value=owner, attr="items" | "keys" | "values" as method), []:
                choices = self.choices(owner)
                if choices is None:
                    return None
                if method == "items":
                    return [_tuple(key, value) for key, value in choices]
                return [key if method == "keys" else value for key, value in choices]
            case ast.Attribute(value=owner, attr="copy"), []:
                return self.entries(owner)
            case _, [] if self.is_builtin(function, "list", "set", "tuple", "dict"):
                return None if keywords else []
            case _, [value] if self.is_builtin(function, *COPYING):
                return self.entries(value)
            case _, [_, value] if self.is_builtin(function, "filter"):
                return self.entries(value)
            case _, [value, *_] if self.is_builtin(function, "enumerate"):
                found = self.entries(value)
                return None if found is None else [_tuple(OPAQUE, entry) for entry in found]
            case _, [_, *_] if self.is_builtin(function, "zip"):
                return [_tuple(*[Entry(argument) for argument in arguments])]
        return None

    # ------------------------------------------------------------ parts of entries

    def _options(self, node: ast.expr) -> list[ast.expr]:
        """The expressions that another can stand for; itself where that can't be told."""
        if self.is_spent():
            return [OPAQUE]
        match node:
            case ast.IfExp(body=body, orelse=orelse):
                return self._options(body) + self._options(orelse)
            case ast.NamedExpr(value=value):
                return self._options(value)
            case ast.Name(id=name):
                return self._options_of_name(name)
            case Entry(iterable=iterable):
                found = self.entries(iterable)
                if found is None:
                    return [node]
                return [option for entry in found for option in self._options(entry)]
            case Part(value=value, place=place):
                return [
                    option
                    for whole in self._options(value)
                    for part in _parts(whole, place)
                    for option in self._options(part)
                ]
        return [node]

    def _options_of_name(self, name: str) -> list[ast.expr]:
        if name in self._reading:
            return []
        self._reading.add(name)
        found = [option for bound in self.names.bound(name) for option in self._options(bound)]
        self._reading.remove(name)
        if all(isinstance(option, ast.Constant | ast.Tuple) for option in found):
            return found
        changes = self.names.additions.get(name) or self.names.may_change(name, holds_lists=True)
        is_fixed = not changes and all(isinstance(option, ast.List) for option in found)
        return found if is_fixed else [ast.Name(name, ast.Load())]

    def read_entry(self, iterable: ast.expr) -> Value:
        """What an entry of what is iterated over can be."""
        found = self.entries(iterable)
        if found is not None:
            return reduce(or_, map(self.read, found), NO_NAMES)
        whole = self.read(iterable)
        if whole.entries is None:
            return Value(known=False)
        return Value(whole.entries, known=whole.known and not whole.names)

    def read_part(self, part: Part) -> Value:
        """What unpacking puts into a name can be."""
        options = self._options(part)
        if part in options:
            return Value(known=False)
        return reduce(or_, map(self.read, options), NO_NAMES)

    # ------------------------------------------------------------ dicts

    def chosen(self, choices: Choices, key: ast.expr) -> Value:
        """What looking up a key in a dict can give."""
        wanted = _text(key)
        values = (v for k, v in choices if wanted is None or _text(k) in {None, wanted})
        return reduce(or_, map(self.read, values), NO_NAMES)

    def choices(self, owner: ast.expr) -> Choices | None:
        """The keys and values of a dict; None where they can't be read."""
        if self.is_spent():
            return None
        match owner:
            case ast.Dict(keys=keys, values=values):
                found: Choices = []
                for key, value in zip(keys, values, strict=True):
                    inner = [(key, value)] if key else self.choices(value)
                    if inner is None:
                        return None
                    found += inner
                return found
            case ast.Call(func=function, args=[], keywords=keywords) if self.is_builtin(
                function, "dict"
            ):
                names: list[ast.expr | None]
                names = [k.arg if k.arg is None else ast.Constant(k.arg) for k in keywords]
                return self.choices(ast.Dict(names, [k.value for k in keywords]))
            case ast.Attribute():
                constant = self.names.attribute(owner)
                return self.choices(constant) if isinstance(constant, ast.Dict) else None
            case ast.Name(id=name) if name not in self._reading:
                self._reading.add(name)
                parts = [self.choices(bound) for bound in self.names.bound(name)]
                self._reading.remove(name)
                every = [choice for part in parts for choice in part or ()]
                holds_lists = any(self.read(value).entries is not None for _, value in every)
                if None in parts or self.names.may_change(name, holds_lists=holds_lists):
                    return None
                return every
        return None

    def looked_up(self, owner: ast.expr, key: ast.expr, default: list[ast.expr]) -> Value | None:
        """What `get` or `pop` of a dict can give; None where the dict can't be read."""
        choices = None if isinstance(key, ast.Starred) else self.choices(owner)
        if choices is None:
            return None
        return self.chosen(choices, key) | (self.read(default[0]) if default else NOTHING)


def _tuple(*parts: ast.expr) -> ast.expr:
    return ast.Tuple([*parts], ast.Load())


def _parts(whole: ast.expr, place: int | slice) -> list[ast.expr]:
    """What stands at a place of a list or tuple; a new list for several places."""
    match whole:
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            if any(isinstance(part, ast.Starred) for part in parts):
                return [OPAQUE]
            if isinstance(place, slice):
                return [ast.List(parts[place], ast.Load())]
            return [parts[place]] if -len(parts) <= place < len(parts) else []
    return [OPAQUE]


def _text(node: ast.expr) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
    return None
