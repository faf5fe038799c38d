"""How branches move, modelled slowly: what the engine's joins are compared with.

It models rules 3.2 (starts), 4.1 (results), 5.1, 5.4, 5.5 (joins, loops) and 7.2 (max_concurrent)
in simulated time. After every end each waiting group asks anew who holds it: nothing is watched,
indexed or kept between two looks. For graphs of up to some hundred states.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import inf

from .reference_graph import Edges, find_starts, leading_to, loop_heads, order_from

Result = str | Sequence[str] | None
Durations = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Flow:
    """A flow as data: what each state returns, in the order in which the states are added.

    Args:
        script: For each state its results: the n-th execution returns the n-th, the last repeats.
        declared: Edges that are known besides those that the script shows, taken or not.
        starts: Where it starts; empty leaves it to rule 3.2.
    """

    script: Mapping[str, Sequence[Result]]
    declared: Edges = field(default_factory=dict)
    starts: Sequence[str] = ()

    @property
    def edges(self) -> dict[str, list[str]]:
        """For each state where it can lead: declared edges first, in order of appearance."""
        return {
            state: list(dict.fromkeys(chain(self.declared.get(state, ()), *map(names, results))))
            for state, results in self.script.items()
        }


@dataclass(frozen=True)
class Outcome:
    """What became of a run: `ends` are the states in the order in which executions ended."""

    status: str
    counts: Mapping[str, int]
    ends: Sequence[str]
    time: float
    peak: int
    """How many executions there were at once, at most."""
    let_go: int
    """How often rule 5.4 was needed."""


def names(result: Result) -> list[str]:
    """Rule 4.1: one branch per name."""
    return [result] if isinstance(result, str) else list(result or ())


def nth(items, n):
    """The n-th item; the last repeats."""
    return items[min(n, len(items) - 1)]


@dataclass(eq=False)
class Branch:
    """It waits before its state, then is queued, then runs."""

    state: str
    waits: bool = True
    execution: int = 0
    ends_at: float = inf


class Simulation:
    """One run of a flow; `branches` are all that live, in the order in which they came."""

    def __init__(self, flow: Flow, durations: Durations, max_concurrent: float) -> None:
        self.flow, self.durations, self.max_concurrent = flow, durations, max_concurrent
        self.edges = flow.edges
        starts = list(flow.starts) or find_starts(self.edges)
        self.order = order_from(starts, self.edges)
        self.heads = loop_heads(self.order, self.edges)
        self.branches = [Branch(start) for start in starts]
        self.queue: list[Branch] = []
        self.running: list[Branch] = []
        self.counts: Counter[str] = Counter()
        self.ends: list[str] = []
        self.now, self.peak, self.let_go = 0.0, 0, 0

    def run(self, most: int) -> Outcome:
        while self.branches and len(self.ends) < most:
            while free := next((g for g in self.groups() if not self.holders(g)), None):
                self.merge(free)
            self.start_queued()
            if self.running:
                self.end(min(self.running, key=lambda branch: branch.ends_at))
            else:  # rule 5.4
                self.let_go += 1
                self.merge(min(self.groups(), key=lambda group: self.order.index(group[0].state)))
        status = "RUNNING" if self.branches else "COMPLETED"
        return Outcome(status, dict(self.counts), self.ends, self.now, self.peak, self.let_go)

    def groups(self) -> list[list[Branch]]:
        """The waiting branches, those that wait at one state together."""
        together: dict[str, list[Branch]] = {}
        for branch in self.branches:
            if branch.waits:
                together.setdefault(branch.state, []).append(branch)
        return list(together.values())

    def holders(self, group: list[Branch]) -> list[Branch]:
        """Rule 5.1: the branches that can still lead to this group's state in this turn."""
        state = group[0].state
        heads = self.heads[state]
        sources = leading_to(state, self.edges, walls=heads)
        return [
            branch
            for branch in self.branches
            if branch not in group
            and branch.state in sources
            # who waits to begin the next turn of a loop around this state is not in this turn
            and not (branch.waits and branch.state in heads)
        ]

    def merge(self, group: list[Branch]) -> None:
        first, *others = group
        self.branches = [branch for branch in self.branches if branch not in others]
        first.waits = False
        self.queue.append(first)

    def start_queued(self) -> None:
        while self.queue and len(self.running) < self.max_concurrent:
            branch = self.queue.pop(0)
            branch.execution = self.counts[branch.state]
            self.counts[branch.state] += 1
            takes = nth(self.durations.get(branch.state, (1,)), branch.execution)
            branch.ends_at = self.now + takes
            self.running.append(branch)
            self.peak = max(self.peak, len(self.running))

    def end(self, branch: Branch) -> None:
        self.now = branch.ends_at
        self.running.remove(branch)
        self.branches.remove(branch)
        self.ends.append(branch.state)
        result = nth(self.flow.script[branch.state], branch.execution)
        self.branches += [Branch(name) for name in names(result)]


def simulate(
    flow: Flow, durations: Durations | None = None, *, max_concurrent: float = inf, most: int = 1000
) -> Outcome:
    """Run a flow to its end, or until `most` executions have ended.

    Args:
        flow: What the states return and where it starts.
        durations: For each state how long its executions take, as a script does; 1 if not given.
        max_concurrent: Rule 7.2.
        most: Bounds flows that never end; their status is RUNNING.

    Returns:
        What became of it.
    """
    return Simulation(flow, durations or {}, max_concurrent).run(most)
