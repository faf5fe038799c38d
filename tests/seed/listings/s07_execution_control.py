# %%
import asyncio

from fluffy_agent import Agent, Context, StateResult


# %% left open
async def first(context: Context) -> StateResult:
    return ["second", "third"]


async def work(context: Context) -> StateResult:
    return None


def add_states(agent):
    agent.add_state("first", first)
    agent.add_state("second", work)
    agent.add_state("third", work)


agent = Agent("basic")
add_states(agent)

# %% basic execution, with a time limit, with a limit for cleaning up
results = [await agent.run(), await agent.run(timeout=60), await agent.run(cleanup_timeout=10)]
assert [result.status for result in results] == ["COMPLETED"] * 3

# %% a limit of concurrent states
agent = Agent("my_workflow", max_concurrent=1)
add_states(agent)

# %% left open: a run that can be paused, and ends when it is told to
open_gate = asyncio.Event()


async def wait(context: Context) -> StateResult:
    await open_gate.wait()
    return ["second", "third"]


agent.add_state("first", wait, replace=True)
run = agent.start()

# %% pause and resume
open_gate.set()
checkpoint = await agent.pause()
assert checkpoint.agent_status == "PAUSED"
result = await agent.resume()
assert result.status == "COMPLETED"
assert result.counts == {"first": 1, "second": 1, "third": 1}

# %% cancel
open_gate.clear()
run = agent.start()
await agent.cancel_all()
assert (await run).status == agent.status == "CANCELLED"
