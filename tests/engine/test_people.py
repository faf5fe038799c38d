"""Questions of a run: how they are asked, answered, timed, withdrawn, and remembered."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from pydantic import BaseModel, Field, SecretStr

from fluffy_nb import Agent, AgentStatus, Prompt, StateStatus
from fluffy_nb.engine import events as ev
from fluffy_nb.errors import (
    AnswerRefusedError,
    HumanTimeoutError,
    InvalidSpecError,
    NobodyToAskError,
    PromptClosedError,
    StateError,
)


class Review(BaseModel):
    stars: int = Field(ge=1, le=5)
    why: str


class Asking:
    """An agent with one state that asks; prompts are kept, and answered by the test."""

    def __init__(self, body, **settings):
        self.prompts: list[Prompt] = []
        self.opened = asyncio.Event()
        self.events: list[ev.Event] = []
        settings.setdefault("responder", self._note)
        self.agent = Agent("asking", **settings)
        self.agent.add_state("asks", body)
        self.agent.subscribe(self.events.append)

    def _note(self, prompt):
        self.prompts.append(prompt)
        self.opened.set()

    async def prompt(self) -> Prompt:
        """The next prompt that is opened."""
        await self.opened.wait()
        self.opened.clear()
        return self.prompts[-1]

    async def asked(self, number) -> None:
        """Wait until so many prompts have been opened."""
        while len(self.prompts) < number:
            await self.prompt()

    @property
    def people(self):
        return self.agent._run.runner.people

    def told(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


def asks(*questions, **settings):
    """A state that asks these texts and keeps the answers."""

    async def body(context):
        answers = [await context.human_in_the_loop(text, **settings) for text in questions]
        context.set_state("answers", answers)

    return body


# ---------------------------------------------------------------- schemas and what is shown


async def test_S11_1_an_answer_to_a_schema_is_an_instance():
    asking = Asking(asks("Rate it", schema=Review))
    run = asking.agent.start()
    prompt = await asking.prompt()
    assert prompt.schema is Review
    assert [field.name for field in prompt.fields] == ["stars", "why"]
    prompt.answer('{"stars": 4, "why": "so"}')
    result = await run
    assert result.values["answers"] == [Review(stars=4, why="so")]


async def test_S11_1_the_event_has_the_json_schema_and_what_is_shown_as_plain_data():
    asking = Asking(asks("Rate it", schema=Review, show="a draft"))
    await asking.agent.run(answers={"asks": [{"stars": 1, "why": "so"}]})
    (opened,) = asking.told(ev.PromptOpened)
    assert opened.schema["properties"]["stars"]["maximum"] == 5
    assert opened.show == {"text/plain": "a draft"}
    assert ev.from_dict(json.loads(json.dumps(opened.to_dict()))) == opened


async def test_S11_1_a_question_without_them_says_none():
    asking = Asking(asks("Why?"))
    await asking.agent.run(answers={"asks": ["so"]})
    (opened,) = asking.told(ev.PromptOpened)
    assert (opened.schema, opened.show) == (None, None)


@pytest.mark.parametrize(
    "settings",
    [{"schema": int}, {"timeout": -1}, {"choices": []}, {"schema": Review, "choices": ["a"]}],
)
async def test_S11_1_what_can_not_be_asked_is_raised_where_it_is_written(settings):
    caught = []

    async def body(context):
        with pytest.raises(InvalidSpecError) as problem:
            await context.human_in_the_loop("?", **settings)
        caught.append(problem.value)

    asking = Asking(body)
    await asking.agent.run()
    assert len(caught) == 1
    assert asking.prompts == []


async def test_S11_2_what_is_wrong_with_fields_is_told_and_the_same_prompt_stays_open():
    asking = Asking(asks("Rate it", schema=Review, timeout=300))
    run = asking.agent.start()
    prompt = await asking.prompt()
    deadline = prompt.deadline
    prompt.answer({"stars": 9})
    assert prompt.field_errors == {
        "stars": "Input should be less than or equal to 5",
        "why": "a value is needed",
    }
    assert prompt.refusal == "; ".join(f"{n}: {why}" for n, why in prompt.field_errors.items())
    assert asking.told(ev.PromptRefused)[0].message == prompt.refusal
    assert asking.agent.prompts == (prompt,)
    assert prompt.deadline == deadline  # its clock runs on
    assert asking.agent.state_metadata["asks"].status is StateStatus.WAITING
    prompt.answer(Review(stars=5, why="so"))
    assert (prompt.refusal, dict(prompt.field_errors)) == ("", {})
    await run


async def test_S11_2_a_broken_validator_does_not_close_the_prompt(caplog):
    asking = Asking(asks("?", validator=lambda text: 1 / len(text)))
    with caplog.at_level(logging.ERROR, "fluffy_nb"):
        run = asking.agent.start()
        prompt = await asking.prompt()
        prompt.answer("")
        prompt.answer("")
        assert prompt.refusal == "the validator raised ZeroDivisionError: division by zero"
        prompt.answer("x")
        result = await run
    assert result.values["answers"] == ["x"]
    assert len(caplog.records) == 1


async def test_an_answer_of_the_wrong_type_leaves_the_prompt_open():
    asking = Asking(asks("?"))
    run = asking.agent.start()
    prompt = await asking.prompt()
    prompt.answer(5)
    assert prompt.refusal == "5 is no text; answer with a string"
    prompt.answer("5")
    assert (await run).values["answers"] == ["5"]


# ---------------------------------------------------------------- a prompt


async def test_S11_4_a_prompt_says_what_it_is():
    asking = Asking(asks("?", choices=["a", "b"], timeout=300, default="b", show="x"))
    run = asking.agent.start()
    (prompt,) = asking.agent.prompts or [await asking.prompt()]
    assert prompt.id == f"{asking.agent.run_id}-1"
    assert (prompt.state, prompt.text, prompt.choices) == ("asks", "?", ("a", "b"))
    assert (prompt.schema, prompt.fields, prompt.multiline) == (None, (), False)
    assert (prompt.default, prompt.show) == ("b", {"text/plain": "x"})
    assert prompt.deadline > 0
    assert repr(prompt) == f"<Prompt {prompt.id} of 'asks': '?'>"
    prompt.answer("a")
    assert repr(prompt) == f"<Prompt {prompt.id} of 'asks': '?', was answered>"
    await run


async def test_S11_4_whoever_answers_is_told_what_came_of_it():
    asking = Asking(asks("?", choices=["a", "b"]))
    run = asking.agent.start()
    prompt = await asking.prompt()
    told: list[str] = []
    await asyncio.to_thread(prompt.answer, "c", told.append)
    await asyncio.to_thread(prompt.answer, "a", told.append)
    await run
    assert told == ["'c' is not one of 'a', 'b'", ""]
    with pytest.raises(PromptClosedError, match="was answered"):
        prompt.answer("a")


async def test_an_answer_that_crosses_with_another_is_told_that_it_came_too_late():
    asking = Asking(asks("?"))
    run = asking.agent.start()
    prompt = await asking.prompt()
    told: list[str] = []
    asking.people.take_answer(prompt, "first", told.append)
    asking.people.take_answer(prompt, "second", told.append)
    asking.people.take_answer(prompt, "third")
    assert (await run).values["answers"] == ["first"]
    assert told[0] == ""
    assert "can't be answered: it was answered" in told[1]


async def test_S11_4_who_wants_to_know_is_told_when_a_prompt_is_closed(caplog):
    asking = Asking(asks("?"))
    run = asking.agent.start()
    prompt = await asking.prompt()
    closed: list[str] = []
    prompt.when_closed(lambda: 1 / 0)
    prompt.when_closed(lambda: closed.append(prompt.fate))
    with caplog.at_level(logging.ERROR, "fluffy_nb"):
        prompt.answer("x")
    prompt.when_closed(lambda: closed.append("at once"))
    assert closed == ["was answered", "at once"]
    assert "the run goes on" in caplog.text
    assert (await run).status is AgentStatus.COMPLETED


# ---------------------------------------------------------------- who answers


async def test_S11_6_a_responder_that_is_a_coroutine_function_is_refused_with_the_remedy():
    async def respond(prompt):
        prompt.answer("x")

    with pytest.raises(InvalidSpecError, match="start a task"):
        Asking(asks("?"), responder=respond)

    def hidden(prompt):
        return respond(prompt)

    asking = Asking(asks("?"), responder=hidden)
    with pytest.raises(StateError) as caught:
        await asking.agent.run()
    assert isinstance(caught.value.__cause__, InvalidSpecError)
    assert "returned a coroutine" in str(caught.value.__cause__)


async def test_S11_6_a_responder_that_raises_fails_the_state():
    asking = Asking(asks("?"), responder=lambda prompt: {}["nobody"])
    with pytest.raises(StateError) as caught:
        await asking.agent.run()
    assert isinstance(caught.value.__cause__, KeyError)
    assert asking.agent.prompts == ()


async def test_S11_6_a_prepared_answer_with_wrong_fields_says_which_and_not_what_they_hold():
    class Login(BaseModel):
        password: SecretStr = Field(min_length=8)

    asking = Asking(asks("?", schema=Login))
    with pytest.raises(StateError) as caught:
        await asking.agent.run(answers={"asks": {"password": "hush"}})
    assert isinstance(caught.value.__cause__, AnswerRefusedError)
    assert "password: " in str(caught.value)
    assert "hush" not in str(caught.value)


async def test_S11_6_who_declines_leaves_the_default_or_an_error():
    asking = Asking(asks("?", default="d"), responder=lambda prompt: prompt.decline())
    assert (await asking.agent.run()).values["answers"] == ["d"]
    asking = Asking(asks("?"), responder=lambda prompt: prompt.decline() or prompt.decline())
    with pytest.raises(StateError) as caught:
        await asking.agent.run()
    assert isinstance(caught.value.__cause__, NobodyToAskError)


# ---------------------------------------------------------------- pause, failure, resume


async def test_S9_1_no_prompt_times_out_in_a_pause():
    asking = Asking(asks("?", timeout=0.05, default="d"))
    run = asking.agent.start()
    prompt = await asking.prompt()
    await asking.agent.pause()
    assert prompt.deadline is None
    late = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.1, late.set_result, None)
    await late  # longer than the question would have waited
    assert asking.agent.prompts == (prompt,)
    result = await asking.agent.resume()
    assert (result.values["answers"], prompt.fate) == (["d"], "timed out")
    moved = [event.deadline for event in asking.told(ev.PromptDeadlineMoved)]
    assert moved[0] is None
    assert moved[1] > 0
    await run


async def test_S11_3_nobody_in_time_is_an_error_of_the_state():
    asking = Asking(asks("?", timeout=0.01))
    with pytest.raises(StateError) as caught:
        await asking.agent.run()
    assert isinstance(caught.value.__cause__, HumanTimeoutError)


async def test_S8_4_a_prompt_that_a_failure_withdrew_is_asked_again_on_resume():
    asking = Asking(asks("?"))
    failing = asyncio.Event()

    async def fails(context):
        await failing.wait()
        if context.attempt == 1:
            raise ValueError("once")

    asking.agent.add_state("fails", fails)
    run = asking.agent.start(start=["asks", "fails"])
    prompt = await asking.prompt()
    fates = []
    prompt.when_closed(lambda: fates.append(prompt.fate))
    failing.set()
    with pytest.raises(StateError):
        await run
    assert asking.agent.prompts == ()
    again = asyncio.create_task(asking.agent.resume())
    assert await asking.prompt() is prompt
    prompt.answer("x")
    assert (await again).values["answers"] == ["x"]
    assert fates == ["was withdrawn because the run failed", "was answered"]


class Failing(Asking):
    """A run in which one state asks, and another fails when it is told to, the first time."""

    def __init__(self, body, **settings):
        super().__init__(body, **settings)
        self.fail = asyncio.Event()
        self.agent.add_state("fails", self._fails)

    async def _fails(self, context):
        await self.fail.wait()
        if context.attempt == 1:
            raise ValueError("once")

    async def failed(self, prompts=1):
        """Run until that state has failed while so many prompts were open."""
        run = self.agent.start(start=["asks", "fails"])
        await self.asked(prompts)
        self.fail.set()
        with pytest.raises(StateError):
            await run
        self.opened.clear()

    def when(self, kind, do):
        """Do something at the next event of a kind."""

        def observe(event):
            if isinstance(event, kind):
                unsubscribe()
                do()

        unsubscribe = self.agent.subscribe(observe)


async def test_an_answer_that_a_withdrawal_causes_is_not_withdrawn_in_turn():
    async def body(context):
        both = asyncio.gather(context.human_in_the_loop("1?"), context.human_in_the_loop("2?"))
        context.set_state("answers", await both)

    asking = Failing(body)
    asking.when(ev.PromptWithdrawn, lambda: asking.prompts[1].answer("b"))
    await asking.failed(prompts=2)
    assert asking.prompts[1].fate == "was answered"
    again = asyncio.create_task(asking.agent.resume())
    (await asking.prompt()).answer("a")
    assert (await again).values["answers"] == ["a", "b"]


async def test_S7_2_a_state_that_asks_again_before_it_has_its_slot_goes_on_without_one():
    gate, other, answered = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def first(context):
        answer = await context.human_in_the_loop("1?")
        answered.set()
        return answer

    async def second(context):
        await gate.wait()
        return await context.human_in_the_loop("2?")

    async def body(context):
        both = asyncio.gather(first(context), second(context))
        context.set_state("answers", await both)

    async def holds(context):
        await other.wait()

    asking = Asking(body, max_concurrent=1)
    asking.agent.add_state("holds", holds)
    run = asking.agent.start(start=["asks", "holds"])
    (await asking.prompt()).answer("a")
    assert asking.agent.state_metadata["asks"].status is StateStatus.READY
    gate.set()
    prompt = await asking.prompt()
    assert asking.agent.state_metadata["asks"].status is StateStatus.WAITING
    await asyncio.wait_for(answered.wait(), 10)
    prompt.answer("b")
    other.set()
    assert (await run).values["answers"] == ["a", "b"]
    assert asking.agent._run.runner.machine.running == 0


async def test_a_prompt_that_is_answered_as_it_is_asked_again_needs_no_responder():
    asking = Failing(asks("?"))
    await asking.failed()
    asking.when(ev.PromptOpened, lambda: asking.agent.prompts[0].answer("x"))
    assert (await asking.agent.resume()).values["answers"] == ["x"]
    assert len(asking.prompts) == 1  # the responder was asked before the failure only


@pytest.mark.parametrize("answers_first", [False, True])
async def test_a_responder_that_raises_when_it_is_asked_again_fails_the_state(answers_first):
    def respond(prompt):
        asking._note(prompt)
        if len(asking.prompts) == 2:
            if answers_first:
                prompt.answer("x")
            raise LookupError("gone")

    asking = Failing(asks("?"), responder=respond)
    await asking.failed()
    if answers_first:
        assert (await asking.agent.resume()).values["answers"] == ["x"]
        return
    with pytest.raises(StateError) as caught:
        await asking.agent.resume()
    assert isinstance(caught.value.__cause__, LookupError)
    assert asking.prompts[1].fate == "was withdrawn because nobody could be asked"


@pytest.mark.parametrize("resumed_first", [False, True])
async def test_a_question_that_nobody_waits_for_any_more_is_not_asked_again(resumed_first):
    waiting = []
    went_on = asyncio.Event()

    async def body(context):
        waiting.append(asyncio.create_task(context.human_in_the_loop("?")))
        await asyncio.wait(waiting)
        went_on.set()

    asking = Failing(body)
    await asking.failed()
    if resumed_first:
        again = asyncio.create_task(asking.agent.resume())
        waiting[0].cancel()
    else:
        waiting[0].cancel()
        await went_on.wait()
        again = asyncio.create_task(asking.agent.resume())
    assert (await again).status is AgentStatus.COMPLETED
    assert len(asking.prompts) == 1


async def test_S9_1_one_of_two_answers_that_is_given_in_a_pause_is_kept_for_the_resume():
    first_there = asyncio.Event()

    async def first(context):
        answer = await context.human_in_the_loop("1?")
        first_there.set()
        return answer

    async def body(context):
        both = asyncio.gather(first(context), context.human_in_the_loop("2?"))
        context.set_state("answers", await both)

    asking = Asking(body)
    run = asking.agent.start()
    await asking.asked(2)
    await asking.agent.pause()
    asking.prompts[0].answer("a")
    await asyncio.sleep(0)
    assert not first_there.is_set()
    again = asyncio.create_task(asking.agent.resume())
    await first_there.wait()  # it needs no slot: the other is open still
    asking.prompts[1].answer("b")
    assert (await again).values["answers"] == ["a", "b"]
    await run


async def test_an_answer_that_nobody_waits_for_at_the_resume_is_let_go():
    async def body(context):
        waiting.append(asyncio.create_task(context.human_in_the_loop("1?")))
        await asyncio.wait(waiting)
        context.set_state("answers", [await context.human_in_the_loop("2?")])

    waiting: list[asyncio.Task[str]] = []
    asking = Asking(body)
    run = asking.agent.start()
    prompt = await asking.prompt()
    await asking.agent.pause()
    prompt.answer("a")
    waiting[0].cancel()
    second = await asking.prompt()
    again = asyncio.create_task(asking.agent.resume())
    await asyncio.sleep(0)
    second.answer("b")
    assert (await again).values["answers"] == ["b"]
    assert waiting[0].cancelled()
    await run


@pytest.mark.parametrize("closed", [False, True])
def test_S9_2_a_run_that_is_resumed_on_another_loop_asks_again_there(closed):
    async def begin():
        asking.agent.start()
        await asking.prompt()
        await asking.agent.pause()

    async def resume():
        again = asyncio.create_task(asking.agent.resume())
        (await asking.prompt()).answer("x")
        return (await again).values["answers"]

    first = asyncio.new_event_loop()
    asking = Asking(asks("?"))
    first.run_until_complete(begin())
    left = asyncio.all_tasks(first)
    if closed:
        first.close()
    asking.opened = asyncio.Event()
    with asyncio.Runner() as runner:
        assert runner.run(resume()) == ["x"]
    assert asking.prompts[0].fate == "was withdrawn because its state has ended"
    if not closed:
        first.run_until_complete(asyncio.wait(left))
        first.close()


async def test_S8_6_a_question_of_a_state_that_has_ended_is_withdrawn_and_its_task_ends():
    waiting = []

    async def body(context):
        waiting.append(asyncio.create_task(context.human_in_the_loop("?")))
        await asking.opened.wait()

    asking = Asking(body)
    await asking.agent.run()
    assert asking.prompts[0].fate == "was withdrawn because its state has ended"
    await asyncio.wait(waiting)
    assert waiting[0].cancelled()


async def test_S11_6_where_nobody_is_the_default_is_taken():
    asking = Asking(asks("?", default="d"), responder=None)
    assert (await asking.agent.run()).values["answers"] == ["d"]


# ---------------------------------------------------------------- a body that begins again


async def restarted(body, asked, **settings):
    """A run whose first body gets these answers again."""
    asking = Asking(body, **settings)
    run = asking.agent.start()
    asking.people.give_again(1, asked)
    return asking, run


async def test_S11_5_a_restarted_body_gets_at_once_what_was_answered():
    body = asks("1?", "2?", "3?")
    asking = Asking(body)
    asking.agent.start()
    (await asking.prompt()).answer("a")
    (await asking.prompt()).answer("b")
    await asking.prompt()
    asked = json.loads(json.dumps(asking.people.given(1)))
    assert asked == [{"text": "1?", "answer": "a"}, {"text": "2?", "answer": "b"}]
    await asking.agent.cancel_all()

    asking, run = await restarted(body, asked)
    prompt = await asking.prompt()
    assert prompt.text == "3?"
    assert len(asking.told(ev.PromptOpened)) == 1
    assert asking.people.given(1) == asked
    prompt.answer("c")
    assert (await run).values["answers"] == ["a", "b", "c"]


async def test_S11_5_the_first_question_that_differs_drops_the_rest():
    asked = [{"text": "1?", "answer": "a"}, {"text": "2?", "answer": "b"}]
    asking, run = await restarted(asks("1?", "another?", "2?"), asked)
    for text in ("another?", "2?"):
        prompt = await asking.prompt()
        assert prompt.text == text
        prompt.answer("new")
    assert (await run).values["answers"] == ["a", "new", "new"]


async def test_S11_5_instances_are_made_again_of_their_fields():
    body = asks("1?", schema=Review)
    asking = Asking(body)
    run = asking.agent.start()
    asked: list = []
    asking.agent.subscribe(
        lambda event: (
            asked.extend(asking.people.given(1)) if isinstance(event, ev.PromptAnswered) else None
        )
    )
    (await asking.prompt()).answer({"stars": "3", "why": "so"})
    await run
    assert asked == [{"text": "1?", "answer": {"stars": 3, "why": "so"}}]
    _, run = await restarted(body, asked)
    assert (await run).values["answers"] == [Review(stars=3, why="so")]


async def test_S11_5_a_secret_is_not_kept_and_asked_for_again_between_the_others():
    class Login(BaseModel):
        password: SecretStr

    async def body(context):
        first = await context.human_in_the_loop("1?")
        login = await context.human_in_the_loop("login?", schema=Login)
        last = await context.human_in_the_loop("2?")
        context.set_state("answers", [first, login.password.get_secret_value(), last])
        await context.human_in_the_loop("end?")

    asking = Asking(body)
    asking.agent.start()
    for answer in ("a", {"password": "hush"}, "b"):
        (await asking.prompt()).answer(answer)
    await asking.prompt()
    asked = asking.people.given(1)
    assert "hush" not in str(asked)
    assert asked == [
        {"text": "1?", "answer": "a"},
        {"text": "login?"},
        {"text": "2?", "answer": "b"},
    ]
    await asking.agent.cancel_all()
    asking, run = await restarted(body, asked)
    prompt = await asking.prompt()
    assert prompt.text == "login?"
    prompt.answer({"password": "hush again"})
    (await asking.prompt()).answer("x")
    assert (await run).values["answers"] == ["a", "hush again", "b"]


async def test_S11_5_an_answer_that_is_none_any_more_is_asked_for_again():
    asked = [{"text": "1?", "answer": "old"}, {"text": "2?", "answer": "b"}]

    async def body(context):
        first = await context.human_in_the_loop("1?", choices=["new"])
        context.set_state("answers", [first, await context.human_in_the_loop("2?")])

    asking, run = await restarted(body, asked)
    prompt = await asking.prompt()
    assert prompt.text == "1?"
    assert asking.people.given(1) == [{"text": "1?"}, {"text": "2?", "answer": "b"}]
    prompt.answer("new")
    assert (await run).values["answers"] == ["new", "b"]


async def test_S11_5_questions_asked_at_once_are_told_apart_by_their_order():
    async def body(context):
        both = asyncio.gather(context.human_in_the_loop("1?"), context.human_in_the_loop("2?"))
        context.set_state("answers", await both)

    asking = Asking(body)
    asking.agent.start()
    await asking.prompt()
    asking.prompts[1].answer("b")
    asked = asking.people.given(1)
    assert asked == [{"text": "1?"}, {"text": "2?", "answer": "b"}]
    await asking.agent.cancel_all()
    asking, run = await restarted(body, asked)
    prompt = await asking.prompt()
    assert [p.text for p in asking.agent.prompts] == ["1?"]
    prompt.answer("a")
    assert (await run).values["answers"] == ["a", "b"]


async def test_S11_5_a_body_that_was_cancelled_gets_its_answers_again_one_that_failed_asks_anew():
    fails = True

    async def body(context):
        first = await context.human_in_the_loop("1?")
        if fails:
            raise ValueError(first)
        context.set_state("answers", [first, await context.human_in_the_loop("2?")])

    asking = Asking(body)
    run = asking.agent.start()
    (await asking.prompt()).answer("wrong")
    with pytest.raises(StateError):
        await run
    assert asking.people.given(1) == []
    fails = False
    first = asyncio.create_task(asking.agent.resume())
    (await asking.prompt()).answer("right")
    assert (await asking.prompt()).text == "2?"
    await asking.agent.cancel_all()
    assert (await first).status is AgentStatus.CANCELLED
    assert asking.people.given(1) == [{"text": "1?", "answer": "right"}]
    again = asyncio.create_task(asking.agent.resume())
    prompt = await asking.prompt()
    assert prompt.text == "2?"
    prompt.answer("b")
    assert (await again).values["answers"] == ["right", "b"]


async def test_a_state_that_has_ended_leaves_no_answers():
    asking = Asking(asks("1?"))
    await asking.agent.run(answers={"asks": ["a"]})
    assert asking.people.given(1) == []
    assert asking.people._asked == {}
