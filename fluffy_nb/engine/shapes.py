"""Whether plain data from outside has the form that it should have: told before it is used.

A form is a class (the data is exactly of it), a predicate, `[form]` (a list of such), a tuple of
forms (a list of that length), `{"key": form}` (a mapping that has at least these keys) or
`{str: form}` (a mapping of names to such).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

LAST_MOMENT = 253_402_214_400
"""The last day of the year 9999; Python's dates end there."""

LARGEST = 2**53
"""Numbers of events, executions and the like stay below it."""


def fits(data: Any, form: Any) -> bool:
    """Whether plain data has a form.

    Args:
        data: What JSON gives.
        form: See the module.
    """
    if isinstance(form, type):
        return type(data) is form
    if isinstance(form, list):
        return type(data) is list and all(fits(item, form[0]) for item in data)
    if isinstance(form, tuple):
        return type(data) is list and len(data) == len(form) and all(map(fits, data, form))
    if isinstance(form, dict):
        if type(data) is not dict:
            return False
        if str in form:
            return all(type(k) is str and fits(item, form[str]) for k, item in data.items())
        return all(key in data and fits(data[key], each) for key, each in form.items())
    return bool(form(data))


def is_count(data: Any) -> bool:
    """Whether it is a whole number of events, executions, attempts or the like."""
    return type(data) is int and 0 <= data < LARGEST


def is_number(data: Any) -> bool:
    """Whether it is a number, as of seconds; there may be no end of them, but no NaN."""
    if type(data) is int:
        return abs(data) < LARGEST
    return type(data) is float and not math.isnan(data)


def is_moment(data: Any) -> bool:
    """Whether it is a time that a calendar has, in seconds since the epoch."""
    return is_number(data) and 0 <= data < LAST_MOMENT


def is_any(_: Any) -> bool:
    """Any data."""
    return True


def or_none(form: Any) -> Callable[[Any], bool]:
    """Data of a form, or None."""
    return lambda data: data is None or fits(data, form)


BRANCH = {
    "state": str,
    "scope": is_count,
    "inputs": {str: is_any},
    "alone": bool,
    "start": or_none(str),
    "error": or_none(str),
    "lost": [str],
}
"""A branch; see `checkpoint.SavedBranch`."""

EXECUTION = {
    "attempt": is_count,
    "started": bool,
    "inside": bool,
    "branch": BRANCH,
    "answers": [{"text": str}],
    "once": {str: is_any},
}
"""An execution that has not ended, without its number; see `checkpoint.SavedExecution`."""

ENDS = {
    "of": [(str, is_count, is_count, is_number, is_number)],
    "taken": [(str, str, is_count)],
    "started": [str],
}
"""What is known of dependencies; see `ends.Ends`."""
