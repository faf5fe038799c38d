# %%
from fluffy_agent import Agent, Context, ResourceRequirements, StateResult

# %% left open
large_data = list(range(25))
agent = Agent("dynamic")


def split_data(rows, chunk_size):
    return [rows[place : place + chunk_size] for place in range(0, len(rows), chunk_size)]


async def process(rows):
    return [row + 1 for row in rows]


# %%
data_chunks = split_data(large_data, chunk_size=10)

for i, chunk in enumerate(data_chunks):

    async def process_chunk(context: Context, chunk_id=i) -> StateResult:
        result = await process(data_chunks[chunk_id])
        context.set_state(f"result_{chunk_id}", result)
        return "merge_results"

    agent.add_state(
        f"process_chunk_{i}", process_chunk, resources=ResourceRequirements(cpu_units=1.0)
    )


# %% left open
async def merge_results(context: Context) -> StateResult:
    parts = [context.get_state(f"result_{number}") for number in range(len(data_chunks))]
    context.set_state("rows", [row for part in parts for row in part])
    return None


agent.add_state("merge_results", merge_results)

# %%
result = await agent.run()
assert result.values["rows"] == list(range(1, 26))
assert result.counts == {f"process_chunk_{n}": 1 for n in range(3)} | {"merge_results": 1}
