"""Carries out what the machine decides: starts tasks, and tells back how they end, as events."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, cast

from fluffy_nb.engine import events as ev
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
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import (
    CleanupWarning,
    InvalidResultError,
    StateError,
    UnknownStateError,
    listed,
    shortened,
)

HISTORY = 10_000
"""How many events of a run are kept in memory."""

YIELD_SECONDS = 0.005
"""A chain of states that never waits lets the loop do other things this often."""


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
        self._bind()
        self._definition = definition
        self._starts = starts
        self._observers = observers
        self.shared = shared
        self.seq = 0
        self.history: deque[ev.Event] = deque(maxlen=HISTORY)
        self.machine = Machine(self._topology(starts, {}), max_concurrent)
        self.people = People(self, find_responder, answers)
        self.limit: int | None = None
        self.settled: asyncio.Future[AgentStatus] = self.loop.create_future()
        self.on_settled: Callable[[], object] = lambda: None  # called when activity has ended
        self.errors: list[StateError] = []
        self.interrupt: BaseException | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._contexts: dict[int, Context] = {}
        self._cancelling = ""  # why, while the run is being cancelled
        self._yielded = 0.0

    def _bind(self) -> None:
        """Live on the loop that runs now; a run may be resumed on another than it began on."""
        self.loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._epoch = time.time() - self.loop.time()

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
        self._observers.deliver(event)
        return event

    def cross(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call a function in the loop's thread: at once if this is it, else soon."""
        if threading.get_ident() == self._thread:
            function(*arguments)
        else:
            self.loop.call_soon_threadsafe(function, *arguments)

    # ------------------------------------------------------------ going on

    def go(self, limit: int | None, began: tuple[type[ev.Event], tuple[Any, ...]]) -> None:
        """Begin or resume the run's activity.

        Args:
            limit: How many executions may start or go on; None for no limit.
            began: The event that says so, and its details.
        """
        self.limit = limit
        self.errors.clear()
        self.interrupt = None
        self._bind()
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
        if self._cancelling:
            return began
        while command := self.machine.decide(self.limit):
            if isinstance(command, Start):
                event = self.emit(ev.StateStarted, *command)
                began.append(event)  # type: ignore[arg-type]  # emit returns what it was asked for
                self._count_down()
            elif isinstance(command, Queue):
                self.emit(ev.StateQueued, *command)
            elif isinstance(command, Continue):
                self.emit(ev.StateContinued, *command)
                self.people.hand_over(command.execution)
                self._count_down()
            else:
                self._finish(command.status)
        return began

    def _count_down(self) -> None:
        if self.limit is not None:
            self.limit -= 1

    def _finish(self, status: AgentStatus) -> None:
        if status is AgentStatus.PAUSED:
            self.emit(ev.RunPaused)
            self.people.stop_clocks()
        elif status is AgentStatus.FAILED:
            self.people.withdraw_all()
            self.emit(ev.RunFailed, str(self.errors[0]))
        else:
            self.emit(ev.RunCompleted)
        self._settle(status)

    def _settle(self, status: AgentStatus) -> None:
        self.on_settled()
        self.settled.set_result(status)

    def is_asking(self, execution: int) -> bool:
        """Whether an execution has a prompt open still."""
        found = self.machine.executions.get(execution)
        return found is not None and found.phase is Phase.ASKING

    # ------------------------------------------------------------ executions

    def _spawn(self, started: ev.StateStarted) -> None:
        task = self.loop.create_task(self._work(started), name=f"fluffy:{started.state}")
        self._tasks[started.execution] = task

    async def _work(self, started: ev.StateStarted) -> None:
        """Run an attempt, and go on with a state that follows it in the same task."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        while True:
            self._tasks[started.execution] = task
            kind, details = await self._attempt(started, task)
            if self._tasks.pop(started.execution, None) is not task:
                return  # given up on: it did not end within the cleanup time
            context = self._contexts.pop(started.execution)
            context.close()
            self.people.withdraw_of(started.execution)
            self.emit(
                kind,
                started.execution,
                started.state,
                started.attempt,
                *details,
                tuple(context.written),
                tuple(context.removed),
            )
            if self._cancelling and not self._tasks:
                self._end_cancel()
            began = self._decisions()
            if not began:
                return
            started, *others = began
            for other in others:
                self._spawn(other)
            if self.loop.time() - self._yielded > YIELD_SECONDS:
                await asyncio.sleep(0)
                self._yielded = self.loop.time()

    async def _attempt(
        self, started: ev.StateStarted, task: asyncio.Task[None]
    ) -> tuple[type[ev.Event], tuple[Any, ...]]:
        """Call the state's function once; how it ended, as an event to be."""
        state = started.state
        context = Context(self, started.execution, state, started.attempt)
        self._contexts[started.execution] = context
        try:
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
            if self._cancelling:
                return ev.StateCancelled, ()
            if task.cancelling():  # the loop is being shut down, or somebody cancelled our task
                self._interrupted(None)
                return ev.StateCancelled, ()
            return ev.StateFailed, (self._failed(started, error),)
        except Exception as error:  # noqa: BLE001 - whatever a state raises fails the state
            return ev.StateFailed, (self._failed(started, error),)
        except BaseException as error:  # noqa: BLE001 - Ctrl-C in a state that blocks the loop
            self._interrupted(error)
            return ev.StateCancelled, ()

    def _interrupted(self, error: BaseException | None) -> None:
        self.interrupt = error
        self._begin_cancel("it was interrupted")

    def _failed(self, started: ev.StateStarted, error: BaseException) -> str:
        problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if isinstance(error, StateError):
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
        targets = tuple(map(str, names))
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

    # ------------------------------------------------------------ cancelling

    async def cancel(self, reason: str, cleanup_timeout: float) -> None:
        """Cancel all that runs or waits, and wait for it to end.

        Args:
            reason: Why, in a few words.
            cleanup_timeout: Seconds given to `finally` blocks; who takes longer is named.
        """
        tasks = self._begin_cancel(reason)
        if tasks:
            await asyncio.wait(set(tasks.values()), timeout=cleanup_timeout)
        late = [self._give_up(execution) for execution, task in tasks.items() if not task.done()]
        if late:
            warnings.warn(
                f"states {listed(late)} of run {self.machine.run_id!r} did not end within "
                f"{cleanup_timeout:g} s of being cancelled; they are left alone, and what they "
                "write from now on is refused",
                CleanupWarning,
                stacklevel=2,
            )
        self._end_cancel()

    def abandon(self) -> None:
        """Another run takes this one's place: end what it left suspended, unseen."""
        self._observers = Observers()
        if not self.loop.is_closed():
            self._begin_cancel("another run began")

    def _begin_cancel(self, reason: str) -> dict[int, asyncio.Task[None]]:
        self._cancelling = reason
        tasks = {n: task for n, task in self._tasks.items() if task is not asyncio.current_task()}
        for task in tasks.values():
            task.cancel()
        return tasks

    def _end_cancel(self) -> None:
        reason, self._cancelling = self._cancelling, ""
        if reason and self.machine.status in {AgentStatus.RUNNING, AgentStatus.PAUSED}:
            self.emit(ev.RunCancelled, reason)
        if not self.settled.done():
            self._settle(AgentStatus.CANCELLED)

    def _give_up(self, execution: int) -> str:
        del self._tasks[execution]
        context = self._contexts.pop(execution)
        context.close()
        self.people.withdraw_of(execution)
        self.emit(
            ev.StateCancelled,
            execution,
            context.state,
            context.attempt,
            tuple(context.written),
            tuple(context.removed),
        )
        return context.state
