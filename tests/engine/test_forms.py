"""The fields of a form, as they are read from a pydantic model."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum, IntEnum
from types import NoneType
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    Field,
    Json,
    RootModel,
    Secret,
    SecretStr,
    create_model,
)

from fluffy_nb.engine.hints import resolved
from fluffy_nb.engine.schema import Schema


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Address(BaseModel):
    """Where somebody lives."""

    street: str
    number: int = 1


def field(annotation, default=..., **details):
    """The one field of a model that has it."""
    if details:
        default = Field(default, **details)
    (made,) = Schema(create_model("Model", value=(annotation, default))).fields
    return made


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (str, "text"),
        (int, "integer"),
        (float, "number"),
        (Decimal, "text"),
        (dt.date, "date"),
        (dt.time, "time"),
        (dt.datetime, "datetime"),
        (dt.timedelta, "text"),
        (bytes, "text"),
        (SecretStr, "password"),
        (Secret[int], "password"),
        (SecretStr | None, "password"),
        (Mood, "choice"),
        (Literal["only"], "choice"),
        (bool, "choice"),
        (list[str], "lines"),
        (set[int], "lines"),
        (list[Mood], "lines"),
        (list[Address], "json"),
        (list[Level], "json"),
        (list[Any], "json"),
        (tuple[int, str], "json"),
        (dict[str, int], "json"),
        (Address, "json"),
        (int | float, "json"),
        (NoneType, "json"),
        (int | str, "any"),
        (Any, "any"),
        (Json, "area"),
    ],
)
def test_a_type_is_filled_in_as(annotation, kind):
    assert field(annotation).kind == kind
    nullable = field(annotation | None) if annotation not in {NoneType, Any, Json} else None
    assert nullable is None or (nullable.kind, nullable.nullable) == (kind, True)


@pytest.mark.parametrize(
    ("details", "kind"),
    [
        ({"max_length": 120}, "text"),
        ({"max_length": 121}, "area"),
        ({"json_schema_extra": {"format": "multiline"}}, "area"),
        ({"default": "two\nlines"}, "area"),
        ({"json_schema_extra": {"writeOnly": True}}, "password"),
    ],
)
def test_a_long_text_gets_several_lines_and_a_secret_is_hidden(details, kind):
    default = details.pop("default", ...)
    assert field(str, default, **details).kind == kind


def test_a_truth_value_with_a_default_is_a_tick_and_without_one_is_chosen():
    ticked = field(bool, default=True)
    assert (ticked.kind, ticked.text) == ("check", "yes")
    assert field(bool, default=False).text == "no"
    chosen = field(bool)
    assert (chosen.kind, chosen.text) == ("choice", "")
    assert chosen.choices == (("yes", True), ("no", False))
    assert field(bool | None, default=True).kind == "choice"  # nobody can untick to null


@pytest.mark.parametrize(
    ("annotation", "choices"),
    [
        (Literal["a", "b"], (("a", "a"), ("b", "b"))),
        (Literal["a", 3], (("a", "a"), ("3", 3))),
        (Literal["3", 3], (('"3"', "3"), ("3", 3))),
        (Mood, (("good", "good"), ("bad", "bad"))),
        (Level, (("LOW", 1), ("HIGH", 2))),
        (Level | None, (("LOW", 1), ("HIGH", 2))),
        (Literal["only"], (("only", "only"),)),
    ],
)
def test_choices_have_texts_that_differ_and_values(annotation, choices):
    assert field(annotation).choices == choices


def test_null_among_literals_is_no_choice():
    made = field(Literal["a", None])  # noqa: PYI061 - another JSON schema than with `| None`
    assert (made.choices, made.nullable) == ((("a", "a"),), True)


@pytest.mark.parametrize(
    ("annotation", "default", "text"),
    [
        (str, "x", "x"),
        (int, 3, "3"),
        (float, 2.5, "2.5"),
        (float, float("inf"), "Infinity"),
        (Decimal, Decimal("1.50"), "1.50"),
        (dt.date, dt.date(2026, 7, 31), "2026-07-31"),
        (dt.datetime, dt.datetime(2026, 7, 31, 9, 30), "2026-07-31T09:30:00"),  # noqa: DTZ001 - without a zone on purpose
        (Mood, Mood.BAD, "bad"),
        (Level, Level.HIGH, "HIGH"),
        (Mood | None, None, ""),
        (list[str], ["a", "b"], "a\nb"),
        (list[int], [1, 2], "1\n2"),
        (dict[str, int], {"a": 1}, '{\n  "a": 1\n}'),
        (Address, Address(street="Main"), '{\n  "street": "Main",\n  "number": 1\n}'),
        (int | str, "large", "large"),
        (int | str, 5, "5"),
        (SecretStr, SecretStr("hush"), ""),
        (Any, object(), ""),  # JSON can't hold it
    ],
)
def test_a_default_is_filled_in(annotation, default, text):
    made = field(annotation, default)
    assert made.text == text
    assert not made.required


def test_a_default_that_is_made_later_is_not_filled_in():
    made = field(list[str], default_factory=list)
    assert (made.text, made.required) == ("", False)


def test_a_secret_is_not_shown_even_where_its_schema_does_not_say_so():
    made = field(Secret[int], Secret[int](5))
    assert (made.kind, made.text) == ("password", "")
    inside = create_model("Inside", pin=(Secret[int], ...))
    model = create_model(
        "Model",
        pin=(Secret[int], Secret[int](4711)),
        inside=(inside, inside(pin=Secret[int](4711))),
        word=(SecretStr, SecretStr("4711")),
    )
    assert "4711" not in str(Schema(model).json)
    assert [f.text for f in Schema(model).fields] == ["", "", ""]


def test_a_field_is_called_as_its_title_says_and_described():
    made = field(str, title="A name", description="Of the person.")
    assert (made.label, made.description) == ("A name", "Of the person.")
    (office,) = Schema(create_model("Model", post_office=(Address, ...))).fields
    assert (office.label, office.description) == ("Post Office", "Where somebody lives.")


def test_fields_go_by_their_aliases():
    model = create_model(
        "Model",
        key=(Annotated[Secret[int], Field(alias="API-key")], ...),
        text=(str, Field(validation_alias="Text")),
    )
    fields = Schema(model).fields
    assert [(f.name, f.kind) for f in fields] == [("API-key", "password"), ("Text", "text")]


@pytest.mark.parametrize(
    ("annotation", "default", "zoned"),
    [
        (AwareDatetime, ..., True),
        (AwareDatetime | None, None, True),
        (dt.datetime, ..., False),
        (dt.datetime, dt.datetime(2026, 7, 31), False),  # noqa: DTZ001 - without a zone on purpose
        (dt.datetime, dt.datetime(2026, 7, 31, tzinfo=dt.UTC), True),
        (dt.datetime, dt.datetime(2026, 7, 31, tzinfo=dt.timezone(-dt.timedelta(hours=5))), True),
        (dt.datetime, dt.datetime(2026, 7, 31, tzinfo=dt.timezone(dt.timedelta(hours=5))), True),
        (str, "2026-07-31T09:30:00Z", False),
    ],
)
def test_a_time_of_a_zone_is_known_as_such(annotation, default, zoned):
    assert field(annotation, default).zoned is zoned


def test_entries_of_a_list_have_their_type():
    assert field(list[int]).items == "integer"
    assert field(list[float]).items == "number"
    assert field(list[str]).items == "text"


def test_a_model_that_is_no_object_has_one_field():
    (root,) = Schema(RootModel[list[int]]).fields
    assert (root.name, root.kind, root.items, root.required) == ("", "lines", "integer", True)
    assert Schema(RootModel[Secret[int]]).fields[0].kind == "password"
    (mapping,) = Schema(RootModel[dict[str, int]]).fields
    assert (mapping.name, mapping.kind) == ("", "json")


def test_a_reference_that_earlier_versions_of_pydantic_wrap_is_followed():
    root = {"$defs": {"Mood": {"enum": ["good"], "type": "string"}}}
    wrapped = {"allOf": [{"$ref": "#/$defs/Mood"}], "default": "good"}
    assert resolved(wrapped, root) == {"enum": ["good"], "type": "string", "default": "good"}


def test_a_model_around_a_model_has_its_fields():
    assert [f.name for f in Schema(RootModel[Address]).fields] == ["street", "number"]


def test_a_model_without_fields_has_an_empty_form():
    assert Schema(create_model("Nothing")).fields == ()


# ---------------------------------------------------------------- what a field takes

ADDRESS = 'an object with "street": text; "number": a whole number, optional'
ONE_NUMBER = "one entry per line, 1 entry, each a whole number"


@pytest.mark.parametrize(
    ("annotation", "details", "hint"),
    [
        (str, {}, ""),
        (str, {"min_length": 1}, ""),
        (str, {"min_length": 3}, "at least 3 characters"),
        (str, {"max_length": 1}, "at most 1 character"),
        (str, {"min_length": 3, "max_length": 9}, "3 to 9 characters"),
        (str, {"min_length": 4, "max_length": 4}, "4 characters"),
        (str, {"min_length": 1, "max_length": 1}, "1 character"),
        (str, {"pattern": "^x"}, "matching ^x"),
        (int, {}, "a whole number"),
        (int, {"ge": 1, "le": 5}, "a whole number from 1 to 5"),
        (int, {"ge": 1}, "a whole number, at least 1"),
        (int, {"le": 5}, "a whole number, at most 5"),
        (int, {"gt": 1, "lt": 6}, "a whole number, more than 1, less than 6"),
        (int, {"multiple_of": 2}, "a whole number, a multiple of 2"),
        (float, {"ge": 0.5, "lt": 1.5}, "a number, at least 0.5, less than 1.5"),
        (Decimal, {}, "a number"),
        (int | None, {"ge": 1, "le": 5}, "a whole number from 1 to 5"),
        (dt.date, {}, "a date such as 2026-07-31"),
        (bool, {}, ""),
        (Mood, {}, ""),
        (list[str], {}, "one entry per line"),
        (list[str], {"max_length": 3}, "one entry per line, at most 3 entries"),
        (list[int], {"min_length": 1, "max_length": 1}, ONE_NUMBER),
        (set[int], {}, "one entry per line, each a whole number, no two alike"),
        (list[Mood], {}, "one entry per line, each one of good, bad"),
        (list[Address], {}, f"JSON: a list, each {ADDRESS}"),
        (Address, {}, f"JSON: {ADDRESS}"),
        (tuple[int, str], {}, "JSON: a list of a whole number, text"),
        (dict[str, int], {}, "JSON: an object, each value a whole number"),
        (dict[str, str], {}, "JSON: an object"),
        (dict, {}, "JSON: an object"),
        (list[Literal["only"] | int], {}, "JSON: a list, each one of only or a whole number"),
        (Any, {}, "text or JSON"),
        (int | str, {}, "a whole number or text"),
        (int | dict[str, int], {}, "JSON: a whole number or an object, each value a whole number"),
        (NoneType, {}, "JSON: null"),
        (bool | int, {}, "JSON: yes or no or a whole number"),
    ],
)  # fmt: skip
def test_a_hint_says_what_a_field_takes(annotation, details, hint):
    assert field(annotation, **details).hint == hint


class Node(BaseModel):
    name: str
    inside: Node | None = None
    more: list[Node] = []


def test_a_model_that_holds_itself_has_a_hint():
    made = Schema(RootModel[Node]).fields
    assert made[1].hint == (
        'JSON: an object with "name": text; "inside": an object, optional; '
        '"more": a list, each an object, optional'
    )


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


def test_a_union_that_is_told_apart_by_a_field_has_a_hint():
    made = field(Annotated[Cat | Dog, Field(discriminator="kind")])
    assert made.kind == "json"
    assert made.hint == (
        'JSON: an object with "kind": one of cat or an object with "kind": one of dog; "name": text'
    )
