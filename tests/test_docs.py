"""The documentation is true: its examples run, its links lead somewhere, its names exist."""

import asyncio
import atexit
import contextlib
import inspect
import io
import linecache
import re
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import fluffy_nb

ROOT = Path(__file__).parents[1]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("changes/*.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
]
RULES = ROOT / "docs/explanation/semantics.md"

BLOCK = re.compile(r"^```(python|ipython|output)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TEST = re.compile(r"`(test_S\w+)`")


def name(page):
    return str(page.relative_to(ROOT))


def blocks(page):
    """The kind, first line and text of each example of a page; `output` is what one printed."""
    text = page.read_text()
    for found in BLOCK.finditer(text):
        yield found[1], text[: found.start()].count("\n") + 2, found[2]


# ---------------------------------------------------------------- examples


PLACES = {
    "script": re.compile(r"\b(is a|are one) script[.,]"),
    "notebook": re.compile(r"\b(is a cell|are cells) of a notebook[.,]"),
}
"""How a page says where its `python` examples run."""


def place_of(page):
    """Where the page says that its examples run; `ipython` ones are cells anyway."""
    kinds = {kind for kind, _, _ in blocks(page)} - {"output"}
    if kinds == {"ipython"}:
        return "notebook"
    said = [place for place, words in PLACES.items() if words.search(page.read_text())]
    assert len(said) == 1, f"{name(page)} says of its examples that they run in {said}"
    return said[0]


def run_python(file, line, code, namespace):
    """Run a block as a part of a script: with no loop around it, and `await` in functions only."""
    file = f"{file}:{line}"
    # Where a state can lead is read from its source, so that has to be found.
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    exec(compile(code, file, "exec", dont_inherit=True), namespace)


def run_cell(runner, shell, code):
    """Run a block as a cell of a notebook."""

    async def cell():
        transformed = shell.transform_cell(code)
        result = await shell.run_cell_async(code, transformed_cell=transformed)
        result.raise_error()

    runner.run(cell())


@contextlib.contextmanager
def notebook():
    """A shell without kernel and history; what has been loaded into it is unloaded."""
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    try:
        yield shell
    finally:
        fluffy_nb.unload_ipython_extension(shell)
        atexit.unregister(shell.atexit_operations)  # it collects garbage again at the exit
        InteractiveShell.clear_instance()


@pytest.mark.parametrize("page", [page for page in PAGES if any(blocks(page))], ids=name)
def test_examples_run_and_print_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("FLUFFY_NB_ANSWERS", '{"approve": ["yes"]}')  # a reader would click
    namespace = {"__name__": "__main__"}
    printed = ""
    with contextlib.ExitStack() as stack:
        if place_of(page) == "notebook":
            runner = stack.enter_context(asyncio.Runner())
            shell = stack.enter_context(notebook())
        else:
            shell = None
        for kind, line, code in blocks(page):
            if kind == "output":
                assert printed == code, f"{name(page)}:{line}"
                continue
            with contextlib.redirect_stdout(io.StringIO()) as out:
                if shell is None:
                    run_python(name(page), line, code, namespace)
                else:
                    run_cell(runner, shell, code)
            printed = out.getvalue()


# ---------------------------------------------------------------- links


def anchors(page):
    """What can be linked to on a page, as GitHub names it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name(page)} links to {target}, which is not there"
        assert not anchor or anchor in anchors(file), f"{name(page)} links to {target}"


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")), ids=name)
def test_every_page_is_on_the_map(page):
    index = ROOT / "docs/index.md"
    linked = re.findall(r"\]\(([^)#\s]+)", index.read_text())
    assert page in [index, *((index.parent / target).resolve() for target in linked)]


# ---------------------------------------------------------------- changes


def test_change_fragments_have_names_of_the_kinds_that_are_written_down():
    text = (ROOT / "changes/README.md").read_text()
    kinds = re.findall(r"`(\w+)`", text[text.index("the kind is one of") :].partition(".")[0])
    assert len(kinds) == 4
    fragment = re.compile(rf"\d+\.({'|'.join(kinds)})(\.\d+)*\.md")
    names = {file.name for file in ROOT.glob("changes/*.md")} - {"README.md"}
    assert [name for name in sorted(names) if not fragment.fullmatch(name)] == []


# ---------------------------------------------------------------- rules


def rules():
    """The text behind each rule's number in the project's own semantics."""
    parts = re.split(r"^\*\*(\d+\.\d+)\*\*", RULES.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def names_of_tests():
    """All tests there are, by name."""
    found = (re.findall(r"def (test_\w+)", file.read_text()) for file in ROOT.glob("tests/**/*.py"))
    return {test for names in found for test in names}


@pytest.mark.parametrize("number", rules())
def test_every_rule_names_its_tests(number):
    named = TEST.findall(rules()[number])
    own = [test for test in named if test.startswith(f"test_S{number.replace('.', '_')}_")]
    assert own, f"rule {number} names no test of its own"


def test_every_test_that_a_rule_names_exists():
    named = {test for text in rules().values() for test in TEST.findall(text)}
    assert named - names_of_tests() == set()


# ---------------------------------------------------------------- reference


def test_the_reference_names_everything_public():
    text = (ROOT / "docs/reference/api.md").read_text()
    missing = [public for public in fluffy_nb.__all__ if f"`{public}" not in text]
    assert missing == []


def members(cls):
    """What an instance of a class has, as far as its text says."""
    text = "".join(map(inspect.getsource, cls.__mro__[:-1]))
    return {*dir(cls), *re.findall(r"(?:\bself\.|^    )(\w+)", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_attributes_that_a_page_names_exist(page):
    for public, attribute in re.findall(r"`([A-Z]\w+)\.(\w+)", page.read_text()):
        if public in fluffy_nb.__all__ and inspect.isclass(getattr(fluffy_nb, public)):
            assert attribute in members(getattr(fluffy_nb, public)), f"{public}.{attribute}"


def test_the_reference_names_every_verb_and_option_of_the_magics():
    from fluffy_nb.notebook import verbs

    text = (ROOT / "docs/reference/magics.md").read_text().replace("\\|", "|")  # in tables
    usages = [verbs.CELL, *(verb.usage for verb in verbs.VERBS.values())]
    for usage in usages:
        assert f"`{' '.join([usage.command, *usage.words])}" in text
    missing = [str(o) for usage in usages for o in usage.options if f"`{o}`" not in text]
    assert missing == []
