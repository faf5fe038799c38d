"""Cancelling a run: its states get a while for their `finally` blocks, then it goes on without."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING

from fluffy_nb.engine.tasks import new_task
from fluffy_nb.errors import CleanupWarning, listed

if TYPE_CHECKING:
    from fluffy_nb.engine.runner import Runner


class Cancelling:
    """How a run is cancelled; true while it is under way.

    Args:
        runner: Runs the states.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.cleanup_timeout = 0.0
        """Seconds that cancelled states are given."""
        self._reason = ""  # while it is under way
        self._cleaning: asyncio.Task[None] | None = None  # waits for cancelled states to end

    def __bool__(self) -> bool:
        return bool(self._reason)

    def begin(self, reason: str) -> None:
        """Cancel all that runs or waits; nothing happens where it is being cancelled already.

        Args:
            reason: Why, in a few words.
        """
        self._cancel_tasks(reason)
        if not self._reason:
            return  # nothing had been called yet
        if self._runner.work.is_idle:
            self._end()
        elif self._cleaning is None:
            self._cleaning = new_task(self._clean_up(), self._runner.loop, "fluffy: cleanup")

    async def ended(self) -> None:
        """Wait until all has ended or was given up on."""
        if self._runner.work.is_inside():
            await asyncio.sleep(0)  # where a state that cancels its own run is cancelled itself
        elif self._cleaning is not None:
            await asyncio.wait({self._cleaning})

    def interrupted(self, error: BaseException | None) -> None:
        """Cancel the run because one of its tasks did not end as a state does.

        Args:
            error: What the run raises for it; None where the loop or somebody else has cancelled
                the task: then nobody may be left to wait, and no new task is begun.
        """
        if error is None:
            self._cancel_tasks("it was interrupted")
        else:
            self._runner.interrupt = error
            self.begin("it was interrupted")

    def look(self) -> None:
        """An attempt has ended; see whether it was the last and nobody else waits for it."""
        watched = self._cleaning is not None and not self._cleaning.done()
        if self._reason and self._runner.work.is_idle and not watched:
            self._end()

    def _cancel_tasks(self, reason: str) -> None:
        if not self._reason:
            self._reason = reason
            self._runner.work.cancel_unbegun()
            for task in self._runner.work.tasks.values():
                if not task.cancelling():  # twice would cancel its `finally` blocks
                    task.cancel()

    async def _clean_up(self) -> None:
        runner = self._runner
        try:
            if runner.work.tasks:  # they may have ended before this task's first step
                await asyncio.wait(set(runner.work.tasks.values()), timeout=self.cleanup_timeout)
        finally:
            late = [runner.work.give_up(execution) for execution in list(runner.work.tasks)]
            self._cleaning = None
            self._end()
        if late:
            warnings.warn(
                f"states {listed(late)} of run {runner.machine.run_id!r} did not end within "
                f"{self.cleanup_timeout:g} s of being cancelled; they are left alone, and what "
                "they write from now on is refused",
                CleanupWarning,
                stacklevel=2,
            )

    def _end(self) -> None:
        reason, self._reason = self._reason, ""
        self._runner.end_cancelled(reason)
