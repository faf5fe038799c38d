"""One suite over every store, and what is SQLite's own: files that are not as they should be."""

from __future__ import annotations

import gc
import json
import os
import sqlite3
import subprocess
import sys
from itertools import count
from pathlib import Path

import psutil
import pytest

from fluffy_nb import Agent, open_store
from fluffy_nb.errors import (
    CheckpointError,
    InvalidSpecError,
    RunHeldError,
    StoreBusyError,
    StoreError,
    UnknownRunError,
)
from fluffy_nb.journal import holding, opening
from fluffy_nb.journal.history import checkpoint_at
from fluffy_nb.journal.memory import MOST_EVENTS, MOST_ROWS, MOST_RUNS, MemoryStore
from fluffy_nb.journal.sqlite import SQLiteStore
from fluffy_nb.journal.store import Row, RunInfo, Value
from fluffy_nb.journal.stores import store_of
from fluffy_nb.journal.tables import APPLICATION
from fluffy_nb.testing import check_store

INFO = RunInfo("run", "agent", "IDLE", 1.0, 1.0, ("a",))


def row(seq, **values):
    kept = {key: Value(value, (), ("s", 1, 1, 1)) for key, value in values.items()}
    return Row(seq, float(seq), "s", "RUNNING", ({"kind": "X", "seq": seq},), {"m1": seq}, kept)


@pytest.fixture(params=["memory", "normal", "full"])
def make(request, tmp_path):
    numbers, made = count(), []

    def make():
        if request.param == "memory":
            return MemoryStore()
        made.append(SQLiteStore(tmp_path / f"{next(numbers)}.sqlite", request.param))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(tmp_path):
    store = SQLiteStore(tmp_path / "runs.sqlite")
    store._held.add("the test")  # its thread does not close what the test uses
    store.begin(INFO)
    store.append("run", [row(1, n=1), row(2, n=2, text="x" * 5000)])
    store.worker.join()  # which copies the log of a new file
    yield store
    store._held.clear()
    store.close()


def test_S12_3_every_store_keeps_what_it_is_given(make):
    check_store(make)


class Forgetful(MemoryStore):
    def values(self, run, until=None):
        return super().values(run)


def test_S12_3_the_check_notices_a_store_that_does_not():
    with pytest.raises(AssertionError, match="values as they were"):
        check_store(Forgetful)


# ---------------------------------------------------------------- memory


def test_S12_6_in_memory_the_oldest_are_folded_together():
    store = MemoryStore()
    store.begin(INFO)
    for seq in range(1, MOST_ROWS + 101):
        store.append("run", [row(seq, **{f"k{seq % 3}": seq, "n": seq})])
    rows = list(store.rows("run"))
    assert len(rows) == MOST_ROWS + 1
    assert rows[0].seq == 100
    assert store.values("run")["n"].data == MOST_ROWS + 100
    assert store.values("run", 100)["k0"].data == 99
    store.append("run", [row(5000)._replace(events=({"seq": 1},) * (MOST_EVENTS + 5))])
    for seq in range(5001, 5001 + MOST_ROWS):
        store.append("run", [row(seq)])
    assert sum(len(row.events) for row in store.rows("run")) <= MOST_EVENTS + MOST_ROWS


def test_S12_6_in_memory_the_oldest_runs_go():
    store = MemoryStore()
    for number in range(MOST_RUNS + 2):
        store.begin(INFO._replace(id=str(number)))
    assert len(store.runs()) == MOST_RUNS
    with pytest.raises(UnknownRunError):
        store.values("0")


# ---------------------------------------------------------------- which store is meant


def test_S12_3_a_path_a_store_or_memory(tmp_path):
    path = tmp_path / "deeper" / "runs.sqlite"
    store = store_of(path)
    assert store_of(str(path)) is store
    assert store_of(store) is store
    assert isinstance(store_of("memory"), MemoryStore)
    with pytest.raises(InvalidSpecError, match="the path of a file, or a Store"):
        store_of(5)
    with pytest.raises(InvalidSpecError, match='"normal" or "full"'):
        store_of(path, "none")


