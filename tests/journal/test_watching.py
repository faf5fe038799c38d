"""A run in a file, watched by somebody else than who executes it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import asdict

import pytest

from fluffy_nb import Agent, RunWatch, Send, open_store
from fluffy_nb.diagram import draw, topology
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.dependencies import Dependency, DependencyLifecycle, DependencyType
from fluffy_nb.engine.retry import RetryPolicy
from fluffy_nb.engine.status import AgentStatus, StateStatus
from fluffy_nb.errors import SaveWarning, StateError, StoreError, UnknownRunError, WatchedRunError
from fluffy_nb.journal.graphs import graph_data, graph_from
from fluffy_nb.journal.holding import this_process
from fluffy_nb.journal.sqlite import SQLiteStore

PATIENCE = 30


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file of runs; what happens between two ends is written at once."""
    monkeypatch.setattr("fluffy_nb.journal.recorder.TOLD_SECONDS", 0)
    return tmp_path / "runs.sqlite"


@pytest.fixture
def watching(file):
    """Makes watches of the file's runs, and closes them."""
    made = []

    def watch(run):
        made.append(RunWatch(file, run))
        return made[-1]

    yield watch
    for each in made:
        each.close()


async def until(watch, condition):
    """Read until something can be seen."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await watch.read()
            await asyncio.sleep(0)


def everything(file):
    """An agent with all that a graph can have, which asks and waits."""
    inner = Agent("review")

    @inner.state
    async def draft(context):
        return "check"

    @inner.state
    async def check(context):
        return None

    agent = Agent("all of it", store=file)

    @agent.state
    async def load(context):
        return [Send("chunk_{i}", i=1), Send("chunk_{i}", i=2), "review", "broken"]

    @agent.state(name="chunk_{i}")
    async def chunk(context):
        return "merge"

    agent.add_state("review", inner, next="merge")

    @agent.state(on_error="mend", retry=RetryPolicy(1, initial_delay=0))
    async def broken(context):
        raise ValueError(1)

    @agent.state(next="merge")
    async def mend(context):
        return "merge"

    needed = Dependency(DependencyType.REQUIRED, DependencyLifecycle.TEMPORARY, 60.0)

    @agent.state(join="all", dependencies={"mend": needed, "side": DependencyType.PARALLEL})
    async def merge(context):
        await context.human_in_the_loop("well?")
        return "end"

    @agent.state
    async def side(context):
        return None

    @agent.state
    async def end(context):
        return None

    return agent


def same(watch, agent):
    """Both say the same of the run."""
    assert watch.run_id == agent.run_id
    assert watch.status is agent.status
    assert watch.state_metadata.keys() == agent.state_metadata.keys()
    for name, known in agent.state_metadata.items():
        assert asdict(watch.state_metadata[name]) == asdict(known), name
        assert watch.explain(name) == agent.explain(name), name
    assert watch.taken_edges == agent.taken_edges
    assert watch.completed_states == agent.completed_states
    assert watch._running_states == agent._running_states
    assert watch.duration == pytest.approx(agent.duration, abs=0.5)


async def test_what_is_watched_is_what_the_run_says_of_itself(file, watching):
    agent = everything(file)
    asked = asyncio.Event()
    agent.responder = lambda prompt: asked.set()
    run = agent.start()
    watch = watching(run.id)
    assert watch.status is AgentStatus.IDLE
    assert watch.duration is None
    assert watch.explain("load") == ""
    await asked.wait()
    await until(watch, lambda: "merge" in watch._running_states)
    same(watch, agent)
    assert watch._running_states == {"merge"}
    assert watch.where.endswith(" runs it; merge asks there: well?")
    assert topology(watch) == topology(agent)
    assert draw(watch).ids == draw(agent).ids
    assert "waits for a person" in draw(watch).svg
    assert "waits for you" in draw(agent).svg
    agent.prompts[0].answer("yes")
    await run
    await watch.read()
    same(watch, agent)
    assert watch.status is AgentStatus.COMPLETED
    assert watch._replay.asked == {}


async def test_who_follows_hears_every_event_and_the_end(file, watching):
    agent = everything(file)
    agent.responder = lambda prompt: prompt.answer("yes")
    told, heard = [], []
    agent.subscribe(told.append)
    run = agent.start()
    watch = watching(run.id)
    watch.subscribe(heard.append)
    following = asyncio.create_task(watch.follow(every=0))
    await run
    await asyncio.wait_for(following, PATIENCE)
    assert [event.seq for event in heard] == [event.seq for event in told]
    assert [type(event) for event in heard] == [type(event) for event in told]


def diamond(file, go):
    """A branch is quick, the other waits until it may go."""
    agent = Agent("join", store=file)

    @agent.state
    async def start(context):
        return ["quick", "slow"]

    @agent.state
    async def quick(context):
        return "merge"

    @agent.state
    async def slow(context):
        await go.wait()
        return "merge"

    @agent.state
    async def merge(context):
        return None

    return agent


async def test_a_branch_that_waits_says_for_what(file, watching):
    go = asyncio.Event()
    run = diamond(file, go).start()
    watch = watching(run.id)
    await until(watch, lambda: watch.completed_states == {"start", "quick"})
    assert watch.explain("merge") == "waits for slow (running)"
    go.set()
    await run


async def test_nothing_is_written_where_nothing_has_happened_since_the_last_end(
    file, watching, monkeypatch
):
    monkeypatch.setattr("fluffy_nb.journal.recorder.TOLD_SECONDS", 3600)
    go = asyncio.Event()
    run = diamond(file, go).start()
    watch = watching(run.id)
    recorder = run.runner.keeper
    assert recorder._telling is not None
    await until(watch, lambda: watch.completed_states == {"start", "quick"})
    recorder._tell()
    await recorder.caught_up()
    assert [row.state for row in watch._store.rows(run.id)] == ["", "start", "quick"]
    go.set()
    await run


async def test_a_long_history_is_taken_in_with_turns_for_others(file, watching, monkeypatch):
    monkeypatch.setattr("fluffy_nb.journal.watching.AT_ONCE", 2)
    agent = everything(file)
    agent.responder = lambda prompt: prompt.answer("yes")
    await agent.run()
    watch = watching(agent.run_id)
    turns = 0
    reading = asyncio.create_task(watch.read())
    while not reading.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= len(list(watch._store.rows(agent.run_id))) // 2
    same(watch, agent)


async def test_steps_pauses_and_another_process_that_takes_the_run_up(file, watching):
    agent = everything(file)
    agent.responder = lambda prompt: prompt.answer("yes")
    await agent.step(3)
    watch = watching(agent.run_id)
    await watch.read()
    same(watch, agent)
    assert watch.status is AgentStatus.PAUSED
    other = everything(file)
    other.responder = agent.responder
    other.take_up(agent.run_id)
    await watch.read()
    assert watch.status is AgentStatus.PAUSED
    await other.resume()
    await watch.read()
    assert watch.status is AgentStatus.COMPLETED
    assert watch.completed_states == other.completed_states
    assert watch.taken_edges == other.taken_edges


async def test_a_run_that_is_paused_is_followed_until_it_goes_on(file, watching, monkeypatch):
    agent = everything(file)
    agent.responder = lambda prompt: prompt.answer("yes")
    await agent.step()
    watch = watching(agent.run_id)
    monkeypatch.setattr("fluffy_nb.journal.watching.STANDING_SECONDS", 0)
    following = asyncio.create_task(watch.follow(every=0))
    await agent.resume()
    await asyncio.wait_for(following, PATIENCE)
    assert watch.status is AgentStatus.COMPLETED


async def test_a_failure_is_seen_with_its_error(file, watching):
    agent = Agent("fails", store=file)

    @agent.state
    async def only(context):
        raise ValueError("no such table")

    with pytest.raises(StateError):
        await agent.run()
    watch = watching(agent.run_id)
    await watch.read()
    same(watch, agent)
    assert watch.state_metadata["only"].status is StateStatus.FAILED
    assert "no such table" in watch.explain("only")


async def test_a_graph_that_changes_during_the_run_is_followed(file, watching):
    agent = Agent("grows", store=file)

    @agent.state
    async def start(context):
        async def late(context):
            return None

        agent.add_state("late", late)
        return context.get_state("to")

    run = agent.start(inputs={"to": "late"})
    watch = watching(run.id)
    await watch.read()
    assert list(watch.states) == ["start"]
    await run
    await watch.read()
    assert list(watch.states) == ["start", "late"]
    same(watch, agent)
    drawn = {(edge.source, edge.target) for edge in watch.state_graph.edges}
    assert drawn == {("start", "late")}


async def test_states_are_known_by_every_name_that_events_have(file, watching):
    agent = everything(file)
    run = agent.start()
    watch = watching(run.id)
    await watch.read()
    for name in ("load", "chunk_{i}", "chunk_7", "review", "review/draft"):
        assert watch.spec(name).name == agent.spec(name).name
    for name in ("nobody", "review/nobody", "nobody/draft"):
        assert watch.spec(name) is agent.spec(name) is None
    assert watch.states.keys() == agent.states.keys()
    assert watch.check() == ()
    assert watch.prompts == ()
    await agent.cancel_all()


async def test_it_says_who_runs_it(file, watching):
    agent = everything(file)
    run = agent.start()
    watch = watching(run.id)
    await watch.read()
    assert watch.where == f"watched; process {os.getpid()} on {this_process()['host']} runs it"
    assert repr(watch) == f"<RunWatch {run.id} of 'all of it': RUNNING>"
    await agent.cancel_all()
    await watch.read()
    assert watch.where == "watched; kept in runs.sqlite"


def test_an_unknown_run_is_refused_with_those_there_are(file):
    SQLiteStore(file).close()
    with pytest.raises(UnknownRunError):
        RunWatch(file, "nobody")


# ---------------------------------------------------------------- another process


PROGRAM = """
    import asyncio, sys
    from fluffy_nb import Agent

    agent = Agent("killed", store=sys.argv[1])

    @agent.state
    async def first(context):
        return "endless"

    @agent.state
    async def endless(context):
        print(agent.run_id, flush=True)
        await asyncio.get_running_loop().create_future()

    asyncio.run(agent.run())
