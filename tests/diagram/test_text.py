"""Names: made visible, measured, wrapped, shortened."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fluffy_nb.diagram import text
from fluffy_nb.errors import visible

from .fakes import HOSTILE, LONG

# Of "!" to "~", in thousandths of the font size, as fonts have them.
# fmt: off
DEJAVU = [
    401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770,
    632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684,
    989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634,
    278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525,
    636, 337, 636, 838,
]
LIBERATION = [
    278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722,
    667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667,
    944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556,
    222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500,
    334, 260, 334, 584,
]
# fmt: on


@pytest.mark.parametrize("font", [DEJAVU, LIBERATION], ids=["DejaVu Sans", "Liberation Sans"])
def test_no_character_is_wider_than_it_is_taken_for(font):
    real = {chr(code): width / 1000 for code, width in enumerate(font, ord("!"))}
    assert len(real) == 94
    assert {char for char, em in real.items() if text.width(char, 1) < em} == set()


def test_nor_much_narrower():
    real = sum(DEJAVU) / 1000
    assert text.width("".join(map(chr, range(ord("!"), 127))), 1) < 1.15 * real


@pytest.mark.parametrize(
    ("string", "em"),
    [
        ("", 0),
        ("\u00e9", 0.65),
        ("e\u0301", 0.65),
        ("数", 1.05),
        ("한", 1.05),
        ("Ж", 1.1),
        ("ж", 0.9),
        ("👩\u200d👩\u200d👧", 1.4),
        ("❤\ufe0f", 1.4),
        ("🇩🇪", 1.4),
        ("👍🏽", 1.4),
    ],
)
def test_other_scripts_are_measured_by_what_a_reader_takes_for_a_character(string, em):
    assert text.width(string, 10) == pytest.approx(10 * em)


def test_clusters_keep_together_what_belongs_together():
    parts = ["e\u0301", "👩\u200d👧", "🇩🇪", "🇫🇷", "👍🏽", "a", "\U0001f1e9"]
    assert text.clusters("".join(parts)) == parts
    assert text.clusters("\u0301") == ["\u0301"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain_name", "plain_name"),
        ("new\nline\ttab", r"new\nline\ttab"),
        ("\x00\x1b", r"\x00\x1b"),
        ("a\u202eb\u2028c", r"a\u202eb\u2028c"),
        ("\ud800", r"\ud800"),
        ("\uffff", r"\uffff"),
        ("👩\u200d👧 é \u0301", "👩\u200d👧 é \u0301"),
    ],
)
def test_what_cannot_be_seen_is_made_visible(name, shown):
    assert visible(name) == shown


# ---------------------------------------------------------------- wrapping


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("a", ("a",)),
        ("validate_schema", ("validate_schema",)),
        (LONG[0], ("process_incoming_", "customer_complaints_from_", "the_northern_region_office")),
        (
            LONG[1],
            ("HTTPServerRequestHandler", "FactoryBeanSingletonProxy", "ImplementationImpl"),
        ),
        (
            "read the quarterly reports of all regions",
            ("read the quarterly", "reports of all regions"),
        ),
        ("one.two.three.four.five.six.seven", ("one.two.three.four.", "five.six.seven")),
    ],
)
def test_a_name_breaks_where_a_reader_would_break_it(name, lines):
    assert text.wrapped(name) == lines


@pytest.mark.parametrize("name", LONG)
def test_no_line_is_too_wide_and_none_is_lost_without_an_ellipsis(name):
    lines = text.wrapped(name)
    assert 1 < len(lines) <= 4
    assert max(text.width(line, text.LABEL) for line in lines) < 208.01
    if not lines[-1].endswith("…"):
        assert "".join(lines).replace(" ", "") == name.replace(" ", "")


def test_only_what_four_lines_cannot_hold_is_shortened():
    assert [name[:5] for name in LONG if text.wrapped(name)[-1].endswith("…")] == ["WWWWW", "word "]


def test_a_very_long_name_takes_no_time():
    began = time.process_time()
    assert text.wrapped("a" * 10_000_000)[-1].endswith("…")
    assert time.process_time() - began < 2


@given(st.text(max_size=120))
@example("\x1e\x1e、0<AA\x1e\xa0¦\U0002ebe1\U0002ebe1rK\x1e00\u07fb")
def test_any_name_fits(name):
    lines = text.wrapped(name)
    assert 1 <= len(lines) <= 4
    assert all(text.width(line, text.LABEL) < 208.01 for line in lines)
    assert all(visible(line) == line for line in lines)


# ---------------------------------------------------------------- shortening


def test_a_text_that_fits_is_not_touched():
    assert text.shortened("2.1 s", 40, 11) == "2.1 s"


@pytest.mark.parametrize("room", [12, 20, 60, 130])
@pytest.mark.parametrize(
    "line", ["waits for b2 (running) through b3", "数据清洗和验证以及随后的报告生成", "👍🏽" * 20]
)
def test_one_that_does_not_is_cut_between_characters(line, room):
    cut = text.shortened(line, room, 11)
    assert cut.endswith("…")
    assert text.width(cut, 11) <= room
    kept = text.clusters(cut.removesuffix("…"))
    assert text.clusters(line)[: len(kept)] == kept


def test_hostile_names_are_made_harmless_to_lines():
    assert all(len(line.splitlines()) == 1 for name in HOSTILE for line in text.wrapped(name))
