import json
from typing import Literal

import pytest
from pydantic import BaseModel, Field, SecretStr

from fluffy_nb.widgets.prompt import PromptWidget

from .fakes import FakePrompt


def test_what_is_asked_is_what_the_form_shows():
    prompt = FakePrompt(
        "r1-1", "approve", "Publish\nthis?", ("yes", "no"), deadline=12.0, refusal="no!"
    )
    form = PromptWidget(prompt)
    shown = form.get_state(
        ["pid", "state", "question", "choices", "multiline", "deadline", "refusal", "closed"]
    )
    assert shown == {
        "pid": "r1-1",
        "state": "approve",
        "question": "Publish\nthis?",
        "choices": ["yes", "no"],
        "multiline": False,
        "deadline": 12.0,
        "refusal": "no!",
        "closed": False,
    }


class Review(BaseModel):
    stars: int = Field(3, ge=1, le=5, description="How good it is.")
    mood: Literal["good", 2]
    key: SecretStr = SecretStr("hush")
    where: dict[str, int] = {}


def test_S11_1_the_page_gets_the_fields_of_a_schema_as_texts():
    form = PromptWidget(FakePrompt("r1-1", schema=Review))
    assert form.has_fields
    stars, mood, key, where = json.loads(json.dumps(form.fields))
    assert stars == {
        "name": "stars",
        "kind": "integer",
        "label": "Stars",
        "description": "How good it is.",
        "hint": "a whole number from 1 to 5",
        "required": False,
        "nullable": False,
        "choices": [],
        "text": "3",
        "items": "text",
        "zoned": False,
    }
    assert (mood["choices"], mood["required"]) == (["good", "2"], True)
    assert (key["kind"], key["text"]) == ("password", "")
    assert where["text"] == "{}"
    assert "hush" not in str(form.get_state())


def test_S11_1_a_form_may_have_no_fields():
    class Nothing(BaseModel):
        pass

    form = PromptWidget(FakePrompt("r1-1", schema=Nothing))
    assert (form.has_fields, form.fields) == (True, [])
    assert not PromptWidget(FakePrompt("r1-2")).has_fields


def test_S11_1_what_is_to_be_reviewed_goes_to_the_page():
    bundle = {"text/plain": "a table", "text/html": "<table></table>"}
    assert PromptWidget(FakePrompt("r1-1", show=bundle)).shown == bundle
    assert PromptWidget(FakePrompt("r1-2")).shown == {}


def test_S11_1_what_was_filled_in_becomes_one_answer(wire):
    prompt = FakePrompt("r1-1", schema=Review)
    texts = {"stars": "4", "mood": "2", "key": "", "where": '{"a": 1}'}
    wire.say(PromptWidget(prompt), kind="answer", id="r1-1", value=texts)
    assert [json.loads(answer) for answer in prompt.answers] == [
        {"stars": 4, "mood": 2, "where": {"a": 1}}
    ]


def test_S11_1_what_can_not_be_read_is_shown_beside_its_field_and_not_sent(wire):
    prompt = FakePrompt("r1-1", schema=Review)
    form = PromptWidget(prompt)
    wire.clear()
    wire.say(form, kind="answer", id="r1-1", value={"mood": "2", "where": "{"})
    assert prompt.answers == []
    assert list(form.problems) == ["where"]
    assert form.problems["where"].startswith("this is no JSON: ")
    assert wire.custom(form) == [{"kind": "refused"}]


def test_S11_2_what_is_wrong_with_a_field_is_shown_and_opens_the_form_again(wire):
    prompt = FakePrompt("r1-1", refuses="stars: too few", field_errors={"stars": "too few"})
    form = PromptWidget(prompt)
    wire.clear()
    wire.say(form, kind="answer", id="r1-1", value="{}")
    assert (form.refusal, form.problems) == ("stars: too few", {"stars": "too few"})
    assert wire.custom(form) == [{"kind": "refused"}]


def test_what_was_wrong_before_a_form_was_made_is_shown():
    prompt = FakePrompt("r1-1", refusal="stars: too few", field_errors={"stars": "too few"})
    form = PromptWidget(prompt)
    assert (form.refusal, form.problems) == ("stars: too few", {"stars": "too few"})


def test_one_message_answers(wire):
    prompt = FakePrompt("r1-1")
    form = PromptWidget(prompt)
    wire.say(form, kind="answer", id="r1-1", value=" because\nI say so ")
    assert prompt.answers == [" because\nI say so "]


@pytest.mark.parametrize("content", [{"kind": "answer", "id": "r1-2", "value": "x"}, {"kind": "x"}])
def test_a_message_for_another_prompt_does_not(wire, content):
    prompt = FakePrompt("r1-1")
    wire.say(PromptWidget(prompt), **content)
    assert prompt.answers == []


def test_S11_2_a_refusal_is_shown_and_opens_the_form_again(wire):
    form = PromptWidget(FakePrompt("r1-1"))
    form.refuse("at least 3 letters")
    assert form.refusal == "at least 3 letters"
    assert wire.custom(form) == [{"kind": "refused"}]


def test_the_same_refusal_again_opens_the_form_again(wire):
    form = PromptWidget(FakePrompt("r1-1"))
    form.refuse("no")
    wire.clear()
    form.refuse("no")
    assert wire.custom(form) == [{"kind": "refused"}]


def test_an_answer_that_comes_too_late_says_so_and_tells_others(wire):
    told = []
    form = PromptWidget(FakePrompt("r1-1", fate="timed out"), told.append)
    wire.say(form, kind="answer", id="r1-1", value="yes")
    assert "it timed out" in form.refusal
    assert wire.custom(form) == [{"kind": "refused"}]
    assert [str(problem) for problem in told] == [form.refusal]


def test_an_answer_without_a_value_is_an_error_that_is_shown(wire):
    form = PromptWidget(FakePrompt("r1-1"))
    wire.say(form, kind="answer", id="r1-1")
    assert form.refusal


def test_its_text_form_holds_no_address():
    assert repr(PromptWidget(FakePrompt("r1-1"))) == "PromptWidget(approve: 'Publish this?')"