"""


@pytest.fixture
def process(file, tmp_path):
    """One that runs a flow without end; and the run's id."""
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    program = [sys.executable, tmp_path / "program.py", file]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment) as process:
        yield process, process.stdout.readline().strip()
        process.kill()


async def test_a_process_that_is_killed_is_noticed_and_its_run_can_be_taken_up(
    process, watching, file
):
    process, run = process
    watch = watching(run)
    heard = asyncio.Queue()
    watch.subscribe(heard.put_nowait)
    following = asyncio.create_task(watch.follow(every=0))
    while getattr(await asyncio.wait_for(heard.get(), PATIENCE), "state", "") != "endless":
        pass
    assert str(process.pid) in watch.where
    process.send_signal(signal.SIGKILL)
    process.wait()
    while not isinstance(await asyncio.wait_for(heard.get(), PATIENCE), ev.RunRestored):
        pass
    assert watch.status is AgentStatus.PAUSED
    assert watch.where == f"its process has died; take it up: %fluffy load {run}"
    assert watch.completed_states == {"first"}
    assert watch.state_metadata["endless"].status is StateStatus.READY
    following.cancel()

    agent = Agent("killed", store=file)

    @agent.state
    async def endless(context):
        return None

    await agent.resume(run)
    await watch.read()
    assert watch.status is AgentStatus.COMPLETED
    assert watch.where == "watched; kept in runs.sqlite"


