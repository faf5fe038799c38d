# %%
from fluffy_agent import Agent, Context, Priority, ResourceRequirements, StateResult

# %%
requirements = ResourceRequirements(
    cpu_units=1.0, memory_mb=256, gpu_units=1.0, priority=Priority.HIGH
)

# %% left open
from fluffy_agent import ResourcePool

trained = []


async def train_model(context: Context) -> StateResult:
    trained.append(context.state)
    assert len(agent._running_states) == 1
    return None


async def begin(context: Context) -> StateResult:
    return ["tidy_up", "train_model", "train_again"]


# %%
agent = Agent("training", resources=ResourcePool(cpu_units=1, memory_mb=512, gpu_units=1))
agent.add_state("train_model", train_model, resources=requirements)

# %% left open
agent.add_state("train_again", train_model, resources=requirements)
agent.add_state("tidy_up", train_model, resources=ResourceRequirements(cpu_units=1.0))
agent.add_state("begin", begin)
result = await agent.run()

# %% one at a time, since each needs the only CPU; the higher priority first
assert trained == ["train_model", "train_again", "tidy_up"]
assert result.status == "COMPLETED"
