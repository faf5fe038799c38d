"""Whoever keeps a run: what the engine tells it, and where the engine waits for it."""

from __future__ import annotations

from typing import Protocol

from fluffy_nb.engine import events as ev


class Keeper(Protocol):
    """Is told of every event before anybody else.

    While it is behind, no event is delivered and nothing new starts: what has been reported is
    kept, and an end is kept before its successors start (semantics 12.3).
    """

    is_behind: bool

    checkpoints: int
    """The number of the run's latest checkpoint; 0 before the first."""

    def note(self, event: ev.Event) -> None:
        """Take in what has happened; the machine has."""

    async def caught_up(self) -> None:
        """Wait until it is no longer behind."""

    def hold(self) -> None:
        """Be the only one that executes the run, or raise."""

    def leave(self) -> None:
        """Nobody goes on with the run here: let others execute it."""
