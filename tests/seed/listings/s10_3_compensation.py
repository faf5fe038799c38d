# %%
from fluffy_agent import Agent, Context, StateResult

# %% left open
released = []


async def operate(context):
    context.set_state("allocated_resources", ["disk", "lock"])
    raise OSError("the disk is full")


async def release_resource(resource):
    released.append(resource)


# %%
async def critical_operation(context: Context) -> StateResult:
    try:
        await operate(context)
        return "next_state"
    except Exception:
        return "cleanup_resources"


async def cleanup_resources(context: Context) -> StateResult:
    for resource in context.get_state("allocated_resources", []):
        await release_resource(resource)
    return "handle_error"


# %% left open
async def end(context: Context) -> StateResult:
    return None


agent = Agent("careful")
agent.add_state("next_state", end)
agent.add_state("handle_error", end)

# %%
agent.add_state("critical_operation", critical_operation)
agent.add_state("cleanup_resources", cleanup_resources)
result = await agent.run()

# %%
assert released == ["disk", "lock"]
assert result.counts == {"critical_operation": 1, "cleanup_resources": 1, "handle_error": 1}
