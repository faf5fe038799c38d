# %%
import time
from dataclasses import dataclass
from typing import Dict, List

from fluffy_agent import (
    Agent,
    Context,
    DependencyType,
    Priority,
    ResourceRequirements,
    RetryPolicy,
    StateResult,
)

# %% left open: the listing uses this name and does not import it
from fluffy_agent import TypedContextData


# %%
@dataclass
class ProcessingJob(TypedContextData):
    job_id: str
    data: List[dict]
    config: Dict[str, any]
    timestamp: float


agent = Agent("complex_workflow", max_concurrent=5, checkpoint_interval=300)

# %% left open
saved = []


def split_data(rows, chunk_size):
    return [rows[place : place + chunk_size] for place in range(0, len(rows), chunk_size)]


async def process_data(rows):
    return [row["id"] for row in rows]


def save_checkpoint(checkpoint):
    saved.append(checkpoint)


# %% the states
async def initialize_job(context: Context) -> StateResult:
    job = ProcessingJob(
        job_id="job_7",
        data=[{"id": number} for number in range(30)],
        config={"batch_size": 10},
        timestamp=time.time(),
    )
    context.set_typed("job", job)
    for place, chunk in enumerate(split_data(job.data, job.config["batch_size"])):
        context.set_state(f"chunk_{place}", chunk)
    return ["process_chunk_0", "process_chunk_1", "process_chunk_2"]


async def process_chunk(context: Context) -> StateResult:
    chunk_id = context.get_state("chunk_id")
    chunk = context.get_state(f"chunk_{chunk_id}")
    try:
        context.set_state(f"result_{chunk_id}", await process_data(chunk))
        return "merge_results"
    except Exception as error:
        context.set_state("error", str(error))
        return "handle_error"


async def merge_results(context: Context) -> StateResult:
    job = context.get_typed("job", ProcessingJob)
    results = []
    for number in range(job.config["batch_size"]):
        part = context.get_state(f"result_{number}")
        if part:
            results.extend(part)
    context.set_state("final_results", results)
    return "human_review"


async def human_review(context: Context) -> StateResult:
    context.get_state("final_results")
    feedback = await context.human_in_the_loop(prompt="Good enough? (yes/no):", timeout=60)
    return "finalize_job" if "yes" in feedback.lower() else "handle_rejection"


# %% left open: states that the listing returns and does not show
async def end(context: Context) -> StateResult:
    return None


for name in ("finalize_job", "handle_rejection", "handle_error"):
    agent.add_state(name, end)

# %%
agent.add_state(
    "initialize_job",
    initialize_job,
    resources=ResourceRequirements(cpu_units=1.0, memory_mb=64, priority=Priority.HIGH),
)

# %% left open: a placeholder in the name, which sets `chunk_id` (the listing adds "process_chunk")
agent.add_state(
    "process_chunk_{chunk_id}",
    process_chunk,
    resources=ResourceRequirements(cpu_units=1.0, memory_mb=64),
    retry_policy=RetryPolicy(max_retries=3, initial_delay=1.0),
    dependencies={"initialize_job": DependencyType.REQUIRED},
)
agent.add_state(
    "merge_results",
    merge_results,
    resources=ResourceRequirements(cpu_units=1.0, memory_mb=64),
    dependencies={"process_chunk_{chunk_id}": DependencyType.REQUIRED},
)

# %% left open: the listing shows this state and does not add it
agent.add_state("human_review", human_review)

# %%
try:
    result = await agent.run(timeout=3600)
except Exception:
    save_checkpoint(agent.create_checkpoint())
    raise

# %%
assert saved == []
assert result.values["final_results"] == list(range(30))
once = ["initialize_job", "merge_results", "human_review", "finalize_job"]
assert result.counts == {**dict.fromkeys(once, 1), "process_chunk_{chunk_id}": 3}
