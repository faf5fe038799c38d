"""The stylesheet: colours for every status in both themes, and readable."""

import re

import pytest

from fluffy_nb.diagram import text
from fluffy_nb.diagram.style import palette, stylesheet
from fluffy_nb.engine.graph import EdgeKind
from fluffy_nb.engine.status import StateStatus

BLOCKS = {
    selector.strip(): dict(re.findall(r"--fluffy-([\w-]+): (#[0-9a-f]{6});", body))
    for selector, body in re.findall(
        r"([^{}]+)\{([^{}]*)\}", re.sub(r"/\*.*?\*/", "", stylesheet(), flags=re.DOTALL)
    )
    if "--fluffy-canvas:" in body
}
LIGHT, DARK, DARK_PAGE = BLOCKS.values()


def luminance(colour):
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_there_are_two_themes_and_the_dark_one_is_written_twice_alike():
    assert [selector.split("\n")[-1].strip() for selector in BLOCKS] == [
        '.fluffy-graph, [data-theme="light"] .fluffy-graph',
        ".fluffy-graph",
        '[data-theme="dark"] .fluffy-graph',
    ]
    assert DARK == DARK_PAGE
    assert set(LIGHT) == set(DARK)
    assert palette() == LIGHT


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_and_icons_can_be_read(theme):
    for background in (theme["surface"], theme["canvas"]):
        for words in ("ink", "soft", "failed", "timeout", "waiting"):
            assert contrast(theme[words], background) >= 4.5, words
        for status in (*StateStatus, "undefined", "edge", "taken", "focus"):
            assert contrast(theme[status.lower()], background) >= 3, status


def test_every_status_has_a_colour_and_a_rule():
    for status in StateStatus:
        assert status.lower() in LIGHT
        assert f"var(--fluffy-{status.lower()})" in stylesheet()
        assert status == "PENDING" or f'[data-status="{status}"] {{ --status:' in stylesheet()


def test_edges_look_as_they_are_known():
    kinds = {*re.findall(r'data-kind="(\w+)"', stylesheet())}
    assert kinds == {EdgeKind.INFERRED, EdgeKind.DEPENDENCY, EdgeKind.HANDLER}  # others are solid


def test_colours_come_from_variables_alone():
    rules = re.sub(r"--fluffy-[\w-]+: #[0-9a-f]{6};", "", stylesheet())
    assert not re.search(r"#[0-9a-fA-F]{3}|rgb|hsl", rules)
    assert {*re.findall(r"var\(--fluffy-([\w-]+)\)", rules)} <= set(LIGHT)


def test_sizes_are_those_that_texts_are_measured_with():
    assert f".label {{ fill: var(--fluffy-ink); font-size: {text.LABEL}px;" in stylesheet()
    assert f"font-size: {text.DETAIL}px;" in stylesheet()


def test_it_can_stand_in_xml_and_loads_nothing():
    assert not re.search(r"[<&]|url\(|@import", stylesheet())


def test_it_touches_nothing_but_drawings():
    rules = re.sub(r"/\*.*?\*/", "", stylesheet(), flags=re.DOTALL)
    for selectors in re.findall(r"([^{};]+)\{", rules):
        selector = selectors.strip()
        if not selector.startswith(("@", "50%")):
            assert all(".fluffy-" in one for one in re.split(r",(?![^(]*\))", selector)), selector


def test_what_moves_asks_whether_it_may():
    before, _, after = stylesheet().partition("@media (prefers-reduced-motion: no-preference) {")
    assert "animation:" not in before
    assert "animation:" in after.partition("\n}")[0]
