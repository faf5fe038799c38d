"""The work of a run: a task for each branch that runs, and the attempts in it."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any, cast

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.attempts import Attempt, executing
from fluffy_nb.engine.context import Context
from fluffy_nb.engine.context_values import Written
from fluffy_nb.engine.execution import Phase
from fluffy_nb.errors import problem_of

if TYPE_CHECKING:
    from fluffy_nb.engine.runner import Runner

YIELD_SECONDS = 0.005
"""A chain of states that never waits lets the loop do other things this often."""


class Work:
    """The attempts that run or ask, each in a task; a state that follows goes on in the same.

    Args:
        runner: The run.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.tasks: dict[int, asyncio.Task[None]] = {}  # by execution
        self._attempts: dict[int, Attempt] = {}
        self.bind()

    def bind(self) -> None:
        """Live on the loop that runs now."""
        self._context = contextvars.copy_context()
        self._yielded = self._runner.loop.time()

    def is_breathless(self) -> bool:
        """Whether the loop has not done other things for a while; it is about to, then."""
        now = self._runner.loop.time()
        if now - self._yielded <= YIELD_SECONDS:
            return False
        self._yielded = now
        return True

    def is_inside(self) -> bool:
        """Whether a state of this run is calling: it must not wait for its own end."""
        context = executing.get()
        return context is not None and any(
            attempt.context is context for attempt in self._attempts.values()
        )

    def contexts(self) -> list[Context]:
        """What the states that run or ask have been given."""
        return [attempt.context for attempt in self._attempts.values()]

    def looked_again(self, key: str, value: object) -> None:
        """One execution has changed a value in place; the others don't count that as theirs."""
        for attempt in self._attempts.values():
            attempt.context.look_again(key, value)

    def mind_clock(self, event: Any) -> None:
        """The time that a state waits for a person does not count (semantics 8.2)."""
        attempt = self._attempts.get(event.execution)
        if attempt is None or attempt.clock is None:
            return
        if self._runner.is_asking(attempt.execution.id):
            attempt.clock.stop()
        elif attempt.execution.phase is Phase.RUNNING:
            attempt.clock.start()

    # ------------------------------------------------------------ beginning and going on

    def spawn(self, started: ev.StateStarted) -> None:
        """Run an attempt in a task of its own."""
        task = self._runner.loop.create_task(
            self._run(started), name=f"fluffy:{started.state}", context=self._context.copy()
        )
        self._enter(started, task)
        task.add_done_callback(lambda task: self._check_begun(started, task))

    def _enter(self, started: ev.StateStarted, task: asyncio.Task[None]) -> Attempt:
        runner = self._runner
        execution = runner.machine.executions[started.execution]
        branch = execution.branch
        context = Context(
            runner,
            started.execution,
            started.state,
            started.attempt,
            branch.inputs,
            runner.endings.error_of(branch),
        )
        attempt = Attempt(runner, execution, runner.routes.definition_of(branch.scope), context)
        attempt.task = self.tasks[started.execution] = task
        self._attempts[started.execution] = attempt
        return attempt

    def _check_begun(self, started: ev.StateStarted, task: asyncio.Task[None]) -> None:
        """A task that is cancelled before its first step does nothing: tell the end for it."""
        if self.tasks.get(started.execution) is task:
            self._runner.cancelling.interrupted(None)
            self._leave(self._attempts[started.execution], ev.StateCancelled, (), None)

    async def _run(self, started: ev.StateStarted) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        attempt: Attempt | None = self._attempts[started.execution]
        try:
            while attempt is not None:
                attempt = await self._run_one(attempt, task)
        except GeneratorExit:
            raise  # the loop has gone
        except BaseException as error:
            self._break_off(error)
            raise

    async def _run_one(self, attempt: Attempt, task: asyncio.Task[None]) -> Attempt | None:
        """Run an attempt to its end; returns the one that goes on in this task."""
        attempt.start_clock()
        kind, details, error = await attempt.run()
        if self._attempts.get(attempt.execution.id) is not attempt:
            return None  # given up on: it did not end within the cleanup time
        self._leave(attempt, kind, details, error)
        keeper = self._runner.keeper
        if keeper is not None and keeper.is_behind:
            await keeper.caught_up()
        began = self._runner.decisions()
        following = None
        if began and not task.cancelling():  # a cancellation that was swallowed stays behind
            following = self._enter(began.pop(0), task)
        for other in began:
            self.spawn(other)
        return following

    def _break_off(self, error: BaseException) -> None:
        """The machinery itself has failed: the run ends with this, and nobody waits for ever."""
        is_cancelled = isinstance(error, asyncio.CancelledError)
        self._runner.cancelling.interrupted(None if is_cancelled else error)
        self._runner.cancelling.look()

    # ------------------------------------------------------------ ending

    def _leave(
        self,
        attempt: Attempt,
        kind: type[ev.Event],
        details: tuple[Any, ...],
        error: BaseException | None,
    ) -> None:
        """An attempt has ended: tell it, and what was written."""
        runner, execution, context = self._runner, attempt.execution, attempt.context
        del self.tasks[execution.id], self._attempts[execution.id]
        try:
            written, removed = self._close(attempt, is_cancelled=kind is ev.StateCancelled)
            if kind is ev.StateCompleted:
                runner.once.forget(execution.id)
                runner.endings.completed(attempt, details[0], written)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the end is told
            kind, details, error = ev.StateFailed, (problem_of(problem),), problem
            written, removed = tuple(context.written), tuple(context.removed)
        details = (execution.id, execution.state, context.attempt, *details, written, removed)
        if error is not None:
            runner.endings.failed(attempt, error, details)
        else:
            runner.emit(kind, *details)
        runner.cancelling.look()

    def _close(self, attempt: Attempt, *, is_cancelled: bool) -> Written:
        """Take in what an attempt has left: what it printed, wrote and asked."""
        context = attempt.context
        if attempt.clock is not None:
            attempt.clock.stop()
        if context.printed is not None:
            context.printed.flush()
        written = context.finish()
        if self._runner.people.has_asked:
            self._runner.people.withdraw_of(attempt.execution.id, interrupted=is_cancelled)
        return written

    def give_up(self, execution: int) -> str:
        """Go on without an attempt that does not end; returns its state."""
        attempt = self._attempts[execution]
        self._leave(attempt, ev.StateCancelled, (), None)
        return attempt.context.state

    def leave_loop(self) -> None:
        """Bodies that wait on another loop can't go on here: they begin again."""
        for execution, task in list(self.tasks.items()):
            self.give_up(execution)
            if not self._runner.loop.is_closed():
                self._runner.loop.call_soon_threadsafe(task.cancel)  # it may run in its thread
