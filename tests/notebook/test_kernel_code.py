"""Semantics 13.6 on a real kernel: cells run again, files edited, cell magics above ours."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.kernel

LOAD = "%load_ext fluffy_nb"
FILE = """async def start(context):
    return ["a", "b"]
async def a(context):
    return "m"
async def b(context):
    return "m"
async def m(context):
    pass
async def q(context):
    pass
"""
EDGES = "print(sorted(f'{e.source}-{e.target}' for e in d.state_graph.edges))"


def words(outcome):
    return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(outcome.error or ()))


def test_S13_6_a_cell_that_is_run_again_is_read_anew(kernel):
    kernel.run(LOAD)
    cell = "%%fluffy d --quiet --store memory\nasync def a(context):\n    return '{}'\n"
    more = "async def b(context): ...\nasync def c(context): ..."
    for target in ("b", "c", "b"):
        kernel.run(cell.format(target) + more, cell="one")
        assert kernel.run(EDGES).printed == f"['a-{target}']\n"


def test_S13_6_autoreload_swaps_the_code_and_the_graph_follows(kernel, tmp_path):
    (tmp_path / "flow_file.py").write_text(FILE)
    kernel.run(LOAD)
    kernel.run("%load_ext autoreload\n%autoreload 2\nfrom flow_file import *")
    kernel.run("%%fluffy d --quiet --store memory --states start a b m q\nx = 1")
    kernel.run("before = d.states['a'].function")
    assert kernel.run(EDGES).printed == "['a-m', 'b-m', 'start-a', 'start-b']\n"
    edited = FILE.replace(
        'async def a(context):\n    return "m"', 'async def a(context):\n    return "q"'
    )
    (tmp_path / "flow_file.py").write_text(edited + "# longer\n")
    kernel.run("import os, time, flow_file; later = time.time() + 9\n"
               "os.utime(flow_file.__file__, (later, later))")  # fmt: skip
    kernel.run("x = 2")
    assert kernel.run("print(d.states['a'].function is before)").printed == "True\n"
    assert kernel.run(EDGES).printed == "['a-q', 'b-m', 'start-a', 'start-b']\n"
    assert kernel.run("print((await d.run()).counts)").printed == (
        "{'start': 1, 'a': 1, 'b': 1, 'q': 1, 'm': 1}\n"
    )


@pytest.mark.parametrize("above", ["%%capture out", "%%time"])
def test_below_another_cell_magic_nothing_begins(kernel, above):
    kernel.run(LOAD)
    outcome = kernel.run(f"{above}\n%%fluffy d --store memory --run\nasync def a(context): ...")
    assert words(outcome).startswith("UsageError: %%fluffy can't stand below ")
    assert kernel.run("print('d' in globals())").printed == "False\n"


def test_in_a_loop_and_after_autoawait_off(kernel):
    kernel.run(LOAD)
    kernel.run(
        "%%fluffy d --quiet --store memory\nfrom fluffy_nb import state\nfor i in range(3):\n"
        "    @state(name=f's{i}')\n    async def s(context, i=i): context.set_state(f'k{i}', i)"
    )
    assert kernel.run("print(*d.states)").printed == "s0 s1 s2\n"
    refused = kernel.run("def go():\n    %fluffy run d --wait\ngo()")
    assert "inside a function it can't" in words(refused)
    assert kernel.run("print(d.status)").printed == "IDLE\n"
    kernel.run("%autoawait off")
    assert "%autoawait on" in words(kernel.run("%fluffy run d --wait"))
    kernel.run("%autoawait on")
    assert kernel.run("%fluffy run d --wait\nprint(d.status)").printed == "COMPLETED\n"
