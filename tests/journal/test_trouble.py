"""Semantics 12.3 and 12.7: files that are busy, full or gone, and two who want one run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import warnings

import psutil
import pytest

from fluffy_nb import Agent, AgentStatus, open_store
from fluffy_nb.engine import events as ev
from fluffy_nb.errors import (
    NothingToResumeError,
    RunHeldError,
    RunMovedOnError,
    SaveWarning,
    StoreBusyError,
    StoreError,
)
from fluffy_nb.journal import agent as kept_agent
from fluffy_nb.journal import opening
from fluffy_nb.journal.history import events_of
from fluffy_nb.journal.sqlite import SQLiteStore
from fluffy_nb.journal.stores import store_of
from fluffy_nb.journal.writer import SMALL

PATIENCE = 60


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.sqlite"


def keep_open(store):
    """Have a file open, which its thread would close soon."""
    store._held.add("the test")
    store.worker.join()  # nor does it copy the log just now
    store._connection.execute("SELECT 1")


@pytest.fixture
def quiet():
    """Whoever is not looking for a warning gets none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SaveWarning)
        yield


def chain(store, length=3, **settings):
    """States s1, s2, ... in a row; each counts itself in the context."""
    agent = Agent("chain", store=store, **settings)

    def body(number):
        async def state(context):
            context.set_state(f"s{number}", number)
            return f"s{number + 1}" if number < length else None

        return state

    for number in range(1, length + 1):
        following = [f"s{number + 1}"] if number < length else []
        agent.add_state(f"s{number}", body(number), next=following)
    return agent


def program(text, *arguments, **settings):
    """A process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **settings,
    )


LOCKED = """
    import sqlite3, sys
    file = sqlite3.connect(sys.argv[1], isolation_level=None)
    file.execute("BEGIN EXCLUSIVE")
    print("locked", flush=True)
    sys.stdin.readline()
    file.execute("COMMIT")
    print("free", flush=True)
"""


@contextlib.contextmanager
def locked(path):
    """Another process has the file's write lock; what it gives lets go."""
    process = program(LOCKED, path)
    assert process.stdout.readline() == "locked\n"

    def free():
        process.stdin.write("\n")
        process.stdin.flush()
        process.wait()

    try:
        yield free
    finally:
        process.communicate("\n" if process.poll() is None else None)


class Gaps:
    """The longest time for which a loop was held."""

    async def __aenter__(self):
        self.longest = 0.0
        self._task = asyncio.get_running_loop().create_task(self._watch())
        return self

    async def _watch(self):
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.005)
            self.longest = max(self.longest, time.monotonic() - began)

    async def __aexit__(self, *_):
        self._task.cancel()


async def until(condition):
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - of a file: nobody says when it changes
            await asyncio.sleep(0.01)


def status_in(path, run_id):
    with contextlib.closing(open_store(path)) as store:
        return {info.id: info.status for info in store.runs()}.get(run_id)


def numbers_in(path, run_id):
    with contextlib.closing(open_store(path)) as store:
        return [event["seq"] for event in events_of(store, run_id)]


# ---------------------------------------------------------------- hold first


async def test_S12_7_a_run_is_held_before_it_is_read(path, monkeypatch):
    """Another that comes between the reading and the run is refused: else both would run it."""
    agent = chain(SQLiteStore(path))
    await agent.step()
    read, refused = kept_agent.checkpoint_at, []

    def between(store, run_id, *more):
        other = chain(SQLiteStore(path))
        found = read(store, run_id, *more)
        with pytest.raises(RunHeldError) as raised:
            other.store.hold(run_id)
        refused.append(raised.value)
        return found

    monkeypatch.setattr(kept_agent, "checkpoint_at", between)
    second = chain(SQLiteStore(path))
    assert (await second.resume(agent.run_id)).status is AgentStatus.COMPLETED
    assert refused


async def test_S12_7_a_run_that_has_completed_meanwhile_is_not_run_again(path):
    agent, second = chain(SQLiteStore(path)), chain(SQLiteStore(path))
    await agent.step()
    assert (await second.resume(agent.run_id)).status is AgentStatus.COMPLETED
    with pytest.raises(RunMovedOnError):
        await agent.resume()
    with pytest.raises(NothingToResumeError):
        await chain(path).resume(agent.run_id)
    assert chain(path).store.holder(agent.run_id) == ""  # it was let go again


