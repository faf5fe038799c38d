"""Runs a flow on the machine alone, in simulated time: events in, commands out, no loop."""

from __future__ import annotations

import heapq
from collections import Counter
from itertools import count

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.commands import Finish, Queue, Start
from fluffy_nb.engine.joins import Topology
from fluffy_nb.engine.machine import Machine

from .reference_flow import Flow, names, nth
from .reference_graph import starts_of
from .reference_time import Durations, Outcome


class Driver:
    """A machine, a clock that jumps, and the flow's script instead of functions."""

    def __init__(self, flow: Flow, durations: Durations, max_concurrent: int | None = None) -> None:
        self.flow, self.durations = flow, durations
        self.starts = tuple(starts_of(flow))
        states = list(flow.script)
        self.machine = Machine(Topology(states, flow.edges, self.starts), max_concurrent)
        self.seq = count(1)
        self.now = 0.0
        self.peak = 0
        self.ends: list[str] = []
        self.counts: Counter[str] = Counter()
        self.timers: list[tuple[float, int, Start, int]] = []
        self.finished: Finish | None = None

    def tell(self, kind: type[ev.Event], *details: object) -> None:
        self.machine.apply(kind(next(self.seq), self.now, *details))

    def begin(self) -> None:
        self.tell(ev.RunStarted, "run", "agent", self.starts)

    def advance(self, limit: int | None = None) -> None:
        """Carry out commands until there is none."""
        while command := self.machine.decide(limit):
            if isinstance(command, Start):
                self.tell(ev.StateStarted, *command)
                nth_time = self.counts[command.state]
                self.counts[command.state] += 1
                takes = nth(self.durations.get(command.state, (1,)), nth_time)
                heapq.heappush(self.timers, (self.now + takes, next(self.seq), command, nth_time))
                self.peak = max(self.peak, len(self.timers))
                limit = None if limit is None else limit - 1
            elif isinstance(command, Queue):
                self.tell(ev.StateQueued, *command)
            else:
                assert isinstance(command, Finish)
                self.finished = command
                self.tell(ev.RunPaused if command.status == "PAUSED" else ev.RunCompleted)

    def end_next(self) -> None:
        self.now, _, command, nth_time = heapq.heappop(self.timers)
        self.ends.append(command.state)
        targets = tuple(names(nth(self.flow.script[command.state], nth_time)))
        self.tell(ev.StateCompleted, command.execution, command.state, 1, targets)

    def run(self, most: int = 1000) -> Outcome:
        self.begin()
        self.advance()
        while self.timers and len(self.ends) < most:
            self.end_next()
            self.advance()
        status = str(self.machine.status)
        return Outcome(status, dict(self.counts), self.ends, self.now, self.peak, 0)


def drive(flow: Flow, durations: Durations | None = None, max_concurrent: int | None = None):
    """Run a flow to its end on the machine."""
    return Driver(flow, durations or {}, max_concurrent).run()
