"""How a name fits into a box: made visible, measured without a font, wrapped, shortened."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

LABEL = 13
"""The size of names in px, as in graph.css."""
DETAIL = 11
"""The size of the line beneath, as in graph.css."""

_WIDEST = 208  # px of a line of a name
_MOST_LINES = 4
_JOINERS = "\u200c\u200d"  # letters of some scripts and emoji are put together with them

# Parts of the font size: a little more than in DejaVu Sans, the widest of the usual system fonts.
_ASCII = {
    **dict.fromkeys(".,:;'!| ijlI", 0.35),
    **dict.fromkeys("()[]/\\-frtJ", 0.43),
    **dict.fromkeys('"*_`?csz', 0.56),
    **dict.fromkeys("{}$0123456789abdeghknopquvxy", 0.65),
    **dict.fromkeys("+<>=^~#&ABCDEFGHKLNOPQRSTUVXYZw", 0.84),
    **dict.fromkeys("@%mMW", 1.02),
}
_LETTER, _CAPITAL, _IDEOGRAPH, _PICTURE = 0.8, 1.02, 1.05, 1.4  # beyond ASCII
_ELLIPSIS = 1.02


def visible(name: str) -> str:
    r"""Show what can't be seen: control characters, direction marks and lone surrogates.

    Args:
        name: Any string.

    Returns:
        The string with those written as in Python source, like \n, and everything else as it is.
    """
    return "".join(
        char.encode("unicode_escape").decode() if _is_invisible(char) else char for char in name
    )


def _is_invisible(char: str) -> bool:
    hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and char not in _JOINERS
    return hidden or ord(char) & 0xFFFE == 0xFFFE  # no characters, and not allowed in XML


def clusters(text: str) -> list[str]:
    """Split a text into what a reader takes for one character each.

    Args:
        text: Any string.

    Returns:
        Its parts: accents, emoji sequences and flags are not torn apart.
    """
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
    first = cluster[0]
    if first in _ASCII and len(cluster) == 1:
        return _ASCII[first]
    if "\ufe0f" in cluster or (unicodedata.category(first) == "So"):
        return _PICTURE
    if unicodedata.east_asian_width(first) in "WF":
        return _IDEOGRAPH
    return _CAPITAL if unicodedata.category(first) == "Lu" else _LETTER


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
    rest = room - size * _ELLIPSIS
    kept = ""
    for cluster in clusters(text):
        rest -= size * _em(cluster)
        if rest < 0:
            break
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
    words = _words(visible(name))
    lines = _filled(words, _WIDEST)
    if len(lines) > _MOST_LINES:
        tail = shortened("".join(lines[_MOST_LINES - 1 :]), _WIDEST, LABEL)
        return (*(line.rstrip() for line in lines[: _MOST_LINES - 1]), tail)
    # As narrow as the same number of lines can be: no line with one short word.
    least = math.ceil(width(visible(name), LABEL) / len(lines))
    for room in range(least, _WIDEST, 6):
        narrower = _filled(words, room)
        if len(narrower) == len(lines):
            lines = narrower
            break
    return tuple(line.rstrip() for line in lines)


def _filled(words: Sequence[str], room: float) -> list[str]:
    lines = [""]
    for word in words:
        if lines[-1] and width(lines[-1] + word.rstrip(), LABEL) > room:
            lines.append("")
        lines[-1] += word
    return lines


def _words(text: str) -> list[str]:
    """Split where a line may break: after a separator, before a camel hump, in what is too long."""
    words = [""]
    parts = clusters(text)
    for i, part in enumerate(parts):
        before = parts[i - 1] if i else ""
        after = parts[i + 1] if i + 1 < len(parts) else ""
        hump = part.isupper() and (
            before.islower() or before.isdigit() or (before.isupper() and after.islower())
        )
        ideograph = "W" in {unicodedata.east_asian_width(p[0]) for p in (before, part) if p}
        separated = before != "" and before in "_-./:, " and part not in "_-./:, "
        too_long = width(words[-1] + part, LABEL) > _WIDEST
        if i and (hump or ideograph or separated or too_long):
            words.append("")
        words[-1] += part
    return words
