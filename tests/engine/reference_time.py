"""The reference model in simulated time: every execution takes as long as it is said to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from .reference import Model
from .reference_branch import RUNS, Branch
from .reference_flow import Flow, nth

Durations = Mapping[str, Sequence[float]]


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
    model = Model(replace(flow, most=min(max_concurrent, flow.most)))
    ends_at: dict[Branch, float] = {}
    ends: list[str] = []
    peak = 0
    model.begin()
    while model.status == "RUNNING" and len(ends) < most:
        running = model.in_phase(RUNS)
        for branch in running:
            takes = nth((durations or {}).get(branch.node, (1,)), branch.execution)
            ends_at.setdefault(branch, model.now + takes)
        peak = max(peak, len(running))
        ending = min(running, key=ends_at.__getitem__)
        model.now = ends_at.pop(ending)
        ends.append(ending.state)
        model.end(ending)
    return Outcome(model.status, dict(model.begun), ends, model.now, peak, model.let_go)
