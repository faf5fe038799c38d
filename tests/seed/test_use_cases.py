"""The seed's four use cases, with the states that they name and do not show."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import List  # noqa: UP035 - the listings'

import pytest
from fluffy_agent import Agent, Context, StateResult, TypedContextData

from .helpers import add_ends, record_ends, split_data

# ---------------------------------------------------------------- 1: content pipeline


@dataclass
class Article(TypedContextData):
    title: str
    content: str
    keywords: List[str]  # noqa: UP006 - the listing's


async def generate_content(context: Context) -> StateResult:
    # Generate with LLM
    article = Article(
        title="AI in 2024",
        content="Generated content...",
        keywords=["AI", "future"],
    )
    context.set_typed("article", article)
    return ["check_quality", "generate_images"]


async def check_quality(context: Context) -> StateResult:
    article = context.get_typed("article", Article)
    if len(article.content) < 1000:
        return "regenerate_content"
    return "await_completion"


@pytest.mark.parametrize("images_first", [True, False])
async def test_the_content_pipeline_completes_once_when_text_and_images_are_done(images_first):
    images_done, text_done = asyncio.Event(), asyncio.Event()

    async def regenerate_content(context: Context) -> StateResult:
        if images_first:
            await images_done.wait()
        article = context.get_typed("article", Article)
        context.update_typed("article", content=article.content + 500 * "x")
        text_done.set()
        return "check_quality"

    async def generate_images(context: Context) -> StateResult:
        if not images_first:
            await text_done.wait()
        images_done.set()
        return "await_completion"

    # Set up pipeline
    agent = Agent("content_generator")
    agent.add_state("generate_content", generate_content)
    agent.add_state("check_quality", check_quality)
    agent.add_state("regenerate_content", regenerate_content)
    agent.add_state("generate_images", generate_images)
    add_ends(agent, "await_completion")

    result = await agent.run(timeout=10)

    assert len(result.values["article"].content) >= 1000
    assert result.counts == {
        "generate_content": 1,
        "check_quality": 3,
        "regenerate_content": 2,
        "generate_images": 1,
        "await_completion": 1,
    }


# ---------------------------------------------------------------- 2: data processing


@dataclass
class DataBatch(TypedContextData):
    records: List[dict]  # noqa: UP006 - the listing's
    batch_id: str


async def process_batch(context: Context) -> StateResult:
    batch = context.get_typed("batch", DataBatch)

    # Split into chunks for parallel processing
    chunks = split_data(batch.records, 3)
    for i, chunk in enumerate(chunks):
        context.set_state(f"chunk_{i}", chunk)

    return [f"process_chunk_{i}" for i in range(3)]


async def process_chunk(context: Context) -> StateResult:
    chunk_id = context.get_state("chunk_id")
    data = context.get_state(f"chunk_{chunk_id}")
    # Process chunk...
    context.set_state(f"result_{chunk_id}", [record["n"] for record in data])
    return "merge_results"


async def test_the_data_pipeline_processes_every_chunk_and_merges_once():
    async def load_batch(context: Context) -> StateResult:
        records = [{"n": n} for n in range(9)]
        context.set_typed("batch", DataBatch(records=records, batch_id="batch_1"))
        return "process_batch"

    async def merge_results(context: Context) -> StateResult:
        context.set_state("merged", [n for i in range(3) for n in context.get_state(f"result_{i}")])

    agent = Agent("data_pipeline")
    agent.add_state("load_batch", load_batch)
    agent.add_state("process_batch", process_batch)
    agent.add_state("process_chunk_{chunk_id}", process_chunk)  # the name sets `chunk_id`
    agent.add_state("merge_results", merge_results)

    result = await agent.run()

    assert result.values["merged"] == list(range(9))
    assert result.counts["process_chunk_{chunk_id}"] == 3
    assert result.counts["merge_results"] == 1


# ---------------------------------------------------------------- 3: training


@dataclass
class TrainingConfig(TypedContextData):
    model_type: str
    batch_size: int
    epochs: int


async def train_model(context: Context) -> StateResult:
    config = context.get_typed("config", TrainingConfig)

    for epoch in range(config.epochs):
        # Train epoch...
        metrics = {"loss": 0.1, "accuracy": 0.95}
        context.set_state(f"metrics_epoch_{epoch}", metrics)

        if metrics["accuracy"] > 0.98:
            return "evaluate"

    return "evaluate"


async def test_training_goes_through_all_epochs_and_on_to_evaluation():
    agent = Agent("training")
    agent.add_state("train_model", train_model)
    add_ends(agent, "evaluate")
    ended = record_ends(agent)

    config = TrainingConfig(model_type="tree", batch_size=32, epochs=3)
    result = await agent.run(inputs={"config": config})

    assert ended == ["train_model", "evaluate"]
    metrics = {"loss": 0.1, "accuracy": 0.95}
    assert result.values == {"config": config} | {f"metrics_epoch_{n}": metrics for n in range(3)}


# ---------------------------------------------------------------- 4: customer service


@dataclass
class ServiceTicket(TypedContextData):
    id: str
    content: str
    priority: str
    category: str


async def route_ticket(context: Context) -> StateResult:
    ticket = context.get_typed("ticket", ServiceTicket)

    if ticket.priority == "high":
        return "urgent_response"
    elif ticket.category == "technical":  # noqa: RET505 - the listing's
        return "technical_review"
    else:
        return "standard_response"


async def urgent_response(context: Context) -> StateResult:
    ticket = context.get_typed("ticket", ServiceTicket)  # noqa: F841 - the listing's
    # Generate urgent response...
    return "human_review"


@pytest.mark.parametrize(
    ("priority", "category", "follows"),
    [
        ("high", "technical", ["urgent_response", "human_review"]),
        ("low", "technical", ["technical_review"]),
        ("low", "billing", ["standard_response"]),
    ],
)
async def test_tickets_are_routed_by_priority_and_category(priority, category, follows):
    async def human_review(context: Context) -> StateResult:
        ticket = context.get_typed("ticket", ServiceTicket)
        reply = await context.human_in_the_loop(f"Send the reply to {ticket.id}?")
        context.set_state("reply", reply)

    agent = Agent("customer_service")
    agent.add_state("route_ticket", route_ticket)
    agent.add_state("urgent_response", urgent_response)
    agent.add_state("human_review", human_review)
    add_ends(agent, "technical_review", "standard_response")
    ended = record_ends(agent)

    ticket = ServiceTicket("t1", "It smokes", priority, category)
    result = await agent.run(inputs={"ticket": ticket}, answers={"human_review": ["yes"]})

    assert ended == ["route_ticket", *follows]
    assert result.values.get("reply") == ("yes" if "human_review" in follows else None)
