"""The agent with its past: runs that are kept, resumed in another process, and forked."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Self

from fluffy_nb.engine.agent import Agent as EngineAgent
from fluffy_nb.engine.checkpoint import Checkpoint, check_checkpoint
from fluffy_nb.engine.prompt import Responder
from fluffy_nb.engine.resources import ResourcePool
from fluffy_nb.engine.result import RunResult
from fluffy_nb.engine.run import CLEANUP_TIMEOUT, Run
from fluffy_nb.errors import NothingToResumeError, explains_arguments
from fluffy_nb.journal.delta import NUMBER
from fluffy_nb.journal.history import History, checkpoint_at, info_of, last_number
from fluffy_nb.journal.recorder import Recorder
from fluffy_nb.journal.store import Durability, RunInfo, Store
from fluffy_nb.journal.stores import check_interval, check_run_id, check_store_given, store_of
from fluffy_nb.journal.taking import Taken, held, hold_and_take, in_thread, take, wait_to_hold


class Agent(EngineAgent):
    """An agent whose runs are kept.

    Args:
        name: As the others but these of `fluffy_nb.engine.agent.Agent`.
        start: As above.
        max_concurrent: As above.
        state_timeout: As above.
        resources: As above.
        responder: As above.
        store: Where runs are kept: "memory", the path of a file, or a `Store`.
        durability: Of a file. "normal": what was reported survives the death of the process;
            "full": a loss of power too.
        checkpoint_interval: Seconds after which what running states have written so far is kept;
            None keeps it when they end.
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
        store: str | os.PathLike[str] | Store = "memory",
        durability: Durability = "normal",
        checkpoint_interval: float | None = None,
    ) -> None:
        super().__init__(
            name,
            start=start,
            max_concurrent=max_concurrent,
            state_timeout=state_timeout,
            resources=resources,
            responder=responder,
        )
        check_interval(checkpoint_interval)
        self.checkpoint_interval = checkpoint_interval
        self.durability = durability
        self.keeps_in = check_store_given(store, durability)
        """What was given as `store`; a file is opened, or made, when it is first needed."""
        self._store: Store | None = None
        self._taken: Taken | None = None  # what a run is taken up with

    # ------------------------------------------------------------ keeping

    @property
    def store(self) -> Store:
        """Where its runs are kept; another counts for the next run."""
        if self._store is None:
            self._store = store_of(self.keeps_in, self.durability)
        return self._store

    @store.setter
    def store(self, given: str | os.PathLike[str] | Store) -> None:
        self.keeps_in = check_store_given(given, self.durability)
        self._store = None

    def _keep(self, run: Run, run_id: str, starts: tuple[str, ...]) -> None:
        now = run.runner.now()
        self._record(run, RunInfo(run_id, self.name, "IDLE", now, now, starts)).hold()

    def _record(self, run: Run, info: RunInfo, *, is_known: bool = False) -> Recorder:
        recorder = Recorder(
            run.runner, info, self.store, self.checkpoint_interval, is_known=is_known
        )
        run.runner.keeper = recorder
        return recorder

    def _keep_restored(self, run: Run, checkpoint: Checkpoint) -> None:
        """A checkpoint of a run of this store goes on there; any other is a run that begins."""
        run_id = checkpoint.progress.run_id
        info, kept = self._taken or hold_and_take(self.store, run_id)
        is_known = info is not None
        if info is None or kept is None:
            now, starts = checkpoint.timestamp, tuple(checkpoint.progress.starts)
            info = info or RunInfo(run_id, self.name, "IDLE", now, now, starts)
            is_known = False
        recorder = self._record(run, info, is_known=is_known)
        if kept is None or kept.last is None:  # a run that begins, or a fork
            recorder.checkpoints = checkpoint.seq
            run.runner.seq = checkpoint.event
        else:
            present = (item for item, data in kept.items.items() if data is not None)
            is_standing = kept.last.status not in {"IDLE", "RUNNING"}
            recorder.go_on_from(present, kept.keys, kept.last, is_standing=is_standing)
            recorder.checkpoints = kept.items.get(NUMBER) or last_number(self.store, run_id)
            run.runner.seq = kept.last.seq
        recorder.hold(goes_on=False)

    # ------------------------------------------------------------ going on later

    @explains_arguments
    async def resume(
        self,
        run_id: str | None = None,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as in run
        cleanup_timeout: float = CLEANUP_TIMEOUT,
    ) -> RunResult:
        """Go on from a pause, a failure, a timeout or a cancellation; returns as `run` does.

        Args:
            run_id: A run of this agent's store, as of a process that has died; None for the
                present one.
            timeout: As in `run`.
            cleanup_timeout: As in `run`.

        Raises:
            NothingToResumeError: There is nothing to go on with.
            UnknownRunError: The store has no such run.
            RunHeldError: Another process executes it.
            CheckpointError: It holds what can't be read here: what is missing is named.
        """
        if run_id is not None:
            check_run_id(run_id)
        if run_id is not None and (self._run is None or self._run.id != run_id):
            await self.take_up_aside(run_id)
        return await super().resume(timeout=timeout, cleanup_timeout=cleanup_timeout)

    def take_up(self, run_id: str, seq: int | None = None) -> Run:
        """Let a run of this agent's store stand where it was left, or where it once was; paused.

        Args:
            run_id: The run.
            seq: The number of one of its checkpoints; None for the last.

        Returns:
            The run, which can be resumed.

        Raises:
            UnknownRunError: The store has no such run.
            NothingToResumeError: It has completed.
            RunHeldError: Another process executes it.
        """
        check_run_id(run_id)
        if seq is not None:
            return self.fork(History(self.store, run_id).at(seq))
        self._check_idle("taking up another")
        with held(self.store, run_id):
            return self._take_up_with(*self._standing(run_id))

    async def take_up_aside(self, run_id: str) -> Run:
        """As `take_up`, where it was left; the store is read in its thread, not in the loop.

        Args:
            run_id: The run.

        Returns:
            The run, which can be resumed.

        Raises:
            UnknownRunError: The store has no such run.
            NothingToResumeError: It has completed.
            RunHeldError: Another process executes it.
        """
        check_run_id(run_id)
        self._check_idle("taking up another")
        await wait_to_hold(self.store, run_id)
        with held(self.store, run_id):
            found = await in_thread(self.store, self._standing, run_id)
            self._check_idle("taking up another")
            return self._take_up_with(*found)

    def _standing(self, run_id: str) -> tuple[Taken, Checkpoint]:
        """What the store has of a run that can be gone on with, and the checkpoint it comes to."""
        if info_of(self.store, run_id).status == "COMPLETED":
            raise NothingToResumeError(self.name, "COMPLETED")
        taken = take(self.store, run_id)
        return taken, checkpoint_at(self.store, run_id, None, None, taken.kept)

    @classmethod
    async def load(
        cls, path: str | os.PathLike[str] | Store, run_id: str, seq: int | None = None
    ) -> Self:
        """An agent that stands, paused, where a run was left; its states are to be added.

        Args:
            path: The file, or the store.
            run_id: The run.
            seq: The number of one of its checkpoints: a fork from there; None for the last.

        Returns:
            The agent, without states: those that the run needs are named when it needs them.

        Raises:
            StoreError: The file can't be read.
            UnknownRunError: It has no such run.
            RunHeldError: Another process executes it.
        """
        check_run_id(run_id)
        store = store_of(path)
        agent = cls(info_of(store, run_id).agent, store=store)
        if seq is None:
            await agent.take_up_aside(run_id)
        else:
            agent.take_up(run_id, seq)
        return agent

    # ------------------------------------------------------------ going back

    @property
    def checkpoints(self) -> History:
        """The checkpoints of the present run, one for each state's end, oldest first.

        Raises:
            NothingToResumeError: There is no run.
        """
        return History(self.store, self.present_run().id)

    def fork(self, checkpoint: Checkpoint, /, **changes: Any) -> Run:
        """Make a new run that stands, paused, where a checkpoint was made.

        Args:
            checkpoint: One of `checkpoints`, of this run or of another.
            **changes: Values of the context that are to be others there.

        Returns:
            The new run, which can be resumed; it knows its parent, which is left as it is.

        Raises:
            InvalidSpecError: It is no `Checkpoint`.
            NothingToResumeError: It was made before a first run.
            RunActiveError: A run is active.
        """
        check_checkpoint("what is forked", checkpoint)
        if not checkpoint.run_id:
            raise NothingToResumeError(self.name, checkpoint.agent_status)
        run_id = os.urandom(4).hex()
        parent = checkpoint.run_id, checkpoint.seq
        forked = replace(
            checkpoint,
            shared_state={**checkpoint.shared_state, **changes},
            writers={k: state for k, state in checkpoint.writers.items() if k not in changes},
            progress=replace(checkpoint.progress, run_id=run_id),
            event=0,
        )
        now = checkpoint.timestamp
        starts = tuple(checkpoint.progress.starts)
        self._check_idle("forking another")
        info = RunInfo(run_id, self.name, "IDLE", now, now, starts, *parent)
        return self._take_up_with(Taken(info, None), forked)

    def _take_up_with(self, taken: Taken, checkpoint: Checkpoint) -> Run:
        self._taken = taken
        try:
            return self._take_up(checkpoint)
        finally:
            self._taken = None
