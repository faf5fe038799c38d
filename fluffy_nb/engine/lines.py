"""Lines that are typed in a terminal, read without taking one from whoever reads next."""

from __future__ import annotations

import atexit
import os
import select
import sys
from collections.abc import Callable
from typing import Any

try:
    import termios
except ImportError:  # pragma: no cover - Windows has none: there a password is seen while typed
    termios = None  # type: ignore[assignment]


class Lines:
    """Reads lines from a file descriptor, until told that nobody wants them any more.

    Args:
        can_wait: Whether the platform can wait for the descriptor and for a call of `wake` at
            once. Where it can't, a line that comes too late is kept for the next reader here.
    """

    def __init__(self, *, can_wait: bool = sys.platform != "win32") -> None:
        self._can_wait = can_wait
        self._rest = b""
        self._pipe: tuple[int, int] | None = None

    def read(self, descriptor: int, is_wanted: Callable[[], bool]) -> bytes | None:
        """Wait for a line.

        Args:
            descriptor: Of a terminal.
            is_wanted: Whether somebody waits still; looked at when `wake` is called.

        Returns:
            The line without its end; None where nobody wants one any more.

        Raises:
            EOFError: There are no more.
        """
        while b"\n" not in self._rest:
            try:
                if not self._wait(descriptor, is_wanted):
                    return None
                more = os.read(descriptor, 4096)
            except OSError:
                more = b""  # it was closed, or the other end of the terminal is gone
            if not more and not self._rest:
                raise EOFError
            self._rest += more or b"\n"  # what was typed before the end is a line
        if not is_wanted():
            return None
        line, _, self._rest = self._rest.partition(b"\n")
        return line.removesuffix(b"\r")

    def _wait(self, descriptor: int, is_wanted: Callable[[], bool]) -> bool:
        """Wait until there is something to read; False where nobody wants it any more."""
        if self._can_wait and self._pipe is None:
            self._pipe = os.pipe()
        while is_wanted():
            if self._pipe is None:
                return True
            ready, _, _ = select.select([descriptor, self._pipe[0]], [], [])
            if self._pipe[0] not in ready:
                return True
            os.read(self._pipe[0], 4096)
        return False

    def wake(self) -> None:
        """Have `read` look whether a line is wanted still; from any thread."""
        if self._pipe is not None:
            os.write(self._pipe[1], b"!")


class Echo:
    """Whether a terminal shows what is typed; it does again when the interpreter ends."""

    def __init__(self) -> None:
        self._saved: tuple[int, list[Any]] | None = None

    def off(self, descriptor: int) -> None:
        """Show nothing, for a password; nothing happens where that can't be had."""
        if termios is None:  # pragma: no cover - as above
            return
        saved = termios.tcgetattr(descriptor)
        quiet = [*saved[:3], saved[3] & ~termios.ECHO, *saved[4:]]
        self._saved = descriptor, saved
        atexit.register(self.on)
        termios.tcsetattr(descriptor, termios.TCSADRAIN, quiet)

    def on(self) -> None:
        """Show it again; from any thread."""
        saved, self._saved = self._saved, None
        if saved is not None:
            atexit.unregister(self.on)
            termios.tcsetattr(saved[0], termios.TCSADRAIN, saved[1])
