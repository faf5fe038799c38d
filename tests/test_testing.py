"""The tools for users' tests: recordings, and a clock that jumps over what is waited for."""

import asyncio
import inspect
import socket
import sys
import threading
import time

import pytest

from fluffy_nb import (
    Agent,
    AgentStatus,
    Dependency,
    DependencyLifecycle,
    DependencyType,
    RetryPolicy,
)
from fluffy_nb.engine import events as ev
from fluffy_nb.errors import InvalidSpecError, StandstillError, StateError, UsageError
from fluffy_nb.journal.sqlite import SQLiteStore
from fluffy_nb.testing import fake_clock, record, run

HOUR = 3600.0


def agent_of(*functions, **settings):
    agent = Agent("tested", **settings)
    for function in functions:
        agent.add_state(function.__name__, function)
    return agent


async def load(context):
    return ["slow", "quick"]


async def slow(context):
    await asyncio.sleep(2 * HOUR)
    return "report"


async def quick(context):
    await asyncio.sleep(HOUR)
    return "report"


async def report(context):
    return None


# ---------------------------------------------------------------- recordings


def test_a_recording_has_the_events_and_names_the_states_in_order():
    agent = agent_of(load, slow, quick, report)
    recording = record(agent)
    run(agent.run())
    assert recording.started == ["load", "slow", "quick", "report"]
    assert recording.completed == ["load", "quick", "slow", "report"]
    assert recording.kinds[:2] == ["RunStarted", "StateStarted"]
    assert recording.kinds[-1] == "RunCompleted"
    assert [event.seq for event in recording.events] == [*range(1, len(recording.events) + 1)]


def test_events_are_found_by_class_or_name_and_by_state():
    agent = agent_of(load, slow, quick, report)
    recording = record(agent)
    run(agent.run())
    assert recording.of("StateStarted") == recording.of(ev.StateStarted)
    assert [event.state for event in recording.of("StateCompleted", "slow")] == ["slow"]
    assert recording.of("RunStarted", "slow") == []
    assert recording.seconds("StateCompleted") == [0, HOUR, 2 * HOUR, 2 * HOUR]
    assert recording.seconds(ev.StateCompleted, "quick") == [HOUR]


@pytest.mark.parametrize("kind", ["StateStartet", int])
def test_a_kind_that_is_none_is_refused(kind):
    with pytest.raises(InvalidSpecError, match="a kind of event"):
        record(agent_of(load)).of(kind)


def test_a_misspelt_kind_is_answered_with_the_nearest():
    with pytest.raises(InvalidSpecError, match="did you mean 'StateStarted'"):
        record(agent_of(load)).of("StateStartet")


def test_a_recording_ends_with_its_block():
    agent = agent_of(report)
    with record(agent) as recording:
        run(agent.run())
    before = list(recording.events)
    run(agent.run())
    assert before
    assert recording.events == before


# ---------------------------------------------------------------- the clock jumps


def test_hours_pass_in_no_time_and_events_say_when():
    agent = agent_of(load, slow, quick, report)
    assert run(agent.run()).duration == 2 * HOUR


def test_retries_follow_the_clock():
    async def call(context):
        if context.attempt < 4:
            raise OSError("busy")

    agent = Agent("tested")
    agent.add_state("call", call, retry_policy=RetryPolicy(initial_delay=20, jitter=False))
    recording = record(agent)
    run(agent.run())
    assert recording.seconds("StateStarted") == [0, 20, 60, 120]


def test_a_run_that_takes_too_long_times_out():
    agent = agent_of(slow, report)
    with pytest.raises(TimeoutError, match="3600 s"):
        run(agent.run(timeout=HOUR))
    assert agent.status is AgentStatus.CANCELLED


@pytest.mark.parametrize(("gap", "times"), [(HOUR - 1, 1), (HOUR + 1, 2)])
def test_what_counts_for_a_time_expires_by_the_clock(gap, times):
    dependency = Dependency(DependencyType.REQUIRED, DependencyLifecycle.TEMPORARY, expiry=HOUR)
    agent = Agent("tested")
    agent.add_state("prepare", report)
    agent.add_state("use", report, dependencies={"prepare": dependency})
    recording = record(agent)

    async def twice():
        await agent.run()
        await asyncio.sleep(gap)
        await agent.run()

    run(twice())
    assert recording.started.count("prepare") == times
    assert recording.seconds("RunStarted") == [0, gap]


def test_the_epoch_is_the_real_one():
    agent = agent_of(report)
    recording = record(agent)
    before = time.time()
    run(agent.run())
    assert before <= recording.events[0].time <= time.time()


