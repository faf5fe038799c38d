"""What was typed into a form, as the data of an answer."""

from __future__ import annotations

import pytest

from fluffy_nb.engine.filled import data_of
from fluffy_nb.engine.forms import YES_NO, Field


def of(kind, **details):
    return Field(name="x", kind=kind, label="X", **details)


def typed(field, text):
    """What one field's text becomes; None where the field is left out of the answer."""
    data, wrong = data_of((field,), {"x": text})
    assert wrong == {}
    return data.get("x", "(left out)")


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (of("text"), " as typed ", " as typed "),
        (of("text"), " ", " "),
        (of("area"), "two\nlines\n", "two\nlines\n"),
        (of("password"), " hush", " hush"),
        (of("integer"), " 3 ", 3),
        (of("integer"), "3.5", "3.5"),
        (of("integer"), "9" * 5_000, "9" * 5_000),
        (of("number"), "2.5", 2.5),
        (of("number"), "1,5", "1,5"),
        (of("date"), " 2026-07-31 ", "2026-07-31"),
        (of("choice", choices=(("a", 1), ("b", 2))), "b", 2),
        (of("choice", choices=((" a", 1),)), " a", 1),
        (of("choice", choices=(("a", 1),)), " a ", 1),
        (of("check", choices=YES_NO), "no", False),
        (of("lines"), " a \n\nb\n", ["a", "b"]),
        (of("lines", items="integer"), "1\nx", [1, "x"]),
        (of("json"), ' {"a": [1]} ', {"a": [1]}),
        (of("any"), "5", 5),
        (of("any"), "five", "five"),
    ],
)
def test_a_text_means(field, text, value):
    made = typed(field, text)
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (of("integer", required=True), "(left out)"),
        (of("text", required=True), "(left out)"),
        (of("lines"), "(left out)"),  # its default is made by the model
        (of("integer", nullable=True, required=True), None),
        (of("text", nullable=True, text="x"), None),
        (of("text", text="x"), ""),
        (of("integer", text="5"), ""),  # for the model to refuse: the default is not meant
        (of("lines", text="a"), []),
    ],
)
def test_what_is_left_empty_means(field, value):
    assert typed(field, "") == value


def test_blanks_fill_in_texts_only():
    assert typed(of("integer", required=True), "  ") == "(left out)"
    assert typed(of("area", required=True), "\n") == "\n"


def test_a_field_that_is_not_there_is_empty():
    assert data_of((of("text", nullable=True),), {}) == ({"x": None}, {})


def test_what_is_no_text_is_taken_as_it_is():
    assert data_of((of("integer"),), {"x": [1]}) == ({"x": [1]}, {})


def test_what_can_not_be_read_is_told_for_each_field():
    fields = (
        Field("a", "json", "A"),
        Field("b", "choice", "B", choices=(("x", 1), ("y", 2))),
        Field("c", "text", "C"),
    )
    data, wrong = data_of(fields, {"a": "{", "b": "z", "c": "fine"})
    assert data == {"c": "fine"}
    assert wrong["a"].startswith("this is no JSON: ")
    assert wrong["b"] == "this is not one of x, y"


def test_the_only_field_of_a_model_that_is_no_object_is_the_answer():
    assert data_of((Field("", "lines", ""),), {"": "a\nb"}) == (["a", "b"], {})
    assert data_of((), {}) == ({}, {})
