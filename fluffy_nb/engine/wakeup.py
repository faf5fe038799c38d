"""Signals that come while an event loop sleeps."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading


class Wakeup:
    """Has signals wake the main thread's event loop while somebody needs it.

    Python runs a signal's handler between two steps of the main thread. A signal that comes in the
    instant before the loop begins to sleep, or that the system gives to another thread, would be
    noticed only when the loop wakes for something else (`signal.set_wakeup_fd`).
    """

    def __init__(self) -> None:
        self._needing: set[object] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ends: tuple[socket.socket, socket.socket] | None = None

    def need(self, who: object) -> None:
        """Begin, in the running loop; nothing happens in other threads than the main one.

        Args:
            who: Told to `free` when it needs it no longer.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # the last one may have been closed without an end
            self._end()
            self._begin(loop)
        self._needing.add(who)

    def free(self, who: object) -> None:
        """End, where nobody else needs it; in the loop in which it began."""
        if who in self._needing:
            self._needing.remove(who)
            if not self._needing:
                self._end()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        hears, tells = socket.socketpair()
        for end in (hears, tells):
            end.setblocking(False)
        self._ends = hears, tells
        try:
            loop.add_reader(hears, _drain, hears)
        except NotImplementedError:  # Windows' own loop is woken by signals without us
            return
        others = signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)
        if others != -1:  # a loop with signal handlers of its own, which is woken too
            signal.set_wakeup_fd(others, warn_on_full_buffer=False)

    def _end(self) -> None:
        loop, self._loop = self._loop, None
        ends, self._ends = self._ends, None
        self._needing.clear()
        if loop is None or ends is None:
            return
        hears, tells = ends
        present = signal.set_wakeup_fd(-1)
        if present not in {-1, tells.fileno()}:  # set by others meanwhile
            signal.set_wakeup_fd(present, warn_on_full_buffer=False)
        with contextlib.suppress(NotImplementedError):  # as above
            loop.remove_reader(hears)
        for end in ends:
            end.close()


def _drain(hears: socket.socket) -> None:
    """Being woken was all: the handlers have run by now."""
    with contextlib.suppress(BlockingIOError):
        hears.recv(4096)
