"""The handle of one run: await it, pause it, step it, resume it, cancel it."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine, Generator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.checkpoint import Changes, Checkpoint, Progress
from fluffy_nb.engine.commands import PAUSE
from fluffy_nb.engine.copying import copied
from fluffy_nb.engine.progress import progress_of
from fluffy_nb.engine.result import RunResult, counts_of
from fluffy_nb.engine.specs import check_seconds, check_steps
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import (
    MissingStateError,
    NothingToResumeError,
    RunActiveError,
    RunTimeoutError,
    WaitsForItselfError,
    visible,
)

if TYPE_CHECKING:
    from fluffy_nb.engine.runner import Outcome, Runner
    from fluffy_nb.engine.shared import Writer

P = ParamSpec("P")
T = TypeVar("T")

CLEANUP_TIMEOUT = 10.0
"""Seconds that cancelled states are given for their `finally` blocks."""

RESUMABLE = frozenset({AgentStatus.PAUSED, AgentStatus.FAILED, AgentStatus.CANCELLED})


def _at_home(
    verb: Callable[Concatenate[Run, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Run, P], Coroutine[Any, Any, T]]:
    """Let a verb be called in any thread's loop: it is carried out in the run's."""

    @functools.wraps(verb)
    async def from_anywhere(self: Run, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.runner.at_home(verb(self, *args, **kwargs))

    return from_anywhere


class Run:
    """One run of an agent.

    Awaiting it waits until it has ended or is paused and gives the `RunResult`; cancelling the
    task that awaits it cancels the run.

    Args:
        agent: The agent's name.
        runner: Does the work.
    """

    def __init__(self, agent: str, runner: Runner) -> None:
        self._agent = agent
        self.runner = runner
        self._timer: asyncio.TimerHandle | None = None
        self._timeout: RunTimeoutError | None = None
        self._began: float | None = None
        self._active = 0.0
        self._going_on = threading.RLock()  # whose loop has ended can be resumed in any thread
        self._taken_up: Progress | None = None  # until it is gone on with
        runner.on_settled = self._stopped

    def __repr__(self) -> str:
        return f"<Run {visible(self.id)} of {self._agent!r}: {self.status}>"

    @property
    def id(self) -> str:
        """The run's id."""
        return self.runner.machine.run_id

    @property
    def status(self) -> AgentStatus:
        """Where the run stands."""
        return self.runner.machine.status

    @property
    def duration(self) -> float:
        """Seconds the run was active; pauses don't count."""
        return self._active + (0.0 if self._began is None else self.runner.now() - self._began)

    @property
    def values(self) -> Mapping[str, Any]:
        """The context's values."""
        return self.runner.shared.values

    # ------------------------------------------------------------ going and waiting

    def begin(
        self,
        starts: tuple[str, ...],
        run_id: str,
        limit: int | None,
        timeout: float | None,
        cleanup_timeout: float,
    ) -> None:
        """Begin the run; it goes on in tasks of its own."""
        began = (ev.RunStarted, (run_id, self._agent, starts))
        self._go(limit, timeout, cleanup_timeout, began)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take up the run where a checkpoint left it; it is paused there."""
        runner = self.runner
        progress = checkpoint.progress
        runner.begin_after(checkpoint.timestamp)
        runner.people.number_anew()
        for saved in progress.executions:  # before the keeper writes what they have
            runner.people.give_again(saved.id, saved.answers)
            runner.once.give_again(saved.id, saved.once)
        self._stand(progress)
        if not runner.settled.done():  # an observer may have cancelled it at once
            runner.settled.set_result(self._stopped(self.status))

    def _stand(self, progress: Progress) -> None:
        """Let the machine stand where a checkpoint left it."""
        self._taken_up = progress
        self.runner.emit(ev.RunRestored, progress.run_id, self._agent, asdict(progress))
        self.runner.restored()

    def state_changed(self, name: str) -> None:
        """A state was added, replaced or removed: look at the graph anew.

        Where a run was taken up before the agent inside it was added, its branches inside that
        agent find their places only now.
        """
        runner, progress = self.runner, self._taken_up
        executions = () if progress is None else progress.executions
        if progress is not None and any(
            saved.inside and saved.id not in runner.machine.scopes for saved in executions
        ):
            runner.forget_position(tuple(progress.starts))
            self._stand(progress)
        else:
            runner.graph_changed((name,))

    def go_on(self, limit: int | None, timeout: float | None, cleanup_timeout: float) -> None:
        """Go on after a pause, a failure, a timeout or a cancellation."""
        with self._going_on:
            self.check_resumable()
            if self.runner.routes.reread():  # by `%autoreload`, while the run stood still
                self.runner.cross(self.runner.graph_changed, ())
            self._go(limit, timeout, cleanup_timeout, (ev.RunResumed, ()))

    def _go(
        self,
        limit: int | None,
        timeout: float | None,
        cleanup_timeout: float,
        began: tuple[type[ev.Event], tuple[Any, ...]],
    ) -> None:
        check_seconds("timeout", timeout)
        check_seconds("cleanup_timeout", cleanup_timeout)
        self.runner.hold()  # before any clock starts: it may be refused
        self.runner.cancelling.cleanup_timeout = cleanup_timeout
        self._timeout = self._taken_up = None
        self._began = self.runner.now()
        if timeout is not None:
            self._timer = self.runner.loop.call_later(timeout, self._expire, timeout)
        self.runner.go(limit, began)

    def _stopped(self, status: AgentStatus) -> Outcome:
        """The run's activity has ended: stop the clocks, and say what came of it."""
        if self._began is not None:
            self._active += self.runner.now() - self._began
            self._began = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        runner = self.runner
        if runner.interrupt is not None:
            return runner.interrupt
        if self._timeout is not None and status is AgentStatus.CANCELLED:
            return self._timeout
        if status is AgentStatus.FAILED:
            return runner.errors[0]
        counts = counts_of(runner.machine)
        return RunResult(status, self.id, dict(self.values), self.duration, counts)

    def _expire(self, seconds: float) -> None:
        running = [task.state for task in self.runner.machine.executions.values()]
        self._timeout = RunTimeoutError(self.id, seconds, running)
        self.runner.cancelling.begin("its time was up")

    def __await__(self) -> Generator[Any, None, RunResult]:
        return self.wait().__await__()

    @_at_home
    async def wait(self) -> RunResult:
        """Wait until the run has ended or is paused.

        Returns:
            The result, with status COMPLETED, PAUSED or CANCELLED.

        Raises:
            StateError: A state failed.
            RunTimeoutError: The run's time was up.
            WaitsForItselfError: A state of this run called it.
        """
        self.check_outside()
        settled = self.runner.settled
        try:
            await asyncio.wait({settled})
            await self._kept()
        except asyncio.CancelledError:
            if not settled.done():
                await self.cancel("whoever awaited it was cancelled")
            raise
        return _given(settled)  # of this activity: the run may have been resumed since

    async def _kept(self) -> None:
        """Wait until what has happened is kept, or can't be."""
        keeper = self.runner.keeper
        if keeper is not None and keeper.is_behind:
            await keeper.caught_up()

    def result(self) -> RunResult:
        """The result of a run that is not active; raises as `wait` does."""
        return _given(self.runner.settled)

    # ------------------------------------------------------------ the verbs

    @_at_home
    async def pause(self) -> Checkpoint:
        """Start nothing new, wait until all that runs has ended or waits for a person.

        Returns:
            The checkpoint; where a state pauses its own run, that of now, and the pause begins
            when the state has ended.
        """
        if self.status is AgentStatus.RUNNING:
            self.runner.limit = PAUSE
            self.runner.advance()
            if not self.runner.work.is_inside():  # a state that pauses its own run goes on
                await asyncio.wait({self.runner.settled})
                await self._kept()
        return self.checkpoint()

    @_at_home
    async def resume(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - pauses must not count
        cleanup_timeout: float = CLEANUP_TIMEOUT,
    ) -> RunResult:
        """Go on, and wait as `wait` does.

        Raises:
            NothingToResumeError: The run is neither paused, failed nor cancelled.
            MissingStateError: A branch stands at a state that the agent does not have.
            WaitsForItselfError: A state of this run called it.
        """
        self.check_outside()
        self.go_on(None, timeout, cleanup_timeout)
        return await self.wait()

    @_at_home
    async def step(self, n: int = 1) -> Checkpoint:
        """Let `n` executions start and end, or come to wait for a person, and pause.

        Returns:
            The checkpoint, whose `changes` say what the step did to the context.

        Raises:
            StateError: The state failed.
            NothingToResumeError: The run has ended.
            MissingStateError: A branch stands at a state that the agent does not have.
            WaitsForItselfError: A state of this run called it.
        """
        self.check_outside()
        self.check_resumable()
        before = dict(self.runner.shared.writers)
        self.go_on(check_steps(n), None, CLEANUP_TIMEOUT)
        return await self.finish_step(before)

    async def finish_step(self, before: Mapping[str, Writer]) -> Checkpoint:
        """Wait for the end of a step, and say what changed."""
        await self.wait()
        after = self.runner.shared.writers
        return self.checkpoint(
            Changes(
                added=tuple(key for key in after if key not in before),
                changed=tuple(k for k in after if k in before and after[k] is not before[k]),
                removed=tuple(key for key in before if key not in after),
            )
        )

    @_at_home
    async def cancel(self, reason: str = "cancel_all() was called") -> None:
        """Cancel all that runs; the run can be resumed."""
        self.runner.cancelling.begin(reason)
        await self.runner.cancelling.ended()
        if not self.runner.work.is_inside():
            await self._kept()

    def check_outside(self) -> None:
        """Refuse a state of this run that would wait for the end of the run."""
        context = self.runner.work.inside()
        if context is not None:
            raise WaitsForItselfError(self._agent, self.id, self.status, context.state)

    def check_resumable(self) -> None:
        """Refuse to go on with a run that is active, has ended, or lacks a state."""
        if self.status is AgentStatus.RUNNING:
            raise RunActiveError(
                self._agent, self.id, self.status, "pause() it, or wait until it has ended."
            )
        if self.runner.abandoned:
            raise RunActiveError(
                self._agent,
                self.id,
                self.status,
                "another run has taken its place: go on with restore_from_checkpoint().",
            )
        if self.status not in RESUMABLE:
            raise NothingToResumeError(self._agent, self.status)
        missing = self.runner.routes.missing(self.runner.machine.branches.values())
        if missing:
            raise MissingStateError(self._agent, self.id, missing)

    def checkpoint(self, changes: Changes | None = None) -> Checkpoint:
        """Everything needed to continue this run elsewhere or later."""
        return Checkpoint(
            timestamp=self.runner.now(),
            seq=0 if self.runner.keeper is None else self.runner.keeper.checkpoints,
            event=self.runner.seq,
            agent_name=self._agent,
            agent_status=str(self.status),
            shared_state={k: copied(v) for k, v in list(self.runner.shared.values.items())},
            progress=Progress.of(
                progress_of(self.runner.machine), self.runner.people.given, self.runner.once.of
            ),
            changes=changes or Changes(),
            writers={key: by.state for key, by in self.runner.shared.writers.items()},
        )


def _given(settled: asyncio.Future[Outcome]) -> RunResult:
    outcome = settled.result()
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
