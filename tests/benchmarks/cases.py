"""What is measured: flows in levels, a loop, questions, what only we do; and what is right."""

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
            is measured, or building it and its first run. "plain" is "levels" of plain functions,
            "kept" is "levels" that are kept in a file, "viewed" is "levels" with a view of it,
            "behind" many joins that wait for one branch, "looks" a state that reads `size` dicts
            again and again, "paints" a view that is drawn anew.
        levels: The flow.
        times: How often the one state of a loop is run, how many questions are asked, or how often
            a view is drawn.
        size: How many dicts are read.
        seconds: How long each state of a wide level sleeps.
        clock: What is measured: CPU time of the loop's thread, CPU time of the whole "process", or
            "wall" time, each in seconds.
        aim: What our ratio should be at most; with an observer that counts, `watched_aim`.
        aim_text: The aim where it is no ratio.
        whole: Whether the time of the whole run is shown, not that of one state.
        who: The modules of the contenders that are measured; empty for all.
    """

    title: str
    kind: str
    levels: Levels = field(default_factory=list, repr=False)
    times: int = 0
    size: int = 0
    seconds: float = 0.0
    clock: str = "thread"
    aim: float | None = None
    watched_aim: float | None = None
    aim_text: str = ""
    whole: bool = False
    who: tuple[str, ...] = ()

    @property
    def executions(self) -> int:
        return self.times or sum(map(len, self.levels))


LONG = 5
"""States of the branch that the joins of "behind" wait for."""

WITH_BARE = ("bare", "ours", "watched")
OURS_ALONE = ("ours",)


def behind(joins: int) -> Levels:
    """Many joins, each with one branch at it, all wait for one more branch."""
    arrived = [f"w{number}" for number in range(joins)]
    last = [f"j{number}" for number in range(joins)]
    return [["split"], [*arrived, "l0"], *([f"l{number}"] for number in range(1, LONG)), last]


def every_case(*, quick: bool = False) -> list[Case]:
    """The rows of the table; for a smoke test they are small."""
    small = 10 if quick else 1
    chains = [100, 1_000, 5_000, 100_000]
    return [
        *(
            Case(f"chain of {n:,}", "levels", chain(n // small), aim=1.6, watched_aim=2.0)
            for n in (chains[:2] if quick else chains)
        ),
        *(
            Case(f"fan-out to {n:,}", "levels", fan_out(n // small), aim=2.6)
            for n in (10, 100, 1_000)
        ),
        Case("ladder 100 x 10", "levels", ladder(100 // small, 10), aim=3.2),
        Case("one state 1,000 times", "loop", times=1_000 // small, aim=1.5),
        Case(
            "1,000 sleeps of 10 ms",
            "levels",
            fan_out(1_000 // small),
            seconds=0.01,
            clock="wall",
            aim=1.4,
            whole=True,
        ),
        Case("a question, answered in memory", "prompts", times=200 // small, aim=5.0),
        Case("plain chain of 200", "plain", chain(200 // small), clock="process", who=WITH_BARE),
        Case("kept chain of 500", "kept", chain(500 // small), who=WITH_BARE),
        Case("chain of 1,000 with a view", "viewed", chain(1_000 // small), who=WITH_BARE),
        Case("800 joins wait for one branch", "behind", behind(800 // small), who=WITH_BARE),
        Case(
            "reads a list of 10 dicts",
            "looks",
            times=200 // small,
            size=10,
            aim_text="20 µs",
            who=OURS_ALONE,
        ),
        Case(
            "reads a list of 1,000 dicts",
            "looks",
            times=100 // small,
            size=1_000,
            aim_text="1,000 µs",
            who=OURS_ALONE,
        ),
        Case(
            "paints a view of 1,000 states",
            "paints",
            chain(1_000 // small),
            times=20,
            who=OURS_ALONE,
        ),
        Case("first run, chain of 1,000", "first", chain(1_000 // small), aim=4.0),
        Case("memory per state", "memory", chain(10_000 // small)),
    ]


def problem_in(case: Case, done: list[str]) -> str:
    """What is wrong with the order in which states ended; empty where nothing is."""
    if case.kind in {"loop", "looks", "paints"}:
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
