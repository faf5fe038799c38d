"""What is kept of a thing that a state shows: bounded, plain, and never a reason to fail."""

from __future__ import annotations

import base64
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffy_nb.engine import display
from fluffy_nb.engine.display import mime_bundle

PNG = b"\x89PNG\r\n"
PNG_TEXT = base64.b64encode(PNG).decode()


def shown(**methods):
    """An object with these methods, each returning a value or raising an exception."""

    def method(result):
        def call(self, *_, **__):
            if isinstance(result, Exception):
                raise result
            return result

        return call

    methods.setdefault("__repr__", "a thing")
    return type("Thing", (), {name: method(result) for name, result in methods.items()})()


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(display, "MOST_CHARACTERS", 100)


# ---------------------------------------------------------------- what is asked for


@pytest.mark.parametrize("value", [None, 5, [1, "a"], {"a": 1}, b"bytes", object, len])
def test_S10_8_a_plain_object_is_its_repr(value):
    assert mime_bundle(value) == {"text/plain": repr(value)}


@given(st.text())
def test_S10_8_a_string_is_itself(text):
    bundle = mime_bundle(text)
    assert bundle == {"text/plain": text}
    assert json.loads(json.dumps(bundle)) == bundle


@pytest.mark.parametrize(
    ("method", "result", "mime", "text"),
    [
        ("_repr_html_", "<b>1</b>", "text/html", "<b>1</b>"),
        ("_repr_markdown_", "**1**", "text/markdown", "**1**"),
        ("_repr_svg_", "<svg/>", "image/svg+xml", "<svg/>"),
        ("_repr_png_", PNG, "image/png", PNG_TEXT),
        ("_repr_png_", PNG_TEXT, "image/png", PNG_TEXT),
        ("_repr_png_", (PNG, {"width": 5}), "image/png", PNG_TEXT),
        ("_repr_html_", ("<b>1</b>", {}), "text/html", "<b>1</b>"),
    ],
)
def test_S10_8_rich_representations_are_kept(method, result, mime, text):
    assert mime_bundle(shown(**{method: result})) == {"text/plain": "a thing", mime: text}


@pytest.mark.parametrize("result", [None, "", b"", (), (None, {}), 5, b"bytes are no text"])
def test_S10_8_what_is_no_representation_is_left_out(result):
    thing = shown(_repr_html_=result, _repr_markdown_=result, _repr_svg_=result)
    assert mime_bundle(thing) == {"text/plain": "a thing"}


def test_S10_8_only_the_class_is_asked_as_instances_may_answer_to_any_name():
    class Answers:
        def __getattr__(self, name):
            if name == "savefig":
                raise AttributeError(name)
            return lambda: "made up"

        def __repr__(self):
            return "a thing"

    assert mime_bundle(Answers()) == {"text/plain": "a thing"}
    thing = shown()
    type(thing)._repr_html_ = None  # the way to say that there is none
    assert mime_bundle(thing) == {"text/plain": "a thing"}
    cls = type("Frame", (), {"_repr_html_": lambda self: "<b>1</b>"})
    assert mime_bundle(cls) == {"text/plain": repr(cls)}


def test_S10_8_a_figure_is_saved_as_png():
    class Figure:
        def __repr__(self):
            return "a figure"

        def savefig(self, file, *, format):  # noqa: A002 - Matplotlib's
            assert format == "png"
            file.write(PNG)

    assert mime_bundle(Figure()) == {"text/plain": "a figure", "image/png": PNG_TEXT}


def test_S10_8_a_figure_with_a_png_of_its_own_is_not_saved():
    thing = shown(_repr_png_=PNG, savefig=ValueError("not called"))
    assert mime_bundle(thing) == {"text/plain": "a thing", "image/png": PNG_TEXT}


def test_S10_8_a_figure_that_saves_nothing_has_no_picture():
    assert mime_bundle(shown(savefig=None)) == {"text/plain": "a thing"}


def test_S10_8_a_savefig_that_can_not_be_called_is_none():
    thing = shown()
    thing.savefig = "a path"
    assert mime_bundle(thing) == {"text/plain": "a thing"}


