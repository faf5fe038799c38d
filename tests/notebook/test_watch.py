"""The magic that watches a run of another process; here it is one of this process, in a file."""

from __future__ import annotations

import asyncio

import pytest

from fluffy_nb import Agent, AgentStatus
from fluffy_nb.notebook.transformer import MAGIC

PATIENCE = 30


@pytest.fixture
def go():
    return asyncio.Event()


@pytest.fixture
def agent(tmp_path, monkeypatch, go):
    """Its run stands in `second` until it may go; the notebook does not know it."""
    monkeypatch.setattr("fluffy_nb.journal.recorder.TOLD_SECONDS", 0)
    agent = Agent("batch", store=tmp_path / ".fluffy/runs.sqlite")

    @agent.state
    async def first(context):
        return "second"

    @agent.state
    async def second(context):
        await go.wait()

    return agent


@pytest.fixture
def session(notebook):
    return getattr(notebook.shell, MAGIC).session


async def until(watch, condition):
    """Wait for an event after which something can be seen."""
    seen = asyncio.Event()
    unsubscribe = watch.subscribe(lambda _: seen.set())
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await seen.wait()
            seen.clear()
    unsubscribe()


async def painted(controls, status):
    """Wait until the page was told of a status."""
    told = asyncio.Event()
    controls.observe(lambda _: told.set(), "status")
    async with asyncio.timeout(PATIENCE):
        while controls.status != status:
            await told.wait()
            told.clear()


async def test_S12_3_a_run_of_another_process_is_shown_live(notebook, session, agent, go):
    run = agent.start()
    await notebook.run(f"%fluffy watch {run.id}")
    assert not notebook.error
    view, watch = session.shown[-1].widget, session.shown[-1].agent
    assert "batch" not in notebook.names
    assert view.controls.steers is False
    await until(watch, lambda: watch._running_states == {"second"})
    assert " runs it" in view.controls.where
    assert view.graph.tell("second")["status"] == "RUNNING"
    assert view.graph.tell("second")["source"] == ""
    go.set()
    await run
    await until(watch, lambda: watch.status is AgentStatus.COMPLETED)
    await painted(view.controls, "COMPLETED")
    assert (view.controls.done, view.controls.total) == (2, 2)
    assert view.controls.where == "watched; kept in runs.sqlite"


async def test_nothing_can_be_done_to_it(notebook, session, agent, go):
    run = agent.start()
    await notebook.run(f"%fluffy watch {run.id}")
    session.shown[-1].widget.controls._receive(None, {"kind": "verb", "verb": "cancel"}, None)
    go.set()
    assert (await run).status is AgentStatus.COMPLETED


async def test_another_watch_of_the_run_takes_the_place_of_the_first(notebook, session, agent, go):
    run = agent.start()
    for _ in range(2):
        await notebook.run(f"%fluffy watch .fluffy/runs.sqlite {run.id}")
    assert len(session.shown) == 1
    following = session.shown[0]._following
    await asyncio.sleep(0)
    assert not following.done()
    session.close()
    with pytest.raises(asyncio.CancelledError):
        await following
    go.set()
    await run


async def test_where_nobody_looks_its_picture_is_shown_once(notebook, session, agent, go):
    run = agent.start()
    await notebook.run(f"%fluffy watch {run.id}", takes_input=False)
    assert not notebook.error
    assert session.shown[-1].widget is None
    assert session.shown[-1]._following is None
    go.set()
    await run


async def test_a_file_that_breaks_meanwhile_is_told_in_the_view(notebook, session, agent, go):
    run = agent.start()
    await notebook.run(f"%fluffy watch {run.id}")
    shown = session.shown[-1]
    agent.store._connection.execute("UPDATE moments SET data = '[]' WHERE seq = 1")
    shown.agent._replay.seq = 0
    with pytest.raises(Exception, match="was damaged"):
        await shown._following
    await asyncio.sleep(0)
    assert "was damaged" in shown.widget.controls.notice
    go.set()
    await run


async def test_what_is_missing_is_said(notebook, session, agent):
    assert "there is no file" in await notebook.fails("%fluffy watch elsewhere.sqlite x")
    await agent.step()
    assert "there is no run 'x'" in await notebook.fails("%fluffy watch x")
    assert f"{agent.run_id}" in await notebook.fails(f"%fluffy watch {agent.run_id[:-1]}")
    assert session.shown == []


async def test_a_watch_is_shown_as_its_picture_too(notebook, agent, go):
    run = agent.start()
    notebook.shell.user_ns["run_id"] = run.id
    await notebook.run(
        "from fluffy_nb import RunWatch\nwatch = RunWatch('.fluffy/runs.sqlite', run_id)\n"
        "await watch.read()"
    )
    bundle, _ = notebook.shell.display_formatter.format(notebook["watch"])
    assert bundle["text/plain"] == f"<RunWatch {run.id} of 'batch': RUNNING>"
    assert "<svg" in bundle["image/svg+xml"]
    notebook["watch"].close()
    go.set()
    await run
