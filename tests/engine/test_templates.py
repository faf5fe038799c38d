"""Names with placeholders, and whether two of them can mean one name."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffy_nb.engine.templates import Template, is_template, may_name, overlap
from fluffy_nb.errors import InvalidSpecError


@pytest.mark.parametrize(
    ("template", "name", "inputs"),
    [
        ("chunk_{i}", "chunk_3", {"i": 3}),
        ("chunk_{i}", "chunk_0", {"i": 0}),
        ("chunk_{i}", "chunk_007", {"i": "007"}),
        ("chunk_{i}", "chunk_٣", {"i": "٣"}),
        ("chunk_{i}", "chunk_-3", {"i": "-3"}),
        ("chunk_{i}", "chunk_a\nb", {"i": "a\nb"}),
        ("chunk_{i}", "chunk_", None),
        ("chunk_{i}", "a chunk_3", None),
        ("{a}.{b}", "x.y.z", {"a": "x", "b": "y.z"}),
        ("a.{b}", "axb", None),
        ("{a}", "7" * 5_000, {"a": "7" * 5_000}),
    ],
)
def test_S4_3_a_name_gives_the_inputs(template, name, inputs):
    assert Template(template).match(name) == inputs


@pytest.mark.parametrize("name", ["{", "a}", "{}", "{a b}", "{a}{a}", "{{a}}", "{1}", "a{b}}"])
def test_S4_3_broken_placeholders_are_refused(name):
    assert is_template(name)
    with pytest.raises(InvalidSpecError, match="braces, as 'chunk_"):
        Template(name)


def test_S4_3_inputs_give_the_name():
    template = Template("{kind}_{i}")
    assert template.fill({"kind": "page", "i": 3, "more": 1}) == "page_3"
    with pytest.raises(InvalidSpecError, match=r"Write Send\('\{kind\}_\{i\}', i=...\)"):
        template.fill({"kind": "page"})
    assert repr(template) == "Template('{kind}_{i}')"


@pytest.mark.parametrize(
    ("one", "other", "example"),
    [
        ("a_{i}", "b_{i}", None),
        ("a_{i}", "{x}_1", "a_1"),
        ("a_{i}", "a_{j}_{k}", "a_x_x"),
        ("{i}", "a{j}", "ax"),
        ("a{i}b", "a{i}c", None),
        ("ab{i}", "a{i}", "abx"),
    ],
)
def test_S4_3_overlapping_names_have_an_example(one, other, example):
    assert overlap(Template(one), Template(other)) == example
    assert (overlap(Template(other), Template(one)) is None) == (example is None)


TEXTS = st.text("ab", max_size=2)


@given(st.tuples(TEXTS, TEXTS, TEXTS), st.tuples(TEXTS, TEXTS, TEXTS))
def test_S4_3_overlap_agrees_with_trying_all_names(one, other):
    a, b = Template("{x}".join(one[:2]) + one[2]), Template("{x}{y}".join(other[:2]) + other[2])
    names = ("".join(letters) for n in range(1, 9) for letters in product("abx", repeat=n))
    tried = next((name for name in names if a.match(name) and b.match(name)), None)
    found = overlap(a, b)
    assert (found is None) == (tried is None)
    if found is not None:
        assert a.match(found)
        assert b.match(found)


@given(st.text(min_size=1), st.text(min_size=1))
def test_S4_3_what_is_filled_in_is_found_again(first, second):
    template = Template("<{a}>{b}")
    name = template.fill({"a": first, "b": second})
    inputs = template.match(name)
    assert template.fill(inputs) == name


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("chunk_.*", True),
        (".*", True),
        ("chunk_.*_.*", True),
        ("other_.*", False),
        (re.escape("chunk_.*"), True),
        (re.escape("chunk.") + ".*", False),
    ],
)
def test_S4_3_an_f_string_may_give_a_name(pattern, names):
    assert may_name(re.compile(pattern), Template("chunk_{i}")) is names
