"""Parts of messages: texts of foreign objects, the nearest name, lists of names.

An object of somebody else's class can raise whatever it likes when its text is made. So its text
is made here and nowhere else: by `text_of`, `problem_of` and `shortened`, which do not raise and
give a bounded plain string.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")

GOES_THROUGH = (KeyboardInterrupt, SystemExit)
"""What ends the program is never caught as somebody's mistake."""

MOST_TEXT = 10_000
"""Bytes of UTF-8 of a text from outside; of a longer one the middle is left out."""

MOST_PROBLEM = 9_000
"""Of the text of an error, so that a message of our own that quotes it has `MOST_TEXT` at most."""

LONGEST_NAME = 200
"""Longer ones are no misspelt names: they are not compared with those that are allowed."""

_name_of: Any = type.__dict__["__name__"].__get__  # a metaclass can hide the attribute


def nearest(name: str, allowed: Collection[str]) -> str:
    """Say which of the allowed names come closest, or list a few of them.

    Args:
        name: The name that was not found.
        allowed: The names that would have been.

    Returns:
        A clause without a full stop, for the middle of a message.
    """
    if not allowed:
        return "there are none"
    from difflib import get_close_matches  # noqa: PLC0415 - where all goes well nobody needs it

    twin = _same_but_for_form(name, allowed)
    if twin is not None:
        return f"did you mean {twin!r}? It is {twin!a}: they differ in Unicode form only"
    close: list[str] = []
    if issubclass(type(name), str) and str.__len__(name) <= LONGEST_NAME:
        close = get_close_matches(str.__str__(name), allowed, n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(map(repr, close)) + "?"
    return "there are " + listed(allowed)


def _same_but_for_form(name: str, allowed: Collection[str]) -> str | None:
    """The allowed name that differs from a name in Unicode form only."""
    from unicodedata import normalize  # noqa: PLC0415 - as above

    if not issubclass(type(name), str) or str.__len__(name) > LONGEST_NAME or name in allowed:
        return None
    form = normalize("NFKC", str.__str__(name))
    return next((other for other in allowed if normalize("NFKC", other) == form), None)


def template_remedy(name: str, names: Collection[str]) -> str:
    """What to add where a name seems to be one of many that differ by a number (semantics 4.5).

    Args:
        name: The name that is no state.
        names: The names of the states.

    Returns:
        A sentence with a blank before it; empty where no state has such a name.
    """
    for number in re.finditer(r"[0-9]+", name if isinstance(name, str) else ""):
        before, after = name[: number.start()], name[number.end() :]
        plain = before.rstrip("_-. ")
        like = re.compile(re.escape(before) + "[0-9]+" + re.escape(after))
        if plain and ((plain in names and not after) or any(map(like.fullmatch, names))):
            word = re.split(r"[^A-Za-z]+", plain)[-1] or "state"
            template = f"{before}{{{word}_id}}{after}"
            return (
                " One state can stand for all names that differ by a number: "
                f"add_state({template!r}, function) gives each its {word}_id as an input."
            )
    return ""


def listed(names: Iterable[str], most: int = 8) -> str:
    """Join the reprs of some names, and count the rest."""
    every = list(names)
    rest = len(every) - most
    return ", ".join(map(shortened, every[:most])) + (f" and {rest} more" if rest > 0 else "")


# ---------------------------------------------------------------- foreign objects


def class_of(value: object) -> str:
    """The name of a value's class, whatever the class says of itself."""
    return str.__str__(_name_of(type(value)))


def plain(value: T) -> T:
    """A name of a subclass of `str`, as of an enum, as a plain string; anything else as it is."""
    kind = type(value)
    return str.__str__(value) if kind is not str and issubclass(kind, str) else value  # type: ignore[return-value]  # a str is one of its subclass


def text_of(value: object, most: int = MOST_TEXT) -> str:
    """The text of a foreign object, as `str` makes it.

    Args:
        value: An error, a message, a question: any object.
        most: Bytes of UTF-8; of a longer text the middle is left out.

    Returns:
        A plain string; where `str` raises, what it raised.
    """
    try:
        text = str.__str__(str(value))
    except GOES_THROUGH:
        raise
    except BaseException as problem:  # noqa: BLE001 - whatever a foreign __str__ raises
        text = f"<{class_of(value)} whose text can't be made: {_first_words(problem)}>"
    return bounded(text, most)


def problem_of(error: BaseException, most: int = MOST_PROBLEM) -> str:
    """The class of an error and its text.

    Args:
        error: Of any class.
        most: Bytes of UTF-8, as for `text_of`.
    """
    text = text_of(error, most)
    return f"{class_of(error)}: {text}" if text else class_of(error)


def shortened(value: object, most: int = 120) -> str:
    """The repr of a foreign object, cut to a length that fits a message.

    Args:
        value: Any object.
        most: Characters.

    Returns:
        A plain string; where `repr` raises, what it raised.
    """
    try:
        text = str.__str__(repr(_beginning(value, most)))
    except GOES_THROUGH:
        raise
    except BaseException as problem:  # noqa: BLE001 - a broken repr must not hide the real error
        text = f"<{class_of(value)} whose repr raises {class_of(problem)}>"
    return text if len(text) <= most else text[: most - 3] + "..."


def bounded(text: str, most: int = MOST_TEXT) -> str:
    """A text, or its beginning and its end where it is longer than allowed.

    Args:
        text: A plain string.
        most: Bytes of UTF-8.
    """
    if len(text) * 4 <= most:
        return text
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= most:
        return text
    half = max(0, most - 60) // 2
    first, last = data[:half].decode("utf-8", "ignore"), data[-half:].decode("utf-8", "ignore")
    left_out = len(text) - len(first) - len(last)
    return f"{first} [... {left_out:,} characters left out ...] {last}"


def _first_words(problem: BaseException) -> str:
    """What was raised while a text was made; the text of this is tried once."""
    try:
        text = str.__str__(str(problem))
    except GOES_THROUGH:
        raise
    except BaseException:  # noqa: BLE001 - as above
        text = ""
    return f"{class_of(problem)}: {bounded(text, 500)}" if text else class_of(problem)


def _beginning(value: Any, most: int) -> object:
    """As much of a large value as its shortened repr shows: the repr of all can take seconds."""
    kind = type(value)
    if kind is str or kind is bytes:
        return value[: most + 1]
    if kind in {list, tuple} and len(value) > most:
        return value[:most]
    if kind in {set, frozenset} and len(value) > most:
        return kind(islice(value, most))
    if kind is dict and len(value) > most:
        return dict(islice(value.items(), most))
    return value
