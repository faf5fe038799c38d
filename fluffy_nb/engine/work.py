"""The work of a run: the attempts that run or ask, each in a task of its own."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.attempts import Attempt, executing
from fluffy_nb.engine.context import Context
from fluffy_nb.engine.execution import Phase
from fluffy_nb.engine.tasks import new_task
from fluffy_nb.errors import GOES_THROUGH, problem_of

if TYPE_CHECKING:
    from fluffy_nb.engine.runner import Runner

AT_ONCE = 32
"""So many bodies begin in one turn of the loop; the others begin in the next turns, in order."""


class Work:
    """The attempts that run or ask, each in a task of its own (semantics 7.6).

    Bodies begin in the order of their StateStarted events. Each task has a copy of the run's
    context variables: those of whoever began or resumed the run.

    Args:
        runner: The run.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.tasks: dict[int, asyncio.Task[None]] = {}  # by execution
        self._attempts: dict[int, Attempt] = {}
        self._waiting: deque[Attempt] = deque()  # started, and not called yet
        self._begun = 0  # bodies begun since `_begin_more` last ran
        self.bind()

    def bind(self) -> None:
        """Live on the loop that runs now, with the context variables of the caller."""
        self._context = contextvars.copy_context()
        self.around = executing.get()
        """The context of the state of another run that began this one; mostly None."""
        if self.around is not None:
            self._context.run(executing.set, None)

    def outside(self) -> contextvars.Context:
        """The run's context variables, where no state is executing."""
        return self._context.copy()

    @property
    def is_idle(self) -> bool:
        """Whether no attempt runs, asks or waits to be called."""
        return not self._attempts

    def is_inside(self) -> bool:
        """Whether a state of this run is calling: it must not wait for its own end."""
        return self.inside() is not None

    def inside(self) -> Context | None:
        """The context of the state of this run that is calling; None where none is.

        A state of another run counts where a state of this run began that other run.
        """
        context = executing.get()
        while context is not None:
            if any(attempt.context is context for attempt in self._attempts.values()):
                break
            context = context._runner.work.around  # noqa: SLF001 - states do not need it
        return context

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

    # ------------------------------------------------------------ beginning

    def spawn(self, started: ev.StateStarted) -> None:
        """Run an attempt in a task of its own, after those that were spawned before it."""
        attempt = self._enter(started)
        if self._waiting:
            self._waiting.append(attempt)
        elif self._begun < AT_ONCE:
            self._begin(attempt)
        else:
            self._waiting.append(attempt)
            self._runner.loop.call_soon(self._begin_more)

    def _begin_more(self) -> None:
        """Begin those that wait; the loop does other things after every `AT_ONCE`."""
        self._begun = 0
        while self._waiting and self._begun < AT_ONCE:
            self._begin(self._waiting.popleft())
        if self._waiting:
            self._runner.loop.call_soon(self._begin_more)

    def _begin(self, attempt: Attempt) -> None:
        self._begun += 1
        task = new_task(
            self._run(attempt),
            self._runner.loop,
            f"fluffy:{attempt.context.state}",
            self._context.copy(),
        )
        attempt.task = self.tasks[attempt.execution.id] = task
        task.add_done_callback(attempt.check_begun)

    def _enter(self, started: ev.StateStarted) -> Attempt:
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
        self._attempts[started.execution] = attempt
        return attempt

    async def _run(self, attempt: Attempt) -> None:
        try:
            attempt.begin()
            ending = await attempt.run()
            self._context.copy().run(self._ended, attempt, *ending)
        except GeneratorExit:
            raise  # the loop has gone
        except GOES_THROUGH as error:
            self._break_off(attempt, error)
            raise
        except BaseException as error:  # noqa: BLE001 - of the machinery: nobody may wait for ever
            self._break_off(attempt, error)

    def _ended(
        self,
        attempt: Attempt,
        kind: type[ev.Event],
        details: tuple[Any, ...],
        error: BaseException | None,
    ) -> None:
        """A body has ended: tell it and go on, outside the context of the body."""
        if self._attempts.get(attempt.execution.id) is attempt:  # else it was given up on
            self._leave(attempt, kind, details, error)
            self._runner.advance()

    def _break_off(self, attempt: Attempt, error: BaseException) -> None:
        """What is around an attempt has failed: so has its state, or else the run ends."""
        if attempt.given_up:
            return
        runner = self._runner
        if self._attempts.get(attempt.execution.id) is attempt:
            if not isinstance(error, GOES_THROUGH):
                self._leave(attempt, ev.StateFailed, (problem_of(error),), error)
                runner.advance()
                return
            self._leave(attempt, ev.StateCancelled, (), None)
        if attempt.execution.phase is Phase.RUNNING:  # no end was told
            where = attempt.execution.id, attempt.execution.state, attempt.context.attempt
            runner.emit(ev.StateCancelled, *where)
        runner.cancelling.interrupted(None if type(error) is asyncio.CancelledError else error)
        runner.cancelling.look()

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
        del self._attempts[execution.id]
        self.tasks.pop(execution.id, None)
        try:
            if attempt.clock is not None:
                attempt.clock.stop()
            if context.printed is not None:
                context.printed.flush()
            written, removed = context.finish()
            if runner.people.has_asked:
                runner.people.withdraw_of(execution.id, interrupted=kind is ev.StateCancelled)
            if kind is ev.StateCompleted:
                runner.once.forget(execution.id)
                runner.endings.completed(attempt, details[0], written)
        except GOES_THROUGH:
            raise
        except BaseException as problem:  # noqa: BLE001 - whatever it is, the end is told
            kind, details, error = ev.StateFailed, (problem_of(problem),), problem
            written, removed = tuple(context.written), tuple(context.removed)
        details = (execution.id, execution.state, context.attempt, *details, written, removed)
        if error is not None:
            runner.endings.failed(attempt, error, details)
        else:
            runner.emit(kind, *details)
        runner.cancelling.look()

    def give_up(self, execution: int) -> str:
        """Go on without an attempt that does not end; returns its state."""
        attempt = self._attempts[execution]
        attempt.given_up = True
        self._leave(attempt, ev.StateCancelled, (), None)
        return attempt.context.state

    def cancel_unbegun(self) -> None:
        """End what was started and is not called yet: its functions are never called."""
        while self._waiting:
            self._leave(self._waiting.popleft(), ev.StateCancelled, (), None)

    def end_unbegun(self, attempt: Attempt) -> None:
        """A task was cancelled before its first step and did nothing: tell the end for it."""
        if self._attempts.get(attempt.execution.id) is attempt:
            self._runner.cancelling.interrupted(None)
            self._leave(attempt, ev.StateCancelled, (), None)

    def leave_loop(self) -> None:
        """Bodies that wait on another loop can't go on here: they begin again."""
        self.cancel_unbegun()
        for execution, task in list(self.tasks.items()):
            self.give_up(execution)
            if not self._runner.loop.is_closed():
                self._runner.loop.call_soon_threadsafe(task.cancel)  # it may run in its thread
