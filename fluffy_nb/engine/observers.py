"""Those who watch: events are delivered to them in order, and they can't hurt a run."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable

from fluffy_nb.engine.events import Event

Observer = Callable[[Event], object]

SLOW_SECONDS = 0.05
"""An observer that takes longer than this is named in a warning, once."""

_log = logging.getLogger("fluffy_nb")


class Observers:
    """The observers of one agent.

    Args:
        clock: Measures how long an observer takes, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._all: tuple[Observer, ...] = ()  # replaced, never changed, so delivery can go on
        self._slow: set[int] = set()

    def subscribe(self, observer: Observer) -> Callable[[], None]:
        """Add an observer, and return what removes it."""
        self._all = (*self._all, observer)

        def unsubscribe() -> None:
            self._all = tuple(other for other in self._all if other is not observer)

        return unsubscribe

    def deliver(self, event: Event) -> None:
        """Hand an event to every observer; one that raises is logged and dropped."""
        for observer in self._all:
            began = self._clock()
            try:
                observer(event)
            except Exception:  # noqa: BLE001 - whatever it raises, the run goes on
                _log.exception(
                    "observer %r raised at %s and was dropped; the run goes on",
                    observer,
                    event.kind,
                )
                self._all = tuple(other for other in self._all if other is not observer)
            took = self._clock() - began
            if took > SLOW_SECONDS and id(observer) not in self._slow:
                self._slow.add(id(observer))
                warnings.warn(
                    f"observer {observer!r} took {took * 1000:.0f} ms for {event.kind}; it holds "
                    "up the run: note what changed and do the work later",
                    RuntimeWarning,
                    stacklevel=2,
                )
