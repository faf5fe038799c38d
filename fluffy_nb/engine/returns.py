"""Reading a state's possible successors from its return statements, without running it."""

from __future__ import annotations

import ast
import functools
import inspect
from collections import ChainMap
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from textwrap import shorten
from types import FunctionType, MethodType, NoneType, UnionType
from typing import TYPE_CHECKING, Literal, Union, get_args, get_origin, get_type_hints

from fluffy_nb.engine.expressions import MANY, NOTHING, Entry, Inside, Reader, Sent, Target, Value
from fluffy_nb.engine.names import Function, Names, own_nodes

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator, Mapping

_NO_SOURCE = "its source is not available"


@dataclass(frozen=True, slots=True)
class Returns:
    """What a function can return, as far as its text tells.

    Args:
        targets: State names, in the order of the text, each once.
        patterns: Of f-strings and comprehensions, to be matched in full against state names.
        forks: The text of the first return that can give several names.
        unreadable: Why there can be more than that: the first return that can't be read.
        sends: Those of the targets that a `Send` leads to.
        agents: Other agents and the state of theirs that a return leads to.
    """

    targets: tuple[str, ...] = ()
    patterns: tuple[re.Pattern[str], ...] = ()
    forks: str | None = None
    unreadable: str | None = None
    sends: tuple[Target, ...] = ()
    agents: tuple[tuple[object, Target], ...] = ()


def read_returns(function: object, agent_types: tuple[type, ...] = ()) -> Returns:
    """Read where a state can lead, from its return annotation or its return statements.

    A return annotation made of literals wins over the code. Module globals and closure variables
    count with the value they have now.

    Args:
        function: What was added as a state: a function, method, partial or callable object.
        agent_types: The classes of what can be the agent in `(agent, "state")`.

    Returns:
        What could be read, and why that may not be all. It never raises.

    Example:
        >>> async def review(context):
        ...     return "publish" if context.get_state("good") else ["revise", "notify"]
        >>> read_returns(review).targets
        ('publish', 'revise', 'notify')
    """
    try:
        plain = _plain(function)
        return _from_annotation(plain) or _from_code(plain, agent_types)
    except Exception:  # noqa: BLE001 - no source text, however odd, may keep a state from being added
        return Returns(unreadable=_NO_SOURCE)


def _plain(function: object) -> FunctionType:
    """The function that does the work, without what is wrapped around it."""
    for _ in range(100):  # things can be wrapped in a circle
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, MethodType):
            function = function.__func__
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        elif isinstance(function, FunctionType):
            return function
        else:
            function = type(function).__call__
    raise TypeError(function)


# ---------------------------------------------------------------- the annotation


def _from_annotation(function: FunctionType) -> Returns | None:
    try:
        annotation = function.__annotations__["return"]
        value = _literals(_evaluated(annotation, function.__globals__))
    except Exception:  # noqa: BLE001 - an annotation can be any code
        return None
    if value is None or not (value.names or value.entries):
        return None
    text = annotation if isinstance(annotation, str) else repr(annotation).replace("typing.", "")
    return _summary([(f"-> {text}", 0, value)])


def _evaluated(annotation: object, names: dict[str, object]) -> object:
    def bearer() -> None: ...

    bearer.__annotations__ = {"return": annotation}  # of the return alone: others may not resolve
    return get_type_hints(bearer, globalns=names)["return"]


def _literals(hint: object) -> Value | None:
    """What an annotation allows; None where it is wider than literals."""
    hint = getattr(hint, "__value__", hint)  # of `type Next = Literal[...]`
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is NoneType:
        return NOTHING
    if origin is Literal and all(isinstance(name, str | None) for name in arguments):
        return Value(tuple(str.__str__(name) for name in arguments if name is not None))
    if origin in {Union, UnionType}:
        either = NOTHING
        for part in map(_literals, arguments):
            if part is None:
                return None
            either |= part
        return either
    if origin is list and arguments:
        entry = _literals(arguments[0])
        return Value(entries=entry.names, most=MANY) if entry and entry.entries is None else None
    return None


# ---------------------------------------------------------------- the code


def _from_code(function: FunctionType, agent_types: tuple[type, ...]) -> Returns:
    lines, first = inspect.getsourcelines(function)
    source = "".join(lines)
    if source[:1].isspace():  # it stands inside something
        source, first = "if True:\n" + source, first - 1
    definitions = _definitions(ast.parse(source), function.__code__.co_name)
    if not definitions:
        return Returns(unreadable=_NO_SOURCE)
    if len(definitions) > 1:
        return Returns(unreadable=f"line {function.__code__.co_firstlineno}: several lambdas")
    (definition,) = definitions
    reader = Reader(Names(definition, _outside(function)), agent_types)
    return _summary(
        (_text(source, node), node.lineno + first - 1, reader.read(value))
        for node, value in _returned(definition)
    )


def _definitions(tree: ast.Module, name: str) -> list[Function]:
    """What can have been the source of a function of this name: one `def`, or any lambda."""
    if name == "<lambda>":
        return [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    named = (node for node in ast.walk(tree) if isinstance(node, kinds) and node.name == name)
    return list(islice(named, 1))  # the outermost comes first


def _outside(function: FunctionType) -> Mapping[str, object]:
    """The values that the function's code sees by name, its own variables aside."""
    closure: dict[str, object] = dict.fromkeys(function.__code__.co_freevars, ...)
    for name, cell in zip(closure, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not assigned yet
            closure[name] = cell.cell_contents
    return ChainMap(closure, function.__globals__)


def _returned(definition: Function) -> Iterator[tuple[ast.Return | ast.Lambda, ast.expr]]:
    if isinstance(definition, ast.Lambda):
        yield definition, definition.body
        return
    for node in own_nodes(definition):
        if isinstance(node, ast.Return) and node.value:
            yield node, node.value


def _text(source: str, node: ast.Return | ast.Lambda) -> str:
    text = ast.get_source_segment(source, node) or ""
    return shorten(ast.unparse(node) if "\n" in text else text, 80, placeholder=" ...")


def _summary(found: Iterable[tuple[str, int, Value]]) -> Returns:
    """Put together what the single returns, given with their text and line, can be."""
    everything: list[Entry] = []
    forks = unreadable = None
    for text, line, value in found:
        everything += value.names + (value.entries or ())
        if value.most >= MANY and not value.loose:
            forks = forks or text
        if value.loose or not value.known:
            unreadable = unreadable or f"line {line}: {text}"
    agents = [e for e in everything if isinstance(e, Inside)]
    sends = dict.fromkeys(e.target for e in everything if isinstance(e, Sent))
    led_to = [e.target if isinstance(e, Sent) else e for e in everything]
    once = dict.fromkeys(e for e in led_to if not isinstance(e, Inside))
    return Returns(
        tuple(target for target in once if isinstance(target, str)),
        tuple(target for target in once if not isinstance(target, str)),
        forks,
        unreadable,
        tuple(sends),
        tuple((inside.agent, inside.target) for inside in agents),
    )
