# %%
from fluffy_agent import Agent, Context, StateResult

# %%
agent = Agent("my_workflow")


async def process_data(context: Context) -> StateResult:
    context.set_state("data", "done")
    return "format_data"


async def format_data(context: Context) -> StateResult:
    context.set_state("result", context.get_state("data").upper())
    return None


agent.add_state("process_data", process_data)
agent.add_state("format_data", format_data)

# %%
result = await agent.run()

# %%
assert result.values == {"data": "done", "result": "DONE"}
