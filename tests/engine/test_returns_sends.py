"""Reading `Send` and `(agent, "state")` from a state's returns."""

from __future__ import annotations

import pytest

import fluffy_nb
from fluffy_nb import Agent, Send
from fluffy_nb import Send as Going
from fluffy_nb.engine.returns import read_returns

review = Agent("review")
pages = ["one", "two"]


def read(function):
    return read_returns(function, (Agent,))


async def single(context):
    return Send("work", page=1)


async def under_another_name(context):
    return [Going("work"), fluffy_nb.Send("rest")]


async def one_of_two(context):
    return Send("work" if context.has_state("x") else "rest", n=1)


async def comprehension(context):
    return [Send("work", page=page) for page in pages] + ["after"]


async def formatted(context):
    return [Send(f"chunk_{page}") for page in pages]


async def computed(context):
    return Send(context.get_state("next"))


async def unpacked(context):
    return Send(*pages)


async def a_list(context):
    return Send(["work"])


async def maybe_nothing(context):
    return Send("work") if pages else None


async def joined(context):
    return "a" + Send("b")


@pytest.mark.parametrize(
    ("function", "targets", "sends", "forks", "readable"),
    [
        (single, ("work",), ("work",), False, True),
        (under_another_name, ("work", "rest"), ("work", "rest"), True, True),
        (one_of_two, ("work", "rest"), ("work", "rest"), False, True),
        (comprehension, ("work", "after"), ("work",), True, True),
        (computed, (), (), False, False),
        (unpacked, (), (), False, False),
        (a_list, (), (), False, False),
        (maybe_nothing, ("work",), ("work",), False, True),
        (joined, (), (), False, False),
    ],
)
def test_S2_1_sends_are_read(function, targets, sends, forks, readable):
    found = read(function)
    assert (found.targets, found.sends) == (targets, sends)
    assert bool(found.forks) is forks
    assert (found.unreadable is None) is readable


def test_S2_1_a_send_by_f_string_is_a_pattern():
    found = read(formatted)
    (pattern,) = found.patterns
    assert found.sends == (pattern,)
    assert pattern.fullmatch("chunk_1")
    assert found.forks


async def pair(context):
    return (review, "draft")


async def pairs(context):
    return [(review, "draft"), (review, "check" if pages else "spell"), "after"]


async def pair_of_no_agent(context):
    return (pages, "draft")


async def pair_of_no_name(context):
    return (review, context.get_state("next"))


def test_S2_1_pairs_of_agent_and_name_are_read():
    assert read(pair).agents == ((review, "draft"),)
    assert read(pair).unreadable is None
    found = read(pairs)
    assert found.agents == ((review, "draft"), (review, "check"), (review, "spell"))
    assert found.targets == ("after",)
    assert found.forks


@pytest.mark.parametrize("function", [pair_of_no_agent, pair_of_no_name])
def test_S2_1_other_pairs_are_no_results(function):
    assert read(function).agents == ()
    assert read(function).unreadable
