"""Calling a state's function once, and saying how that ended."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.countdown import Countdown
from fluffy_nb.engine.executors.thread import call_in_thread
from fluffy_nb.engine.results import read_result
from fluffy_nb.errors import (
    GOES_THROUGH,
    FluffyError,
    InvalidResultError,
    StateError,
    StateTimeoutError,
    UnknownStateError,
    add_note,
    called,
    problem_of,
    shortened,
)

if TYPE_CHECKING:
    from fluffy_nb.engine.context import Context
    from fluffy_nb.engine.definition import Definition
    from fluffy_nb.engine.execution import Execution
    from fluffy_nb.engine.runner import Runner
    from fluffy_nb.engine.specs import StateSpec

Ending = tuple[type[ev.Event], tuple[Any, ...], BaseException | None]
"""The event to be, its details, and what was raised."""

NOT_RETRIED = (UnknownStateError, InvalidResultError)

_PLAIN = frozenset({str, type(None), list})

executing: contextvars.ContextVar[Context | None] = contextvars.ContextVar(
    "fluffy_executing", default=None
)
"""The context of the attempt that the running code is part of, in its tasks and threads too."""


class Attempt:
    """One call of a state's function.

    Args:
        runner: Runs it.
        execution: What it is an attempt of.
        definition: The agent that the state is in.
        context: What the function is given.
    """

    __slots__ = (
        "begun",
        "clock",
        "context",
        "definition",
        "execution",
        "given_up",
        "runner",
        "spec",
        "task",
        "timed_out",
    )

    def __init__(
        self, runner: Runner, execution: Execution, definition: Definition, context: Context
    ) -> None:
        self.runner = runner
        self.execution = execution
        self.definition = definition
        self.context = context
        self.spec: StateSpec | None = definition.spec(execution.branch.state)
        self.task: asyncio.Task[None]
        self.begun = False
        self.timed_out = False
        self.given_up = False
        """Whether the run has gone on without it: its end concerns nobody any more."""
        self.clock: Countdown | None = None

    def begin(self) -> None:
        """Count the time that the attempt may take from now on, where that is bounded."""
        self.begun = True
        seconds = self.definition.state_timeout
        if self.spec is not None and self.spec.timeout is not None:
            seconds = self.spec.timeout
        if seconds is not None:
            self.clock = Countdown(seconds, self._time_up)
            self.clock.start()

    def _time_up(self) -> None:
        self.timed_out = True
        self.task.cancel()

    def check_begun(self, _: asyncio.Task[None]) -> None:
        """The task has ended; one that was cancelled before its first step has told nothing."""
        if not self.begun:
            self.runner.work.end_unbegun(self)

    async def run(self) -> Ending:
        """Call the function; whatever comes of it is an event to be."""
        runner, spec = self.runner, self.spec
        executing.set(self.context)
        try:
            if spec is None:
                return self._failed(self._unknown())
            if spec.is_async:
                result = await spec.function(self.context)  # type: ignore[operator]  # no agent
            else:
                result = await call_in_thread(
                    spec.function,  # type: ignore[arg-type]  # as above
                    self.context,
                    name=f"fluffy:{self.context.state}",
                    is_given_up=lambda: self.timed_out,
                    when_cancelled=self.context.stop_asking,
                )
                if type(result) not in _PLAIN and called(inspect.isawaitable, result)[0]:
                    result = await result
            if not self.timed_out:
                return ev.StateCompleted, (self._next(result),), None
        except asyncio.CancelledError as error:
            if not self.timed_out or runner.cancelling:
                return self._cancelled(error)
        except GOES_THROUGH as error:  # Ctrl-C in a state that blocks the loop
            runner.cancelling.interrupted(error)
            return ev.StateCancelled, (), None
        except BaseException as error:  # whatever a state raises fails the state
            if type(error) is GeneratorExit and not self._is_in_task():
                raise  # nobody raised it: a coroutine whose loop has gone is being closed
            if not self.timed_out:
                return self._failed(error)
        return self._failed(self._late())

    def _is_in_task(self) -> bool:
        """Whether the running code is a step of the attempt's task."""
        try:
            return asyncio.current_task() is self.task
        except RuntimeError:  # no loop runs
            return False

    def _cancelled(self, error: asyncio.CancelledError) -> Ending:
        if not self.runner.cancelling and not self.task.cancelling():
            return self._failed(error)  # the state raised it on its own
        if not self.given_up:
            self.runner.cancelling.interrupted(None)
        return ev.StateCancelled, (), None

    def _late(self) -> StateTimeoutError:
        own = None if self.spec is None else self.spec.timeout
        seconds = own if own is not None else self.definition.state_timeout or 0.0
        return StateTimeoutError(self.context.state, self.context.attempt, seconds)

    def _failed(self, error: BaseException) -> Ending:
        return ev.StateFailed, (problem_of(error),), error

    def _unknown(self) -> UnknownStateError:
        return UnknownStateError(
            self.execution.branch.state,
            tuple(self.definition.states),
            None,
            self.context.attempt,
            self.context.run_id,
        )

    def _next(self, result: object) -> ev.Next:
        if type(result) is str and result in self.definition.states:  # the most common, first
            return (result,)
        context = self.context
        whose = (context.state, result, context.attempt, context.run_id)
        going, problem = called(read_result, self.definition, *whose)
        if problem is not None:
            if issubclass(type(problem), FluffyError):
                raise problem
            raise InvalidResultError(*whose) from problem  # it raises when it is looked at
        if len(going) > 1:
            what = f"state {context.state!r} returned {shortened(result)}"
            runner = self.runner
            runner.routes.check_fork(self.definition, runner.machine.starts, what)
        return going  # type: ignore[no-any-return]  # what read_result returns

    def retry_delay(self, error: BaseException) -> float | None:
        """Seconds until the next attempt; None where there is none (semantics 8.1)."""
        policy = None if self.spec is None else self.spec.retry
        if policy is None or issubclass(type(error), NOT_RETRIED):
            return None
        again, problem = called(policy.allows, error, self.execution.tries)
        if problem is not None:
            add_note(error, f"retry_on raised {problem_of(problem)}, so there was no retry")
        return policy.delay(self.execution.tries) if again else None

    def state_error(self, error: BaseException) -> StateError:
        """What the run raises for a failure: the original is its cause."""
        context = self.context
        wrapped: StateError | None = None
        own: Any = error
        if issubclass(type(error), StateError):
            is_ours, _ = called(lambda: own.run_id == context.run_id)
            wrapped = own if is_ours is True else None
        if wrapped is None:
            wrapped = StateError(context.state, context.attempt, context.run_id, problem_of(error))
            wrapped.__cause__ = error
        if self.runner.shared.secrets:
            wrapped.args = self.runner.shared.secrets.masked(wrapped.args)
        return wrapped