@pytest.mark.parametrize("kind", ["memory", "file"])
async def test_S12_7_two_agents_of_a_process_do_not_run_one_run(path, kind):
    agent = Agent("waits", store=path if kind == "file" else "memory")
    go = asyncio.Event()

    async def waits(context):
        await go.wait()

    agent.add_state("waits", waits, next=[])
    run = agent.start()
    other = Agent("waits", store=agent.store)
    other.add_state("waits", waits, next=[])
    await until(lambda: agent.store.runs() and agent.state_metadata["waits"].executions)
    with pytest.raises(RunHeldError, match="another agent of this process"):
        await other.resume(run.id)
    with pytest.raises(RunHeldError, match="another agent of this process"):
        other.take_up(run.id)
    go.set()
    assert (await run).status is AgentStatus.COMPLETED


async def test_S12_7_a_run_that_was_left_for_another_can_be_taken(path):
    agent = chain(path)
    await agent.step()
    first = agent.run_id
    other = chain(SQLiteStore(path))
    other.take_up(first)
    await other.run()  # goes on
    with pytest.raises(NothingToResumeError):
        other.take_up(first)
    agent.fork(agent.checkpoints[0])
    left = agent.run_id
    agent.fork(agent.checkpoints[0]) if len(agent.checkpoints) else await agent.run()
    assert chain(path).store.holder(left) == ""


# ---------------------------------------------------------------- making a file


def test_S12_3_many_processes_make_one_file_at_once(path):
    make = """
        import sys
        from fluffy_nb.journal.sqlite import SQLiteStore
        sys.stdin.readline()
        SQLiteStore(sys.argv[1])
        print("made")
    """
    processes = [program(make, path) for _ in range(6)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[0] for process in processes] == ["made\n"] * 6


def test_S12_3_many_threads_make_one_file_at_once(path):
    made, gate = [], threading.Barrier(8)

    def make():
        gate.wait()
        made.append(SQLiteStore(path).runs())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [[]] * 8


def nothing(path):
    path.write_bytes(b"")


def no_tables(path):
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode = WAL")


def half_a_log(path):
    whole = path.with_name("whole.sqlite")
    with contextlib.closing(sqlite3.connect(whole, isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("CREATE TABLE other (n)")
        log = opening.log_of(whole).read_bytes()
        shutil.copy(whole, path)
    opening.log_of(path).write_bytes(log[: len(log) - 2000])


def log_of_nothing(path):
    path.write_bytes(b"")
    opening.log_of(path).write_bytes(b"x" * 5000)


@pytest.mark.parametrize("left", [nothing, no_tables, half_a_log, log_of_nothing])
async def test_S12_4_what_a_process_left_that_was_killed_while_it_made_the_file_can_be_used(
    path, left
):
    left(path)
    store = open_store(path)
    assert store.runs() == []
    agent = chain(path)
    result = await agent.run()
    assert [info.id for info in store.runs()] == [result.run_id]
    store.close()


# ---------------------------------------------------------------- a file that is busy


async def test_S12_3_who_writes_for_long_holds_no_loop_and_refuses_no_run(path, quiet):
    agent = chain(path)
    await agent.run()
    with locked(path) as free:
        async with Gaps() as gaps:
            result = await agent.run()
            assert result.status is AgentStatus.COMPLETED
        assert gaps.longest < 1
        assert status_in(path, result.run_id) is None
        free()
        await until(lambda: status_in(path, result.run_id) == "COMPLETED")
    assert len(open_store(path).values(result.run_id)) == 3
    numbers = numbers_in(path, result.run_id)
    assert numbers == list(range(1, numbers[-1] + 1))
    assert agent.store.holder(result.run_id) == ""


async def test_S12_3_who_writes_for_long_refuses_no_resume(path, quiet):
    agent = chain(path)
    await agent.step()
    with locked(path) as free:
        async with Gaps() as gaps:
            assert (await agent.resume()).status is AgentStatus.COMPLETED
        assert gaps.longest < 1
        other = chain(SQLiteStore(path, opens=False))
        other.take_up(agent.run_id)  # nobody can say that it is held
        free()
        await until(lambda: status_in(path, agent.run_id) in {"COMPLETED", "PAUSED"})


async def test_S12_3_a_loop_is_not_held_while_the_file_is_busy_in_the_middle(path, quiet):
    agent = chain(path)
    go, begun = asyncio.Event(), asyncio.Event()

    async def waits(context):
        begun.set()
        await go.wait()
        return "s3"

    agent.add_state("s2", waits, next=["s3"], replace=True)
    run = agent.start()
    await begun.wait()
    with locked(path) as free:
        async with Gaps() as gaps:
            go.set()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(run.wait())), 0.3)
            free()
            assert (await run).status is AgentStatus.COMPLETED
        assert gaps.longest < 1
    assert status_in(path, run.id) == "COMPLETED"


