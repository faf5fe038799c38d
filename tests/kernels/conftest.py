"""Every promise is tried on every kernel; what came of it is printed as a table, and kept.

pytest tests/kernels -m matrix                     # all kernels
pytest tests/kernels -m matrix -k 7.4.0            # one
pytest tests/kernels -m matrix --write-kernels     # the table goes into its page
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.browser import conftest as browser_conftest
from tests.browser.conftest import QUIET, Lab, Notebook, Server
from tests.kernels import table
from tests.kernels.rows import FRONT_ENDS, ROWS, FrontEnd, Row, find_python, make, versions
from tests.notebook.robot import Kernel, started

FOLDER = "KERNEL_ENVIRONMENTS"
"""Set it to a folder to keep the environments from one time to the next."""

# The fast tests need no browser, and their environment has no Playwright.
collect_ignore_glob = [] if importlib.util.find_spec("playwright") else ["test_*.py"]

chromium = browser_conftest.chromium  # a fixture of this folder too
FAILED = pytest.StashKey[bool]()

CELLS = [
    (row, channel)
    for row in ROWS
    for channel in (("main", "subshell") if row.has_subshells else ("main",))
]


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> dict[Row | FrontEnd, str]:
    """The Python of each row, made when it is asked for."""
    kept = os.environ.get(FOLDER)
    folder = Path(kept) if kept else tmp_path_factory.mktemp("kernels")

    class Made(dict[Row | FrontEnd, str]):
        def __missing__(self, row: Row | FrontEnd) -> str:
            self[row] = make(row, folder)
            table.said[row.name] = versions(self[row], *row.packages)
            return self[row]

    return Made()


class Place:
    """Where a row's kernel runs; one that may hang after a failure is replaced.

    Args:
        python: The row's.
        channel: Where widgets' messages go: "main" or "subshell".
        folder: Where runs are kept.
    """

    def __init__(self, python: str, channel: str, folder: Path) -> None:
        ours = {"FLUFFY_NB_ANSWERS", "FLUFFY_NB_RESPONDER", "PYTHONPATH"}
        self._environment = {name: it for name, it in os.environ.items() if name not in ours}
        self._python, self._channel, self._folder = python, channel, folder
        self._stack = ExitStack()
        self._kernel: Kernel | None = None

    def kernel(self) -> Kernel:
        """The kernel, with the extension loaded."""
        if self._kernel is None:
            self._kernel = self._stack.enter_context(
                started(self._python, self._environment, self._folder)
            )
            if self._channel == "subshell":
                self._kernel.make_subshell()
            self._kernel.run("%load_ext fluffy_nb")
        return self._kernel

    def close(self) -> None:
        """End the kernel."""
        self._stack.close()
        self._kernel = None


@pytest.fixture(scope="module", params=CELLS, ids=lambda cell: f"{cell[0].name}-{cell[1]}")
def place(
    request: pytest.FixtureRequest,
    environments: dict[Row | FrontEnd, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """Each row; widgets' messages go to its kernel's main shell, or to a subshell."""
    row, channel = request.param
    if find_python(row.python) is None:
        table.missing.add(row.python)
        pytest.skip(f"Python {row.python} is not found here: NOT tested with it")
    made = Place(environments[row], channel, tmp_path_factory.mktemp("runs"))
    yield made
    made.close()


@pytest.fixture
def kernel(place: Place, request: pytest.FixtureRequest) -> Iterator[Kernel]:
    """A kernel of each row."""
    yield place.kernel()
    if request.node.stash.get(FAILED, False):
        place.close()


@pytest.fixture(scope="module", params=FRONT_ENDS, ids=lambda front_end: front_end.name)
def server(
    request: pytest.FixtureRequest,
    environments: dict[Row | FrontEnd, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """A server of each front end."""
    python = environments[request.param]
    folder = tmp_path_factory.mktemp(request.param.name)
    made = Server(folder, QUIET, python, request.param.package)
    yield made
    made.close()


class Page:
    """A notebook of a front end; one that may hang after a failure is replaced.

    Args:
        lab: Opens it.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._notebook: Notebook | None = None

    def notebook(self) -> Notebook:
        """The notebook, with the extension loaded."""
        if self._notebook is None:
            self._notebook = self._lab.open(["%load_ext fluffy_nb", "", "", ""])
            self._notebook.run_cell(0)
            self._notebook.wait_for_cells()
        return self._notebook

    def open_again(self, name: str, **how: bool) -> Notebook:
        """Open it in one more tab."""
        return self._lab.open_again(name, **how)

    def close(self) -> None:
        """Close its pages and end its kernel."""
        self._lab.close()
        self._notebook = None


@pytest.fixture(scope="module")
def page(server: Server, chromium: Any) -> Iterator[Page]:
    """Chromium at a front end."""
    made = Page(Lab(server, chromium))
    yield made
    made.close()


@pytest.fixture
def notebook(page: Page, request: pytest.FixtureRequest) -> Iterator[Notebook]:
    """A notebook of four cells in Chromium."""
    yield page.notebook()
    if request.node.stash.get(FAILED, False):
        page.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-kernels", action="store_true", help="write the table of kernels")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    report = (yield).get_result()
    params = item.callspec.params if hasattr(item, "callspec") else {}
    cell = params.get("place") or params.get("server")
    if cell is not None and (report.when == "call" or report.failed):
        table.note(cell, table.promise_of(item), report.passed)
        item.stash[FAILED] = report.failed


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not table.outcomes:
        return
    terminalreporter.write_sep("=", "kernels")
    terminalreporter.write_line("\n".join(table.tables().values()))
    if config.getoption("--write-kernels", default=False):
        table.write()
