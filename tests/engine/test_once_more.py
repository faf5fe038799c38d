"""What is done a second time, or too late, harms no run; what would wait for itself is refused."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from fluffy_nb import Agent, AgentStatus, Send
from fluffy_nb.engine import events as ev
from fluffy_nb.errors import (
    CleanupWarning,
    ContextClosedError,
    MissingStateError,
    OnceInItselfError,
    RunActiveError,
    WaitsForItselfError,
)

from .scripted import Script, settled

SOON = 20
"""Seconds after which a test says that something hangs."""


# ---------------------------------------------------------------- restoring twice


async def test_S12_5_restoring_twice_leaves_the_run_where_restoring_once_does():
    script = Script()
    script.add("a", lambda c: c.set_state("n", 1) or "b", next=["b"])
    script.add("b", lambda c: c.set_state("n", c.get_state("n") + 1), next=[])
    checkpoint = await script.agent.step()
    for _ in range(3):
        await script.agent.restore_from_checkpoint(checkpoint)
        assert script.agent.status is AgentStatus.PAUSED
    result = await script.agent.resume()
    assert (result.values, result.counts) == ({"n": 2}, {"a": 1, "b": 1})
    assert (await script.agent.run()).values == {"n": 2}


async def test_S12_5_a_run_that_was_restored_and_not_gone_on_with_is_cancelled_and_paused_twice():
    script = Script()
    script.add("a", "b")
    script.add("b")
    checkpoint = await script.agent.step()
    await script.agent.restore_from_checkpoint(checkpoint)
    again = await script.agent.pause()
    assert (await script.agent.pause()).progress == again.progress
    await script.agent.cancel_all()
    await script.agent.cancel_all()
    assert script.agent.status is AgentStatus.CANCELLED
    assert (await script.agent.step()).agent_status == "COMPLETED"
    assert script.started == ["a", "b"]


async def test_S12_5_restored_twice_while_a_question_is_open_it_is_asked_once():
    asked = []
    script = Script(responder=asked.append)

    async def body(context):
        first = await context.human_in_the_loop("one?")
        context.set_state("got", [first, await context.human_in_the_loop("two?")])

    script.agent.add_state("asks", body)
    script.agent.start()
    await settled()
    asked[0].answer("first")
    await settled()
    checkpoint = await script.agent.pause()
    for _ in range(2):
        await script.agent.restore_from_checkpoint(checkpoint)
        assert script.agent.create_checkpoint().progress.executions[0].answers
    run = script.agent.start()
    await settled()
    assert [prompt.text for prompt in asked] == ["one?", "two?", "two?"]
    asked[-1].answer("second")
    assert (await run).values["got"] == ["first", "second"]


async def test_two_that_resume_a_run_at_once_do_it_once():
    script = Script()
    script.add("a", "b")
    script.add("b")
    await script.agent.step()
    done = await asyncio.gather(
        script.agent.resume(), script.agent.resume(), return_exceptions=True
    )
    assert [type(outcome).__name__ for outcome in done] == ["RunResult", "RunActiveError"]
    assert script.started == ["a", "b"]


# ---------------------------------------------------------------- prompts


async def test_the_id_of_a_prompt_is_not_used_again_after_a_restore():
    """A late click on the first question must not answer the second."""
    asked = []
    agents = [Agent("asks", responder=asked.append) for _ in range(2)]
    for agent in agents:

        @agent.state
        async def asks(context):
            await context.human_in_the_loop("one?")
            context.set_state("two", await context.human_in_the_loop("two?"))

    first, second = agents
    first.start()
    await settled()
    asked[0].answer("1")
    await settled()
    checkpoint = await first.pause()
    await first.cancel_all()
    runs = []
    for agent in (second, first, first):
        await agent.restore_from_checkpoint(checkpoint)
        runs.append(agent.start())
        await settled()
        if agent is first:
            await agent.cancel_all()
    ids = [prompt.id for prompt in asked]
    assert [prompt.text for prompt in asked] == ["one?", "two?", "two?", "two?", "two?"]
    assert len(set(ids)) == len(ids)
    assert all(prompt.id.startswith(f"{checkpoint.run_id}-") for prompt in asked)
    asked[2].answer("x")
    assert (await runs[0]).values["two"] == "x"


# ---------------------------------------------------------------- states that end too late


class Late:
    """A flow `slow -> end`; its first `slow` outlives the cleanup time until it is let go."""

    def __init__(self, *, plain):
        self.script = Script()
        self.leave, self.left = threading.Event(), threading.Event()
        self.problems = []
        body = self.plain if plain else self.asynchronous
        self.script.agent.add_state("slow", body, next=["end"])
        self.script.add("end")

    def late(self, context):
        for write in (
            lambda: context.set_state("late", 1),
            lambda: context.progress(0.5),
            lambda: context.show("shown"),
        ):
            try:
                write()
            except ContextClosedError as problem:
                self.problems.append(problem)
        print("printed late")

    def plain(self, context):
        if context.attempt == 1:
            self.leave.wait(SOON)
            self.late(context)
            try:
                context.ask("late?")
            except ContextClosedError as problem:
                self.problems.append(problem)
            self.left.set()
        return "end"

    async def asynchronous(self, context):
        while context.attempt == 1 and not self.left.is_set():
            try:
                await asyncio.to_thread(self.leave.wait, SOON)
            except asyncio.CancelledError:
                continue  # a body that will not be cancelled
            self.late(context)
            self.left.set()
        return "end"

    async def give_up(self):
        run = asyncio.ensure_future(self.script.agent.run(cleanup_timeout=0.01))
        while not self.script.started:
            await settled()
        with pytest.warns(CleanupWarning, match="slow"):
            await self.script.agent.cancel_all()
        assert (await run).status is AgentStatus.CANCELLED
        self.tasks = [t for t in asyncio.all_tasks() if t.get_name() == "fluffy:slow"]
        assert self.tasks

    async def go(self):
        self.leave.set()
        await asyncio.to_thread(self.left.wait, SOON)
        await asyncio.wait(self.tasks)


@pytest.mark.parametrize("plain", [True, False])
async def test_S8_5_a_state_that_ends_after_its_run_was_cancelled_hangs_no_resume(plain):
    late = Late(plain=plain)
    await late.give_up()
    await late.go()
    events = len(late.script.events)
    result = await asyncio.wait_for(late.script.agent.resume(), SOON)
    assert result.status is AgentStatus.COMPLETED
    assert result.values == {}
    assert result.counts == {"slow": 1, "end": 1}
    assert len(late.problems) == (4 if plain else 3)
    told = {type(event) for event in late.script.events[events:]}
    assert not told & {ev.ProgressReported, ev.OutputShown, ev.OutputPrinted}


@pytest.mark.parametrize("plain", [True, False])
async def test_S8_5_a_state_that_ends_after_its_run_was_resumed_harms_nothing(plain):
    late = Late(plain=plain)
    await late.give_up()
    gate = late.script
    gate.add("end", gate=True, replace=True)
    run = asyncio.ensure_future(gate.agent.resume())
    await settled()
    await late.go()
    while not gate.of(ev.StateCompleted):
        await settled()
    assert gate.agent.status is AgentStatus.RUNNING
    await gate.open("end")
    assert (await asyncio.wait_for(run, SOON)).values == {}


def test_S8_5_a_state_that_was_left_in_another_loop_ends_there_and_hangs_nothing():
    late = Late(plain=True)
    there = asyncio.new_event_loop()
    there.run_until_complete(late.give_up())
    late.leave.set()
    late.left.wait(SOON)

    async def resume():
        return await asyncio.wait_for(late.script.agent.resume(), SOON)

    assert asyncio.run(resume()).status is AgentStatus.COMPLETED
    there.run_until_complete(settled())
    there.close()
    assert late.script.agent.status is AgentStatus.COMPLETED


async def test_S10_6_what_a_late_state_does_once_is_not_done_again():
    script, done, go = Script(), [], asyncio.Event()

    async def charge():
        while not go.is_set():
            try:
                await go.wait()
            except asyncio.CancelledError:
                continue
        done.append("charged")
        return len(done)

    async def body(context):
        context.set_state("n", await context.once("charge", charge))

    script.agent.add_state("pays", body)
    run = script.agent.start(cleanup_timeout=0.01)
    await settled()
    with pytest.warns(CleanupWarning):
        await script.agent.cancel_all()
    await run
    go.set()
    await settled()
    assert (await script.agent.resume()).values == {"n": 1}
    assert done == ["charged"]


# ---------------------------------------------------------------- states that are missing


async def test_S12_5_a_resume_that_lacks_a_state_is_refused_and_leaves_the_run_as_it_was():
    script = Script()
    script.add("a", ["b", "c"])
    script.add("b")
    script.add("c")
    checkpoint = await script.agent.step()
    other = Script("other")
    other.add("b")
    await other.agent.restore_from_checkpoint(checkpoint)
    events = len(other.events)
    for verb in (
        other.agent.resume,
        other.agent.run,
        other.agent.step,
        other.agent.present_run().step,
    ):
        with pytest.raises(MissingStateError, match=r"agent 'other' does not have 'c'") as caught:
            await verb()
        assert caught.value.names == ("c",)
    assert len(other.events) == events
    assert other.agent.status is AgentStatus.PAUSED
    other.add("c")
    assert (await other.agent.resume()).counts == {"a": 1, "b": 1, "c": 1}


async def test_S12_5_a_missing_template_is_named():
    script = Script()
    script.add("a", lambda _: [Send("part_1"), Send("part_2")], next=["part_{n}"])
    script.agent.add_state("part_{n}", _nothing)
    checkpoint = await script.agent.step()
    other = Agent("other")
    await other.restore_from_checkpoint(checkpoint)
    with pytest.raises(MissingStateError) as caught:
        await other.resume()
    assert caught.value.names == ("part_1", "part_2")
    other.add_state("part_{n}", _nothing)
    assert (await other.resume()).counts["part_{n}"] == 2


async def test_S12_5_a_missing_handler_of_a_failure_is_named():
    script = Script()
    script.add("fails", failures=1, on_error="handler")
    script.add("handler")
    script.agent.breakpoints = {"handler"}
    assert (await script.agent.run("fails")).status is AgentStatus.PAUSED
    checkpoint = script.agent.create_checkpoint()
    other = Script("other")
    await other.agent.restore_from_checkpoint(checkpoint)
    with pytest.raises(MissingStateError) as caught:
        await other.agent.resume()
    assert caught.value.names == ("handler",)
    other.add("handler", lambda c: c.set_state("why", str(c.error)), next=[])
    assert (await other.agent.resume()).values == {"why": "ValueError: no"}


async def _nothing(context):
    pass


def _nested():
    inner = Script("inner")
    inner.add("draft", "check")
    inner.add("check", lambda c: c.set_state("checked", 1), next=[])
    script = Script()
    script.add("a", "review")
    script.agent.add_state("review", inner.agent, next=["end"])
    script.add("end")
    return script, inner


async def test_S12_5_an_agent_inside_that_is_added_after_the_restore_goes_on_inside():
    script, inner = _nested()
    checkpoint = await script.agent.step(2)  # a and review/draft
    other = Script("other")
    await other.agent.restore_from_checkpoint(checkpoint)
    with pytest.raises(MissingStateError, match="review"):
        await other.agent.resume()
    other.add("end")
    other.agent.add_state("review", inner.agent, next=["end"])
    other.add("a")
    result = await other.agent.resume()
    assert other.started == ["review/check", "end"]
    assert result.values == {"checked": 1}


async def test_S12_5_a_state_missing_inside_an_agent_is_named_with_it():
    script, _ = _nested()
    checkpoint = await script.agent.step(2)
    other = Script("other")
    empty = Agent("inner")
    empty.add_state("draft", _nothing, next=[])
    other.agent.add_state("review", empty, next=["end"])
    other.add("end")
    await other.agent.restore_from_checkpoint(checkpoint)
    with pytest.raises(MissingStateError) as caught:
        await other.agent.resume()
    assert caught.value.names == ("review/check",)
    empty.add_state("check", _nothing)
    await other.agent.restore_from_checkpoint(checkpoint)
    assert (await other.agent.resume()).status is AgentStatus.COMPLETED


async def test_S12_6_going_back_into_an_agent_inside_runs_it_from_there():
    script, inner = _nested()
    result = await script.agent.run()
    inside = script.agent.checkpoints.at(2)
    assert inside.state == "review/draft"
    for _ in range(2):
        script.agent.fork(inside)
    again = await script.agent.resume()
    assert (again.values, again.counts) == (result.values, result.counts)
    assert inner.started == []  # its own runs: there are none
    assert script.started[-2:] == ["review/check", "end"]
    await script.agent.restore_from_checkpoint(inside)
    assert (await script.agent.step()).changes.added == ("checked",)
    assert (await script.agent.step()).agent_status == "COMPLETED"


# ---------------------------------------------------------------- what waits for itself


WAITS = {
    "await run": lambda agent, run: _awaited(run),
    "run.wait": lambda agent, run: run.wait(),
    "run.resume": lambda agent, run: run.resume(),
    "run.step": lambda agent, run: run.step(),
    "agent.run": lambda agent, run: agent.run(),
    "agent.resume": lambda agent, run: agent.resume(),
    "agent.step": lambda agent, run: agent.step(),
}


async def _awaited(run):
    return await run


async def _in_task(waits):
    return await asyncio.create_task(waits())


async def _in_thread(waits):
    return await asyncio.to_thread(lambda: asyncio.run(waits()))


async def _here(waits):
    return await waits()


@pytest.mark.parametrize("how", [_here, _in_task, _in_thread])
@pytest.mark.parametrize("what", WAITS)
async def test_S9_2_a_state_that_waits_for_its_own_run_is_refused_at_once(what, how):
    agent, problems = Agent("waits"), []

    @agent.state(next=["after"])
    async def waiting(context):
        with pytest.raises(RunActiveError) as caught:
            await how(lambda: WAITS[what](agent, agent.present_run()))
        problems.append(caught.value)
        return "after"

    agent.add_state("after", _nothing)
    result = await asyncio.wait_for(agent.run(), SOON)
    assert result.status is AgentStatus.COMPLETED
    assert len(problems) == 1
    if not what.endswith("step"):
        assert isinstance(problems[0], WaitsForItselfError)
        assert problems[0].state == "waiting"


async def test_S9_2_a_plain_state_that_waits_for_its_own_run_is_refused_at_once():
    agent, problems = Agent("waits"), []

    @agent.state
    def waiting(context):
        for wait in (agent.run_sync, lambda: asyncio.run(agent.present_run().wait())):
            with pytest.raises(RunActiveError) as caught:
                wait()
            problems.append(type(caught.value))

    await asyncio.wait_for(agent.run(), SOON)
    assert problems == [WaitsForItselfError] * 2


def test_S9_2_so_it_is_in_a_run_that_blocks():
    agent, problems = Agent("waits"), []

    @agent.state
    def waiting(context):
        with pytest.raises(RunActiveError) as caught:
            agent.run_sync()
        problems.append(caught.value)

    agent.run_sync()
    assert len(problems) == 1


async def test_S9_2_a_state_of_a_run_that_its_state_began_can_not_wait_for_the_first_either():
    outer, inner, problems = Agent("outer"), Agent("inner"), []

    @outer.state
    async def begins(context):
        await inner.run()

    @inner.state
    async def waits(context):
        with pytest.raises(WaitsForItselfError, match="its state 'begins' waits") as caught:
            await outer.present_run()
        problems.append(caught.value)

    await asyncio.wait_for(outer.run(), SOON)
    assert len(problems) == 1


async def test_S9_2_a_state_may_wait_for_the_run_of_another_agent():
    outer, inner = Agent("outer"), Script("inner")
    inner.add("a")

    @outer.state
    async def waits(context):
        run = inner.agent.start()
        assert (await run).status is AgentStatus.COMPLETED
        assert (await run.wait()).status is AgentStatus.COMPLETED

    assert (await asyncio.wait_for(outer.run(), SOON)).status is AgentStatus.COMPLETED


async def test_S10_6_once_within_itself_is_refused_at_once():
    script, problems = Script(), []

    async def body(context):
        async def helper():
            return await context.once("charge", lambda: 2)

        async def charge():
            for call in (helper, lambda: asyncio.create_task(helper())):
                with pytest.raises(OnceInItselfError, match="'charge'") as caught:
                    await call()
                problems.append(caught.value)
            return 1

        context.set_state("n", await context.once("charge", charge))
        context.set_state("again", await context.once("charge", charge))

    script.agent.add_state("pays", body)
    result = await asyncio.wait_for(script.agent.run(), SOON)
    assert result.values == {"n": 1, "again": 1}
    assert len(problems) == 2


async def test_S10_6_two_that_wait_for_each_other_are_refused_too():
    script, outcomes = Script(), []

    async def body(context):
        here = asyncio.Barrier(2)

        async def outer(mine, other):
            await here.wait()
            return await context.once(other, lambda: other)

        outcomes.extend(
            await asyncio.gather(
                context.once("a", outer, "a", "b"),
                context.once("b", outer, "b", "a"),
                return_exceptions=True,
            )
        )

    script.agent.add_state("pays", body)
    await asyncio.wait_for(script.agent.run(), SOON)
    assert {type(outcome) for outcome in outcomes} <= {OnceInItselfError, str}
    assert any(isinstance(outcome, OnceInItselfError) for outcome in outcomes)


async def test_S10_6_different_keys_may_be_nested():
    script = Script()

    async def body(context):
        async def outer():
            inner = await context.once("inner", lambda: 1)
            again = await asyncio.gather(*(context.once("inner", lambda: 2) for _ in range(2)))
            return [inner, *again]

        context.set_state("n", await context.once("outer", outer))

    script.agent.add_state("pays", body)
    assert (await asyncio.wait_for(script.agent.run(), SOON)).values == {"n": [1, 1, 1]}


async def test_S12_5_an_observer_may_cancel_a_run_while_it_is_restored():
    script = Script()
    script.add("a", "b")
    script.add("b")
    checkpoint = await script.agent.step()

    def cancel(event):
        if isinstance(event, ev.RunRestored):
            script.agent.present_run().runner.cancelling.begin("an observer said so")

    script.agent.subscribe(cancel)
    before = logging.getLogRecordFactory()
    await script.agent.restore_from_checkpoint(checkpoint)
    assert script.agent.status is AgentStatus.CANCELLED
    assert (await script.agent.resume()).status is AgentStatus.COMPLETED
    assert logging.getLogRecordFactory() is before
