"""Section 9 of the seed: what can be read of a run, before, while and after."""

from __future__ import annotations

import pytest
from fluffy_agent import Agent, AgentStatus, Context, StateResult, StateStatus

from fluffy_nb.errors import StateError

from .helpers import Gate, add_ends, process_data


def read_metrics(agent):
    # Get execution metrics
    metrics = {
        "completed": len(agent.completed_states),
        "running": len(agent._running_states),
        "pending": len(agent.priority_queue),
    }
    return metrics  # noqa: RET504 - the listing gives them this name


async def test_statuses_and_metrics_follow_the_run():
    gate = Gate()

    async def fork(context: Context) -> StateResult:
        return ["my_state", "other"]

    async def my_state(context: Context) -> StateResult:
        await gate.pass_through()
        return None

    agent = Agent("lifecycle", max_concurrent=1)
    agent.add_state("fork", fork)
    agent.add_state("my_state", my_state)
    add_ends(agent, "other")

    # Check agent status
    status = agent.status  # IDLE, RUNNING, PAUSED, COMPLETED, FAILED
    assert status is AgentStatus.IDLE
    # Check state status
    state_status = agent.state_metadata["my_state"].status
    assert state_status is StateStatus.PENDING
    assert read_metrics(agent) == {"completed": 0, "running": 0, "pending": 0}

    run = agent.start()
    await gate.reached.wait()

    assert agent.status is AgentStatus.RUNNING
    assert agent.state_metadata["fork"].status is StateStatus.COMPLETED
    assert agent.state_metadata["my_state"].status is StateStatus.RUNNING
    assert agent.state_metadata["other"].status is StateStatus.READY
    assert read_metrics(agent) == {"completed": 1, "running": 1, "pending": 1}

    await gate.open()
    await run

    assert agent.status is AgentStatus.COMPLETED
    assert agent.state_metadata["my_state"].status is StateStatus.COMPLETED
    assert read_metrics(agent) == {"completed": 3, "running": 0, "pending": 0}


# Track state execution
async def monitored_state(context: Context) -> StateResult:
    # State starts as PENDING
    # Automatically moves to RUNNING when executed

    try:
        result = await process_data()  # noqa: F841 - the listing's
        context.set_state("success", True)
        # State moves to COMPLETED on success
        return "next_state"
    except Exception as e:
        # State moves to FAILED on error
        context.set_state("error", str(e))
        return "handle_error"


def monitoring(function, *followers):
    """An agent of one monitored state, and the statuses that state goes through."""
    agent = Agent("monitor")
    agent.add_state("monitored_state", function)
    add_ends(agent, *followers)
    statuses = [agent.state_metadata["monitored_state"].status]

    def note(_: object) -> None:
        status = agent.state_metadata["monitored_state"].status
        if status is not statuses[-1]:
            statuses.append(status)

    agent.subscribe(note)
    return agent, statuses


async def test_a_monitored_state_that_succeeds_completes():
    agent, statuses = monitoring(monitored_state, "next_state", "handle_error")

    result = await agent.run()

    assert statuses == [StateStatus.PENDING, StateStatus.RUNNING, StateStatus.COMPLETED]
    assert result.values == {"success": True}
    assert agent.completed_states == {"monitored_state", "next_state"}


async def break_down():
    raise OSError("no data today")


async def test_a_monitored_state_that_handles_its_error_completes_too(monkeypatch):
    # The listing's comment says FAILED. It catches the error and goes on, so nothing has failed.
    monkeypatch.setitem(globals(), "process_data", break_down)
    agent, statuses = monitoring(monitored_state, "next_state", "handle_error")

    result = await agent.run()

    assert statuses == [StateStatus.PENDING, StateStatus.RUNNING, StateStatus.COMPLETED]
    assert result.values == {"error": "no data today"}
    assert agent.completed_states == {"monitored_state", "handle_error"}


async def test_a_state_moves_to_failed_on_an_error_that_it_does_not_handle():
    async def unguarded(context: Context) -> StateResult:
        await break_down()
        return "next_state"

    agent, statuses = monitoring(unguarded, "next_state")

    with pytest.raises(StateError, match="no data today") as caught:
        await agent.run()

    assert isinstance(caught.value.__cause__, OSError)
    assert statuses == [StateStatus.PENDING, StateStatus.RUNNING, StateStatus.FAILED]
    assert agent.status is AgentStatus.FAILED
    assert "no data today" in agent.state_metadata["monitored_state"].error
