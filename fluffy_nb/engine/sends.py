"""Where a call that makes a `Send`, or one of a class that derives from it, sends to."""

from __future__ import annotations

import ast
import functools
import inspect
from types import FunctionType

from fluffy_nb.engine.source import source_of
from fluffy_nb.engine.specs import Send

_MAKING = ("__new__", "__init__")


def sent_by(function: object, call: ast.Call) -> ast.expr | None:
    """The expression that names the state which a call sends to.

    Args:
        function: What is called.
        call: The call.

    Returns:
        An expression of the function that has the call; None where it makes no `Send` that can be
        read.
    """
    if isinstance(function, functools.partial):
        name = function.args[0] if function.args else ...
        is_plain = function.func is Send and isinstance(name, str)
        return ast.Constant(str.__str__(name)) if is_plain else None
    if not (isinstance(function, type) and issubclass(function, Send)):
        return None
    own = [getattr(function, method) is not getattr(Send, method) for method in _MAKING]
    if not any(own):
        return call.args[0] if call.args else None
    makes_itself, begins = own
    return None if makes_itself or not begins else _named_by(function, call)


def _named_by(kind: type[Send], call: ast.Call) -> ast.expr | None:
    """What the `__init__` of a subclass hands to that of `Send`, as the caller writes it."""
    begin = inspect.getattr_static(kind, "__init__")
    if not isinstance(begin, FunctionType):
        return None
    source = source_of(begin)
    calls = [] if source is None else list(filter(_is_super, ast.walk(source.definition)))
    match calls:
        case [ast.Call(args=[ast.Constant(value=str()) as name, *_])]:
            return name
        case [ast.Call(args=[ast.Name(id=name), *_])]:
            return _argument(begin, name, call, source.definition if source else None)
    return None


def _is_super(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__"


def _argument(
    begin: FunctionType, name: str, call: ast.Call, definition: ast.AST | None
) -> ast.expr | None:
    """What a call gives for a parameter that is never bound to anything else."""
    stores = (
        node
        for node in ast.walk(definition or ast.Pass())
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
    )
    plain = not any(isinstance(value, ast.Starred) for value in call.args)
    if any(True for _ in stores) or not plain:
        return None
    by_keyword = [keyword.value for keyword in call.keywords if keyword.arg == name]
    if by_keyword:
        return by_keyword[0]
    parameters = begin.__code__.co_varnames[1 : begin.__code__.co_argcount]
    place = parameters.index(name) if name in parameters else len(call.args)
    return call.args[place] if place < len(call.args) else None