async def test_S12_3_a_run_waits_for_a_short_write_of_another_and_says_nothing(path):
    agent = chain(path)
    await agent.run()
    with locked(path) as free:
        run = agent.start()
        await asyncio.sleep(0.1)
        assert not any(isinstance(e, ev.StateStarted) for e in run.runner.history)
        free()
        assert (await run).status is AgentStatus.COMPLETED
    assert status_in(path, run.id) == "COMPLETED"


async def test_S12_7_who_was_refused_late_is_cancelled_and_raises_it(path, quiet):
    """The file was busy when the run was resumed, and then another process had it."""
    agent = chain(path)
    await agent.step()
    other = chain(SQLiteStore(path))
    other.store.runs()
    hold = agent.store.hold
    held = []

    def busy_at_first(run_id):
        if not held:
            held.append(run_id)
            raise StoreBusyError(path, "busy", "wait")
        other.take_up(run_id) if len(held) == 1 else None
        held.append(run_id)
        hold(run_id)

    loop = asyncio.get_running_loop()

    def from_thread(run_id):
        if threading.current_thread() is threading.main_thread():
            return busy_at_first(run_id)
        done = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop)
        done.result()
        other.store.hold(run_id)
        return hold(run_id)

    agent.store.hold = from_thread
    with pytest.raises(RunHeldError):
        await agent.resume()
    assert agent.status is AgentStatus.CANCELLED
    assert "s2" not in agent.context_values
    del agent.store.hold


@pytest.mark.parametrize("code", ["SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"])
def test_S12_3_locks_of_a_network_drive_are_tried_again(code):
    problem = sqlite3.OperationalError("locking protocol")
    problem.sqlite_errorcode = getattr(sqlite3, code) | 1 << 8
    assert opening.is_busy(problem)
    assert isinstance(opening.as_ours("file", "write", problem), StoreBusyError)


# ---------------------------------------------------------------- a file that can't be written


class Failing(SQLiteStore):
    """A file on a disk that is full, or broken, in some of what is asked of it."""

    fails = frozenset()

    def _begin(self, *, wait):
        return super()._begin(wait=wait)

    def _fail(self, what):
        if what in self.fails:
            raise StoreError(self.path, f"can't {what}: disk I/O error", "make room")

    def begin(self, info):
        self._fail("begin")
        super().begin(info)

    def hold(self, run):
        self._fail("hold")
        super().hold(run)

    def append(self, run, rows, *, wait=True):
        self._fail("append")
        super().append(run, rows, wait=wait)

    def release(self, run):
        self._fail("release")
        super().release(run)


@pytest.mark.parametrize("what", ["begin", "hold", "append", "release"])
@pytest.mark.parametrize("when", ["run", "resume", "middle"])
async def test_S12_3_whatever_fails_the_run_goes_on_and_is_written_later(path, what, when):
    store = Failing(path)
    agent = chain(store)
    said = []
    agent.subscribe(lambda e: said.append(e.why) if isinstance(e, ev.SaveFailed) else None)
    if when == "resume":
        await agent.step()
    if when == "middle":
        agent.subscribe(
            lambda e: (
                setattr(store, "fails", {what})
                if isinstance(e, ev.StateCompleted) and e.state == "s1"
                else None
            )
        )
    else:
        store.fails = {what}
    is_called = (what, when) not in {("begin", "resume"), ("begin", "middle"), ("hold", "middle")}
    with pytest.warns(SaveWarning, match="disk I/O") if is_called else contextlib.nullcontext():
        result = await (agent.resume() if when == "resume" else agent.run())
        await asyncio.sleep(0)
    assert result.status is AgentStatus.COMPLETED
    assert result.values == {"s1": 1, "s2": 2, "s3": 3}
    assert len(said) == is_called  # once
    store.fails = frozenset()
    await until(lambda: status_in(path, result.run_id) == "COMPLETED")
    await until(lambda: not store.holder(result.run_id))
    assert len(open_store(path).values(result.run_id)) == 3
    numbers = numbers_in(path, result.run_id)
    assert numbers == list(range(1, numbers[-1] + 1))
    store.close()


