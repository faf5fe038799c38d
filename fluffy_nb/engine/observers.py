"""Those who watch: events are delivered to them in order, and they can't hurt a run."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from fluffy_nb.engine.events import Event
from fluffy_nb.engine.plain import check_plain, check_returned
from fluffy_nb.errors import GOES_THROUGH, log_error, shortened

Observer = Callable[[Event], object]

SLOW_SECONDS = 0.05
"""An observer that takes longer than this, in CPU time, is named in a warning, once."""

MARK_SECONDS = 0.001
"""CPU time is read this often at most: reading it takes ten times as long as reading the clock."""

_WHAT, _TAKES = "an observer", "an event"


@dataclass(eq=False, slots=True)
class Subscription:
    """One subscription of an observer, which may have several."""

    observer: Observer
    slow: bool = False


class Observers:
    """The observers of one agent.

    Args:
        clock: The time, in seconds.
        cpu_clock: The CPU time of the calling thread, in seconds: what other programs on a busy
            machine take is not the observer's.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._mark = -1.0  # when the CPU time was last read
        self._idle = 0.0  # the clock's time less the CPU time, then
        self._thread = 0  # whose CPU time that was
        self.all: tuple[Subscription, ...] = ()  # replaced, never changed: delivery can go on

    def subscribe(self, observer: Observer) -> Callable[[], None]:
        """Add an observer, and return what removes it."""
        check_plain(_WHAT, observer, _TAKES, "Have it start a task: asyncio.create_task(...).")
        subscription = Subscription(observer)
        self.all = (*self.all, subscription)
        return lambda: self._drop(subscription)

    def _drop(self, subscription: Subscription) -> None:
        self.all = tuple(other for other in self.all if other is not subscription)

    def deliver(self, event: Event) -> None:
        """Hand an event to every observer; one that raises is logged and dropped."""
        for subscription in self.all:
            began = self._clock()
            if began - self._mark > MARK_SECONDS:
                self._mark, self._idle = began, began - self._cpu_clock()
                self._thread = threading.get_ident()
            idle = self._idle
            try:
                returned = subscription.observer(event)
                if returned is not None:
                    check_returned(_WHAT, subscription.observer, returned, _TAKES)
                if self._clock() - began > SLOW_SECONDS:
                    self._check_quick(subscription, event, began - idle)
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

    def _check_quick(self, subscription: Subscription, event: Event, began: float) -> None:
        """Warn of a slow observer; where warnings are errors it counts as one that raises."""
        if self._thread != threading.get_ident():
            return  # meanwhile a run in another thread has told the same observers of an event
        took = self._cpu_clock() - began
        if took > SLOW_SECONDS and not subscription.slow:
            subscription.slow = True
            warnings.warn(
                f"observer {shortened(subscription.observer)} took {took * 1000:.0f} ms for "
                f"{event.kind}; it holds up the run: note what changed and do the work later",
                RuntimeWarning,
                stacklevel=3,
            )
