"""The seed's Quick Start."""

from __future__ import annotations

from fluffy_agent import Agent, AgentStatus, Context, StateResult

from .helpers import record_ends


async def test_the_quick_start_runs_both_states():
    # Create agent
    agent = Agent("my_workflow")

    # Define states
    async def process_data(context: Context) -> StateResult:
        context.set_state("data", "processed")
        return "format_data"

    async def format_data(context: Context) -> StateResult:
        data = context.get_state("data")
        context.set_state("result", data.upper())
        return None

    # Add states
    agent.add_state("process_data", process_data)
    agent.add_state("format_data", format_data)

    ended = record_ends(agent)

    # Run workflow
    result = await agent.run()

    assert ended == ["process_data", "format_data"]
    assert result.status is agent.status is AgentStatus.COMPLETED
    assert result.values == {"data": "processed", "result": "PROCESSED"}
    assert result.counts == {"process_data": 1, "format_data": 1}
