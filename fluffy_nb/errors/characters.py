r"""How texts from outside are shown: what can't be seen, or would steer, as in Python source.

A name, a value or an error's text may hold escape sequences of terminals, marks that turn the
direction of what follows, and characters without a glyph. Who reads must see that they are there.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator

_JOINERS = "\u200c\u200d"  # letters of some scripts and emoji are put together with them
_FILLERS = "\u034f\u115f\u1160\u3164\uffa0"  # letters and marks without a glyph
_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def visible(text: str) -> str:
    r"""Show what can't be seen: control characters, direction marks and lone surrogates.

    Args:
        text: Any string.

    Returns:
        The string with those written as in Python source, like \n, and everything else as it is.
    """
    return _shown(text, "")


def visible_lines(text: str) -> str:
    r"""As `visible`, for a text of several lines: \n and \t stay as they are.

    Args:
        text: Any string.
    """
    return _shown(text, "\n\t")


def isolated(text: str) -> str:
    """A text from outside as HTML, which can't change what stands around it.

    Args:
        text: Any string.

    Returns:
        The text, escaped, in an element that keeps its direction to itself.
    """
    return f"<bdi>{html.escape(visible_lines(text))}</bdi>"


def _shown(text: str, kept: str) -> str:
    # One search finds that nothing is hidden, as in nearly all texts.
    return text if _SUSPICIOUS.search(text) is None else "".join(_each(text, kept))


_SUSPICIOUS = re.compile(r"[^ -~]")


def _each(text: str, kept: str) -> Iterator[str]:
    for char, before, after in zip(text, ["", *text], [*text[1:], ""], strict=False):
        hidden = char not in kept and not " " <= char <= "~" and _is_hidden(char, before, after)
        yield _written(char) if hidden else char


def _is_hidden(char: str, before: str, after: str) -> bool:
    if char in _JOINERS:
        return before.isascii() or after.isascii()  # nothing that could be joined
    hidden = unicodedata.category(char) in _CATEGORIES or char in _FILLERS
    return hidden or ord(char) & 0xFFFE == 0xFFFE  # no characters, and not allowed in XML


def _written(char: str) -> str:
    return char.encode("unicode_escape").decode()
