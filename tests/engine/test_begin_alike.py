"""Semantics 7.6: every execution begins alike, whoever was before it, on any machine."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import io
import sys
import time
import warnings

import pytest

from fluffy_nb import Agent, AgentStatus, RetryPolicy, Send
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.work import AT_ONCE
from fluffy_nb.errors import StateError
from fluffy_nb.testing import run as run_on_fake_clock

from .scripted import Script, settled

tenant = contextvars.ContextVar("tenant", default="nobody")


def begins(agent, seen):
    """A function that notes the order in which the bodies begin."""

    async def body(context):
        seen.append(context.state)

    return body


# ---------------------------------------------------------------- the order of beginnings


@pytest.mark.parametrize("held", [0, 0.007, 0.03])
@pytest.mark.parametrize("plain", [False, True], ids=["async", "mixed"])
async def test_S7_6_bodies_begin_in_the_order_of_their_events_on_a_slow_machine(held, plain):
    script, seen = Script(), []
    names = [f"w{n}" for n in range(3 * AT_ONCE)]
    script.add("split", names)
    for number, name in enumerate(names):
        if plain and number % 5 == 0:
            script.agent.add_state(name, lambda c: None, next=[])
        else:
            script.agent.add_state(name, begins(script.agent, seen), next=[])

    def holds(event):
        if isinstance(event, ev.StateStarted) and event.state in {"w0", "w40"}:
            time.sleep(held)

    script.agent.subscribe(holds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        await script.agent.run()
    assert seen == [name for name in script.started if name in set(seen)]
    assert len(script.ended) == 1 + len(names)


async def test_S7_6_what_ends_first_goes_on_first_also_behind_those_that_wait():
    """The next states of the first bodies begin after the bodies that were started before them."""
    script, seen = Script(), []
    names = [f"w{n}" for n in range(2 * AT_ONCE)]
    script.add("split", names)
    for name in names:

        async def body(context):
            seen.append(context.state)
            return f"after_{context.state}"

        script.agent.add_state(name, body, next=[f"after_{name}"])
        script.agent.add_state(f"after_{name}", begins(script.agent, seen), next=[])
    await script.agent.run()
    assert seen == [name for name in script.started if name != "split"]


async def test_S7_6_other_tasks_get_their_turn_beside_many_states_that_never_wait():
    script = Script()
    names = [f"w{n}" for n in range(20 * AT_ONCE)]
    turns, most, since = 0, 0, 0

    def counts(context):
        nonlocal most, since
        since += 1
        most = max(most, since)

    async def other():
        nonlocal turns, since
        while True:
            turns, since = turns + 1, 0
            await asyncio.sleep(0)

    script.add("split", names)
    for name in names:
        script.add(name, counts, next=[])
    beside = asyncio.create_task(other())
    await script.agent.run()
    beside.cancel()
    assert turns >= 20
    assert most <= AT_ONCE


async def test_S7_6_a_chain_does_not_starve_the_loop():
    agent, turns = Agent("chain"), 0

    async def again(context):
        context.set_state("n", context.get_state("n", 0) + 1)
        return "again" if context.get_state("n") < 500 else None

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    agent.add_state("again", again)
    beside = asyncio.create_task(other())
    await agent.run()
    beside.cancel()
    assert turns >= 400


@pytest.mark.parametrize("verb", ["pause", "cancel"])
async def test_S7_6_states_that_were_started_but_not_called_yet(verb):
    """A pause lets them be called and end; a cancellation ends them, uncalled."""
    script, seen = Script(), []
    names = [f"w{n}" for n in range(3 * AT_ONCE)]
    script.add("split", names)
    for name in names:
        script.agent.add_state(name, begins(script.agent, seen), next=[])
    verbs = []

    def asks(event):
        if isinstance(event, ev.StateStarted) and event.state == names[-1] and not verbs:
            agent = script.agent
            verbs.append(
                asyncio.ensure_future(agent.pause() if verb == "pause" else agent.cancel_all())
            )

    script.agent.subscribe(asks)
    result = await script.agent.run()
    await verbs[0]
    if verb == "pause":
        assert seen == names
        assert result.status is AgentStatus.COMPLETED or len(script.ended) == 1 + len(names)
    else:
        assert result.status is AgentStatus.CANCELLED
        assert seen == names[: AT_ONCE - 1]  # `split` was the first
        cancelled = [event.state for event in script.of(ev.StateCancelled)]
        assert sorted([*script.ended[1:], *cancelled]) == sorted(names)
        assert len(script.of(ev.RunCancelled)) == 1
        result = await script.agent.resume()
        assert result.status is AgentStatus.COMPLETED
        assert sorted(seen) == sorted(names)


def test_S7_6_a_run_that_moves_to_another_loop_calls_what_was_not_called():
    """Attempts that waited for their turn on a loop that is gone begin again on the next."""
    script, seen = Script(), []
    names = [f"w{n}" for n in range(2 * AT_ONCE)]
    script.add("split", names)
    for name in names:
        script.agent.add_state(name, begins(script.agent, seen), next=[])

    async def leaves_in_the_middle():
        script.agent.start()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asyncio.run(leaves_in_the_middle())
    assert 0 < len(seen) < len(names)
    assert asyncio.run(script.agent.resume()).status is AgentStatus.COMPLETED
    assert sorted(seen) == sorted(names)


# ---------------------------------------------------------------- context variables


async def test_S7_6_each_body_begins_with_the_variables_of_who_called_run():
    agent, seen = Agent("a"), {}

    async def sets(context):
        seen[context.state] = tenant.get()
        tenant.set(f"set in {context.state}")
        return ["b", "c", "p"]

    async def looks(context):
        seen[context.state] = tenant.get()
        tenant.set(f"set in {context.state}")
        return "d"

    def plain(context):
        seen[context.state] = tenant.get()
        tenant.set("set in a thread")
        return "d"

    agent.add_state("a", sets)
    for name, function in (("b", looks), ("c", looks), ("p", plain)):
        agent.add_state(name, function, next=["d"])

    async def last(context):
        seen["d"] = tenant.get()

    agent.add_state("d", last)
    tenant.set("caller")
    await agent.run()
    assert seen == dict.fromkeys("abcpd", "caller")
    assert tenant.get() == "caller"


async def test_S7_6_a_retry_a_handler_and_a_step_begin_alike_too():
    agent, seen = Agent("a"), []

    async def fails(context):
        seen.append((context.state, context.attempt, tenant.get()))
        tenant.set("left by an attempt")
        raise ValueError("no")

    async def handles(context):
        seen.append((context.state, context.attempt, tenant.get()))
        return [Send("each", n=1), Send("each", n=2)]

    async def each(context):
        seen.append((context.state, context.attempt, tenant.get()))
        tenant.set("left by a sibling")

    agent.add_state(
        "fails", fails, next=[], on_error="handles", retry_policy=RetryPolicy(1, initial_delay=0)
    )
    agent.add_state("handles", handles)
    agent.add_state("each", each)
    token = tenant.set("run")
    await agent.step()
    tenant.reset(token)
    tenant.set("step")
    for _ in range(3):
        await agent.step()
    assert seen == [
        ("fails", 1, "run"),
        ("fails", 2, "run"),
        ("handles", 1, "step"),
        ("each", 1, "step"),
        ("each", 1, "step"),
    ]


async def test_S7_6_what_a_body_sets_is_seen_in_its_tasks_and_threads():
    agent, seen = Agent("a"), []

    async def body(context):
        tenant.set("mine")
        seen.append(await asyncio.create_task(read()))
        seen.append(await asyncio.to_thread(tenant.get))
        await asyncio.sleep(0)
        seen.append(tenant.get())

    async def read():
        return tenant.get()

    agent.add_state("a", body)
    await agent.run()
    assert seen == ["mine"] * 3


async def test_S7_6_a_run_begun_inside_a_state_has_the_variables_of_that_state():
    """The inner run's observer still prints for nobody, its states for themselves."""
    outer, inner, seen = Agent("outer"), Agent("inner"), []
    texts = []

    async def works(context):
        seen.append(tenant.get())
        print("from inside")

    inner.add_state("works", works)
    inner.subscribe(lambda event: print(f"observed {event.kind}"))
    inner.subscribe(lambda e: texts.append((e.state, e.text)) if e.kind == "OutputPrinted" else 0)

    async def calls(context):
        tenant.set("of the outer state")
        await inner.run()

    outer.add_state("calls", calls)
    outer_events = []
    outer.subscribe(outer_events.append)
    with contextlib.redirect_stdout(io.StringIO()):
        await outer.run()
    assert seen == ["of the outer state"]
    assert texts == [("works", "from inside\n")]
    assert not [event for event in outer_events if event.kind == "OutputPrinted"]


