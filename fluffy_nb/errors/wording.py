"""Parts of messages: the nearest name, lists of names, shortened reprs."""

from __future__ import annotations

from collections.abc import Collection, Iterable


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

    close = get_close_matches(name, allowed, n=3, cutoff=0.5) if isinstance(name, str) else []
    if close:
        return "did you mean " + " or ".join(map(repr, close)) + "?"
    return "there are " + listed(allowed)


def listed(names: Iterable[str], most: int = 8) -> str:
    """Join the reprs of some names, and count the rest."""
    every = [repr(name) for name in names]
    rest = len(every) - most
    return ", ".join(every[:most]) + (f" and {rest} more" if rest > 0 else "")


def shortened(value: object, most: int = 120) -> str:
    """The repr of a value, cut to a length that fits a message."""
    try:
        text = repr(value)
    except Exception as problem:  # noqa: BLE001 - a broken repr must not hide the real error
        text = f"<{type(value).__name__} whose repr raises {type(problem).__name__}>"
    return text if len(text) <= most else text[: most - 3] + "..."
