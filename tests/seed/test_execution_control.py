"""Section 7 of the seed: running, time limits, concurrency, pausing and cancelling."""

from __future__ import annotations

import asyncio

import pytest
from fluffy_agent import Agent, AgentStatus, Context, StateResult, StateStatus

from fluffy_nb.errors import CleanupWarning

from .helpers import Gate, add_ends


@pytest.fixture
async def gate():
    return Gate()


@pytest.fixture
async def agent(gate):
    async def first(context: Context) -> StateResult:
        await gate.pass_through()
        return "second"

    agent = Agent("my_workflow")
    agent.add_state("first", first)
    add_ends(agent, "second")
    return agent


# Basic execution
async def test_basic_execution(agent, gate):
    await gate.open()
    assert (await agent.run()).status is AgentStatus.COMPLETED


# With timeout
async def test_with_a_timeout_that_is_long_enough(agent, gate):
    await gate.open()
    result = await agent.run(timeout=300)  # 5 minute timeout
    assert result.status is AgentStatus.COMPLETED


async def test_with_a_timeout_that_is_too_short(agent, gate):
    with pytest.raises(TimeoutError, match="'first'"):
        await agent.run(timeout=0.01)
    assert agent.status is AgentStatus.CANCELLED
    assert agent.state_metadata["first"].status is StateStatus.CANCELLED

    await gate.open()
    result = await agent.resume()
    assert result.status is AgentStatus.COMPLETED
    assert agent.completed_states == {"first", "second"}


# With cleanup handling
async def test_with_cleanup_handling():
    cleaned_up = asyncio.Event()

    async def clean_up(context: Context) -> StateResult:
        try:
            asyncio.create_task(agent.cancel_all())  # noqa: RUF006 - its end is the run's
            await asyncio.Event().wait()
        finally:
            asyncio.get_running_loop().call_soon(cleaned_up.set)
            await cleaned_up.wait()  # takes a while
            context.set_state("clean", True)

    agent = Agent("my_workflow")
    agent.add_state("clean_up", clean_up)

    result = await agent.run(cleanup_timeout=60)  # 1 minute cleanup

    assert result.status is AgentStatus.CANCELLED
    assert cleaned_up.is_set()
    assert result.values == {"clean": True}


async def test_a_state_that_does_not_end_in_the_cleanup_time_is_named():
    let_go = asyncio.Event()

    async def stubborn(context: Context) -> StateResult:
        try:
            await asyncio.Event().wait()
        finally:
            await let_go.wait()

    agent = Agent("my_workflow")
    agent.add_state("stubborn", stubborn)

    with pytest.warns(CleanupWarning, match="'stubborn'"), pytest.raises(TimeoutError):
        await agent.run(timeout=0.01, cleanup_timeout=0.01)

    let_go.set()
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)


# Configure maximum concurrent states
async def test_maximum_concurrent_states():
    agent = Agent(
        "my_workflow",
        max_concurrent=5,  # Max 5 states running at once
    )
    five_run = asyncio.Event()
    counts = []

    async def fan_out(context: Context) -> StateResult:
        return [f"part_{i}" for i in range(12)]

    async def part(context: Context) -> StateResult:
        counts.append(len(agent._running_states))
        if len(agent._running_states) == 5:
            five_run.set()
        await five_run.wait()

    agent.add_state("fan_out", fan_out)
    for i in range(12):
        agent.add_state(f"part_{i}", part)

    result = await agent.run(timeout=10)

    assert sum(result.counts.values()) == 13
    assert max(counts) == 5


# Pause and resume
async def test_pause_returns_a_checkpoint_and_resume_goes_on(agent, gate):
    run = agent.start()
    await gate.reached.wait()

    # Pauses execution and returns checkpoint
    checkpoint, _ = await asyncio.gather(agent.pause(), gate.open())

    assert agent.status is AgentStatus.PAUSED
    assert (await run).status is AgentStatus.PAUSED
    assert checkpoint.agent_status == "PAUSED"
    assert checkpoint.completed_states == {"first"}

    result = await agent.resume()  # Resumes from pause

    assert result.status is agent.status is AgentStatus.COMPLETED
    assert result.counts == {"first": 1, "second": 1}


# Cancel execution
async def test_cancel_all_cancels_the_running_states(agent, gate):
    run = agent.start()
    await gate.reached.wait()

    await agent.cancel_all()  # Cancels all running states

    assert (await run).status is AgentStatus.CANCELLED
    assert agent.status is AgentStatus.CANCELLED
    assert agent.state_metadata["first"].status is StateStatus.CANCELLED
    assert agent._running_states == frozenset()
    assert len(asyncio.all_tasks()) == 1  # this test's own
