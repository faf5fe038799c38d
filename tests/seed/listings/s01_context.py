# %%
from dataclasses import dataclass
from typing import List

from fluffy_agent import Agent, Context, StateResult, TypedContextData


# %% untyped
async def store_data(context: Context) -> StateResult:
    context.set_state("user_name", "Bob")
    context.set_state("scores", [70, 80, 90])
    return "handle_user"


# %% typed
@dataclass
class UserProfile(TypedContextData):
    name: str
    age: int
    scores: List[float]


async def handle_user(context: Context) -> StateResult:
    name, scores = context.get_state("user_name"), context.get_state("scores")
    profile = UserProfile(name=name, age=30, scores=[float(score) for score in scores])
    context.set_typed("user", profile)
    context.update_typed("user", age=31)
    return "next_state"


# %% left open
async def next_state(context: Context) -> StateResult:
    context.set_state("age", context.get_typed("user", UserProfile).age)
    return None


# %%
agent = Agent("contexts")
agent.add_state("store_data", store_data)
agent.add_state("handle_user", handle_user)
agent.add_state("next_state", next_state)
result = await agent.run()

# %%
assert result.values["user"] == UserProfile("Bob", 31, [70.0, 80.0, 90.0])
assert result.values["age"] == 31
