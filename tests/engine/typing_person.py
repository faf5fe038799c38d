"""Somebody at a terminal: what they type, and what they see."""

import asyncio
import io
import os
from types import SimpleNamespace

from fluffy_nb.engine import surroundings, terminal


class Screen(io.StringIO):
    """Standard output that a test waits for."""

    encoding = "utf-8"

    def __init__(self):
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    def write(self, text):
        written = super().write(text)
        self._loop.call_soon_threadsafe(self._changed.set)
        return written

    async def shows(self, text, times=1):
        """Wait until a text has been written so often."""
        while self.getvalue().count(text) < times:
            self._changed.clear()
            await self._changed.wait()


class Person:
    """At a terminal that takes the place of standard input and output."""

    def __init__(self, monkeypatch):
        self.keys, self._slave = os.openpty()
        self.input = os.fdopen(self._slave, encoding="utf-8", closefd=False)
        self.screen = Screen()
        self.sees, self._monkeypatch = self.screen.shows, monkeypatch
        streams = SimpleNamespace(stdin=self.input, stdout=self.screen)  # pytest keeps those of sys
        monkeypatch.setattr(terminal, "sys", streams)
        monkeypatch.setattr(surroundings, "sys", streams)

    def types(self, *lines):
        """Type lines, which may be before they are asked for."""
        os.write(self.keys, "".join(f"{line}\n" for line in lines).encode())

    def presses(self, key):
        os.write(self.keys, key)

    def leaves(self):
        self._monkeypatch.undo()
        os.close(self.keys)
        os.close(self._slave)
