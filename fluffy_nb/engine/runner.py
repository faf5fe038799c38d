"""Carries out what the machine decides: starts tasks, and tells back how they end, as events."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar, cast

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.cancelling import Cancelling
from fluffy_nb.engine.commands import Continue, Queue, Start
from fluffy_nb.engine.context import Context, SharedState
from fluffy_nb.engine.definition import Definition
from fluffy_nb.engine.executors.thread import call_in_thread
from fluffy_nb.engine.graph import check_open
from fluffy_nb.engine.joins import Topology
from fluffy_nb.engine.machine import Machine, Phase
from fluffy_nb.engine.observers import Observers
from fluffy_nb.engine.people import People, Responder
from fluffy_nb.engine.responders import PreparedAnswers
from fluffy_nb.engine.result import RunResult
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import (
    InvalidResultError,
    StateError,
    UnknownStateError,
    shortened,
)

T = TypeVar("T")

HISTORY = 10_000
"""How many events of a run are kept in memory."""

YIELD_SECONDS = 0.005
"""A chain of states that never waits lets the loop do other things this often."""

Outcome = RunResult | BaseException
"""What `run()` returns or raises."""

_executing: contextvars.ContextVar[Context | None] = contextvars.ContextVar(
    "fluffy_executing", default=None
)
"""The attempt that the running code is part of, in its own tasks and threads as well."""


class Runner:
    """One run in its loop: owns the machine, the shared state and the order of events.

    Args:
        definition: The agent's states; may change during the run.
        starts: Where the run starts.
        max_concurrent: How many executions may run at once.
        observers: Get every event.
        shared: The run's values.
        find_responder: Says who answers prompts.
        answers: Prepared answers.
    """

    def __init__(
        self,
        definition: Definition,
        starts: tuple[str, ...],
        max_concurrent: int | None,
        observers: Observers,
        shared: SharedState,
        find_responder: Callable[[], Responder | None],
        answers: PreparedAnswers,
    ) -> None:
        self.seq = 0
        self.history: deque[ev.Event] = deque(maxlen=HISTORY)
        self._bind()
        self._definition = definition
        self._starts = starts
        self._observers = observers
        self._undelivered: deque[ev.Event] = deque()
        self._delivering = False
        self.shared = shared
        self.machine = Machine(self._topology(starts, {}), max_concurrent)
        self.people = People(self, find_responder, answers)
        self.limit: int | None = None
        self.settled: asyncio.Future[Outcome] = self.loop.create_future()
        self.on_settled: Callable[[AgentStatus], Outcome]  # called when activity has ended
        self.abandoned = False
        """Whether another run has taken this one's place."""
        self.errors: list[StateError] = []
        self.interrupt: BaseException | None = None
        self.tasks: dict[int, asyncio.Task[None]] = {}  # of the executions that run or ask
        self._contexts: dict[int, Context] = {}
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
        self.history.append(event)
        self._undelivered.append(event)
        if not self._delivering:
            self._deliver()
        return event

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

    def is_inside(self) -> bool:
        """Whether a state of this run is calling: it must not wait for its own end."""
        return _executing.get() in self._contexts.values()

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
        self.people.go_on()
        self.advance()

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
                    self._count_down()
                    event = self.emit(ev.StateStarted, *command)
                    began.append(event)  # type: ignore[arg-type]  # emit returns what it makes
                elif isinstance(command, Queue):
                    self.emit(ev.StateQueued, *command)
                elif isinstance(command, Continue):
                    self._count_down()
                    self.emit(ev.StateContinued, *command)
                    self.people.hand_over(command.execution)
                else:
                    self._finish(command.status)
        finally:
            self._deciding = False
        return began

    def _count_down(self) -> None:
        if self.limit is not None:
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

    def _enter(self, started: ev.StateStarted, task: asyncio.Task[None]) -> None:
        self.tasks[started.execution] = task
        self._contexts[started.execution] = Context(
            self, started.execution, started.state, started.attempt
        )

    def _check_begun(self, started: ev.StateStarted, task: asyncio.Task[None]) -> None:
        """A task that is cancelled before its first step does nothing: tell the end for it."""
        if self.tasks.get(started.execution) is task:
            self.cancelling.interrupted(None)
            self._leave(started, ev.StateCancelled)

    async def _work(self, started: ev.StateStarted) -> None:
        """Run an attempt, and go on with a state that follows it in the same task."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        while True:
            kind, details = await self._attempt(started, task)
            if self.tasks.get(started.execution) is not task:
                return  # given up on: it did not end within the cleanup time
            self._leave(started, kind, *details)
            began = self._decisions()
            if not began:
                return
            started, *others = began
            self._enter(started, task)
            while task.cancelling():
                task.uncancel()  # a cancellation that the state before has swallowed
            for other in others:
                self._spawn(other)

    def _leave(self, started: ev.StateStarted, kind: type[ev.Event], *details: Any) -> None:
        """An attempt has ended: tell it, and what was written."""
        del self.tasks[started.execution]
        context = self._contexts.pop(started.execution)
        context.close()
        self.people.withdraw_of(started.execution)
        written, removed = tuple(context.written), tuple(context.removed)
        self.emit(
            kind, started.execution, started.state, started.attempt, *details, written, removed
        )
        self.cancelling.look()

    async def _attempt(
        self, started: ev.StateStarted, task: asyncio.Task[None]
    ) -> tuple[type[ev.Event], tuple[Any, ...]]:
        """Call the state's function once; how it ended, as an event to be."""
        state = started.state
        context = self._contexts[started.execution]
        _executing.set(context)
        try:
            if self.loop.time() - self._yielded > YIELD_SECONDS:
                await asyncio.sleep(0)
                self._yielded = self.loop.time()
            spec = self._definition.states.get(state)
            if spec is None:
                error = self._unknown(state, None, started.attempt)
                return ev.StateFailed, (self._failed(started, error),)
            if spec.is_async:
                result = await spec.function(context)
            else:
                result = await call_in_thread(spec.function, context, name=f"fluffy:{state}")
                if inspect.isawaitable(result):
                    result = await result
            return ev.StateCompleted, (self._targets(started, result),)
        except asyncio.CancelledError as error:
            if not self.cancelling and not task.cancelling():  # the state raised it on its own
                return ev.StateFailed, (self._failed(started, error),)
            self.cancelling.interrupted(None)
            return ev.StateCancelled, ()
        except Exception as error:  # noqa: BLE001 - whatever a state raises fails the state
            return ev.StateFailed, (self._failed(started, error),)
        except BaseException as error:  # noqa: BLE001 - Ctrl-C in a state that blocks the loop
            self.cancelling.interrupted(error)
            return ev.StateCancelled, ()

    def _failed(self, started: ev.StateStarted, error: BaseException) -> str:
        problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, StateError) and error.run_id == self.machine.run_id:
            wrapped: StateError = error
        else:
            wrapped = StateError(started.state, started.attempt, self.machine.run_id, problem)
            wrapped.__cause__ = error
        if self.errors:
            self.errors[0].add_note(f"and also: {wrapped}")
        self.errors.append(wrapped)
        return problem

    def _targets(self, started: ev.StateStarted, result: object) -> tuple[str, ...]:
        """Read a state's result (semantics 4)."""
        state = started.state
        names = [] if result is None else [result] if isinstance(result, str) else result
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InvalidResultError(state, result, started.attempt, self.machine.run_id)
        targets = tuple(map(str.__str__, names))  # plain strings, of enum members as well
        for name in targets:
            if name not in self._definition.states:
                raise self._unknown(name, state, started.attempt)
        if len(targets) > 1:
            what = f"state {state!r} returned {shortened(list(targets))}"
            check_open(self._definition.graph(self._starts), what)
        if any((state, name) not in self._edges for name in targets):
            taken = {**self.machine.taken, **{(state, name): 1 for name in targets}}
            self.graph_changed((), taken)
        return targets

    def _unknown(self, name: str, state: str | None, attempt: int) -> UnknownStateError:
        return UnknownStateError(
            name, tuple(self._definition.states), state, attempt, self.machine.run_id
        )

    # ------------------------------------------------------------ the graph

    def graph_changed(
        self, states: tuple[str, ...], taken: Mapping[tuple[str, str], int] | None = None
    ) -> None:
        """Look at the joins anew, because states were changed or an unknown edge was taken."""
        taken = self.machine.taken if taken is None else taken
        self.machine.set_topology(self._topology(self.machine.starts, taken))
        self.emit(ev.GraphChanged, states)

    def _topology(self, starts: tuple[str, ...], taken: Mapping[tuple[str, str], int]) -> Topology:
        graph = self._definition.graph(starts, taken)
        successors = graph.successors()
        self._edges = {(edge.source, edge.target) for edge in graph.edges}
        # States that a checkpoint speaks of and the agent lacks are reported when needed.
        lacking = [name for name in self._standing() if name not in successors]
        states = [*graph.states, *dict.fromkeys(lacking)]
        return Topology(
            states,
            {name: successors.get(name, []) for name in states},
            [name for name in starts if name in states],
        )

    def _standing(self) -> list[str]:
        machine = getattr(self, "machine", None)
        return [branch.state for branch in machine.branches.values()] if machine else []

    # ------------------------------------------------------------ ending early

    def end_cancelled(self, reason: str) -> None:
        """All that ran has been cancelled and has ended."""
        if self.machine.status in {AgentStatus.RUNNING, AgentStatus.PAUSED}:
            self._settle(AgentStatus.CANCELLED, ev.RunCancelled, reason)

    def give_up(self, execution: int) -> str:
        """Go on without an attempt that does not end; returns its state."""
        context = self._contexts[execution]
        started = ev.StateStarted(0, 0.0, execution, context.state, context.attempt, ())
        self._leave(started, ev.StateCancelled)
        return context.state

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