def test_what_a_coroutine_returns_and_raises_comes_out():
    async def give(value):
        await asyncio.sleep(HOUR)
        if value is None:
            raise LookupError("nothing")
        return value

    assert run(give(3)) == 3
    with pytest.raises(LookupError, match="nothing"):
        run(give(None))


# ---------------------------------------------------------------- whole tests on it


@pytest.fixture
def answer():
    return "yes"


@fake_clock
async def test_an_async_test_can_be_on_the_clock_and_have_fixtures(answer):
    async def ask(context):
        context.set_state("answer", await context.human_in_the_loop("Publish?"))

    began = asyncio.get_running_loop().time()
    handle = agent_of(ask).start(answers={"ask": [answer]})
    await asyncio.sleep(HOUR)
    assert (await handle).values["answer"] == "yes"
    assert asyncio.get_running_loop().time() - began == HOUR


@fake_clock
async def test_a_pause_takes_none_of_a_runs_time():
    agent = agent_of(slow, report)
    handle = agent.start(timeout=3 * HOUR)
    await asyncio.sleep(HOUR)
    pause = asyncio.ensure_future(agent.pause())
    await handle
    await pause
    await asyncio.sleep(100 * HOUR)
    assert (await agent.resume()).status is AgentStatus.COMPLETED
    assert agent.duration == 2 * HOUR


def test_a_decorated_test_is_called_with_its_arguments_and_gives_its_result():
    async def wait(seconds, *, more):
        await asyncio.sleep(seconds + more)
        return asyncio.get_running_loop().time()

    plain = fake_clock(wait)
    assert plain(HOUR, more=1) == HOUR + 1
    assert plain.__name__ == "wait"
    assert not inspect.iscoroutinefunction(plain)


def test_only_async_tests_are_decorated():
    with pytest.raises(InvalidSpecError, match="the test is"):
        fake_clock(finish_when)


# ---------------------------------------------------------------- what takes real time


async def hurry(seconds):
    """What would win if the clock jumped while something else is at work."""
    await asyncio.sleep(seconds)


def finish_when(opened):
    assert opened.wait(20)


async def test_the_helpers_refuse_a_running_loop():
    coroutine = hurry(1)
    with pytest.raises(UsageError, match="a loop runs already"):
        run(coroutine)
    assert coroutine.cr_frame is None  # closed: nobody is warned that it was never awaited


@pytest.mark.parametrize("wrong", [None, hurry, 3])
def test_what_is_no_coroutine_is_refused(wrong):
    with pytest.raises(InvalidSpecError, match=r"agent\.run\(\)"):
        run(wrong)


def test_a_patience_that_is_no_number_is_refused():
    with pytest.raises(InvalidSpecError, match="patience"):
        run(hurry(1), patience=-1)


def later(opened):
    """Open something a little later, from a thread that the loop knows nothing of."""
    threading.Timer(0.05, opened.set).start()


def test_the_clock_stands_still_while_a_plain_state_works():
    opened = threading.Event()

    def work(context):
        later(opened)
        finish_when(opened)

    agent = Agent("tested")
    agent.add_state("work", work, timeout=5)
    assert run(agent.run()).status is AgentStatus.COMPLETED
    assert agent.duration == 0


def test_the_clock_stands_still_while_an_executor_works():
    opened = threading.Event()

    async def work():
        later(opened)
        async with asyncio.timeout(5):
            await asyncio.to_thread(finish_when, opened)
        return asyncio.get_running_loop().time()

    assert run(work()) == 0


def test_a_plain_state_that_asks_does_not_hold_the_clock():
    def ask(context):
        context.set_state("answer", context.ask("Publish?", timeout=HOUR, default="no"))

    agent = agent_of(ask, responder=lambda prompt: None)
    result = run(agent.run())
    assert result.values["answer"] == "no"
    assert result.duration == HOUR


def test_a_plain_state_that_has_asked_holds_the_clock_again():
    opened = threading.Event()

    def ask(context):
        context.ask("Publish?")
        later(opened)
        finish_when(opened)

    agent = Agent("tested", responder=lambda prompt: prompt.answer("yes"))
    agent.add_state("ask", ask, timeout=5)
    assert run(agent.run()).duration == 0


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_the_clock_stands_still_while_a_large_value_is_written(durability, tmp_path, monkeypatch):
    """A file's writer has a thread of its own, which ends only when a timer would have gone off."""
    append = SQLiteStore.append

    def slow(self, run, rows, **more):
        opened = threading.Event()
        later(opened)
        finish_when(opened)
        append(self, run, rows, **more)

    def produce(context):
        context.set_state("rows", "x" * 1_000_000)
        return "consume"

    agent = Agent("tested", store=tmp_path / "runs.db", durability=durability)
    agent.add_state("produce", produce)
    agent.add_state("consume", lambda context: None, next=[])
    monkeypatch.setattr(SQLiteStore, "append", slow)
    assert run(agent.run(timeout=5)).status is AgentStatus.COMPLETED
    assert agent.duration == 0


