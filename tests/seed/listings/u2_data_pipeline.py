# %%
from dataclasses import dataclass
from typing import List

from fluffy_agent import Agent, Context, StateResult

# %% left open
from fluffy_agent import TypedContextData


def split_data(rows, parts):
    size = -(-len(rows) // parts)
    return [rows[place : place + size] for place in range(0, len(rows), size)]


# %%
@dataclass
class DataBatch(TypedContextData):
    records: List[dict]
    batch_id: str


async def process_batch(context: Context) -> StateResult:
    batch = context.get_typed("batch", DataBatch)
    for place, chunk in enumerate(split_data(batch.records, 3)):
        context.set_state(f"chunk_{place}", chunk)
    return [f"process_chunk_{place}" for place in range(3)]


async def process_chunk(context: Context) -> StateResult:
    chunk_id = context.get_state("chunk_id")
    rows = context.get_state(f"chunk_{chunk_id}")
    context.set_state(f"sum_{chunk_id}", sum(row["n"] for row in rows))
    return "merge_results"


# %% left open
async def merge_results(context: Context) -> StateResult:
    context.set_state("sum", sum(context.get_state(f"sum_{place}") for place in range(3)))
    return None


agent = Agent("data_pipeline")
agent.add_state("process_batch", process_batch)
agent.add_state("process_chunk_{chunk_id}", process_chunk)  # the name sets `chunk_id`
agent.add_state("merge_results", merge_results)

# %%
batch = DataBatch(records=[{"n": number} for number in range(10)], batch_id="b1")
result = await agent.run(inputs={"batch": batch})
assert result.values["sum"] == 45
assert [result.values[f"sum_{place}"] for place in range(3)] == [6, 22, 17]
assert result.counts["merge_results"] == 1
