"""The text that a function was compiled from: found by its code, and compared with it."""

from __future__ import annotations

import ast
import bisect
import dis
import functools
import inspect
import linecache
import textwrap
from types import CodeType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FunctionType

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_FUTURES = 0xFFF0000  # the flags of `from __future__ import ...`
_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # a cell may await
_NOT_COMPARED = frozenset({"CACHE", "EXTENDED_ARG", "NOP", "RESUME"})
_JUMPS = frozenset({*dis.hasjrel, *dis.hasjabs})


class Source(NamedTuple):
    """The text of a function.

    Args:
        definition: Its syntax tree; line numbers count from the begin of the file.
        lines: All lines of the file.
    """

    definition: Function
    lines: Sequence[str]

    @property
    def text(self) -> str:
        """The lines of the function, decorators included."""
        last = self.definition.end_lineno or self.definition.lineno
        lines = self.lines[_first_line(self.definition) - 1 : last]
        return textwrap.dedent("".join(lines)).rstrip()


_Codes = dict[tuple[str, int], list[CodeType]]
"""Code objects by their names and first lines."""


def source_of(function: FunctionType) -> Source | None:
    """Find the text that a function was compiled from.

    A file can have been edited since it was imported, and a function can have got another code
    object. So the text that is found is compiled, and counts only where that gives the same code.

    Args:
        function: A function in Python.

    Returns:
        Its text; None where there is none that compiles to its code.
    """
    file, code = function.__code__.co_filename, function.__code__
    lines = linecache.getlines(file, function.__globals__)
    found = _find(code, lines)
    if found is None:
        linecache.checkcache(file)  # the lines can be older than the code, after a reload
        fresh = linecache.getlines(file, function.__globals__)
        if fresh is not lines:
            found, lines = _find(code, fresh), fresh
    return None if found is None else Source(found, lines)


def _find(code: CodeType, lines: Sequence[str]) -> Function | None:
    file = _read("".join(lines))
    return None if file is None else file.find(code)


@functools.lru_cache(maxsize=16)
def _read(text: str) -> _File | None:
    try:
        return _File(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _File:
    """The functions in a text.

    Args:
        tree: The syntax tree of the text.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._places: dict[str, list[Function]] = {}
        self._compiled: dict[tuple[int, int | None], _Codes] = {}
        for node in ast.walk(tree):
            if isinstance(node, _DEFINITIONS):
                self._places.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.Lambda):
                self._places.setdefault("<lambda>", []).append(node)

    def find(self, code: CodeType) -> Function | None:
        """The function whose text compiles to this code."""
        places = self._places.get(code.co_name, ())
        here = [node for node in places if _first_line(node) == code.co_firstlineno]
        if code.co_name == "<lambda>":
            both = [node for node in here if _covers(node.body, code)][-1:]  # the innermost
        else:
            both = [*here, *(node for node in places if node not in here)]  # lines above it changed
        return next((node for node in both if self._has(code, node)), None)

    def _has(self, code: CodeType, node: Function) -> bool:
        """Whether the text compiles to something that has the code in it, at this node."""
        place = code.co_name, _first_line(node)
        # A module is compiled as a whole, and a cell statement by statement. That makes a
        # difference: calls of what the same text imports are compiled to other instructions.
        return any(
            _is_same(one, code) or _is_same_but_for_asserts(one, code, node)
            for statement in (None, self._statement_of(node))
            for one in self._codes(code.co_flags & _FUTURES, statement).get(place, ())
        )

    def _statement_of(self, node: Function) -> int:
        """The place of the statement that a function is in."""
        lines = [_first_line(statement) for statement in self._tree.body]
        return bisect.bisect_right(lines, _first_line(node)) - 1

    def _codes(self, flags: int, statement: int | None) -> _Codes:
        """What the whole text, or one statement of it, compiles to."""
        key = flags, statement
        if key not in self._compiled:
            tree = self._tree
            if statement is not None:
                tree = ast.Module(tree.body[statement : statement + 1], [])
            self._compiled[key] = _compiled(tree, flags)
        return self._compiled[key]


def _first_line(node: Function | ast.stmt) -> int:
    return min((d.lineno for d in getattr(node, "decorator_list", ())), default=node.lineno)


def _compiled(tree: ast.Module, flags: int) -> _Codes:
    """The code of every function of a text, by its name and first line."""
    found: _Codes = {}
    try:
        inside = [compile(tree, "<source>", "exec", flags | _FLAGS, dont_inherit=True)]
    except (SyntaxError, ValueError, RecursionError):
        return found
    while inside:
        code = inside.pop()
        found.setdefault((code.co_name, code.co_firstlineno), []).append(code)
        inside += _codes(code)
    return found


def _codes(code: CodeType) -> list[CodeType]:
    return [const for const in code.co_consts if inspect.iscode(const)]


def _covers(body: object, code: CodeType) -> bool:
    """Whether the instructions of a lambda come from an expression."""
    if not isinstance(body, ast.expr) or body.end_lineno is None or body.end_col_offset is None:
        return False
    begin, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    steps = [  # what has no columns, or the columns 0 to 0, is of no text
        ((line, column), (end_line, end_column))
        for line, end_line, column, end_column in code.co_positions()
        if line is not None and end_line is not None and column is not None and end_column
    ]
    if not steps:  # Python 3.12 says no columns where a constant is returned
        constant = body.value if isinstance(body, ast.Constant) else code
        return any(_is_same_constant(constant, const) for const in code.co_consts)
    return all(begin <= first <= last <= end for first, last in steps)


# ---------------------------------------------------------------- are two codes one?


def _is_same(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects do the same; where their text stands makes no difference."""
    if (
        one.co_code != other.co_code
        or one.co_names != other.co_names
        or one.co_varnames != other.co_varnames
        or one.co_freevars != other.co_freevars
        or len(one.co_consts) != len(other.co_consts)
    ):
        return False
    return all(map(_is_same_constant, one.co_consts, other.co_consts))


def _is_same_constant(one: object, other: object) -> bool:
    if inspect.iscode(one) and inspect.iscode(other):
        return _is_same(one, other)
    return type(one) is type(other) and one == other


def _is_same_but_for_asserts(one: CodeType, other: CodeType, node: Function) -> bool:
    """Whether two code objects do the same where no `assert` stands.

    pytest compiles the asserts of a test file to other code, and `python -O` leaves them out.
    """
    asserts = [
        (part.lineno, part.end_lineno or part.lineno)
        for part in ast.walk(node)
        if isinstance(part, ast.Assert)
        and not any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(part))
    ]
    return bool(asserts) and _steps(one, asserts) == _steps(other, asserts)


def _steps(code: CodeType, without: Sequence[tuple[int, int]]) -> frozenset[object]:
    """What the instructions of a code object do and where, without those of some lines."""
    found: set[object] = set()
    for step in dis.get_instructions(code):
        line = step.positions.lineno if step.positions else None
        if step.opname in _NOT_COMPARED or step.opcode in _JUMPS or line is None:
            continue
        if any(first <= line <= last for first, last in without):
            continue
        inner = inspect.iscode(step.argval)
        what = _steps(step.argval, without) if inner else repr(step.argval)
        found.add((step.opname, what, step.positions))
    return frozenset(found)
