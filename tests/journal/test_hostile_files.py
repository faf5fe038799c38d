"""Hostile files by kind, each looked at in every way in a process that is watched.

FLUFFY_SEED gives another sequence of changed files, FLUFFY_HOSTILE another number of them.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from . import hostile

pytestmark = pytest.mark.systems

SEED = int(os.environ.get("FLUFFY_SEED", "20261129"))
COUNT = int(os.environ.get("FLUFFY_HOSTILE", "60"))
PATIENCE = 120.0
"""Seconds after which a process hangs, on a busy machine."""

CPU_SECONDS = 10.0
"""How long one file may take."""


MAKERS = (hostile.fuzzed, hostile.fuzzed, hostile.flipped)


class Watchdog:
    """A process that looks at files; one that takes too long for a file is ended."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def look(self, path: Path) -> dict[str, object]:
        """What was seen of a file."""
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "tests.journal.looking"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=Path(__file__).parents[2],
                bufsize=0,
            )
        self.process.stdin.write(json.dumps(str(path)).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
                self.end()
                return {"wrong": f"it took more than {PATIENCE:g} s"}
            more = os.read(self.process.stdout.fileno(), 2**16)
            if not more:
                code = self.process.wait()
                self.end()
                return {"wrong": f"the process ended with {code}"}
            answer += more
        return json.loads(answer)

    def end(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None


@pytest.fixture(scope="module")
def watchdog():
    dog = Watchdog()
    yield dog
    dog.end()


@pytest.fixture
def file(tmp_path):
    return hostile.small(tmp_path / "runs.sqlite")


def checked(watchdog, path, what):
    """What was seen of a file; nothing may have gone wrong."""
    told = watchdog.look(path)
    assert "wrong" not in told, f"{what}: {told['wrong']}\n{told.get('where', '')}"
    assert told["took"] < CPU_SECONDS, f"{what}: {told['took']:.1f} s"
    return told


def test_a_sound_file_is_seen_whole(watchdog, tmp_path):
    for version in (1, 2):
        told = checked(watchdog, hostile.sound(tmp_path / f"{version}.sqlite", version), version)
        assert told["runs"] == 9
        assert told["checkpoints"] >= 20
        assert told["loaded"] == 5


def test_schemas(watchdog, tmp_path):
    for number, (what, statements) in enumerate(hostile.SCHEMAS.items()):
        path = hostile.changed(hostile.small(tmp_path / f"{number}.sqlite"), *statements)
        told = checked(watchdog, path, what)
        assert told["runs"] == 0, what
        assert "its schema is not ours" in told["errors"][0], what
    for number, (what, words) in enumerate(hostile.WORDS.items()):
        path = hostile.edited(hostile.small(tmp_path / f"w{number}.sqlite"), *words)
        assert checked(watchdog, path, what)["runs"] == 0, what


def test_places_that_are_no_files(watchdog, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    for place in (tmp_path, tmp_path / "pipe", tmp_path / "link", Path("/dev/random")):
        told = checked(watchdog, place, place)
        assert told["runs"] == 0
        assert "it is a" in told["errors"][0], place
    checked(watchdog, tmp_path / "circle", "a link to itself")


@pytest.mark.parametrize("table", ["runs", "moments", "context", "buffers", "graphs"])
def test_trees_of_pages_that_never_end(watchdog, tmp_path, table):
    checked(watchdog, hostile.endless(tmp_path / "endless.sqlite", table), table)


def test_giant_rows(watchdog, file):
    run = next(iter(connected(file, "SELECT id FROM runs")))[0]
    for number, text in enumerate(["[" + "[]," * 2_000_000 + "[]]", '"' + "x" * 20_000_000 + '"']):
        path = Path(shutil.copyfile(file, file.with_name(f"{number}.sqlite")))
        sum_ = hostile.summed(text)
        where = f"run = '{run}' AND seq = 1"
        hostile.changed(path, f"UPDATE moments SET data = '{text}', sum = {sum_} WHERE {where}")
        told = checked(watchdog, path, "a giant row")
        assert told["runs"] == 3
        assert any("after event 1 can't be read" in error for error in told["errors"])


def test_buffers_that_promise_more_than_they_have(watchdog, file):
    header = b"\x93NUMPY\x01\x00v\x00" + (
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,), }".ljust(117) + b"\n"
    )
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        done = connection.execute(
            "UPDATE buffers SET data = ?, sum = ? WHERE key = 'array'",
            (header, hostile.summed(header)),
        )
        assert done.rowcount
    told = checked(watchdog, file, "an array of 800 GB")
    assert any("a saved array has the shape" in error for error in told["errors"])
    assert told["loaded"] == 2


def test_logs_and_journals_of_other_files(watchdog, tmp_path):
    other = hostile.sound(tmp_path / "other.sqlite", 1)
    connection = sqlite3.connect(other, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE more (one)")
    log = Path(f"{other}-wal").read_bytes()
    connection.close()
    beside = [("-wal", log), ("-wal", log[:-100]), ("-wal", b"x" * 5000), ("-journal", log)]
    beside += [("-journal", b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" * 300), ("-shm", b"x" * 40_000)]
    for number, (suffix, data) in enumerate(beside):
        path = hostile.small(tmp_path / f"{number}.sqlite")
        Path(f"{path}{suffix}").write_bytes(data)
        checked(watchdog, path, (suffix, number))


def test_changed_rows_and_lost_pages(watchdog, tmp_path):
    print(f"FLUFFY_SEED={SEED}")
    one, two = (hostile.small(tmp_path / f"{version}.sqlite", version) for version in (1, 2))
    seen = 0
    for seed in range(SEED, SEED + COUNT):
        for number, make in enumerate(MAKERS):
            path = tmp_path / "changed.sqlite"
            each = seed * len(MAKERS) + number
            what = make(one if seed % 3 == 0 else two, path, each)
            told = checked(watchdog, path, f"{make.__name__} {each}: {what}")
            seen += told["checkpoints"]
            for beside in tmp_path.glob("changed.sqlite*"):
                beside.unlink()
    assert seen > COUNT  # most of what was sound is shown


def connected(path, sql):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()