def test_S12_3_a_run_that_has_ended_with_its_loop_is_written_when_there_is_room(path, quiet):
    store = Failing(path)
    store.fails = {"append"}
    result = asyncio.run(chain(store).run())
    assert status_in(path, result.run_id) == "IDLE"
    store.fails = frozenset()
    until_written = time.monotonic() + PATIENCE
    while status_in(path, result.run_id) != "COMPLETED":
        assert time.monotonic() < until_written
        time.sleep(0.01)
    assert not store.holder(result.run_id)


def test_S12_3_what_is_still_to_be_written_is_written_when_the_interpreter_ends(path):
    process = program(
        """
        import sqlite3, sys, warnings
        from fluffy_nb import Agent
        warnings.simplefilter("ignore")
        agent = Agent("ends", store=sys.argv[1])
        agent.add_state("s", lambda context: context.set_state("n", 1), next=[])
        agent.store.runs()
        other = sqlite3.connect(sys.argv[1], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        print(agent.run_sync().status)
        other.execute("COMMIT")
        """,
        path,
    )
    assert process.communicate()[0] == "COMPLETED\n"
    (info,) = open_store(path).runs()
    assert info.status == "COMPLETED"
    assert not opening.log_of(path).exists() or not opening.size_of(opening.log_of(path))


async def test_S12_3_a_store_that_is_none_refuses_the_run(path):
    path.write_text("notes, " * 200)
    agent = chain(path)
    with pytest.raises(StoreError, match="not a database"):
        await agent.run()
    assert path.read_text().startswith("notes")


async def test_S12_3_a_folder_that_can_not_be_made_refuses_no_run(tmp_path):
    (tmp_path / "file").write_text("")
    agent = chain(tmp_path / "file" / "runs.sqlite")
    with pytest.warns(SaveWarning, match="is not kept for now"):
        assert (await agent.run()).status is AgentStatus.COMPLETED
    (tmp_path / "file").unlink()
    await until(agent.store.path.exists)
    await until(lambda: status_in(agent.store.path, agent.run_id) == "COMPLETED")


# ---------------------------------------------------------------- a file that is another now


def deleted(path):
    path.unlink()


def folder_deleted(path):
    shutil.rmtree(path.parent)


def replaced_by_a_new_one(path):
    path.rename(path.with_name("moved.sqlite"))
    SQLiteStore(path).close()


def emptied(path):
    with path.open("r+b") as file:
        file.truncate(0)


@pytest.mark.parametrize("how", [deleted, folder_deleted, replaced_by_a_new_one, emptied])
@pytest.mark.parametrize("when", ["begin", "hold", "commit"])
async def test_S12_3_a_file_that_is_gone_is_noticed_and_the_run_is_kept_whole(tmp_path, how, when):
    path = tmp_path / "folder" / "runs.sqlite"
    agent = chain(path, 4)
    heard = []
    agent.subscribe(lambda e: heard.append(e.why) if isinstance(e, ev.SaveFailed) else None)
    if when == "commit":

        def spoil(event):
            if isinstance(event, ev.StateCompleted) and event.state == "s2":
                agent.store.worker.join()  # its thread does not copy the log just now
                how(path)

        agent.subscribe(spoil)
        with pytest.warns(SaveWarning, match="while it was in use"):
            result = await agent.run()
    else:
        await (agent.step() if when == "hold" else agent.run())
        keep_open(agent.store)
        how(path)
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            result = await (agent.resume() if when == "hold" else agent.run())
    assert result.status is AgentStatus.COMPLETED
    await until(lambda: path.exists() and status_in(path, result.run_id) == "COMPLETED")
    await until(lambda: len(open_store(path).values(result.run_id)) == 4)
    numbers = numbers_in(path, result.run_id)
    assert numbers == list(range(1, numbers[-1] + 1))


