"""What the names in a function stand for, as far as its code and its surroundings tell."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING

from fluffy_nb.engine.outside import OPAQUE, Outside, attribute_of, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fluffy_nb.engine.source import Function

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)

_LOOKING = frozenset({
    "all", "any", "bool", "enumerate", "filter", "frozenset", "isinstance", "iter", "len", "list",
    "map", "max", "min", "print", "repr", "reversed", "set", "sorted", "str", "sum", "tuple", "zip",
})  # fmt: skip
"""The builtins that only look at a list."""

_LOOKS = (
    ast.Assert | ast.AsyncFor | ast.Compare | ast.Expr | ast.For | ast.FormattedValue
    | ast.If | ast.Lambda | ast.Match | ast.Return | ast.Starred | ast.UnaryOp | ast.While
    | ast.comprehension | ast.match_case
)  # fmt: skip
"""The places where a list is only looked at, copied or returned."""

_KEEPING = frozenset({
    "clear", "copy", "count", "discard", "index", "keys", "remove", "reverse", "sort",
})  # fmt: skip
"""The methods of a list, set or dict that add nothing and hand out nothing that is in it."""

_TAKING = frozenset({"get", "items", "pop", "values"})
"""The methods that hand out what is in it."""


class Entry(ast.expr):
    """Stands for an entry of what an expression gives when it is iterated over."""

    def __init__(self, iterable: ast.expr) -> None:
        super().__init__()
        self.iterable = iterable


class Part(ast.expr):
    """Stands for what unpacking puts into one name: one entry, or the rest as a list."""

    def __init__(self, value: ast.expr, place: int | slice) -> None:
        super().__init__()
        self.value = value
        self.place = place


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function in the order of its text, without those of functions inside it."""
    body: list[ast.AST] = [function.body] if isinstance(function, ast.Lambda) else [*function.body]
    stack = body[::-1]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, _SCOPES):
            stack.extend(reversed(list(ast.iter_child_nodes(node))))


class Names:
    """The names in one function: what it binds them to, adds to them and does with them.

    Args:
        function: The function's definition.
        outside: Its closure variables and globals.
        given: The parameters whose values are known.
    """

    def __init__(self, function: Function, outside: Outside, given: Mapping[str, object]) -> None:
        self.additions: dict[str, list[ast.expr]] = defaultdict(list)
        """For every name the lists that are added to it, in place."""
        self.outside = outside
        self._given = given
        self._bindings: dict[str, list[ast.expr]] = defaultdict(list)
        self._uses: dict[str, list[ast.expr]] = defaultdict(list)
        self._captured: set[str] = set()
        self._parents: dict[ast.AST, ast.AST] = {}
        for argument in ast.walk(function.args):
            if isinstance(argument, ast.arg):
                self._bindings[argument.arg].append(written(given.get(argument.arg, ...)))
        for node in own_nodes(function):
            self._parents.setdefault(node, function)
            self._parents.update((child, node) for child in ast.iter_child_nodes(node))
            self._note(node)

    def bound(self, name: str) -> list[ast.expr]:
        """Every expression that a name can stand for."""
        if name in self._bindings:
            return self._bindings[name]
        return [written(self.outside.value(ast.Name(name, ast.Load())))]

    def is_own(self, name: str) -> bool:
        """Whether the function itself binds a name, or has it as a parameter."""
        return name in self._bindings

    def is_builtin(self, name: str) -> bool:
        """Whether the function sees the builtin of this name."""
        return name not in self._bindings and name not in self.outside

    def attribute(self, node: ast.Attribute) -> ast.expr:
        """What a constant of a module, a class or an Enum from outside is."""
        return written(self.value(node))

    def value(self, node: ast.expr) -> object:
        """What a name or attribute from outside the function stands for; `...` where unknown."""
        root = node
        while isinstance(root, ast.Attribute):
            root = root.value
        if not isinstance(root, ast.Name) or root.id not in self._bindings:
            return self.outside.value(node)
        return self._given_value(node)

    def _given_value(self, node: ast.expr) -> object:
        match node:
            case ast.Name(id=name) if len(self._bindings[name]) == 1:
                return self._given.get(name, ...)
            case ast.Attribute(value=value, attr=attribute):
                return attribute_of(self._given_value(value), attribute)
        return ...

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
            case ast.MatchAs(name=str(name), pattern=pattern):
                self._bindings[name].append(_matched(pattern))
            case (
                ast.ExceptHandler(name=str(name))
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

    def _assigned(self, target: ast.expr) -> list[ast.expr]:
        match self._parents[target]:
            case ast.Assign(targets=targets, value=value):
                if len(targets) > 1:  # one list under several names
                    self._captured |= {n.id for t in targets for n in _names_in(t)}
                return [value]
            case ast.NamedExpr(value=value):
                return [value]
            case ast.AnnAssign(value=value):
                return [value] if value else []
            case ast.AugAssign(op=ast.Add(), value=value) if isinstance(target, ast.Name):
                self.additions[target.id].append(unpacked(value))
                return []
            case ast.For(target=whole, iter=iterable) if whole is target:
                return [Entry(iterable)]
            case ast.comprehension(target=whole, iter=iterable, is_async=0) if whole is target:
                return [Entry(iterable)]
            case (ast.Tuple() | ast.List()) as whole:
                place = _place(whole.elts, target)
                return [Part(value, place) for value in self._assigned(whole)]
            case ast.Starred() as starred:
                return self._assigned(starred)
        return [OPAQUE]  # a with, an asynchronous loop ...

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
                if method in _TAKING:
                    got_one = method in {"get", "pop"}
                    return not holds_lists or (got_one and self._is_harmless(call, False))
                return method in _KEEPING or bool(_added(call))
            case ast.Call(func=ast.Name(id=name)):
                return name in _LOOKING and self.is_builtin(name)
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str()), attr="join")):
                return True
            case ast.AugAssign() | ast.BinOp():
                return not holds_lists
            case ast.For() | ast.comprehension():
                return not holds_lists
        return isinstance(parent, _LOOKS)


def _names_in(target: ast.AST) -> list[ast.Name]:
    return [node for node in ast.walk(target) if isinstance(node, ast.Name)]


def _place(entries: list[ast.expr], target: ast.expr) -> int | slice:
    """Where unpacking finds what it puts into a target; from the end behind a starred one."""
    starred = next((n for n, e in enumerate(entries) if isinstance(e, ast.Starred)), None)
    place = next(n for n, entry in enumerate(entries) if entry is target)
    if starred is None or place < starred:
        return place
    from_end = place - len(entries)
    return slice(place, from_end + 1 or None) if place == starred else from_end


def _matched(pattern: ast.pattern | None) -> ast.expr:
    """What a pattern of literals captures."""
    match pattern:
        case ast.MatchValue(value=value):
            return value
        case ast.MatchOr(patterns=patterns):
            values = [_matched(each) for each in patterns]
            return Entry(ast.Tuple(values, ast.Load()))
    return OPAQUE


def _added(call: ast.Call) -> list[ast.expr]:
    """The list that a call of a list's or set's method adds to it; none for another method."""
    match call:
        case ast.Call(func=ast.Attribute(attr="extend"), args=[value]):
            return [unpacked(value)]
        case ast.Call(func=ast.Attribute(attr="append" | "insert" | "add"), args=[*_, value]):
            return [ast.List([value], ast.Load())]
    return []


def unpacked(value: ast.expr) -> ast.expr:
    """The expression of a list of the entries of another expression."""
    return ast.List([ast.Starred(value, ast.Load())], ast.Load())
