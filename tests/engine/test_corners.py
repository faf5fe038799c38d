"""What happens seldom: each named by the rule it belongs to."""

from __future__ import annotations

import asyncio
import copy
import logging
import sys
import threading

import pytest

from fluffy_nb import (
    Agent,
    AgentStatus,
    Checkpoint,
    DependencyLifecycle,
    DependencyType,
    ResourceRequirements,
    RetryPolicy,
    Send,
)
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.agent import Agent as EngineAgent
from fluffy_nb.errors import (
    BlockedError,
    CleanupWarning,
    InvalidSpecError,
    OpenStateError,
    RunActiveError,
    StateError,
    UsageError,
)

from .scripted import Script, settled

REQUIRED, ANY = DependencyType.REQUIRED, DependencyType.ANY
ONCE = DependencyLifecycle.ONCE

# ---------------------------------------------------------------- events


@pytest.mark.parametrize(
    ("values", "named"),
    [((1,), {}), ((1, 2.0, "x"), {}), ((1, 2.0), {"late": 3}), ((1,), {"seq": 1})],
)
def test_S13_1_an_event_takes_its_fields_and_no_others(values, named):
    with pytest.raises(TypeError, match="RunResumed takes seq, time"):
        ev.RunResumed(*values, **named)


def test_S13_1_events_are_equal_by_class_and_content_and_can_be_copied():
    event = ev.RetryDue(1, 2.0, execution=3, state="s")
    assert copy.copy(event) == event
    assert event != ev.StateContinued(*event)
    assert len({event, copy.copy(event)}) == 1
    with pytest.raises(AttributeError):
        event.state = "t"


# ---------------------------------------------------------------- 2 and 4: the graph


def test_S2_2_an_agent_with_two_ways_on_is_a_fork():
    def opened(context):
        return context.get_state("where")

    inner, agent = Agent("inner"), Agent("outer", start="inner")
    inner.add_state("s", opened, next=[])
    agent.add_state("inner", inner, next=["a", "b"])
    agent.add_state("a", opened)
    agent.add_state("b", opened, next=[])
    with pytest.raises(OpenStateError, match=r"next=\['a', 'b'\]"):
        agent.definition.check(None)


async def test_S2_2_an_open_flow_that_a_run_shows_to_fork_is_refused_then():
    agent = Agent("tested")
    agent.add_state("s", lambda context: context.get_state("where"))
    agent.add_state("a", lambda context: None, next=[])
    with pytest.raises(StateError, match="next="):
        await agent.run("s", inputs={"where": ["a", "a"]})


def test_S2_4_a_name_that_is_no_state_has_no_spec():
    inner, agent = Agent("inner"), Agent("outer")
    agent.add_state("inner", inner)
    assert agent.spec("inner/s") is None
    assert agent.spec("s") is None


def test_S6_3_a_dependency_that_is_no_state_is_told_once():
    script = Script()
    script.add("a", dependencies={"b": REQUIRED})
    (note,) = script.agent.check()
    assert "depends on 'b'" in note.text


async def test_S4_1_a_plain_function_may_return_what_can_be_awaited():
    async def later(context):
        return "t"

    script = Script()
    script.agent.add_state("s", lambda context: later(context), next=["t"])  # noqa: PLW0108
    script.add("t")
    await script.agent.run()
    assert script.started == ["s", "t"]


# ---------------------------------------------------------------- 5 and 6: joins, dependencies


async def test_S5_2_who_waits_at_a_first_join_ends_when_another_is_first():
    script = Script()
    script.add("start", lambda _: [Send("j"), Send("j"), "needed"], next=["j", "needed"])
    script.add("needed", gate=True)
    script.add("j", join="first", dependencies={"needed": REQUIRED})
    run = script.agent.start("start")
    await script.open("needed")
    assert (await run).counts == {"start": 1, "needed": 1, "j": 1}


async def test_S6_4_what_a_blocked_state_lacks_is_told_with_its_status():
    script = Script()
    script.add("start", "d")
    script.add("inner_b", next=[])
    script.add("d", dependencies={"b": REQUIRED})
    script.add("b", failures=9)
    run = script.agent.start(["b", "start"])
    with pytest.raises(StateError):
        await run
    assert script.agent.explain("d") == "needs b (REQUIRED): it is failed"


async def test_S6_once_in_a_pause_is_taken_over_when_the_run_goes_on():
    script = Script()
    script.add("start", ["load", "other"])
    script.add("load", "use")
    script.add("other")
    script.add("use", dependencies={"load": (REQUIRED, ONCE)})
    await script.agent.run()
    script.started.clear()
    await script.agent.step()
    await script.agent.resume()
    assert sorted(script.started) == ["other", "start", "use"]
    assert len(script.of(ev.StateReused)) == 1


# ---------------------------------------------------------------- 7 and 9.6: a state is replaced


async def test_S9_6_a_queued_state_that_is_replaced_takes_what_the_new_one_declares():
    script = Script()
    script.add("start", ["s", "t"])
    script.add("s")
    script.add("t")
    await script.agent.step()
    script.add("s", replace=True, resources=ResourceRequirements(cpu_units=2))
    executions = script.agent.present_run().runner.machine.executions.values()
    assert [e.needs.cpu_units for e in executions] == [2, 0]
    assert (await script.agent.resume()).counts == {"start": 1, "s": 1, "t": 1}


