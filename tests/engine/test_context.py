"""What a state's function is given: shared values, where it stands, progress and what it shows."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.agent import Agent
from fluffy_nb.engine.context import Context
from fluffy_nb.engine.shared import SharedState, Writer
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.engine.typed import TypedContextData
from fluffy_nb.errors import (
    CleanupWarning,
    ContextClosedError,
    InvalidSpecError,
    MissingKeyError,
    StateError,
    TypedDataError,
)


@dataclass
class UserProfile(TypedContextData):
    name: str
    age: int


@dataclass
class Pet(TypedContextData):
    name: str


async def within(body, **settings):
    """Run a function as the only state; its agent and what it returned."""
    agent = Agent("tests")
    outcome = []

    async def only(context):
        outcome.append(body(context))

    agent.add_state("only", only, next=[])
    await agent.run(**settings)
    return agent, outcome[0]


def told(agent, kind):
    return [event for event in agent._run.runner.history if isinstance(event, kind)]


# ---------------------------------------------------------------- untyped


async def test_S10_1_values_are_set_read_looked_for_and_removed():
    def body(context):
        assert context.get_state("rows") is None
        assert context.get_state("rows", 3) == 3
        assert not context.has_state("rows")
        context.set_state("rows", [1])
        context.set_state("more", None)
        assert context.get_state("rows", "default") == [1]
        assert context.has_state("more")
        assert context.get_state("more", "default") is None
        assert list(context.keys()) == ["rows", "more"]
        context.remove_state("rows")
        assert not context.has_state("rows")
        context.remove_state("rows")
        return context.keys()

    agent, keys = await within(body)
    assert tuple(keys) == ("more",)
    assert agent.context_values == {"more": None}


async def test_S10_1_keys_taken_before_a_change_stay_as_they_were():
    def body(context):
        keys = context.keys()
        context.set_state("new", 1)
        return keys

    assert not (await within(body))[1]


async def test_S10_1_inputs_of_run_fill_the_context():
    inputs = {"city": "Bern"}
    agent, city = await within(lambda context: context.get_state("city"), inputs=inputs)
    assert city == "Bern"
    await within(lambda context: context.set_state("city", "Genf"), inputs=inputs)
    assert inputs == {"city": "Bern"}
    assert agent.context_values == {"city": "Bern"}


async def test_S10_1_values_are_shared_by_the_states_of_a_run_and_gone_in_the_next():
    agent = Agent("tests")
    seen = []

    @agent.state
    async def first(context):
        seen.append(context.has_state("n"))
        context.set_state("n", 1)
        return "second"

    @agent.state
    async def second(context):
        seen.append(context.get_state("n"))

    await agent.run()
    await agent.run()
    assert seen == [False, 1, False, 1]


@pytest.mark.parametrize("key", [None, 5, 1.5, b"bytes", ("a",), ["a"], {"a": 1}, object])
async def test_S10_1_a_key_is_a_string(key):
    def body(context):
        with pytest.raises(InvalidSpecError, match=r"a context key is .* must be a string"):
            context.set_state(key, 1)
        with pytest.raises(InvalidSpecError, match=r"a context key is .* must be a string"):
            context.set_typed(key, Pet("Rex"))
        return context.keys()

    assert not (await within(body))[1]
    with pytest.raises(InvalidSpecError, match="a context key"):
        await within(lambda _: None, inputs={5: 1})


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_S10_1_any_string_is_a_key(values):
    shared = SharedState(values)
    assert shared.values == values
    assert set(shared.writers) == set(values)
    for key in values:
        shared.remove(key)
    assert not shared.values
    assert not shared.writers


async def test_S10_3_each_key_knows_its_last_writer():
    agent = Agent("tests")

    @agent.state
    async def first(context):
        context.set_state("n", 1)
        context.set_state("m", 1)
        return "second"

    @agent.state
    async def second(context):
        context.set_state("n", 2)
        context.remove_state("m")

    await agent.run(inputs={"given": 1})
    started = told(agent, ev.StateStarted)[1]
    writers = agent._run.runner.shared.writers
    assert writers == {"given": Writer("", 0, 0), "n": Writer("second", 1, started.seq, 2)}


async def test_S10_3_the_end_of_a_state_tells_which_keys_it_wrote_and_removed():
    def body(context):
        context.set_state("kept", 1)
        context.set_state("kept", 2)
        context.set_state("undone", 1)
        context.remove_state("undone")
        context.remove_state("given")
        context.remove_state("again")
        context.set_state("again", 1)
        context.remove_state("never was")
        context.set_typed("pet", Pet("Rex"))

    agent, _ = await within(body, inputs={"given": 1, "again": 1})
    (end,) = told(agent, ev.StateCompleted)
    assert end.written == ("kept", "again", "pet")
    assert end.removed == ("undone", "given")


# ---------------------------------------------------------------- typed


async def test_S10_1_typed_values_are_set_read_and_updated():
    def body(context):
        ada = UserProfile("Ada", 28)
        context.set_typed("user", ada)
        assert context.get_typed("user", UserProfile) is ada
        assert context.get_typed("user", TypedContextData) is ada
        assert context.get_state("user") is ada
        new = context.update_typed("user", age=29)
        assert new is context.get_typed("user", UserProfile)
        assert new == UserProfile("Ada", 29)
        return ada

    assert (await within(body))[1] == UserProfile("Ada", 28)


async def test_S10_2_what_is_wrong_is_not_stored():
    def body(context):
        with pytest.raises(TypedDataError, match="field 'age' is '28'"):
            context.set_typed("user", UserProfile("Ada", "28"))
        assert not context.has_state("user")
        context.set_typed("user", UserProfile("Ada", 28))
        with pytest.raises(TypedDataError, match="field 'age' is '29'"):
            context.update_typed("user", age="29")
        with pytest.raises(TypedDataError, match=r"no field 'agee'.*did you mean 'age'"):
            context.update_typed("user", agee=29)
        assert context.get_typed("user", UserProfile) == UserProfile("Ada", 28)

    await within(body)


async def test_S10_2_get_typed_raises_the_built_in_errors():
    def body(context):
        with pytest.raises(KeyError, match=r"nothing under 'user'.*there are none") as missing:
            context.get_typed("user", UserProfile)
        assert isinstance(missing.value, MissingKeyError)
        context.set_typed("user", UserProfile("Ada", 28))
        with pytest.raises(KeyError, match=r"nothing under 'usr'.*did you mean 'user'"):
            context.get_typed("usr", UserProfile)
        with pytest.raises(KeyError, match="nothing under 5"):
            context.get_typed(5, UserProfile)
        with pytest.raises(TypeError, match=r"of UserProfile, not Pet.*'user', UserProfile"):
            context.get_typed("user", Pet)
        with pytest.raises(KeyError, match="nothing under 'pet'"):
            context.update_typed("pet", name="Rex")

    await within(body)


async def test_S10_2_a_class_that_was_defined_again_is_another_class():
    again = type("UserProfile", (TypedContextData,), {})

    def body(context):
        context.set_typed("user", UserProfile("Ada", 28))
        with pytest.raises(TypedDataError, match="was defined again since: store the value anew"):
            context.get_typed("user", again)

    await within(body)


async def test_S10_2_a_typed_key_takes_another_type_only_typed_or_after_removal():
    def body(context):
        context.set_typed("user", UserProfile("Ada", 28))
        for other in (None, "Ada", {"name": "Ada", "age": 28}, Pet("Rex")):
            with pytest.raises(TypedDataError, match=r"holds a UserProfile.*remove_state\('user'"):
                context.set_state("user", other)
        assert context.get_typed("user", UserProfile) == UserProfile("Ada", 28)
        context.set_state("user", UserProfile("Eva", 30))
        context.set_typed("user", Pet("Rex"))
        with pytest.raises(TypedDataError, match="holds a Pet"):
            context.set_state("user", UserProfile("Ada", 28))
        context.remove_state("user")
        context.set_state("user", "anything")
        return context.get_state("user")

    assert (await within(body))[1] == "anything"


async def test_S10_2_update_typed_takes_values_that_were_stored_untyped_if_they_are_typed():
    def body(context):
        context.set_state("user", UserProfile("Ada", 28))
        context.update_typed("user", age=29)
        with pytest.raises(TypedDataError, match="holds a UserProfile"):
            context.set_state("user", 1)  # it is typed from now on
        context.set_state("n", 1)
        with pytest.raises(TypedDataError, match=r"typed value 'n': 1 is of int"):
            context.update_typed("n", real=2)
        context.set_state("sloppy", UserProfile("Ada", "28"))
        with pytest.raises(TypedDataError, match="field 'age'"):
            context.update_typed("sloppy", name="Eva")
        return context.get_state("user")

    assert (await within(body))[1] == UserProfile("Ada", 29)


async def test_S10_2_fields_may_have_any_name():
    @dataclass
    class Entry(TypedContextData):
        key: str
        self: int = 0

    def body(context):
        context.set_typed("entry", Entry("a"))
        return context.update_typed("entry", key="b", self=1)

    assert (await within(body))[1] == Entry("b", 1)


# ---------------------------------------------------------------- where it stands


async def test_S10_9_the_context_says_where_the_function_is():
    agent = Agent("tests")
    seen = []

    @agent.state
    async def only(context):
        seen.append((context.run_id, context.state, context.attempt))
        assert context.inputs == {}
        assert context.error is None
        with pytest.raises(TypeError):
            context.inputs["a"] = 1
        if context.attempt == 1:
            raise ValueError("once")

    with pytest.raises(StateError):
        await agent.run()
    await agent.resume()
    assert seen == [(agent.run_id, "only", 1), (agent.run_id, "only", 2)]


async def test_the_repr_tells_state_run_and_number_of_keys():
    agent, text = await within(repr, inputs={"a": 1, "b": 2})
    assert text == f"<Context of 'only' in run {agent.run_id!r}: 2 keys>"


def test_a_context_takes_no_other_attributes():
    with pytest.raises(AttributeError):
        Context.__new__(Context).run_state = 1


# ---------------------------------------------------------------- closed


async def test_S10_10_an_attempt_that_has_ended_writes_no_more():
    agent, context = await within(lambda context: context)
    for write in (
        lambda: context.set_state("a", 1),
        lambda: context.remove_state("given"),
        lambda: context.set_typed("pet", Pet("Rex")),
        lambda: context.progress(0.5),
        lambda: context.show("text"),
    ):
        with pytest.raises(ContextClosedError, match="attempt 1 of state 'only' has ended"):
            write()
    assert agent.context_values == {}
    assert context.get_state("a", "reading goes on") == "reading goes on"


async def test_S10_10_writes_of_a_plain_function_that_did_not_end_in_time_are_refused():
    agent = Agent("tests")
    go, started, refused = threading.Event(), asyncio.Event(), []
    loop = asyncio.get_running_loop()
    over = asyncio.Event()

    @agent.state
    def slow(context):
        context.set_state("before", 1)
        loop.call_soon_threadsafe(started.set)
        assert go.wait(10)
        try:
            context.set_state("after", 1)
        except ContextClosedError as error:
            refused.append(str(error))
        loop.call_soon_threadsafe(over.set)

    run = agent.start(cleanup_timeout=0)
    await started.wait()
    with pytest.warns(CleanupWarning, match="'slow'"):
        await agent.cancel_all()
    assert run.status is AgentStatus.CANCELLED
    go.set()
    await over.wait()
    assert agent.context_values == {"before": 1}
    assert len(refused) == 1


async def test_S10_10_a_plain_function_reads_what_it_writes_at_once():
    agent = Agent("tests")

    @agent.state
    def plain(context):
        context.set_state("n", 0)
        for _ in range(100):
            context.set_state("n", context.get_state("n") + 1)
        context.progress(0.5, "half")
        context.show("text")
        assert threading.current_thread() is not threading.main_thread()

    result = await agent.run()
    assert result.values == {"n": 100}
    kinds = [type(event) for event in agent._run.runner.history]
    assert kinds.index(ev.ProgressReported) < kinds.index(ev.OutputShown)
    assert kinds.index(ev.OutputShown) < kinds.index(ev.StateCompleted)


# ---------------------------------------------------------------- telling


@pytest.mark.parametrize(
    "fraction", [0, 1, 0.5, True, Fraction(1, 3), np.float32(0.25), np.float64(1), np.int64(1)]
)
async def test_S10_8_progress_is_an_event_of_plain_data(fraction):
    agent, _ = await within(lambda context: context.progress(fraction, "on the way"))
    (event,) = told(agent, ev.ProgressReported)
    assert (event.state, event.message) == ("only", "on the way")
    assert type(event.fraction) is float
    assert event.fraction == pytest.approx(float(fraction))
    json.dumps(event.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    "fraction",
    [-0.1, 1.1, 50, float("nan"), float("inf"), np.nan, None, "0.5", [0.5], 1j, Decimal("0.5")],
)
async def test_S10_8_progress_is_a_fraction_from_0_to_1(fraction):
    def body(context):
        with pytest.raises(InvalidSpecError, match=r"progress is .* a fraction from 0 to 1"):
            context.progress(fraction)

    agent, _ = await within(body)
    assert not told(agent, ev.ProgressReported)


async def test_S10_8_a_message_is_told_as_text():
    agent, _ = await within(lambda context: context.progress(0.5, ("a", 1)))
    (event,) = told(agent, ev.ProgressReported)
    assert event.message == "('a', 1)"


async def test_S10_8_show_attaches_what_a_cell_would_display():
    class Table:
        def __repr__(self):
            return "a table"

        def _repr_html_(self):
            return "<table></table>"

    agent, _ = await within(lambda context: context.show(Table()))
    (event,) = told(agent, ev.OutputShown)
    assert event.state == "only"
    assert event.bundle == {"text/plain": "a table", "text/html": "<table></table>"}


async def test_S10_8_showing_what_can_not_be_shown_fails_no_state():
    class Broken:
        def __repr__(self):
            raise ValueError("no repr")

        def _repr_html_(self):
            raise ValueError("no html")

    agent, _ = await within(lambda context: context.show(Broken()))
    assert agent.status is AgentStatus.COMPLETED
    (event,) = told(agent, ev.OutputShown)
    text = event.bundle["text/plain"]
    assert text.startswith("<Broken whose repr raises ValueError>\n[text/html left out: ")


# ---------------------------------------------------------------- asking


async def test_S11_1_human_in_the_loop_returns_the_answer():
    agent = Agent("tests")

    @agent.state
    async def review(context):
        answer = await context.human_in_the_loop("Publish?", choices=["yes", "no"])
        context.set_state("answer", answer)

    result = await agent.run(answers={"review": ["yes"]})
    assert result.values == {"answer": "yes"}
    (opened,) = told(agent, ev.PromptOpened)
    assert (opened.text, opened.choices, opened.multiline) == ("Publish?", ("yes", "no"), False)