def test_S12_3_a_file_can_be_read_while_another_process_writes(store):
    reader = open_store(store.path)
    assert "SQLiteStore" in repr(reader)
    store.append("run", [row(3, n=3)])
    assert reader.values("run")["n"].data == 3
    with pytest.raises(StoreError, match="readonly"):
        reader.append("run", [row(4)])
    reader.close()
    with pytest.raises(StoreError, match="no such file"):
        open_store(store.path.with_name("other.sqlite"))


# ---------------------------------------------------------------- files that are not as they should


def test_a_file_that_is_no_database_is_refused_and_left(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, " * 100)
    with pytest.raises(StoreError, match="not a database"):
        SQLiteStore(path)
    assert path.read_text().startswith("not a database")


def test_a_database_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE runs (id)")
    other.close()
    with pytest.raises(StoreError, match="something else"):
        SQLiteStore(path)


async def test_a_file_that_is_closed_is_as_large_as_what_it_holds(tmp_path):
    """The log is copied and gone, also where a thread was at it."""
    agent = Agent("large", store=tmp_path / "runs.sqlite")

    @agent.state
    async def only(context):
        context.set_state("large", "x" * 2_000_000)

    await agent.run()
    agent.store.close()
    sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    assert 2_000_000 < sum(sizes) < 1.1 * 2_000_000
    assert len(sizes) == 1


def test_a_newer_version_is_refused_with_the_remedy(store):
    store.close()
    with sqlite3.connect(store.path) as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StoreError, match=r"version 99.*the version of fluffy-nb that wrote"):
        SQLiteStore(store.path)


def test_a_folder_that_can_not_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"choose a (file|folder) that can be written"):
        SQLiteStore(tmp_path / "file" / "runs.sqlite")
    with pytest.raises(StoreError, match="choose a folder that can be written"):
        SQLiteStore(tmp_path / "file" / "deeper" / "runs.sqlite")


def test_a_truncated_file_is_an_error_and_no_crash(store):
    store._copy()
    store.close()
    size = store.path.stat().st_size
    os.truncate(store.path, size // 2)
    for name in ("-wal", "-shm"):
        store.path.with_name(store.path.name + name).unlink(missing_ok=True)

    def read():
        found = SQLiteStore(store.path)
        list(found.rows("run"))
        found.values("run")

    with pytest.raises(StoreError, match="restore the file from a copy"):
        read()


def test_flipped_bytes_are_noticed_and_what_was_before_can_be_read(store):
    store._connection.execute("UPDATE context SET data = '[7,[]]' WHERE key = 'n' AND seq = 2")
    with pytest.raises(StoreError, match=r"after event 2 was damaged.*a checkpoint before it"):
        store.values("run")
    assert store.values("run", 1)["n"].data == 1
    store._connection.execute("UPDATE moments SET data = '[[],{},[]]' WHERE seq = 2")
    with pytest.raises(StoreError, match="after event 2 was damaged"):
        list(store.rows("run"))
    assert [row.seq for row in store.rows("run", 0, 1)] == [1]


def test_a_damaged_buffer_is_noticed(store):
    value = Value(1, (b"x" * 300,), ("s", 1, 1, 1))
    store.append("run", [row(3)._replace(values={"big": value})])
    store._connection.execute("UPDATE buffers SET data = zeroblob(300)")
    with pytest.raises(StoreError, match="after event 3"):
        store.values("run")


def test_a_full_disk_is_an_error_and_the_last_good_state_is_kept(store):
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="full; make room"):
        store.append("run", [row(3, n=3), row(4, text="y" * 100_000)])
    assert [row.seq for row in store.rows("run")] == [1, 2]
    assert store.values("run")["n"].data == 2
    store._connection.execute("PRAGMA max_page_count = 100000")
    store.append("run", [row(3, n=3)])
    assert store.values("run")["n"].data == 3


def test_who_does_not_wait_is_told_that_another_writes(store):
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusyError, match="written later"):
        store.append("run", [row(3)], wait=False)
    other.execute("COMMIT")
    store.append("run", [row(3)], wait=False)
    other.close()


def test_a_large_log_is_copied_into_the_file(store):
    store.worker.join()
    store._since_copy = -(10**9)  # nobody else copies
    for seq in range(3, 9):
        store.append("run", [row(seq, text="y" * 2**20)])
    store._copy()
    assert store.path.stat().st_size > 6 * 2**20
    store.append("run", [row(9, text="z" * 1000)])
    assert store.values("run")["text"].data == "z" * 1000


