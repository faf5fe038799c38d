# %%
from fluffy_agent import Agent, Context, StateResult


# %% sequential
async def step1(context: Context) -> StateResult:
    context.set_state("data", "raw")
    return "step2"


async def step2(context: Context) -> StateResult:
    return "step3"


# %% parallel
async def start_parallel(context: Context) -> StateResult:
    return ["process_images", "process_text"]


async def merge_results(context: Context) -> StateResult:
    context.set_state("merged", [context.get_state("images"), context.get_state("text")])
    return None


# %% left open
async def step3(context: Context) -> StateResult:
    return "start_parallel"


async def process_images(context: Context) -> StateResult:
    context.set_state("images", 3)
    return "merge_results"


async def process_text(context: Context) -> StateResult:
    context.set_state("text", context.get_state("data"))
    return "merge_results"


# %%
agent = Agent("flow")
for state in (
    step1,
    step2,
    step3,
    start_parallel,
    process_images,
    process_text,
    merge_results,
):
    agent.add_state(state.__name__, state)
result = await agent.run()

# %%
assert result.values["merged"] == [3, "raw"]
assert set(result.counts.values()) == {1}
assert len(result.counts) == 7
