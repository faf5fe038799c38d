"""Semantics 12.5 to 12.7: taking a run up, going back in it and forking it, more than once."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import textwrap
import threading

import pytest

from fluffy_nb import Agent, AgentStatus, Checkpoint, open_store
from fluffy_nb.errors import (
    NothingToResumeError,
    RunActiveError,
    RunHeldError,
    RunMovedOnError,
    SaveWarning,
    StateError,
)
from fluffy_nb.journal.history import History
from fluffy_nb.journal.memory import MOST_ROWS, MemoryStore
from fluffy_nb.journal.sqlite import SQLiteStore
from tests.engine.scripted import Script, settled


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.sqlite"


@pytest.fixture(params=["memory", "file"])
def store(request, path):
    store = MemoryStore() if request.param == "memory" else SQLiteStore(path)
    yield store
    if request.param == "file":
        store.close()


def counting(store, **settings):
    """A flow `a -> b -> c` in which each state counts one on."""
    script = Script(store=store, **settings)
    for name, following in (("a", "b"), ("b", "c"), ("c", None)):
        script.add(name, count(name, following), next=[following] if following else [])
    return script


def count(name, following):
    def body(context):
        context.update_state("n", lambda n: n + 1, 0)
        context.set_state(name, context.get_state("n"))
        return following

    return body


def all_of(store, run):
    """All that a store has of a run, to be compared."""
    rows = [(row.seq, row.state, row.status, tuple(row.values)) for row in store.rows(run)]
    return rows, [info for info in store.runs() if info.id == run]


# ---------------------------------------------------------------- numbers


async def test_S12_6_checkpoints_are_numbered_from_1(store):
    script = counting(store)
    await script.agent.run()
    history = script.agent.checkpoints
    assert history.numbers == [1, 2, 3]
    assert [(c.seq, c.state) for c in history] == [(1, "a"), (2, "b"), (3, "c")]
    assert history.at(2) == history[1]
    assert script.agent.create_checkpoint().seq == 3
    assert Checkpoint.from_dict(history[1].to_dict()).seq == 2


async def test_S12_6_a_fork_has_the_checkpoints_of_its_parent_under_their_numbers(store):
    script = counting(store)
    await script.agent.run()
    parent = script.agent.run_id
    fork = script.agent.fork(script.agent.checkpoints.at(2), n=10)
    assert script.agent.checkpoints.numbers == [1, 2]
    assert script.agent.checkpoints.at(1).shared_state == {"n": 1, "a": 1}
    await script.agent.resume()
    history = script.agent.checkpoints
    assert [(c.seq, c.state, c.run_id) for c in history] == [
        (1, "a", parent),
        (2, "b", parent),
        (3, "c", fork.id),
    ]
    assert history.at(3).shared_state["c"] == 11
    assert [(info.parent, info.parent_seq) for info in store.runs()] == [(parent, 2), (None, None)]


async def test_S12_6_a_fork_of_a_fork_has_the_checkpoints_of_both(store):
    script = counting(store)
    await script.agent.run()
    first = script.agent.run_id
    second = script.agent.fork(script.agent.checkpoints.at(1), n=10).id
    await script.agent.step()
    third = script.agent.fork(script.agent.checkpoints.at(2)).id
    result = await script.agent.resume()
    assert [c.run_id for c in script.agent.checkpoints] == [first, second, third]
    assert script.agent.checkpoints.numbers == [1, 2, 3]
    assert result.values == {"n": 12, "a": 1, "b": 11, "c": 12}
    again = script.agent.fork(script.agent.checkpoints.at(1)).id  # of the first run's
    assert next(info for info in store.runs() if info.id == again).parent == first
    assert (await script.agent.resume()).values == {"n": 3, "a": 1, "b": 2, "c": 3}


async def test_S12_6_a_fork_of_what_was_made_by_hand_has_what_was_before_it(store):
    script = counting(store)
    await script.agent.step(2)
    checkpoint = script.agent.create_checkpoint()
    assert (checkpoint.seq, checkpoint.state) == (2, "")
    await script.agent.resume()
    script.agent.fork(checkpoint)
    assert script.agent.checkpoints.numbers == [1, 2]
    await script.agent.resume()
    assert script.agent.checkpoints.numbers == [1, 2, 3]


async def test_S12_6_numbers_stay_where_old_checkpoints_are_folded_together():
    script = Script(store=MemoryStore())
    ends = MOST_ROWS + 50

    def again(context):
        n = context.update_state("n", lambda n: n + 1, 0)
        return "a" if n < ends else None

    script.add("a", again, next=["a"])
    await script.agent.run()
    history = script.agent.checkpoints
    assert history.numbers[-1] == ends
    assert history.at(ends - 1).shared_state == {"n": ends - 1}
    assert history[0].shared_state == {"n": history.numbers[0]}


async def test_S12_6_numbers_go_on_in_another_agent_and_after_going_back(store):
    script = counting(store)
    await script.agent.step()
    other = counting(store)
    await other.agent.resume(script.agent.run_id)
    assert other.agent.checkpoints.numbers == [1, 2, 3]
    await other.agent.restore_from_checkpoint(other.agent.checkpoints.at(1))
    await other.agent.resume()
    assert [(c.seq, c.state) for c in other.agent.checkpoints][3:] == [(4, "b"), (5, "c")]


def test_S12_6_a_checkpoint_of_version_1_is_read():
    data = Checkpoint.from_dict(_made().to_dict()).to_dict()
    data["version"] = 1
    del data["event"]
    data["seq"] = 17
    read = Checkpoint.from_dict(data)
    assert (read.seq, read.event) == (0, 17)


def _made():
    agent = Agent("made")
    agent.add_state("a", _nothing)
    agent.run_sync()
    return agent.create_checkpoint()


async def _nothing(context):
    pass


# ---------------------------------------------------------------- twice


async def test_S12_7_taking_up_a_run_that_stands_still_writes_nothing(store):
    script = counting(store)
    await script.agent.step()
    run = script.agent.run_id
    before = all_of(store, run)
    other = counting(store)
    for agent in (other.agent, other.agent, script.agent, other.agent):
        agent.take_up(run)
        assert agent.status is AgentStatus.PAUSED
        assert agent.checkpoints.numbers == [1]
    assert all_of(store, run) == before
    assert (await other.agent.resume()).values == {"n": 3, "a": 1, "b": 2, "c": 3}
    assert [row.state for row in store.rows(run) if row.state] == ["a", "b", "c"]
    assert store.values(run)["n"].data == 3


@pytest.mark.parametrize("status", ["PAUSED", "FAILED", "CANCELLED"])
@pytest.mark.parametrize("taker", [0, 1])
async def test_S12_7_of_two_agents_that_took_a_run_up_one_goes_on(store, status, taker):
    script = counting(store)
    await left(script, status)
    run = script.agent.run_id
    takers = [counting(store), counting(store)]
    for other in takers:
        other.agent.take_up(run)
    going, refused = takers[taker], takers[1 - taker]
    assert (await going.agent.resume()).values["n"] == 3
    for _ in range(2):
        with pytest.raises(RunMovedOnError):
            await refused.agent.resume()
        assert refused.agent.status is AgentStatus.PAUSED
    with pytest.raises(RunMovedOnError):
        await script.agent.resume()
    assert not refused.started
    await refused.agent.cancel_all()
    assert next(info for info in store.runs() if info.id == run).status == "COMPLETED"


async def left(script, status):
    """Leave a run standing at `b` in one of three ways."""
    if status == "PAUSED":
        await script.agent.step()
        return
    script.add("b", failures=1, gate=status == "CANCELLED", result="c", next=["c"], replace=True)
    run = script.agent.start()
    await settled()
    if status == "CANCELLED":
        await script.agent.cancel_all()
        await run
    else:
        with pytest.raises(StateError):
            await run


async def test_S12_7_a_run_that_is_active_in_one_agent_is_not_taken_up_by_another(store):
    script = counting(store)
    script.add("b", "c", gate=True, replace=True)
    run = script.agent.start()
    while "b" not in script.started:  # the store's thread may have to write first
        await settled()
    other = counting(store)
    for _ in range(2):
        with pytest.raises(RunHeldError, match="another agent of this process"):
            await other.agent.resume(run.id)
        assert other.agent.status is AgentStatus.IDLE
    await script.open("b")
    assert (await run).status is AgentStatus.COMPLETED


def test_S12_7_two_threads_that_go_on_with_a_run_do_it_once(store):
    """Each has an agent and a loop of its own; the store is the same."""
    script = counting(store)

    async def begin():
        await script.agent.step()

    asyncio.run(begin())
    barrier, outcomes, started = threading.Barrier(2), [], []

    def go():
        async def resume():
            other = counting(store)
            other.agent.take_up(script.agent.run_id)
            barrier.wait(20)
            try:
                outcomes.append((await other.agent.resume()).values["n"])
            except (RunHeldError, RunMovedOnError):
                outcomes.append("refused")
            started.extend(other.started)

        asyncio.run(resume())

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(str, outcomes)) == ["3", "refused"]
    assert started == ["b", "c"]


def test_S12_7_two_threads_that_resume_one_agent_do_it_once(store):
    """The loop that it ran in has ended, so each resumes it in its own."""
    script = counting(store)

    async def begin():
        await script.agent.step()

    asyncio.run(begin())
    run = script.agent.present_run()
    both, hold, outcomes = threading.Barrier(2), run.runner.hold, []

    def slow():
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.5)  # until the other has come as far, if it can
        hold()

    run.runner.hold = slow

    def go():
        try:
            outcomes.append(asyncio.run(run.resume()).values["n"])
        except (RunActiveError, NothingToResumeError):
            outcomes.append("refused")

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(map(str, outcomes)) == ["3", "refused"]
    assert script.started == ["a", "b", "c"]


async def test_S12_7_a_resume_that_is_refused_leaves_no_clock_running(store):
    script = counting(store)
    await script.agent.step()
    other = counting(store)
    await other.agent.resume(script.agent.run_id)
    duration = script.agent.duration
    with pytest.raises(RunMovedOnError):
        await script.agent.resume(timeout=0.01)
    handles = asyncio.get_running_loop()._scheduled
    assert not [h for h in handles if not h.cancelled() and "_expire" in repr(h)]
    assert script.agent.duration == duration


async def test_S10_3_who_wrote_a_value_is_known_where_the_run_is_taken_up(store):
    script = counting(store)
    await script.agent.step(2)
    other = counting(store)
    other.agent.take_up(script.agent.run_id)
    assert other.agent.create_checkpoint().writers == {"n": "b", "a": "a", "b": "b"}
    other.agent.fork(other.agent.checkpoints.at(2), n=7)
    assert other.agent.create_checkpoint().writers == {"n": "", "a": "a", "b": "b"}
    await other.agent.resume()
    assert other.agent.checkpoints.at(3).writers == {"n": "c", "a": "a", "b": "b", "c": "c"}


async def test_S12_7_a_run_whose_place_another_takes_is_let_go(path):
    script = counting(SQLiteStore(path))
    await script.agent.step()
    run = script.agent.run_id
    other = counting(SQLiteStore(path))
    other.agent.take_up(run)
    with pytest.raises(RunHeldError):
        script.agent.take_up(run)
    other.agent.fork(other.agent.checkpoints.at(1))
    script.agent.take_up(run)
    assert (await script.agent.resume()).values["n"] == 3
    assert (await other.agent.resume()).values["n"] == 3
    script.agent.store.close()
    other.agent.store.close()


async def test_S12_5_a_checkpoint_of_another_run_is_taken_up_under_its_own_id(store):
    script = counting(store)
    await script.agent.step()
    checkpoint = Checkpoint.from_dict(script.agent.create_checkpoint().to_dict())
    first = script.agent.run_id
    await script.agent.resume()
    await script.agent.run()
    for _ in range(2):
        await script.agent.restore_from_checkpoint(checkpoint)
        assert script.agent.run_id == first
    assert (await script.agent.resume()).values == {"n": 3, "a": 1, "b": 2, "c": 3}


async def test_S12_5_going_back_in_a_run_forgets_what_came_after_also_in_the_store(store):
    """What was written, completed and taken later is not there when the run is taken up again."""
    script = counting(store)
    await script.agent.run()
    run = script.agent.run_id
    await script.agent.restore_from_checkpoint(script.agent.checkpoints.at(1))
    await script.agent.cancel_all()  # which is written
    other = counting(store)
    other.agent.take_up(run)
    assert other.agent.context_values == {"n": 1, "a": 1}
    assert other.agent.completed_states == {"a"}
    assert other.agent.taken_edges == {("a", "b"): 1}
    await script.agent.step()
    other.agent.take_up(run)
    assert other.agent.context_values == {"n": 2, "a": 1, "b": 2}
    assert other.agent.completed_states == {"a", "b"}
    assert other.agent.taken_edges == script.agent.taken_edges == {("a", "b"): 1, ("b", "c"): 1}
    assert (await other.agent.resume()).counts == {"a": 1, "b": 1, "c": 1}


async def test_S12_6_forking_where_the_run_pauses_for_a_breakpoint_pauses_there_again(store):
    script = counting(store)
    script.agent.breakpoints = {"c"}
    await script.agent.run()
    for n in (10, 20):
        script.agent.fork(script.agent.create_checkpoint(), n=n)
        assert script.agent.priority_queue == ("c",)
    script.agent.breakpoints.clear()
    assert (await script.agent.resume()).values["n"] == 21


# ---------------------------------------------------------------- answers, and what was done once


def asking(store, asked, done, **settings):
    """A state that asks, does something once, and asks again."""
    script = Script(store=store, responder=asked.append, **settings)

    async def body(context):
        name = await context.human_in_the_loop("name?")
        paid = await context.once("pay", lambda: done.append("paid") or len(done))
        sure = await context.human_in_the_loop("sure?")
        context.set_state("got", [name, paid, sure])

    script.agent.add_state("asks", body)
    return script


async def until_asked(asked):
    """Wait for a question: the store's thread may have to write first."""
    while not asked:
        await settled()


