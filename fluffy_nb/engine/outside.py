"""The values that a function sees from outside: closure variables and globals, as they are now."""

from __future__ import annotations

import ast
import inspect
from enum import Enum, EnumMeta
from types import CellType, FunctionType, ModuleType

_LARGE = 1000
"""A table with more entries is data, not a choice of states."""

OPAQUE = ast.Constant(...)
"""The expression that stands for whatever can't be read."""


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
        case EnumMeta() if len(value) <= _LARGE:
            members: list[object] = list(value.__members__.values())
            is_text = all(isinstance(member, str) for member in members)
            return ast.Tuple([*map(written, members)], ast.Load()) if is_text else OPAQUE
        case dict() if len(value) <= _LARGE and not hasattr(value, "__missing__"):
            values = [OPAQUE if isinstance(v, dict) else written(v) for v in value.values()]
            return ast.Dict([written(key) for key in value], values)
    return OPAQUE


class Outside:
    """The closure variables and globals of a function, and which of them have been looked at.

    Args:
        function: The function.
    """

    def __init__(self, function: FunctionType) -> None:
        names = function.__code__.co_freevars
        self._closure = dict(zip(names, function.__closure__ or (), strict=True))
        self._globals = function.__globals__
        self._seen: list[tuple[ast.expr, object, str]] = []

    def __contains__(self, name: str) -> bool:
        return name in self._closure or name in self._globals

    def value(self, node: ast.expr) -> object:
        """What a name, or an attribute of a class, an Enum or a module, stands for now.

        Args:
            node: The expression.

        Returns:
            The value; `...` where it is unknown.
        """
        value = self._value(node)
        self._seen.append((node, value, _content(value)))
        return value

    @property
    def lookups(self) -> int:
        """How many values have been looked at."""
        return len(self._seen)

    def is_closure(self, name: str) -> bool:
        """Whether a name is that of a closure variable."""
        return name in self._closure

    def is_current(self) -> bool:
        """Whether all that has been looked at is as it was."""
        for node, before, content in self._seen:
            now = self._value(node)
            is_text = type(now) is str and type(before) is str and now == before
            if (now is not before and not is_text) or _content(now) != content:
                return False
        return True

    def _value(self, node: ast.expr) -> object:
        match node:
            case ast.Name(id=name):
                if name in self._closure:
                    return _held(self._closure[name])
                return self._globals.get(name, ...)
            case ast.Attribute(value=value, attr=attribute):
                return attribute_of(self._value(value), attribute)
        return ...


def attribute_of(owner: object, name: str) -> object:
    """An attribute that can be looked at without running code; `...` for any other."""
    if isinstance(owner, EnumMeta):
        return owner.__members__.get(name, ...)
    if isinstance(owner, Enum) and name in {"name", "value"}:
        return inspect.getattr_static(owner, f"_{name}_")
    if isinstance(owner, type | ModuleType):
        return inspect.getattr_static(owner, name, ...)  # runs no property
    return ...


def _held(cell: CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return ...  # not assigned yet


def _content(value: object) -> str:
    """What a list or dict holds, as far as it is read."""
    if isinstance(value, list | dict):
        return ast.dump(written(value))
    return ""
