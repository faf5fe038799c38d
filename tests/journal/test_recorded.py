"""Files of runs that each version has made, in `data/`: today's code reads all that they say.

`recorded.py` makes them, and the JSON beside each is what the code that made it read of it.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from fluffy_nb import Checkpoint, RunWatch, open_store
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.journal.history import History
from fluffy_nb.journal.sqlite import SQLiteStore
from fluffy_nb.journal.tables import VERSION

from . import recorded

DATA = Path(__file__).parent / "data"
VERSIONS = range(1, VERSION + 1)


def made(version, path):
    """A file of a version."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATA / f"version_{version}_runs.sql").read_text("utf-8"))
    return path


def told(version):
    """What was read of it then."""
    return json.loads((DATA / f"version_{version}_runs.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def _registered():
    recorded.register()


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def file(version, tmp_path):
    return made(version, tmp_path / "runs.sqlite")


@pytest.fixture
def ids(version):
    return {name: run["id"] for name, run in told(version).items()}


def has(found, expected):
    """Whether what was told then is told now; more may be told now."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            key in found and has(found[key], value) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(has, found, expected))
    return found == expected


def as_today(data):
    """A checkpoint's data: in the first version of its form the `event` was called `seq`."""
    assert data["version"] == 1
    told = {key: value for key, value in data.items() if key not in {"seq", "version"}}
    return {**told, "event": data["seq"]}


def as_json(data):
    return json.loads(json.dumps(data))


def check(file, version):
    """Compare all runs of a file with what was told."""
    with closing(open_store(file)) as store:
        infos = {info.id: info for info in store.runs()}
        assert len(infos) == len(told(version))
        for name, run in told(version).items():
            assert as_json(infos[run["id"]]) == run["info"], name
            history = recorded.own(History(store, run["id"]), run["id"])
            assert len(history) == len(run["checkpoints"]), name
            for checkpoint, expected in zip(history, run["checkpoints"], strict=True):
                found, then = as_json(checkpoint.to_dict()), as_today(expected)
                assert has(found, then), (name, then["event"])
            numbers = History(store, run["id"]).numbers
            assert numbers == list(range(1, len(numbers) + 1))


def test_S12_4_files_of_every_version_are_read_as_they_were(file, version):
    check(file, version)


def test_S12_4_an_older_file_says_the_same_after_it_was_opened_for_writing(file, version):
    SQLiteStore(file).close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == VERSION
    check(file, version)


def test_S12_1_checkpoints_of_every_version_are_read_from_their_json(version):
    read = 0
    for run in told(version).values():
        for data in run["checkpoints"]:
            assert has(as_json(Checkpoint.from_dict(data).to_dict()), as_today(data))
            read += 1
    assert read >= 30


def test_the_data_has_every_feature(version):
    runs = told(version)
    assert {run["info"][2] for run in runs.values()} == {
        "COMPLETED",
        "PAUSED",
        "FAILED",
        "CANCELLED",
    }
    text = (DATA / f"version_{version}_runs.sql").read_text("utf-8")
    kinds = ["PromptAnswered", "AgentEntered", "DoneOnce", "StateFailed", "RunRestored"]
    assert [kind for kind in kinds if f'"kind":"{kind}"' not in text] == []
    assert 'INSERT INTO "buffers"' in text
    assert runs["fork"]["info"][6] == runs["values"]["id"]
    assert ('INSERT INTO "graphs"' in text) is (version > 1)


async def test_S11_5_answers_and_once_of_an_older_file_are_given_back(file, ids):
    agent = recorded.asking(file, ["2nd", "3rd"])
    result = await agent.resume(ids["asked once, paused"])
    assert agent.asked == ["Second?", "Deep?"]
    assert result.values == {"paid": (7, "EUR"), "answers": ["yes", "2nd"], "deep": "3rd"}
    agent.store.close()


async def test_S4_4_a_run_inside_an_agent_goes_on_there(file, ids):
    agent = recorded.asking(file, ["3rd"])
    result = await agent.resume(ids["deep, paused"])
    assert agent.asked == ["Deep?"]
    assert result.values["deep"] == "3rd"
    agent.store.close()


@pytest.mark.parametrize("name", ["failed", "cancelled"])
async def test_S9_2_a_failed_and_a_cancelled_run_go_on(file, ids, name):
    agent = recorded.failing(file, broken=False)
    result = await agent.resume(ids[name])
    assert result.status is AgentStatus.COMPLETED
    assert result.values == {"good": 1, "tried": True, "end": 2}
    agent.store.close()


async def test_S4_3_a_flow_with_templates_sends_and_joins_goes_on(file, ids):
    agent = recorded.mapped(file)
    result = await agent.resume(ids["mapped, paused"])
    assert result.status is AgentStatus.COMPLETED
    fresh = recorded.mapped("memory")
    assert result.values == (await fresh.run()).values
    assert agent.completed_states == fresh.completed_states
    agent.store.close()


async def test_S12_6_a_fork_of_a_file_of_every_version_runs(file, ids):
    agent = recorded.all_values(file)
    agent.take_up(ids["values"], told_first(file, ids["values"]))
    result = await agent.resume()
    assert result.values["plain"][-1] == "more"
    assert "text" not in result.values
    agent.store.close()


def told_first(file, run):
    with closing(open_store(file)) as store:
        return History(store, run).numbers[0]


async def test_a_run_with_its_graph_is_watched(tmp_path):
    file = made(2, tmp_path / "runs.sqlite")
    for name, run in told(2).items():
        watch = RunWatch(file, run["id"])
        await watch.read()
        assert str(watch.status) == run["info"][2], name
        assert watch.completed_states >= set(run["checkpoints"][-1]["completed_states"])
        watch.close()


def test_today_makes_such_files_too(tmp_path):
    # In a process of its own, which ends while runs stand paused in their bodies.
    subprocess.run([sys.executable, recorded.__file__, tmp_path / "now"], check=True, timeout=120)
    found, then = json.loads((tmp_path / "now.json").read_text("utf-8")), told(VERSION)
    assert found.keys() == then.keys()
    for name, run in found.items():
        if name == "asked once, paused":
            # Its agent was garbage soon, which older versions took for a cancellation.
            assert (run["info"][2], run["checkpoints"]) == ("PAUSED", [])
            continue
        assert run["info"][2] == then[name]["info"][2], name
        states = {each["state"] for each in then[name]["checkpoints"]}
        assert {each["state"] for each in run["checkpoints"]} == states, name
