"""Semantics 9.4 and 9.6, and what `explain` and `check` say."""

from __future__ import annotations

import asyncio
import json

import pytest

from fluffy_nb import (
    Agent,
    AgentStatus,
    Checkpoint,
    Dependency,
    DependencyType,
    Priority,
    ResourcePool,
    ResourceRequirements,
    RetryPolicy,
    Send,
)
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.check import Note
from fluffy_nb.errors import StateError

from .scripted import Script, settled

REQUIRED = DependencyType.REQUIRED

# ---------------------------------------------------------------- 9.4 breakpoints


async def test_S9_4_the_run_pauses_before_the_state_once_per_execution():
    script = Script()
    turns = iter(["b", "b", None])
    script.add("a", "b")
    script.add("b", lambda _: next(turns), next=["b"])
    script.agent.breakpoints.add("b")
    for execution in range(3):
        result = await script.agent.run()
        assert result.status is AgentStatus.PAUSED
        assert script.started == ["a", *["b"] * execution]
        assert script.agent.priority_queue == ("b",)
    assert (await script.agent.resume()).status is AgentStatus.COMPLETED
    assert len(script.of(ev.BreakpointReached)) == 3


async def test_S9_4_states_that_run_already_are_let_finish():
    script = Script()
    script.add("start", ["slow", "b"])
    script.add("slow", "after", gate=True)
    script.add("after")
    script.add("b")
    script.agent.breakpoints.add("b")
    run = script.agent.start()
    await settled()
    assert script.agent.status is AgentStatus.RUNNING
    await script.open("slow")
    assert (await run).status is AgentStatus.PAUSED
    assert "after" not in script.started
    await script.agent.resume()
    assert {"b", "after"} <= set(script.started)


async def test_S9_4_it_counts_at_once_when_set_or_cleared():
    script = Script()
    script.add("a", "b", gate=True)
    script.add("b", "c", gate=True)
    script.add("c")
    run = script.agent.start()
    script.agent.breakpoints.update({"b", "c"})
    await script.open("a")
    assert (await run).status is AgentStatus.PAUSED
    script.agent.breakpoints.clear()
    resumed = asyncio.ensure_future(script.agent.resume())
    await script.open("b")
    assert (await resumed).status is AgentStatus.COMPLETED


async def test_S9_4_names_inside_agents_and_of_templates_can_be_given():
    inner = Script("inner")
    inner.add("deep")
    script = Script()
    script.add("start", lambda _: ["part_1", "inner"], next=["part_{i}", "inner"])
    script.add("part_{i}")
    script.agent.add_state("inner", inner.agent)
    script.agent.breakpoints.update({"part_{i}", "inner/deep"})
    assert (await script.agent.run()).status is AgentStatus.PAUSED
    assert script.started == ["start"]
    assert (await script.agent.resume()).status is AgentStatus.PAUSED
    assert (await script.agent.resume()).status is AgentStatus.COMPLETED


async def test_S9_4_a_retry_is_no_new_execution():
    script = Script()
    script.add("a", failures=1, retry_policy=RetryPolicy(initial_delay=0))
    script.agent.breakpoints.add("a")
    await script.agent.run()
    assert (await script.agent.resume()).status is AgentStatus.COMPLETED


# ---------------------------------------------------------------- 9.6 replacing


async def test_S9_6_a_replaced_state_changes_what_runs_next_and_nothing_else():
    script = Script()
    script.add("a", "b")
    script.add("b", "c")
    script.add("c")
    await script.agent.step()
    script.add("b", "d", replace=True)
    script.add("d")
    result = await script.agent.run()
    assert result.counts == {"a": 1, "b": 1, "d": 1}


async def test_S9_6_a_failed_state_is_mended_and_the_run_goes_on():
    script = Script()
    calls = script.add("a", "b")
    script.add("b", failures=9)
    with pytest.raises(StateError):
        await script.agent.run()
    script.add("b", replace=True)
    assert (await script.agent.resume()).status is AgentStatus.COMPLETED
    assert calls == [1]


