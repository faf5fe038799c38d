"""What is measured: flows in levels, a loop, questions; and whether a flow was run as it should."""

from __future__ import annotations

from dataclasses import dataclass, field

Levels = list[list[str]]
"""A flow: every state of a level leads to every state of the next, and one of the two has one."""


def chain(states: int) -> Levels:
    return [[f"s{number}"] for number in range(states)]


def fan_out(width: int) -> Levels:
    return [["split"], [f"w{number}" for number in range(width)], ["merge"]]


def ladder(rungs: int, width: int) -> Levels:
    levels: Levels = [["j0"]]
    for rung in range(1, rungs + 1):
        levels += [[f"r{rung}_{number}" for number in range(width)], [f"j{rung}"]]
    return levels


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Args:
        title: What stands in the table.
        kind: "levels", "loop" or "prompts"; "memory" and "first" are "levels", too, whose memory
            is measured, or building it and its first run.
        levels: The flow.
        times: How often the one state of a loop is run, or how many questions are asked.
        seconds: How long each state of a wide level sleeps.
        aim: What our ratio should be at most; with an observer that counts, `watched_aim`.
        whole: Whether the time of the whole run is shown, not that of one state.
    """

    title: str
    kind: str
    levels: Levels = field(default_factory=list, repr=False)
    times: int = 0
    seconds: float = 0.0
    aim: float | None = None
    watched_aim: float | None = None
    whole: bool = False

    @property
    def executions(self) -> int:
        return self.times or sum(map(len, self.levels))


def every_case(*, quick: bool = False) -> list[Case]:
    """The rows of the table; for a smoke test they are small."""
    small = 10 if quick else 1
    chains = [100, 1_000, 5_000, 100_000]
    return [
        *(
            Case(f"chain of {n:,}", "levels", chain(n // small), aim=0.5, watched_aim=1.0)
            for n in (chains[:2] if quick else chains)
        ),
        *(
            Case(f"fan-out to {n:,}", "levels", fan_out(n // small), aim=0.75)
            for n in (10, 100, 1_000)
        ),
        Case("ladder 100 x 10", "levels", ladder(100 // small, 10), aim=0.8),
        Case("one state 1,000 times", "loop", times=1_000 // small, aim=0.5, watched_aim=1.0),
        Case(
            "1,000 sleeps of 10 ms",
            "levels",
            fan_out(1_000 // small),
            seconds=0.01,
            aim=1.15,
            whole=True,
        ),
        Case("a question, answered in memory", "prompts", times=200 // small, aim=5.0),
        Case("first run, chain of 1,000", "first", chain(1_000 // small)),
        Case("memory per state", "memory", chain(10_000 // small)),
    ]


def problem_in(case: Case, done: list[str]) -> str:
    """What is wrong with the order in which states ended; empty where nothing is."""
    if case.kind == "loop":
        return "" if len(done) == case.times else f"{len(done):,} of {case.times:,} times"
    if len(done) != case.executions:
        return f"{len(done):,} of {case.executions:,} executions"
    begin = 0
    for level in case.levels:
        end = begin + len(level)
        if set(done[begin:end]) != set(level):
            return f"not in order at {level[0]}"
        begin = end
    return ""
