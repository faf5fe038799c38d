"""What really happens to statuses agrees with the table of what may."""

from __future__ import annotations

import asyncio
import threading

import pytest

from fluffy_nb import Agent, AgentStatus, RetryPolicy, StateStatus
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.status import AGENT_TRANSITIONS, STATE_TRANSITIONS
from fluffy_nb.errors import (
    InvalidSpecError,
    NothingToResumeError,
    RunActiveError,
    StateError,
    StateInUseError,
)

from .scripted import Script, settled


class Transitions:
    """Every change of status that an agent shows to an observer."""

    def __init__(self, agent):
        self.agent, self.agents, self.states = agent, set(), set()
        self._before = agent.status
        self._states = {}
        agent.subscribe(self._note)

    def _note(self, event):
        now = self.agent.status
        if now is not self._before:
            self.agents.add((self._before, now))
        self._before = now
        for name in self.agent.states:
            status = self.agent.state_metadata[name].status
            before = self._states.get(name, StateStatus.PENDING)
            if status is not before and not isinstance(event, ev.RunStarted):
                self.states.add((before, status))
            self._states[name] = status


async def test_S13_3_statuses_change_only_as_the_tables_allow():
    script = Script(max_concurrent=1, responder=lambda prompt: prompt.answer("x"))
    seen = Transitions(script.agent)

    async def asks(context):
        await context.human_in_the_loop("?")

    script.agent.add_state("asks", asks, next=[])
    script.add("fails", failures=3, retry_policy=RetryPolicy(max_retries=1, initial_delay=0))
    script.add("slow", gate=True)
    run = script.agent.start()
    while script.agent.status is AgentStatus.RUNNING:
        for gate in script._gates.get("slow", ()):
            if not gate.done():
                gate.set_result(None)
        await asyncio.sleep(0)
    with pytest.raises(StateError):
        await run
    resumed = asyncio.ensure_future(script.agent.resume())
    await settled()
    await script.agent.cancel_all()
    await resumed
    for before, after in seen.agents:
        assert after in AGENT_TRANSITIONS[before]
    for before, after in seen.states:
        assert after in STATE_TRANSITIONS[before], (before, after)
    assert len(seen.states) > 5


def test_S13_3_the_tables_speak_of_every_status():
    assert set(AGENT_TRANSITIONS) == set(AgentStatus)
    assert set(STATE_TRANSITIONS) == set(StateStatus)


async def test_S13_3_an_agent_before_its_first_run():
    agent = Agent("tested")
    await agent.cancel_all()
    assert agent.status is AgentStatus.IDLE
    assert (agent.loop, agent.run_id, agent.duration) == (None, None, None)
    assert repr(agent) == "<Agent 'tested': 0 states, IDLE>"
    with pytest.raises(NothingToResumeError):
        agent.present_run()


@pytest.mark.parametrize("name", ["", " ", 5, None])
def test_an_agent_has_a_name(name):
    with pytest.raises(InvalidSpecError, match="an agent's name"):
        Agent(name)


@pytest.mark.parametrize("number", [0, -1, 1.5, True, "2"])
def test_S7_2_a_number_of_slots_that_is_none_is_refused(number):
    with pytest.raises(InvalidSpecError, match="max_concurrent"):
        Agent("tested", max_concurrent=number)


async def test_S9_2_another_agent_can_not_be_restored_over_an_active_run():
    script = Script()
    script.add("s", gate=True)
    run = script.agent.start()
    await settled()
    with pytest.raises(RunActiveError, match="before restoring another"):
        await script.agent.restore_from_checkpoint(script.agent.create_checkpoint())
    assert repr(run).endswith("of 'tested': RUNNING>")
    await script.open("s")
    assert (await run).status is run.status is AgentStatus.COMPLETED
    assert run.result().values == {}


async def test_S2_4_a_state_with_a_branch_can_not_be_removed_and_others_can():
    script = Script()
    script.add("a", "b", gate=True)
    script.add("b")
    script.add("c")
    run = script.agent.start("a")
    await settled()
    with pytest.raises(StateInUseError, match="'a' can't be removed"):
        script.agent.remove_state("a")
    script.agent.remove_state("c")
    await script.open("a")
    await run
    script.agent.remove_state("a")


async def test_S2_4_what_the_refusal_names_lets_a_state_of_a_cancelled_run_go():
    script = Script()
    script.add("a", "b", gate=True)
    script.add("b", gate=True)
    script.agent.start("a")
    await settled()
    await script.agent.cancel_all()
    with pytest.raises(StateInUseError, match=r"resume\(\) it.*begin another run"):
        script.agent.remove_state("a")  # it can go on still
    script.agent.start("b")
    script.agent.remove_state("a")
    await settled()
    await script.agent.cancel_all()


async def test_S9_2_answers_can_be_prepared_for_a_run_that_goes_on():
    script = Script()
    script.add("a", "b")

    async def asks(context):
        context.set_state("said", await context.human_in_the_loop("?"))

    script.agent.add_state("b", asks, next=[])
    await script.agent.step()
    result = await script.agent.run(answers={"b": ["yes"]})
    assert result.values == {"said": "yes"}


async def test_S8_6_a_run_that_waits_on_another_loop_begins_its_state_again():
    script = Script(responder=lambda prompt: None)
    calls = []

    async def asks(context):
        calls.append(context.attempt)
        if context.attempt == 1:
            await context.human_in_the_loop("?")

    script.agent.add_state("s", asks, next=[])
    script.agent.start()
    await settled()
    await script.agent.pause()
    results = []

    def elsewhere():
        results.append(asyncio.run(script.agent.resume()))

    # The loop of the run must not run meanwhile: a verb would be carried out there.
    thread = threading.Thread(target=elsewhere)
    script.agent._run.runner.loop = closed_loop()
    thread.start()
    thread.join(20)
    assert results[0].status is AgentStatus.COMPLETED
    assert calls == [1, 2]


def closed_loop():
    loop = asyncio.new_event_loop()
    loop.close()
    return loop


async def test_S6_once_a_state_replaced_in_the_run_that_would_reuse_it_runs():
    from fluffy_nb import DependencyLifecycle, DependencyType

    once = (DependencyType.REQUIRED, DependencyLifecycle.ONCE)
    script = Script()
    script.add("start", "load")
    script.add("load", "use")
    script.add("use", dependencies={"load": once})
    await script.agent.run()
    await script.agent.step()
    calls = script.add("load", "use", replace=True)
    await script.agent.run()
    assert calls == [1]


async def test_S4_4_the_state_of_a_name_can_be_asked_for():
    inner = Script("inner")
    inner.add("deep")
    script = Script()
    script.add("part_{i}")
    script.agent.add_state("inner", inner.agent)
    assert script.agent.spec("part_3").name == "part_{i}"
    assert script.agent.spec("inner/deep").name == "deep"
    assert script.agent.spec("inner/gone") is None
    assert script.agent.spec("gone") is None


async def test_S9_6_a_waiting_function_can_become_an_agent_and_back():
    inner = Script("inner")
    inner.add("deep")
    script = Script()
    script.add("a", "b")
    script.add("b")
    await script.agent.step()
    assert script.agent.priority_queue == ("b",)
    script.agent.add_state("b", inner.agent, replace=True)
    assert script.agent.priority_queue == ()
    checkpoint = script.agent.create_checkpoint()
    await script.agent.run()
    assert script.started == ["a", "b/deep"]
    await script.agent.restore_from_checkpoint(checkpoint)
    script.add("b", replace=True)
    await script.agent.run()
    assert script.started == ["a", "b/deep", "b"]