async def asked_once(store, asked, done):
    """Leave a run where the first question is answered and the second is open."""
    script = asking(store, asked, done)
    run = script.agent.start()
    await until_asked(asked)
    asked.pop().answer("Ann")
    await until_asked(asked)
    await script.agent.pause()
    await run
    return script


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_S11_5_answers_and_what_was_done_once_survive_being_taken_up_again(store, times):
    asked, done = [], []
    first = await asked_once(store, asked, done)
    for _ in range(times):
        script = asking(store, asked, done)
        script.agent.take_up(first.agent.run_id)
        script.agent.take_up(first.agent.run_id)
    asked.clear()
    run = script.agent.start()
    while not asked:
        await settled()
    assert [prompt.text for prompt in asked] == ["sure?"]
    asked[0].answer("yes")
    assert (await run).values["got"] == ["Ann", 1, "yes"]
    assert done == ["paid"]
    await first.agent.cancel_all()


@pytest.mark.parametrize("times", [1, 2])
async def test_S12_6_a_fork_has_the_answers_and_what_was_done_once(store, times):
    asked, done = [], []
    script = await asked_once(store, asked, done)
    checkpoint = script.agent.create_checkpoint()
    asked.clear()
    for _ in range(times):
        fork = script.agent.fork(checkpoint)
    assert checkpoint_has(script.agent.create_checkpoint())
    if isinstance(store, SQLiteStore):  # it was written with the first row of the fork
        look = open_store(store.path)
        items = {}
        for row in look.rows(fork.id):
            items.update(row.progress)
        look.close()
        assert items["e1"]["answers"][0]["answer"] == "Ann"
        assert items["e1"]["once"] == {"pay": 1}
    run = script.agent.start()
    while not asked:
        await settled()
    asked[0].answer("no")
    assert (await run).values["got"] == ["Ann", 1, "no"]
    assert done == ["paid"]


