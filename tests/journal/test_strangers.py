"""A stranger's file runs nothing: its schema, its rows, its size, and what lies beside it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from fluffy_nb import Agent, Checkpoint, RunWatch, Send, open_store
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.codecs import decode
from fluffy_nb.engine.facts import FORMS, Going, hints_of
from fluffy_nb.errors import CheckpointError, StoreError
from fluffy_nb.journal import strangers
from fluffy_nb.journal.history import History, checkpoint_at, events_of
from fluffy_nb.journal.reading import MalformedError, parsed
from fluffy_nb.journal.sqlite import SQLiteStore
from fluffy_nb.journal.store import DAMAGED
from fluffy_nb.journal.stores import runs_in

from . import hostile
from .looking import look


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return hostile.small(tmp_path_factory.mktemp("original") / "runs.sqlite")


@pytest.fixture
def file(original, tmp_path):
    return Path(shutil.copyfile(original, tmp_path / "runs.sqlite"))


def first(file):
    """The id of a run."""
    return runs_in(file)[0].id


def longest(file):
    """The id of the paused run that has the most checkpoints."""
    with closing(open_store(file)) as store:
        paused = [info.id for info in store.runs() if info.status == "PAUSED"]
        return max(paused, key=lambda run: len(History(store, run)))


def refused(file):
    """What is said of a file, by who reads it and by who writes."""
    with pytest.raises(StoreError) as reading:
        open_store(file)
    with pytest.raises(StoreError) as writing:
        SQLiteStore(file)
    assert str(reading.value) == str(writing.value)
    return str(reading.value)


class TestTheSchema:
    """It is ours to the word, or nothing of the file is read."""

    @pytest.mark.parametrize("version", [1, 2])
    def test_ours_is_read(self, tmp_path, version):
        store = open_store(hostile.sound(tmp_path / "runs.sqlite", version))
        assert len(store.runs()) == 9
        store.close()

    @pytest.mark.parametrize("statements", hostile.SCHEMAS.values(), ids=hostile.SCHEMAS)
    def test_S12_3_another_schema_is_refused(self, file, statements):
        hostile.changed(file, *statements)
        assert "its schema is not ours: it " in refused(file)
        with closing(sqlite3.connect(file)) as connection:
            if "graphs" not in " ".join(statements) or "TRIGGER" in " ".join(statements):
                ran = connection.execute("SELECT 1 FROM graphs WHERE digest = 'ran'").fetchall()
                assert ran == []

    @pytest.mark.parametrize("words", hostile.WORDS.values(), ids=hostile.WORDS)
    def test_one_other_word_is_enough(self, file, words):
        hostile.edited(file, *words)
        told = refused(file)
        assert "has another form of 'table" in told or "malformed" in told

    def test_version_1_has_no_graphs_and_version_2_has_some(self, tmp_path):
        one = hostile.sound(tmp_path / "1.sqlite", 1)
        assert "it lacks 'table graphs'" in refused(hostile.changed(one, "PRAGMA user_version=2"))
        two = hostile.sound(tmp_path / "2.sqlite", 2)
        assert "it has 'table graphs'" in refused(hostile.changed(two, "PRAGMA user_version=1"))

    @pytest.mark.parametrize("version", [0, -1])
    def test_a_version_that_never_was_is_refused(self, file, version):
        hostile.changed(file, f"PRAGMA user_version = {version}")
        assert "none of 1 or 2" in refused(file)

    def test_what_analyze_adds_is_harmless(self, file):
        hostile.changed(file, "ANALYZE")
        assert runs_in(file)
        SQLiteStore(file).close()

    def test_white_space_is_no_difference(self, file):
        hostile.edited(file, "id TEXT PRIMARY", "id   TEXT\n PRIMARY", "runs")
        assert runs_in(file)

    async def test_a_trigger_does_not_run_when_a_run_is_loaded(self, file):
        run = next(info.id for info in runs_in(file) if info.status == "PAUSED")
        hostile.changed(file, *hostile.SCHEMAS["a trigger on runs"])
        with pytest.raises(StoreError):
            await Agent.load(file, run)
        with closing(sqlite3.connect(file)) as connection:
            ran = connection.execute("SELECT 1 FROM graphs WHERE digest = 'ran'").fetchall()
        assert ran == []

    def test_one_that_is_no_text_is_refused(self, file):
        data = file.read_bytes().replace(b"CREATE TABLE runs", b"CREATE TABLE \xcc\xff\xcc\xff")
        file.write_bytes(data)
        refused(file)


class TestThePath:
    """Only a plain file is opened, and none beside it is touched."""

    def test_a_folder(self, tmp_path):
        assert "it is a folder" in refused(tmp_path)

    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        assert "a pipe" in refused(tmp_path / "pipe")

    def test_a_device(self):
        assert "a device" in refused("/dev/zero")

    def test_a_link_to_either(self, tmp_path, file):
        (tmp_path / "link").symlink_to("/dev/zero")
        assert "a device" in refused(tmp_path / "link")
        (tmp_path / "good").symlink_to(file)
        assert runs_in(tmp_path / "good")

    def test_a_journal_that_names_another_file_deletes_nothing(self, tmp_path, file):
        """SQLite deletes the super-journal that a hot journal names."""
        victim = tmp_path / "victim"
        victim.write_bytes(b"")
        name = str(victim).encode()
        page = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\0" * 504
        tail = (
            (1).to_bytes(4)
            + name
            + len(name).to_bytes(4)
            + (sum(name) & 0xFFFFFFFF).to_bytes(4)
            + strangers._SUPER_JOURNAL
        )
        (tmp_path / "runs.sqlite-journal").write_bytes(page + tail)
        assert "names another file" in refused(file)
        assert victim.exists()

    def test_a_journal_that_is_no_file(self, tmp_path, file):
        os.mkfifo(tmp_path / "runs.sqlite-journal")
        assert "is no plain file" in refused(file)

    def test_a_log_of_another_file(self, tmp_path, file):
        other = hostile.sound(tmp_path / "other.sqlite", 1)
        connection = sqlite3.connect(other)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE more (one)")
        connection.commit()
        log = tmp_path / "other.sqlite-wal"
        (tmp_path / "runs.sqlite-wal").write_bytes(log.read_bytes())
        connection.close()
        look(file)  # it is read or refused


class TestTheBudget:
    """A reading takes no longer, and gives no more, than a file of its size can need."""

    def test_steps(self, file, monkeypatch):
        monkeypatch.setattr(strangers, "LEAST_STEPS", 200_000)
        store = open_store(file)
        with pytest.raises(StoreError, match="takes more steps than"), store._reading():
            store._all(f"{hostile.FOREVER} SELECT max(i) FROM n")
        assert store.runs()
        store.close()

    def test_bytes(self, file):
        store = open_store(file)
        with pytest.raises(StoreError, match="gives more bytes than"), store._reading():
            store._all(f"{hostile.FOREVER} SELECT zeroblob(100000) FROM n")
        assert store.runs()
        store.close()

    def test_a_tree_of_pages_that_never_ends(self, tmp_path):
        for table in ("runs", "moments", "graphs", "context", "buffers"):
            look(hostile.endless(tmp_path / f"{table}.sqlite", table))

    def test_writing_has_none(self, tmp_path, monkeypatch):
        monkeypatch.setattr(strangers, "STEPS", 1)
        store = SQLiteStore(tmp_path / "new.sqlite")
        monkeypatch.setattr(strangers, "LEAST_STEPS", 0)
        monkeypatch.setattr(strangers, "STEPS_A_BYTE", 0)
        with store._transaction() as connection:
            for number in range(100):
                connection.execute("INSERT INTO graphs VALUES (?, 'x')", (str(number),))
        with pytest.raises(StoreError, match="takes more steps"):
            store.runs()
        store.close()

    def test_a_file_with_holes_has_the_budget_of_what_is_in_it(self, tmp_path):
        path = tmp_path / "holes"
        with path.open("wb") as file:
            file.truncate(2**40)
        assert strangers._size(path) == strangers.SPARSE_BYTES

    def test_large_files_are_read(self, tmp_path):
        """A run of thousands of rows is well within it."""
        store = SQLiteStore(tmp_path / "large.sqlite")
        with store._transaction() as connection:
            connection.execute(
                "INSERT INTO runs VALUES ('r', 'a', 'PAUSED', 1, '[]', NULL, NULL, NULL)"
            )
            texts = [
                json.dumps([[{"kind": "Saved", "seq": n, "time": 1.0}], {}, []])
                for n in range(1, 20_001)
            ]
            rows = [
                ("r", n, 1.0, "s", "PAUSED", text, hostile.summed(text))
                for n, text in enumerate(texts, 1)
            ]
            connection.executemany("INSERT INTO moments VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        assert len(History(store, "r")) == 20_000
        store.close()


def damage(file, run, seq, text):
    """Put another text into a row, with a checksum that fits."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(
            "UPDATE moments SET data = ?, sum = ? WHERE run = ? AND seq = ?",
            (text, hostile.summed(text), run, seq),
        )