# ---------------------------------------------------------------- a clean task


async def test_S7_6_no_cancellation_request_and_no_deadline_is_inherited():
    agent, seen = Agent("a"), []

    async def leaves_a_request(context):
        asyncio.current_task().cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(1)
        loop = asyncio.get_running_loop()
        await asyncio.timeout(60).__aenter__()  # never left
        task = asyncio.current_task()
        loop.call_later(0.01, task.cancel)
        return "next"

    async def looks(context):
        seen.append(asyncio.current_task().cancelling())
        await asyncio.sleep(0.02)
        async with asyncio.timeout(5):
            await asyncio.sleep(0)

    agent.add_state("leaves_a_request", leaves_a_request, next=["next"])
    agent.add_state("next", looks, next=[])
    result = await agent.run()
    assert result.status is AgentStatus.COMPLETED
    assert seen == [0]


async def test_S7_6_each_body_has_a_task_of_its_own():
    script, tasks = Script(), []
    for name, following in (("a", "b"), ("b", "c"), ("c", None)):
        script.add(name, lambda c, to=following: (tasks.append(asyncio.current_task()), to)[1])
        script.agent.add_state(
            name,
            script.agent.states[name].function,
            next=[following] if following else [],
            replace=True,
        )
    await script.agent.run()
    assert len(set(tasks)) == 3
    assert [task.get_name() for task in tasks] == ["fluffy:a", "fluffy:b", "fluffy:c"]