async def test_S12_3_an_end_that_is_written_and_can_not_be_let_go_yet_is_written_once(
    path, monkeypatch
):
    agent = chain(path)
    release, calls = agent.store.release, []

    def busy_at_first(run):
        calls.append(run)
        if len(calls) == 1:
            raise StoreBusyError(path, "can't write: another thread is writing", "try again later")
        release(run)

    monkeypatch.setattr(agent.store, "release", busy_at_first)
    result = await agent.run()  # a SaveWarning would be an error
    await until(lambda: len(calls) > 1 and not agent.store.is_held(result.run_id))
    assert status_in(path, result.run_id) == "COMPLETED"


async def test_S12_3_a_file_that_was_emptied_is_not_filled_with_pieces_of_its_log(path, quiet):
    agent = chain(path)
    await agent.step()
    keep_open(agent.store)
    agent.store._held.clear()
    emptied(path)
    agent.store._copy()
    agent.store._rest()  # as its thread does where nobody uses the file
    assert not path.exists() or path.stat().st_size == 0
    assert (await agent.resume()).status is AgentStatus.COMPLETED
    await until(lambda: path.exists() and status_in(path, agent.run_id) == "COMPLETED")


@pytest.mark.parametrize("what", ["garbage", "folder"])
async def test_S12_3_what_is_no_store_any_more_does_not_end_the_run(path, what, quiet):
    agent = chain(path)

    def spoil(event):
        if isinstance(event, ev.StateCompleted) and event.state == "s1":
            other = path.with_name("other")
            other.mkdir() if what == "folder" else other.write_text("garbage " * 500)
            path.unlink() if what == "folder" else None
            other.rename(path)
            opening.log_of(path).unlink()  # from which SQLite would make the file whole again

    agent.subscribe(spoil)
    result = await agent.run()
    assert result.values == {"s1": 1, "s2": 2, "s3": 3}
    path.rmdir() if what == "folder" else path.unlink()
    await until(lambda: path.exists() and status_in(path, result.run_id) == "COMPLETED")


async def test_S12_3_a_copy_of_an_earlier_moment_gets_what_has_happened_since(path, quiet):
    agent, copy = chain(path, 5), path.with_name("copy.sqlite")

    def go_back(event):
        if isinstance(event, ev.StateCompleted) and event.state == "s2":
            with contextlib.closing(sqlite3.connect(path)) as one:
                one.execute("VACUUM INTO ?", (str(copy),))
        if isinstance(event, ev.StateCompleted) and event.state == "s4":
            copy.replace(path)

    agent.subscribe(go_back)
    result = await agent.run()
    await until(lambda: status_in(path, result.run_id) == "COMPLETED")
    numbers = numbers_in(path, result.run_id)
    assert numbers == list(range(1, numbers[-1] + 1))
    assert len(open_store(path).values(result.run_id)) == 5


# ---------------------------------------------------------------- reading what can't be written


@pytest.fixture
def unwritable(monkeypatch):
    """As for somebody who may not write; root may, so that SQLite's answer is given for it."""
    connect = opening.connect

    def refuse(path, mode):
        if mode in {"ro", "rw"}:
            problem = sqlite3.OperationalError("attempt to write a readonly database")
            problem.sqlite_errorcode = sqlite3.SQLITE_READONLY
            raise problem
        return connect(path, mode)

    return lambda: monkeypatch.setattr(opening, "connect", refuse)


async def test_S12_3_a_folder_that_can_not_be_written_can_be_looked_at(path, unwritable):
    agent = chain(path)
    await agent.run()
    agent.store.close()
    unwritable()
    store = open_store(path)
    assert len(store.values(agent.run_id)) == 3
    assert not opening.log_of(path).exists()
    store.close()


async def test_S12_3_what_is_in_the_log_is_not_left_out_in_silence(path, unwritable):
    agent = chain(path)
    await agent.run()
    keep_open(agent.store)
    opening.log_of(path).write_bytes(b"x" * 100)
    unwritable()
    with pytest.raises(StoreError, match="copy both to a folder that you can write"):
        open_store(path)


# ---------------------------------------------------------------- handles, paths, threads, forks


