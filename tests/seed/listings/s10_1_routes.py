# %%
from fluffy_agent import Agent, Context, StateResult


# %%
async def route_processing(context: Context) -> StateResult:
    rows = len(context.get_state("data", []))
    if rows > 1000:
        return ["process_chunk_1", "process_chunk_2"]
    if rows > 100:
        return "sequential_process"
    return "simple_process"


# %% left open
async def end(context: Context) -> StateResult:
    return None


agent = Agent("router")
agent.add_state("route_processing", route_processing)
for name in ("process_chunk_1", "process_chunk_2", "sequential_process", "simple_process"):
    agent.add_state(name, end)


# %%
async def follows(rows):
    result = await agent.run(inputs={"data": [0] * rows})
    return sorted(set(result.counts) - {"route_processing"})


assert await follows(1001) == ["process_chunk_1", "process_chunk_2"]
assert await follows(101) == ["sequential_process"]
assert await follows(100) == ["simple_process"]
