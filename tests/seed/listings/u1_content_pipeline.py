# %%
from dataclasses import dataclass
from typing import List

from fluffy_agent import Agent, Context, StateResult, TypedContextData


# %%
@dataclass
class Article(TypedContextData):
    title: str
    content: str
    keywords: List[str]


async def generate_content(context: Context) -> StateResult:
    article = Article(title="Robots", content="A text. ", keywords=["robots"])
    context.set_typed("article", article)
    return ["check_quality", "generate_images"]


async def check_quality(context: Context) -> StateResult:
    article = context.get_typed("article", Article)
    return "regenerate_content" if len(article.content) < 20 else "await_completion"


# %% left open
async def regenerate_content(context: Context) -> StateResult:
    article = context.get_typed("article", Article)
    context.update_typed("article", content=2 * article.content)
    return "check_quality"


async def generate_images(context: Context) -> StateResult:
    return "await_completion"


async def await_completion(context: Context) -> StateResult:
    return None


# %%
agent = Agent("content_generator")
agent.add_state("generate_content", generate_content)
agent.add_state("check_quality", check_quality)

# %% left open
for state in (regenerate_content, generate_images, await_completion):
    agent.add_state(state.__name__, state)

# %%
result = await agent.run()
assert len(result.values["article"].content) == 32
assert result.counts["check_quality"] == 3
assert result.counts["await_completion"] == 1
