"""Those who watch: events are delivered to them in order, and they can't hurt a run."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from fluffy_nb.engine.events import Event
from fluffy_nb.errors import GOES_THROUGH, log_error, shortened

Observer = Callable[[Event], object]

SLOW_SECONDS = 0.05
"""An observer that takes longer than this is named in a warning, once."""


@dataclass(eq=False, slots=True)
class Subscription:
    """One subscription of an observer, which may have several."""

    observer: Observer
    slow: bool = False


class Observers:
    """The observers of one agent.

    Args:
        clock: Measures how long an observer takes, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.all: tuple[Subscription, ...] = ()  # replaced, never changed: delivery can go on

    def subscribe(self, observer: Observer) -> Callable[[], None]:
        """Add an observer, and return what removes it."""
        subscription = Subscription(observer)
        self.all = (*self.all, subscription)
        return lambda: self._drop(subscription)

    def _drop(self, subscription: Subscription) -> None:
        self.all = tuple(other for other in self.all if other is not subscription)

    def deliver(self, event: Event) -> None:
        """Hand an event to every observer; one that raises is logged and dropped."""
        for subscription in self.all:
            began = self._clock()
            try:
                subscription.observer(event)
                self._check_quick(subscription, event, self._clock() - began)
            except GOES_THROUGH:
                raise
            # Nothing is awaited here: a CancelledError is the observer's own, not our task's.
            except BaseException as error:  # noqa: BLE001 - the run goes on
                log_error(
                    "observer %s raised at %s and was dropped; the run goes on",
                    shortened(subscription.observer),
                    event.kind,
                    error=error,
                )
                self._drop(subscription)

    @staticmethod
    def _check_quick(subscription: Subscription, event: Event, took: float) -> None:
        """Warn of a slow observer; where warnings are errors it counts as one that raises."""
        if took > SLOW_SECONDS and not subscription.slow:
            subscription.slow = True
            warnings.warn(
                f"observer {shortened(subscription.observer)} took {took * 1000:.0f} ms for "
                f"{event.kind}; it holds up the run: note what changed and do the work later",
                RuntimeWarning,
                stacklevel=3,
            )