def test_a_copy_that_can_not_be_made_now_is_made_later(store, monkeypatch):
    def fails(path, most):
        raise sqlite3.OperationalError("locked")

    monkeypatch.setattr(opening, "copy_log", fails)
    store._copy()
    assert store.values("run")["n"].data == 2


# ---------------------------------------------------------------- holding


def test_S12_7_a_run_is_held_by_one_store(store):
    other = SQLiteStore(store.path)
    store.hold("run")
    with pytest.raises(RunHeldError, match=f"process {os.getpid()} on .*fork the run"):
        other.hold("run")
    other.release("run")  # it is not theirs
    with pytest.raises(RunHeldError):
        other.hold("run")
    store.release("run")
    other.hold("run")
    other.close()


def test_S12_7_a_holder_that_has_died_is_recognised_at_once(store):
    program = (
        "import sys, os\n"
        "from fluffy_nb.journal.sqlite import SQLiteStore\n"
        "SQLiteStore(sys.argv[1]).hold('run')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", program, store.path], check=False, env=environment)
    store.hold("run")


HERE = holding.this_process()


@pytest.mark.parametrize(
    ("holder", "alive"),
    [
        (HERE, True),
        ({**HERE, "started": 1}, False),
        ({**HERE, "boot": "another"}, False),
        ({**HERE, "pid": 2**22 + 1}, False),
        ({**HERE, "pid": -1}, False),
        ({**HERE, "host": "elsewhere", "pid": 1}, True),
        ({"host": "elsewhere"}, False),
    ],
)
def test_S12_7_who_is_alive(holder, alive):
    assert holding.is_alive(json.dumps(holder)) is alive


def test_S12_7_where_little_is_known_who_has_the_number_is_alive(monkeypatch):
    assert holding.is_alive(json.dumps({**HERE, "started": None}))  # as macOS was written before

    def denied(pid):
        raise psutil.AccessDenied(pid)

    monkeypatch.setattr(psutil, "Process", denied)
    assert holding.is_alive(json.dumps({**HERE, "started": 1}))
    assert holding.told("?") == "somebody"


def test_S12_7_who_has_ended_and_was_not_asked_for_is_dead():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = {**HERE, "pid": process.pid, "started": holding._started(process.pid)}
    assert holding.is_alive(json.dumps(holder))
    process.stdin.close()
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert not holding.is_alive(json.dumps(holder))
    process.wait()
    assert not holding.is_alive(json.dumps(holder))


def test_S12_7_nobody_is_sent_a_signal_to_see_whether_they_live(monkeypatch):
    """On Windows signal 0 is Ctrl-C."""
    sent = []
    monkeypatch.setattr(os, "kill", lambda *signal: sent.append(signal))
    assert holding.is_alive(json.dumps(HERE))
    assert not holding.is_alive(json.dumps({**HERE, "pid": 2**22 + 1}))
    assert not sent


@pytest.mark.parametrize("changes", [{}, {"_read": lambda path: None}, {"LINUX": False}])
def test_S12_7_a_number_that_another_process_has_now_is_not_the_holder(monkeypatch, changes):
    for name, value in changes.items():
        monkeypatch.setattr(psutil if name == "LINUX" else holding, name, value)
    here = holding.this_process()
    assert holding.is_alive(json.dumps(here))
    assert not holding.is_alive(json.dumps({**here, "started": here["started"] - 5}))


def test_S12_7_a_clock_that_is_set_makes_nobody_another(monkeypatch):
    boot, create = psutil.boot_time, psutil.Process.create_time
    monkeypatch.setattr(psutil, "boot_time", lambda: boot() + 7200)
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: create(process) + 7200)
    assert holding.is_alive(json.dumps(HERE))


def test_a_store_that_nobody_has_any_more_closes_its_file(tmp_path):
    store = SQLiteStore(tmp_path / "runs.sqlite")
    connection = store._connection
    store.worker.join()
    store.itself = store  # also where only the garbage collector finds it
    del store
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_the_file_says_whose_it_is(store):
    assert store._connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION


# ---------------------------------------------------------------- stores that do not do it


