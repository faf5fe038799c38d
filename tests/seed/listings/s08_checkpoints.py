# %%
import json

from fluffy_agent import Agent, Checkpoint, Context, StateResult


# %% left open: a run that is not at its end
async def collect(context: Context) -> StateResult:
    context.set_state("rows", [1, 2, 3])
    return "report"


async def report(context: Context) -> StateResult:
    context.set_state("total", sum(context.get_state("rows")))
    return None


agent = Agent("my_workflow")
agent.add_state("collect", collect)
agent.add_state("report", report)
await agent.step()

# %% create a checkpoint
checkpoint = agent.create_checkpoint()

# %% save it
with open("workflow_state.json", "w") as file:
    json.dump(checkpoint.to_dict(), file)

# %% left open: read it
with open("workflow_state.json") as file:
    saved = Checkpoint.from_dict(json.load(file))

# %% restore it into an agent that has no states yet
new_agent = Agent("restored_workflow")
await new_agent.restore_from_checkpoint(saved)
assert new_agent.status == "PAUSED"

# %% left open: the states, before it goes on
new_agent.add_state("collect", collect)
new_agent.add_state("report", report)
result = await new_agent.resume()
assert result.values == {"rows": [1, 2, 3], "total": 6}

# %% checkpoints while long states run
agent = Agent("my_workflow", checkpoint_interval=300)
agent.add_state("collect", collect)
agent.add_state("report", report)
assert (await agent.run()).status == "COMPLETED"

# %% what is in a checkpoint
checkpoint_data = {
    "timestamp": checkpoint.timestamp,
    "agent_name": checkpoint.agent_name,
    "agent_status": checkpoint.agent_status,
    "completed_states": list(checkpoint.completed_states),
    "shared_state": checkpoint.shared_state,
}
assert checkpoint_data.pop("timestamp") > 0
assert checkpoint_data == {
    "agent_name": "my_workflow",
    "agent_status": "PAUSED",
    "completed_states": ["collect"],
    "shared_state": {"rows": [1, 2, 3]},
}
