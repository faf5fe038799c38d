"""Rules of a run that need a loop: results, failure, people, watching."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from fluffy_nb import Agent, AgentStatus, Checkpoint, StateStatus
from fluffy_nb.engine import events as ev
from fluffy_nb.errors import (
    AnswerRefusedError,
    HumanTimeoutError,
    InvalidAnswersError,
    InvalidResultError,
    NobodyToAskError,
    NothingToResumeError,
    PromptClosedError,
    RunActiveError,
    RunTimeoutError,
    StateError,
    UnknownStateError,
)
from fluffy_nb.testing import fake_clock


def agent_of(*functions, **settings):
    agent = Agent("tested", **settings)
    for function in functions:
        agent.add_state(function.__name__, function)
    return agent


def wait_for(agent, kind):
    """A future that is done at the next event of a kind."""
    seen = asyncio.get_running_loop().create_future()
    agent.subscribe(lambda e: seen.done() or (isinstance(e, kind) and seen.set_result(e)))
    return seen


@pytest.mark.parametrize(
    ("result", "error", "says"),
    [
        ("tow", UnknownStateError, "'two'"),
        (["two", "tow"], UnknownStateError, "'two'"),
        (5, InvalidResultError, "5 (int)"),
        (("two",), InvalidResultError, "tuple"),
        (["two", None], InvalidResultError, "None"),
    ],
)
async def test_S4_5_what_is_no_result_is_refused_and_the_body_ran_once(result, error, says):
    calls = []

    async def one(context):
        calls.append(1)
        return result

    async def two(context):
        return None

    agent = agent_of(two)
    agent.add_state("one", one, next=["two"])
    with pytest.raises(error, match="state 'one' returned") as caught:
        await agent.run("one")
    assert says in str(caught.value)
    assert isinstance(caught.value, StateError)
    assert calls == [1]
    assert agent.status is AgentStatus.FAILED


async def test_S7_5_the_next_state_starts_while_a_slow_sibling_still_runs():
    slow_may_end = asyncio.Event()

    async def fork(context):
        return ["slow", "quick"]

    async def slow(context):
        await slow_may_end.wait()

    async def quick(context):
        return "after"

    async def after(context):
        slow_may_end.set()

    result = await asyncio.wait_for(agent_of(fork, slow, quick, after).run(), 5)
    assert result.counts["after"] == 1


async def test_S8_4_a_failure_names_state_attempt_and_run_and_is_resumed_from_there():
    broken = [True]

    async def first(context):
        context.set_state("first", 1)
        return ["bad", "worse"]

    async def bad(context):
        if broken:
            raise ValueError("no luck")

    async def worse(context):
        if broken:
            raise KeyError("either")

    agent = agent_of(first, bad, worse)
    with pytest.raises(StateError, match="no luck") as caught:
        await agent.run()
    assert (caught.value.state, caught.value.attempt) == ("bad", 1)
    assert caught.value.run_id == agent.run_id
    assert isinstance(caught.value.__cause__, ValueError)
    assert any("worse" in note for note in caught.value.__notes__)
    broken.clear()
    result = await agent.resume()
    assert result.status is AgentStatus.COMPLETED
    assert result.counts == {"first": 1, "bad": 1, "worse": 1}
    assert agent.state_metadata["bad"].attempts == 2


@fake_clock
async def test_S8_5_a_run_out_of_time_can_be_resumed():
    gate = asyncio.Event()
    cleaned = []

    async def waits(context):
        try:
            await gate.wait()
        finally:
            cleaned.append(context.attempt)

    agent = agent_of(waits)
    with pytest.raises(RunTimeoutError, match="'waits'"):
        await agent.run(timeout=60)
    assert agent.duration == 60
    assert agent.status is AgentStatus.CANCELLED
    assert agent.state_metadata["waits"].status is StateStatus.CANCELLED
    assert cleaned == [1]
    gate.set()
    assert (await agent.resume()).status is AgentStatus.COMPLETED


async def test_S8_5_cancel_all_lets_run_return():
    async def waits(context):
        await asyncio.Event().wait()

    agent = agent_of(waits)
    started = wait_for(agent, ev.StateStarted)
    run = asyncio.create_task(agent.run())
    await started
    await agent.cancel_all()
    assert (await run).status is AgentStatus.CANCELLED


async def test_S8_6_cancelling_whoever_awaits_leaves_no_task():
    async def fork(context):
        return ["one", "two", "plain"]

    async def one(context):
        await asyncio.Event().wait()

    async def two(context):
        await context.human_in_the_loop("?")

    release = threading.Event()

    def plain(context):
        release.wait()

    agent = agent_of(fork, one, two, plain, responder=lambda prompt: release.set())
    before = asyncio.all_tasks()
    opened = wait_for(agent, ev.PromptOpened)
    run = asyncio.create_task(agent.run())
    await opened
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert asyncio.all_tasks() == before
    assert agent.status is AgentStatus.CANCELLED
    assert agent.prompts == ()


async def test_S9_2_run_resume_and_start_refuse_with_the_remedy():
    async def one(context):
        return "two"

    async def two(context):
        return None

    agent = agent_of(one, two)
    with pytest.raises(NothingToResumeError, match=r"run\(\)"):
        await agent.resume()
    await agent.step()
    with pytest.raises(RunActiveError, match=r"cancel_all\(\)"):
        await agent.run("one")
    with pytest.raises(RunActiveError, match=r"cancel_all\(\)"):
        await agent.run(inputs={"a": 1})
    run = agent.start()
    with pytest.raises(RunActiveError, match="running"):
        agent.start()
    assert (await run).status is AgentStatus.COMPLETED
    with pytest.raises(NothingToResumeError):
        await agent.resume()


async def test_S9_3_a_step_says_what_it_changed():
    async def one(context):
        context.set_state("a", 1)
        context.set_state("b", 1)
        return "two"

    async def two(context):
        context.set_state("a", 2)
        context.remove_state("b")

    agent = agent_of(one, two)
    first = await agent.step()
    assert first.changes.added == ("a", "b")
    second = await agent.step()
    assert (second.changes.changed, second.changes.removed) == (("a",), ("b",))
    assert agent.status is AgentStatus.COMPLETED


async def test_S9_5_stepping_shows_what_running_does():
    async def one(context):
        return ["two", "three"]

    async def two(context):
        return "four"

    async def three(context):
        return "four"

    async def four(context):
        return None

    def kinds(events):
        own = (ev.StateStarted, ev.StateCompleted)
        return sorted((e.kind, e.state) for e in events if isinstance(e, own))

    ran, stepped = [], []
    agent = agent_of(one, two, three, four)
    agent.subscribe(ran.append)
    await agent.run()
    other = agent_of(one, two, three, four)
    other.subscribe(stepped.append)
    await other.step()
    while other.status is AgentStatus.PAUSED:
        await other.step()
    assert kinds(ran) == kinds(stepped)


async def test_S11_2_a_refused_answer_leaves_the_prompt_open():
    def check(text):
        if text != "right":
            raise ValueError("try right")

    async def asks(context):
        context.set_state("answer", await context.human_in_the_loop("?", validator=check))

    refusals = []

    def respond(prompt):
        prompt.answer("wrong")
        refusals.append(prompt.refusal)
        prompt.answer("right")
        with pytest.raises(PromptClosedError, match="was answered"):
            prompt.answer("late")

    result = await agent_of(asks, responder=respond).run()
    assert refusals == ["try right"]
    assert result.values["answer"] == "right"


@fake_clock
async def test_S11_3_nobody_in_time_takes_the_default_or_raises():
    async def asks(context):
        answer = await context.human_in_the_loop("?", timeout=300, default="d")
        context.set_state("answer", answer)

    async def demands(context):
        await context.human_in_the_loop("?", timeout=300)

    result = await agent_of(asks, responder=lambda _: None).run()
    assert result.values["answer"] == "d"
    assert result.duration == 300
    with pytest.raises(StateError, match="within 300 s") as caught:
        await agent_of(demands, responder=lambda _: None).run()
    assert isinstance(caught.value.__cause__, HumanTimeoutError)


async def test_S11_4_prompts_are_answered_in_any_order_from_any_thread():
    async def fork(context):
        return ["one", "two"]

    async def one(context):
        context.set_state("one", await context.human_in_the_loop("1?", choices=["x", "y"]))

    async def two(context):
        context.set_state("two", await context.human_in_the_loop("2?", multiline=True))

    both_open = asyncio.Event()
    agent = agent_of(fork, one, two, responder=lambda _: len(agent.prompts) < 2 or both_open.set())
    run = agent.start()
    await both_open.wait()
    first, second = agent.prompts
    assert agent.state_metadata["one"].status is StateStatus.WAITING
    await asyncio.to_thread(second.answer, "b")
    await asyncio.to_thread(first.answer, "x")
    result = await run
    assert (result.values["one"], result.values["two"]) == ("x", "b")


async def asks(context):
    answer = await context.human_in_the_loop("Publish?", choices=["yes", "no"])
    context.set_state("answer", answer)


async def test_S11_6_prepared_answers_come_from_the_call_and_the_environment(monkeypatch):
    assert (await agent_of(asks).run(answers={"asks": ["yes"]})).values["answer"] == "yes"
    monkeypatch.setenv("FLUFFY_NB_ANSWERS", json.dumps({"asks": "no"}))
    assert (await agent_of(asks).run()).values["answer"] == "no"
    assert (await agent_of(asks).run(answers={"asks": ["yes"]})).values["answer"] == "yes"
    with pytest.raises(StateError) as caught:
        await agent_of(asks).run(answers={"asks": ["maybe"]})
    assert isinstance(caught.value.__cause__, AnswerRefusedError)
    monkeypatch.setenv("FLUFFY_NB_ANSWERS", "{")
    with pytest.raises(InvalidAnswersError, match="FLUFFY_NB_ANSWERS"):
        await agent_of(asks).run()


async def test_S11_6_where_nobody_can_answer_it_fails_at_once_and_says_how():
    with pytest.raises(StateError) as caught:
        await agent_of(asks).run()
    assert isinstance(caught.value.__cause__, NobodyToAskError)
    assert "FLUFFY_NB_ANSWERS" in str(caught.value.__cause__)


async def test_S12_1_a_checkpoint_at_any_moment_goes_through_json():
    async def one(context):
        context.set_state("rows", [1, {"a": None}])
        checkpoint = agent.create_checkpoint()
        assert checkpoint.agent_status == "RUNNING"
        context.set_state("length", len(json.dumps(checkpoint.to_dict())))
        return "two"

    async def two(context):
        context.get_state("rows").append(2)

    agent = agent_of(one, two)
    checkpoint = await agent.step()
    back = Checkpoint.from_dict(json.loads(json.dumps(checkpoint.to_dict())))
    assert back == checkpoint
    assert back.completed_states == {"one"}
    await agent.run()
    assert checkpoint.shared_state["rows"] == [1, {"a": None}]


async def test_S12_5_a_restored_run_is_paused_and_goes_on_where_it_was():
    async def one(context):
        context.set_state("n", 1)
        return "two"

    async def two(context):
        context.set_state("n", context.get_state("n") + 1)

    checkpoint = await agent_of(one, two).step()
    other = Agent("other")
    other.add_state("one", one)
    await other.restore_from_checkpoint(checkpoint)
    assert other.status is AgentStatus.PAUSED
    with pytest.raises(UnknownStateError, match="'two'"):
        await other.resume()
    other.add_state("two", two)
    result = await other.resume()
    assert result.values["n"] == 2
    assert result.run_id == checkpoint.run_id


async def test_S13_3_what_can_be_read_is_read_only():
    async def one(context):
        return None

    agent = agent_of(one)
    await agent.run()
    agent.state_metadata["one"].status = StateStatus.FAILED  # changes a copy
    assert agent.state_metadata["one"].status is StateStatus.COMPLETED
    assert agent.completed_states == {"one"}
    assert agent._running_states == frozenset()
    assert agent.priority_queue == ()
    for view in (agent.states, agent.context_values, agent.taken_edges):
        with pytest.raises(TypeError):
            view["one"] = 1


async def test_S13_4_a_run_returns_its_result():
    async def one(context):
        context.set_state("<b>", "<i>")
        return "one" if context.get_state("n") else None

    agent = agent_of(one)
    result = await agent.run(inputs={"n": 0})
    assert result.status is AgentStatus.COMPLETED
    assert result.run_id == agent.run_id
    assert result.counts == {"one": 1}
    assert result.duration >= 0
    assert result.values == {"n": 0, "<b>": "<i>"}
    assert "&lt;b&gt;" in result._repr_html_()
    assert "<i>" not in result._repr_html_()


async def test_S13_1_events_are_numbered_without_gaps_and_end_with_the_run():
    async def one(context):
        context.progress(0.5, "half")
        context.show("shown")
        return "two"

    def two(context):
        return None

    agent = agent_of(one, two)

    async def watch():
        return [event async for event in agent.events()]

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    await agent.run()
    events = await asyncio.wait_for(watching, 5)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert isinstance(events[0], ev.RunStarted)
    assert isinstance(events[-1], ev.RunCompleted)
    assert {ev.ProgressReported, ev.OutputShown} <= set(map(type, events))
