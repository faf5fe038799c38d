"""Notebooks and scripts without a page: text, prepared answers, or the right error, and no rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.notebook.test_kernel import ASKING, LOAD

pytestmark = pytest.mark.kernel

CELLS = [LOAD, ASKING, "result = await review.run()", "print(dict(result.values))"]
SCRIPT = """
from fluffy_nb import Agent

review = Agent("review")

@review.state
async def draft(context):
    context.set_state("why", await context.human_in_the_loop("why?"))

if __name__ == "__main__":
    print(dict(review.run_sync().values))
"""
ANSWERS = json.dumps({"draft": ["because"], "publish": ["well"]})

EXECUTE = {
    "jupyter execute": ["jupyter", "execute", "--output=out.ipynb", "in.ipynb"],
    "nbconvert": ["jupyter", "nbconvert", "--execute", "--to=notebook", "--output=out", "in.ipynb"],
    "papermill": ["papermill", "-k", "python3", "in.ipynb", "out.ipynb"],
    "nbval": [
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        os.devnull,
        "--nbval-lax",
        "in.ipynb",
    ],
}


@pytest.fixture
def execute(environment, tmp_path):
    """Run a command beside a notebook and a script; nothing of it may be left afterwards."""
    cells = [nbformat.v4.new_code_cell(text) for text in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, tmp_path / "in.ipynb")
    (tmp_path / "flow.py").write_text(SCRIPT)
    (tmp_path / "flow.ipy").write_text(SCRIPT)

    def run(*command, **variables):
        process = subprocess.Popen(
            [Path(sys.executable).parent / command[0], *command[1:]],
            cwd=tmp_path,
            env={**environment, "IPYTHONDIR": str(tmp_path / "ipython"), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        shown, _ = process.communicate(timeout=120)
        with pytest.raises(ProcessLookupError):  # nobody of its group is left
            os.killpg(process.pid, 0)
        return process.returncode, shown

    return run


@pytest.mark.parametrize("how", EXECUTE)
def test_a_notebook_takes_prepared_answers(execute, tmp_path, how):
    status, shown = execute(*EXECUTE[how], FLUFFY_NB_ANSWERS=ANSWERS)
    assert status == 0, shown
    if how != "nbval":  # which writes nothing
        cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
        cells = [cell for cell in cells if cell.source in CELLS]
        assert cells[3].outputs[0].text == "{'why': 'because', 'how': 'well'}\n"
        pictures = [o for o in cells[1].outputs if o.output_type == "display_data"]
        assert "image/svg+xml" in pictures[0].data


@pytest.mark.parametrize("how", EXECUTE)
def test_a_notebook_that_nobody_prepared_says_what_to_do(execute, how):
    status, shown = execute(*EXECUTE[how])
    assert status != 0
    assert "NobodyToAskError" in shown
    assert "FLUFFY_NB_ANSWERS" in shown
    assert "fluffy_nb/engine" not in shown  # no lines of ours


@pytest.mark.parametrize("command", [["python", "flow.py"], ["ipython", "flow.ipy"]])
def test_a_script_takes_prepared_answers_or_says_what_to_do(execute, command):
    assert execute(*command, FLUFFY_NB_ANSWERS=ANSWERS) == (0, "{'why': 'because'}\n")
    _, shown = execute(*command)
    assert "NobodyToAskError" in shown
