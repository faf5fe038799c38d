"""Section 2 of the seed: one state after the other, and several at once."""

from __future__ import annotations

import asyncio

import pytest
from fluffy_agent import Agent, Context, StateResult

from fluffy_nb.engine import events as ev

from .helpers import add_ends, record_ends


# Sequential Flow
async def step1(context: Context) -> StateResult:
    context.set_state("data", "processed")
    return "step2"  # Go to step2


async def step2(context: Context) -> StateResult:
    return "step3"  # Go to step3


# Parallel Flow
async def start_parallel(context: Context) -> StateResult:
    return ["process_images", "process_text"]  # Run both in parallel


async def merge_results(context: Context) -> StateResult:
    # Automatically waits for both processes
    return None


async def test_a_sequential_flow_runs_its_states_in_turn():
    agent = Agent("sequential")
    agent.add_state("step1", step1)
    agent.add_state("step2", step2)
    add_ends(agent, "step3")
    ended = record_ends(agent)

    result = await agent.run()

    assert ended == ["step1", "step2", "step3"]
    assert result.values == {"data": "processed"}


async def test_a_parallel_flow_runs_both_at_once():
    both = asyncio.Barrier(2)

    async def process(context: Context) -> StateResult:
        await both.wait()  # passes only when the two are there together
        return "merge_results"

    agent = Agent("parallel")
    agent.add_state("start_parallel", start_parallel)
    agent.add_state("process_images", process)
    agent.add_state("process_text", process)
    agent.add_state("merge_results", merge_results)

    result = await agent.run(timeout=10)

    assert result.counts["merge_results"] == 1


@pytest.mark.parametrize(
    ("quick", "slow"),
    [("process_images", "process_text"), ("process_text", "process_images")],
)
async def test_merge_results_waits_for_both_whichever_is_slower(quick, slow):
    quick_has_ended = asyncio.Event()

    async def process_quickly(context: Context) -> StateResult:
        return "merge_results"

    async def process_slowly(context: Context) -> StateResult:
        await quick_has_ended.wait()
        assert agent.explain("merge_results") == f"waits for {slow} (running)"
        return "merge_results"

    agent = Agent("parallel")
    agent.add_state("start_parallel", start_parallel)
    agent.add_state(quick, process_quickly)
    agent.add_state(slow, process_slowly)
    agent.add_state("merge_results", merge_results)
    ended = record_ends(agent)

    def note(event: ev.Event) -> None:
        if isinstance(event, ev.StateCompleted) and event.state == quick:
            quick_has_ended.set()

    agent.subscribe(note)
    result = await agent.run(timeout=10)

    assert ended == ["start_parallel", quick, slow, "merge_results"]
    assert result.counts["merge_results"] == 1
