"""A real JupyterLab at its default settings, and a real Chromium that looks at it.

Playwright's synchronous interface keeps a loop running in the main thread while it is open, so
tests that use these fixtures are plain functions, and the browser lives as long as one module.
"""

import contextlib
import importlib.util
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

# The fast tests need no browser, and their environment has no Playwright.
collect_ignore_glob = [] if importlib.util.find_spec("playwright") else ["test_*.py"]

HERE = Path(__file__).parent
CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
FLAGS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
APPS = {"jupyterlab": ("LabApp", "lab/tree"), "notebook": ("JupyterNotebookApp", "notebooks")}
"""Of each package of a front end the class of its app, and where notebooks are in its pages."""
PATIENCE = 60  # seconds: how long a test waits before it fails; it never waits for a fixed time

# The news and update pop-ups ask the network. Everything else is as a person finds it.
QUIET = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False}
}
DARK = {"@jupyterlab/apputils-extension/themes": {"theme": "JupyterLab Dark"}}

READY = """() => {
  const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
  return Boolean(session?.isReady && session.session?.kernel?.status === "idle");
}"""
RUN = """([command, index]) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  if (index !== null) {
    notebook.activeCellIndex = index;
    notebook.deselectAll();
  }
  window.fluffyRuns = (window.fluffyRuns ?? 0) + 1;
  const done = () => { window.fluffyRuns -= 1; };
  window.jupyterapp.commands.execute(command).then(done, done);
}"""
OUTPUTS = """(index) => {
  const cell = window.jupyterapp.shell.currentWidget.content.widgets[index].model;
  const text = (value) => [].concat(value ?? "").join("");
  return (cell.toJSON().outputs ?? []).map((output) =>
    text(output.text ?? output.data?.["text/plain"]) ||
    (output.ename ? `${output.ename}: ${output.evalue}\\n` : "")).join("");
}"""


def _assert_no_text_overlaps(page, selector):
    """Fail when texts under an element overlap, are cut, covered or outside their node."""
    problems = page.locator(selector).first.evaluate((HERE / "boxes.js").read_text())
    assert not problems, "\n".join([f"texts in {selector}:", *problems])


class Server:
    """A JupyterLab on the loopback device, with a folder and a home of its own.

    Args:
        folder: Its folder.
        settings: Of plugins, by their names.
        python: Whose JupyterLab it is.
        package: "jupyterlab", or "notebook" for Jupyter Notebook.
    """

    def __init__(self, folder, settings, python=sys.executable, package="jupyterlab"):
        self.folder = folder
        app, self.pages = APPS[package]
        self._root = folder / "notebooks"
        self._root.mkdir()
        for plugin, values in settings.items():
            path = folder / "settings" / f"{plugin}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.token = secrets.token_hex()
        self._log = (folder / "server.log").open("w")
        self._process = subprocess.Popen(
            [
                *(python, "-m", package, "--no-browser", "--allow-root"),
                *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
                *("--ServerApp.port_retries=0", f"--ServerApp.root_dir={self._root}"),
                f"--IdentityProvider.token={self.token}",
                f"--{app}.expose_app_in_browser=True",  # window.jupyterapp
            ],
            env={
                **os.environ,
                "HOME": str(folder),
                "IPYTHONDIR": str(folder / "ipython"),
                "JUPYTER_CONFIG_DIR": str(folder / "config"),
                "JUPYTER_DATA_DIR": str(folder / "data"),
                "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
                "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
                "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            },
            cwd=self._root,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self):
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            assert self._process.poll() is None, (self.folder / "server.log").read_text()
            with contextlib.suppress(OSError):
                self.request("GET", "/api/status")
                return
            time.sleep(0.1)  # a poll, not a synchronisation
        pytest.fail((self.folder / "server.log").read_text())

    def request(self, method, path):
        """One call of the server's REST interface."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return json.loads(response.read() or "null")

    def put(self, source, name):
        """Put a notebook into the server's folder: a file, or the sources of its code cells."""
        if isinstance(source, Path):
            shutil.copy(source, self._root / name)
            return
        cells = [nbformat.v4.new_code_cell(text) for text in source]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, self._root / name)

    def path(self, name):
        """Where a notebook of this server is, to read what was saved."""
        return self._root / name

    def end_kernels(self):
        for session in self.request("GET", "/api/sessions"):
            self.request("DELETE", f"/api/sessions/{session['id']}")
        shutil.rmtree(self._root / ".fluffy", ignore_errors=True)  # the next test is a first time

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