@pytest.mark.parametrize("how", ["ask", "loop"])
def test_a_plain_state_that_asks_lets_others_that_work_hold_the_clock(how):
    """One waits for a person, one works: the clock waits for this one, then goes on."""
    opened = threading.Event()

    def ask(context):
        settings = {"timeout": HOUR, "default": "no"}
        if how == "ask":
            context.ask("Publish?", **settings)
        else:
            asyncio.run(context.human_in_the_loop("Publish?", **settings))

    def work(context):
        later(opened)
        finish_when(opened)
        context.set_state("after", context.run_id)

    agent = Agent("tested", responder=lambda prompt: None)
    agent.add_state("ask", ask, next=[])
    agent.add_state("work", work, timeout=5, next=[])
    recording = record(agent)
    assert run(agent.run(), patience=5).duration == HOUR
    assert recording.completed == ["work", "ask"]
    assert recording.seconds("StateCompleted") == [0, HOUR]


def test_what_is_done_once_in_a_plain_state_does_not_hold_the_clock():
    async def charge():
        await asyncio.sleep(HOUR)

    def pay(context):
        asyncio.run(context.once("charge", charge))

    assert run(agent_of(pay).run(), patience=5).duration == HOUR


def test_a_connection_is_not_jumped_over():
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)

        async def receive():
            timer = threading.Timer(0.05, there.sendall, [b"x"])
            timer.start()
            async with asyncio.timeout(20):
                received = await asyncio.get_running_loop().sock_recv(here, 1)
            timer.join()
            return received, asyncio.get_running_loop().time()

        received, now = run(receive())
    assert received == b"x"
    assert 0 < now < 20


def test_time_passes_with_a_connection_also_where_the_next_timer_is_far():
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)

        async def receive():
            timer = threading.Timer(0.05, there.sendall, [b"x"])
            timer.start()
            async with asyncio.timeout(HOUR):
                await asyncio.get_running_loop().sock_recv(here, 1)
            timer.join()
            return asyncio.get_running_loop().time()

        assert 0 < run(receive()) < 20


@pytest.mark.parametrize("begin", [asyncio.create_subprocess_exec, asyncio.create_subprocess_shell])
def test_a_program_is_not_jumped_over(begin):
    async def call():
        words = [sys.executable, "-c", "print()"]
        line = words if begin is asyncio.create_subprocess_exec else [f"{words[0]} -c 'print()'"]
        async with asyncio.timeout(20):
            program = await begin(*line)
            code = await program.wait()
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(HOUR)  # it has ended: this is jumped over
        return code, asyncio.get_running_loop().time() - began

    assert run(call()) == (0, HOUR)


def test_a_timer_goes_off_while_a_connection_is_silent():
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)

        async def receive():
            async with asyncio.timeout(0.05):
                await asyncio.get_running_loop().sock_recv(here, 1)

        with pytest.raises(TimeoutError):
            run(receive())


# ---------------------------------------------------------------- nothing hangs


def test_a_question_that_nobody_answers_is_told():
    async def ask(context):
        await context.human_in_the_loop("Publish?")

    agent = agent_of(ask, responder=lambda prompt: None)
    with pytest.raises(StandstillError, match=r"nothing can happen any more: .*'fluffy:ask'"):
        run(agent.run())


def test_a_thread_that_does_not_end_is_told():
    opened = threading.Event()

    async def work():
        try:
            await asyncio.to_thread(finish_when, opened)
        finally:
            opened.set()

    with pytest.raises(StandstillError, match=r"a thread did not come to an end within 0\.05 s"):
        run(work(), patience=0.05)


@pytest.mark.parametrize("timeout", [None, HOUR])
def test_a_connection_that_stays_silent_is_told(timeout):
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)

        async def receive():
            async with asyncio.timeout(timeout):
                await asyncio.get_running_loop().sock_recv(here, 1)

        with pytest.raises(StandstillError, match="a connection, pipe or program did not"):
            run(receive(), patience=0.05)


def test_a_state_that_fails_is_raised_as_by_asyncio():
    async def fail(context):
        raise ValueError("no")

    with pytest.raises(StateError, match="no"):
        run(agent_of(fail).run())