class TestRows:
    """A row that is none of ours is named with its number, and the others are shown."""

    @pytest.mark.parametrize(
        "text",
        ["", "x", "[", "[]", "{}", "null", '[[],{},""]', "[[1],{},[]]", "[" * 10_000, "[[],[],[]]"],
    )
    def test_a_malformed_row_has_its_number(self, file, text):
        run = longest(file)
        with closing(open_store(file)) as store:
            whole = History(store, run)
            event = whole[-1].event
            damage(file, run, event, text)
            history = History(store, run)
            assert history.numbers == whole.numbers[:-1]
            assert "damaged" in repr(history)
            with pytest.raises(StoreError, match=f"after event {event} can't be read"):
                history.at(whole.numbers[-1])
            with pytest.raises(StoreError, match=f"after event {event} can't be read"):
                checkpoint_at(store, run)
            assert history[-1].event < event

    async def test_S12_6_what_was_before_a_damaged_row_can_be_gone_on_from(self, file):
        run = longest(file)
        with closing(open_store(file)) as store:
            whole = History(store, run)
            damage(file, run, whole[-1].event, "x")
        agent = await Agent.load(file, run, whole.numbers[-2])
        assert agent.status == "PAUSED"
        agent.store.close()

    def test_a_long_line_of_parents_is_followed(self, file):
        """So is one that is a circle."""
        run = first(file)
        values = ", ".join(
            f"('r{n}', 'a', 'PAUSED', 1.0, '[]', '{f'r{n - 1}' if n else run}', 1, NULL)"
            for n in range(3000)
        )
        hostile.changed(
            file,
            f"INSERT INTO runs VALUES {values}",
            f"UPDATE runs SET parent='r9' WHERE id='{run}'",
        )
        with closing(open_store(file)) as store:
            assert History(store, "r2999").numbers == []
            assert History(store, run).numbers

    @pytest.mark.parametrize("value", hostile.CELLS, ids=repr)
    @pytest.mark.parametrize("column", ["agent", "status", "created", "starts", "parent", "id"])
    def test_S12_3_one_bad_run_hides_no_other(self, file, column, value):
        infos = runs_in(file)
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute(
                f"UPDATE OR IGNORE runs SET {column} = ? WHERE id = ?", (value, infos[1].id)
            )
        found = runs_in(file)
        assert len(found) == 3
        assert {info.id for info in found} >= {infos[0].id, infos[2].id}
        bad = [info for info in found if info.status == DAMAGED]
        if bad:
            with closing(open_store(file)) as store, pytest.raises(StoreError, match="entry"):
                checkpoint_at(store, bad[0].id)

    def test_bytes_that_are_no_text_have_their_row(self, file):
        run = first(file)
        with closing(open_store(file)) as store:
            event = History(store, run)[-1].event
            hostile.changed(
                file, f"UPDATE moments SET data = CAST(x'ff5b5d' AS TEXT) WHERE seq={event}"
            )
            with pytest.raises(StoreError, match=f"after event {event} was damaged"):
                checkpoint_at(store, run)

    async def test_a_run_that_can_not_be_read_is_listed_beside_the_others(self, file):
        run = first(file)
        damage(file, run, 1, "[[],{},[1]]")
        errors = (await asyncio.to_thread(look, file))["errors"]
        assert any("after event 1 can't be read" in error for error in errors)
        with pytest.raises(StoreError, match="after event 1 can't be read"):
            await RunWatch(file, run).read()
        with pytest.raises(StoreError):
            await Agent.load(file, run)

    @pytest.mark.parametrize(
        "numbers", [[], [2, 1], [1, 1], [1, 3], [0, True], ["1", 2], [1.5, 2], [1, 2**53]]
    )
    def test_events_have_the_numbers_they_should(self, file, numbers):
        run = first(file)
        events = [{"kind": "RunResumed", "seq": n, "time": 1.0} for n in numbers]
        damage(file, run, 2, json.dumps([events, {}, []]))
        hostile.changed(
            file,
            f"INSERT OR IGNORE INTO moments SELECT run, 2, 1.0, '', 'RUNNING', "
            f"'{json.dumps([events, {}, []])}', "
            f"{hostile.summed(json.dumps([events, {}, []]))} FROM moments "
            f"WHERE run = '{run}' AND seq = 1",
        )
        problem = pytest.raises(StoreError, match="after event 2 can't be read")
        with closing(open_store(file)) as store, problem:
            list(events_of(store, run))


