"""The pages' side, as far as it can be checked without a page."""

import re
import shutil
import subprocess
from importlib.resources import files

import pytest

from fluffy_nb.widgets import ControlsWidget, GraphWidget, PromptWidget

STATIC = files("fluffy_nb.widgets") / "static"
SCRIPTS = sorted(path.name for path in STATIC.iterdir() if path.name.endswith(".js"))
STYLES = sorted(path.name for path in STATIC.iterdir() if path.name.endswith(".css"))
WIDGETS = [ControlsWidget, GraphWidget, PromptWidget]

# What would turn text into markup or code, look at the whole page, or load something.
REFUSED = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "createContextualFragment",
    "setHTMLUnsafe",
    "srcdoc",
    "eval(",
    "new Function",
    "getElementById",
    "document.querySelector",
    "fetch(",
    "XMLHttpRequest",
    "import(",
    "https:",
]


@pytest.mark.parametrize("name", SCRIPTS)
def test_text_stays_text_and_nothing_is_loaded(name):
    text = (STATIC / name).read_text()
    assert [word for word in REFUSED if word in text] == []


def test_markup_is_parsed_in_two_places_the_drawing_and_what_is_to_be_reviewed():
    found = [name for name in SCRIPTS if "DOMParser" in (STATIC / name).read_text()]
    assert found == ["graph.js", "shown.js"]
    assert all((STATIC / name).read_text().count("parseFromString") == 1 for name in found)


@pytest.mark.parametrize("name", STYLES)
def test_styles_load_nothing(name):
    text = (STATIC / name).read_text()
    assert "url(" not in text
    assert "@import" not in text


@pytest.mark.parametrize("widget", WIDGETS)
def test_a_module_exports_once_and_stands_alone(widget):
    assert len(re.findall(r"^export default \{.*\brender\b.*\};$", widget._esm, re.MULTILINE)) == 1
    assert not re.search(r"^import\b", widget._esm, re.MULTILINE)


@pytest.mark.parametrize("widget", WIDGETS)
def test_a_module_is_javascript(widget, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    module = tmp_path / "widget.mjs"
    module.write_text(widget._esm)
    subprocess.run([node, "--check", module], check=True, capture_output=True)


def test_the_colours_are_the_diagrams():
    colours = (files("fluffy_nb.diagram") / "graph.css").read_text()
    assert all(colours in widget._css for widget in WIDGETS)
