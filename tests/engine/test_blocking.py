"""Runs for code that can't await."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from fluffy_nb import Agent, AgentStatus
from fluffy_nb.engine.blocking import CallElsewhere
from fluffy_nb.errors import BlockedLoopError, StateError

from .scripted import Script


def two():
    script = Script()
    script.add("a", "b")
    script.add("b")
    return script.agent


def test_it_gives_what_run_gives():
    agent = Agent("one")

    @agent.state
    async def only(context):
        context.set_state("seen", context.get_state("rows") + 1)

    result = agent.run_sync(inputs={"rows": 2})
    assert (result.status, result.values["seen"]) == (AgentStatus.COMPLETED, 3)


def test_it_raises_what_run_raises():
    agent = Agent("one")

    @agent.state
    async def only(context):
        raise LookupError("not there")

    with pytest.raises(StateError, match="not there") as caught:
        agent.run_sync()
    assert isinstance(caught.value.__cause__, LookupError)


async def test_it_blocks_a_loop_that_runs_here():
    """No second loop is nested into the first: nothing of that one goes on meanwhile."""
    others = []
    asyncio.get_running_loop().call_soon(others.append, "turned")
    assert two().run_sync().status is AgentStatus.COMPLETED
    assert others == []


def test_all_live_in_one_loop_so_that_what_a_state_opens_can_be_used_again():
    loops = []

    def agent():
        made = Agent("one")

        @made.state
        async def only(context):
            loops.append((asyncio.get_running_loop(), threading.current_thread().name))

        return made

    agent().run_sync()
    agent().run_sync()
    assert loops[0] == loops[1]
    assert loops[0][1] == "fluffy-runs"


def test_a_plain_state_may_wait_for_another_flow():
    outer = Agent("outer")

    @outer.state
    def only(context):
        context.set_state("inner", str(two().run_sync().status))

    assert outer.run_sync().values["inner"] == "COMPLETED"


def test_a_coroutine_of_a_blocking_run_can_not_wait_for_another():
    outer = Agent("outer")

    @outer.state
    async def only(context):
        two().run_sync()

    with pytest.raises(StateError, match=r"await run\(\) there") as caught:
        outer.run_sync()
    assert isinstance(caught.value.__cause__, BlockedLoopError)


def test_a_paused_run_is_gone_on_with():
    agent = two()
    agent.breakpoints.add("b")
    assert agent.run_sync().status is AgentStatus.PAUSED
    assert agent.run_sync().counts == {"a": 1, "b": 1}


async def test_a_run_that_is_paused_on_a_loop_goes_on_while_that_is_blocked():
    agent = Agent("asks")

    @agent.state
    async def only(context):
        context.set_state("said", await context.human_in_the_loop("well?"))

    asked = asyncio.Event()
    agent.responder = lambda prompt: asked.set()
    run = agent.start()
    await asked.wait()
    await agent.pause()
    asking = run.runner.work.tasks.copy()
    agent.responder = lambda prompt: prompt.answer("yes")
    assert agent.run_sync().values["said"] == "yes"
    await asyncio.wait_for(asyncio.gather(*asking.values()), 30)  # the old bodies are ended


@pytest.fixture
def heeds_ctrl_c():
    """Who runs the tests in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_cancels_the_run_and_waits_for_its_end():
    agent = Agent("endless")

    @agent.state
    async def only(context):
        try:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            context.set_state("cleaned", True)

    with pytest.raises(KeyboardInterrupt):
        agent.run_sync()
    assert agent.status is AgentStatus.CANCELLED
    assert agent.create_checkpoint().shared_state["cleaned"]


def test_a_forked_process_has_a_thread_of_its_own():
    two().run_sync()
    child = os.fork()
    if not child:
        os._exit(0 if two().run_sync().status is AgentStatus.COMPLETED else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_what_is_cancelled_before_it_began_does_not_begin():
    begun = []
    loop = asyncio.new_event_loop()
    call = CallElsewhere(lambda: begun.append(1), loop)
    call.cancel()
    call.begin()
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    assert isinstance(call.future.exception(0), asyncio.CancelledError)
    assert begun == []