async def test_events_of_a_run_whose_process_was_killed_come_to_an_end(process, file):
    process, run = process
    process.kill()
    process.wait()
    store = open_store(file)
    kinds = [event["kind"] async for event in store.follow(run, every=0)]
    assert kinds == ["RunStarted", "StateStarted", "StateCompleted"]
    assert not store.is_held(run)
    assert store.holder(run) == ""
    store.close()


# ---------------------------------------------------------------- rows that are no one moment's


def full_disk(store):
    """Have a store refuse what it is given; returns what ends that."""
    append = store.append

    def refuse(*_, **__):
        raise StoreError(store.path, "the disk is full", "make room")

    store.append = refuse
    return lambda: setattr(store, "append", append)


async def test_a_run_that_was_taken_up_while_it_could_not_be_kept(file, watching):
    """Then its rows are one: the events of the restored run, and all they have changed."""
    agent = everything(file)
    agent.responder = lambda prompt: prompt.answer("yes")
    await agent.step(2)
    watch = watching(agent.run_id)
    other = everything(file)
    other.responder = agent.responder
    room_again = full_disk(other.store)
    other.take_up(agent.run_id)  # writes nothing yet: the run stands still
    with pytest.warns(SaveWarning, match="the disk is full"):
        await other.step()
    room_again()
    await other.step()
    await watch.read()
    assert watch.status is AgentStatus.PAUSED
    assert watch.taken_edges == other.taken_edges
    await other.resume()
    await watch.read()
    assert watch.status is AgentStatus.COMPLETED
    assert watch.completed_states == other.completed_states


