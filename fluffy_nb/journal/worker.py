"""A thread for each store: what waits for a disk, or for another process, waits there."""

from __future__ import annotations

import atexit
import heapq
import itertools
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

IDLE_SECONDS = 0.25
"""How long a thread waits for more to do, and a file stays open that nobody uses."""

MOST_IDLE = 8
"""More threads than these do not wait for more to do."""

EXIT_SECONDS = 3.0
"""How long the interpreter's exit waits for what is still to be written."""

_workers: weakref.WeakSet[Worker] = weakref.WeakSet()
_threads: set[threading.Thread] = set()
_numbers = itertools.count()


class Worker:
    """Calls functions one after the other, in a thread that lives while there is something to do.

    Args:
        when_idle: A method that is called when there was nothing to do for a while.
    """

    def __init__(self, when_idle: Callable[[], object] | None = None) -> None:
        self._when_idle = weakref.WeakMethod(when_idle) if when_idle is not None else None
        self._begin_anew()
        _workers.add(self)

    def _begin_anew(self) -> None:
        self._changed = threading.Condition()
        self._calls: deque[Callable[[], object]] = deque()
        self._later: list[tuple[float, int, Callable[[], object]]] = []
        self._idle_at: float | None = None
        self._thread: threading.Thread | None = None
        self._is_ending = False

    def submit(self, function: Callable[..., T], *arguments: Any) -> Future[T]:
        """Call a function when those before it have returned.

        Args:
            function: What to call.
            *arguments: What it is called with.
        """
        done: Future[T] = Future()

        def call() -> None:
            try:
                result = function(*arguments)
            except BaseException as problem:  # noqa: BLE001 - handed to whoever waits
                done.set_exception(problem)
            else:
                done.set_result(result)

        with self._changed:
            self._calls.append(call)
            self._go()
        return done

    def call_later(self, seconds: float, function: Callable[[], object]) -> None:
        """Call a function after some time; at the interpreter's exit at once, and no more then."""
        with self._changed:
            if not self._is_ending:
                heapq.heappush(self._later, (time.monotonic() + seconds, next(_numbers), function))
                self._go()

    def look_when_idle(self) -> None:
        """Call `when_idle` when there was nothing to do for a while."""
        with self._changed:
            if not self._is_ending:
                self._idle_at = time.monotonic() + IDLE_SECONDS
                if self._thread is None:
                    self._go()

    def _go(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="fluffy-store", daemon=True)
            _threads.add(self._thread)
            self._thread.start()
        else:
            self._changed.notify_all()

    def _work(self) -> None:
        while (call := self._next()) is not None:
            call()
            del call  # it may hold the store

    def _next(self) -> Callable[[], object] | None:
        """Wait for what is to be called next; None ends the thread."""
        with self._changed:
            while True:
                now = time.monotonic()
                if self._calls:
                    self._idle_at = now + IDLE_SECONDS
                    return self._calls.popleft()
                if self._later and (self._is_ending or self._later[0][0] <= now):
                    return heapq.heappop(self._later)[2]
                hurries = self._is_ending or len(_threads) > MOST_IDLE
                if self._idle_at is not None and (hurries or self._idle_at <= now):
                    self._idle_at = None
                    when_idle = self._when_idle and self._when_idle()
                    if when_idle is not None:
                        return when_idle
                    continue
                moments = [item[0] for item in self._later[:1]]
                moments += [] if self._idle_at is None else [self._idle_at]
                if not moments:
                    _threads.discard(threading.current_thread())
                    self._thread = None
                    self._changed.notify_all()
                    return None
                self._changed.wait(min(moments) - now)

    def join(self) -> None:
        """Wait until what was submitted has been called."""
        if threading.current_thread() is not self._thread:
            self.submit(int).result()

    def end(self, until: float) -> None:
        """Call all that is to be called, at the interpreter's exit.

        Args:
            until: When to stop waiting, by the monotonic clock.
        """
        with self._changed:
            self._is_ending = True
            self._idle_at = time.monotonic()
            self._changed.notify_all()
            while self._thread is not None and self._thread.is_alive():
                self._changed.wait(0.1)  # where the thread was killed nobody notifies
                if time.monotonic() >= until:
                    return
        self._work()  # here: a thread can't be started any more

    def forked(self) -> None:
        """This is a child process: the thread, and what it had to do, are the parent's."""
        self._begin_anew()


def _end_all() -> None:
    until = time.monotonic() + EXIT_SECONDS
    for worker in list(_workers):
        worker.end(until)


def _forked() -> None:
    _threads.clear()
    for worker in list(_workers):
        worker.forked()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):  # there is none on Windows, which can't fork
    os.register_at_fork(after_in_child=_forked)
