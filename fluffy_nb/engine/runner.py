"""Carries out what the machine decides, and tells it back as events, in order."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.attempts import executing
from fluffy_nb.engine.cancelling import Cancelling
from fluffy_nb.engine.carrying import carry_out
from fluffy_nb.engine.commands import Continue, Finish, Start
from fluffy_nb.engine.definition import Definition
from fluffy_nb.engine.endings import Endings
from fluffy_nb.engine.execution import Phase
from fluffy_nb.engine.keeper import Keeper
from fluffy_nb.engine.kept import Kept
from fluffy_nb.engine.machine import Machine
from fluffy_nb.engine.observers import Observers
from fluffy_nb.engine.once import Once
from fluffy_nb.engine.output import watch
from fluffy_nb.engine.people import People
from fluffy_nb.engine.prompt import Responder
from fluffy_nb.engine.resources import ResourcePool
from fluffy_nb.engine.responders import PreparedAnswers
from fluffy_nb.engine.result import RunResult
from fluffy_nb.engine.routes import Routes
from fluffy_nb.engine.shared import SharedState
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.engine.work import Work
from fluffy_nb.errors import FluffyError, text_of

T = TypeVar("T")

HISTORY = 10_000
"""How many events of a run are kept in memory."""

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
        self.kept = settings.kept
        self._observers = observers
        self._undelivered: deque[ev.Event] = deque()
        self._delivering = False
        self.routes = Routes(definition)
        self.shared = shared
        self._settings = settings
        self.forget_position(starts)
        self.people = People(self, find_responder, answers)
        self.limit: int | None = None
        self._is_watched = False  # whether what states print is noted for this run
        self.settled: asyncio.Future[Outcome] = self.loop.create_future()
        self.on_settled: Callable[[AgentStatus], Outcome]  # called when activity has ended
        self.abandoned = False
        """Whether another run has taken this one's place."""
        self.errors: list[FluffyError] = []
        self.interrupt: BaseException | None = None
        self.work = Work(self)
        self.once = Once(self)
        self.keeper: Keeper | None = None
        self._is_held_up = False  # something would have started while the keeper was behind
        self.endings = Endings(self)
        self._deciding = False
        self.cancelling = Cancelling(self)

    def _bind(self) -> None:
        """Live on the loop that runs now; a run may be resumed on another than it began on."""
        self.loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        wall_time = getattr(self.loop, "wall_time", time.time)  # a loop may have its own: testing
        self._epoch = wall_time() - self.loop.time()
        if self.history:
            self.begin_after(self.history[-1].time)

    def forget_position(self, starts: tuple[str, ...]) -> None:
        """Have a machine that has seen no event yet."""
        settings = self._settings
        self.machine = Machine(
            self.routes.topology(starts, {}),
            settings.max_concurrent,
            settings.pool,
            settings.breakpoints,
        )

    def begin_after(self, moment: float) -> None:
        """Let the run's time go on from no earlier moment than where it was left."""
        self._epoch = max(self._epoch, moment - self.loop.time())

    # ------------------------------------------------------------ events

    def now(self) -> float:
        """The run's time, seconds since the epoch; it never goes back."""
        return self._epoch + self.loop.time()

    def emit(self, kind: type[ev.Event], *details: Any) -> ev.Event:
        """Make the next event of the run, take it in and deliver it."""
        self.seq += 1
        if self.shared.secrets and kind.texts:
            details = self._masked(kind, details)
        event = kind(self.seq, self._epoch + self.loop.time(), *details)
        self.machine.apply(event)
        if kind in _CLOCKS:
            self.work.mind_clock(event)
        self.history.append(event)
        if self._observers.all:
            self._undelivered.append(event)
        keeper = self.keeper
        if keeper is not None:
            keeper.note(event)
        if self._undelivered and not self._delivering and (keeper is None or not keeper.is_behind):
            self._deliver()
        return event

    def _masked(self, kind: type[ev.Event], details: tuple[Any, ...]) -> tuple[Any, ...]:
        """What an event tells, without secrets; its details begin after its number and time."""
        masked, texts = self.shared.secrets.masked, kind.texts
        return tuple(masked(each) if n in texts else each for n, each in enumerate(details, 2))

    def keeper_caught_up(self) -> None:
        """The keeper has caught up: tell what has happened, and go on."""
        if self._undelivered and not self._delivering:
            self._deliver()
        if self._is_held_up:
            self._is_held_up = False
            self.people.kept()
            self.advance()

    def _deliver(self) -> None:
        """Hand the events on in order: one that an observer causes comes after the one it saw."""
        self._delivering = True
        try:
            while self._undelivered and not (self.keeper is not None and self.keeper.is_behind):
                event = self._undelivered.popleft()
                if executing.get() is None:
                    self._observers.deliver(event)
                else:  # what an observer prints belongs to no state (semantics 7.6)
                    self.work.outside().run(self._observers.deliver, event)
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
            if self._deciding:  # an observer's eager task called it
                await asyncio.sleep(0)
            return await verb
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(verb, self.loop))

    def is_at_home(self) -> bool:
        """Whether this is the thread of the run's loop."""
        return threading.get_ident() == self._thread

    # ------------------------------------------------------------ going on

    def hold(self) -> None:
        """Be the only one that executes the run, or raise."""
        if self.keeper is not None:
            self.keeper.hold()

    def go(self, limit: int | None, began: tuple[type[ev.Event], tuple[Any, ...]]) -> None:
        """Begin or resume the run's activity.

        Args:
            limit: How many executions may start or go on; None for no limit.
            began: The event that says so, and its details.
        """
        if self.loop is not asyncio.get_running_loop():
            self.work.leave_loop()
        self._bind()
        self.work.bind()
        self.limit = limit
        self.errors.clear()
        self.interrupt = None
        if self.settled.done():
            self.settled = self.loop.create_future()
        self._is_watched = True
        watch.begin()
        self.emit(began[0], *began[1])
        if began[0] is ev.RunStarted:
            self._take_over()
        self.endings.go_on()
        self.people.go_on()
        self.advance()

    def _take_over(self) -> None:
        """Let completions of earlier runs count, and what was written then (semantics 6)."""
        topology = self.machine.root.topology
        for name, kept in list(self.kept.items()):
            if kept.counts(topology.rules.dependencies, topology.node(name), self.now()):
                self.shared.take_over(kept.values, kept.writers)
                self.emit(ev.CompletionTakenOver, name, kept.time)

    def advance(self) -> None:
        """Carry out the machine's commands until there is nothing more to do now."""
        if self._deciding or self.cancelling or self.waits_for_keeper():
            return  # where an observer's answer led here, whoever is deciding goes on
        self._deciding = True
        try:
            while (command := self.machine.decide(self.limit)) and not self.waits_for_keeper():
                if isinstance(command, Start):
                    self._count_down(command.execution)
                    event = self.emit(ev.StateStarted, *command)
                    self.work.spawn(event)  # type: ignore[arg-type]  # emit returns what it makes
                elif isinstance(command, Finish):
                    self._finish(command.status)
                else:
                    if isinstance(command, Continue):
                        self._count_down(command.execution)
                    carry_out(self, command)
        except Exception as error:  # noqa: BLE001 - a run that can't go on ends, and says why
            self.cancelling.interrupted(error)
        finally:
            self._deciding = False

    def waits_for_keeper(self) -> bool:
        """An end among the commands, as of an agent that is a state, is kept before the rest."""
        if self.keeper is None or not self.keeper.is_behind:
            return False
        self._is_held_up = True
        return True

    def _count_down(self, number: int) -> None:
        """One more execution starts or goes on; another attempt of one is none."""
        if self.limit is not None and self.limit > 0:
            execution = self.machine.executions.get(number)
            if execution is None or not execution.retried:
                self.limit -= 1

    def _finish(self, status: AgentStatus) -> None:
        if status is AgentStatus.PAUSED:
            self._settle(status, ev.RunPaused)
            self.people.stop_clocks()
        elif status is AgentStatus.FAILED:
            self.people.withdraw_all()
            self._settle(status, ev.RunFailed, text_of(self.errors[0]))
        else:
            self._settle(status, ev.RunCompleted)

    def _settle(self, status: AgentStatus, kind: type[ev.Event], *details: Any) -> None:
        """End the activity; the event comes last: an observer may go on with the run at once."""
        self.endings.stand_still()
        if self.settled.done():  # it was paused, and is cancelled now
            self.settled = self.loop.create_future()
        if self._is_watched:  # a run that is being restored was never active
            self._is_watched = False
            watch.end()
        self.settled.set_result(self.on_settled(status))
        self.emit(kind, *details)

    def is_asking(self, execution: int) -> bool:
        """Whether an execution has a prompt open still."""
        found = self.machine.executions.get(execution)
        return found is not None and found.phase is Phase.ASKING

    # ------------------------------------------------------------ the graph

    def graph_changed(
        self, states: tuple[str, ...], taken: Mapping[tuple[str, str], int] | None = None
    ) -> None:
        """Look at the joins anew, because states were changed or an unknown edge was taken."""
        machine = self.machine
        taken = machine.taken if taken is None else taken
        standing = [branch.state for branch in machine.root.branches.values()]
        machine.set_topology(self.routes.topology(machine.starts, taken, standing))
        self.emit(ev.GraphChanged, states)

    def restored(self) -> None:
        """Look at the graph with what the restored branches tell, and states the agent lacks."""
        for branch in self.machine.branches.values():
            if branch.alone:
                self.routes.note_sent(branch.scope, branch.node)
        self.graph_changed(())

    # ------------------------------------------------------------ ending early

    def end_cancelled(self, reason: str) -> None:
        """All that ran has been cancelled and has ended."""
        if self.machine.status in {AgentStatus.RUNNING, AgentStatus.PAUSED}:
            self._settle(AgentStatus.CANCELLED, ev.RunCancelled, reason)

    def abandon(self) -> None:
        """Another run takes this one's place: end what it left suspended, unseen."""
        self.abandoned = True
        self._observers = Observers()
        keeper, self.keeper = self.keeper, None  # it stays kept where it stood
        if keeper is not None:
            keeper.leave()
        if self.loop.is_running():
            self.cross(self.cancelling.begin, "another run began")
        else:
            self.work.leave_loop()


_CLOCKS = frozenset({ev.PromptOpened, ev.PromptWithdrawn, ev.StateContinued})
"""The events with which a state stops, or goes on, using its time."""
