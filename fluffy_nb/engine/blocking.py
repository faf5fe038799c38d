"""Runs for code that can't await: they live in a thread with a loop, and the caller waits."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from fluffy_nb.engine.surroundings import surroundings
from fluffy_nb.errors import BlockedLoopError

T = TypeVar("T")

LOOK_SECONDS = 0.2
"""A wait without end can't be interrupted on every system; one that looks up can."""


class CallElsewhere(Generic[T]):
    """A coroutine that runs in the loop of another thread.

    Args:
        make: Makes the coroutine, in that thread.
        loop: The loop.
    """

    def __init__(
        self, make: Callable[[], Coroutine[Any, Any, T]], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._make = make
        self._loop = loop
        self._task: asyncio.Task[T] | None = None
        self.future: concurrent.futures.Future[T] = concurrent.futures.Future()
        """Is done when the coroutine has ended; one that is cancelled takes its time."""

    def begin(self) -> None:
        """Begin; `cancel` counts also if it comes in between."""
        self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        if self.future.done():
            return
        self._task = self._loop.create_task(self._make())
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[T]) -> None:
        if task.cancelled():
            self.future.set_exception(asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(task.result())

    def cancel(self) -> None:
        """Cancel it; safe to call from any thread."""
        self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        elif not self.future.done():
            self.future.set_exception(asyncio.CancelledError())

    def wait(self) -> None:
        """Begin, and wait for the end; Ctrl-C cancels, and the end is waited for all the same.

        Raises:
            KeyboardInterrupt: Ctrl-C; the second does not wait.
        """
        try:
            self.begin()
            self._wait()
        except KeyboardInterrupt:
            self.cancel()
            self._wait()
            raise

    def _wait(self) -> None:
        while not self.future.done():
            concurrent.futures.wait([self.future], LOOK_SECONDS)


class _Thread:
    """The thread in which blocking runs live, begun when it is first needed.

    It is one for all of them, so that what a state opens in one run, as a client of a service, can
    be used in the next.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread()

    def loop(self) -> asyncio.AbstractEventLoop:
        """Its loop, which runs."""
        with self._lock:
            if self._loop is None or not self._thread.is_alive():  # nor is it after a fork
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever,
                    name="fluffy-runs",
                    daemon=True,  # it never holds up the interpreter's end
                )
                self._thread.start()
            return self._loop

    def is_here(self) -> bool:
        """Whether this is the thread."""
        return threading.current_thread() is self._thread


_blocking = _Thread()


def wait_for(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in the thread of blocking runs, and wait for its end in this one.

    Args:
        make: Makes the coroutine.

    Returns:
        What the coroutine returns; what it raises is raised here.

    Raises:
        BlockedLoopError: This is that thread, which would wait for itself.
    """
    if _blocking.is_here():
        raise BlockedLoopError
    call = CallElsewhere(make, _blocking.loop())  # begins where Ctrl-C can't come in between
    surroundings.wait(call)
    return call.future.result()
