# %%
from fluffy_agent import Agent, Context, DependencyLifecycle, DependencyType, StateResult

# %% left open
log = []


async def work(context: Context) -> StateResult:
    log.append(context.state)
    return None


async def final_step(context: Context) -> StateResult:
    log.append(context.state)
    return None


agent = Agent("dependencies")
agent.add_state("prepare_data", work)
agent.add_state("validate_data", work)
agent.add_state("background_task", work)

# %%
agent.add_state(
    "final_step",
    final_step,
    dependencies={
        "prepare_data": (DependencyType.REQUIRED, DependencyLifecycle.SESSION),
        "validate_data": DependencyType.OPTIONAL,
        "background_task": DependencyType.PARALLEL,
    },
)

# %%
result = await agent.run()

# %% REQUIRED and OPTIONAL have ended before; PARALLEL begins with the dependent at the latest
assert set(log[:2]) == {"prepare_data", "validate_data"}
assert set(log[2:]) == {"final_step", "background_task"}
assert result.status == "COMPLETED"
