import os
import stat
import sys
from pathlib import Path

import pytest

from fluffy_nb.diagram import graphviz_process, layout

DOT = f"""#!{sys.executable}
import sys
sys.path.remove(sys.path[0])
import pygraphviz
form = sys.argv[1].removeprefix("-T")
drawn = pygraphviz.AGraph(string=sys.stdin.read()).draw(format=form, prog="dot")
sys.stdout.buffer.write(drawn)
"""


@pytest.fixture(autouse=True)
def nothing_remembered():
    layout.lay_out.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def no_process_remains():
    yield
    graphviz_process.worker.stop()


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Makes programs that are the only ones on PATH; without any, none is found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def program(name, text):
        if os.name == "nt":
            pytest.skip("programs here are scripts with a first line that names their interpreter")
        file = Path(folder, name)
        file.write_text(text)
        file.chmod(file.stat().st_mode | stat.S_IEXEC)
        return file

    return program


@pytest.fixture
def no_dot(programs):
    """The worker is used, also where Graphviz is installed."""


@pytest.fixture
def renders(monkeypatch):
    """Every request to Graphviz, as DOT and form."""
    asked = []
    render = graphviz_process.render

    def noted(source, form, *rest):
        asked.append((source, form))
        return render(source, form, *rest)

    monkeypatch.setattr(graphviz_process, "render", noted)
    return asked