class Talkative(MemoryStore):
    def rows(self, run, after=0, until=None):
        return super().rows(run, after, until) if run in self._runs else iter(())

    def values(self, run, until=None):
        return super().values(run, until) if run in self._runs else {}


class Careless(SQLiteStore):
    def append(self, run, rows, *, wait=True):
        super().append(run, [row._replace(progress={}) for row in rows], wait=wait)


def test_S12_3_the_check_notices_runs_that_are_not_there_and_rows_that_are_lost(tmp_path):
    numbers = count()
    with pytest.raises(AssertionError, match="is an UnknownRunError"):
        check_store(Talkative)
    with pytest.raises(AssertionError, match="has its progress"):
        check_store(lambda: Careless(tmp_path / f"{next(numbers)}.sqlite"))


def test_nothing_is_written_for_no_rows(store):
    store.append("run", [])
    assert [row.seq for row in store.rows("run")] == [1, 2]


def test_what_is_in_memory_is_gone_when_it_is_removed():
    store = MemoryStore()
    store.begin(INFO)
    store.append("run", [row(1, n=1)])
    store.append("run", [row(2)._replace(values={"n": None}, progress={"m1": None})])
    for seq in range(3, MOST_ROWS + 10):
        store.append("run", [row(seq)._replace(progress={})])
    first = next(iter(store.rows("run")))
    assert (first.values, first.progress) == ({}, {})


def test_S12_4_a_run_without_rows_or_with_damaged_progress_is_refused(store):
    store.begin(INFO._replace(id="empty"))
    with pytest.raises(CheckpointError, match="nothing to go on from"):
        checkpoint_at(store, "empty")
    store.append("run", [row(3)._replace(progress={"w1": {"inputs": 5}})])
    with pytest.raises(StoreError, match="can't be read"):
        checkpoint_at(store, "run")


# ---------------------------------------------------------------- what is rare


def test_S12_7_what_a_forked_child_does_leaves_the_parents_connections_alone(store):
    parents = dict(store._open)
    store._forked()
    assert not store._open
    assert not store._held
    assert [row.seq for row in store.rows("run")] == [1, 2]  # by connections of its own
    assert store._open["read"] not in parents.values()
    for connection in parents.values():
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_S12_3_a_file_that_was_emptied_is_closed_without_its_log(store):
    with store.path.open("r+b") as file:
        file.truncate(0)
    store._held.clear()
    store.close()
    assert not store.path.exists() or store.path.stat().st_size == 0


@pytest.mark.parametrize("holder", ['{"let_go": ', '{"let_go": "soon"}', '{"let_go"}'])
def test_a_holder_that_is_no_json_is_nobody(store, holder):
    store._connection.execute("UPDATE runs SET holder = ?", (holder,))
    assert [info.id for info in store.runs()] == ["run"]
    assert not store.is_held("run")


def test_a_machine_that_does_not_say_when_it_was_booted_is_told_by_the_rest(monkeypatch):
    monkeypatch.setattr(holding, "Path", lambda name: Path("/nowhere") / name.strip("/"))
    here = holding.this_process()
    assert here["boot"] is None
    assert holding.is_alive(json.dumps(here))


BRANCH = {"state": "a", "scope": 99, "inputs": {}, "alone": False, "start": None, "error": None}
INSIDE_NOTHING = {**BRANCH, "lost": []}


@pytest.mark.parametrize(
    ("item", "data"),
    [
        ("w9", INSIDE_NOTHING),
        (
            "e1",
            {
                "attempt": 1,
                "started": True,
                "inside": False,
                "branch": INSIDE_NOTHING,
                "answers": [],
                "once": {},
            },
        ),
        ("ex", {"attempt": 1, "started": True, "inside": False, "branch": INSIDE_NOTHING}),
    ],
    ids=["waiting", "execution", "number"],
)
def test_S12_4_progress_that_can_not_be_is_named_with_its_row(store, item, data):
    store.begin(INFO._replace(id="other"))
    event = {"kind": "Saved", "seq": 1, "time": 1.0}
    store.append("other", [row(1)._replace(events=(event,), progress={item: data})])
    with pytest.raises(StoreError, match="after event 1 can't be read"):
        checkpoint_at(store, "other")
