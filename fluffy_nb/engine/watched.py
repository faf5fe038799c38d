"""The half of an agent that is watched: its events, and what can be read of its run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.execution import Phase
from fluffy_nb.engine.explain import explain_each
from fluffy_nb.engine.flow import DefinedFlow
from fluffy_nb.engine.graph import StateGraph
from fluffy_nb.engine.metadata import MetadataView, StateMetadata
from fluffy_nb.engine.observers import Observer, Observers
from fluffy_nb.engine.prompt import Prompt
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import explains_arguments

if TYPE_CHECKING:
    from fluffy_nb.engine.machine import Machine
    from fluffy_nb.engine.run import Run

_ENDS = (ev.RunCompleted, ev.RunFailed, ev.RunCancelled)


class WatchedFlow(DefinedFlow):
    """A flow whose present or last run can be read; `Agent` adds the verbs."""

    steers = True
    """Whether its run can be steered from here."""

    breakpoints: AbstractSet[str]
    """States before which a run pauses."""

    _run: Run | None = None

    def __init__(self, *definition: Any) -> None:
        super().__init__(*definition)
        self._observers = Observers()

    @explains_arguments
    def subscribe(self, observer: Observer) -> Callable[[], None]:
        """Have a function called with every event, in order, in the run's loop.

        Args:
            observer: A plain function of an event. It must be quick; one that raises is logged and
                dropped.

        Returns:
            What ends the subscription.

        Raises:
            InvalidSpecError: It can't be called, or is async.
        """
        return self._observers.subscribe(observer)

    async def events(self) -> AsyncIterator[ev.Event]:
        """The events of the present run from its first, until it has ended.

        Without a run, those of the next one.
        """
        queue: asyncio.Queue[ev.Event] = asyncio.Queue()
        run = self._run
        if run is not None and run.status is not AgentStatus.IDLE:
            for event in run.runner.history:
                queue.put_nowait(event)
        unsubscribe = self.subscribe(queue.put_nowait)
        try:
            while True:
                event = await queue.get()
                yield event
                if isinstance(event, _ENDS) and queue.empty():
                    return
        finally:
            unsubscribe()

    @property
    def where(self) -> str:
        """Who executes its run, for people; empty where this process does."""
        return ""

    @property
    def _machine(self) -> Machine | None:
        """What the present or last run has come to; None before the first."""
        return None if self._run is None else self._run.runner.machine

    @property
    def status(self) -> AgentStatus:
        """Where the present or last run stands; IDLE before the first."""
        return AgentStatus.IDLE if self._machine is None else self._machine.status

    @property
    def state_metadata(self) -> Mapping[str, StateMetadata]:
        """For every state its latest execution; see `StateMetadata`."""
        known = {} if self._machine is None else self._machine.metadata
        return MetadataView(self.states, known)

    @property
    def completed_states(self) -> frozenset[str]:
        """The states that completed at least once in the present run."""
        return frozenset(() if self._machine is None else self._machine.completed)

    @property
    def _running_states(self) -> frozenset[str]:
        """The states in execution now, those that wait for a person included."""
        if self._machine is None:
            return frozenset()
        at_work = {Phase.RUNNING, Phase.ASKING, Phase.ANSWERED}
        executions = self._machine.executions.values()
        return frozenset(e.state for e in executions if e.phase in at_work)

    @property
    def priority_queue(self) -> tuple[str, ...]:
        """The states that may run and wait for a slot, a step or the end of a pause."""
        queue = () if self._machine is None else self._machine.queue
        return tuple(execution.state for execution in queue)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The open questions to people, oldest first."""
        return () if self._run is None else tuple(self._run.runner.people.open)

    @property
    def taken_edges(self) -> Mapping[tuple[str, str], int]:
        """How often the present run went from one state to another."""
        return MappingProxyType({} if self._machine is None else self._machine.taken)

    @property
    def context_values(self) -> Mapping[str, Any]:
        """The values of the present run's context, read-only."""
        return MappingProxyType({} if self._run is None else dict(self._run.values))

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop in which the present or last run lives; None before the first."""
        return None if self._run is None else self._run.runner.loop

    @property
    def run_id(self) -> str | None:
        """The id of the present or last run."""
        return None if self._run is None else self._run.id

    @property
    def duration(self) -> float | None:
        """Seconds the present or last run was active; pauses don't count."""
        return None if self._run is None else self._run.duration

    def explain(self, name: str) -> str:
        """Why a state is where it is, as "waits for b2 (running) through b3".

        Args:
            name: The state; one inside an agent that is a state as "review/draft".

        Returns:
            The reason, also "priority HIGH, needs 2 CPU, 1 free" or why it failed; empty where
            there is none.
        """
        return self.explain_each([name])[name]

    def explain_each(self, names: Iterable[str]) -> Mapping[str, str]:
        """As `explain` for many states, from one look at the run.

        Args:
            names: The states.

        Returns:
            The reason by name.
        """
        if self._machine is None:
            return dict.fromkeys(names, "")
        return explain_each(self._machine, names)

    @property
    def state_graph(self) -> StateGraph:
        """Where each state can lead, with the edges that the present run took."""
        run = self._run
        if run is not None:  # it reads code that was swapped anew when it goes on
            return run.runner.routes.shown
        self.definition.reread()
        return self.definition.graph()
