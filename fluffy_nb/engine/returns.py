"""Reading a state's possible successors from its return statements, without running it."""

from __future__ import annotations

import ast
import linecache
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from pathlib import PurePath
from textwrap import shorten
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from fluffy_nb.engine.annotations import from_annotation
from fluffy_nb.engine.callables import MOST_LAYERS, Called, attributes, called
from fluffy_nb.engine.expressions import Reader
from fluffy_nb.engine.names import Names, own_nodes
from fluffy_nb.engine.outside import Outside
from fluffy_nb.engine.readings import MANY, NOTHING, UNKNOWN, Entry, Inside, Sent, Target, Value
from fluffy_nb.engine.source import source_of
from fluffy_nb.errors import GOES_THROUGH, shortened

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

    from fluffy_nb.engine.source import Function, Source

NO_SOURCE = "its source is not available"
CHANGED_SOURCE = "its text does not compile to its code: edited since, or changed by a tool"

Found = tuple[str, int, Value]
"""The text of a return, its line, and what it can give."""


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


@dataclass(slots=True)
class Reading:
    """What was read of a function, and what of.

    Args:
        returns: What it can return.
        codes: The functions that were read, each with the code it had.
        outside: The values that were looked at.
    """

    returns: Returns = field(default_factory=lambda: Returns(unreadable=NO_SOURCE))
    codes: list[tuple[FunctionType, CodeType]] = field(default_factory=list)
    outside: list[Outside] = field(default_factory=list)

    def is_current(self) -> bool:
        """Whether reading again would give the same: no code was swapped, no value is another."""
        same_code = all(function.__code__ is code for function, code in self.codes)
        return same_code and all(outside.is_current() for outside in self.outside)


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
    return read(function, agent_types).returns


def read(function: object, agent_types: tuple[type, ...] = ()) -> Reading:
    """As `read_returns`, and say how to tell whether it still holds.

    Args:
        function: As there.
        agent_types: As there.
    """
    reading = Reading()
    try:
        reading.returns = _Layers(reading, agent_types).read(function)
    except GOES_THROUGH:
        raise
    except BaseException:  # noqa: BLE001 - nothing that is odd may keep a state from being added
        reading.returns = Returns(unreadable=NO_SOURCE)
    return reading


class _Layers:
    """Reads a function, and those that it is wrapped around as far as it returns what they do.

    Args:
        reading: Is told what is read.
        agent_types: As for `read_returns`.
    """

    def __init__(self, reading: Reading, agent_types: tuple[type, ...]) -> None:
        self._reading = reading
        self._agent_types = agent_types
        self._left = MOST_LAYERS
        self._inner: list[Returns] = []

    def read(self, function: object) -> Returns:
        """What a callable returns."""
        layer = called(function)
        try:
            found = _summary(self._found(layer), self._inner)
        except _NoSourceError as problem:
            found = Returns(unreadable=str(problem))
        is_own = found.unreadable and not any(inner.unreadable for inner in self._inner)
        if layer.wrapped is None or not is_own:
            return found
        file = PurePath(layer[0].__code__.co_filename).name
        return replace(
            found, unreadable=f"of what is wrapped around it in {file}, {found.unreadable}"
        )

    def _found(self, layer: Called, *, alone: bool = True) -> list[Found]:
        function: FunctionType = layer[0]
        self._reading.codes.append((function, function.__code__))
        annotated = from_annotation(function)
        if annotated is not None:
            return [annotated]
        source = source_of(function)
        if source is None:
            raise _NoSourceError(function)
        outside = Outside(function)
        self._reading.outside.append(outside)
        names = Names(source.definition, outside, layer.given)

        def wrapped(call: ast.Call) -> Value | None:
            callee = _callee(call.func, names, layer)
            return None if callee is ... else self._of(callee, alone and _is_alone(call, source))

        reader = Reader(names, self._agent_types, wrapped)
        return [
            (_text(source.lines, node), node.lineno, reader.read(value))
            for node, value in _returned(source.definition)
        ]

    def _of(self, function: object, alone: bool) -> Value | None:
        """What a call of a wrapped function gives."""
        self._left -= 1
        try:
            found = self._found(called(function, alone=alone), alone=alone) if self._left else None
        except TypeError:
            return None
        except _NoSourceError as problem:
            self._inner.append(Returns(unreadable=f"{shortened(function)}: {problem}"))
            return UNKNOWN
        if found is None:
            return UNKNOWN
        self._inner.append(_summary(found, ()))
        return reduce(or_, (value for _, _, value in found), NOTHING)


class _NoSourceError(Exception):
    """There is no text that a function was compiled from."""

    def __init__(self, function: FunctionType) -> None:
        has_lines = bool(linecache.getlines(function.__code__.co_filename))
        super().__init__(CHANGED_SOURCE if has_lines else NO_SOURCE)


def _callee(node: ast.expr, names: Names, layer: Called) -> object:
    """What a call in a wrapper calls, where that is what it is wrapped around; `...` if not."""
    match node:
        case ast.Name(id=name):
            function = names.value(node)
            is_closure = not names.is_own(name) and names.outside.is_closure(name)
            return function if is_closure or function is layer.wrapped else ...
        case ast.Attribute(value=ast.Name() as owner, attr=attribute) if names.is_own(owner.id):
            return attributes(names.value(owner)).get(attribute, ...)
    return ...


def _is_alone(call: ast.Call, source: Source) -> bool:
    """Whether a wrapper calls with the context alone, or with all that it is called with itself."""
    arguments = source.definition.args
    match call.args, call.keywords:
        case [ast.expr() as only], [] if not isinstance(only, ast.Starred):
            return True
        case [ast.Starred(value=ast.Name(id=rest))], [
            ast.keyword(arg=None, value=ast.Name(id=more))
        ]:
            ours = arguments.vararg, arguments.kwarg
            taken = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            is_all = [one and one.arg for one in ours] == [rest, more] and not taken
            return is_all and not {rest, more} & set(_stored(source.definition))
    return False


def _stored(definition: Function) -> Iterator[str]:
    for node in own_nodes(definition):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.value.id  # kwargs["x"] = 1, kwargs.update(...)


def _returned(definition: Function) -> Iterator[tuple[ast.Return | ast.Lambda, ast.expr]]:
    if isinstance(definition, ast.Lambda):
        yield definition, definition.body
        return
    for node in own_nodes(definition):
        if isinstance(node, ast.Return) and node.value:
            yield node, node.value


def _text(lines: Sequence[str], node: ast.Return | ast.Lambda) -> str:
    if node.lineno != node.end_lineno:
        text = ast.unparse(node)
    else:
        text = lines[node.lineno - 1].encode()[node.col_offset : node.end_col_offset].decode()
    return shorten(text, 80, placeholder=" ...")


def _summary(found: Sequence[Found], inner: Sequence[Returns]) -> Returns:
    """Put together what the single returns, given with their text and line, can be."""
    everything: list[Entry] = []
    forks = unreadable = None
    for text, line, value in found:
        everything += value.names + (value.entries or ())
        if value.most >= MANY and not value.loose:
            forks = forks or next((one.forks for one in inner if one.forks), text)
        if value.loose or not value.known:
            why = next((one.unreadable for one in inner if one.unreadable), f"line {line}: {text}")
            unreadable = unreadable or why
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
