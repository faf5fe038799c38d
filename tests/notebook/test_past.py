"""The magics about what was: runs, load, inspect, diff, rewind, try, break."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter

import fluffy_nb
from fluffy_nb import Agent, AgentStatus
from fluffy_nb.journal.memory import MemoryStore

FLOW = """%%fluffy sums {}
async def start(context):
    context.set_state("rows", [1, 2])
    return "add"

async def add(context):
    context.set_state("sum", sum(context.get_state("rows")))
    context.get_state("rows").append(3)
    return "end"

async def end(context):
    context.remove_state("rows")
"""


async def ran(notebook):
    await notebook.run(FLOW.format("--quiet"))
    await notebook.run("await sums.run()")
    return notebook["sums"]


def words(notebook, text):
    with provisionalcompleter():
        return [c.text for c in notebook.shell.Completer.completions(text, len(text))]


async def test_S12_3_runs_of_a_cell_are_kept_beside_the_notebook_and_it_says_so_once(
    notebook, capsys
):
    await notebook.run(FLOW.format(""))
    assert capsys.readouterr().out.count("runs are kept in .fluffy/runs.sqlite") == 1
    assert not Path(".fluffy").exists()  # nothing has run yet
    await notebook.run("await sums.run()")
    assert Path(".fluffy/runs.sqlite").is_file()
    assert Path(".fluffy/.gitignore").read_text() == "*\n"
    await notebook.run(FLOW.format("").replace("sums", "other"))
    assert "runs are kept" not in capsys.readouterr().out


async def test_store_says_where_else(notebook):
    await notebook.run(FLOW.format("--quiet --store memory"))
    await notebook.run("await sums.run()")
    assert isinstance(notebook["sums"].store, MemoryStore)
    await notebook.run(FLOW.format("--quiet --store 'kept/mine.sqlite' --checkpoint-interval 5"))
    await notebook.run("await sums.run()")
    assert Path("kept/mine.sqlite").is_file()
    assert notebook["sums"].checkpoint_interval == 5
    assert not Path(".fluffy").exists()
    table = await notebook.run("%fluffy runs kept/mine.sqlite")
    assert [row[1:3] for row in table.rows] == [("sums", "completed")]


async def test_runs_lists_what_is_kept(notebook):
    assert "no runs are kept" in repr(await notebook.run("%fluffy runs"))
    agent = await ran(notebook)
    first = agent.run_id
    agent.fork(agent.checkpoints[0])
    table = await notebook.run("%fluffy runs")
    assert table.columns[0] == "run"
    fork = next(row for row in table.rows if row[0] == agent.run_id)
    assert fork[1:3] == ("sums", "paused")
    assert fork[5] == f"{first} at {fork[5].split()[-1]}"
    old = next(row for row in table.rows if row[0] == first)
    assert (old[2], old[5]) == ("completed", "")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", old[4])
    assert old[3] <= old[4]


async def test_S12_4_load_takes_up_a_run_after_a_restart(notebook, capsys):
    await notebook.run(FLOW.format("--quiet"))
    await notebook.run("%fluffy step sums")
    run = notebook["sums"].run_id
    fluffy_nb.unload_ipython_extension(notebook.shell)  # the kernel is gone
    notebook.shell.reset()
    fluffy_nb.load_ipython_extension(notebook.shell)
    await notebook.run(f"%fluffy load {run}")
    assert f"run {run} is paused where it was left; run its cell" in capsys.readouterr().out
    assert notebook["sums"].status is AgentStatus.PAUSED
    await notebook.run(FLOW.format("--quiet"))
    await notebook.run("%fluffy resume sums --wait")
    assert notebook["sums"].run_id == run
    assert notebook["sums"].context_values == {"sum": 3}


async def test_load_says_what_is_missing_and_leaves_the_agent_as_it_is(notebook):
    agent = await ran(notebook)
    store = agent.store
    assert "there is no run 'nothing'" in await notebook.fails("%fluffy load nothing")
    assert "there is no file" in await notebook.fails("%fluffy load elsewhere.sqlite x")
    Agent("sums", store="other.sqlite").store  # noqa: B018 - makes the file
    assert "no run" in await notebook.fails(f"%fluffy load other.sqlite {agent.run_id}")
    assert "no run to go on with" in await notebook.fails(
        f"%fluffy load {agent.run_id}"
    )  # it has completed
    assert agent.store is store


async def test_inspect_shows_the_context_then_and_now(notebook):
    agent = await ran(notebook)
    second = agent.checkpoints[1].seq
    table = await notebook.run(f"%fluffy inspect sums {second}")
    assert list(table.rows) == [("rows", "[1, 2, 3]", "list", "add"), ("sum", "3", "int", "add")]
    assert [row[0] for row in (await notebook.run("%fluffy inspect sums")).rows] == ["sum"]
    assert "no checkpoint 999" in await notebook.fails("%fluffy inspect sums 999")
    assert "no checkpoint's number" in await notebook.fails("%fluffy inspect sums last")


async def test_diff_shows_what_changed_between_two(notebook):
    agent = await ran(notebook)
    one, two, three = (checkpoint.seq for checkpoint in agent.checkpoints)
    table = await notebook.run(f"%fluffy diff sums {one} {two}")
    assert list(table.columns) == ["", "key", f"{one} after start", f"{two} after add"]
    assert list(table.rows) == [("+", "sum", "", "3"), ("", "rows", "[1, 2]", "[1, 2, 3]")]
    table = await notebook.run(f"%fluffy diff sums {two} {three}")
    assert list(table.rows) == [("-", "rows", "[1, 2, 3]", "")]
    assert repr(await notebook.run(f"%fluffy diff sums {two} {two}")) == "the context is the same"


async def test_S12_6_rewind_begins_another_run_with_changed_values(notebook, capsys):
    agent = await ran(notebook)
    first, seq = agent.run_id, agent.checkpoints[0].seq
    await notebook.run("more = [10, 20]")
    await notebook.run(f"%fluffy rewind sums {seq} rows=more")
    assert re.search(r"run \w+ is paused after start", capsys.readouterr().out)
    await notebook.run("%fluffy resume sums --wait")
    assert agent.context_values == {"sum": 30}
    assert agent.run_id != first
    assert notebook["more"] == [10, 20]  # the run has a copy
    assert "key=expression" in await notebook.fails(f"%fluffy rewind sums {seq} rows")


async def test_S12_6_rewinding_again_and_again_forks_from_the_same_checkpoints(notebook):
    agent = await ran(notebook)
    for rows in (["5"], ["6", "7"]):
        await notebook.run(f"%fluffy rewind sums 1 rows=[{','.join(rows)}]")
        assert agent.checkpoints.numbers == [1]
    await notebook.run("%fluffy resume sums --wait")
    assert agent.context_values == {"sum": 13}
    assert agent.checkpoints.numbers == [1, 2, 3]
    await notebook.run("%fluffy rewind sums 2")
    await notebook.run("%fluffy rewind sums 1 rows=[1]")
    await notebook.run("%fluffy resume sums --wait")
    assert agent.context_values == {"sum": 1}
    table = await notebook.run("%fluffy runs")
    assert [row[5].partition(" at ")[2] for row in table.rows].count("1") >= 3


async def test_S12_7_loading_again_and_again_changes_nothing(notebook):
    """As when the cell with `%fluffy load` is executed once more."""
    await notebook.run(FLOW.format("--quiet"))
    await notebook.run("await sums.step()")
    agent = notebook["sums"]
    run, rows = agent.run_id, list(agent.store.rows(agent.run_id))
    for _ in range(3):
        await notebook.run(f"%fluffy load {run}")
        assert notebook["sums"].status is AgentStatus.PAUSED
    assert list(agent.store.rows(run)) == rows
    await notebook.run("%fluffy resume sums --wait")
    assert agent.context_values == {"sum": 3}


async def test_S12_5_a_loaded_run_without_its_cell_is_not_gone_on_with(notebook):
    await notebook.run(FLOW.format("--quiet"))
    await notebook.run("await sums.step()")
    run = notebook["sums"].run_id
    await notebook.run("await sums.cancel_all(); del sums")  # as a restart forgets it
    await notebook.run(f"%fluffy load {run}")
    for _ in range(2):
        assert "does not have 'add'" in await notebook.fails("%fluffy resume sums --wait")
        assert notebook["sums"].status is AgentStatus.PAUSED
    await notebook.run(FLOW.format("--quiet"))
    await notebook.run("%fluffy resume sums --wait")
    assert notebook["sums"].context_values == {"sum": 3}


async def test_try_runs_one_state_on_the_side_and_keeps_nothing(notebook):
    agent = await ran(notebook)
    run, seq = agent.run_id, agent.checkpoints[0].seq
    table = await notebook.run(f"%fluffy try sums add {seq}")
    assert list(table.rows) == [
        ("leads to", "'end'", ""),
        ("+", "sum", "3"),
        ("changed", "rows", "[1, 2, 3]"),
    ]
    assert agent.run_id == run
    assert agent.checkpoints[0].shared_state == {"rows": [1, 2]}
    table = await notebook.run("%fluffy try sums end")  # on the context as it is now
    assert list(table.rows) == [("leads to", "the end", "")]
    assert "no state 'ad'" in await notebook.fails("%fluffy try sums ad")


async def test_try_of_an_agent_that_has_not_run(notebook):
    await notebook.run(FLOW.format("--quiet"))
    table = await notebook.run("%fluffy try sums start")
    assert ("+", "rows", "[1, 2]") in table.rows
    assert notebook["sums"].status is AgentStatus.IDLE
    assert "has not run yet" in await notebook.fails("%fluffy inspect sums 1")


async def test_S9_4_break_sets_and_clears_a_breakpoint(notebook, capsys):
    await notebook.run(FLOW.format("--quiet"))
    await notebook.run("%fluffy break sums end")
    assert "pause before end" in capsys.readouterr().out
    assert (await notebook.run("await sums.run()")).status is AgentStatus.PAUSED
    await notebook.run("%fluffy break sums end")
    assert "no longer pause before end" in capsys.readouterr().out
    assert "no state 'nd'" in await notebook.fails("%fluffy break sums nd")


async def test_runs_and_numbers_complete_on_tab(notebook):
    agent = await ran(notebook)
    numbers = [str(checkpoint.seq) for checkpoint in agent.checkpoints]
    for verb in ("inspect", "rewind", "diff"):
        assert words(notebook, f"%fluffy {verb} sums ") == numbers
    assert words(notebook, "%fluffy load ") == [agent.run_id]
    assert words(notebook, "%fluffy load .fluffy/runs.sqlite ") == [agent.run_id]
    assert agent.run_id not in words(notebook, "%fluffy load nowhere.sqlite ")
    assert words(notebook, "%fluffy break sums a") == ["add"]


@pytest.mark.parametrize("verb", ["inspect", "load", "diff sums 1", "rewind sums", "try sums"])
async def test_what_is_missing_in_a_line_is_told(notebook, verb):
    await notebook.run(FLOW.format("--quiet"))
    assert "needs" in await notebook.fails(f"%fluffy {verb}")


async def test_a_run_that_has_not_ended_is_offered_after_a_restart(notebook, capsys):
    await notebook.run(FLOW.format(""))
    await notebook.run("await sums.step()")
    run = notebook["sums"].run_id
    await notebook.run("await sums.cancel_all(); del sums")  # as a restart forgets it
    capsys.readouterr()
    await notebook.run(FLOW.format(""))
    offer = (
        rf"run {run} of 'sums', last written [-: \d]+, has not ended; "
        rf"take it up: %fluffy load {run}\n"
    )
    assert re.match(offer, capsys.readouterr().out)
    await notebook.run(FLOW.format(""))
    assert "has not ended" not in capsys.readouterr().out  # once
    await notebook.run(f"%fluffy load {run}")
    await notebook.run("%fluffy resume sums --wait")
    await notebook.run("del sums")
    capsys.readouterr()
    await notebook.run(FLOW.format(""))
    assert "has not ended" not in capsys.readouterr().out
