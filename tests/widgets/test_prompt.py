import pytest

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
