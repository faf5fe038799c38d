"""The agent: a named set of states, and the verbs that run them."""

from __future__ import annotations

import concurrent.futures
import os
from collections.abc import Iterable, Mapping
from typing import Any

from fluffy_nb.engine.blocking import wait_for
from fluffy_nb.engine.checkpoint import Checkpoint, blank, check_checkpoint
from fluffy_nb.engine.flow import as_names
from fluffy_nb.engine.planning import pool_for
from fluffy_nb.engine.prompt import Responder
from fluffy_nb.engine.requests import request
from fluffy_nb.engine.resources import ResourcePool
from fluffy_nb.engine.responders import Answers, prepared
from fluffy_nb.engine.result import RunResult
from fluffy_nb.engine.run import CLEANUP_TIMEOUT, RESUMABLE, Run
from fluffy_nb.engine.runner import Runner, Settings
from fluffy_nb.engine.shared import SharedState
from fluffy_nb.engine.specs import check_seconds, check_steps
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.engine.steered import SteeredFlow, check_inputs
from fluffy_nb.engine.surroundings import surroundings
from fluffy_nb.errors import (
    NothingToResumeError,
    RunActiveError,
    explains_arguments,
)


class Agent(SteeredFlow):
    """A named set of states and their settings; it runs one run at a time.

    Args:
        name: What it is called in pictures, messages and checkpoints.
        start: The state or states where runs start; None lets them be found.
        max_concurrent: How many states may run at once; None for no limit.
        state_timeout: Seconds for an attempt of a state that has no timeout of its own.
        resources: What the states can take together; None for what the machine has.
        responder: Is given every prompt; None takes what the surroundings have: the notebook's
            inbox or the terminal.

    Example:
        >>> agent = Agent("my_workflow")
        >>> agent.add_state("process_data", process_data)
        >>> result = await agent.run()
    """

    @explains_arguments
    def __init__(
        self,
        name: str,
        *,
        start: str | Iterable[str] | None = None,
        max_concurrent: int | None = None,
        state_timeout: float | None = None,
        resources: ResourcePool | None = None,
        responder: Responder | None = None,
    ) -> None:
        super().__init__(responder, name, start, max_concurrent, state_timeout, resources)
        self.notice = ""
        """What the last `request` had to say; empty when it went well."""

    def __repr__(self) -> str:
        return f"<Agent {self.name!r}: {len(self.states)} states, {self.status}>"

    # ------------------------------------------------------------ verbs

    @explains_arguments
    async def run(
        self,
        start: str | Iterable[str] | None = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the seed's name; pauses must not count
        cleanup_timeout: float = CLEANUP_TIMEOUT,
        answers: Answers | None = None,
    ) -> RunResult:
        """Run to the end; a paused or restored run is gone on with.

        Args:
            start: The state or states to start at.
            inputs: The first values of the context.
            timeout: Seconds; when they are over the run is cancelled and can be resumed.
            cleanup_timeout: Seconds that cancelled states get for their `finally` blocks.
            answers: Prepared answers to prompts: for each state a list.

        Returns:
            The result, with status COMPLETED, PAUSED or CANCELLED.

        Raises:
            StateError: A state failed; its error is the cause.
            RunTimeoutError: The time was up.
            RunActiveError: A run is active, or `start` or `inputs` are given while one is paused.
            WaitsForItselfError: A state of the present run called it.
        """
        if self._run is not None:
            self._run.check_outside()
        async with surroundings.running_cell():
            return await self._begin(None, start, inputs, timeout, cleanup_timeout, answers)

    @explains_arguments
    def run_sync(
        self,
        start: str | Iterable[str] | None = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        cleanup_timeout: float = CLEANUP_TIMEOUT,
        answers: Answers | None = None,
    ) -> RunResult:
        """As `run`, for code that can't await: blocks until the run has ended or is paused.

        The run lives in another thread, in a loop that all blocking runs share; Ctrl-C, and Stop
        in a notebook, cancel it.

        Args:
            start: As for `run`.
            inputs: As for `run`.
            timeout: Seconds; as for `run`.
            cleanup_timeout: Seconds; as for `run`.
            answers: As for `run`.

        Returns:
            As `run`, and what that raises is raised here.

        Raises:
            BlockedLoopError: It was called where it would wait for itself.

        Example:
            >>> result = agent.run_sync(inputs={"rows": 10})
        """
        return wait_for(
            lambda: self.run(
                start,
                inputs=inputs,
                timeout=timeout,
                cleanup_timeout=cleanup_timeout,
                answers=answers,
            )
        )

    @explains_arguments
    def start(
        self,
        start: str | Iterable[str] | None = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        cleanup_timeout: float = CLEANUP_TIMEOUT,
        answers: Answers | None = None,
    ) -> Run:
        """Run in the background; the arguments are those of `run`.

        Returns:
            The run, which can be awaited, paused, stepped and resumed.
        """
        return self._begin(None, start, inputs, timeout, cleanup_timeout, answers)

    def _begin(
        self,
        limit: int | None,
        start: str | Iterable[str] | None,
        inputs: Mapping[str, Any] | None,
        timeout: float | None,
        cleanup_timeout: float,
        answers: Answers | None,
    ) -> Run:
        """Begin a run, or go on with a paused one."""
        run = self._run
        if run is not None and run.status is AgentStatus.RUNNING:
            raise RunActiveError(
                self.name, run.id, run.status, "await it, pause() it or cancel_all() it first."
            )
        check_seconds("timeout", timeout)
        check_seconds("cleanup_timeout", cleanup_timeout)
        check_inputs(inputs)
        self._check_breakpoints()
        if run is not None and run.status is AgentStatus.PAUSED:
            if start is not None or inputs is not None:
                remedy = (
                    "resume() it without start= and inputs=, or cancel_all() it to begin another."
                )
                raise RunActiveError(self.name, run.id, run.status, remedy)
            run.check_resumable()
            if answers is not None:
                run.runner.people.answers = prepared(answers)
            run.go_on(limit, timeout, cleanup_timeout)
            return run
        starts = self.definition.check(as_names(start))
        new = self._new_run(starts, SharedState(inputs), prepared(answers))
        run_id = os.urandom(4).hex()
        self._keep(new, run_id, starts)
        if run is not None:
            run.runner.abandon()
        self._run = new
        new.begin(starts, run_id, limit, timeout, cleanup_timeout)
        return new

    def _new_run(self, starts: tuple[str, ...], shared: SharedState, answers: Any) -> Run:
        runner = Runner(
            self.definition,
            starts,
            Settings(
                self.max_concurrent,
                pool_for(self.definition, self.resources),
                self.breakpoints,
                self._kept,
            ),
            self._observers,
            shared,
            lambda: surroundings.responder() if self.responder is None else self.responder,
            answers,
        )
        return Run(self.name, runner)

    def _keep(self, run: Run, run_id: str, starts: tuple[str, ...]) -> None:
        """Have a new run kept; nobody keeps it here."""

    def _keep_restored(self, run: Run, checkpoint: Checkpoint) -> None:
        """Have a run kept that is taken up from a checkpoint; nobody keeps it here."""

    async def pause(self) -> Checkpoint:
        """Start nothing new, wait until all that runs has ended or waits for a person.

        Returns:
            The checkpoint; on an agent that is not running, of what is.
        """
        return self.create_checkpoint() if self._run is None else await self._run.pause()

    async def resume(
        self,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as in run
        cleanup_timeout: float = CLEANUP_TIMEOUT,
    ) -> RunResult:
        """Go on from a pause, a failure, a timeout or a cancellation; returns as `run` does.

        Raises:
            NothingToResumeError: There is nothing to go on with.
        """
        async with surroundings.running_cell():
            return await self.present_run().resume(timeout, cleanup_timeout)

    @explains_arguments
    async def step(self, n: int = 1) -> Checkpoint:
        """Let `n` executions start and end, or come to wait for a person, and pause.

        Args:
            n: How many; on an agent without a run that can go on, a run begins.

        Returns:
            The checkpoint, whose `changes` say what the step did to the context.

        Raises:
            StateError: The state failed.
            RunActiveError: A run is active and not paused.
        """
        run = self._run
        async with surroundings.running_cell():
            if run is not None and (run.status in RESUMABLE or run.status is AgentStatus.RUNNING):
                return await run.step(n)
            run = self._begin(check_steps(n), None, None, None, CLEANUP_TIMEOUT, None)
            return await run.finish_step({})

    async def cancel_all(self) -> None:
        """Cancel all running states; the run ends with status CANCELLED and can be resumed."""
        if self._run is not None:
            await self._run.cancel()

    def present_run(self) -> Run:
        """The run there is.

        Raises:
            NothingToResumeError: There is none.
        """
        if self._run is None:
            raise NothingToResumeError(self.name, self.status)
        return self._run

    def request(self, verb: str, *arguments: Any) -> concurrent.futures.Future[None]:
        """Ask for a verb from any thread, without waiting: what a button does.

        Args:
            verb: One of `VERBS`.
            *arguments: What the method of that name takes.

        Returns:
            Done when the verb has returned; what it raised is in `notice` too.

        Raises:
            UsageError: The verb is unknown, or there is no loop to carry it out.
        """
        return request(self, verb, arguments)

    # ------------------------------------------------------------ checkpoints

    def create_checkpoint(self) -> Checkpoint:
        """Everything needed to continue the present run elsewhere or later, at any moment.

        Before the first run it tells just that: nothing has completed, no value is set.
        """
        return blank(self.name) if self._run is None else self._run.checkpoint()

    @explains_arguments
    async def restore_from_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Take up a run where a checkpoint left it; the agent is paused there.

        Args:
            checkpoint: Of this agent or one of another name. States that it speaks of and this
                agent lacks are reported when they are needed. One that was made before a first
                run leaves the agent idle.

        Raises:
            InvalidSpecError: It is no `Checkpoint`.
            RunActiveError: A run is active.
        """
        check_checkpoint("restore_from_checkpoint() is given what", checkpoint)
        if checkpoint.run_id:
            self._take_up(checkpoint)
            return
        self._check_idle("restoring another")
        if self._run is not None:
            self._run.runner.abandon()
        self._run = None

    def _check_idle(self, what: str) -> None:
        run = self._run
        if run is not None and run.status is AgentStatus.RUNNING:
            raise RunActiveError(self.name, run.id, run.status, f"cancel_all() it before {what}.")

    def _take_up(self, checkpoint: Checkpoint) -> Run:
        """Let a run stand where a checkpoint left it."""
        self._check_idle("restoring another")
        run = self._run
        shared = SharedState(checkpoint.restored_values(), checkpoint.writers)
        starts = tuple(checkpoint.progress.starts)
        new = self._new_run(starts, shared, prepared(None))
        self._keep_restored(new, checkpoint)
        if run is not None:
            run.runner.abandon()
        self._run = new
        new.restore(checkpoint)
        return new
