"""How a name fits into a box: made visible, measured without a font, wrapped, shortened."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from fluffy_nb.errors import visible

LABEL = 13
"""The size of names in px, as in graph.css."""
DETAIL = 11
"""The size of the line beneath, as in graph.css."""

_WIDEST = 208  # px of a line of a name
_MOST_LINES = 4
_MOST_CHARACTERS = 300  # more than four lines hold of any
_SEPARATORS = tuple("_-./:, ")
_JOINERS = "\u200c\u200d"  # letters of some scripts and emoji are put together with them

# Parts of the font size: a little more than in DejaVu Sans and Arial, wide and usual fonts.
_EM = {
    **dict.fromkeys(".,:;'| ijlI·", 0.35),
    **dict.fromkeys("()[]/\\-!frt", 0.43),
    **dict.fromkeys('"*_`?Jcsz', 0.56),
    **dict.fromkeys("{}$0123456789abdeghknopquvxy", 0.65),
    **dict.fromkeys("+<>=^~#&ABCDEFGHKLNOPQRSTUVXYZw\u00d7", 0.84),  # and the multiplication sign
    **dict.fromkeys("@%mMW…", 1.02),
}
_LETTER, _CAPITAL, _IDEOGRAPH, _PICTURE = 0.9, 1.1, 1.05, 1.4  # beyond these


def clusters(text: str) -> list[str]:
    """Split a text into what a reader takes for one character each.

    Args:
        text: Any string.

    Returns:
        Its parts: accents, emoji sequences and flags are not torn apart.
    """
    if text.isascii():
        return list(text)
    parts: list[str] = []
    for char in text:
        extends = unicodedata.category(char) in {"Mn", "Mc", "Me"} or char in _JOINERS
        tone = "\U0001f3fb" <= char <= "\U0001f3ff"
        last = parts[-1] if parts else " "
        flag = len(last) == 1 and _is_flag(last) and _is_flag(char)
        if parts and (extends or tone or flag or last[-1] == "\u200d"):
            parts[-1] += char
        else:
            parts.append(char)
    return parts


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


@lru_cache(4096)
def _em(cluster: str) -> float:
    first = unicodedata.normalize("NFD", cluster)[0]  # without its accents
    kind = unicodedata.category(first)
    if "\ufe0f" in cluster or kind == "So":
        return _PICTURE
    if unicodedata.east_asian_width(first) in "WF":
        return _IDEOGRAPH
    return _EM.get(first, _CAPITAL if kind == "Lu" else _LETTER)


def width(text: str, size: float) -> float:
    """Estimate, rather too much than too little, how wide a text is.

    Args:
        text: What `visible` gave.
        size: The font size in px.

    Returns:
        The width in px.
    """
    return size * sum(map(_em, clusters(text)))


def shortened(text: str, room: float, size: float) -> str:
    """Cut a text to the room there is, with an ellipsis.

    Args:
        text: What `visible` gave.
        room: The width in px.
        size: The font size in px.

    Returns:
        The text, or its beginning and "…".
    """
    if width(text, size) <= room:
        return text
    rest = room - size * _EM["…"]
    kept = ""
    for cluster in clusters(text):
        rest -= size * _em(cluster)
        if rest >= 0:
            kept += cluster
    return kept.rstrip() + "…"


@lru_cache(4096)
def wrapped(name: str) -> tuple[str, ...]:
    """Break a name into lines of about the same width.

    Args:
        name: A state's name.

    Returns:
        At most four lines; what is longer than that ends in "…".
    """
    words = _words(visible(name[:_MOST_CHARACTERS]))
    lines = _filled(words, _WIDEST)
    if len(lines) > _MOST_LINES:
        tail = shortened("".join(lines[_MOST_LINES - 1 :]), _WIDEST, LABEL)
        return (*(line.rstrip() for line in lines[: _MOST_LINES - 1]), tail)
    # As narrow as the same number of lines can be: no line with one short word.
    room = sum(wide for _, wide in words) / len(lines)
    while len(narrower := _filled(words, room)) > len(lines):
        room = min(room + 0.5 * LABEL, _WIDEST)
    return tuple(line.rstrip() for line in narrower)


def _filled(words: Sequence[tuple[str, float]], room: float) -> list[str]:
    lines, taken = [""], 0.0
    for word, wide in words:
        if lines[-1] and taken + wide > room:
            lines.append("")
            taken = 0
        lines[-1] += word
        taken += wide
    return lines


def _words(text: str) -> list[tuple[str, float]]:
    """Split where a line may break: after a separator, before a camel hump, in what is too long.

    Returns:
        The parts and how wide they are.
    """
    words = [("", 0.0)]
    parts = clusters(text)
    for before, part, after in zip(["", *parts], parts, [*parts[1:], ""], strict=False):
        word, wide = words[-1]
        own = LABEL * _em(part)
        if before and (_may_break(before, part, after) or wide + own > _WIDEST):
            words.append((part, own))
        else:
            words[-1] = (word + part, wide + own)
    return words


def _may_break(before: str, part: str, after: str) -> bool:
    if before in _SEPARATORS:
        return part not in _SEPARATORS
    if part.isupper():
        return before.islower() or before.isdigit() or (before.isupper() and after.islower())
    return "W" in {unicodedata.east_asian_width(before[0]), unicodedata.east_asian_width(part[0])}
