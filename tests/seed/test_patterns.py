"""Section 10 of the seed: routes, states made from data, and compensation."""

from __future__ import annotations

import pytest
from fluffy_agent import Agent, Context, ResourceRequirements, StateResult

from .helpers import add_ends, process, record_ends, split_data

# ---------------------------------------------------------------- conditional execution


async def route_processing(context: Context) -> StateResult:
    data_size = len(context.get_state("data", []))

    if data_size > 1000:
        # Run parallel processing for large data
        return ["process_chunk_1", "process_chunk_2"]
    elif data_size > 100:  # noqa: RET505 - the listing's
        # Run sequential processing for medium data
        return "sequential_process"
    else:
        # Run simple processing for small data
        return "simple_process"


@pytest.mark.parametrize(
    ("inputs", "follows"),
    [
        ({"data": [0] * 1001}, {"process_chunk_1", "process_chunk_2"}),
        ({"data": [0] * 1000}, {"sequential_process"}),
        ({"data": [0] * 101}, {"sequential_process"}),
        ({"data": [0] * 100}, {"simple_process"}),
        ({}, {"simple_process"}),
    ],
)
async def test_the_route_depends_on_the_data(inputs, follows):
    agent = Agent("router")
    agent.add_state("route_processing", route_processing)
    add_ends(agent, "process_chunk_1", "process_chunk_2", "sequential_process", "simple_process")

    result = await agent.run(inputs=inputs)

    assert result.counts == dict.fromkeys({"route_processing", *follows}, 1)


# ---------------------------------------------------------------- states made from data


async def test_states_made_from_data_run_in_parallel_and_merge():
    agent = Agent("dynamic")
    large_data = list(range(2500))

    # Dynamically add states based on data
    data_chunks = split_data(large_data, chunk_size=1000)

    for i, chunk in enumerate(data_chunks):  # noqa: B007 - the listing's

        async def process_chunk(context: Context, chunk_id=i) -> StateResult:
            chunk_data = data_chunks[chunk_id]
            result = await process(chunk_data)
            context.set_state(f"result_{chunk_id}", result)
            return "merge_results"

        agent.add_state(
            f"process_chunk_{i}",
            process_chunk,
            resources=ResourceRequirements(cpu_units=1.0),
        )

    async def merge_results(context: Context) -> StateResult:
        rows = [row for i in range(3) for row in context.get_state(f"result_{i}")]
        context.set_state("rows", rows)

    agent.add_state("merge_results", merge_results)
    ended = record_ends(agent)
    result = await agent.run()

    assert set(ended[:-1]) == {"process_chunk_0", "process_chunk_1", "process_chunk_2"}
    assert ended[3:] == ["merge_results"]
    assert result.values["rows"] == [2 * item for item in large_data]


# ---------------------------------------------------------------- cleanup and compensation


@pytest.mark.parametrize(
    ("fails", "ends", "released"),
    [
        (False, ["critical_operation", "next_state"], []),
        (True, ["critical_operation", "cleanup_resources", "handle_error"], ["disk", "lock"]),
    ],
)
async def test_a_failed_operation_is_compensated(fails, ends, released):
    given_back = []

    async def operate(context):
        context.set_state("allocated_resources", ["disk", "lock"])
        if fails:
            raise OSError("the disk is full")

    async def release_resource(resource):
        given_back.append(resource)

    async def critical_operation(context: Context) -> StateResult:
        try:
            # Perform operation
            await operate(context)
            return "next_state"
        except Exception:
            # Add compensation state on failure
            return "cleanup_resources"

    async def cleanup_resources(context: Context) -> StateResult:
        # Cleanup any resources
        resources = context.get_state("allocated_resources", [])
        for resource in resources:
            await release_resource(resource)
        return "handle_error"

    agent = Agent("careful")
    # Add states with cleanup
    agent.add_state("critical_operation", critical_operation)
    agent.add_state("cleanup_resources", cleanup_resources)
    add_ends(agent, "next_state", "handle_error")
    ended = record_ends(agent)

    await agent.run()

    assert ended == ends
    assert given_back == released
