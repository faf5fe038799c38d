"""The grammar of the magics' lines, and what is said about lines outside of it."""

from __future__ import annotations

import pytest

from fluffy_nb.errors import UsageError
from fluffy_nb.notebook import options as o
from fluffy_nb.notebook.verbs import CELL, VERBS

RUN = VERBS["run"].usage


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  b", ["a", "b"]),
        ('a "b c"', ["a", '"b c"']),
        ("-i rows=[1, 2]", ["-i", "rows=[1, 2]"]),
        ("-i f(a, 'x y')", ["-i", "f(a, 'x y')"]),
        ("don't stop", ["don't", "stop"]),
        ("-i s='it\\'s'", ["-i", "s='it\\'s'"]),
        ("-i s=f'a b'", ["-i", "s=f'a b'"]),
        ("", []),
        (" open ( b", ["open", "( b"]),
    ],
)
def test_words_end_at_spaces_outside_of_quotes_and_brackets(text, words):
    assert o.split(text) == words


def test_every_option_of_a_cell_is_read():
    text = "r --run --wait --start a,b --start 'c d' --max-concurrent 3 --timeout=1.5 --layout lr"
    line = o.parse(CELL, text + " --quiet --step")
    assert line.words == ["r"]
    assert line.options == {
        "run": True,
        "wait": True,
        "start": [["a", "b"], ["c d"]],
        "max_concurrent": 3,
        "timeout": 1.5,
        "layout": "LR",
        "quiet": True,
        "step": True,
    }


@pytest.mark.parametrize(
    ("usage", "text", "says"),
    [
        (CELL, "", "%%fluffy needs NAME"),
        (CELL, "a b", "no use for 'b'"),
        (CELL, "r --rnu", "did you mean '--run'"),
        (CELL, "r --run=yes", "takes no value"),
        (CELL, "r --timeout", "needs a value: --timeout SECONDS"),
        (CELL, "r --timeout soon", "--timeout is 'soon'; it must be a number of seconds"),
        (CELL, "r --timeout -1", "a number of seconds"),
        (CELL, "r --timeout nan", "a number of seconds"),
        (CELL, "r --timeout 1 --timeout 2", "given twice"),
        (CELL, "r --max-concurrent 0", "a whole number from 1"),
        (CELL, "r --max-concurrent ²", "a whole number from 1"),
        (CELL, "r --layout XY", "one of 'LR', 'TB'"),
        (CELL, "r --start ,", "the name of a state"),
        (RUN, "r -i x", "key=expression"),
        (RUN, "r -i x=1+", "no Python expression"),
    ],
)
def test_a_mistake_is_told_in_one_line(usage, text, says):
    with pytest.raises(UsageError) as caught:
        o.parse(usage, text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_inputs_are_evaluated_among_the_notebooks_names():
    line = o.parse(RUN, "r -i rows=[n, n + 1] -i title='a b'")
    assert o.values(line.options["i"], {"n": 1}) == {"rows": [1, 2], "title": "a b"}
    with pytest.raises(UsageError, match="-i x=nn raised NameError"):
        o.values([("x", "nn")], {})


@pytest.mark.parametrize(
    ("text", "rest"), [("r  yes, do it", "yes, do it"), ("r don't", "don't"), ("r --no", "--no")]
)
def test_an_answer_is_the_rest_of_the_line_as_written(text, rest):
    assert o.parse(VERBS["answer"].usage, text).rest(1) == rest


@pytest.mark.parametrize(
    ("word", "value"),
    [("'a b'", "a b"), ('"it\'s"', "it's"), ("'open", "'open"), ("a", "a"), ("''", "")],
)
def test_quotes_around_a_word_are_taken_off(word, value):
    assert o.unquoted(word) == value