def test_S10_8_frames_and_arrays_are_shown():
    assert "<table" in mime_bundle(pd.DataFrame({"a": [1]}))["text/html"]
    assert mime_bundle(np.zeros(2)) == {"text/plain": "array([0., 0.])"}


# ---------------------------------------------------------------- what goes wrong


def test_S10_8_a_repr_that_raises_is_told():
    bundle = mime_bundle(shown(__repr__=ValueError("no"), _repr_html_="<b>1</b>"))
    assert bundle == {
        "text/plain": "<Thing whose repr raises ValueError>",
        "text/html": "<b>1</b>",
    }


@pytest.mark.parametrize(
    ("method", "mime"),
    [
        ("_repr_html_", "text/html"),
        ("_repr_markdown_", "text/markdown"),
        ("_repr_svg_", "image/svg+xml"),
        ("_repr_png_", "image/png"),
        ("savefig", "image/png"),
    ],
)
def test_S10_8_a_representation_that_raises_is_told_and_the_others_are_kept(method, mime):
    good = {"_repr_html_": "<b>1</b>", "_repr_svg_": "<svg/>", "_repr_png_": PNG}
    good.pop(method, None)
    if method == "savefig":
        del good["_repr_png_"]
    bundle = mime_bundle(shown(**good, **{method: ValueError("no ink")}))
    assert bundle["text/plain"] == f"a thing\n[{mime} left out: ValueError('no ink')]"
    assert mime not in bundle
    assert len(bundle) == 1 + len(good)


def test_S10_8_an_error_with_a_broken_repr_is_told():
    class BrokenError(Exception):
        def __repr__(self):
            raise ValueError

    text = mime_bundle(shown(_repr_html_=BrokenError()))["text/plain"]
    assert text == "a thing\n[text/html left out: <BrokenError whose repr raises ValueError>]"


def test_S10_8_an_attribute_that_raises_is_told():
    class Thing:
        @property
        def savefig(self):
            raise ValueError("no ink")

        def __repr__(self):
            return "a thing"

    assert "[image/png left out: ValueError('no ink')]" in mime_bundle(Thing())["text/plain"]


def test_S10_8_a_string_of_an_odd_class_is_taken_as_its_text():
    class Odd(str):
        __slots__ = ()

        def __str__(self):
            raise ValueError

    bundle = mime_bundle(Odd("text"))
    assert bundle == {"text/plain": "text"}
    assert type(bundle["text/plain"]) is str
    assert type(mime_bundle(shown(_repr_html_=Odd("<b>")))["text/html"]) is str


# ---------------------------------------------------------------- what is too long


def test_S10_8_a_long_repr_is_cut():
    text = mime_bundle(["a" * 20_000])["text/plain"]
    assert len(text) == 10_000
    assert text.endswith("aaa...")


def test_S10_8_a_long_representation_is_left_out_and_told(small):
    bundle = mime_bundle(shown(_repr_html_="x" * 101, _repr_svg_="y" * 100))
    assert bundle == {
        "text/plain": "a thing\n[text/html of 101 characters left out: more than 100]",
        "image/svg+xml": "y" * 100,
    }


def test_S10_8_a_long_string_is_cut_and_told():
    text = mime_bundle("x" * 1_000_001)["text/plain"]
    assert text[:10_001] == "x" * 10_000 + "\n"
    assert text[10_001:] == "[text/plain of 1,000,001 characters left out: more than 1,000,000]"
    assert mime_bundle("x" * 1_000_000)["text/plain"] == "x" * 1_000_000


def test_S10_8_all_that_was_left_out_is_told(small):
    class Long(str):
        __slots__ = ()

        def _repr_html_(self):
            return "x" * 101

        def _repr_svg_(self):
            raise ValueError("no ink")

    notes = mime_bundle(Long("z" * 101))["text/plain"].splitlines()[1:]
    assert notes == [
        "[text/html of 101 characters left out: more than 100]",
        "[image/svg+xml left out: ValueError('no ink')]",
        "[text/plain of 101 characters left out: more than 100]",
    ]