def handles(path):
    found = [file.path for file in psutil.Process().open_files()]
    return [name for name in found if name.startswith(str(path))]


async def test_S12_3_a_file_is_closed_soon_where_nothing_runs(path):
    agent = chain(path)
    run = agent.start()
    await run
    await until(lambda: not handles(path))
    assert agent.checkpoints[-1].shared_state == {"s1": 1, "s2": 2, "s3": 3}
    await until(lambda: not handles(path))
    assert not opening.log_of(path).exists()
    assert (await agent.run()).status is AgentStatus.COMPLETED


async def test_S12_3_many_files_need_few_handles(tmp_path):
    for number in range(40):
        await chain(tmp_path / f"{number}.sqlite", 1).run()
    assert len(handles(tmp_path)) < 60


def test_S12_3_a_file_is_one_store_by_every_path(tmp_path, monkeypatch):
    path = tmp_path / "runs.sqlite"
    monkeypatch.chdir(tmp_path)
    store = store_of("runs.sqlite")
    assert store_of(path) is store
    assert store_of(tmp_path / "." / "runs.sqlite") is store
    store.runs()
    (tmp_path / "link.sqlite").symlink_to(path)
    os.link(path, tmp_path / "hard.sqlite")
    (tmp_path / "folder").symlink_to(tmp_path)
    for name in ("link.sqlite", "hard.sqlite", "folder/runs.sqlite"):
        assert store_of(name) is store
    assert store_of("other.sqlite") is not store
    monkeypatch.chdir(tmp_path.parent)
    assert store.runs() == []


async def test_S12_3_the_stronger_durability_counts_for_both(path):
    store = store_of(path)
    await chain(store).run()
    assert store_of(path, "full") is store
    await chain(path).run()
    assert store.durability == "full"
    with store._transaction() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_S12_7_a_child_process_uses_no_connection_of_its_parent(path):
    store = SQLiteStore(path)
    agent = chain(store)
    asyncio.run(agent.step())
    store.hold(agent.run_id)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # there are threads
        child = os.fork()
    if child == 0:
        try:
            store.hold(agent.run_id)
        except RunHeldError:
            os._exit(len(store.runs()))  # it reads on a connection of its own
        os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    store.release(agent.run_id)
    assert asyncio.run(chain(store).resume(agent.run_id)).status is AgentStatus.COMPLETED


def test_S12_3_a_store_is_written_by_many_threads(path):
    store = store_of(path)
    results = []

    def run():
        results.append(asyncio.run(chain(path, 5).run()).status)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [AgentStatus.COMPLETED] * 4
    assert {info.status for info in store.runs()} == {"COMPLETED"}


# ---------------------------------------------------------------- the log, and lists


async def test_S12_3_the_log_stays_small_while_a_run_goes_on(path):
    agent = Agent("loops", store=path)
    sizes = []

    @agent.state(next=["loop"])
    async def loop(context):
        n = context.update_state("n", lambda n: n + 1, 0)
        context.set_state("text", f"{n}" * (SMALL // 8))
        sizes.append(opening.size_of(opening.log_of(path)))
        return "loop" if n < 2000 else None

    await agent.run()
    assert max(sizes) < 64 * 2**20
    assert path.stat().st_size > 30 * 2**20


async def test_S12_3_listing_runs_reads_no_rows_of_those_that_stand_still(path):
    agent = chain(path)
    await agent.run()
    await agent.step()
    expected = agent.store.runs()
    times = {e.time for e in agent._run.runner.history}
    assert max(info.updated for info in expected) in times
    read = []
    with agent.store._reading() as connection:
        connection.set_trace_callback(read.append)
    assert agent.store.runs() == expected
    with agent.store._reading() as connection:
        connection.set_trace_callback(None)
    assert read
    assert not [statement for statement in read if "moments" in statement]


async def test_S12_3_a_log_that_was_deleted_loses_nothing(path):
    agent = chain(path)
    await agent.step()
    keep_open(agent.store)
    opening.log_of(path).unlink()
    path.with_name(path.name + "-shm").unlink()
    assert (await agent.resume()).status is AgentStatus.COMPLETED
    agent.store.close()
    assert status_in(path, agent.run_id) == "COMPLETED"
    assert len(open_store(path).values(agent.run_id)) == 3
