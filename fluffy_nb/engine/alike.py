"""Names that differ in Unicode form only: Python normalises the names of functions, no strings."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable

from fluffy_nb.errors import NameFormWarning


def alike(name: str, names: Iterable[str]) -> str | None:
    """The one name that becomes the same as another where both are normalised as Python does it.

    Args:
        name: A name that is none of them.
        names: Those that there are.

    Returns:
        That name; None where there is none, or where there are several.
    """
    form = unicodedata.normalize("NFKC", name)
    if name.isascii():
        names = (other for other in names if not other.isascii())
    found = [other for other in names if unicodedata.normalize("NFKC", other) == form]
    return found[0] if len(found) == 1 else None


def twin(name: str, names: Iterable[str]) -> str | None:
    """Another name that nobody can tell from this one by sight; None where there is none."""
    if name.isascii():
        return None
    form = unicodedata.normalize("NFC", name)
    others = (other for other in names if other != name)
    return next((o for o in others if unicodedata.normalize("NFC", o) == form), None)


def tell_form(state: str, target: str, meant: str) -> None:
    """Warn that a state leads to a name that differs from that of a state in Unicode form only."""
    warnings.warn(
        f"state {state!r} leads to {target!r} ({target!a}), and the state there is is called "
        f"{meant!r} ({meant!a}): the two differ in Unicode form only, so the run goes there. "
        "Write both alike; Python normalises the names of functions and leaves strings as they "
        "are.",
        NameFormWarning,
        stacklevel=5,
    )
