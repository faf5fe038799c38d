"""Section 6 of the seed: a person decides."""

from __future__ import annotations

import pytest
from fluffy_agent import Agent, Context, StateResult, StateStatus

from fluffy_nb.engine import events as ev

from .helpers import add_ends, record_ends

APPROVAL = "I approve of all of it"
CRITICISM = "the second half is too long"


async def write_content(context: Context) -> StateResult:
    context.set_state("content", "Once upon a time")
    return "review_content"


async def review_content(context: Context) -> StateResult:
    content = context.get_state("content")

    feedback = await context.human_in_the_loop(
        prompt="Review this content:",
        timeout=300,
        validator=lambda x: len(x) > 10,
    )

    # Not in the listing, which reads `content` and leaves it: so that the test sees both.
    context.set_state("review", (content, feedback))

    if "approve" in feedback.lower():
        return "publish"
    else:  # noqa: RET505 - the listing's
        return "revise"


def reviewing(**settings):
    agent = Agent("review", **settings)
    agent.add_state("write_content", write_content)
    agent.add_state("review_content", review_content)
    add_ends(agent, "publish", "revise")
    return agent


@pytest.mark.parametrize(("feedback", "follows"), [(APPROVAL, "publish"), (CRITICISM, "revise")])
async def test_a_prepared_answer_decides(feedback, follows):
    agent = reviewing()
    ended = record_ends(agent)

    result = await agent.run(answers={"review_content": [feedback]})

    assert ended == ["write_content", "review_content", follows]
    assert result.values["review"] == ("Once upon a time", feedback)


@pytest.mark.parametrize(("feedback", "follows"), [(APPROVAL, "publish"), (CRITICISM, "revise")])
async def test_a_person_decides_and_answers_that_are_refused_leave_the_prompt_open(
    feedback, follows
):
    # A responder that does nothing: the prompt opens, and whoever sees it answers it.
    agent = reviewing(responder=lambda prompt: None)
    ended = record_ends(agent)
    seen = []

    def answer(event: ev.Event) -> None:
        if isinstance(event, ev.PromptOpened):
            seen.append((event.text, agent.state_metadata["review_content"].status))
            agent.prompts[0].answer("approve!!!")  # 10 characters: one too few
        elif isinstance(event, ev.PromptRefused):
            assert agent.prompts[0].refusal
            seen.append(("refused", len(agent.prompts)))
            agent.prompts[0].answer(feedback)

    agent.subscribe(answer)
    result = await agent.run(timeout=10)

    assert seen == [("Review this content:", StateStatus.WAITING), ("refused", 1)]
    assert ended == ["write_content", "review_content", follows]
    assert result.values["review"] == ("Once upon a time", feedback)
    assert agent.prompts == ()