async def test_S9_6_a_failed_state_that_is_replaced_takes_what_the_new_one_declares():
    script = Script()
    script.add("s", failures=1)
    with pytest.raises(StateError):
        await script.agent.run()
    script.add("s", replace=True, resources=ResourceRequirements(cpu_units=2))
    (execution,) = script.agent.present_run().runner.machine.executions.values()
    assert execution.needs.cpu_units == 2
    assert (await script.agent.resume()).status is AgentStatus.COMPLETED


# ---------------------------------------------------------------- 8: cancelling


async def test_S8_5_cancelling_twice_is_cancelling_once():
    script = Script()
    script.add("s", gate=True)
    run = script.agent.start()
    await settled()
    await asyncio.gather(script.agent.cancel_all(), script.agent.cancel_all())
    assert (await run).status is AgentStatus.CANCELLED
    assert len(script.of(ev.RunCancelled)) == 1


async def test_S8_6_a_task_that_somebody_else_cancels_ends_the_run():
    script = Script()
    script.add("s", gate=True)
    run = script.agent.start()
    await settled()
    (task,) = [t for t in asyncio.all_tasks() if t.get_name() == "fluffy:s"]
    task.cancel()
    assert (await run).status is AgentStatus.CANCELLED


def test_S8_5_a_plain_function_that_outlives_its_loop_ends_unseen(recwarn):
    began, may_end, threads = threading.Event(), threading.Event(), []

    def slow(context):
        threads.append(threading.current_thread())
        began.set()
        may_end.wait(10)

    async def main():
        agent = Agent("tested")
        agent.add_state("slow", slow)
        run = agent.start(cleanup_timeout=0)
        await asyncio.to_thread(began.wait, 10)
        await agent.cancel_all()
        return (await run).status

    with pytest.warns(CleanupWarning, match="'slow'"):
        assert asyncio.run(main()) is AgentStatus.CANCELLED
    may_end.set()
    threads[0].join(10)
    assert not threads[0].is_alive()
    assert not recwarn.list


async def test_S8_1_a_retry_that_fails_in_a_failing_run_waits_for_the_resume():
    script = Script()
    policy = RetryPolicy(max_retries=1, initial_delay=0, jitter=False)
    script.add("start", ["bad", "again"])
    script.add("bad", failures=1)
    script.add("again", failures=1, gate=True, retry_policy=policy)
    run = script.agent.start("start")
    await script.open("again")
    with pytest.raises(StateError):
        await run
    resumed = asyncio.ensure_future(script.agent.resume())
    await script.open("again")
    assert (await resumed).counts == {"start": 1, "bad": 1, "again": 1}


# ---------------------------------------------------------------- 9 and 11: verbs


def test_S9_2_a_verb_that_is_none_or_has_no_loop_is_refused():
    agent = Agent("tested")
    with pytest.raises(UsageError, match="'dance'; it can"):
        agent.request("dance")
    with pytest.raises(UsageError, match="no loop is running"):
        agent.request("run")


@pytest.mark.parametrize("steps", [0, -1, 1.5, "2"])
async def test_S9_3_what_is_no_number_of_steps_is_refused(steps):
    script = Script()
    script.add("s")
    with pytest.raises(InvalidSpecError, match="a whole number from 1"):
        await script.agent.step(steps)
    assert script.started == []


async def test_S9_2_a_run_is_asked_from_another_threads_loop():
    script = Script()
    script.add("s", gate=True)
    run = script.agent.start()
    await settled()
    pausing = asyncio.ensure_future(asyncio.to_thread(lambda: asyncio.run(run.pause())))
    await script.open("s")
    assert isinstance(await pausing, Checkpoint)


# ---------------------------------------------------------------- 10: values and output


async def test_S10_11_a_process_without_output_runs_all_the_same(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    script = Script()
    script.add("s", lambda _: logging.getLogger("tested").warning("told"), next=[])
    await script.agent.run()
    assert script.of(ev.OutputPrinted)[0].text.endswith("told\n")


async def test_S12_1_ends_inside_an_agent_that_is_not_there_are_let_go():
    script = Script()
    script.add("a", "between")
    script.add("between", "d")
    script.add("d", dependencies={"a": REQUIRED})
    await script.agent.step()
    data = script.agent.create_checkpoint().to_dict()
    data["progress"]["ends"][0]["scope"] = 99
    await script.agent.cancel_all()
    await script.agent.restore_from_checkpoint(Checkpoint.from_dict(data))
    with pytest.raises(BlockedError):
        await script.agent.run()


async def test_S9_2_a_run_that_goes_on_or_was_replaced_is_not_gone_on_with():
    script = Script()
    script.add("a", gate=True)
    run = script.agent.start()
    await settled()
    with pytest.raises(RunActiveError, match="pause"):
        await run.step()
    await script.agent.cancel_all()
    script._gates.clear()
    later = script.agent.start()
    await script.open("a")
    await later
    with pytest.raises(RunActiveError, match="another run has taken its place"):
        await run.resume()


async def test_S10_6_once_is_there_where_nobody_keeps_the_run():
    agent = EngineAgent("tested")
    agent.add_state("s", lambda context: None, replace=True)

    async def body(context):
        context.set_state("n", await context.once("n", lambda: 5))

    agent.add_state("s", body, replace=True)
    assert (await agent.run()).values == {"n": 5}