class TestText:
    """JSON of a file."""

    @pytest.mark.parametrize(
        "text", ['"\udcff"', "9" * 5000, "[" * 300 + "]" * 300, '"\\ud800', None, 7, b"[]"]
    )
    def test_what_is_none_is_malformed(self, text):
        with pytest.raises(MalformedError):
            parsed(text)

    def test_lone_surrogates_do_not_go_deeper(self):
        assert parsed('["\\ud800"]') == ["\ud800"]
        with pytest.raises(MalformedError, match="200 deep"):
            parsed("[" * 300 + '"\\ud800"' + "]" * 300)
        with pytest.raises(MalformedError, match="no JSON"):
            parsed("[" * 100_000 + '"\\ud800"')

    def test_of_a_key_that_stands_twice_the_last_counts(self):
        assert parsed('{"a": 1, "a": 2}') == {"a": 2}


class TestEvents:
    """An event from outside holds what its class says."""

    def test_the_forms_of_all_fields_are_known(self):
        for kind in [*ev.KINDS.values(), Going]:
            assert set(hints_of(kind).values()) <= set(FORMS), kind

    @pytest.mark.parametrize(
        "fields",
        [
            {"state": 1},
            {"execution": "1"},
            {"execution": True},
            {"execution": -1},
            {"next": "abc"},
            {"next": [1]},
            {"next": [{"name": 1}]},
            {"next": [{"name": "a", "inputs": []}]},
            {"written": [None]},
            {"time": "now"},
            {"time": float("nan")},
            {"more": 1},
        ],
    )
    def test_what_it_can_not_hold_is_refused(self, fields):
        data = ev.StateCompleted(2, 1.0, 1, "a", 1, ("b",)).to_dict()
        assert ev.from_dict(data) == ev.StateCompleted(2, 1.0, 1, "a", 1, ("b",))
        with pytest.raises(TypeError):
            ev.from_dict({**data, **fields})