async def test_S9_6_new_settings_count_too():
    script = Script()
    script.add("a", "b")
    script.add("b", failures=1)
    with pytest.raises(StateError):
        await script.agent.run()
    script.add("b", failures=1, retry_policy=RetryPolicy(initial_delay=0), replace=True)
    assert (await script.agent.resume()).status is AgentStatus.COMPLETED


async def test_S9_6_what_a_running_state_takes_stays_taken_until_it_ends():
    script = Script(resources=ResourcePool(cpu_units=2))
    script.add("a", gate=True, resources=ResourceRequirements(cpu_units=2))
    script.add("b", resources=ResourceRequirements(cpu_units=1))
    run = script.agent.start()
    await settled()
    script.add("a", replace=True)
    await settled()
    assert script.started == ["a"]
    await script.open("a")
    await run
    assert script.started == ["a", "b"]


async def test_S2_4_an_agent_replaced_by_a_function_while_it_runs_ends_well():
    inner = Script("inner")
    inner.add("one", "two", gate=True)
    inner.add("two")
    script = Script()
    script.agent.add_state("inner", inner.agent)
    run = script.agent.start()
    await settled()
    script.add("inner", replace=True)
    inner._gates["inner/one"][0].set_result(None)
    with pytest.raises(StateError, match="two"):
        await run


# ---------------------------------------------------------------- explain


async def test_S5_6_explain_says_why_a_state_is_where_it_is():
    script = Script(
        max_concurrent=1,
        resources=ResourcePool(cpu_units=2, memory_mb=100),
        responder=lambda prompt: None,
    )
    needs = ResourceRequirements(cpu_units=2, memory_mb=80, priority=Priority.HIGH)
    script.add("start", ["asks", "first", "big", "merge"])

    async def asks(context):
        await context.human_in_the_loop("well?")
        return "merge"

    critical = ResourceRequirements(priority=Priority.CRITICAL)
    script.agent.add_state("asks", asks, resources=critical)
    half = ResourceRequirements(1, 50, priority=Priority.CRITICAL)
    script.add("first", "merge", gate=True, resources=half)
    script.add("big", "merge", resources=needs)
    script.add("merge")
    explain = script.agent.explain
    assert explain("big") == ""
    run = script.agent.start()
    await settled()
    assert explain("asks") == "waits for a person"
    assert explain("big") == (
        "priority HIGH, needs 2 CPU, 1 free, needs 80 MB, 50 free, all 1 slots are taken"
    )
    assert explain("first") == ""
    assert explain("merge").startswith("waits for ")
    assert explain("nowhere") == ""
    script.agent.prompts[0].answer("yes")
    await script.open("first")
    await run


async def test_S5_6_explain_tells_of_failures_and_of_those_before():
    script = Script(max_concurrent=1)
    script.add("a", gate=True, failures=1)
    for name in ("b", "c"):
        script.add(name)
    run = script.agent.start()
    await settled()
    assert script.agent.explain("c") == "all 1 slots are taken, 1 before it"
    await script.open("a")
    with pytest.raises(StateError):
        await run
    assert script.agent.explain("a") == (
        "failed: ValueError: no; runs again when the run is resumed"
    )
    assert script.agent.explain("b") == "is ready"


async def test_S5_6_explain_of_a_handled_failure_is_the_failure():
    script = Script()
    script.add("a", failures=1, on_error="b")
    script.add("b")
    await script.agent.run()
    assert script.agent.explain("a") == "failed: ValueError: no"


async def test_S5_6_explain_of_a_dependency_that_is_under_way():
    script = Script()
    script.add("start", ["a", "d"])
    script.add("a", gate=True, failures=9)
    script.add("d", dependencies={"a": Dependency()})
    run = script.agent.start()
    await settled()
    assert script.agent.explain("d") == "waits for a (running)"
    await script.open("a")
    with pytest.raises(StateError):
        await run
    assert script.agent.explain("d") == "waits for a (parked)"


# ---------------------------------------------------------------- check


