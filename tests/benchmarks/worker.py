"""Measures one contender, in its own environment: a line of JSON in, a line of JSON out."""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import sys
import time
import tracemalloc
from dataclasses import replace

from .cases import Case, problem_in

ENOUGH_SECONDS = 0.1
"""Short runs are repeated for so long, and at most `MOST_RUNS` times; the quickest counts."""

MOST_RUNS = 100


def prepare(contender, case):
    """What runs the flow, given anew for each run where the contender wants that."""
    done = []
    if case.kind == "loop":
        flow = contender.loop(case.times, done)
    elif case.kind == "prompts":
        flow = contender.prompts(case.times, done)
    elif case.kind in {"plain", "kept", "viewed", "behind"}:
        flow = getattr(contender, case.kind)(case.levels, done)
    elif case.kind == "looks":
        flow = contender.looks(case.times, case.size, done)
    elif case.kind == "paints":
        flow = contender.paints(case.levels, case.times, done)
    else:
        flow = contender.levels(case.levels, case.seconds, done)
    each_time = getattr(flow, "each_time", False)
    return (flow if each_time else lambda: flow), done


def check(case, done):
    if case.kind == "prompts":
        return "" if done == [str(n) for n in range(case.times)] else "wrong answers"
    return problem_in(case, done)


CLOCKS = {"thread": time.thread_time, "process": time.process_time, "wall": time.perf_counter}
"""By `Case.clock`. What other programs do at the same time is no part of CPU time."""


async def timed(run, case, done):
    """Seconds of one run by the case's clock, and what was wrong with it."""
    done.clear()
    gc.collect()
    clock = CLOCKS[case.clock]
    first, began = time.perf_counter(), clock()
    await run()
    took, passed = clock() - began, time.perf_counter() - first
    problem = check(case, done)
    if case.seconds and passed > case.seconds * case.executions / 2:
        problem = "one after the other"
    return took, problem


async def measure_time(contender, case):
    """Seconds of the quickest run, of a flow that was built, and has run, before."""
    prepared, done = prepare(contender, case)
    _, problem = await timed(prepared(), case, done)
    times: list[float] = []
    while sum(times) < ENOUGH_SECONDS and len(times) < MOST_RUNS and not problem:
        took, problem = await timed(prepared(), case, done)
        times.append(took)
    return {"wrong": problem} if problem else {"value": min(times)}


async def measure_first(contender, case):
    """Seconds for building a flow and for its first run."""
    gc.collect()
    clock = CLOCKS[case.clock]
    began = clock()
    prepared, done = prepare(contender, case)
    await prepared()()
    took = clock() - began
    problem = check(case, done)
    return {"wrong": problem} if problem else {"value": took}


async def measure_memory(contender, case):
    """Bytes that a flow and a run of it hold, for each state; tracemalloc counts them."""
    await measure_time(contender, replace(case, levels=case.levels[:10]))  # imports, caches
    gc.collect()
    tracemalloc.start()
    try:
        prepared, done = prepare(contender, case)
        run = prepared()
        await run()
        problem = check(case, done)
        done.clear()
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    return {"wrong": problem} if problem else {"value": held / case.executions}


def answer(contender, case):
    if case.kind in getattr(contender, "CANNOT", {}):
        return {"cannot": contender.CANNOT[case.kind]}
    measures = {"memory": measure_memory, "first": measure_first}
    measure = measures.get(case.kind, measure_time)
    try:
        return asyncio.run(measure(contender, case))
    except Exception as problem:  # a peer may raise anything
        return {"crashed": f"{type(problem).__name__}: {problem}"[:300]}


def main():
    contender = importlib.import_module(f"{__package__}.contenders.{sys.argv[1]}")
    replies, sys.stdout = sys.stdout, sys.stderr  # what a peer prints is no reply
    for line in sys.stdin:
        replies.write(json.dumps(answer(contender, Case(**json.loads(line)))) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
