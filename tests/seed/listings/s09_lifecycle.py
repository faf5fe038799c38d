# %%
from fluffy_agent import Agent, AgentStatus, Context, StateResult, StateStatus


# %% left open
async def process_data():
    raise OSError("no data")


async def end(context: Context) -> StateResult:
    return None


# %% a state that catches its own error
async def monitored_state(context: Context) -> StateResult:
    try:
        await process_data()
        context.set_state("success", True)
        return "next_state"
    except Exception as error:
        context.set_state("error", str(error))
        return "handle_error"


# %% left open
agent = Agent("monitored")
agent.add_state("my_state", monitored_state)
agent.add_state("next_state", end)
agent.add_state("handle_error", end)

# %% the status of the agent, and of a state
assert agent.status is AgentStatus.IDLE
assert agent.state_metadata["my_state"].status is StateStatus.PENDING
await agent.step()
status = agent.status
state_status = agent.state_metadata["my_state"].status
assert status is AgentStatus.PAUSED
assert state_status is StateStatus.COMPLETED  # it returned: it says where to go on

# %% metrics
metrics = {
    "completed": len(agent.completed_states),
    "running": len(agent._running_states),
    "pending": len(agent.priority_queue),
}
assert metrics["completed"] == 1
assert metrics["running"] == 0

# %%
result = await agent.resume()
assert agent.status is AgentStatus.COMPLETED
assert result.values == {"error": "no data"}
assert result.counts == {"my_state": 1, "handle_error": 1}
