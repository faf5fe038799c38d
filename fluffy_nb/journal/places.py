"""Which agent of this process keeps a run: one at a time."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

from fluffy_nb.errors import RunHeldError
from fluffy_nb.journal.store import Store

if TYPE_CHECKING:
    from fluffy_nb.journal.writer import Writer

_lock = threading.Lock()
_keepers: weakref.WeakValueDictionary[tuple[int, str], Writer] = weakref.WeakValueDictionary()


def check_place(store: Store, run: str, keeper: Writer | None = None) -> None:
    """Refuse a run that another agent of this process executes.

    Args:
        store: Where the run is kept.
        run: Its id.
        keeper: Whose run it may be.

    Raises:
        RunHeldError: Another one executes it.
    """
    other = _keepers.get((id(store), run))
    if other is not None and other is not keeper and other.executes():
        raise RunHeldError(run, "another agent of this process")


def take_place(store: Store, run: str, keeper: Writer, *, goes_on: bool) -> None:
    """Be the keeper of a run.

    Args:
        store: Where the run is kept.
        run: Its id.
        keeper: Who keeps it now; who did before finds out when the run goes on there.
        goes_on: Whether the run becomes active now: of two threads that begin, one is refused.

    Raises:
        RunHeldError: Another agent of this process executes it.
    """
    with _lock:
        check_place(store, run, keeper)
        other = _keepers.get((id(store), run))
        if other is not None and other is not keeper:
            other.is_held = False
        _keepers[id(store), run] = keeper
        keeper.goes_on = goes_on


def has_place(store: Store, run: str, keeper: Writer | None) -> bool:
    """Whether nobody else keeps a run."""
    return _keepers.get((id(store), run)) in {None, keeper}
