"""An error and the errors that led to it as data that pickle takes, whatever they hold.

Every error of the chain is pickled by itself. One that can't be, or that the other process can't
read, is replaced by a `StandInError`, so that an error from a worker never breaks the pool.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any, NamedTuple, TypeVar

from fluffy_nb.errors.base import FluffyError, StandInError, made_of
from fluffy_nb.errors.wording import problem_of

T = TypeVar("T")

MOST_ERRORS = 100
"""So many errors of a chain are kept."""


class Packed(NamedTuple):
    """One error of a chain.

    Args:
        data: The error as pickle wrote it; None where it can't be pickled.
        text: Its class and text.
        cause: The place of its cause in the chain; None for no cause.
        context: The place of the error during whose handling it was raised; None for none.
        suppress: Whether that context is not shown.
    """

    data: bytes | None
    text: str
    cause: int | None
    context: int | None
    suppress: bool


def pack(error: BaseException) -> list[Packed]:
    """An error, first, and all that led to it."""
    chain: list[BaseException] = [error]
    places = {id(error): 0}
    packed = []
    for each in chain:  # it grows meanwhile
        for other in (each.__cause__, each.__context__):
            if other is not None and id(other) not in places and len(chain) < MOST_ERRORS:
                places[id(other)] = len(chain)
                chain.append(other)
        packed.append(
            Packed(
                _data_of(each),
                problem_of(each),
                places.get(id(each.__cause__)),
                places.get(id(each.__context__)),
                each.__suppress_context__,
            )
        )
    return packed


def unpack(packed: list[Packed]) -> BaseException:
    """The error that `pack` was given, with all that led to it."""
    chain = [_error_of(each) for each in packed]
    for error, each in zip(chain, packed, strict=True):
        error.__cause__ = None if each.cause is None else chain[each.cause]
        error.__context__ = None if each.context is None else chain[each.context]
        error.__suppress_context__ = each.suppress
    return chain[0]


def _data_of(error: BaseException) -> bytes | None:
    """An error without those that led to it; None where it would not come back."""
    if not isinstance(error, FluffyError):
        return _pickled(error)
    kind, attributes = type(error), vars(error)
    whole = _pickled((kind, error.args, attributes))
    if whole is None:
        some = {key: each for key, each in attributes.items() if _pickled(each) is not None}
        whole = _pickled((kind, error.args, some))
    return whole


def _pickled(value: object) -> bytes | None:
    try:
        data = pickle.dumps(value)
        pickle.loads(data)  # noqa: S301 - our own bytes: some errors can be written and not read
    except Exception:  # noqa: BLE001 - whatever a foreign class raises
        return None
    return data


def _error_of(packed: Packed) -> BaseException:
    try:
        # What pickle.loads was given holds these bytes already: nothing new is trusted here.
        found = None if packed.data is None else pickle.loads(packed.data)  # noqa: S301
        if isinstance(found, tuple):
            found = made_of(*found)
    except Exception:  # noqa: BLE001 - a class that this process does not have
        found = None
    return found if isinstance(found, BaseException) else StandInError(packed.text)


def deep_copy(value: T, memo: dict[int, Any]) -> T:
    """A deep copy; what can't be copied is kept as it is."""
    try:
        return copy.deepcopy(value, memo)
    except Exception:  # noqa: BLE001 - whatever a foreign class raises
        return value
