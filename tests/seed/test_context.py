"""Section 1 of the seed: the context, untyped and typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List  # noqa: UP035 - the listing's

import pytest
from fluffy_agent import Agent, Context, StateResult, TypedContextData

from .helpers import add_ends


# Untyped - Simple and flexible
async def store_data(context: Context) -> StateResult:
    # Store any data type
    context.set_state("user_name", "Alice")
    context.set_state("scores", [95, 87, 92])
    return "next_state"


# Typed - Safe and powerful
@dataclass
class UserProfile(TypedContextData):
    name: str
    age: int
    scores: List[float]  # noqa: UP006 - the listing's


async def handle_user(context: Context) -> StateResult:
    # Type-safe storage
    profile = UserProfile(name="Alice", age=28, scores=[95.0, 87.5])
    context.set_typed("user", profile)

    # Type-safe updates
    context.update_typed("user", age=29)
    return "next_state"


async def run(name, function):
    agent = Agent("contexts")
    agent.add_state(name, function)
    add_ends(agent, "next_state")
    return (await agent.run()).values


async def test_store_data_stores_values_of_any_type():
    assert await run("store_data", store_data) == {"user_name": "Alice", "scores": [95, 87, 92]}


async def test_handle_user_updates_a_typed_value():
    assert await run("handle_user", handle_user) == {"user": UserProfile("Alice", 29, [95.0, 87.5])}


@pytest.mark.parametrize("change", [{"age": "old"}, {"height": 180}])
async def test_updates_are_type_safe(change):
    async def misuse(context: Context) -> StateResult:
        context.set_typed("user", UserProfile(name="Alice", age=28, scores=[95.0, 87.5]))
        with pytest.raises(TypeError, match=next(iter(change))):
            context.update_typed("user", **change)
        return "next_state"

    assert await run("misuse", misuse) == {"user": UserProfile("Alice", 28, [95.0, 87.5])}