async def test_a_fork_that_could_not_be_kept_at_first_is_told_as_far_as_it_is_known(file, watching):
    """Nothing says where its first events began; then what the rows come to is shown."""
    agent = everything(file)
    agent.responder = lambda prompt: prompt.answer("yes")
    await agent.step(3)
    other = everything(file)
    other.responder = agent.responder
    room_again = full_disk(other.store)
    with pytest.warns(SaveWarning, match="the disk is full"):
        run = other.fork(agent.checkpoints[0])
    await other.step()
    room_again()
    await other.step()
    watch = watching(run.id)
    await watch.read()
    assert watch.status is AgentStatus.PAUSED
    assert watch.taken_edges == other.taken_edges
    await other.resume()
    await watch.read()
    assert watch.status is AgentStatus.COMPLETED
    assert watch.completed_states == other.completed_states


async def test_what_can_not_be_understood_is_refused(file, watching):
    agent = everything(file)
    agent.responder = lambda prompt: prompt.answer("yes")
    await agent.run()
    watch = watching(agent.run_id)
    rows = list(watch._store.rows(agent.run_id))
    strange = rows[0]._replace(events=({"kind": "Unheard"},))
    watch._store.rows = lambda *_: iter([strange])
    with pytest.raises(StoreError, match="can't be understood here"):
        await watch.read()


async def test_a_graph_as_data_is_the_graph(file):
    graph = everything(file).state_graph
    back = graph_from(graph_data(graph))
    assert back.templates.keys() == graph.templates.keys()
    for name in ("states", "edges", "starts", "undefined", "open", "joins", "dependencies"):
        assert getattr(back, name) == getattr(graph, name), name
    assert (back.sent, back.led) == (graph.sent, graph.led)
    assert back.agents["review"].states == ("draft", "check")


async def test_runs_of_one_flow_keep_one_graph(file):
    agent = everything(file)
    agent.responder = lambda prompt: prompt.answer("yes")
    for _ in range(3):
        await agent.run()
    with agent.store._transaction() as connection:
        found = connection.execute("SELECT count(*) FROM graphs").fetchone()
    assert found == (1,)


async def test_a_graph_that_was_damaged_is_told(file, watching):
    agent = everything(file)
    run = agent.start()
    with agent.store._transaction() as connection:
        connection.execute("UPDATE graphs SET data = '{}'")
    with pytest.raises(StoreError, match="was damaged"):
        await watching(run.id).read()
    await agent.cancel_all()


CHANGES = {
    "add_state": lambda watch: watch.add_state("more", print),
    "state": lambda watch: watch.state(print),
    "state with a name": lambda watch: watch.state(name="more"),
    "remove_state": lambda watch: watch.remove_state("a"),
    "max_concurrent": lambda watch: setattr(watch, "max_concurrent", 3),
    "breakpoints": lambda watch: setattr(watch, "breakpoints", {"a"}),
    "store": lambda watch: setattr(watch, "store", "memory"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_watch_refuses_to_be_changed(file, watching, change):
    agent = Agent("flow", store=file)

    @agent.state
    async def a(context): ...

    await agent.run()
    watch = watching(agent.run_id)
    await watch.read()
    with pytest.raises(WatchedRunError, match=f"shows run '{agent.run_id}' of agent 'flow'"):
        change(watch)
    assert list(watch.states) == ["a"]
    assert list(watch.definition.states) == []
    watch.layout = "LR"  # how it is drawn is the watcher's own affair
