"""State names with placeholders: `"chunk_{i}"` stands for every name that fits (semantics 4.3)."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import Any

from fluffy_nb.errors import InvalidSpecError

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NUMBER = re.compile(r"0|[1-9][0-9]*")
_MOST_DIGITS = 4_000  # more than that Python does not read as a number


class Template:
    """A state's name with placeholders, each standing for one or more characters.

    Args:
        name: Such as `"chunk_{i}"`.

    Raises:
        InvalidSpecError: A placeholder is no identifier, stands twice, or a brace is alone.

    Example:
        >>> Template("chunk_{i}").match("chunk_3")
        {'i': 3}
    """

    def __init__(self, name: str) -> None:
        self.name = name
        parts = _PLACEHOLDER.split(name)
        self.literals, self.placeholders = tuple(parts[::2]), tuple(parts[1::2])
        what = "the name of a state with placeholders"
        example = "named parts in braces, as 'chunk_{i}'"
        if any(brace in text for text in self.literals for brace in "{}"):
            raise InvalidSpecError(what, name, example, "Leave out the brace that stands alone.")
        if not all(each.isidentifier() for each in self.placeholders):
            raise InvalidSpecError(what, name, example, "A placeholder is an identifier.")
        if len(set(self.placeholders)) < len(self.placeholders):
            raise InvalidSpecError(what, name, example, "Each placeholder stands once.")
        pattern = re.escape(self.literals[0])
        for placeholder, text in zip(self.placeholders, self.literals[1:], strict=True):
            pattern += f"(?P<{placeholder}>.+?)" + re.escape(text)
        self._pattern = re.compile(pattern, re.DOTALL)

    def __repr__(self) -> str:
        return f"Template({self.name!r})"

    def match(self, name: str) -> dict[str, int | str] | None:
        """The inputs that a name gives; None where it does not fit.

        Plain decimal digits become a number; with leading zeros they stay text.
        """
        found = self._pattern.fullmatch(name)
        if found is None:
            return None
        return {key: _value(text) for key, text in found.groupdict().items()}

    def fill(self, inputs: Mapping[str, Any]) -> str:
        """The name that inputs give.

        Raises:
            InvalidSpecError: One that the name needs is not there, or gives no text.
        """
        name = self.literals[0]
        for placeholder, text in zip(self.placeholders, self.literals[1:], strict=True):
            value = str(inputs.get(placeholder, ""))
            if not value:
                allowed = f"given: {', '.join(self.placeholders)}"
                remedy = f"Write Send({self.name!r}, {placeholder}=...)."
                what = f"the input {placeholder!r} of state {self.name!r}"
                raise InvalidSpecError(what, inputs.get(placeholder), allowed, remedy)
            name += value + text
        return name


def _value(text: str) -> int | str:
    return int(text) if len(text) < _MOST_DIGITS and _NUMBER.fullmatch(text) else text


def is_template(name: str) -> bool:
    """Whether a state's name is meant to have placeholders."""
    return "{" in name or "}" in name


# ---------------------------------------------------------------- could two mean one name?

_ANY, _MORE = "any", "more"  # any one character; any number of them
_Tokens = list[tuple[str, str]]


def overlap(one: Template, other: Template) -> str | None:
    """An example of a name that both templates match; None where there is none.

    The two are walked together as automata, so the answer is exact.
    """
    return _common(_tokens(one), _tokens(other))


def _tokens(template: Template) -> _Tokens:
    tokens: _Tokens = [("is", character) for character in template.literals[0]]
    for text in template.literals[1:]:
        tokens += [(_ANY, ""), (_MORE, "")]
        tokens += [("is", character) for character in text]
    return tokens


def _common(one: _Tokens, other: _Tokens) -> str | None:
    seen = {(0, 0)}
    rim = deque([(0, 0, "")])
    while rim:
        i, j, text = rim.popleft()
        if i == len(one) and j == len(other):
            return text
        for place in _steps(one, other, i, j, text):
            if place[:2] not in seen:
                seen.add(place[:2])
                rim.append(place)
    return None


def _steps(one: _Tokens, other: _Tokens, i: int, j: int, text: str) -> list[tuple[int, int, str]]:
    """Where both can be after one character more, or after leaving an any-number part."""
    steps = []
    if i < len(one) and one[i][0] == _MORE:
        steps.append((i + 1, j, text))
    if j < len(other) and other[j][0] == _MORE:
        steps.append((i, j + 1, text))
    if i < len(one) and j < len(other):
        (kind, mine), (their_kind, theirs) = one[i], other[j]
        if not mine or not theirs or mine == theirs:
            after = i if kind == _MORE else i + 1
            after_them = j if their_kind == _MORE else j + 1
            steps.append((after, after_them, text + (mine or theirs or "x")))
    return steps


# ---------------------------------------------------------------- could an f-string give a name?


def may_name(pattern: re.Pattern[str], template: Template) -> bool:
    """Whether an f-string read from code could give a name that the template matches.

    Args:
        pattern: Escaped text with `.*` where something is put in, as `read_returns` gives it.
        template: The template.
    """
    pieces = [re.sub(r"\\(.)", r"\1", piece) for piece in pattern.pattern.split(".*")]
    tokens: _Tokens = [("is", character) for character in pieces[0]]
    for piece in pieces[1:]:
        tokens += [(_MORE, ""), *(("is", character) for character in piece)]
    return _common(tokens, _tokens(template)) is not None