# ---------------------------------------------------------------- observers


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_S7_6_what_an_observer_prints_belongs_to_no_state(stream, monkeypatch):
    """Not at an end, not at what a body says from within, not at what a thread prints."""
    out = io.StringIO()
    monkeypatch.setattr(sys, stream, out)
    agent, events = Agent("a"), []

    def observer(event):
        events.append(event)
        print("observed", event.kind, file=getattr(sys, stream))

    async def says(context):
        print("said", file=getattr(sys, stream))
        context.progress(0.5)
        await context.human_in_the_loop("well?")
        await context.once("key", lambda: 1)
        return "plain"

    def plain(context):
        print("in a thread", file=getattr(sys, stream))
        context.progress(1)

    agent.subscribe(observer)
    agent.add_state("says", says)
    agent.add_state("plain", plain)
    await agent.run(answers={"says": ["yes"]})
    printed = [(e.state, e.text) for e in events if isinstance(e, ev.OutputPrinted)]
    assert printed == [("says", "said\n"), ("plain", "in a thread\n")]
    assert out.getvalue().count("observed") == len(events)


async def test_S7_6_what_a_body_set_is_no_observers_either():
    agent, seen = Agent("a"), set()

    async def sets(context):
        tenant.set("set in a state")
        context.progress(0.5)

    agent.add_state("sets", sets)
    agent.subscribe(lambda event: seen.add(tenant.get()))
    await agent.run()
    assert seen == {"nobody"}


# ---------------------------------------------------------------- task factories


def logging_factory(made):
    def factory(loop, coroutine, **more):
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **more)

    return factory


class Hostile(Exception):
    """Raised by a factory that makes no task."""


def no_factory(loop, coroutine, **more):
    coroutine.close()
    raise Hostile


FACTORIES = [no_factory]
if sys.version_info >= (3, 12):
    FACTORIES.append(asyncio.eager_task_factory)


