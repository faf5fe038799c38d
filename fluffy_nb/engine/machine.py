"""The pure core of a run: a fold over its events, and what to do next.

`apply(event)` changes what is known, `decide(limit)` says one thing to do. There is no clock, no
I/O and no asyncio here; whoever carries a command out tells it back as an event.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.commands import Command, Continue, Finish, Queue, Start
from fluffy_nb.engine.joins import Branch, Joins, Topology
from fluffy_nb.engine.metadata import StateMetadata
from fluffy_nb.engine.status import AgentStatus, StateStatus


class Phase(StrEnum):
    """Where an execution that has not ended stands."""

    QUEUED = "queued"
    RUNNING = "running"
    ASKING = "asking"  # waits for a person, without a slot
    ANSWERED = "answered"  # has its answer and waits for a slot
    PARKED = "parked"  # failed or cancelled; runs again when the run is resumed


@dataclass(slots=True)
class Execution:
    """One time that a state is run."""

    id: int
    state: str
    branch: Branch
    attempt: int = 1
    phase: Phase = Phase.QUEUED
    prompts: int = 0


@dataclass(slots=True)
class Machine:
    """The state of one run.

    Args:
        topology: The graph as joins see it.
        max_concurrent: How many executions may run at once; None for no limit.
    """

    topology: Topology
    max_concurrent: int | None = None
    status: AgentStatus = AgentStatus.IDLE
    run_id: str = ""
    starts: tuple[str, ...] = ()
    branches: dict[int, Branch] = field(default_factory=dict)
    executions: dict[int, Execution] = field(default_factory=dict)
    queue: deque[Execution] = field(default_factory=deque)
    answered: deque[Execution] = field(default_factory=deque)
    running: int = 0
    metadata: dict[str, StateMetadata] = field(default_factory=dict)
    completed: dict[str, None] = field(default_factory=dict)
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: bool = False
    joins: Joins = field(init=False)
    _branch_count: int = 0
    _execution_count: int = 0
    _handlers: dict[type[ev.Event], Callable[[Any], None]] = field(init=False)

    def __post_init__(self) -> None:
        self.joins = Joins(self.topology, self.branches)
        self._handlers = {
            ev.StateStarted: self._started,
            ev.StateCompleted: self._completed,
            ev.StateQueued: self._queued,
            ev.StateFailed: self._state_failed,
            ev.StateCancelled: self._state_cancelled,
            ev.StateContinued: self._continued,
            ev.PromptOpened: self._prompt_opened,
            ev.PromptAnswered: self._prompt_settled,
            ev.PromptExpired: self._prompt_settled,
            ev.PromptWithdrawn: self._prompt_withdrawn,
            ev.RunStarted: self._run_started,
            ev.RunResumed: self._run_resumed,
            ev.RunRestored: self._run_restored,
            ev.RunPaused: lambda _: self._set_status(AgentStatus.PAUSED),
            ev.RunCompleted: lambda _: self._set_status(AgentStatus.COMPLETED),
            ev.RunFailed: lambda _: self._set_status(AgentStatus.FAILED),
            ev.RunCancelled: lambda _: self._set_status(AgentStatus.CANCELLED),
        }

    # ------------------------------------------------------------ what to do

    def decide(self, limit: int | None = None) -> Command | None:
        """Say the next thing to do, or None when something must happen first.

        Args:
            limit: How many more executions may start or go on; None for no limit. Running is
                stepping without a limit (semantics 9.5).

        Returns:
            One command; ask again after its event has been applied.
        """
        if self.status is not AgentStatus.RUNNING:
            return None
        if self.failed:
            return None if self.running else Finish(AgentStatus.FAILED)
        free = limit != 0 and (self.max_concurrent is None or self.running < self.max_concurrent)
        if free and self.answered:
            return Continue(self.answered[0].id, self.answered[0].state)
        state = self.joins.next_ready()
        if state is not None:
            return self._release(state, at_once=free and not self.queue)
        if free and self.queue:
            first = self.queue[0]
            return Start(first.id, first.state, first.attempt, ())
        if self.running:
            return None
        if not self.branches:
            return Finish(AgentStatus.COMPLETED)
        if free and len(self.executions) == 0:
            # Only branches that wait for each other are left (semantics 5.4).
            return self._release(self.joins.earliest(), at_once=True)
        # Only people can bring the run on, or the limit is used up.
        return None if limit is None else Finish(AgentStatus.PAUSED)

    def _release(self, state: str, *, at_once: bool) -> Command:
        number = self._execution_count + 1
        branches = tuple(branch.id for branch in self.joins.waiting[state])
        return Start(number, state, 1, branches) if at_once else Queue(number, state, branches)

    # ------------------------------------------------------------ what happened

    def apply(self, event: ev.Event) -> None:
        """Take in a fact about the run."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def set_topology(self, topology: Topology) -> None:
        """Take in a graph that has changed."""
        self.topology = topology
        self.joins.rebuild(topology)

    def _set_status(self, status: AgentStatus) -> None:
        self.status = status

    def _run_started(self, event: ev.RunStarted) -> None:
        self.run_id, self.starts, self.status = event.run_id, event.starts, AgentStatus.RUNNING
        for state in event.starts:
            self._arrive(state)

    def _run_resumed(self, _: ev.RunResumed) -> None:
        self.status, self.failed = AgentStatus.RUNNING, False
        again = [e for e in self.executions.values() if e.phase is Phase.PARKED]
        for execution in again:
            execution.attempt += 1
            execution.phase = Phase.QUEUED
            self.metadata[execution.state].status = StateStatus.READY
        self.queue.extendleft(reversed(again))

    def _arrive(self, state: str) -> Branch:
        self._branch_count += 1
        branch = self.branches[self._branch_count] = Branch(self._branch_count, state)
        self.joins.arrive(branch)
        return branch

    def _join(self, number: int, state: str) -> Execution:
        """Merge the branches that wait at a state into one execution."""
        first, *others = self.joins.take(state)
        for branch in others:
            del self.branches[branch.id]
            self.joins.moved(branch, (first,))
        first.execution = number
        self._execution_count = number
        execution = self.executions[number] = Execution(number, state, first)
        self._data(state).executions += 1
        return execution

    def _data(self, state: str) -> StateMetadata:
        data = self.metadata.get(state)
        if data is None:
            data = self.metadata[state] = StateMetadata()
        return data

    def _queued(self, event: ev.StateQueued) -> None:
        self.queue.append(self._join(event.execution, event.state))
        self.metadata[event.state].status = StateStatus.READY

    def _started(self, event: ev.StateStarted) -> None:
        execution = self.executions.get(event.execution)
        if execution is None:
            execution = self._join(event.execution, event.state)
        else:
            self.queue.remove(execution)
        execution.phase = Phase.RUNNING
        self.running += 1
        data = self.metadata[event.state]
        data.status, data.attempts = StateStatus.RUNNING, event.attempt
        data.started, data.ended, data.error = event.time, None, None

    def _completed(self, event: ev.StateCompleted) -> None:
        execution = self.executions.pop(event.execution)
        self._leave(execution, StateStatus.COMPLETED, event.time)
        self.completed[event.state] = None
        del self.branches[execution.branch.id]
        children = [self._arrive(target) for target in event.next]
        for target in event.next:
            self.taken[event.state, target] += 1
        self.joins.moved(execution.branch, children)

    def _leave(self, execution: Execution, status: StateStatus, time: float) -> None:
        """An attempt has ended: give its slot back."""
        if execution.phase is Phase.RUNNING:
            self.running -= 1
        elif execution.phase is Phase.ANSWERED:
            self.answered.remove(execution)
        data = self.metadata[execution.state]
        data.status, data.ended = status, time

    def _state_failed(self, event: ev.StateFailed) -> None:
        self._park(event.execution, StateStatus.FAILED, event.time)
        self.metadata[event.state].error = event.error
        self.failed = True

    def _state_cancelled(self, event: ev.StateCancelled) -> None:
        self._park(event.execution, StateStatus.CANCELLED, event.time)

    def _park(self, number: int, status: StateStatus, time: float) -> None:
        execution = self.executions[number]
        self._leave(execution, status, time)
        execution.phase, execution.prompts = Phase.PARKED, 0

    # ------------------------------------------------------------ people

    def _prompt_opened(self, event: ev.PromptOpened) -> None:
        execution = self.executions[event.execution]
        execution.prompts += 1
        if execution.phase is Phase.RUNNING:
            execution.phase = Phase.ASKING
            self.running -= 1
            self.metadata[event.state].status = StateStatus.WAITING

    def _prompt_settled(self, event: ev.PromptAnswered | ev.PromptExpired) -> None:
        execution = self.executions[event.execution]
        execution.prompts -= 1
        if not execution.prompts:
            execution.phase = Phase.ANSWERED
            self.answered.append(execution)
            self.metadata[event.state].status = StateStatus.READY

    def _prompt_withdrawn(self, event: ev.PromptWithdrawn) -> None:
        execution = self.executions[event.execution]
        execution.prompts -= 1
        if not execution.prompts and not self.failed:
            self._go_on(execution)  # its body has stopped asking and runs already

    def _continued(self, event: ev.StateContinued) -> None:
        execution = self.executions[event.execution]
        self.answered.remove(execution)
        self._go_on(execution)

    def _go_on(self, execution: Execution) -> None:
        execution.phase = Phase.RUNNING
        self.running += 1
        self.metadata[execution.state].status = StateStatus.RUNNING

    # ------------------------------------------------------------ to words

    def waits_for(self, state: str) -> str:
        """What a state's waiting branches wait for; empty where none waits."""
        holder = self.joins.holder(state)
        if state not in self.joins.waiting or holder is None:
            return ""
        status = "waiting too"
        if holder.execution is not None:
            status = self.executions[holder.execution].phase.value
        between = self.topology.path(holder.state, state)[1:-1]
        through = f" through {' and '.join(between)}" if between else ""
        return f"waits for {holder.state} ({status}){through}"

    # ------------------------------------------------------------ to data and back

    def progress(self) -> dict[str, Any]:
        """Where the run stands, as plain data: what a checkpoint keeps of it."""
        return {
            "run_id": self.run_id,
            "starts": list(self.starts),
            "waiting": [b.state for b in self.branches.values() if b.execution is None],
            "executions": [
                {"state": e.state, "attempt": e.attempt, "started": e.phase is not Phase.QUEUED}
                for e in self.executions.values()
            ],
            "completed": list(self.completed),
            "counts": {name: data.executions for name, data in self.metadata.items()},
            "taken": [[source, target, n] for (source, target), n in self.taken.items()],
        }

    def _run_restored(self, event: ev.RunRestored) -> None:
        progress: Mapping[str, Any] = event.progress
        self.run_id, self.status = event.run_id, AgentStatus.PAUSED
        self.starts = tuple(progress["starts"])
        for name in progress["completed"]:
            self.completed[name] = None
            self._data(name).status = StateStatus.COMPLETED
        for name, count in progress["counts"].items():
            self._data(name).executions = count
        for source, target, number in progress["taken"]:
            self.taken[source, target] = number
        for saved in progress["executions"]:
            self._branch_count += 1
            self._execution_count += 1
            branch = self.branches[self._branch_count] = Branch(self._branch_count, saved["state"])
            branch.execution = self._execution_count
            # What was running is run again from its start, as the next attempt.
            attempt = saved["attempt"] + 1 if saved["started"] else saved["attempt"]
            execution = Execution(self._execution_count, saved["state"], branch, attempt)
            self.executions[execution.id] = execution
            self.queue.append(execution)
            self._data(saved["state"]).status = StateStatus.READY
        for state in progress["waiting"]:
            self._arrive(state)
