"""What can be asked, and which answers are accepted."""

from __future__ import annotations

import logging
from enum import StrEnum

import pytest
from pydantic import BaseModel, field_validator

from fluffy_nb.engine.question import Question
from fluffy_nb.engine.verdict import Accepted, Refused
from fluffy_nb.errors import InvalidSpecError


class Review(BaseModel):
    stars: int


class Answer(StrEnum):
    YES = "yes"
    NO = "no"


async def wait(answer):
    return True


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"text": 5}, "a question is 5; it must be a string"),
        ({"choices": "yes"}, "choices is 'yes'"),
        ({"choices": 5}, "choices is 5"),
        ({"choices": []}, "at least one"),
        ({"choices": [1]}, "different strings"),
        ({"choices": ["a", "a"]}, "different strings"),
        ({"validator": 5}, "validator is 5"),
        ({"validator": wait}, "a plain function"),
        ({"schema": int}, "a pydantic model class"),
        ({"schema": Review, "choices": ["a"]}, "choices= beside schema= is"),
        ({"schema": Review, "multiline": True}, "multiline= beside schema= is True"),
    ],
)
def test_S11_1_what_can_not_be_asked_is_refused_where_it_is_written(settings, told):
    with pytest.raises(InvalidSpecError) as caught:
        Question(**{"text": "?", **settings})
    assert told in str(caught.value)


def test_a_text_is_accepted_as_it_is():
    assert Question("?").read(" x\n") == Accepted(" x\n")


@pytest.mark.parametrize("value", [5, None, ["x"], b"x"])
def test_an_answer_of_the_wrong_type_is_refused_with_the_remedy(value):
    assert Question("?").read(value) == Refused(f"{value!r} is no text; answer with a string")


def test_half_a_character_is_refused_for_it_could_not_be_saved():
    assert "no Unicode" in Question("?").read("\ud83d").why


def test_one_of_the_choices_is_accepted_as_it_was_given():
    question = Question("?", choices=list(Answer))
    accepted = question.read("yes")
    assert accepted.value is Answer.YES
    assert question.kept(accepted.value) == "yes"
    assert type(question.kept(accepted.value)) is str
    assert (
        question.read("maybe").why == "'maybe' is not one of <Answer.YES: 'yes'>, <Answer.NO: 'no'>"
    )


def refusing(text):
    raise ValueError(text)


@pytest.mark.parametrize(
    ("validator", "why"),
    [
        (lambda x: True, None),
        (lambda x: None, None),
        (lambda x: False, "this answer is not accepted"),
        (lambda x: refusing("too short"), "too short"),
        (lambda x: refusing(""), "this answer is not accepted"),
    ],
)
def test_S11_2_a_validator_returns_a_bool_or_raises(validator, why):
    verdict = Question("?", validator=validator).read("x")
    assert verdict == (Accepted("x") if why is None else Refused(why))


def test_S11_2_a_validator_of_a_schema_gets_the_instance_and_only_one():
    seen = []
    question = Question("?", schema=Review, validator=lambda r: seen.append(r) or r.stars < 3)
    assert question.read({"stars": "x"}).fields
    assert question.read({"stars": 2}) == Accepted(Review(stars=2))
    assert question.read({"stars": 3}) == Refused("this answer is not accepted")
    assert seen == [Review(stars=2), Review(stars=3)]


class Broken(BaseModel):
    stars: int

    @field_validator("stars")
    @classmethod
    def fail(cls, stars):
        return {}[stars]


@pytest.mark.parametrize(
    ("question", "value", "why"),
    [
        (Question("?", validator=lambda x: 1 / 0), "x", "ZeroDivisionError: division by zero"),
        (
            Question("?", validator=lambda x: wait(x + "!")),
            "x",
            "TypeError: validator is <function <lambda>",
        ),
        (Question("?", schema=Broken), {"stars": 1}, "KeyError: 1"),
    ],
)
def test_S11_2_a_validator_that_raises_something_else_refuses_and_is_logged_once(
    question, value, why, caplog
):
    with caplog.at_level(logging.ERROR, "fluffy_nb"):
        for _ in range(2):
            assert question.read(value).why.startswith(f"the validator raised {why}")
    (record,) = caplog.records
    assert record.exc_info is not None


def test_what_is_kept_of_an_answer_is_read_again():
    question = Question("?", schema=Review)
    assert question.again(question.kept(Review(stars=2))) == Accepted(Review(stars=2))
    assert Question("?").again("x") == Accepted("x")


def test_S11_1_what_is_shown_is_kept_as_a_mime_bundle():
    class Table:
        def __repr__(self):
            return "a table"

        def _repr_html_(self):
            return "<table></table>"

    shown = Question("?", show=Table()).show
    assert shown == {"text/plain": "a table", "text/html": "<table></table>"}
    assert Question("?", show="<b>").show == {"text/plain": "<b>"}
    assert Question("?", show="").show == {"text/plain": ""}
    assert Question("?").show is None
