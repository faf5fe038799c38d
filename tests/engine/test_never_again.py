"""Mistakes of published engines, each of which cost somebody a day: they stay out of this one."""

from __future__ import annotations

import asyncio
import builtins
import threading

import pytest

from fluffy_nb import (
    AgentStatus,
    DependencyType,
    Priority,
    ResourcePool,
    ResourceRequirements,
    RetryPolicy,
)
from fluffy_nb import testing as simulated
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.queue import MOST_PASSED
from fluffy_nb.errors import BlockedError, InputInStateError, StateError, UnknownStateError

from .scripted import Script, settled

REQUIRED = DependencyType.REQUIRED
AT_ONCE = RetryPolicy(max_retries=2, initial_delay=0, jitter=False)


def fork(*names, **settings):
    """A script whose start leads to all of these."""
    script = Script(**settings)
    script.add("start", list(names))
    return script


async def test_a_join_does_not_run_before_its_slow_branch():
    script = fork("fast", "slow")
    script.add("fast", "join")
    script.add("slow", "slower", gate=True)
    script.add("slower", "join")
    script.add("join")
    run = script.agent.start()
    await settled()
    assert script.started == ["start", "fast", "slow"]
    await script.open("slow")
    await run
    assert script.started[-2:] == ["slower", "join"]


async def test_a_join_does_not_run_twice():
    script = fork("a", "b", "c")
    script.add("a", "join")
    script.add("b", "later")
    script.add("later", "join")
    script.add("c", ["join", "b"], gate=True)
    script.add("join")
    run = script.agent.start()
    await script.open("c")
    assert (await run).counts["join"] == 1


async def test_ready_states_above_the_concurrency_limit_are_not_lost():
    names = [f"s{n}" for n in range(50)]
    script = fork(*names, max_concurrent=3)
    for name in names:
        script.add(name, "join")
    script.add("join")
    await script.agent.run()
    assert script.started == ["start", *names, "join"]


async def test_a_state_runs_more_than_once_per_agent():
    script = Script()
    turns = iter(["a", "a", None, "a", None])
    script.add("a", lambda _: next(turns), next=["a"])
    assert (await script.agent.run()).counts == {"a": 3}
    assert (await script.agent.run()).counts == {"a": 2}


async def test_retries_end():
    script = Script()
    calls = script.add("s", failures=99, retry_policy=AT_ONCE)
    with pytest.raises(StateError):
        await script.agent.run()
    assert calls == [1, 2, 3]


async def test_a_policys_max_retries_is_not_ignored():
    script = Script()
    script.add("s", failures=3, retry_policy=RetryPolicy(5, initial_delay=0, jitter=False))
    assert (await script.agent.run()).status is AgentStatus.COMPLETED
    assert script.agent.state_metadata["s"].attempts == 4


async def test_a_wrong_name_does_not_run_the_body_again():
    script = Script()
    calls = script.add("s", "nowhere", retry_policy=AT_ONCE)
    with pytest.warns(UserWarning, match="nowhere"), pytest.raises(UnknownStateError):
        await script.agent.run()
    assert calls == [1]


async def test_siblings_do_not_go_on_after_the_run_has_ended():
    script = fork("bad", "slow")
    script.add("bad", failures=1)
    script.add("slow", "after", gate=True)
    script.add("after")
    run = script.agent.start()
    await settled()
    assert not run.runner.settled.done()  # it waits for the slow one
    await script.open("slow")
    with pytest.raises(StateError):
        await run
    number = len(script.events)
    await settled()
    assert len(script.events) == number
    assert "after" not in script.started
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_dependency_does_not_freeze_the_loop():
    script = Script()
    script.add("start", "waits")
    script.add("waits", dependencies={"never": REQUIRED})
    script.add("never", "never")
    with pytest.raises(BlockedError, match="never"):
        await asyncio.wait_for(script.agent.run("start"), 10)


async def test_cancel_all_cancels():
    script = fork("a", "b")
    script.add("a", gate=True)
    script.add("b", gate=True)
    run = script.agent.start()
    await settled()
    await script.agent.cancel_all()
    assert (await run).status is AgentStatus.CANCELLED
    assert {event.state for event in script.of(ev.StateCancelled)} == {"a", "b"}
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_persons_time_is_not_cut_by_the_states():
    async def main():
        script = Script(responder=lambda prompt: None)

        async def asks(context):
            return await context.human_in_the_loop("Well?", timeout=300)

        script.agent.add_state("asks", asks, next=["yes"], timeout=60)
        script.add("yes")
        run = script.agent.start()
        await asyncio.sleep(299)
        script.agent.prompts[0].answer("yes")
        return await run

    assert simulated.run(main()).counts == {"asks": 1, "yes": 1}


async def test_input_does_not_stop_every_other_state(monkeypatch):
    monkeypatch.setattr(builtins, "input", lambda _="": pytest.fail("it would block the loop"))
    script = fork("asks", "other")
    script.add("asks", lambda _: input("Well? "), next=[])
    script.add("other")
    with pytest.raises(StateError, match="human_in_the_loop") as raised:
        await script.agent.run()
    assert isinstance(raised.value.__cause__, InputInStateError)
    assert "other" in script.ended


async def test_memory_is_counted():
    script = fork("a", "b", "c", resources=ResourcePool(memory_mb=100))
    for name in "abc":
        script.add(name, gate=True, resources=ResourceRequirements(memory_mb=50))
    run = script.agent.start()
    await settled()
    assert script.agent._running_states == {"a", "b"}
    for name in "abc":
        await script.open(name)
    await run


async def test_a_ready_state_does_not_wait_for_an_unrelated_slow_sibling():
    script = fork("slow", "quick")
    script.add("slow", gate=True)
    script.add("quick", "next")
    script.add("next", "after")
    script.add("after")
    run = script.agent.start()
    await settled()
    assert script.ended == ["start", "quick", "next", "after"]
    await script.open("slow")
    await run


async def test_a_run_with_work_undone_is_not_reported_completed():
    script = fork("done", "undone")
    script.add("done")
    script.add("undone", dependencies={"never": REQUIRED})
    script.add("never", "never")
    with pytest.raises(BlockedError):
        await script.agent.run("start")
    assert script.agent.status is AgentStatus.FAILED
    assert script.agent.priority_queue == ()
    await script.agent.pause()
    assert script.agent.status is AgentStatus.FAILED


async def test_a_low_priority_gets_its_turn():
    script = fork("low", "high", max_concurrent=1)
    high = ResourceRequirements(priority=Priority.HIGH)
    turns = iter(range(100))
    script.add("low", resources=ResourceRequirements(priority=Priority.LOW))
    script.add(
        "high",
        lambda _: ["high", "high"] if next(turns) < 40 else None,
        next=["high"],
        join="each",
        resources=high,
    )
    await script.agent.run()
    assert script.started.index("low") <= MOST_PASSED + 1


async def test_a_plain_function_does_not_stop_every_other_state():
    may_end = threading.Event()
    script = fork("blocks", "other")
    script.agent.add_state("blocks", lambda context: may_end.wait(10) and None, next=[])
    script.add("other", lambda _: may_end.set(), next=[])
    assert (await script.agent.run()).status is AgentStatus.COMPLETED
