"""What a magic's line may hold, and one-line answers to a line that holds something else."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from fluffy_nb.errors import UsageError, listed, nearest, problem_of

_BRACKETS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a magic.

    Args:
        flag: With its dashes.
        means: What it does, in a few words.
        value: What stands behind it, for messages; empty for an option without a value.
        read: Makes the value of its text; raises `ValueError` with what it must be.
        choices: The values there are, where they can be listed.
        repeats: Whether it may be given several times.
        many: Whether its value is all the words up to the next option.
    """

    flag: str
    means: str
    value: str = ""
    read: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    repeats: bool = False
    many: bool = False

    @property
    def key(self) -> str:
        """Its key in `Line.options`."""
        return self.flag.lstrip("-").replace("-", "_")

    def __str__(self) -> str:
        return f"{self.flag} {self.value}".strip()


@dataclass(frozen=True, slots=True)
class Usage:
    """How a magic is used.

    Args:
        command: What comes first.
        means: What it does, in a sentence.
        words: What stands behind it, in order; one in square brackets may be left out.
        options: The options it takes.
        free: The last word is the rest of the line, as it was written.
    """

    command: str
    means: str
    words: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    free: bool = False

    def __str__(self) -> str:
        parts = (self.command, *self.words, *(f"[{option}]" for option in self.options))
        return " ".join(parts)

    def option(self, flag: str) -> Option | None:
        """The option of this flag."""
        return next((option for option in self.options if option.flag == flag), None)


@dataclass(slots=True)
class Line:
    """A line that was understood: its words, and its options by key."""

    text: str
    words: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def rest(self, words: int) -> str:
        """The text behind the first words, as it was written."""
        text = self.text.strip()
        for word in split(text)[:words]:
            text = text.removeprefix(word).strip()
        return text


def parse(usage: Usage, text: str) -> Line:
    """Understand the line of a magic.

    Args:
        usage: What it may hold.
        text: What stands behind the command.

    Returns:
        Its words and options.

    Raises:
        UsageError: It holds something else; the message names the nearest that would do.
    """
    line = Line(text)
    tokens = split(text)
    while tokens:
        token = tokens.pop(0)
        if token.startswith("-") and len(token) > 1 and not usage.free:
            _take_option(usage, line, token, tokens)
        else:
            line.words.append(unquoted(token))
    least = sum(not word.startswith("[") for word in usage.words)
    if len(line.words) < least:
        raise UsageError(f"{usage.command} needs {usage.words[len(line.words)]}: {usage}")
    many = usage.words[-1:] and usage.words[-1].endswith("...")
    if len(line.words) > len(usage.words) and not usage.free and not many:
        raise UsageError(
            f"{usage.command} has no use for {line.words[len(usage.words)]!r}: {usage}"
        )
    return line


def _take_option(usage: Usage, line: Line, token: str, tokens: list[str]) -> None:
    flag, equals, value = token.partition("=")
    option = usage.option(flag)
    if option is None:
        flags = [option.flag for option in usage.options]
        raise UsageError(
            f"{usage.command} has no option {flag!r}: {nearest(flag, flags)} ({usage})"
        )
    if not option.value:
        if equals:
            raise UsageError(f"{usage.command}: {flag} takes no value, and {value!r} was given.")
        line.options[option.key] = True
        return
    if not equals:
        if not tokens:
            raise UsageError(f"{usage.command}: {flag} needs a value: {option}")
        value = tokens.pop(0)
    read = _read(usage, option, value.rstrip(",") if option.many else value)
    if option.many:
        while tokens and not tokens[0].startswith("-"):
            read += _read(usage, option, tokens.pop(0).rstrip(","))
        line.options.setdefault(option.key, []).extend(read)
    elif option.repeats:
        line.options.setdefault(option.key, []).append(read)
    elif option.key in line.options:
        raise UsageError(f"{usage.command}: {flag} is given twice.")
    else:
        line.options[option.key] = read


def _read(usage: Usage, option: Option, value: str) -> Any:
    try:
        return option.read(value)
    except ValueError as problem:
        raise UsageError(f"{usage.command}: {option.flag} is {value!r}; {problem}") from None


# ---------------------------------------------------------------- words


def split(text: str) -> list[str]:
    """Split at white space that is in no quotes and no brackets; quotes stay.

    Args:
        text: A line.

    Returns:
        Its words, so that `-i rows=[1, 2]` gives two and `title="a b"` one.
    """
    words, word, quote = [], "", ""
    open_brackets: list[str] = []
    for before, character in zip(" " + text, text, strict=False):
        if quote:
            quote = "" if character == quote and before != "\\" else quote
        elif character in "\"'" and (not before.isalnum() or before in "fFrRbBuU"):
            quote = character  # and not the apostrophe of a word
        elif character in _BRACKETS:
            open_brackets.append(_BRACKETS[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
        if character.isspace() and not quote and not open_brackets:
            words += [word] if word else []
            word = ""
        else:
            word += character
    return [*words, word] if word else words


def unquoted(word: str) -> str:
    """A word without the quotes around it."""
    if len(word) > 1 and word[0] == word[-1] and word[0] in "\"'":
        try:
            value = ast.literal_eval(word)
        except (SyntaxError, ValueError):
            return word
        return str(value)
    return word


# ---------------------------------------------------------------- values


def seconds(text: str) -> float:
    """Read a number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError("it must be a number of seconds, like 90 or 2.5.")
    return value


def count(text: str) -> int:
    """Read a whole number from 1."""
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise ValueError("it must be a whole number from 1.")
    return int(text)


def names(text: str) -> list[str]:
    """Read one name, or several between commas."""
    found = [unquoted(name.strip()) for name in unquoted(text).split(",")]
    if not all(found):
        raise ValueError("it must be the name of a state, or several between commas.")
    return found


def one_of(*allowed: str) -> Callable[[str], str]:
    """Make a reader for one of a few words, in capitals or not."""

    def read(text: str) -> str:
        if text.upper() not in allowed:
            raise ValueError(f"it must be one of {listed(allowed)}.")
        return text.upper()

    return read


def setting(text: str) -> tuple[str, str]:
    """Read `key=expression`; the expression is evaluated later."""
    key, equals, expression = text.partition("=")
    if not equals or not key.strip() or not expression.strip():
        raise ValueError("it must be key=expression, without spaces around the equals sign.")
    try:
        ast.parse(expression.strip(), mode="eval")
    except SyntaxError as problem:
        raise ValueError(f"{expression!r} is no Python expression: {problem.msg}.") from None
    return unquoted(key.strip()), expression.strip()


def values(settings: Collection[tuple[str, str]], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluate `-i` settings.

    Args:
        settings: Keys and expressions.
        namespace: The notebook's names.

    Returns:
        The values by key.

    Raises:
        UsageError: An expression raises.
    """
    found = {}
    for key, expression in settings:
        try:
            found[key] = eval(expression, dict(namespace))  # noqa: S307 - the person's own cell
        except Exception as problem:  # noqa: BLE001 - whatever the expression raises
            raised = problem_of(problem)
            raise UsageError(f"-i {key}={expression} raised {raised}") from None
    return found
