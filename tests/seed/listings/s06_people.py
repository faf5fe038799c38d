# %%
from fluffy_agent import Agent, Context, StateResult


# %%
async def review_content(context: Context) -> StateResult:
    content = context.get_state("content")
    feedback = await context.human_in_the_loop(
        prompt=f"What do you think of {content!r}?",
        timeout=60,
        validator=lambda answer: len(answer) > 10,
    )
    context.set_state("feedback", feedback)
    return "publish" if "approve" in feedback.lower() else "revise"


# %% left open
async def publish(context: Context) -> StateResult:
    return None


async def revise(context: Context) -> StateResult:
    return None


agent = Agent("reviews")
for state in (review_content, publish, revise):
    agent.add_state(state.__name__, state)

# %% the answer comes from FLUFFY_NB_ANSWERS here
result = await agent.run(inputs={"content": "a draft"})

# %%
assert result.values["feedback"] == "I approve of this"
assert result.counts == {"review_content": 1, "publish": 1}
