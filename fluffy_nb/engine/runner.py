"""Carries out what the machine decides: starts tasks, and tells back how they end, as events."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.attempts import Attempt, executing
from fluffy_nb.engine.cancelling import Cancelling
from fluffy_nb.engine.commands import (
    PAUSE,
    Block,
    Break,
    Continue,
    Enter,
    Exit,
    Finish,
    Queue,
    Reuse,
    Start,
)
from fluffy_nb.engine.context import Context, SharedState
from fluffy_nb.engine.countdown import Countdown
from fluffy_nb.engine.definition import Definition
from fluffy_nb.engine.execution import Branch, Phase
from fluffy_nb.engine.explain import explain
from fluffy_nb.engine.graph import check_open
from fluffy_nb.engine.kept import Kept
from fluffy_nb.engine.machine import Machine
from fluffy_nb.engine.observers import Observers
from fluffy_nb.engine.people import People
from fluffy_nb.engine.planning import is_open, topology_of
from fluffy_nb.engine.prompt import Responder
from fluffy_nb.engine.resources import ResourcePool
from fluffy_nb.engine.responders import PreparedAnswers
from fluffy_nb.engine.result import RunResult
from fluffy_nb.engine.results import read_result
from fluffy_nb.engine.scope import Scope
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.engine.topology import Topology
from fluffy_nb.errors import BlockedError, FluffyError, RestoredError, UnknownStateError

T = TypeVar("T")

HISTORY = 10_000
"""How many events of a run are kept in memory."""

YIELD_SECONDS = 0.005
"""A chain of states that never waits lets the loop do other things this often."""

Outcome = RunResult | BaseException
"""What `run()` returns or raises."""


@dataclass(slots=True)
class Settings:
    """What an agent says about its runs.

    Args:
        max_concurrent: How many executions may run at once; None for no limit.
        pool: What executions can take together.
        breakpoints: States before which a run pauses; changes count at once.
        kept: Completions that count in later runs; added to.
    """

    max_concurrent: int | None = None
    pool: ResourcePool = field(default_factory=ResourcePool)
    breakpoints: AbstractSet[str] = frozenset()
    kept: dict[str, Kept] = field(default_factory=dict)


class Runner:
    """One run in its loop: owns the machine, the shared state and the order of events.

    Args:
        definition: The agent's states; may change during the run.
        starts: Where the run starts.
        settings: What the agent says about its runs.
        observers: Get every event.
        shared: The run's values.
        find_responder: Says who answers prompts.
        answers: Prepared answers.
    """

    def __init__(
        self,
        definition: Definition,
        starts: tuple[str, ...],
        settings: Settings,
        observers: Observers,
        shared: SharedState,
        find_responder: Callable[[], Responder | None],
        answers: PreparedAnswers,
    ) -> None:
        self.seq = 0
        self.history: deque[ev.Event] = deque(maxlen=HISTORY)
        self._bind()
        self.definition = definition
        self.kept = settings.kept
        self._starts = starts
        self._observers = observers
        self._undelivered: deque[ev.Event] = deque()
        self._delivering = False
        self._sent: dict[int, set[str]] = {}
        self.shared = shared
        self.machine = Machine(
            self._topology(starts, {}), settings.max_concurrent, settings.pool, settings.breakpoints
        )
        self.people = People(self, find_responder, answers)
        self.limit: int | None = None
        self.settled: asyncio.Future[Outcome] = self.loop.create_future()
        self.on_settled: Callable[[AgentStatus], Outcome]  # called when activity has ended
        self.abandoned = False
        """Whether another run has taken this one's place."""
        self.errors: list[FluffyError] = []
        self.interrupt: BaseException | None = None
        self.tasks: dict[int, asyncio.Task[None]] = {}  # of the executions that run or ask
        self._attempts: dict[int, Attempt] = {}
        self._retries: dict[int, Countdown] = {}  # of the executions that wait for another attempt
        self._handled: dict[int, BaseException] = {}  # by the branch that goes on from a failure
        self._deciding = False
        self.cancelling = Cancelling(self)

    def _bind(self) -> None:
        """Live on the loop that runs now; a run may be resumed on another than it began on."""
        self.loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._context = contextvars.copy_context()
        last = self.history[-1].time if self.history else 0.0
        self._epoch = max(time.time(), last) - self.loop.time()
        self._yielded = self.loop.time()

    # ------------------------------------------------------------ events

    def now(self) -> float:
        """The run's time, seconds since the epoch; it never goes back."""
        return self._epoch + self.loop.time()

    def emit(self, kind: type[ev.Event], *details: Any) -> ev.Event:
        """Make the next event of the run, take it in and deliver it."""
        self.seq += 1
        event = kind(self.seq, self.now(), *details)
        self.machine.apply(event)
        if kind in _CLOCKS:
            self._mind_clock(event)
        self.history.append(event)
        self._undelivered.append(event)
        if not self._delivering:
            self._deliver()
        return event

    def _mind_clock(self, event: ev.Event) -> None:
        """The time that a state waits for a person does not count (semantics 8.2)."""
        attempt = self._attempts.get(event.execution)  # type: ignore[attr-defined]  # all have it
        if attempt is None or attempt.clock is None:
            return
        if self.is_asking(attempt.execution.id):
            attempt.clock.stop()
        elif attempt.execution.phase is Phase.RUNNING:
            attempt.clock.start()

    def _deliver(self) -> None:
        """Hand the events on in order: one that an observer causes comes after the one it saw."""
        self._delivering = True
        try:
            while self._undelivered:
                self._observers.deliver(self._undelivered.popleft())
        finally:
            self._delivering = False

    def cross(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function in the loop's thread: at once if this is it, else soon."""
        if threading.get_ident() == self._thread:
            function(*arguments)
        else:
            self.loop.call_soon_threadsafe(function, *arguments)

    async def at_home(self, verb: Coroutine[Any, Any, T]) -> T:
        """Await a verb in the run's loop, also when the caller lives in another thread's."""
        if self.loop is asyncio.get_running_loop() or not self.loop.is_running():
            return await verb
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(verb, self.loop))

    async def breathe(self) -> None:
        """Let the loop do other things, if it has not for a while."""
        if self.loop.time() - self._yielded > YIELD_SECONDS:
            await asyncio.sleep(0)
            self._yielded = self.loop.time()

    def is_inside(self) -> bool:
        """Whether a state of this run is calling: it must not wait for its own end."""
        context = executing.get()
        return context is not None and any(
            attempt.context is context for attempt in self._attempts.values()
        )

    # ------------------------------------------------------------ going on

    def go(self, limit: int | None, began: tuple[type[ev.Event], tuple[Any, ...]]) -> None:
        """Begin or resume the run's activity.

        Args:
            limit: How many executions may start or go on; None for no limit.
            began: The event that says so, and its details.
        """
        if self.loop is not asyncio.get_running_loop():
            self._leave_loop()
        self._bind()
        self.limit = limit
        self.errors.clear()
        self.interrupt = None
        if self.settled.done():
            self.settled = self.loop.create_future()
        self.emit(began[0], *began[1])
        if began[0] is ev.RunStarted:
            self._take_over()
        for retry in self._retries.values():
            retry.start()
        self.people.go_on()
        self.advance()

    def _take_over(self) -> None:
        """Let completions of earlier runs count, and what was written then (semantics 6)."""
        for name, kept in list(self.kept.items()):
            if kept.counts(self.machine.root.topology.rules.dependencies, name, self.now()):
                self.shared.take_over(kept.values, kept.writers)
                self.emit(ev.CompletionTakenOver, name, kept.time)

    def advance(self) -> None:
        """Do all that can be done now, each new execution in a task of its own."""
        for started in self._decisions():
            self._spawn(started)

    def _decisions(self) -> list[ev.StateStarted]:
        """Carry out the machine's commands; the attempts that began are left to the caller."""
        began: list[ev.StateStarted] = []
        if self._deciding or self.cancelling:
            return began  # where an observer's answer led here, whoever is deciding goes on
        self._deciding = True
        try:
            while command := self.machine.decide(self.limit):
                if isinstance(command, Start):
                    retried = command.execution in self.machine.executions and (
                        self.machine.executions[command.execution].retried
                    )
                    if not retried:
                        self._count_down()
                    event = self.emit(ev.StateStarted, *command)
                    began.append(event)  # type: ignore[arg-type]  # emit returns what it makes
                elif isinstance(command, Finish):
                    self._finish(command.status)
                else:
                    self._carry_out(command)
        finally:
            self._deciding = False
        return began

    def _carry_out(self, command: Queue | Break | Enter | Exit | Reuse | Continue | Block) -> None:
        match command:
            case Queue():
                self.emit(ev.StateQueued, *command)
            case Continue():
                self._count_down()
                self.emit(ev.StateContinued, *command)
                self.people.hand_over(command.execution)
            case Break():
                self.limit = PAUSE
                self.emit(ev.BreakpointReached, *command)
            case Enter():
                self.emit(ev.AgentEntered, *command)
            case Exit():
                self._exit(command)
            case Reuse():
                self.emit(ev.StateReused, *command, self.kept[command.state].next)
            case Block():
                self._block(command.states)

    def _exit(self, command: Exit) -> None:
        """An agent that is a state has ended: go on where it was declared to."""
        branch = self.machine.executions[command.execution].branch
        definition = self._definition_of(branch.scope)
        spec = definition.spec(branch.state)
        names = list(spec.next or ()) if spec is not None else []
        try:
            going = read_result(definition, command.state, names, 1, self.machine.run_id)
        except UnknownStateError as error:
            self.errors.append(error)
            self.emit(ev.StateFailed, command.execution, command.state, 1, str(error))
        else:
            self.emit(ev.StateCompleted, command.execution, command.state, 1, going)

    def _block(self, states: tuple[str, ...]) -> None:
        reasons = {name: explain(self.machine, name) for name in states}
        self.errors.append(BlockedError(self.machine.run_id, reasons))
        for name, why in reasons.items():
            self.emit(ev.StateBlocked, name, why)

    def _count_down(self) -> None:
        if self.limit is not None and self.limit > 0:
            self.limit -= 1

    def _finish(self, status: AgentStatus) -> None:
        if status is AgentStatus.PAUSED:
            self._settle(status, ev.RunPaused)
            self.people.stop_clocks()
        elif status is AgentStatus.FAILED:
            self.people.withdraw_all()
            self._settle(status, ev.RunFailed, str(self.errors[0]))
        else:
            self._settle(status, ev.RunCompleted)

    def _settle(self, status: AgentStatus, kind: type[ev.Event], *details: Any) -> None:
        """End the activity; the event comes last: an observer may go on with the run at once."""
        for retry in self._retries.values():
            retry.stop()
        if self.settled.done():  # it was paused, and is cancelled now
            self.settled = self.loop.create_future()
        self.settled.set_result(self.on_settled(status))
        self.emit(kind, *details)

    def is_asking(self, execution: int) -> bool:
        """Whether an execution has a prompt open still."""
        found = self.machine.executions.get(execution)
        return found is not None and found.phase is Phase.ASKING

    # ------------------------------------------------------------ executions

    def _spawn(self, started: ev.StateStarted) -> None:
        task = self.loop.create_task(
            self._work(started), name=f"fluffy:{started.state}", context=self._context.copy()
        )
        self._enter(started, task)
        task.add_done_callback(lambda task: self._check_begun(started, task))

    def _enter(self, started: ev.StateStarted, task: asyncio.Task[None]) -> Attempt:
        execution = self.machine.executions[started.execution]
        branch = execution.branch
        context = Context(
            self,
            started.execution,
            started.state,
            started.attempt,
            branch.inputs,
            self._error_of(branch),
        )
        attempt = Attempt(self, execution, self._definition_of(branch.scope), context)
        attempt.task = self.tasks[started.execution] = task
        self._attempts[started.execution] = attempt
        return attempt

    def _error_of(self, branch: Branch) -> BaseException | None:
        """The failure that led a branch here; after a restore only its text is known."""
        if branch.error is None:
            return None
        return self._handled.get(branch.id) or RestoredError(branch.error)

    def _definition_of(self, scope: Scope) -> Definition:
        if scope.outer is None:
            return self.definition
        around = scope.outer.branch
        spec = self._definition_of(around.scope).spec(around.state)
        if spec is None or spec.flow is None:  # it was replaced by a function meanwhile
            return Definition(scope.prefix, None)
        definition: Definition = spec.flow.definition
        return definition

    def _check_begun(self, started: ev.StateStarted, task: asyncio.Task[None]) -> None:
        """A task that is cancelled before its first step does nothing: tell the end for it."""
        if self.tasks.get(started.execution) is task:
            self.cancelling.interrupted(None)
            self._leave(self._attempts[started.execution], ev.StateCancelled, (), None)

    async def _work(self, started: ev.StateStarted) -> None:
        """Run an attempt, and go on with a state that follows it in the same task."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        attempt = self._attempts[started.execution]
        while True:
            attempt.start_clock()
            kind, details, error = await attempt.run()
            if self._attempts.get(attempt.execution.id) is not attempt:
                return  # given up on: it did not end within the cleanup time
            self._leave(attempt, kind, details, error)
            began = self._decisions()
            if not began:
                return
            following, *others = began
            attempt = self._enter(following, task)
            while task.cancelling():
                task.uncancel()  # a cancellation that the state before has swallowed
            for other in others:
                self._spawn(other)

    def _leave(
        self,
        attempt: Attempt,
        kind: type[ev.Event],
        details: tuple[Any, ...],
        error: BaseException | None,
    ) -> None:
        """An attempt has ended: tell it, and what was written."""
        execution, context = attempt.execution, attempt.context
        del self.tasks[execution.id], self._attempts[execution.id]
        if attempt.clock is not None:
            attempt.clock.stop()
        context.close()
        self.people.withdraw_of(execution.id, interrupted=kind is ev.StateCancelled)
        written, removed = tuple(context.written), tuple(context.removed)
        details = (execution.id, execution.state, context.attempt, *details, written, removed)
        if error is not None:
            self._fail(attempt, error, details)
        else:
            if kind is ev.StateCompleted:
                self._completes(attempt, details[3], written)
            self.emit(kind, *details)
        self.cancelling.look()

    def _completes(self, attempt: Attempt, going: ev.Next, written: tuple[str, ...]) -> None:
        """A state ends well: see what the graph did not tell, and keep what later runs use."""
        branch = attempt.execution.branch
        scope = branch.scope
        topology = scope.topology
        if self._handled:
            self._handled.pop(branch.id, None)
        for to in going:
            name = to if isinstance(to, str) else to.name
            alone = not isinstance(to, str) and to.alone
            node = topology.node(name)
            if not topology.knows(branch.node, node):
                self._learn(scope, attempt.definition, branch.node, node, alone=alone)
            elif alone and node not in topology.rules.sent:
                self._learn(scope, attempt.definition, branch.node, node, alone=True)
        if scope is self.machine.root and branch.node in topology.dependents:
            values = {key: self.shared.values[key] for key in written if key in self.shared.values}
            writers = {key: self.shared.writers[key] for key in values}
            kept = Kept(self.now(), going, values, writers)
            if kept.outlives(topology.rules.dependencies, branch.node):
                self.kept[branch.node] = kept

    def _fail(
        self, attempt: Attempt, error: BaseException, details: tuple[Any, ...]
    ) -> None:
        """An attempt has failed: it is tried again, a handler goes on, or the run fails."""
        execution = attempt.execution
        delay = attempt.retry_delay(error)
        handler = None if attempt.spec is None else attempt.spec.on_error
        if delay is not None:
            late = (attempt.timed_out, self.now() + delay)
            self.emit(ev.StateFailed, *details, *late)
            self._retry_in(delay, execution.id, execution.state)
        elif handler is not None and attempt.definition.spec(handler) is not None:
            self._handled[self.machine.branch_count + 1] = error
            self.emit(ev.StateFailed, *details, attempt.timed_out, None, handler)
        else:
            wrapped = attempt.state_error(error)
            if self.errors:
                self.errors[0].add_note(f"and also: {wrapped}")
            self.errors.append(wrapped)
            self.emit(ev.StateFailed, *details, attempt.timed_out)

    def _retry_in(self, delay: float, execution: int, state: str) -> None:
        def due() -> None:
            del self._retries[execution]
            self.emit(ev.RetryDue, execution, state)
            self.advance()

        retry = self._retries[execution] = Countdown(delay, due)
        if self.machine.status is AgentStatus.RUNNING:
            retry.start()

    # ------------------------------------------------------------ the graph

    def check_fork(self, definition: Definition, what: str) -> None:
        """Refuse several branches in a flow where it can't be told what joins wait for."""
        if self._open:
            starts = self.machine.starts if definition is self.definition else None
            check_open(definition.graph(starts), what)

    def _learn(
        self, scope: Scope, definition: Definition, source: str, target: str, *, alone: bool
    ) -> None:
        """A state went where its code did not tell."""
        if alone:
            self._sent.setdefault(id(definition), set()).add(target)
        edge = (scope.prefix + source, scope.prefix + target)
        self.graph_changed((), {**self.machine.taken, edge: 1})

    def graph_changed(
        self, states: tuple[str, ...], taken: Mapping[tuple[str, str], int] | None = None
    ) -> None:
        """Look at the joins anew, because states were changed or an unknown edge was taken."""
        taken = self.machine.taken if taken is None else taken
        self.machine.set_topology(self._topology(self.machine.starts, taken))
        self.emit(ev.GraphChanged, states)

    def restored(self) -> None:
        """Look at the graph with what the restored branches tell, and states the agent lacks."""
        for branch in self.machine.branches.values():
            if branch.alone:
                definition = self._definition_of(branch.scope)
                self._sent.setdefault(id(definition), set()).add(branch.node)
        self.graph_changed(())

    def _topology(self, starts: tuple[str, ...], taken: Mapping[tuple[str, str], int]) -> Topology:
        graph = self.definition.graph(starts, taken)
        self._open = is_open(graph)
        machine = getattr(self, "machine", None)
        standing = [] if machine is None else machine.root.branches.values()
        lacking = [b.state for b in standing if self.definition.spec(b.state) is None]
        return topology_of(self.definition, graph, self._sent, lacking)

    # ------------------------------------------------------------ ending early

    def end_cancelled(self, reason: str) -> None:
        """All that ran has been cancelled and has ended."""
        if self.machine.status in {AgentStatus.RUNNING, AgentStatus.PAUSED}:
            self._settle(AgentStatus.CANCELLED, ev.RunCancelled, reason)

    def give_up(self, execution: int) -> str:
        """Go on without an attempt that does not end; returns its state."""
        attempt = self._attempts[execution]
        self._leave(attempt, ev.StateCancelled, (), None)
        return attempt.context.state

    def _leave_loop(self) -> None:
        """Bodies that wait on another loop can't go on here: they begin again."""
        for execution, task in list(self.tasks.items()):
            self.give_up(execution)
            if not self.loop.is_closed():
                task.cancel()

    def abandon(self) -> None:
        """Another run takes this one's place: end what it left suspended, unseen."""
        self.abandoned = True
        self._observers = Observers()
        if self.loop.is_running():
            self.cross(self.cancelling.begin, "another run began")
        else:
            self._leave_loop()


_CLOCKS = frozenset({ev.PromptOpened, ev.PromptWithdrawn, ev.StateContinued})
"""The events with which a state stops, or goes on, using its time."""
