"""Reading texts that are put together: f-strings, sums, `format` and `%`, as patterns."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterable

from fluffy_nb.engine.entries import Entries
from fluffy_nb.engine.readings import ANYTHING, TARGETS, UNKNOWN, Target, Value, joined

_PERCENT = re.compile(r"%(?:\(\w*\))?[-#0 +]*(?:\d+|\*)?(?:\.(?:\d+|\*))?[a-zA-Z]")


class Texts(Entries):
    """Reads the texts of one function, by its own names and patterns."""

    def as_names(self, node: ast.expr) -> Value:
        """A text as the name of a state; one without any text of its own says nothing."""
        value = self.text(node)
        return UNKNOWN if any(map(_says_nothing, value.names)) else value

    def is_text(self, node: ast.expr) -> bool:
        """Whether an expression is put together from texts, some of them perhaps unknown."""
        match node:
            case ast.JoinedStr():
                return True
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.is_text(left) or self.is_text(right)
            case ast.BinOp(left=ast.Constant(value=str()), op=ast.Mod()):
                return True
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str()), attr="format")):
                return True
            case ast.Call(func=function):
                return self.is_builtin(function, "str")
        return False

    def text(self, node: ast.expr) -> Value:
        """What a text can be; patterns where something unknown is put in."""
        match node:
            case ast.JoinedStr(values=parts):
                return self._all_texts(map(self.text, parts))
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                return self._filled_in(value)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._all_texts((self.text(left), self.text(right)))
            case ast.Call(func=function, args=[value]) if self.is_builtin(function, "str"):
                return self._filled_in(value)
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
                return _formatted(text)
            case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
                return _percent(text)
            case ast.FormattedValue() | ast.Call():
                return Value((ANYTHING,))
        return self.read(node)

    def _all_texts(self, parts: Iterable[Value]) -> Value:
        whole: Value | None = Value(("",))
        for part in parts:
            self._left -= len(part.names)
            whole = None if whole is None or self._left < 0 else joined(whole, part)
        return UNKNOWN if whole is None else whole

    def _filled_in(self, node: ast.expr) -> Value:
        """What an expression is as text; what comes from outside can be another one later."""
        number = self._number(node)
        if number is not None:
            # a pattern: where a condition keeps the last one from going on, no such state is missed
            return Value((re.compile(re.escape(str(number)), re.DOTALL),))
        before = self.names.outside.lookups
        match node:
            case ast.Name(id=name) if self.names.is_own(name):
                value = self.read(node)
                is_name = value.known and not value.empty and value.entries is None
                is_name = is_name and all(isinstance(part, TARGETS) for part in value.names)
                if is_name and value.names and self.names.outside.lookups == before:
                    return value
        return Value((ANYTHING,))

    def _number(self, node: ast.expr) -> int | None:
        """The whole number that an expression is, where a parameter's default tells."""
        match node:
            case ast.Constant(value=int(number)) if type(number) is int:
                return number
            case ast.Name(id=name) if self.names.is_own(name):
                value = self.names.value(node)
                return value if type(value) is int else None
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as operator, right=right):
                one, two = self._number(left), self._number(right)
                if one is None or two is None:
                    return None
                return one + two if isinstance(operator, ast.Add) else one - two
        return None


def _says_nothing(name: object) -> bool:
    return isinstance(name, re.Pattern) and not name.pattern.replace(".*", "")


def _pattern(pieces: Iterable[Target]) -> Value:
    whole: Value | None = Value(("",))
    for piece in pieces:
        whole = whole and joined(whole, Value((piece,)))
    return whole or UNKNOWN


def _formatted(text: str) -> Value:
    """What `"...".format(...)` gives."""
    try:
        parts = [(plain, name) for plain, name, *_ in string.Formatter().parse(text)]
    except ValueError:
        return UNKNOWN
    pieces: list[Target] = []
    for plain, name in parts:
        pieces += [plain] if name is None else [plain, ANYTHING]
    return _pattern(pieces)


def _percent(text: str) -> Value:
    """What `"..." % ...` gives."""
    first, *rest = _PERCENT.split(text.replace("%%", "\0"))
    pieces: list[Target] = [first.replace("\0", "%")]
    for part in rest:
        pieces += [ANYTHING, part.replace("\0", "%")]
    return _pattern(pieces)
