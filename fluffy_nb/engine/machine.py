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
from fluffy_nb.engine.commands import (
    PAUSE,
    Block,
    Break,
    Command,
    Continue,
    Enter,
    Exit,
    Finish,
    Queue,
    Reuse,
    Start,
)
from fluffy_nb.engine.execution import Branch, Execution, Phase
from fluffy_nb.engine.joins import Key
from fluffy_nb.engine.metadata import StateMetadata
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
        self.root = Scope(topology)
        self.scopes: dict[int, Scope] = {0: self.root}
        self.branches: dict[int, Branch] = {}
        self.executions: dict[int, Execution] = {}
        self.queue = ReadyQueue()
        self.waiting_agents: deque[Execution] = deque()  # take no slot: they need no queue
        self.answered: deque[Execution] = deque()
        self.ended_agents: deque[Scope] = deque()
        self.running = 0
        self.retrying = 0
        self.metadata: dict[str, StateMetadata] = {}
        self.completed: dict[str, None] = {}
        self.taken: Counter[tuple[str, str]] = Counter()
        self.reused: set[str] = set()
        self.failed = False
        self.branch_count = 0
        self.execution_count = 0
        self._order = 0
        self._ordered = bool(topology.rules.needs or topology.rules.agents)
        self._handlers: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.RunStarted: self._run_started,
            ev.RunRestored: lambda event: restore(self, event.run_id, event.progress),
            ev.RunResumed: self._run_resumed,
            ev.RunPaused: lambda _: self._set_status(AgentStatus.PAUSED),
            ev.RunCompleted: lambda _: self._set_status(AgentStatus.COMPLETED),
            ev.RunFailed: lambda _: self._set_status(AgentStatus.FAILED),
            ev.RunCancelled: lambda _: self._set_status(AgentStatus.CANCELLED),
            ev.CompletionTakenOver: self._taken_over,
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

    # ------------------------------------------------------------ what to do

    def decide(self, limit: int | None = None) -> Command | None:
        """What to do next, or None when only an event can bring the run on.

        Args:
            limit: How many executions may still start or go on; None for no limit, 0 when only
                what has started goes on, `PAUSE` when not even that begins another attempt.

        Returns:
            One command; ask again after its event has been applied.
        """
        if self.status is not AgentStatus.RUNNING:
            return None
        if self.failed:
            return None if self.running else Finish(AgentStatus.FAILED)
        if self.ended_agents:
            outer = self.ended_agents[0].outer
            if outer is not None:
                return Exit(outer.id, outer.state)
        may_start = limit is None or limit > 0
        slots = self.max_concurrent is None or self.running < self.max_concurrent
        held = False
        if self.answered and may_start and slots:
            first = self.answered[0]
            if self.ledger.fits(first.needs):
                return Continue(first.id, first.state)
            held = True  # the pool is kept for it: it goes before the queue
        free = may_start and slots and not held
        for scope in self.scopes.values():
            key = scope.joins.next_ready()
            if key is not None:
                return self._release(scope, key, may_start=may_start, free=free)
        return self._pick(limit, may_start, slots and not held) or self._rest(limit, may_start)

    def _pick(self, limit: int | None, may_start: bool, free: bool) -> Command | None:  # noqa: FBT001 - of decide alone
        """Start one that is in the queue already."""
        if self.waiting_agents and may_start:
            return self._instant(self.waiting_agents[0], self.waiting_agents[0].branch, ())
        if not free or not len(self.queue):
            return None
        first = self.queue.first(
            lambda e: (may_start or (e.retried and limit == 0)) and self.ledger.fits(e.needs)
        )
        if first is None:
            return None
        if not first.paused and not first.retried and self._is_breakpoint(first.branch):
            return Break(first.id, first.state)
        return Start(first.id, first.state, first.attempt, ())

    def _rest(self, limit: int | None, may_start: bool) -> Command | None:  # noqa: FBT001 - as above
        """Nothing can start now: wait, or end the run's activity."""
        if self.running:
            return None
        if not self.branches:
            return Finish(AgentStatus.COMPLETED)
        if self.retrying and limit != PAUSE:
            return None
        if may_start and all(e.phase is Phase.INSIDE for e in self.executions.values()):
            return self._release_circle()
        # Only people can bring the run on, or the limit is used up.
        return None if limit is None else Finish(AgentStatus.PAUSED)

    def _release_circle(self) -> Command:
        """Only branches that wait for each other are left (semantics 5.4, 6.4)."""
        for scope in self.scopes.values():
            key = scope.joins.released()
            if key is not None:
                return self._release(scope, key, may_start=True, free=True)
        return Block(
            tuple(
                dict.fromkeys(
                    scope.prefix + group[0].state
                    for scope in self.scopes.values()
                    for group in scope.joins.waiting.values()
                )
            )
        )

    def _release(self, scope: Scope, key: Key, *, may_start: bool, free: bool) -> Command:
        group = scope.joins.waiting[key]
        first = group[0]
        number = self.execution_count + 1
        ids = tuple(branch.id for branch in group)
        name = scope.prefix + first.state
        if self._is_instant(first):
            return self._instant(None, first, ids) if may_start else Queue(number, name, ids)
        at_once = (
            free
            and not len(self.queue)
            and (not self._ordered or len(group) == len(self.branches))
            and not self._is_breakpoint(first)
            and self.ledger.fits(scope.topology.needs(first.node))
        )
        return Start(number, name, 1, ids) if at_once else Queue(number, name, ids)

    def _is_breakpoint(self, branch: Branch) -> bool:
        if not self.breakpoints:
            return False
        prefix = branch.scope.prefix
        return not self.breakpoints.isdisjoint({prefix + branch.state, prefix + branch.node})

    def _is_instant(self, branch: Branch) -> bool:
        """Whether it takes no slot: an agent, or a completion of an earlier run."""
        return branch.node in branch.scope.topology.rules.agents or self._is_reused(branch)

    def _is_reused(self, branch: Branch) -> bool:
        return branch.scope is self.root and branch.node in self.reused

    def _instant(
        self, execution: Execution | None, branch: Branch, ids: tuple[int, ...]
    ) -> Command:
        number = self.execution_count + 1 if execution is None else execution.id
        name = branch.scope.prefix + branch.state
        if self._is_reused(branch):
            return Reuse(number, name, ids)
        inner = branch.scope.topology.rules.agents[branch.node]
        return Enter(number, name, ids, (branch.start,) if branch.start else inner.starts)

    # ------------------------------------------------------------ what happened

    def apply(self, event: ev.Event) -> None:
        """Take in a fact about the run."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def set_topology(self, topology: Topology) -> None:
        """Take in a graph that has changed, with those of the agents that are states."""
        self._ordered = bool(topology.rules.needs or topology.rules.agents)
        for scope in self.scopes.values():
            if scope.outer is None:
                scope.set_topology(topology)
            else:
                around = scope.outer.branch.scope.topology.rules.agents
                scope.set_topology(around.get(scope.outer.branch.node, scope.topology))
        for execution in self.executions.values():
            if execution.phase is not Phase.QUEUED:  # the queue is ordered by what they need
                branch = execution.branch
                execution.needs = branch.scope.topology.needs(branch.node)

    def _set_status(self, status: AgentStatus) -> None:
        self.status = status

    def _run_started(self, event: ev.RunStarted) -> None:
        self.run_id, self.starts, self.status = event.run_id, event.starts, AgentStatus.RUNNING
        self.root.ends.now = event.time
        for state in event.starts:
            self.arrive(state, self.root)

    def _run_resumed(self, _: ev.RunResumed) -> None:
        self.status, self.failed = AgentStatus.RUNNING, False
        self.queue.forgive()
        for execution in self.executions.values():
            if execution.phase is Phase.PARKED:
                execution.attempt += 1
                execution.tries = 0
                execution.phase = Phase.QUEUED
                self.enqueue(execution)
                self._mark(execution.branch, StateStatus.READY)
        for scope in self.scopes.values():
            for group in scope.joins.waiting.values():
                if self.data_of(group[0])[0].status is StateStatus.BLOCKED:
                    self._mark(group[0], StateStatus.PENDING)

    def _taken_over(self, event: ev.CompletionTakenOver) -> None:
        self.reused.add(event.state)
        self.root.ends.note(event.state, event.completed, completed=True)
        self.root.joins.ended(event.state)

    def arrive(
        self,
        to: str | ev.Going,
        scope: Scope,
        lost: frozenset[str] = frozenset(),
        error: str | None = None,
    ) -> Branch | None:
        """A new branch comes to a state; None where it ends there, because another was first."""
        name = to if isinstance(to, str) else to.name
        node = scope.topology.node(name)
        if lost and node in lost:
            return None
        self.branch_count += 1
        branch = Branch(self.branch_count, name, node, scope)
        branch.lost, branch.error = lost, error
        if node != name:
            branch.inputs = scope.topology.rules.templates[node].match(name) or {}
        if not isinstance(to, str):
            branch.inputs = {**branch.inputs, **to.inputs}
            branch.alone, branch.start = to.alone, to.start
        elif scope.topology.rules.joins.get(node) == "each":
            branch.alone = True
        self.branches[branch.id] = scope.branches[branch.id] = branch
        scope.joins.arrive(branch)
        return branch

    def _take(self, number: int, ids: tuple[int, ...]) -> Execution:
        """Merge the branches that wait at a state into one execution."""
        scope = self.branches[ids[0]].scope
        first, *others = scope.joins.take(self.branches[ids[0]].key)
        for branch in others:
            self._remove(branch)
            scope.joins.moved(branch, (first,))
            first.lost &= branch.lost
        first.execution = number
        self.execution_count = number
        self._order += 1
        execution = self.executions[number] = Execution(
            number,
            scope.prefix + first.state,
            first,
            scope.topology.needs(first.node),
            self._order,
        )
        for data in self.data_of(first):
            data.executions += 1
        rules = scope.topology.rules
        if rules.joins.get(first.node) == "first":
            self._be_first(first)
        if rules.dependencies:
            self._satisfied(first)
        return execution

    def _be_first(self, first: Branch) -> None:
        """Other branches alive now end when they come to this state (semantics 5.2)."""
        scope, lost = first.scope, frozenset({first.node})
        for branch in list(scope.branches.values()):
            if branch is not first:
                branch.lost |= lost
                if branch.execution is None and branch.node == first.node:
                    scope.joins.drop(branch)
                    self._remove(branch)
                scope.joins.moved(branch)

    def _satisfied(self, first: Branch) -> None:
        """A dependent becomes ready: use up what counts once, start what runs beside it."""
        scope, node = first.scope, first.node
        ends, topology = scope.ends, scope.topology
        ends.started.add(node)
        ends.take(node, topology.rules.dependencies.get(node, {}))
        for beside in topology.parallel.get(node, ()):
            alive = any(branch.node == beside for branch in scope.branches.values())
            if not alive and beside not in ends.started:
                self.arrive(ev.Going(beside, alone=True), scope, first.lost)

    def _remove(self, branch: Branch) -> None:
        del self.branches[branch.id]
        del branch.scope.branches[branch.id]

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

    def _mark(self, branch: Branch, status: StateStatus) -> None:
        for data in self.data_of(branch):
            data.status = status

    def _queued(self, event: ev.StateQueued) -> None:
        execution = self._take(event.execution, event.branches)
        self.enqueue(execution)
        self._mark(execution.branch, StateStatus.READY)

    def enqueue(self, execution: Execution) -> None:
        """Let an execution wait until it may start."""
        if self._is_instant(execution.branch):
            self.waiting_agents.append(execution)
        else:
            self.queue.add(execution)

    def _started(self, event: ev.StateStarted) -> None:
        execution = self.executions.get(event.execution)
        if execution is None:
            execution = self._take(event.execution, event.branches)
        else:
            self.queue.remove(execution)
        execution.phase, execution.retried = Phase.RUNNING, False
        execution.tries += 1
        self._occupy(execution)
        for data in self.data_of(execution.branch):
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
        self._end(execution, event.next, event.time)

    def _end(self, execution: Execution, going: ev.Next, time: float, error: str = "") -> None:
        """An execution has ended: branches go on from it, or its branch ends."""
        branch = execution.branch
        scope = branch.scope
        topology, prefix = scope.topology, scope.prefix
        if not error:
            self.completed[execution.state] = None
            for data in self.data_of(branch):
                data.completions += 1
        self._remove(branch)
        led = topology.led_from.get(branch.node, ())
        children = [
            child
            for to in (*going, *led)
            if (child := self.arrive(to, scope, branch.lost, error if to not in led else None))
        ]
        for child in children:
            self.taken[prefix + branch.node, prefix + child.node] += 1
        if branch.node in topology.dependents:
            scope.ends.now = time
            scope.ends.note(branch.node, time, completed=not error)
            scope.joins.ended(branch.node)
        scope.joins.moved(branch, children)
        if not scope.branches and scope.outer is not None:
            self.ended_agents.append(scope)

    def _leave(self, execution: Execution, status: StateStatus, time: float) -> None:
        """An attempt has ended: give its slot back."""
        if execution.phase is Phase.RUNNING:
            self._release_slot(execution)
        elif execution.phase is Phase.ANSWERED:
            self.answered.remove(execution)
        elif execution.phase is Phase.INSIDE:
            self.ended_agents.remove(self.scopes.pop(execution.id))
        for data in self.data_of(execution.branch):
            data.status, data.ended = status, time

    def _state_failed(self, event: ev.StateFailed) -> None:
        execution = self.executions[event.execution]
        status = StateStatus.TIMEOUT if event.timed_out else StateStatus.FAILED
        self._leave(execution, status, event.time)
        for data in self.data_of(execution.branch):
            data.error = event.error
        execution.prompts = 0
        if event.retry_at is not None:
            execution.phase = Phase.RETRYING
            self.retrying += 1
        elif event.handler is not None:
            del self.executions[execution.id]
            handler = ev.Going(event.handler, alone=True)
            self._end(execution, (handler,), event.time, event.error)
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
        self._order += 1
        execution.order, execution.attempt = self._order, execution.attempt + 1
        execution.phase, execution.retried = Phase.QUEUED, True
        self.queue.add(execution)
        self._mark(execution.branch, StateStatus.READY)

    def _breakpoint_reached(self, event: ev.BreakpointReached) -> None:
        self.executions[event.execution].paused = True

    # ------------------------------------------------------------ agents that are states

    def _agent_entered(self, event: ev.AgentEntered) -> None:
        execution = self.executions.get(event.execution)
        if execution is None:
            execution = self._take(event.execution, event.branches)
        else:
            self.waiting_agents.remove(execution)
        execution.phase = Phase.INSIDE
        branch = execution.branch
        inner = branch.scope.topology.rules.agents[branch.node]
        scope = self.scopes[execution.id] = Scope(inner, execution)
        scope.ends.now = event.time
        for data in self.data_of(branch):
            data.status, data.attempts = StateStatus.RUNNING, 1
            data.started, data.ended, data.error = event.time, None, None
        for state in event.starts:
            self.arrive(state, scope)

    def _state_reused(self, event: ev.StateReused) -> None:
        execution = self.executions.get(event.execution)
        if execution is None:
            execution = self._take(event.execution, event.branches)
        else:
            self.waiting_agents.remove(execution)
        del self.executions[execution.id]
        for data in self.data_of(execution.branch):
            data.status, data.executions = StateStatus.COMPLETED, data.executions - 1
        self._end(execution, event.next, event.time)

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
            self._mark(execution.branch, StateStatus.WAITING)
        elif execution.phase is Phase.ANSWERED:  # it needs no slot yet: it asks something else
            execution.phase = Phase.ASKING
            self.answered.remove(execution)
            self._mark(execution.branch, StateStatus.WAITING)

    def _prompt_settled(self, event: ev.PromptAnswered | ev.PromptExpired) -> None:
        execution = self.executions[event.execution]
        execution.prompts -= 1
        if not execution.prompts:
            execution.phase = Phase.ANSWERED
            self.answered.append(execution)
            self._mark(execution.branch, StateStatus.READY)

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
        self._mark(execution.branch, StateStatus.RUNNING)
