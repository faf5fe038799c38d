"""Calling what people wrote: an error of theirs is handed back, and stops nothing of ours."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

from fluffy_nb.errors.wording import GOES_THROUGH

_log = logging.getLogger("fluffy_nb")


def called(function: Callable[..., Any], *arguments: Any) -> tuple[Any, BaseException | None]:
    """Call a function that somebody else wrote.

    Args:
        function: A validator, an observer, a codec, a condition.
        *arguments: What it is called with.

    Returns:
        What it returned and None, or None and what it raised. Ctrl-C and `SystemExit` are raised.
    """
    try:
        return function(*arguments), None
    except GOES_THROUGH:
        raise
    except BaseException as error:  # noqa: BLE001 - a CancelledError of its own, too
        return None, error


def add_note(error: BaseException, text: str) -> None:
    """Add a note to an error of any class; one that takes no notes goes without."""
    called(BaseException.add_note, error, text)


def warn(text: str, category: type[Warning]) -> None:
    """Warn in the middle of a run; where a filter makes an error of it, it is logged instead."""
    _, error = called(warnings.warn, text, category, 3)
    if error is not None:
        log_error("%s", text)


def log_error(text: str, *details: object, error: BaseException | None = None) -> None:
    """Log what somebody's function raised; a handler or filter that raises stops nothing.

    Args:
        text: The message, with a `%s` for each detail.
        *details: Plain values.
        error: Its traceback is logged too.
    """
    called(lambda: _log.error(text, *details, exc_info=error))