class TestCheckpoints:
    """What a checkpoint says fits together, or it is refused."""

    @pytest.fixture
    async def data(self):
        inner = Agent("inner")
        inner.add_state("deep", _ends, next=[])
        agent = Agent("outer")
        agent.add_state("load", _sends, next=["inner", "b"])
        agent.add_state("inner", inner)
        agent.add_state("b", _ends, next=[])
        await agent.step(2)
        return json.loads(agent.create_checkpoint().to_json())

    def test_it_is_read(self, data):
        assert json.loads(Checkpoint.from_dict(data).to_json()) == data

    @pytest.mark.parametrize("scope", [7, -1, 10**20])
    def test_S12_1_a_branch_in_an_agent_that_is_not_there_is_refused(self, data, scope):
        progress = data["progress"]
        (progress["waiting"] or [each["branch"] for each in progress["executions"]])[0]["scope"] = (
            scope
        )
        with pytest.raises(CheckpointError, match="is not there"):
            Checkpoint.from_dict(data)

    def test_S12_1_an_agent_inside_itself_is_refused(self, data):
        inside = next(each for each in data["progress"]["executions"] if each["inside"])
        inside["branch"]["scope"] = inside["id"]
        with pytest.raises(CheckpointError, match="is not there"):
            Checkpoint.from_dict(data)

    def test_two_executions_with_one_number(self, data):
        data["progress"]["executions"] *= 2
        with pytest.raises(CheckpointError, match="executions have the numbers"):
            Checkpoint.from_dict(data)

    @pytest.mark.parametrize("count", [-1, 10**30])
    def test_counts_that_can_not_be(self, data, count):
        data["progress"]["counts"]["load"] = count
        with pytest.raises(CheckpointError):
            Checkpoint.from_dict(data)


async def _sends(context):
    return ["inner", Send("b", x=1)]


async def _ends(context):
    return None


BOMB = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }"


class TestValues:
    """A value takes no more memory than the file has bytes, and opens no file."""

    @pytest.mark.parametrize(
        "data",
        [
            {"$": "Fraction", "v": "1e999999999"},
            {"$": "numpy.array", "v": 0},
            {
                "$": "pandas.series",
                "v": [["range", [0, 1, 1], None], None, ["list", ["x"], "U1000000000"]],
            },
        ],
        ids=["fraction", "array", "texts of one width"],
    )
    def test_a_bomb_is_refused(self, data):
        header = (BOMB % 10**12).ljust(128)
        with pytest.raises(CheckpointError):
            decode(data, [header])

    def test_an_archive_is_no_array(self, tmp_path):
        import numpy as np

        np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(1000))
        with pytest.raises(CheckpointError):
            decode({"$": "numpy.array", "v": 0}, [(tmp_path / "bomb.npz").read_bytes()])


@pytest.mark.parametrize("make", [hostile.fuzzed, hostile.flipped])
def test_changed_files_give_our_errors_and_no_others(tmp_path, file, make):
    """A few of those that the test of systems tries."""
    for seed in range(4):
        changed = tmp_path / "changed.sqlite"
        told = make(file, changed, seed)
        try:
            look(changed)
        except BaseException as problem:
            problem.add_note(f"seed {seed}: {told}")
            raise


def test_nothing_is_imported_by_a_name_in_a_file(file):
    look(file)
    before = set(sys.modules)
    names = json.dumps([[], {}, ["antigravity", "this"]])
    damage(file, first(file), 2, names)
    look(file)
    assert set(sys.modules) == before
