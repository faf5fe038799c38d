"""What the names in a function stand for, as far as its code and its surroundings tell."""

from __future__ import annotations

import ast
import inspect
from collections import defaultdict
from enum import Enum, EnumMeta
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)

_LOOKING = frozenset({
    "all", "any", "bool", "enumerate", "len", "list", "print", "repr", "reversed", "set",
    "sorted", "str", "tuple",
})  # fmt: skip
"""The builtins that only look at a list."""

_LOOKS = (
    ast.Assert | ast.AsyncFor | ast.Compare | ast.Expr | ast.For | ast.FormattedValue
    | ast.If | ast.Lambda | ast.Match | ast.Return | ast.Starred | ast.UnaryOp | ast.While
    | ast.comprehension | ast.match_case
)  # fmt: skip
"""The places where a list is only looked at, copied or returned."""

_LARGE = 1000
"""A table with more entries is data, not a choice of states."""

OPAQUE = ast.Constant(...)
"""The expression that stands for whatever can't be read."""


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function in the order of its text, without those of functions inside it."""
    body: list[ast.AST] = [function.body] if isinstance(function, ast.Lambda) else [*function.body]
    stack = body[::-1]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, _SCOPES):
            stack.extend(reversed(list(ast.iter_child_nodes(node))))


def written(value: object) -> ast.expr:
    """Write a value of the running program as the expression that would give it.

    Args:
        value: A string, None, a list or tuple of strings, or a dict of those.

    Returns:
        The literal, or `OPAQUE` for any other value.
    """
    match value:
        case None:
            return ast.Constant(None)
        case str():
            return ast.Constant(str.__str__(value))  # of an Enum member: what it equals
        case list() | tuple() if len(value) <= _LARGE and all(isinstance(v, str) for v in value):
            kind = ast.List if isinstance(value, list) else ast.Tuple
            return kind([written(entry) for entry in value], ast.Load())
        case dict() if len(value) <= _LARGE and not hasattr(value, "__missing__"):
            values = [OPAQUE if isinstance(v, dict) else written(v) for v in value.values()]
            return ast.Dict([written(key) for key in value], values)
    return OPAQUE


class Names:
    """The names in one function: what it binds them to, adds to them and does with them.

    Args:
        function: The function's definition.
        outside: The values of its closure variables and module globals.
    """

    def __init__(self, function: Function, outside: Mapping[str, object]) -> None:
        self.additions: dict[str, list[ast.expr]] = defaultdict(list)
        """For every name the lists that are added to it, in place."""
        self._outside = outside
        self._bindings: dict[str, list[ast.expr]] = defaultdict(list)
        self._uses: dict[str, list[ast.expr]] = defaultdict(list)
        self._captured: set[str] = set()
        self._parents: dict[ast.AST, ast.AST] = {}
        for argument in ast.walk(function.args):
            if isinstance(argument, ast.arg):
                self._bindings[argument.arg].append(OPAQUE)
        for node in own_nodes(function):
            self._parents.setdefault(node, function)
            self._parents.update((child, node) for child in ast.iter_child_nodes(node))
            self._note(node)

    def bound(self, name: str) -> list[ast.expr]:
        """Every expression that a name can stand for."""
        if name in self._bindings:
            return self._bindings[name]
        return [written(self._outside.get(name, ...))]

    def is_builtin(self, name: str) -> bool:
        """Whether the function sees the builtin of this name."""
        return name not in self._bindings and name not in self._outside

    def attribute(self, node: ast.Attribute) -> ast.expr:
        """What a constant of a module, a class or an Enum from outside is."""
        return written(self.value(node))

    def may_change(self, name: str, *, holds_lists: bool = False) -> bool:
        """Whether a list or dict of this function can be changed in a way that is not followed.

        Args:
            name: The name it is bound to.
            holds_lists: It is a dict of lists, so that they must not be changed either.

        Returns:
            False for names from outside: those are taken as they are now.
        """
        return name in self._bindings and (
            name in self._captured
            or not all(self._is_harmless(use, holds_lists) for use in self._uses[name])
        )

    def _note(self, node: ast.AST) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                self._bindings[name].extend(self._assigned(node))
            case ast.Name(id=name, ctx=ast.Load()):
                self._uses[name].append(node)
            case ast.NamedExpr(target=ast.Name(id=name)):
                self._uses[name].append(node)  # what it is bound to is its value, too
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name))):
                self.additions[name].extend(_added(node))
            case ast.alias(name=module, asname=name):
                self._bindings[name or module.partition(".")[0]].append(OPAQUE)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                for name in names:
                    self._bindings[name].append(OPAQUE)
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
            ):
                self._bindings[name].append(OPAQUE)
        if isinstance(node, _SCOPES):
            self._note_scope(node)

    def _note_scope(self, node: Function | ast.ClassDef) -> None:
        if not isinstance(node, ast.Lambda):
            self._bindings[node.name].append(OPAQUE)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name):
                self._captured.add(inner.id)
            elif isinstance(inner, ast.Nonlocal):
                for name in inner.names:
                    self._bindings[name].append(OPAQUE)

    def _assigned(self, target: ast.Name) -> list[ast.expr]:
        match self._parents[target]:
            case ast.Assign(targets=[_], value=value) | ast.NamedExpr(value=value):
                return [value]
            case ast.AnnAssign(value=value):
                return [value] if value else []
            case ast.AugAssign(op=ast.Add(), value=value):
                self.additions[target.id].append(_unpacked(value))
                return []
        return [OPAQUE]  # a loop, with, unpacking, comprehension ...

    def _is_harmless(self, use: ast.AST, holds_lists: bool) -> bool:
        match parent := self._parents[use]:
            case ast.IfExp(test=test):
                return use is test or self._is_harmless(parent, holds_lists)
            case ast.BoolOp():
                return self._is_harmless(parent, holds_lists)
            case ast.Subscript(ctx=ast.Load()):
                return not holds_lists or self._is_harmless(parent, holds_lists=False)
            case ast.Attribute(attr=method):
                call = self._parents[parent]
                if not isinstance(call, ast.Call) or call.func is not parent:
                    return False
                if method == "get":
                    return not holds_lists or self._is_harmless(call, holds_lists=False)
                if method in {"values", "items"}:
                    return not holds_lists
                return method == "keys" or bool(_added(call))
            case ast.Call(func=ast.Name(id=name)):
                return name in _LOOKING and self.is_builtin(name)
            case ast.AugAssign() | ast.BinOp():
                return not holds_lists
        return isinstance(parent, _LOOKS)

    def value(self, node: ast.expr) -> object:
        """What a name or attribute from outside the function stands for; `...` where unknown."""
        match node:
            case ast.Name(id=name) if name not in self._bindings:
                return self._outside.get(name, ...)
            case ast.Attribute(value=value, attr=attribute):
                owner = self.value(value)
                if isinstance(owner, EnumMeta):
                    return owner.__members__.get(attribute, ...)
                if isinstance(owner, Enum) and attribute in {"name", "value"}:
                    return inspect.getattr_static(owner, f"_{attribute}_")
                if isinstance(owner, type | ModuleType):
                    return inspect.getattr_static(owner, attribute, ...)  # runs no property
        return ...


def _added(call: ast.Call) -> list[ast.expr]:
    """The list that a call of a list's method adds to it; none where it is another method."""
    match call:
        case ast.Call(func=ast.Attribute(attr="extend"), args=[value]):
            return [_unpacked(value)]
        case ast.Call(func=ast.Attribute(attr="append" | "insert"), args=[*_, value]):
            return [ast.List([value], ast.Load())]
    return []


def _unpacked(value: ast.expr) -> ast.expr:
    return ast.List([ast.Starred(value, ast.Load())], ast.Load())