class Notebook:
    """One notebook in JupyterLab, as a person works with it. Cells are numbered from 0."""

    def __init__(self, page, path):
        self.page = page
        self.path = path

    def run_all(self):
        """Run all cells; returns at once."""
        self.page.evaluate(RUN, ["notebook:run-all-cells", None])

    def run_cell(self, index):
        """Run one cell; returns at once."""
        self.page.evaluate(RUN, ["notebook:run-cell", index])

    def wait_for_cells(self, timeout=PATIENCE):
        """Wait until every cell that was told to run has ended."""
        self.page.wait_for_function("() => window.fluffyRuns === 0", timeout=1000 * timeout)

    def wait_until_idle(self, timeout=PATIENCE):
        """Wait until the kernel is there and idle."""
        self.page.wait_for_function(READY, timeout=1000 * timeout)

    def interrupt(self):
        """Press Stop, the button in the notebook's toolbar."""
        self.page.locator(
            "[data-jp-item-name='interrupt'] jp-button, [data-jp-item-name='interrupt'] button"
        ).first.click()

    def set_source(self, index, source):
        """Replace the source of a cell."""
        self.page.evaluate(
            "([index, source]) => window.jupyterapp.shell.currentWidget.content"
            ".widgets[index].model.sharedModel.setSource(source)",
            [index, source],
        )

    def cell(self, index):
        """The cell's element, scrolled to."""
        self.page.evaluate(
            "(index) => { const notebook = window.jupyterapp.shell.currentWidget.content;"
            " notebook.activeCellIndex = index; return notebook.scrollToItem(index, 'start'); }",
            index,
        )
        return self.page.locator(f".jp-Notebook .jp-Cell[data-windowed-list-index='{index}']")

    def output(self, index):
        """The element that holds the cell's outputs."""
        return self.cell(index).locator(".jp-OutputArea")

    def text(self, index):
        """The cell's outputs as text, errors as `Name: message`."""
        return self.page.evaluate(OUTPUTS, index)

    def save(self):
        """Save the notebook and give what is now in the file."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        return nbformat.read(self.path, as_version=4)

    def reload(self, *, busy=False):
        """Reload the page, as F5 does; the kernel goes on, and may be busy."""
        self.page.reload()
        self.wait_until_open(busy=busy)

    def restart(self):
        """Restart the kernel, as the menu does, without its question."""
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        )
        self.wait_until_idle()

    def wait_until_open(self, *, busy=False):
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=1000 * PATIENCE)
        if not busy:
            self.wait_until_idle()

    def assert_no_text_overlaps(self, selector):
        """Fail when texts under an element overlap, are cut, covered or outside their node."""
        _assert_no_text_overlaps(self.page, selector)


class Lab:
    """Opens notebooks in a JupyterLab."""

    def __init__(self, server, context):
        self._server = server
        self._context = context
        self._count = 0

    def open(self, source):
        """Open a notebook in a page of its own and wait for its kernel.

        Args:
            source: The path of a notebook, of which a copy is opened, or the sources of code cells.
        """
        self._count += 1
        name = source.name if isinstance(source, Path) else f"cells-{self._count}.ipynb"
        self._server.put(source, name)
        return self.open_again(name)

    def open_again(self, name, *, busy=False):
        """Open a notebook of the server in one more page; its kernel may be busy."""
        page = self._context.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        pages = f"{self._server.url}/{self._server.pages}"
        page.goto(f"{pages}/{name}?reset&token={self._server.token}")
        notebook = Notebook(page, self._server.path(name))
        notebook.wait_until_open(busy=busy)
        return notebook

    def close(self):
        for page in self._context.pages:
            page.close()
        self._server.end_kernels()


@pytest.fixture
def assert_no_text_overlaps():
    """For pages that are no notebook: `assert_no_text_overlaps(page, selector)`."""
    return _assert_no_text_overlaps


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """Starts JupyterLabs, one for each theme that is asked for, and ends them."""
    servers = {}

    def start(theme):
        if theme not in servers:
            settings = QUIET | (DARK if theme == "dark" else {})
            servers[theme] = Server(tmp_path_factory.mktemp(f"lab-{theme}"), settings)
        return servers[theme]

    yield start
    for server in servers.values():
        server.close()


@pytest.fixture(scope="module")
def chromium():
    """A browser context of Chromium, without anybody's profile."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.fail("no chromium is found: install it, or set CHROMIUM to its path")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile,
            headless=True,
            executable_path=CHROMIUM,
            args=FLAGS,
            viewport={"width": 1400, "height": 950},
        )
        yield context
        context.close()


@pytest.fixture
def lab(serve, chromium):
    """JupyterLab as it is installed."""
    lab = Lab(serve("light"), chromium)
    yield lab
    lab.close()


@pytest.fixture
def dark_lab(serve, chromium):
    """JupyterLab in its dark theme."""
    lab = Lab(serve("dark"), chromium)
    yield lab
    lab.close()
