"""Files that earlier versions of the tables made: a real one of each is in `data/`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from fluffy_nb import Agent, RunWatch, open_store
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import StoreError
from fluffy_nb.journal import tables
from fluffy_nb.journal.sqlite import SQLiteStore
from fluffy_nb.journal.tables import MIGRATIONS, VERSION

COMPLETED, PAUSED = "eb8f9dd2", "81df4769"
DATA = Path(__file__).parent / "data"


def version_of(file):
    connection = sqlite3.connect(file)
    try:
        return connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()


@pytest.fixture(params=range(1, VERSION))
def file(request, tmp_path):
    """A file of an earlier version."""
    path = tmp_path / "old.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript((DATA / f"version_{request.param}.sql").read_text())
    connection.close()
    assert version_of(path) == request.param
    return path


def flow(store):
    """The flow that made these files."""
    agent = Agent("old", store=store)

    @agent.state
    async def load(context):
        context.set_state("rows", [1, 2, 3])
        return ["one", "other"]

    @agent.state
    async def one(context):
        context.set_state("one", b"xxx")
        return "merge"

    @agent.state
    async def other(context):
        context.set_state("other", 2.5)
        return "merge"

    @agent.state
    async def merge(context):
        context.set_state("merged", sum(context.get_state("rows")))

    return agent


def test_there_is_a_way_from_every_version():
    assert list(MIGRATIONS) == list(range(1, VERSION))


async def test_a_run_of_an_older_file_goes_on(file):
    agent = flow(file)
    result = await agent.resume(PAUSED)
    assert result.status is AgentStatus.COMPLETED
    assert result.values == {"rows": [1, 2, 3], "one": b"xxx", "other": 2.5, "merged": 6}
    assert version_of(file) == VERSION
    agent.store.close()


async def test_an_older_file_has_new_runs_beside_the_old(file):
    agent = flow(file)
    await agent.run()
    assert {info.id for info in agent.store.runs()} == {COMPLETED, PAUSED, agent.run_id}
    loaded = await Agent.load(file, COMPLETED, 4)
    assert loaded.context_values["merged"] == 6
    agent.store.close()


def test_who_only_looks_leaves_an_older_file_as_it_is(file):
    before = file.read_bytes()
    store = open_store(file)
    assert {info.status for info in store.runs()} == {"COMPLETED", "PAUSED"}
    assert store.values(COMPLETED)["merged"].data == 6
    store.close()
    assert file.read_bytes() == before


def test_two_that_open_an_older_file_at_once_make_one_migration(file):
    first = SQLiteStore(file)
    connection = sqlite3.connect(file, isolation_level=None)
    tables.migrate(connection, 1)  # as one that has read the version before the other was done
    connection.close()
    assert version_of(file) == VERSION
    first.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(file, monkeypatch):
    before = version_of(file)
    monkeypatch.setitem(MIGRATIONS, VERSION - 1, "CREATE TABLE runs (id TEXT)")
    with pytest.raises(StoreError, match="already exists"):
        SQLiteStore(file)
    assert version_of(file) == before
    monkeypatch.undo()
    SQLiteStore(file).close()


async def test_a_run_without_its_graph_is_not_watched_but_refused(file):
    watch = RunWatch(file, PAUSED)
    with pytest.raises(StoreError, match=r"kept no graphs.*watch one that was begun since"):
        await watch.read()
    watch.close()
