"""Which functions become states: of loops, of imports; helpers; and where a cell can't be one."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest

from fluffy_nb import AgentStatus

NOTEBOOK = Path(__file__).parents[2] / "notebooks/01-first-flow.ipynb"

LOOP = """%%fluffy d --store memory --quiet
from fluffy_nb import state
for i in range(3):
    @state(name=f's{i}')
    async def s(context, i=i):
        context.set_state(f'k{i}', i)
        return f's{i + 1}' if i < 2 else None
"""


async def test_states_that_a_loop_makes_are_all_kept(notebook):
    await notebook.run(LOOP)
    assert list(notebook["d"].states) == ["s0", "s1", "s2"]
    assert (await notebook.run("await d.run()")).values == {"k0": 0, "k1": 1, "k2": 2}


async def test_states_of_a_loop_belong_to_their_cell(notebook):
    await notebook.run(LOOP, "cell")
    await notebook.run(LOOP.replace("range(3)", "range(1, 3)"), "cell")
    assert list(notebook["d"].states) == ["s1", "s2"]


async def test_states_that_a_function_of_the_cell_makes_are_kept(notebook):
    await notebook.run(
        "%%fluffy d --store memory --quiet\n"
        "from fluffy_nb import state\n"
        "def make(n):\n"
        "    @state(name=f's{n}')\n"
        "    async def made(context): ...\n"
        "for n in range(2): make(n)\n"
        "async def last(context): ...\n"
        "make(7)"
    )
    assert set(notebook["d"].states) == {"s0", "s1", "s7", "last"}


async def test_states_added_in_a_loop_are_kept_and_their_function_is_no_other_state(notebook):
    code = (
        "%%fluffy d --store memory --quiet\n"
        "for i in range(3):\n"
        "    async def s(context, i=i): context.set_state(f'k{i}', i)\n"
        "    d.add_state(f's{i}', s, replace=True)\n"
    )
    for _ in range(2):
        await notebook.run(code)
        assert notebook.error == []
        assert list(notebook["d"].states) == ["s0", "s1", "s2"]
    decorated = code.replace("async def s", "@d.state(name=f's{i}')\n    async def s", 1)
    await notebook.run(decorated.replace("    d.add_state(f's{i}', s, replace=True)\n", ""))
    assert list(notebook["d"].states) == ["s0", "s1", "s2"]


async def test_a_loop_without_names_is_told(notebook, capsys):
    await notebook.run(
        "%%fluffy d --store memory --quiet\nfor i in range(3):\n    async def s(context, i=i): ..."
    )
    assert list(notebook["d"].states) == ["s"]
    assert '@state(name=f"s_{i}")' in capsys.readouterr().out


async def test_states_of_a_module_that_the_cell_imports_first_are_not_taken(notebook, tmp_path):
    (tmp_path / "states_of_a_test.py").write_text(
        "from fluffy_nb import state\n@state(name='far')\nasync def far(context): ...\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        await notebook.run(
            "%%fluffy d --store memory --quiet\nimport states_of_a_test\n"
            "async def near(context): ..."
        )
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("states_of_a_test", None)
    assert list(notebook["d"].states) == ["near"]


# ---------------------------------------------------------------- imported


@pytest.fixture
def imported(monkeypatch):
    module = types.ModuleType("imported_states")
    exec(
        "from fluffy_nb import state\n"
        "async def a(context): context.set_state('a', 1)\n"
        "@state(name='second')\n"
        "async def b(context): ...\n"
        "async def c(anything): ...\n"
        "async def wrong(): ...\n",
        vars(module),
    )
    monkeypatch.setitem(sys.modules, "imported_states", module)


@pytest.mark.usefixtures("imported")
@pytest.mark.parametrize("states", ["a b c", "a, b, c", "a,b --states c", "a b c --quiet"])
async def test_imported_functions_can_be_listed(notebook, states):
    await notebook.run(
        f"%%fluffy d --store memory --quiet --states {states}\nfrom imported_states import a, b, c"
    )
    assert notebook.error == []
    assert list(notebook["d"].states) == ["a", "second", "c"]


@pytest.mark.usefixtures("imported")
async def test_listed_functions_stand_beside_those_of_the_cell(notebook):
    await notebook.run("from imported_states import a")
    await notebook.run(
        "%%fluffy d --store memory --quiet --states a\nasync def own(context): ...", "cell"
    )
    assert list(notebook["d"].states) == ["a", "own"]
    await notebook.run("%%fluffy d --quiet\nasync def own(context): ...", "cell")
    assert list(notebook["d"].states) == ["own"]


@pytest.mark.usefixtures("imported")
@pytest.mark.parametrize(
    ("states", "words"),
    [
        ("aa", ["'aa'", "is not there", "'a'"]),
        ("number", ["'number'", "is 3"]),
        ("wrong", ["'wrong'", "takes no argument"]),
        ("", ["--states", "needs a value"]),
    ],
)
async def test_what_can_not_be_listed_is_told_in_one_line(notebook, states, words):
    await notebook.run("from imported_states import a, wrong\nnumber = 3")
    shown = await notebook.fails(f"%%fluffy d --store memory --states {states}\nx = 1")
    for word in words:
        assert word in shown
    assert "\n" not in shown
    assert "d" not in notebook.names, "an agent that the cell made and did not define is let go"


async def test_an_agent_without_states_says_so(notebook, capsys):
    await notebook.run("%%fluffy d --store memory --quiet\nx = 1")
    assert "%%fluffy d --states load clean" in capsys.readouterr().out
    await notebook.run("%%fluffy d --quiet\nasync def a(context): ...")
    assert capsys.readouterr().out == ""


# ---------------------------------------------------------------- helpers


async def test_a_helper_that_takes_more_than_a_context_is_told_what_to_do(notebook):
    shown = await notebook.fails(
        "%%fluffy d --store memory --quiet\ndef log(context, message): ...\n"
        "async def a(context): log(context, 'hello')"
    )
    assert "log(context, message)" in shown
    assert "_log" in shown
    await notebook.run(
        "%%fluffy d --quiet\ndef _log(context, message): ...\n"
        "async def a(context): _log(context, 'hello')"
    )
    assert list(notebook["d"].states) == ["a"]


async def test_a_state_that_another_one_calls_is_told(notebook, capsys):
    await notebook.run(
        "%%fluffy d --store memory --quiet\ndef total(context): return 1\n"
        "async def a(context): context.set_state('t', total(context))\n"
    )
    assert "'a' calls it: if it is a helper, name it _total" in capsys.readouterr().out
    await notebook.run("%%fluffy d --quiet\ndef total(context): ...\nasync def a(context): ...")
    assert capsys.readouterr().out == ""


# ---------------------------------------------------------------- where a cell can't be one


@pytest.mark.parametrize("above", ["%%time", "%%capture out", "%%timeit -n 1", "%%time\n%%capture"])
async def test_below_another_cell_magic_it_is_refused_before_anything_begins(notebook, above):
    shown = await notebook.fails(
        f"{above}\n\n# a comment\n%%fluffy d --store memory --run\nasync def a(context): ..."
    )
    assert "%%fluffy can't stand below " + above.split()[0] in shown
    assert "d" not in notebook.names


async def test_a_cell_magic_that_takes_text_may_hold_it(notebook, tmp_path):
    await notebook.run("%%writefile flow.txt\n%%fluffy d\nasync def a(context): ...")
    assert (tmp_path / "flow.txt").read_text().startswith("%%fluffy d")


async def test_with_autoawait_off_what_awaits_is_refused_before_anything_begins(notebook):
    await notebook.run("%%fluffy d --store memory --quiet\nasync def a(context): ...")
    await notebook.run("%autoawait off")
    for code in ("%%fluffy e --store memory --run\nasync def a(context): ...", "%fluffy wait d",
                 "%fluffy run d --wait", "%fluffy step d"):  # fmt: skip
        shown = await notebook.fails(code)
        assert "%autoawait on" in shown
        assert "\n" not in shown
    assert "e" not in notebook.names
    assert notebook["d"].status is AgentStatus.IDLE
    await notebook.run("%fluffy")
    assert notebook.error == []


@pytest.mark.parametrize("line", ["run d --wait", "resume d --wait", "step d", "pause d", "wait d"])
async def test_in_a_function_what_waits_is_refused_before_it_begins(notebook, line):
    await notebook.run("%%fluffy d --store memory --quiet\nasync def a(context): ...")
    shown = await notebook.fails(f"def go():\n    %fluffy {line}\ngo()")
    assert "inside a function it can't" in shown
    assert notebook["d"].status is AgentStatus.IDLE
    assert notebook["d"].run_id is None


async def test_S13_6_calls_of_what_the_cell_imports_leave_its_states_readable(notebook):
    """A shell compiles a cell statement by statement, which gives such calls other instructions."""
    await notebook.run(
        "%%fluffy flow --store memory --quiet\n"
        "import re\n"
        "from pathlib import Path\n"
        "async def a(context):\n"
        "    context.set_state('n', len(re.findall('x', 'xx')))\n"
        "    return ['b', 'c']\n"
        "async def b(context):\n"
        "    context.set_state('name', Path('x').with_suffix('.y').name)\n"
        "    return 'd'\n"
        "async def c(context):\n"
        "    return 'd'\n"
        "async def d(context): ...\n"
    )
    graph = notebook["flow"].state_graph
    assert not graph.open
    assert {f"{e.source}-{e.target}" for e in graph.edges} == {"a-b", "a-c", "b-d", "c-d"}


async def test_S13_6_every_state_of_the_first_notebook_is_read(notebook):
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    await notebook.run(next(s for s in sources if s.startswith("%%fluffy")) + "\n")
    graph = notebook["article"].state_graph
    assert (graph.open, graph.starts) == ({}, ("load",))
