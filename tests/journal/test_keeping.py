"""Semantics 12: what is kept of a run, when, and how a run goes on from it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import threading
import time
from dataclasses import dataclass

import pydantic
import pytest

from fluffy_nb import (
    Agent,
    AgentStatus,
    Checkpoint,
    DependencyLifecycle,
    DependencyType,
    RetryPolicy,
    Send,
    TypedContextData,
    open_store,
    testing,
)
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.checkpoint import Changes
from fluffy_nb.errors import (
    CheckpointError,
    InvalidSpecError,
    NothingToResumeError,
    RunActiveError,
    RunHeldError,
    RunMovedOnError,
    SaveWarning,
    StateError,
    StoreError,
    UnknownRunError,
)
from fluffy_nb.journal.history import History, events_of
from fluffy_nb.journal.memory import MemoryStore
from fluffy_nb.journal.sqlite import SQLiteStore
from fluffy_nb.journal.writer import SMALL
from tests.engine.scripted import Script, settled


@pytest.fixture
def path(tmp_path):
    """A file without runs: one that is there is begun in at once, a new one is made first."""
    path = tmp_path / "runs.sqlite"
    SQLiteStore(path).close()
    return path


@pytest.fixture(params=["memory", "file", "full"])
def kept(request, path):
    """Settings of an agent whose runs are kept."""
    if request.param == "memory":
        return {"store": MemoryStore()}
    return {"store": path, "durability": "full" if request.param == "full" else "normal"}


async def happened(script, kind, state):
    """Wait until observers have heard of something."""
    heard = asyncio.get_running_loop().create_future()

    def hear(event):
        if isinstance(event, kind) and event.state == state and not heard.done():
            heard.set_result(event)

    stop = script.agent.subscribe(hear)
    for event in list(script.events):
        hear(event)
    try:
        await asyncio.wait_for(heard, 30)
    finally:
        stop()
    await settled()


def flow(script):
    """A fork, a join, a loop with inputs, values that change."""
    script.add("start", lambda c: c.set_state("rows", [1]) or ["a", "b"], next=["a", "b"])
    script.add("a", lambda c: c.get_state("rows").append(2) or "join", next=["join"])
    script.add("b", lambda c: c.set_state("b", {1, 2}) or Send("join_b", n=(1,)), next=["join_b"])
    script.add("join_b", lambda c: c.remove_state("b") or "join", next=["join"])
    script.add("join", lambda c: c.set_state("sum", sum(c.get_state("rows"))), next=[])
    return script


def fresh(script, store):
    """The same flow in another agent, as in another process."""
    other = Script(store=store)
    other.agent.definition._specs.update(script.agent.definition._specs)
    other.agent.definition._version += 1
    return other


# ---------------------------------------------------------------- time travel


async def test_S12_6_there_is_a_checkpoint_for_every_states_end(kept):
    script = flow(Script(**kept))
    await script.agent.run()
    history = script.agent.checkpoints
    assert [checkpoint.state for checkpoint in history] == script.ended
    assert history[0].shared_state == {"rows": [1]}
    assert history[0].changes == Changes(added=("rows",))
    assert history[-1].shared_state == {"rows": [1, 2], "sum": 3}
    states = {checkpoint.state: checkpoint for checkpoint in history}
    assert states["a"].changes == Changes(changed=("rows",))
    assert states["b"].shared_state["b"] == {1, 2}
    assert states["join_b"].changes == Changes(removed=("b",))
    assert states["start"].diff(states["join"]) == Changes(added=("sum",), changed=("rows",))
    assert states["start"].completed_states == {"start"}
    assert "5 checkpoints" in repr(history)
    assert [c.seq for c in history[1:3]] == [history[1].seq, history[2].seq]
    assert history.at(history[2].seq) == history[2]
    with pytest.raises(CheckpointError, match="no checkpoint 999"):
        history.at(999)


@pytest.mark.parametrize("place", range(5))
async def test_S12_6_a_fork_from_any_checkpoint_comes_to_the_same_end(kept, place):
    script = flow(Script(**kept))
    result = await script.agent.run()
    parent = script.agent.checkpoints
    run = script.agent.fork(parent[place])
    assert script.agent.status is AgentStatus.PAUSED
    forked = await script.agent.resume()
    assert forked.values == result.values
    assert forked.counts == result.counts
    assert forked.run_id == run.id != result.run_id
    info = next(info for info in script.agent.store.runs() if info.id == run.id)
    assert (info.parent, info.parent_seq) == (result.run_id, parent[place].seq)
    assert len(History(script.agent.store, result.run_id)) == 5


async def test_S12_6_a_fork_has_other_values_and_leaves_the_old_run_as_it_is(kept):
    script = flow(Script(**kept))
    await script.agent.run()
    first = script.agent.checkpoints[0]
    script.agent.fork(first, rows=[10])
    assert (await script.agent.resume()).values["sum"] == 12
    assert first.shared_state == {"rows": [1]}
    script.agent.fork(first)
    assert (await script.agent.resume()).values["sum"] == 3


@dataclass
class Total(TypedContextData):
    n: int


async def test_S12_6_what_is_changed_in_place_is_as_it_was_in_earlier_checkpoints(kept):
    script = Script(**kept)
    script.add("a", lambda c: c.set_typed("total", Total(1)) or "b", next=["b"])
    script.add("b", lambda c: setattr(c.get_typed("total", Total), "n", 2) or "c", next=["c"])
    script.add("c")
    await script.agent.run()
    assert [c.shared_state["total"] for c in script.agent.checkpoints] == [
        Total(1),
        Total(2),
        Total(2),
    ]


async def test_S12_6_in_memory_what_can_not_be_saved_is_there_too():
    script = Script()
    script.add("a", lambda c: c.set_state("file", open_store) or "b", next=["b"])
    script.add("b", lambda c: c.set_state("same", c.get_state("file") is open_store), next=[])
    await script.agent.run()
    script.agent.fork(script.agent.checkpoints[0])
    assert (await script.agent.resume()).values == {"file": open_store, "same": True}


async def test_S12_6_a_run_that_is_active_is_not_forked(kept):
    script = Script(**kept)
    script.add("a", "b")
    script.add("b", gate=True)
    run = script.agent.start()
    await happened(script, ev.StateStarted, "b")
    runs = len(script.agent.store.runs())
    with pytest.raises(RunActiveError, match="before forking another"):
        script.agent.fork(script.agent.checkpoints[0])
    assert len(script.agent.store.runs()) == runs
    await script.open("b")
    await run


def test_S12_6_without_a_run_there_are_no_checkpoints():
    with pytest.raises(NothingToResumeError):
        _ = Agent("tested").checkpoints


# ---------------------------------------------------------------- what is written, and when


async def test_S12_3_what_is_reported_is_kept(path):
    """Whoever hears of an end can read it in the file; also of ends in parallel."""
    script = Script(store=path)
    names = [f"s{n}" for n in range(30)]
    script.add("start", names)
    for name in names:
        script.add(name, lambda c: c.set_state(c.state, 1) or "join", next=["join"])
    script.add("join")
    assert script.agent.store.runs() == []  # now there is a file
    reader = SQLiteStore(path, read_only=True)
    missing = []

    def look(event):
        if isinstance(event, (ev.StateCompleted, ev.RunCompleted)):
            kept = {e["seq"] for e in events_of(reader, script.agent.run_id)}
            values = reader.values(script.agent.run_id)
            if event.seq not in kept or not values.keys() >= set(getattr(event, "written", ())):
                missing.append(event)

    script.agent.subscribe(look)
    await script.agent.run()
    assert not missing
    reader.close()


async def test_S12_2_a_text_that_is_no_unicode_is_kept_in_events_too(path):
    agent = Agent("files", store=path, responder=lambda prompt: prompt.answer("yes"))
    odd = "remove \udcff\0.txt?"

    @agent.state
    async def only(context):
        await context.human_in_the_loop(odd)
        context.set_state("removed", odd)

    await agent.run()
    reader = open_store(path)
    asked = [e["text"] async for e in reader.follow(agent.run_id) if e["kind"] == "PromptOpened"]
    assert asked == [odd]
    assert agent.checkpoints[-1].shared_state == {"removed": odd}
    reader.close()


async def test_S12_2_a_key_that_is_no_unicode_can_not_be_kept_and_it_says_so(path):
    agent = Agent("files", store=path)

    @agent.state
    async def only(context):
        context.set_state("\udcff", 1)
        context.set_state("other", 2)

    with pytest.warns(SaveWarning, match="holds a key that is no Unicode, written by state 'only'"):
        assert (await agent.run()).values == {"\udcff": 1, "other": 2}


async def test_S12_3_a_live_run_is_followed_from_its_file(path):
    script = Script(store=path)
    script.add("a", "b")
    script.add("b", gate=True)
    run = script.agent.start()
    await happened(script, ev.StateStarted, "b")
    reader = open_store(path)
    looks = []

    def is_held(_):
        looks.append(1)
        if len(looks) == 3:  # it goes on when there was nothing new for a while
            asyncio.get_running_loop().create_task(script.open("b"))
        return True

    reader.is_held = is_held

    async with asyncio.timeout(30):
        seen = [event["kind"] async for event in reader.follow(run.id, every=0.001)]
    await run
    assert seen == [event.kind for event in script.events]
    assert [event async for event in reader.follow(run.id, after=len(seen))] == []
    with pytest.raises(UnknownRunError):
        await anext(reader.follow("nothing"))
    reader.close()


async def test_S12_3_ends_of_one_moment_are_one_commit(path, monkeypatch):
    script = Script(store=path)
    names = [f"s{n}" for n in range(100)]
    script.add("start", names)
    for name in names:
        script.add(name, gate=True)
    commits = []
    append = script.agent.store.append
    monkeypatch.setattr(
        script.agent.store,
        "append",
        lambda run, rows, **more: commits.append(rows) or append(run, rows, **more),
    )
    run = script.agent.start()
    await settled()
    commits.clear()
    for gates in script._gates.values():
        gates[0].set_result(None)
    await run
    assert len([rows for rows in commits if any(row.state for row in rows)]) <= 3
    assert len(script.agent.checkpoints) == 101


async def test_S12_3_nothing_starts_before_what_led_to_it_is_kept(path):
    script = Script(store=path)
    script.add("a", lambda c: c.set_state("big", b"x" * 2 * SMALL) or "b", next=["b"])
    script.add("b")
    may_write, writes = threading.Event(), threading.Event()
    append = script.agent.store.append

    def slow(run, rows, *, wait):
        if any(row.state == "a" for row in rows):
            writes.set()
            may_write.wait(10)
        append(run, rows, wait=wait)

    script.agent.store.append = slow
    run = script.agent.start()
    await asyncio.to_thread(writes.wait, 10)
    await settled()
    assert script.ended == []  # nobody has heard of it
    assert script.started == ["a"]
    may_write.set()
    await run
    assert script.ended == ["a", "b"]
    del script.agent.store.append


class Slow:
    """A store's `append` that lets a test in where a state's end is written by the thread."""

    def __init__(self, store, state):
        self.may_write, self.writes = threading.Event(), threading.Event()
        self.append, self.state = store.append, state
        store.append = self

    def __call__(self, run, rows, *, wait):
        if any(row.state == self.state for row in rows):
            self.writes.set()
            self.may_write.wait(10)
        self.append(run, rows, wait=wait)


def large(context):
    context.set_state("large", b"x" * 2 * SMALL)


async def test_S12_3_what_ends_while_another_end_is_written_is_written_next(path):
    script = Script(store=path)
    script.add("start", ["a", "b"])
    script.add("a", large, next=[])
    script.add("b", gate=True)
    slow = Slow(script.agent.store, "a")
    run = script.agent.start()
    await asyncio.to_thread(slow.writes.wait, 10)
    await script.open("b")
    assert script.ended == ["start"]
    slow.may_write.set()
    await run
    assert script.ended == ["start", "a", "b"]
    assert [checkpoint.state for checkpoint in script.agent.checkpoints] == script.ended
    del script.agent.store.append


async def test_S8_5_a_run_that_is_cancelled_while_it_is_written_is_kept_whole(path):
    script = Script(store=path)
    script.add("a", lambda c: large(c) or "b", next=["b"])
    script.add("b")
    slow = Slow(script.agent.store, "a")
    run = script.agent.start()
    await asyncio.to_thread(slow.writes.wait, 10)
    threading.Timer(0.05, slow.may_write.set).start()  # the loop waits for the thread meanwhile
    await script.agent.cancel_all()
    assert (await run).status is AgentStatus.CANCELLED
    numbers = [event["seq"] for event in events_of(script.agent.store, run.id)]
    assert numbers == list(range(1, len(script.events) + 1))
    del script.agent.store.append
    assert (await script.agent.resume()).counts == {"a": 1, "b": 1}


async def test_a_run_that_can_not_be_released_has_ended_all_the_same(path, monkeypatch):
    script = Script(store=path)
    script.add("a")

    def fails(run):
        raise StoreError(path, "can't write: it is gone", "restore it")

    monkeypatch.setattr(script.agent.store, "release", fails)
    with pytest.warns(SaveWarning, match="it is gone"):
        assert (await script.agent.run()).status is AgentStatus.COMPLETED


async def test_S12_3_what_is_written_grows_with_what_changed(path):
    script = Script(store=path)
    script.add("start", lambda c: c.set_state("big", "x" * 1_000_000) or "loop", next=["loop"])
    script.add(
        "loop",
        lambda c: "loop" if c.update_state("n", lambda n: n + 1, 0) < 200 else None,
        next=["loop"],
    )
    await script.agent.run()
    script.agent.store.close()  # which copies the log
    reader = sqlite3.connect(path)
    size = reader.execute("SELECT sum(length(data)) FROM context").fetchone()[0]
    reader.close()
    assert size < 1.1 * 1_000_000
    assert path.stat().st_size < 1_000_000 + 200 * 1500
    assert not path.with_name(path.name + "-wal").exists()


# ---------------------------------------------------------------- going on later


async def test_S12_4_a_run_goes_on_in_another_agent(kept):
    script = flow(Script(**kept))
    await script.agent.step(2)
    left = script.agent
    other = fresh(script, script.agent.store)
    script = other
    result = await other.agent.resume(left.run_id)
    assert result.run_id == left.run_id
    assert result.values == {"rows": [1, 2], "sum": 3}
    assert result.counts == {"start": 1, "a": 1, "b": 1, "join_b": 1, "join": 1}
    numbers = [event["seq"] for event in events_of(other.agent.store, result.run_id)]
    assert numbers == list(range(1, len(numbers) + 1))
    with pytest.raises(NothingToResumeError):
        await fresh(script, script.agent.store).agent.resume(left.run_id)


async def test_S12_4_a_clock_that_was_set_back_takes_no_time_back(kept, monkeypatch):
    script = flow(Script(**kept))
    await script.agent.step(2)
    here = time.time
    monkeypatch.setattr(time, "time", lambda: here() - 3600)
    other = fresh(script, script.agent.store)
    result = await other.agent.resume(script.agent.run_id)
    assert result.status is AgentStatus.COMPLETED
    times = [event["time"] for event in events_of(other.agent.store, result.run_id)]
    assert times == sorted(times)
    assert times[-1] - times[0] < 60


async def test_S12_4_load_takes_a_run_from_a_file_and_names_what_it_lacks(path):
    script = flow(Script(store=path))
    await script.agent.step(1)
    agent = await Agent.load(path, script.agent.run_id)
    assert (agent.name, agent.status) == ("tested", AgentStatus.PAUSED)
    with pytest.raises(StateError, match="'tested' does not have 'a', 'b'"):
        await agent.resume()
    for name, spec in script.agent.states.items():
        agent.add_state(name, spec.function, next=spec.next, replace=name in agent.states)
    assert (await agent.resume()).values["sum"] == 3
    earlier = await Agent.load(path, agent.run_id, agent.checkpoints[0].seq)
    assert earlier.run_id != agent.run_id
    with pytest.raises(UnknownRunError, match="there is no run 'nothing'"):
        await Agent.load(path, "nothing")


async def test_S12_7_a_run_that_goes_on_is_not_taken_by_another(path):
    script = Script(store=path)
    script.add("a", gate=True)
    run = script.agent.start()
    await settled()
    other = Agent("other", store=SQLiteStore(path))
    with pytest.raises(RunHeldError):
        await other.resume(run.id)
    assert other.status is AgentStatus.IDLE
    await script.open("a")
    await run
    other.store.close()


async def test_S12_7_a_paused_run_can_be_taken_and_is_then_held(path):
    script = Script(store=path)
    script.add("a", "b")
    script.add("b", gate=True)
    await script.agent.step()
    other = fresh(script, SQLiteStore(path))
    other.add("b", replace=True)
    running = other.agent.take_up(script.agent.run_id)
    with pytest.raises(RunHeldError):
        await script.agent.resume()
    assert (await running.resume()).status is AgentStatus.COMPLETED
    other.agent.store.close()


async def test_S12_7_a_run_that_has_gone_on_elsewhere_is_not_gone_on_with_here(kept):
    script = Script(**kept)
    script.add("a", "b")
    script.add("b", "c")
    script.add("c")
    await script.agent.step()
    other = fresh(script, script.agent.store)
    other.agent.take_up(script.agent.run_id)
    await other.agent.step()
    with pytest.raises(RunMovedOnError, match="take_up"):
        await script.agent.resume()
    assert script.agent.status is AgentStatus.PAUSED
    script.agent.take_up(script.agent.run_id)
    result = await script.agent.resume()
    assert result.counts == {"a": 1, "b": 1, "c": 1}
    assert other.started + script.started == ["b", "a", "c"]


async def test_S9_6_a_failed_run_is_mended_and_goes_on_in_another_agent(kept):
    script = Script(**kept)
    script.add("a", lambda c: c.set_state("n", 1) or "b", next=["b"])
    script.add("b", failures=1)
    with pytest.raises(StateError):
        await script.agent.run()
    other = Script(store=script.agent.store)
    other.add("a", "b")
    other.add("b", lambda c: c.set_state("m", c.attempt), next=[])
    assert (await other.agent.resume(script.agent.run_id)).values == {"n": 1, "m": 2}
    assert other.started == ["b"]


async def test_S10_6_what_is_done_once_is_not_done_again(kept):
    script = Script(**kept)
    charged = []

    async def charge(amount):
        charged.append(amount)
        await asyncio.sleep(0)  # so that the second call comes while the first is made
        return ("receipt", amount)

    async def body(context):
        first, second = await asyncio.gather(
            context.once("charge", charge, 5), context.once("charge", charge, 5)
        )
        assert first == second == await context.once("charge", charge, 5) == ("receipt", 5)
        assert await context.once("log", len, "abc") == 3
        if context.attempt == 1:
            raise ValueError("after the charge")
        return "s2" if context.state == "s" else None

    policy = RetryPolicy(1, initial_delay=0, jitter=False)
    script.agent.add_state("s", body, next=["s2"], retry_policy=policy)
    script.agent.add_state("s2", body, next=[])
    with pytest.raises(StateError):
        await script.agent.run()
    assert charged == [5, 5]  # once in each state
    other = fresh(script, script.agent.store)
    assert (await other.agent.resume(script.agent.run_id)).status is AgentStatus.COMPLETED
    assert charged == [5, 5]
    data = json.loads(json.dumps(script.agent.create_checkpoint().to_dict()))
    assert Checkpoint.from_dict(data).progress.executions[0].once["charge"] == ("receipt", 5)


async def test_S10_6_what_fails_once_may_be_done_again():
    script = Script()
    calls = []

    def fails():
        calls.append(1)
        raise ValueError("no")

    async def body(context):
        for _ in range(2):
            with contextlib.suppress(ValueError):
                await context.once("key", fails)

    script.agent.add_state("s", body)
    await script.agent.run()
    assert calls == [1, 1]


class Form(pydantic.BaseModel):
    name: str


async def test_S11_5_answers_are_kept(kept):
    script = Script(**kept, responder=lambda prompt: None)
    answers = []

    async def asks(context):
        answers.append(await context.human_in_the_loop("One?"))
        answers.append((await context.human_in_the_loop("Two?", schema=Form)).name)

    script.agent.add_state("asks", asks)
    run = script.agent.start()
    await happened(script, ev.PromptOpened, "asks")
    script.agent.prompts[0].answer("first")
    await happened(script, ev.PromptAnswered, "asks")
    other = fresh(script, script.agent.store)
    other.agent.responder = lambda prompt: prompt.answer({"name": "second"})
    if isinstance(script.agent.store, SQLiteStore):  # as of a process that has died
        script.agent.store.release(run.id)
        other.agent.store = SQLiteStore(script.agent.store.path)
    else:
        await script.agent.cancel_all()
    await other.agent.resume(run.id)
    assert answers == ["first", "first", "second"]
    await script.agent.cancel_all()


def test_S12_8_what_running_states_have_written_is_kept_now_and_then(path):
    async def main():
        script = Script(store=path, checkpoint_interval=10)

        async def long(context):
            context.set_state("gone", 1)
            for n in range(5):
                context.set_state("n", n)
                await asyncio.sleep(7)
            context.remove_state("gone")

        script.agent.add_state("long", long)
        run = script.agent.start()
        await asyncio.sleep(22)
        assert script.agent.store.values(run.id)["n"].data == 2
        assert "gone" in script.agent.store.values(run.id)
        await run
        assert "gone" not in script.agent.store.values(run.id)
        assert len(script.agent.checkpoints) == 1
        assert script.of(ev.Saved)

    testing.run(main())


def test_S12_8_an_interval_is_a_number_of_seconds():
    with pytest.raises(InvalidSpecError):
        Agent("tested", checkpoint_interval=-1)


async def test_S6_once_and_templates_and_agents_inside_are_kept(kept):
    inner = Agent("inner")
    inner.add_state("one", lambda c: "two", next=["two"])
    inner.add_state("two", lambda c: None, next=[])
    script = Script(**kept)
    script.add("load_{n}", lambda c: c.set_state(c.state, c.inputs["n"]) or "use", next=["use"])
    once = (DependencyType.REQUIRED, DependencyLifecycle.ONCE)
    script.add("use", "inner", dependencies={"load_{n}": once})
    script.agent.add_state("inner", inner, next=["end"])
    script.add("end")
    for _ in range(2):
        result = await script.agent.run(["load_1", "load_2"])
        assert result.values == {"load_1": 1, "load_2": 2}
    for checkpoint in script.agent.checkpoints:
        script.agent.fork(checkpoint)
        forked = await script.agent.resume()
        assert forked.values == result.values
        assert forked.counts["end"] == 1


# ---------------------------------------------------------------- what can't be kept


async def test_S12_2_a_value_that_can_not_be_saved_is_named_and_the_run_goes_on(path):
    script = Script(store=path)
    script.add("a", lambda c: c.set_state("good", 1) or "b", next=["b"])
    script.add("b", lambda c: c.set_state("bad", open_store) or "c", next=["c"])
    script.add("c", lambda c: c.set_state("good", 2) or "d", next=["d"])
    script.add("d", lambda c: c.remove_state("bad") or "e", next=["e"])
    script.add("e", gate=True)
    run = script.agent.start()
    with pytest.warns(SaveWarning, match=r"'bad' holds .* of function, written by state 'b'.*set_"):
        await settled()
    (told,) = script.of(ev.SaveFailed)
    assert "register_codec" in told.why
    store = script.agent.store
    assert {key: value.data for key, value in store.values(run.id).items()} == {"good": 2}
    assert [checkpoint.state for checkpoint in script.agent.checkpoints] == ["a", "d"]
    await script.open("e")
    assert (await run).values == {"good": 2}


async def test_S12_2_until_then_the_last_good_checkpoint_is_kept(path):
    script = Script(store=path)
    script.add("a", lambda c: c.set_state("n", 1) or "b", next=["b"])
    script.add("b", lambda c: c.set_state("n", open_store) or "c", next=["c"])
    script.add("c", gate=True)
    run = script.agent.start()
    with pytest.warns(SaveWarning):
        await settled()
    last = script.agent.checkpoints[-1]
    assert (last.state, last.shared_state) == ("a", {"n": 1})
    await script.open("c")
    assert (await run).status is AgentStatus.COMPLETED
    assert script.agent.store.runs()[0].status == "RUNNING"


async def test_S12_2_inputs_that_can_not_be_saved_are_told_too(path):
    script = Script(store=path)
    script.add("a", lambda _: Send("b", what=open_store), next=["b"])
    script.add("b", "c")
    script.add("c")
    with pytest.warns(SaveWarning, match="sent"):
        await script.agent.run()
    assert script.agent.store.runs()[0].status == "COMPLETED"


async def test_a_store_that_fails_harms_no_run_and_gets_all_of_it_later(path):
    script = Script(store=path)
    broken = []

    def body(after):
        def state(context):
            context.set_state(context.state, 1)
            is_full.set() if context.state == "b" else None
            is_full.clear() if context.state == "d" else None
            return after

        return state

    for name, after in zip("abcd", ["b", "c", "d", None], strict=True):
        script.add(name, body(after), next=[after] if after else [])
    store, append, is_full = script.agent.store, script.agent.store.append, threading.Event()

    def fails(run, rows, *, wait):
        if is_full.is_set():
            broken.append(rows)
            raise StoreError(path, "can't write: the disk is full", "make room")
        append(run, rows, wait=wait)

    store.append = fails
    with pytest.warns(SaveWarning, match="disk is full"):
        result = await script.agent.run()
    assert broken
    assert {key: value.data for key, value in store.values(result.run_id).items()} == result.values
    assert [checkpoint.state for checkpoint in script.agent.checkpoints] == ["a", "b", "c", "d"]
    numbers = [event["seq"] for event in events_of(store, result.run_id)]
    assert numbers == list(range(1, numbers[-1] + 1))
    assert store.runs()[0].status == "COMPLETED"
    del store.append


async def test_a_store_that_raises_anything_harms_no_run(path):
    script = Script(store=path)
    script.add("a", "b")
    script.add("b")

    def fails(run, rows, *, wait):
        raise ZeroDivisionError

    script.agent.store.append = fails
    with pytest.warns(SaveWarning, match="ZeroDivisionError.*check_store"):
        assert (await script.agent.run()).status is AgentStatus.COMPLETED
    del script.agent.store.append


async def test_another_process_that_writes_holds_nothing_up_for_long(path):
    script = Script(store=path)
    script.add("a", "b")
    script.add("b")
    other = SQLiteStore(path)
    writes = sqlite3.connect(path, isolation_level=None)
    run = script.agent.start()
    writes.execute("BEGIN IMMEDIATE")
    await settled()
    assert script.ended == []
    writes.execute("COMMIT")
    assert (await run).status is AgentStatus.COMPLETED
    writes.close()
    other.close()


async def test_S10_5_no_secret_is_in_the_file(path):
    script = Script(store=path)

    def body(context):
        context.set_secret("key", "hush-hush")
        context.set_state("n", 1)
        context.progress(0.5, "with hush-hush")
        print("hush-hush")

    script.add("s", body, next=[])
    await script.agent.run()
    script.agent.store._copy()
    for file in path.parent.iterdir():
        assert b"hush-hush" not in file.read_bytes()
