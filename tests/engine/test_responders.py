"""One suite for everybody who answers: prepared answers, a terminal, a form, a function."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
from dataclasses import dataclass, field
from typing import Any, Literal

import ipywidgets
import pytest
from pydantic import BaseModel, Field, SecretStr

from fluffy_nb import Agent, AgentStatus
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.responders import PreparedAnswers
from fluffy_nb.errors import (
    AnswerRefusedError,
    InvalidAnswersError,
    NobodyToAskError,
    StateError,
)
from fluffy_nb.widgets.prompt import PromptWidget

from .typing_person import Person


@dataclass
class Fields:
    """An answer that has fields: as data, and as a person types each."""

    data: dict[str, Any]
    typed: dict[str, str] = field(default_factory=dict)

    def text(self, name):
        return self.typed.get(name, str(self.data.get(name, "")))


# ---------------------------------------------------------------- who answers


class Prepared:
    """`run(answers=)`."""

    retries = False

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch

    async def run(self, agent, answers):
        given = {
            state: [a.data if isinstance(a, Fields) else a for a in several]
            for state, several in answers.items()
        }
        return await self._run(agent, given)

    async def _run(self, agent, given):
        return await agent.run(timeout=30, answers=given)

    def leave(self):
        """Nobody is there to go."""


class Environment(Prepared):
    """FLUFFY_NB_ANSWERS."""

    async def _run(self, agent, given):
        self._monkeypatch.setenv("FLUFFY_NB_ANSWERS", json.dumps(given))
        return await agent.run(timeout=30)


class AsJson(Prepared):
    """`run(answers=)` with fields as JSON."""

    async def _run(self, agent, given):
        texts = {
            state: [a if isinstance(a, str) else json.dumps(a) for a in several]
            for state, several in given.items()
        }
        return await agent.run(timeout=30, answers=texts)


class Answering(Prepared):
    """Gives each prompt the next answer of its state."""

    retries = True

    async def run(self, agent, answers):
        self._left = {state: list(several) for state, several in answers.items()}
        agent.responder = self.respond
        return await agent.run(timeout=30)

    def respond(self, prompt):
        if self._left[prompt.state]:
            self.give(prompt, self._left[prompt.state].pop(0))
        else:
            prompt.decline()


class Function(Answering):
    """A function that answers at once."""

    def give(self, prompt, answer):
        prompt.answer(answer.data if isinstance(answer, Fields) else answer)
        if prompt.refusal:
            self.respond(prompt)


class Thread(Answering):
    """A function that answers later, from another thread, with instances."""

    def give(self, prompt, answer):
        value = answer
        if isinstance(answer, Fields):
            try:
                value = prompt.schema(**answer.data)
            except ValueError:
                value = answer.data
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, prompt.answer, value, lambda told: told and self.respond(prompt))


class Form(Answering):
    """A person at a form: what the page sends is a single message."""

    def give(self, prompt, answer):
        form = PromptWidget(prompt)
        sent = answer
        if isinstance(answer, Fields):
            sent = {f["name"]: answer.text(f["name"]) for f in form.fields}
        content = {"kind": "answer", "id": form.pid, "value": sent}
        message = {"method": "custom", "content": content}
        form.comm.handle_msg({"content": {"data": message}, "buffers": []})
        if form.refusal or form.problems:
            self.respond(prompt)

    def leave(self):
        ipywidgets.Widget.close_all()


class Terminal(Prepared):
    """A person who types, faster than they are asked."""

    retries = True

    async def run(self, agent, answers):
        person = Person(self._monkeypatch)
        for several in answers.values():
            for answer in several:
                person.types(*self._lines(answer))
        person.presses(b"\x04")  # and leaves
        try:
            return await agent.run(timeout=30)
        finally:
            person.leaves()

    def _lines(self, answer):
        if isinstance(answer, Fields):
            return [line for name in answer.data for line in answer.text(name).split("\n")]
        return [*answer.split("\n"), ""] if "\n" in answer else [answer]


EVERYBODY = [Prepared, Environment, AsJson, Function, Thread, Form, Terminal]


@pytest.fixture(params=EVERYBODY, ids=lambda cls: cls.__name__)
def somebody(request, monkeypatch):
    somebody = request.param(monkeypatch)
    yield somebody
    somebody.leave()


# ---------------------------------------------------------------- what is asked


def asking(*questions):
    """An agent whose only state asks these, each the arguments of a question."""
    agent = Agent("asking")

    @agent.state
    async def asks(context):
        answers = [await context.human_in_the_loop("?", **question) for question in questions]
        context.set_state("answers", answers)

    return agent


class Trip(BaseModel):
    name: str
    nights: int = Field(ge=1)
    price: float
    how: Literal["train", "plane", 3]
    on: dt.date
    with_meals: bool
    stops: list[str]
    extra: dict[str, int]
    note: str | None


TRIP = Fields(
    {
        "name": "Rome",
        "nights": 3,
        "price": 99.5,
        "how": 3,
        "on": "2026-07-31",
        "with_meals": True,
        "stops": ["Milan", "Pisa"],
        "extra": {"bags": 2},
        "note": None,
    },
    {
        "with_meals": "yes",
        "stops": "Milan\nPisa\n",
        "extra": '{"bags": 2}',
        "note": "",
    },
)


async def test_S11_6_texts_are_answered_in_the_order_of_the_questions(somebody):
    result = await somebody.run(asking({}, {}), {"asks": ["one", "two"]})
    assert result.values["answers"] == ["one", "two"]


async def test_S11_6_a_text_may_have_several_lines(somebody):
    result = await somebody.run(asking({"multiline": True}), {"asks": ["one\ntwo"]})
    assert result.values["answers"] == ["one\ntwo"]


async def test_S11_6_one_of_the_choices_is_taken(somebody):
    question = {"choices": ["yes", "no"], "validator": lambda answer: answer in {"yes", "no"}}
    result = await somebody.run(asking(question), {"asks": ["no"]})
    assert result.values["answers"] == ["no"]


async def test_S11_6_fields_make_an_instance(somebody):
    result = await somebody.run(asking({"schema": Trip}), {"asks": [TRIP]})
    assert result.values["answers"] == [Trip(**TRIP.data)]


async def test_S11_6_each_question_gets_the_answers_of_its_state(somebody):
    agent = Agent("forking")

    @agent.state
    async def fork(context):
        return ["one", "two"]

    @agent.state
    async def one(context):
        context.set_state("one", await context.human_in_the_loop("1?"))

    @agent.state
    async def two(context):
        context.set_state("two", await context.human_in_the_loop("2?"))

    result = await somebody.run(agent, {"one": ["a"], "two": ["b"]})
    assert (result.values["one"], result.values["two"]) == ("a", "b")


class Stars(BaseModel):
    stars: int = Field(ge=1, le=5)


@pytest.mark.parametrize(
    ("question", "wrong", "right", "answer"),
    [
        ({"choices": ["yes", "no"]}, "maybe", "yes", "yes"),
        ({"validator": lambda text: len(text) > 2}, "no", "not at all", "not at all"),
        ({"schema": Stars}, Fields({"stars": 9}), Fields({"stars": 4}), Stars(stars=4)),
    ],
)
async def test_S11_6_who_can_answers_again_when_refused(somebody, question, wrong, right, answer):
    agent = asking(question)
    refused = []
    agent.subscribe(lambda e: refused.append(e) if isinstance(e, ev.PromptRefused) else None)
    answers = {"asks": [wrong, right]}
    if somebody.retries:
        result = await somebody.run(agent, answers)
        assert result.values["answers"] == [answer]
        assert len(refused) == 1
        return
    with pytest.raises(StateError) as caught:
        await somebody.run(agent, answers)
    assert isinstance(caught.value.__cause__, AnswerRefusedError)


async def test_S11_6_where_there_is_no_answer_the_default_is_taken(somebody):
    result = await somebody.run(asking({"default": "d"}), {"asks": []})
    assert result.values["answers"] == ["d"]


async def test_S11_6_where_there_is_no_answer_and_no_default_it_never_hangs(somebody):
    agent = asking({})
    with pytest.raises(StateError) as caught:
        await somebody.run(agent, {"asks": []})
    assert isinstance(caught.value.__cause__, NobodyToAskError)
    assert agent.status is AgentStatus.FAILED
    assert agent.prompts == ()


async def test_S10_5_a_secret_is_in_no_event(somebody):
    class Login(BaseModel):
        password: SecretStr = Field(min_length=4)

    agent = asking({"schema": Login, "validator": lambda login: len(login.password) > 4})
    events = []
    agent.subscribe(events.append)
    answer = Fields({"password": "hush hush"})
    result = await somebody.run(agent, {"asks": [answer]})
    assert result.values["answers"][0].password.get_secret_value() == "hush hush"
    assert "hush" not in str([event.to_dict() for event in events])


# ---------------------------------------------------------------- prepared answers


@pytest.mark.parametrize("answers", ["yes", {"a": 5}, {"a": [5]}, {"a": None}, {"a": [["x"]]}])
def test_prepared_answers_of_another_form_are_refused(answers):
    with pytest.raises(InvalidAnswersError, match=r'\{"review": \["yes"\]\}'):
        PreparedAnswers(answers)


@pytest.mark.parametrize("answer", ["yes", {"stars": 4}, Stars(stars=4)])
def test_a_single_prepared_answer_is_a_list_of_one(answer):
    prepared = PreparedAnswers({"review": answer})
    assert prepared.take("review") == (answer,)
    assert prepared.take("review") is None
    assert prepared.take("another") is None


def test_prepared_answers_need_no_pydantic(monkeypatch):
    monkeypatch.delitem(sys.modules, "pydantic")
    assert PreparedAnswers({"review": ({"stars": 4},)}).take("review") == ({"stars": 4},)
