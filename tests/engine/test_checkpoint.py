"""Checkpoints as data: what goes through JSON, and what is refused with a reason."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluffy_nb import Agent, Checkpoint, DependencyType, Send
from fluffy_nb.engine.checkpoint import copied
from fluffy_nb.engine.codecs import DEEPEST
from fluffy_nb.errors import CheckpointError, StateError

from .scripted import Script


async def at_step(script, steps, **inputs):
    script.agent._run = None
    await script.agent.step(steps)
    for key, value in inputs.items():
        script.agent._run.runner.shared.values[key] = value
    return script.agent.create_checkpoint()


def chain():
    script = Script()
    script.add("a", "b")
    script.add("b", "c")
    script.add("c")
    return script


async def test_S12_1_it_goes_through_json_and_comes_back_equal():
    checkpoint = await at_step(chain(), 1, n=1, text="ü", deep=[{"a": [1.5, None, True]}])
    data = checkpoint.to_dict()
    assert Checkpoint.from_dict(json.loads(json.dumps(data))) == checkpoint
    assert Checkpoint.from_dict(data).completed_states == {"a"}
    assert checkpoint.run_id == checkpoint.progress.run_id


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


ENDLESS = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (object, "of type"),
        (deep(DEEPEST + 1), "more than 100 deep"),
        (ENDLESS, "more than 100 deep"),
        ([{"a": {print}}], "of builtin_function_or_method"),
    ],
)
async def test_S12_1_a_value_that_json_does_not_give_back_is_named(value, says):
    checkpoint = await at_step(chain(), 1, bad=value)
    with pytest.raises(CheckpointError, match=f"the context's 'bad' holds .*{says}"):
        checkpoint.to_dict()


async def test_S12_1_who_wrote_it_is_named_and_so_is_an_input():
    script = Script()
    script.add("a", lambda c: c.set_state("bad", {print}) or "b", next=["b"])
    script.add("b")
    with pytest.raises(CheckpointError, match="written by state 'a', which can't be saved"):
        (await at_step(script, 1)).to_dict()
    script = Script()
    script.add("a", lambda _: Send("b", page={print}), next=["b"])
    script.add("b")
    with pytest.raises(CheckpointError, match="the input 'page' sent to state 'b' holds"):
        (await at_step(script, 1)).to_dict()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: 5, "5 is no checkpoint"),
        (lambda d: {**d, "version": 99}, "has version 99"),
        (lambda d: {**d, "version": True}, "has version True"),
        (lambda d: {**d, "timestamp": "now"}, "the checkpoint's timestamp is 'now'"),
        (lambda d: {**d, "extra": 1}, "the checkpoint's extra is 1"),
        (lambda d: {**d, "shared_state": {"a": {1}}}, "is no plain data"),
        (lambda d: {**d, "shared_state": ENDLESS}, "is no plain data"),
        (lambda d: {k: v for k, v in d.items() if k != "progress"}, "the checkpoint's progress"),
    ],
)
async def test_S12_1_what_is_no_checkpoint_is_refused(change, says):
    data = (await at_step(chain(), 1)).to_dict()
    with pytest.raises(CheckpointError, match=says):
        Checkpoint.from_dict(change(data))


def test_S12_1_a_copy_does_not_change_with_the_run_and_what_is_endless_stays():
    value = {"a": [1, {"b": 2}]}
    copy = copied(value)
    value["a"][1]["b"] = 3
    assert copy == {"a": [1, {"b": 2}]}
    assert copied(ENDLESS) is ENDLESS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*Checkpoint.__dataclass_fields__, "x"]), JSON))
def test_S12_1_random_dicts_give_a_checkpoint_or_a_clear_error(data):
    with contextlib.suppress(CheckpointError):
        assert isinstance(Checkpoint.from_dict({"version": 1, **data}), Checkpoint)


async def nothing(context):
    return None


@pytest.mark.parametrize("moment", [float("inf"), float("-inf"), float("nan")])
async def test_S12_1_a_time_that_is_no_moment_is_refused(moment):
    data = (await at_step(chain(), 1)).to_dict()
    with pytest.raises(CheckpointError, match="timestamp"):
        Checkpoint.from_dict({**data, "timestamp": moment})


def a_checkpoint():
    """The plain data of a checkpoint with something of everything."""

    async def make():
        script = Script()
        script.add("start", lambda _: [Send("s", n=(1,)), "d", "inner"], next=["s", "d", "inner"])
        script.add("s", lambda c: c.set_state("rows", {1, 2}), next=[])
        script.add("d", dependencies={"s": DependencyType.REQUIRED})
        inner = Agent("inner")
        inner.add_state("one", nothing)
        script.agent.add_state("inner", inner)
        await script.agent.step(2)
        return script.agent.create_checkpoint().to_dict()

    return asyncio.run(make())


def places(data, path=()):
    """Every place in plain data."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in items:
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))
        else:
            yield (*path, key)


WHOLE = a_checkpoint()
PLACES = list(places(WHOLE))
TAGGED = st.builds(
    lambda tag, value: {"$": tag, "v": value},
    st.sampled_from(["tuple", "set", "object", "enum", "bytes", "datetime", "numpy.array", "x"]),
    JSON,
)
EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", settings().max_examples))
"""How many are tried; the gate asks for more than the suite does."""


@settings(max_examples=EXAMPLES)
@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON | TAGGED), min_size=1, max_size=3))
def test_S12_1_a_checkpoint_with_anything_in_it_is_read_or_refused(changes):
    data = json.loads(json.dumps(WHOLE))
    for (*path, last), value in [(path, value) for path, value in changes if path]:
        inside = data
        for key in path:
            inside = inside[key] if _has(inside, key) else {}
        if _has(inside, last):
            inside[last] = value
    with contextlib.suppress(CheckpointError):
        assert isinstance(Checkpoint.from_dict(data), Checkpoint)


def _has(inside, key):
    if isinstance(inside, dict):
        return key in inside
    return isinstance(inside, list) and isinstance(key, int) and key < len(inside)


async def test_S12_5_an_agent_of_another_name_takes_it_up_and_says_what_it_lacks():
    checkpoint = await at_step(chain(), 1)
    other = Agent("other")
    await other.restore_from_checkpoint(checkpoint)
    assert other.status == "PAUSED"
    assert other.priority_queue == ("b",)
    assert len(other.state_metadata) == 2
    assert list(other.state_metadata) == ["a", "b"]
    assert "2 states" in repr(other.state_metadata)
    with pytest.raises(StateError, match="agent 'other' does not have 'b'"):
        await other.resume()
    other.add_state("b", nothing)
    assert (await other.resume()).status == "COMPLETED"


async def test_S10_6_a_result_of_once_that_can_not_be_saved_is_named():
    script = Script()

    async def body(context):
        await context.once("make", lambda: {print})
        raise ValueError("after it")

    script.agent.add_state("s", body)
    with pytest.raises(StateError):
        await script.agent.run()
    with pytest.raises(CheckpointError, match=r"once\('make'\) in state 's' holds .* of builtin"):
        script.agent.create_checkpoint().to_dict()


async def test_S12_6_what_can_not_be_saved_differs_unless_it_is_the_same():
    one = await at_step(chain(), 1, a={print}, b=open, c=1)
    other = await at_step(chain(), 1, a={print}, b=open, c=1)
    assert one.diff(other).changed == ("a",)
    assert Checkpoint.from_dict(json.loads((await at_step(chain(), 1)).to_json()))
