"""Questions in a terminal: what is shown, typed, refused, hidden, and left to others."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import termios
from typing import Literal

import pytest
from pydantic import BaseModel, Field, SecretStr, model_validator

from fluffy_nb import Agent, AgentStatus
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.surroundings import Surroundings
from fluffy_nb.engine.terminal import Terminal
from fluffy_nb.errors import NobodyToAskError, StateError

from .typing_person import Person


@pytest.fixture
async def person(monkeypatch):
    person = Person(monkeypatch)
    yield person
    person.leaves()


def asking(*questions, **settings):
    """An agent whose only state asks these texts and keeps the answers."""
    agent = Agent("asking", responder=Terminal())

    @agent.state
    async def review(context):
        answers = [await context.human_in_the_loop(text, **settings) for text in questions]
        context.set_state("answers", answers)

    return agent


async def answers(agent):
    return (await agent.run(timeout=30)).values["answers"]


# ---------------------------------------------------------------- texts and choices


async def test_S11_6_a_question_is_asked_and_its_answer_is_a_line(person):
    person.types("because", "")
    assert await answers(asking("Why?", "Really?")) == ["because", ""]
    await person.sees("\nreview asks: Why?\n> ")


async def test_S11_6_several_lines_end_with_an_empty_one(person):
    person.types("one", "two", "", "")
    assert await answers(asking("Why?", "More?", multiline=True)) == ["one\ntwo", ""]
    await person.sees("(an empty line ends the answer)\n> > > ")


@pytest.mark.parametrize(
    ("choices", "typed", "answer"),
    [
        (["yes", "no"], "no", "no"),
        (["yes", "no"], "2", "no"),
        (["2", "1"], "1", "1"),  # a name wins over a number
    ],
)
async def test_S11_6_a_choice_is_named_or_numbered(person, choices, typed, answer):
    person.types(typed)
    assert await answers(asking("Publish?", choices=choices)) == [answer]
    await person.sees(f"  1  {choices[0]}\n  2  {choices[1]}\n> ")


@pytest.mark.parametrize("typed", ["0", "3", "maybe", "9" * 5_000, "²"])
async def test_S11_6_a_refused_answer_is_told_and_asked_again(person, typed):
    person.types(typed, "1")
    assert await answers(asking("Publish?", choices=["yes", "no"])) == ["yes"]
    await person.sees("is not one of 'yes', 'no'\n> ")
    assert person.screen.getvalue().count("1  yes") == 1


async def test_S11_3_the_time_until_which_it_can_be_answered_is_told(person):
    person.types("x")
    assert await answers(asking("Why?", timeout=60)) == ["x"]
    assert re.search(r"review asks, until \d\d:\d\d:\d\d: Why\?", person.screen.getvalue())


async def test_S11_1_what_is_to_be_reviewed_stands_above_the_question(person):
    class Markdown:
        def _repr_markdown_(self):
            return "# A draft"

    person.types("x", "y")
    agent = asking("Why?", show="a text")
    assert await answers(agent) == ["x"]
    await person.sees("\na text\n\nreview asks: Why?")
    assert await answers(asking("Why?", show=Markdown())) == ["y"]
    await person.sees("\n# A draft\n\nreview asks: Why?")


async def test_what_would_steer_the_terminal_is_shown_as_text(person):
    person.screen.encoding = "ascii"
    person.types("x")
    await answers(asking("\x1b[2Jgrün\tor\nblue\ud83d?"))
    await person.sees(r"asks: \x1b[2Jgr\xfcn" + "\tor\nblue" + r"\ud83d?")


async def test_half_a_character_is_refused(person):
    person.presses(b"\xff\n")
    person.types("x")
    assert await answers(asking("Why?")) == ["x"]
    await person.sees("no Unicode")


# ---------------------------------------------------------------- fields


class Review(BaseModel):
    stars: int = Field(3, ge=1, le=5, description="How good it is.")
    mood: Literal["good", "bad"]
    tags: list[str] = []
    note: str | None = None
    sizes: dict[str, int] = Field({"a": 1}, description="")

    @model_validator(mode="after")
    def agree(self):
        if self.stars == 5 and self.mood == "bad":
            raise ValueError("five stars are not bad")
        return self


FIELDS = """
  Stars: a whole number from 1 to 5. How good it is.
  [3] >   Mood
    1  good
    2  bad
  >   Tags (optional): one entry per line; an empty line ends it
  >   > """


async def test_S11_6_a_schema_is_asked_field_by_field_with_the_default_in_brackets(person):
    person.types("4", "2", "a", "b", "", "", '{"b":', "2}")
    assert await answers(asking("Rate it", schema=Review)) == [
        Review(stars=4, mood="bad", tags=["a", "b"], sizes={"b": 2})
    ]
    await person.sees("review asks: Rate it" + FIELDS)
    await person.sees('\n  [{ "a": 1 }] > ')


async def test_S11_6_an_empty_line_takes_the_default(person):
    person.types("", "good", "", "", "")
    assert await answers(asking("Rate it", schema=Review)) == [Review(mood="good")]


async def test_S11_6_a_refused_field_is_told_and_asked_again_alone(person):
    person.types("9", "good", "a", "", "", "", "five", "5")
    (review,) = await answers(asking("Rate it", schema=Review))
    assert review == Review(stars=5, mood="good", tags=["a"])
    await person.sees("  Stars: Input should be less than or equal to 5\n  Stars: a whole number")
    await person.sees("  Stars: Input should be a valid integer")
    assert person.screen.getvalue().count("[3] > ") == 3  # not what was refused
    assert person.screen.getvalue().count("1  good") == 1


async def test_S11_6_what_can_not_be_read_is_asked_again_at_once(person):
    person.types("", "3", "bad", "", "", "{", "", "{}")
    assert await answers(asking("Rate it", schema=Review)) == [Review(mood="bad", sizes={})]
    await person.sees("  this is not one of good, bad\n  > ")
    await person.sees("  this is no JSON: ")


async def test_S11_6_an_answer_refused_as_a_whole_is_asked_again_with_what_was_typed(person):
    person.types("5", "bad", "a", "b", "", "", "", "", "good", "", "", "")
    (review,) = await answers(asking("Rate it", schema=Review))
    assert review == Review(stars=5, mood="good", tags=["a", "b"])
    await person.sees("  five stars are not bad\n  Stars: ")
    await person.sees("[5] > ")
    await person.sees("[a b] > ")


async def test_S11_6_a_validator_of_the_whole_asks_for_all_fields_again(person):
    class Number(BaseModel):
        n: int

    person.types("1", "2")
    agent = asking("Number?", schema=Number, validator=lambda number: number.n == 2)
    assert await answers(agent) == [Number(n=2)]
    await person.sees("  this answer is not accepted\n  N: a whole number\n  [1] > ")


async def test_S10_5_a_password_is_not_shown_while_it_is_typed(person):
    class Login(BaseModel):
        password: SecretStr = Field(min_length=8)
        name: str

        @model_validator(mode="after")
        def agree(self):
            if self.name == "Bob":
                raise ValueError("not Bob")
            return self

    agent = asking("Log in", schema=Login)
    run = agent.start()
    await person.sees("  Password: at least 8 characters\n  > ")
    assert not termios.tcgetattr(person.input)[3] & termios.ECHO
    person.types("hush hush")
    await person.sees("  Name\n  > ")
    assert termios.tcgetattr(person.input)[3] & termios.ECHO
    person.types("Bob")
    await person.sees("  [as before] > ")
    person.types("", "Ann")
    (login,) = (await run).values["answers"]
    assert (login.name, login.password.get_secret_value()) == ("Ann", "hush hush")
    assert "hush" not in person.screen.getvalue()


# ---------------------------------------------------------------- several, and what others read


async def test_S11_6_one_question_is_asked_at_a_time(person):
    agent = Agent("forking", responder=Terminal())

    @agent.state
    async def fork(context):
        return ["one", "two"]

    @agent.state
    async def one(context):
        context.set_state("one", await context.human_in_the_loop("1?"))

    @agent.state
    async def two(context):
        context.set_state("two", await context.human_in_the_loop("2?"))

    run = agent.start()
    await person.sees("one asks: 1?\n> ")
    assert len(agent.prompts) == 2
    assert "2?" not in person.screen.getvalue()
    person.types("a", "b")
    result = await run
    assert (result.values["one"], result.values["two"]) == ("a", "b")


async def test_S11_6_the_loop_goes_on_while_a_person_thinks(person):
    agent = asking("Why?")
    run = agent.start()
    await person.sees("> ")
    for _ in range(100):
        await asyncio.sleep(0)
    person.types("x")
    await run


async def test_S11_6_a_question_answered_elsewhere_leaves_the_next_line_to_others(person):
    agent = asking("Why?")
    run = agent.start()
    await person.sees("> ")
    agent.prompts[0].answer("elsewhere")
    assert (await run).values["answers"] == ["elsewhere"]
    await person.sees("  (this question was answered)\n")
    person.types("for others")
    assert await asyncio.to_thread(person.input.readline) == "for others\n"


async def test_S11_6_a_question_whose_time_is_up_leaves_the_next_line_to_the_next(person):
    agent = Agent("asking", responder=Terminal())

    @agent.state
    async def review(context):
        first = await context.human_in_the_loop("1?", timeout=0.05, default="d")
        context.set_state("answers", [first, await context.human_in_the_loop("2?")])

    run = agent.start()
    await person.sees("  (this question timed out)\n")
    await person.sees("2?\n> ")
    person.types("b")
    assert (await run).values["answers"] == ["d", "b"]


async def test_S11_6_a_question_that_is_closed_before_its_turn_is_not_asked(person):
    agent = Agent("forking", responder=Terminal())

    @agent.state
    async def fork(context):
        return ["one", "two"]

    @agent.state
    async def one(context):
        await context.human_in_the_loop("1?")

    @agent.state
    async def two(context):
        await context.human_in_the_loop("2?")

    run = agent.start()
    await person.sees("1?\n> ")
    agent.prompts[1].answer("elsewhere")
    person.types("a")
    assert (await run).status is AgentStatus.COMPLETED
    assert "2?" not in person.screen.getvalue()


async def test_a_password_typed_for_one_question_stays_hidden_when_another_is_closed(person):
    class Login(BaseModel):
        password: SecretStr

    agent = Agent("forking", responder=Terminal())

    @agent.state
    async def fork(context):
        return ["one", "two"]

    @agent.state
    async def one(context):
        await context.human_in_the_loop("1?", schema=Login)

    @agent.state
    async def two(context):
        await context.human_in_the_loop("2?")

    run = agent.start()
    await person.sees("Password\n  > ")
    agent.prompts[1].answer("elsewhere")
    assert not termios.tcgetattr(person.input)[3] & termios.ECHO
    await agent.cancel_all()
    assert termios.tcgetattr(person.input)[3] & termios.ECHO  # without waiting for the thread
    await run
    await person.sees("was withdrawn)\n")


# ---------------------------------------------------------------- nobody


async def test_S11_6_where_the_terminal_is_closed_the_default_is_taken(person):
    person.presses(b"\x04")  # Ctrl-D
    assert await answers(asking("Why?", default="d")) == ["d"]


async def test_S11_6_where_standard_input_was_closed_the_default_is_taken(person, caplog):
    person.input.close()
    assert await answers(asking("Why?", default="d")) == ["d"]
    assert caplog.text == ""


async def test_S11_6_where_the_terminal_is_closed_and_there_is_no_default_it_says_so(person):
    person.presses(b"\x04")
    with pytest.raises(StateError) as caught:
        await asking("Why?").run(timeout=30)
    assert isinstance(caught.value.__cause__, NobodyToAskError)


async def test_a_terminal_that_can_not_be_written_to_counts_as_closed(person, caplog):
    person.screen.close()
    with caplog.at_level(logging.ERROR, "fluffy_nb"):
        assert await answers(asking("Why?", default="d")) == ["d"]
    assert "the terminal can't ask" in caplog.text


async def test_an_answer_that_comes_after_another_is_let_go(person):
    """The line was read, and the prompt is closed before it can be given."""
    agent = asking("1?", "2?")
    run = agent.start()
    await person.sees("1?\n> ")
    (prompt,) = agent.prompts
    answer = prompt.answer

    def late(value, told=None):
        prompt.answer = answer
        done = asyncio.run_coroutine_threadsafe(elsewhere(), loop)
        done.result(10)
        answer(value, told)

    async def elsewhere():
        answer("elsewhere")

    loop = asyncio.get_running_loop()
    prompt.answer = late
    person.types("late")
    await person.sees("2?\n> ")
    person.types("b")
    assert (await run).values["answers"] == ["elsewhere", "b"]


@pytest.mark.parametrize("reply", [True, False])
async def test_a_loop_that_does_not_reply_at_once_is_waited_for_while_the_prompt_is_open(
    person, reply, monkeypatch
):
    monkeypatch.setattr("fluffy_nb.engine.conversation.REPLY_SECONDS", 0.001)
    agent = asking("1?", "2?")
    run = agent.start()
    await person.sees("1?\n> ")
    (prompt,) = agent.prompts
    answer, waits = prompt.answer, asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(value, told=None):
        held.append((value, told))
        loop.call_soon_threadsafe(waits.set)

    held: list = []
    prompt.answer = slow
    person.types("a")
    await waits.wait()
    await asyncio.to_thread(asyncio.run, asyncio.sleep(0.01))
    if reply:
        answer(*held[0])
    else:
        answer("elsewhere")
    await person.sees("2?\n> ")
    person.types("b")
    assert (await run).values["answers"] == ["a" if reply else "elsewhere", "b"]


def test_S11_6_what_is_no_terminal_has_nobody(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert Surroundings().responder() is None
    reader, writer = os.pipe()
    with os.fdopen(reader) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert Surroundings().responder() is None
    assert Surroundings().responder() is None  # closed
    os.close(writer)


async def test_S11_6_a_terminal_is_asked_without_being_named(person):
    person.types("x")
    agent = asking("Why?")
    agent.responder = None
    opened = []
    agent.subscribe(lambda e: opened.append(e) if isinstance(e, ev.PromptOpened) else None)
    assert await answers(agent) == ["x"]
    assert len(opened) == 1


# ---------------------------------------------------------------- secrets


async def test_S10_5_a_terminal_shows_no_secret_and_takes_the_choice_behind_it(person):
    class Access(BaseModel):
        token: str = Field("hunter2-secret", title="Not hunter2-secret")
        kind: Literal["read", "write"] = Field("read", description="as hunter2-secret")

    agent = Agent("asking", responder=Terminal())

    @agent.state
    async def review(context):
        context.set_secret("k", "hunter2-secret")

        def accepts(answer):
            if answer == "maybe":
                raise ValueError("hunter2-secret is no maybe")

        answers = [
            await context.human_in_the_loop(
                "Use hunter2-secret?",
                choices=["maybe", "use hunter2-secret"],
                show="see hunter2-secret",
                validator=accepts,
            ),
            await context.human_in_the_loop("Access?", schema=Access),
        ]
        context.set_state("answers", answers)

    person.types("1", "2", "", "2")
    first, second = await answers(agent)
    assert first == "use hunter2-secret"
    assert second == Access(token="hunter2-secret", kind="write")
    assert "hunter2" not in person.screen.getvalue()
    assert "2  use •••••" in person.screen.getvalue()