async def goes_through_everything():
    """A fork, a join, a retry, a plain state, a question, an inner agent, a cancellation."""
    inner = Agent("inner")

    async def within(context):
        context.set_state("inner", tenant.get())

    inner.add_state("within", within)
    script = Script(responder=lambda prompt: prompt.answer("yes"))
    agent = script.agent
    script.add("a", ["b", "c", "p", "review"])
    script.add("b", "d", failures=1, retry_policy=RetryPolicy(1, initial_delay=0.01))

    async def asks(context):
        await asyncio.sleep(0)
        return "d" if await context.human_in_the_loop("go on?") == "yes" else None

    agent.add_state("c", asks, next=["d"])
    agent.add_state("p", lambda context: "d", next=["d"])
    agent.add_state("review", inner, next=["d"])
    script.add("d")
    return script, await agent.run()


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda factory: factory.__name__)
def test_S7_6_the_loops_task_factory_changes_nothing(factory):
    async def with_factory():
        asyncio.get_running_loop().set_task_factory(factory)
        try:
            return await goes_through_everything()
        finally:
            asyncio.get_running_loop().set_task_factory(None)

    script, result = asyncio.run(with_factory())
    plain, expected = asyncio.run(goes_through_everything())
    assert result.counts == expected.counts
    assert result.status is AgentStatus.COMPLETED
    assert script.started == plain.started


@pytest.mark.parametrize("eager", [False, True])
async def test_S7_6_a_cancellation_works_under_any_factory(eager):
    loop = asyncio.get_running_loop()
    made = []
    factory = getattr(asyncio, "eager_task_factory", None) if eager else None
    loop.set_task_factory(factory or logging_factory(made))
    try:
        script = Script()
        script.add("a", ["b", "c"])
        script.add("b", gate=True)
        script.add("c", gate=True)
        run = script.agent.start()
        await settled()
        await script.agent.cancel_all()
        assert (await run).status is AgentStatus.CANCELLED
        assert not [coroutine for coroutine in made if "Work." in coroutine.__qualname__]
        assert {event.state for event in script.of(ev.StateCancelled)} == {"b", "c"}
    finally:
        loop.set_task_factory(None)


@pytest.mark.parametrize("factory", [None, *FACTORIES[1:]])
@pytest.mark.parametrize("at", ["StateStarted", "StateCompleted", "RunPaused", "RunStarted"])
@pytest.mark.parametrize("verb", ["cancel_all", "pause", "step"])
def test_S7_6_a_verb_that_an_observer_begins_comes_after_the_event(at, verb, factory):
    """An eager task of an observer (3.12) calls a verb in the middle of a decision."""
    script = Script()
    script.add("a", "b")
    script.add("b")
    verbs = []

    async def call():
        with contextlib.suppress(Exception):
            await getattr(script.agent, verb)()

    def observer(event):
        if event.kind == at and not verbs:
            verbs.append(asyncio.create_task(call()))

    script.agent.subscribe(observer)

    async def main():
        asyncio.get_running_loop().set_task_factory(factory)
        if at == "RunPaused":
            await script.agent.step()
        else:
            await script.agent.run()
        await asyncio.gather(*verbs)
        while script.agent.status is not AgentStatus.COMPLETED:
            await script.agent.resume()

    run_on_fake_clock(main())
    assert script.ended == ["a", "b"]
    seqs = [event.seq for event in script.events]
    assert seqs == sorted(seqs)


async def test_S7_6_a_body_cancelled_before_its_first_step_is_told():
    script = Script()
    script.add("a")

    def cancels(event):
        if isinstance(event, ev.StateStarted):
            loop.call_soon(lambda: [task.cancel() for task in bodies()])

    def bodies():
        return [task for task in asyncio.all_tasks() if task.get_name() == "fluffy:a"]

    loop = asyncio.get_running_loop()
    script.agent.subscribe(cancels)
    result = await script.agent.run()
    assert result.status in {AgentStatus.CANCELLED, AgentStatus.COMPLETED}
    assert len(script.of(ev.StateCancelled)) + len(script.ended) == 1


async def test_S7_6_a_failure_is_told_outside_the_body_too():
    agent, texts = Agent("a"), []

    async def fails(context):
        tenant.set("of the body")
        raise ValueError("no")

    agent.add_state("fails", fails)
    agent.subscribe(lambda event: texts.append(tenant.get()))
    with pytest.raises(StateError):
        await agent.run()
    assert set(texts) == {"nobody"}