def checkpoint_has(checkpoint):
    (saved,) = checkpoint.progress.executions
    return saved.once == {"pay": 1} and [q.get("answer") for q in saved.answers] == ["Ann"]


async def test_S12_7_an_answer_to_a_run_that_another_has_taken_is_not_written_into_it(path):
    """The question stands in the agent that was left; the other one asks it anew."""
    asked, done = [], []
    first = await asked_once(SQLiteStore(path), asked, done)
    old = asked.pop()
    other = asking(SQLiteStore(path), asked, done)
    other.agent.take_up(first.agent.run_id)
    before = all_of(other.agent.store, first.agent.run_id)
    with pytest.warns(SaveWarning, match="executed by"):
        old.answer("late")
    assert all_of(other.agent.store, first.agent.run_id) == before
    run = other.agent.start()
    while not asked:
        await settled()
    asked[0].answer("in time")
    assert (await run).values["got"] == ["Ann", 1, "in time"]
    await first.agent.cancel_all()
    first.agent.store.close()
    other.agent.store.close()


PROCESS = textwrap.dedent(
    """
    import asyncio, os, sys
    from fluffy_nb import Agent, open_store

    file, verb = sys.argv[1:]
    agent = Agent("x", store=file, responder=lambda prompt: respond(prompt))

    def respond(prompt):
        print("asked", prompt.text, flush=True)
        if prompt.text == "sure?" and verb == "begin":
            os._exit(9)
        prompt.answer("Ann")

    @agent.state(next=[])
    async def s(context):
        name = await context.human_in_the_loop("name?")
        await context.once("pay", lambda: print("paid", flush=True))
        context.set_state("got", [name, await context.human_in_the_loop("sure?")])

    async def main():
        if verb == "begin":
            await agent.run()
        run = open_store(file).runs()[0].id
        agent.take_up(run)
        if verb == "go":
            print((await agent.resume()).status, flush=True)

    asyncio.run(main())
    """
)


