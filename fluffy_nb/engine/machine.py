"""The pure core of a run: a fold over its events, and what to do next.

`apply(event)` changes what is known, `decide(limit)` says one thing to do. There is no clock, no
I/O and no asyncio here; whoever carries a command out tells it back as an event.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.commands import Command
from fluffy_nb.engine.deciding import decide
from fluffy_nb.engine.ends import Now
from fluffy_nb.engine.execution import Branch, Execution, Phase
from fluffy_nb.engine.metadata import StateMetadata
from fluffy_nb.engine.moves import arrive, end, take
from fluffy_nb.engine.progress import restore
from fluffy_nb.engine.queue import ReadyQueue
from fluffy_nb.engine.resources import Ledger, ResourcePool
from fluffy_nb.engine.scope import Scope
from fluffy_nb.engine.status import AgentStatus, StateStatus
from fluffy_nb.engine.topology import Topology


class Machine:
    """The state of one run.

    Args:
        topology: The graph, with the graphs of agents that are states.
        max_concurrent: How many executions may run at once; None for no limit.
        pool: What executions can take together.
        breakpoints: States before which the run pauses; may change while it runs.
    """

    def __init__(
        self,
        topology: Topology,
        max_concurrent: int | None = None,
        pool: ResourcePool | None = None,
        breakpoints: AbstractSet[str] = frozenset(),
    ) -> None:
        self.max_concurrent = max_concurrent
        self.ledger = Ledger(pool or ResourcePool())
        self.breakpoints = breakpoints
        self.status = AgentStatus.IDLE
        self.run_id = ""
        self.starts: tuple[str, ...] = ()
        self.now = Now()
        self.root = Scope(topology, self.now)
        self.scopes: dict[int, Scope] = {0: self.root}
        self.branches: dict[int, Branch] = {}
        self.executions: dict[int, Execution] = {}
        self.queue = ReadyQueue()
        self.waiting_agents: deque[Execution] = deque()  # take no slot: they need no queue
        self.answered: deque[Execution] = deque()
        self.ended_agents: deque[Execution] = deque()
        self.running = 0
        self.retrying = 0
        self.metadata: dict[str, StateMetadata] = {}
        self.completed: dict[str, None] = {}
        self.taken: Counter[tuple[str, str]] = Counter()
        self.moved: list[tuple[str, str]] = []  # the edges that the latest end took
        self.reused: set[str] = set()
        self.failed = False
        self.branch_count = 0
        self.execution_count = 0
        self.order = 0
        self.is_ordered = bool(topology.rules.needs or topology.rules.agents)
        self._handlers: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.RunStarted: self._run_started,
            ev.RunRestored: lambda event: restore(self, event.run_id, event.progress),
            ev.RunResumed: self._run_resumed,
            ev.RunPaused: lambda _: self._set_status(AgentStatus.PAUSED),
            ev.RunCompleted: lambda _: self._set_status(AgentStatus.COMPLETED),
            ev.RunFailed: lambda _: self._set_status(AgentStatus.FAILED),
            ev.RunCancelled: lambda _: self._set_status(AgentStatus.CANCELLED),
            ev.CompletionTakenOver: self._taken_over,
            ev.GraphChanged: self._graph_changed,
            ev.StateQueued: self._queued,
            ev.StateStarted: self._started,
            ev.StateCompleted: self._completed,
            ev.StateFailed: self._state_failed,
            ev.StateCancelled: self._state_cancelled,
            ev.RetryDue: self._retry_due,
            ev.BreakpointReached: self._breakpoint_reached,
            ev.AgentEntered: self._agent_entered,
            ev.StateReused: self._state_reused,
            ev.StateBlocked: self._state_blocked,
            ev.PromptOpened: self._prompt_opened,
            ev.PromptAnswered: self._prompt_settled,
            ev.PromptExpired: self._prompt_settled,
            ev.PromptWithdrawn: self._prompt_withdrawn,
            ev.StateContinued: self._continued,
        }

    def decide(self, limit: int | None = None) -> Command | None:
        """What to do next; see `deciding.decide`."""
        return decide(self, limit)

    def is_instant(self, branch: Branch) -> bool:
        """Whether it takes no slot: an agent, or a completion of an earlier run."""
        return branch.node in branch.scope.topology.rules.agents or self.is_reused(branch)

    def is_reused(self, branch: Branch) -> bool:
        """Whether a completion of an earlier run counts for it."""
        return bool(self.reused) and branch.scope is self.root and branch.state in self.reused

    # ------------------------------------------------------------ what happened

    def apply(self, event: ev.Event) -> None:
        """Take in a fact about the run."""
        self.now.time = event.time
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def set_topology(self, topology: Topology) -> None:
        """Take in a graph that has changed, with those of the agents that are states."""
        self.is_ordered = bool(topology.rules.needs or topology.rules.agents)
        for scope in self.scopes.values():
            if scope.outer is None:
                scope.set_topology(topology)
            else:
                around = scope.outer.branch.scope.topology.rules.agents
                scope.set_topology(around.get(scope.outer.branch.node, scope.topology))
        for execution in self.executions.values():
            self._renew_needs(execution)

    def _renew_needs(self, execution: Execution) -> None:
        """A replaced state takes what it declares now, unless it runs: then it has the old."""
        branch = execution.branch
        needs = branch.scope.topology.needs(branch.node)
        if needs == execution.needs or execution.phase is Phase.RUNNING:
            return
        queued = execution.phase is Phase.QUEUED and execution not in self.waiting_agents
        if queued:
            self.queue.discard(execution)
        execution.needs = needs
        if queued:
            self.queue.add(execution)

    def _graph_changed(self, event: ev.GraphChanged) -> None:
        """A replaced state may wait elsewhere now: a function in the queue, an agent beside it."""
        node = self.root.topology.node
        self.reused = {name for name in self.reused if node(name) not in event.states}
        self._sort_waiting()

    def _sort_waiting(self) -> None:
        """Let each execution that may run wait where its kind does."""
        for execution in list(self.executions.values()):
            if execution.phase is Phase.QUEUED:
                beside = execution in self.waiting_agents
                if beside and not self.is_instant(execution.branch):
                    self.waiting_agents.remove(execution)
                    self.queue.add(execution)
                elif not beside and self.is_instant(execution.branch):
                    self.queue.discard(execution)
                    self.waiting_agents.append(execution)

    def _set_status(self, status: AgentStatus) -> None:
        self.status = status

    def _run_started(self, event: ev.RunStarted) -> None:
        self.run_id, self.starts, self.status = event.run_id, event.starts, AgentStatus.RUNNING
        for state in event.starts:
            arrive(self, state, self.root)

    def _run_resumed(self, _: ev.RunResumed) -> None:
        self.status, self.failed = AgentStatus.RUNNING, False
        parked = [e for e in self.executions.values() if e.phase is Phase.PARKED]
        if parked:
            self.queue.forgive()
        for execution in parked:
            execution.attempt += 1
            execution.tries = 0
            execution.phase = Phase.QUEUED
            self.enqueue(execution)
            self._mark(execution, StateStatus.READY)
        for scope in self.scopes.values():
            for group in scope.joins.waiting.values():
                for data in self.data_of(group[0]):
                    if data.status is StateStatus.BLOCKED:
                        data.status = StateStatus.PENDING

    def _taken_over(self, event: ev.CompletionTakenOver) -> None:
        node = self.root.topology.node(event.state)
        self.reused.add(event.state)
        self.root.ends.note(node, event.completed, completed=True)
        self.root.joins.ended(node)

    def data_of(self, branch: Branch) -> tuple[StateMetadata, ...]:
        """What is known of a branch's state: of its name, and of the template it came by."""
        prefix = branch.scope.prefix
        if branch.node == branch.state:
            return (self.data(prefix + branch.state),)
        return self.data(prefix + branch.state), self.data(prefix + branch.node)

    def data(self, name: str) -> StateMetadata:
        """What is known of a state, begun where nothing is."""
        data = self.metadata.get(name)
        if data is None:
            data = self.metadata[name] = StateMetadata()
        return data

    @staticmethod
    def _mark(execution: Execution, status: StateStatus) -> None:
        for data in execution.data:
            data.status = status

    def _queued(self, event: ev.StateQueued) -> None:
        execution = take(self, event.execution, event.branches)
        self.enqueue(execution)
        self._mark(execution, StateStatus.READY)

    def enqueue(self, execution: Execution) -> None:
        """Let an execution wait until it may start."""
        if self.is_instant(execution.branch):
            self.waiting_agents.append(execution)
        else:
            self.queue.add(execution)

    def _started(self, event: ev.StateStarted) -> None:
        execution = self.executions.get(event.execution)
        if execution is None:
            execution = take(self, event.execution, event.branches)
        else:
            self.queue.remove(execution)
        execution.phase, execution.retried = Phase.RUNNING, False
        execution.tries += 1
        self._occupy(execution)
        for data in execution.data:
            data.status, data.attempts = StateStatus.RUNNING, event.attempt
            data.started, data.ended, data.error = event.time, None, None

    def _occupy(self, execution: Execution) -> None:
        self.running += 1
        if execution.needs:
            self.ledger.take(execution.id, execution.needs)

    def _release_slot(self, execution: Execution) -> None:
        self.running -= 1
        if execution.needs:
            self.ledger.give_back(execution.id)

    def _completed(self, event: ev.StateCompleted) -> None:
        execution = self.executions.pop(event.execution)
        self._leave(execution, StateStatus.COMPLETED, event.time)
        end(self, execution, event.next, event.time)

    def _leave(self, execution: Execution, status: StateStatus, time: float) -> None:
        """An attempt has ended: give its slot back."""
        if execution.phase is Phase.RUNNING:
            self._release_slot(execution)
        elif execution.phase is Phase.ANSWERED:
            self.answered.remove(execution)
        elif execution.phase is Phase.INSIDE:
            del self.scopes[execution.id]
            self.ended_agents.remove(execution)
        for data in execution.data:
            data.status, data.ended = status, time

    def _state_failed(self, event: ev.StateFailed) -> None:
        execution = self.executions[event.execution]
        status = StateStatus.TIMEOUT if event.timed_out else StateStatus.FAILED
        self._leave(execution, status, event.time)
        for data in execution.data:
            data.error = event.error
        execution.prompts = 0
        if event.retry_at is not None:
            execution.phase = Phase.RETRYING
            self.retrying += 1
        elif event.handler is not None:
            del self.executions[execution.id]
            handler = ev.Going(event.handler, execution.branch.inputs, alone=True)
            end(self, execution, (handler,), event.time, event.error)
        elif event.optional:
            del self.executions[execution.id]
            end(self, execution, (), event.time, event.error)
        else:
            execution.phase = Phase.PARKED
            self.failed = True

    def _state_cancelled(self, event: ev.StateCancelled) -> None:
        execution = self.executions[event.execution]
        self._leave(execution, StateStatus.CANCELLED, event.time)
        execution.phase, execution.prompts = Phase.PARKED, 0

    def _retry_due(self, event: ev.RetryDue) -> None:
        execution = self.executions[event.execution]
        self.retrying -= 1
        self.order += 1
        execution.order, execution.attempt = self.order, execution.attempt + 1
        execution.phase, execution.retried = Phase.QUEUED, True
        self.queue.add(execution)
        self._mark(execution, StateStatus.READY)

    def _breakpoint_reached(self, event: ev.BreakpointReached) -> None:
        self.executions[event.execution].paused = True

    # ------------------------------------------------------------ agents that are states

    def _agent_entered(self, event: ev.AgentEntered) -> None:
        execution = self.executions.get(event.execution)
        if execution is None:
            execution = take(self, event.execution, event.branches)
        else:
            self.waiting_agents.remove(execution)
        execution.phase = Phase.INSIDE
        branch = execution.branch
        inner = branch.scope.topology.rules.agents[branch.node]
        scope = self.scopes[execution.id] = Scope(inner, self.now, execution)
        for data in execution.data:
            data.status, data.attempts = StateStatus.RUNNING, 1
            data.started, data.ended, data.error = event.time, None, None
        for state in event.starts:
            arrive(self, state, scope)

    def _state_reused(self, event: ev.StateReused) -> None:
        execution = self.executions.get(event.execution)
        if execution is None:
            execution = take(self, event.execution, event.branches)
        else:
            self.waiting_agents.remove(execution)
        del self.executions[execution.id]
        for data in execution.data:
            data.status, data.executions = StateStatus.COMPLETED, data.executions - 1
        # It stands for one execution: a loop that comes back here would else never end.
        self.reused.discard(event.state)
        self._sort_waiting()
        end(self, execution, event.next, event.time)

    def _state_blocked(self, event: ev.StateBlocked) -> None:
        self.failed = True
        self.data(event.state).status = StateStatus.BLOCKED
        self.data(event.state).error = event.why

    # ------------------------------------------------------------ people

    def _prompt_opened(self, event: ev.PromptOpened) -> None:
        execution = self.executions[event.execution]
        execution.prompts += 1
        if execution.phase is Phase.RUNNING:
            execution.phase = Phase.ASKING
            self._release_slot(execution)
            self._mark(execution, StateStatus.WAITING)
        elif execution.phase is Phase.ANSWERED:  # it needs no slot yet: it asks something else
            execution.phase = Phase.ASKING
            self.answered.remove(execution)
            self._mark(execution, StateStatus.WAITING)

    def _prompt_settled(self, event: ev.PromptAnswered | ev.PromptExpired) -> None:
        execution = self.executions[event.execution]
        execution.prompts -= 1
        if not execution.prompts:
            execution.phase = Phase.ANSWERED
            self.answered.append(execution)
            self._mark(execution, StateStatus.READY)

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
        self._occupy(execution)
        self._mark(execution, StateStatus.RUNNING)
