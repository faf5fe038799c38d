"""Answers that have the fields of a pydantic model."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, Literal

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    Secret,
    SecretStr,
    create_model,
    field_serializer,
    field_validator,
    model_validator,
)

from fluffy_nb.engine.schema import Schema
from fluffy_nb.engine.verdict import Accepted, Refused
from fluffy_nb.errors import InvalidSpecError


class Review(BaseModel):
    stars: int = Field(ge=1, le=5)
    mood: Literal["good", "bad"] = "good"

    @field_validator("stars")
    @classmethod
    def not_two(cls, stars):
        if stars == 2:
            raise ValueError("two says nothing")
        if stars == 3:
            raise AssertionError
        return stars

    @model_validator(mode="after")
    def agree(self):
        if self.stars == 5 and self.mood == "bad":
            raise ValueError("five stars are not bad")
        return self


SCHEMA = Schema(Review)


# ---------------------------------------------------------------- what is a schema


@pytest.mark.parametrize("schema", [int, "Review", {"stars": int}, BaseModel, dict[str, int], len])
def test_S11_1_what_is_no_model_class_is_refused_with_the_remedy(schema):
    with pytest.raises(InvalidSpecError, match=r"class Review\(BaseModel\): stars: int"):
        Schema(schema)


def test_S11_1_an_instance_is_refused_and_its_class_named():
    with pytest.raises(InvalidSpecError, match=r"Give schema=Review\."):
        Schema(Review(stars=1))


class Unfinished(BaseModel):
    what: Nowhere  # noqa: F821 - the point


class Odd(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    what: type(pytest)


@pytest.mark.parametrize("model", [Unfinished, Odd])
def test_S11_1_a_model_of_which_no_form_can_be_made_is_refused_with_the_reason(model):
    with pytest.raises(InvalidSpecError, match=r"of which a form can be made \(.+\)\. Give its"):
        Schema(model)


def test_its_json_schema_is_plain_data_that_a_browser_reads():
    model = create_model("M", much=(float, float("inf")), odd=(Any, object()))
    schema = Schema(model).json
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema
    assert schema["properties"]["much"]["default"] == "Infinity"


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "value", [Review(stars=4), {"stars": 4}, {"stars": "4"}, '{"stars": 4}', '{"stars": "4"}']
)
def test_S11_1_an_answer_is_an_instance_a_dict_or_json(value):
    assert SCHEMA.read(value) == Accepted(Review(stars=4))


def test_an_instance_is_taken_itself():
    review = Review(stars=4)
    assert SCHEMA.read(review).value is review


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ({}, {"stars": "a value is needed"}),
        ({"stars": 9}, {"stars": "Input should be less than or equal to 5"}),
        ({"stars": 2}, {"stars": "two says nothing"}),
        ({"stars": 3}, {"stars": "this value is not accepted"}),
        (
            {"stars": 0, "mood": "so"},
            {
                "stars": "Input should be greater than or equal to 1",
                "mood": "Input should be 'good' or 'bad'",
            },
        ),
        ({"stars": 5, "mood": "bad"}, {"": "five stars are not bad"}),
        ("[1]", {"": "Input should be an object"}),
    ],
)
def test_S11_1_what_is_wrong_is_told_for_each_field(value, fields):
    refused = SCHEMA.read(value)
    assert refused.fields == fields
    assert refused.why == "; ".join(f"{n}: {why}" if n else why for n, why in fields.items())


def test_what_is_no_json_is_told():
    assert SCHEMA.read("four stars").fields[""].startswith("Invalid JSON: ")


def test_problems_inside_a_field_are_told_with_their_place_each_once():
    model = create_model("Model", reviews=(list[Review], ...), either=(int | float, 1))
    refused = Schema(model).read({"reviews": [{}, {"stars": 9}], "either": "x"})
    assert refused.fields["reviews"] == (
        "0.stars: a value is needed; 1.stars: Input should be less than or equal to 5"
    )
    assert refused.fields["either"].count("int: ") == 1


@pytest.mark.parametrize("value", [None, 4, [4], b"{}"])
def test_an_answer_of_the_wrong_type_is_refused_with_the_remedy(value):
    kind = type(value).__name__
    why = f"this is of {kind}; answer with a Review, a dict of its fields, or JSON"
    assert SCHEMA.read(value) == Refused(why)


def test_an_instance_of_a_class_that_was_defined_again_is_told_apart():
    again = create_model("Review", stars=(int, ...))
    assert "defined again since" in SCHEMA.read(again(stars=1)).why


def test_the_refusal_does_not_repeat_what_was_typed():
    model = create_model("Login", password=(SecretStr, Field(min_length=8)), pin=(int, ...))
    refused = Schema(model).read({"password": "hush", "pin": "4711x"})
    assert set(refused.fields) == {"password", "pin"}
    assert "hush" not in refused.why
    assert "4711" not in refused.why


def test_a_strict_model_takes_what_json_can_say():
    model = create_model("M", __config__=ConfigDict(strict=True), on=(dt.date, ...))
    assert Schema(model).read('{"on": "2026-07-31"}').value.on == dt.date(2026, 7, 31)


def test_a_model_that_is_no_object_takes_what_it_holds():
    schema = Schema(RootModel[list[int]])
    assert schema.read([1, 2]).value.root == [1, 2]
    assert schema.read("[1, 2]").value.root == [1, 2]
    assert schema.read("[1, 2, {}]").fields == {"": "2: Input should be a valid integer"}


# ---------------------------------------------------------------- keeping


def test_S11_5_an_answer_is_kept_as_plain_data_of_which_it_is_made_again():
    model = create_model(
        "M", on=(dt.date, Field(alias="On")), inside=(Review, ...), nothing=(int | None, None)
    )
    answer = model(On=dt.date(2026, 7, 31), inside=Review(stars=4))
    kept = Schema(model).plain(answer)
    assert kept == {
        "On": "2026-07-31",
        "inside": {"stars": 4, "mood": "good"},
        "nothing": None,
    }
    assert Schema(model).read(json.dumps(kept)) == Accepted(answer)


class Spilling(BaseModel):
    """Gives its secret away."""

    pin: Secret[int]

    @field_serializer("pin")
    def spill(self, pin):
        return pin.get_secret_value()


class Extra(BaseModel):
    model_config = ConfigDict(extra="allow")


class Doubling(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def double(cls, n):
        return 2 * n


class Failing(BaseModel):
    n: int

    @field_serializer("n")
    def fail(self, n):
        raise RuntimeError(n)


def holding(value):
    return create_model("M", value=(Any, ...))(value=value)


@pytest.mark.parametrize(
    "answer",
    [
        create_model("Login", password=(SecretStr, ...))(password="hush"),
        create_model("Plain", key=(str, Field(json_schema_extra={"writeOnly": True})))(key="hush"),
        Spilling(pin=4711),
        Extra(login=Spilling(pin=4711)),
        holding([{"a": (Spilling(pin=4711),)}]),
        holding({Secret[int](4711)}),
        holding({Secret[int](4711): 1}),
    ],
)
def test_S11_5_an_answer_with_a_secret_is_not_kept(answer):
    assert Schema(type(answer)).plain(answer) is None


@pytest.mark.parametrize(
    "answer", [Doubling(n=1), Failing(n=1), holding(object()), holding(float("nan"))]
)
def test_an_answer_that_would_not_be_the_same_again_is_not_kept(answer):
    assert Schema(type(answer)).plain(answer) is None


def test_an_answer_that_holds_itself_is_not_kept():
    loop: list[Any] = []
    loop.append(loop)
    assert Schema(create_model("M", value=(Any, ...))).plain(holding(loop)) is None