def test_S11_5_a_run_that_two_processes_have_looked_at_asks_nothing_again(path):
    told = []
    for verb in ("begin", "look", "look", "go"):
        done = subprocess.run(
            [
                sys.executable,
                "-W",
                "error::fluffy_nb.errors.SaveWarning",
                "-c",
                PROCESS,
                path,
                verb,
            ],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == (9 if verb == "begin" else 0), done.stderr
        told.append(done.stdout.splitlines())
    assert told == [
        ["asked name?", "paid", "asked sure?"],
        [],
        [],
        ["asked sure?", "COMPLETED"],
    ]
    store = open_store(path)
    assert len(History(store, store.runs()[0].id)) == 1
    store.close()


async def test_S12_3_a_long_run_is_read_in_the_stores_thread(tmp_path, monkeypatch):
    script = counting(SQLiteStore(tmp_path / "runs.sqlite"))
    await script.agent.step()
    rows, readers = SQLiteStore.rows, []

    def noted(store, run, after=0, until=None):
        if after == 0:
            readers.append(threading.current_thread())
        return rows(store, run, after, until)

    monkeypatch.setattr(SQLiteStore, "rows", noted)
    loaded = await Agent.load(tmp_path / "runs.sqlite", script.agent.run_id)
    assert loaded.status is AgentStatus.PAUSED
    other = counting(tmp_path / "runs.sqlite")
    assert (await other.agent.resume(script.agent.run_id)).status is AgentStatus.COMPLETED
    assert readers
    assert threading.main_thread() not in readers