def notes(script):
    return {(note.state, note.serious): note.text for note in script.agent.check()}


def test_S6_3_check_finds_nothing_where_nothing_is_wrong():
    script = Script()
    script.add("a", "b")
    script.add("b")
    assert script.agent.check() == ()


def test_S6_3_check_tells_what_looks_wrong_the_serious_first():
    script = Script(resources=ResourcePool(cpu_units=1))
    script.add("a", ["b", "tpyo"])
    script.add("b", dependencies={"c": REQUIRED, "aa": REQUIRED}, result=None)
    script.add("c", dependencies={"b": REQUIRED}, result=None)
    script.add("big", resources=ResourceRequirements(cpu_units=2))
    script.add("part_{i}")
    script.agent.add_state("dark", dark)
    found = script.agent.check()
    assert [note.serious for note in found] == sorted((n.serious for n in found), reverse=True)
    for state, says in (
        ("b", "'aa', which is no state"),
        ("b", "needs itself: b needs c needs b"),
        ("a", "'tpyo', which is no state"),
        ("big", "cpu_units 2 of 1, more than the pool has"),
        ("dark", "can't be read"),
    ):
        assert any(n.serious and n.state == state and says in n.text for n in found), says


async def dark(context):
    return context.get_state("next")


def test_S6_3_check_tells_of_states_that_are_never_reached():
    script = Script()
    script.add("a", "b")
    script.add("b", "a")
    script.add("part_{i}")
    assert notes(script) == {("part_{i}", False): "is never reached from 'a'"}
    assert str(script.agent.check()[0]) == "part_{i}: is never reached from 'a'"


def test_S6_3_check_of_an_empty_agent_and_of_one_that_can_not_start():
    script = Script()
    assert script.agent.check()[0].serious
    assert str(script.agent.check()[0]).startswith("there are no states")
    script.add("part_{i}")
    assert Note("", "no state can start; name one with run(start=...)", serious=True) in (
        script.agent.check()
    )


def test_S7_4_check_tells_of_a_state_larger_than_the_machine():
    script = Script()
    script.add("big", resources=ResourceRequirements(memory_mb=10**9))
    assert "it will run alone" in notes(script)["big", False]


def test_S2_1_sends_and_agents_are_read_from_the_code():
    inner = Agent("inner")
    inner.add_state("go", lambda context: None)
    agent = Agent("tested")

    async def start(context):
        if context.has_state("inner"):
            return (inner, "go")
        return [Send("work", i=i) for i in range(3)]

    async def work(context):
        return None

    agent.add_state("start", start)
    agent.add_state("work", work)
    graph = agent.state_graph
    assert {(edge.source, edge.target) for edge in graph.edges} == {
        ("start", "work"),
        ("start", "inner"),
    }
    assert graph.open == {}
    assert "work" in graph.sent
    assert list(graph.agents) == ["inner"]


# ---------------------------------------------------------------- 11.5 answers given again


async def test_S11_5_a_restored_body_gets_the_answers_it_had_as_long_as_it_asks_the_same():
    asked = []

    def responder(prompt):
        asked.append(prompt.text)
        if prompt.text != "third?":
            prompt.answer(f"answer to {prompt.text}")

    heard = []

    async def body(context):
        for text in ("first?", "second?", "third?"):
            answer = await context.human_in_the_loop(text)
            heard.append(answer)

    script = Script(responder=responder)
    script.agent.add_state("s", body)
    script.agent.start()
    await settled()
    data = json.loads(json.dumps((await script.agent.pause()).to_dict()))
    await script.agent.cancel_all()
    other = Agent("other", responder=responder)

    async def changed(context):
        for text in ("first?", "another?", "second?"):
            answer = await context.human_in_the_loop(text)
            heard.append(answer)

    other.add_state("s", changed)
    asked.clear()
    heard.clear()
    await other.restore_from_checkpoint(Checkpoint.from_dict(data))
    await other.run()
    assert heard == ["answer to first?", "answer to another?", "answer to second?"]
    assert asked == ["another?", "second?"]
