"""Which functions are states, and which cell owns them."""

from __future__ import annotations

import functools

import pytest

import fluffy_nb
from fluffy_nb import Agent, Context, state
from fluffy_nb.errors import StateFunctionError, StateInUseError, UsageError
from fluffy_nb.notebook.cells import Owners, states_among


async def by_name(context): ...
def plain(context, n=1): ...
async def by_annotation(c: Context): ...
async def by_text(c: fluffy_nb.Context): ...
async def by_class(c): ...


by_class.__annotations__ = {"c": Context}  # as where annotations are not postponed


async def other(ctx): ...
async def none(): ...
async def _private(context): ...
def only_keyword(*, context): ...
@state
async def _declared(anything): ...
@state(name="renamed", next=["plain"])
async def with_name(context): ...
@functools.wraps(by_name)
def wrapped(*args): ...


class Klass:
    def __init__(self, context): ...


def test_a_state_takes_the_context_or_is_declared():
    functions = {
        name: value
        for name, value in globals().items()
        if getattr(value, "__module__", "") == __name__ and not name.startswith("test_")
    }
    functions["number"] = 3
    assert list(states_among(functions)) == [
        *("by_name", "plain", "by_annotation", "by_text", "by_class"),
        *("_declared", "renamed", "wrapped"),
    ]


def test_two_functions_of_one_name_are_refused():
    with pytest.raises(UsageError, match="'renamed'"):
        states_among({"a": with_name, "b": with_name})


def test_a_declared_function_that_takes_no_context_is_refused():
    @state
    async def bad(): ...

    with pytest.raises(StateFunctionError, match="takes no argument"):
        states_among({"bad": bad})


def cell(*names):
    async def function(context): ...

    return dict.fromkeys(names, function)


@pytest.mark.parametrize("key", ["cell-1", None])
def test_a_cell_run_again_without_a_state_removes_it(key):
    owners, agent = Owners(), Agent("r")
    owners.apply(key, agent, cell("a", "b"))
    owners.apply(key and "cell-2", agent, cell("x", "y"))
    owners.apply(key, agent, cell("b", "c"))
    assert list(agent.states) == ["b", "x", "y", "c"]


def test_with_ids_nothing_has_to_be_shared():
    owners, agent = Owners(), Agent("r")
    owners.apply("1", agent, cell("a"))
    owners.apply("1", agent, cell("b"))
    assert list(agent.states) == ["b"]


def test_without_ids_a_cell_that_shares_no_name_is_another():
    owners, agent = Owners(), Agent("r")
    owners.apply(None, agent, cell("a"))
    owners.apply(None, agent, cell("b"))
    assert list(agent.states) == ["a", "b"]


def test_a_state_belongs_to_the_cell_that_defined_it_last():
    owners, agent = Owners(), Agent("r")
    owners.apply("1", agent, cell("a", "b"))
    owners.apply("2", agent, cell("b"))
    owners.apply("1", agent, cell("a"))
    assert list(agent.states) == ["a", "b"]
    owners.apply("2", agent, cell("c"))
    assert list(agent.states) == ["a", "c"]


def test_states_added_by_hand_are_nobodys():
    owners, agent = Owners(), Agent("r")
    owners.apply("1", agent, cell("a"))
    agent.add_state("mine", by_name)
    owners.apply("1", agent, {})
    assert list(agent.states) == ["mine"]


def test_a_cell_given_to_another_agent_leaves_the_first():
    owners, one, two = Owners(), Agent("one"), Agent("two")
    owners.apply("1", one, cell("a"))
    owners.apply("1", two, cell("a"))
    assert (list(one.states), list(two.states)) == ([], ["a"])


async def test_S2_4_a_state_with_a_branch_at_it_is_kept_and_owned_still():
    owners, agent = Owners(), Agent("r")

    async def a(context):
        return "b"

    owners.apply("1", agent, {"a": a, **cell("b")})
    await agent.step()
    with pytest.raises(StateInUseError):
        owners.apply("1", agent, {"a": a})
    await agent.run()
    owners.apply("1", agent, {"a": a})
    assert list(agent.states) == ["a"]
