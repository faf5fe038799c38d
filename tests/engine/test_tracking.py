"""Semantics 10.3 to 10.5, 10.7, 10.10 and 4.2: who wrote, what changed in place, what is hidden."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

from fluffy_nb import Agent, Send, TypedContextData
from fluffy_nb.engine import events as ev
from fluffy_nb.engine import values
from fluffy_nb.engine.secrets import MASK
from fluffy_nb.engine.shared import Writer
from fluffy_nb.engine.values import UNCOMPARED, has_changed, look
from fluffy_nb.errors import (
    AskOnLoopError,
    InputReadOnlyError,
    InvalidSpecError,
    NobodyToAskError,
    StateError,
)

from .scripted import Script, settled

# ---------------------------------------------------------------- 10.3 conflicts


def crossing(first, second):
    """Two states in parallel, of which `a` acts and ends, then `b`."""
    script = Script()
    script.add("start", ["a", "b"])
    gates = {"a": asyncio.Event(), "b": asyncio.Event()}

    def body(name, act):
        async def state(context):
            act(context, "before")
            await gates[name].wait()
            act(context, "after")

        return state

    script.agent.add_state("a", body("a", first), next=[])
    script.agent.add_state("b", body("b", second), next=[])
    return script, gates


async def run_crossing(first, second):
    script, gates = crossing(first, second)
    run = script.agent.start()
    await settled()
    gates["a"].set()
    await settled()
    gates["b"].set()
    return script, await run


def writes(value):
    return lambda context, when: context.set_state("n", value) if when == "after" else None


async def test_S10_3_writes_that_crossed_are_reported_and_the_later_one_wins():
    script, result = await run_crossing(writes(1), writes(2))
    (conflict,) = script.of(ev.WriteConflict)
    assert (conflict.state, conflict.key, conflict.other) == ("b", "n", "a")
    assert conflict.execution != conflict.other_execution
    assert result.values == {"n": 2}


async def test_S10_3_who_has_seen_the_other_write_is_no_conflict():
    def reads_and_writes(context, when):
        if when == "after":
            context.set_state("n", context.get_state("n") + 1)

    script, result = await run_crossing(writes(1), reads_and_writes)
    assert script.of(ev.WriteConflict) == []
    assert result.values == {"n": 2}


async def test_S10_3_a_read_before_the_other_write_does_not_count():
    def reads_early(context, when):
        context.get_state("n") if when == "before" else context.set_state("n", 2)

    script, _ = await run_crossing(writes(1), reads_early)
    assert len(script.of(ev.WriteConflict)) == 1


async def test_S10_3_one_after_the_other_is_no_conflict():
    script = Script()
    script.add("a", lambda c: c.set_state("n", 1) or "b", next=["b"])
    script.add("b", lambda c: c.set_state("n", 2), next=[])
    await script.agent.run(inputs={"n": 0})
    assert script.of(ev.WriteConflict) == []


def count_two(context):
    for _ in range(2):
        context.update_state("n", lambda n: n + 1, default=0)


async def test_S10_3_update_state_reads_and_writes_in_one_step():
    script = Script()
    script.add("start", ["a", "b"])
    for name in ("a", "b"):
        script.add(name, count_two, next=[])
    result = await script.agent.run()
    assert result.values == {"n": 4}
    assert script.of(ev.WriteConflict) == []


async def test_S10_3_threads_that_count_together_lose_nothing():
    agent = Agent("tested")

    def count(context):
        for _ in range(500):
            context.update_state("n", lambda n: n + 1, default=0)

    def start(context):
        return ["a", "b", "c"]

    agent.add_state("start", start)
    for name in ("a", "b", "c"):
        agent.add_state(name, count, next=[])
    assert (await agent.run()).values == {"n": 1500}


# ---------------------------------------------------------------- 10.4 in place


@dataclass
class Profile(TypedContextData):
    name: str
    scores: list[int]


class Model(BaseModel):
    n: int = 1


CHANGES = {
    "list": ([1], lambda v: v.append(2)),
    "nested list": ({"a": [[1]]}, lambda v: v["a"][0].append(2)),
    "dict": ({}, lambda v: v.update(a=1)),
    "dict order": ({"a": 1, "b": 2}, lambda v: v.update(a=v.pop("a"))),
    "set": ({1}, lambda v: v.add(2)),
    "tuple of lists": (([],), lambda v: v[0].append(1)),
    "equal but of another type": ([1], lambda v: v.__setitem__(0, True)),
    "bytearray": (bytearray(b"a"), lambda v: v.extend(b"b")),
    "array": (np.zeros(3), lambda v: v.__setitem__(0, 1)),
    "frame": (pd.DataFrame({"a": [1, 2]}), lambda v: v.__setitem__("b", [1, 2])),
    "frame's cell": (pd.DataFrame({"a": [1, 2]}), lambda v: v.iloc.__setitem__((0, 0), 9)),
    "series": (pd.Series([1, 2]), lambda v: v.iloc.__setitem__(0, 9)),
    "dataclass": (Profile("Alice", [1]), lambda v: v.scores.append(2)),
    "model": (Model(), lambda v: setattr(v, "n", 2)),
}


@pytest.mark.parametrize("kind", CHANGES)
async def test_S10_4_a_value_changed_in_place_is_noticed(kind):
    value, change = CHANGES[kind]
    script = Script()
    script.add("reads", lambda c: [c.get_state("v")] and "changes", next=["changes"])
    script.add("changes", lambda c: change(c.get_state("v")), next=[])
    await script.agent.run(inputs={"v": value})
    reads, changes = script.of(ev.StateCompleted)
    assert (reads.written, changes.written) == ((), ("v",))
    writer = script.agent._run.runner.shared.writers["v"]
    assert (writer.state, writer.execution) == ("changes", changes.execution)


@pytest.mark.parametrize("value", [1, "a", None, Decimal(1), (1, "a"), frozenset({1}), range(3)])
def test_S10_4_what_can_not_change_has_not(value):
    assert not has_changed(look(value), value)


def test_S10_4_what_is_too_large_or_can_not_be_looked_into_counts_as_changed():
    endless = []
    endless.append(endless)
    for value in (
        list(range(values.MOST_ELEMENTS + 1)),
        [list(range(values.MOST_ELEMENTS))],
        set(range(values.MOST_ELEMENTS + 1)),
        np.zeros(values.MOST_BYTES // 8 + 1),
        np.array([object()]),
        np.zeros((4, 4))[:, ::2],
        pd.DataFrame({"a": [[1]]}),
        object(),
        endless,
    ):
        assert look(value) is UNCOMPARED
        assert has_changed(UNCOMPARED, value)


def test_S10_4_a_frame_of_polars_is_looked_at_where_it_is_installed(monkeypatch):
    class Frame:
        columns = ("a",)

        def estimated_size(self):
            return 8

        def to_frame(self):
            return Frame()

        def hash_rows(self):
            return self

        def to_numpy(self):
            return np.zeros(1)

    class Series(Frame):
        pass

    polars = SimpleNamespace(DataFrame=Frame, Series=Series)
    monkeypatch.setitem(values.sys.modules, "polars", polars)
    assert look(Frame()) == look(Frame())
    assert look(Series()) is not UNCOMPARED


async def test_S10_4_peek_promises_not_to_change_and_nothing_is_compared():
    script = Script()
    script.add("s", lambda c: c.peek("v").append(1), next=[])
    await script.agent.run(inputs={"v": []})
    assert script.of(ev.StateCompleted)[0].written == ()
    found = []
    script.add("s", lambda c: found.append(c.peek("none", 5)), next=[], replace=True)
    await script.agent.run()
    assert found == [5]


async def test_S10_4_a_change_belongs_to_who_made_it_not_to_who_read_too():
    def changes(context, when):
        context.get_state("v").append(1) if when == "after" else context.get_state("v")

    def only_reads(context, when):
        context.get_state("v")

    script, gates = crossing(changes, only_reads)
    run = script.agent.start(inputs={"v": []})
    await settled()
    gates["a"].set()
    await settled()
    gates["b"].set()
    await run
    written = {event.state: event.written for event in script.of(ev.StateCompleted)}
    assert written == {"start": (), "a": ("v",), "b": ()}


async def test_S10_4_a_step_tells_of_it():
    script = Script()
    script.add("s", "t")
    script.add("t", lambda c: c.get_state("v").append(1), next=[])
    await script.agent.step()
    script.agent._run.runner.shared.set("v", [], Writer("", 0, 0))
    checkpoint = await script.agent.step()
    assert checkpoint.changes.changed == ("v",)
    assert checkpoint.shared_state == {"v": [1]}


async def test_S10_7_what_a_failed_attempt_wrote_stays_and_is_marked_with_it():
    script = Script()

    def fails(context):
        context.set_state("error", "told")
        raise ValueError

    script.agent.add_state("s", fails)
    with pytest.raises(StateError):
        await script.agent.run()
    assert script.agent.context_values == {"error": "told"}
    assert script.of(ev.StateFailed)[0].written == ("error",)
    assert script.agent._run.runner.shared.writers["error"].attempt == 1


# ---------------------------------------------------------------- 10.5 never saved


async def test_S10_5_secrets_and_local_values_are_shared_and_in_no_checkpoint():
    script = Script(responder=lambda prompt: prompt.answer("x"))
    found = []

    async def keeps(context):
        context.set_secret("token", "s3cr3t-token")
        context.set_local("connection", keeps)
        context.progress(0.5, "with s3cr3t-token")
        context.show("the s3cr3t-token")
        await context.human_in_the_loop("is s3cr3t-token right?")
        print("s3cr3t-token")
        return "reads"

    def reads(context):
        found.extend([context.get_secret("token"), context.get_local("connection")])
        found.extend([context.get_secret("none", 1), context.get_local("none", 2)])
        raise ValueError(f"denied: {context.get_secret('token')}")

    script.agent.add_state("keeps", keeps)
    script.agent.add_state("reads", reads)
    with pytest.raises(StateError):
        await script.agent.run()
    assert found == ["s3cr3t-token", keeps, 1, 2]
    assert "s3cr3t" not in str(script.agent.create_checkpoint().to_dict())
    assert "s3cr3t" not in "".join(map(repr, script.events))
    assert f"denied: {MASK}" in script.of(ev.StateFailed)[0].error
    assert script.agent.context_values == {}
    assert "s3cr3t" not in script.agent.explain("reads")
    assert "s3cr3t" not in repr(script.agent._run.runner.shared)


async def test_S10_5_a_short_secret_does_not_eat_words():
    script = Script()

    def keeps(context):
        context.set_secret("pin", "no")
        context.set_secret("number", 5)
        return "t"

    script.add("s", keeps, next=["t"])
    script.add("t", failures=1)
    with pytest.raises(StateError):
        await script.agent.run()
    assert script.of(ev.StateFailed)[0].error == "ValueError: no"


async def test_S10_5_keys_are_strings():
    script = Script()
    script.add("s", lambda c: c.set_secret(5, "x"), next=[])
    with pytest.raises(StateError) as caught:
        await script.agent.run()
    assert isinstance(caught.value.__cause__, InvalidSpecError)


# ---------------------------------------------------------------- 4.2 inputs


@pytest.mark.parametrize(
    "write",
    [
        lambda c: c.set_state("page", 2),
        lambda c: c.remove_state("page"),
        lambda c: c.update_state("page", lambda n: n),
        lambda c: c.set_typed("page", Profile("a", [])),
    ],
)
async def test_S4_2_inputs_can_not_be_written(write):
    script = Script()
    script.add("start", lambda _: Send("work", page=1), next=["work"])
    script.add("work", write, next=[])
    with pytest.raises(StateError) as caught:
        await script.agent.run()
    assert isinstance(caught.value.__cause__, InputReadOnlyError)
    assert "store the result under another key" in str(caught.value.__cause__)


async def test_S4_2_inputs_are_among_the_keys_and_can_be_typed():
    script = Script()
    profile = Profile("Alice", [1])
    found = []
    script.add("start", lambda _: Send("work", who=profile), next=["work"])

    def work(context):
        found.extend([context.get_typed("who", Profile), context.has_state("who"), context.keys()])
        found.extend([context.peek("who"), context.get_state("who")])

    script.add("work", work, next=[])
    await script.agent.run(inputs={"n": 1})
    assert found == [profile, True, ("n", "who"), profile, profile]


# ---------------------------------------------------------------- 10.10 threads


async def test_S10_10_a_plain_function_reads_at_once_what_it_wrote():
    script = Script()
    found = []

    def plain(context):
        context.set_state("n", 1)
        found.extend([context.get_state("n"), threading.current_thread().name])

    script.agent.add_state("plain", plain)
    await script.agent.run()
    assert found == [1, "fluffy:plain"]


async def test_S10_10_it_asks_a_person_in_its_thread():
    script = Script(responder=lambda prompt: prompt.answer("yes"))
    found = []

    def plain(context):
        found.append(context.ask("well?", choices=["yes", "no"]))

    script.agent.add_state("plain", plain)
    await script.agent.run()
    assert found == ["yes"]


async def test_S10_10_what_goes_wrong_with_a_question_is_raised_there():
    script = Script()

    def plain(context):
        context.ask("well?")

    script.agent.add_state("plain", plain)
    with pytest.raises(StateError) as caught:
        await script.agent.run()
    assert isinstance(caught.value.__cause__, NobodyToAskError)


async def test_S10_10_in_the_loop_asking_so_is_refused():
    script = Script()

    async def on_the_loop(context):
        context.ask("well?")

    script.agent.add_state("s", on_the_loop)
    with pytest.raises(StateError) as caught:
        await script.agent.run()
    assert isinstance(caught.value.__cause__, AskOnLoopError)


async def test_S10_10_a_function_that_asks_ends_when_it_is_cancelled():
    asked = asyncio.get_running_loop().create_future()
    script = Script(responder=lambda prompt: asked.done() or asked.set_result(prompt))
    ended = threading.Event()

    def plain(context):
        try:
            context.ask("well?")
        finally:
            ended.set()

    script.agent.add_state("plain", plain)
    run = script.agent.start()
    await asked
    await script.agent.cancel_all()
    await run
    assert ended.is_set()
    assert script.agent.prompts == ()


async def test_S10_4_a_value_that_another_execution_replaced_is_looked_at_anew():
    def replaces(context, when):
        if when == "after":
            context.set_state("v", [])

    def changes(context, when):
        value = context.get_state("v")
        if when == "after":
            value.append(1)

    script, gates = crossing(replaces, changes)
    run = script.agent.start(inputs={"v": []})
    await settled()
    gates["a"].set()
    await settled()
    gates["b"].set()
    assert (await run).values == {"v": [1]}
    written = {event.state: event.written for event in script.of(ev.StateCompleted)}
    assert written["b"] == ("v",)
