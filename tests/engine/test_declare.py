"""`@state`: settings that wait on a function until an agent takes it."""

from __future__ import annotations

import functools

import pytest

from fluffy_nb.engine.agent import Agent
from fluffy_nb.engine.declare import UNDECLARED, Settings, settings_of, state
from fluffy_nb.errors import InvalidSpecError, StateFunctionError


def test_the_function_is_returned_unchanged():
    async def load(context):
        return "done"

    assert state(load) is load
    assert settings_of(load) == Settings(None, {})
    assert settings_of(load) is not UNDECLARED


def test_name_and_next_are_kept():
    @state(name="load data", next=["a", "b", "a"])
    async def load(context): ...

    assert settings_of(load) == Settings("load data", {"next": ("a", "b")})

    @state(next="a")
    async def one(context): ...

    assert settings_of(one) == Settings(None, {"next": ("a",)})

    @state()
    async def none(context): ...

    assert settings_of(none) == Settings(None, {})


def test_decorating_again_counts():
    async def load(context): ...

    state(next=["a"])(load)
    state(next=["b"])(load)
    assert settings_of(load).given["next"] == ("b",)


def test_a_wrapper_takes_the_settings_over():
    @state(next=["a"])
    async def load(context): ...

    @functools.wraps(load)
    async def wrapper(context): ...

    assert settings_of(wrapper).given["next"] == ("a",)


@pytest.mark.parametrize("name", ["", "  ", 5, ["a"]])
def test_a_name_is_a_string_that_is_not_empty(name):
    with pytest.raises(InvalidSpecError, match="a state's name is"):
        state(name=name)


@pytest.mark.parametrize("following", [5, [5], ["a", None]])
def test_next_holds_names(following):
    with pytest.raises(InvalidSpecError, match="next= of state 'load' is"):

        @state(next=following)
        async def load(context): ...

    with pytest.raises(InvalidSpecError, match="next= of state 'named' is"):
        state(name="named", next=following)(lambda context: None)


@pytest.mark.parametrize("thing", [5, ["a"]])
def test_only_what_can_be_called_is_decorated(thing):
    with pytest.raises(StateFunctionError, match=r"can't be called; a state is a function"):
        state(thing)


def test_S13_7_a_name_in_the_place_of_the_function_is_answered_with_the_keyword():
    with pytest.raises(InvalidSpecError, match=r"'load'.*must be a function.*name='load'"):
        state("load")


def test_what_takes_no_attribute_is_refused_with_the_way_out():
    class Steps:
        def load(self, context): ...

    for function in (Steps().load, len, str):
        with pytest.raises(StateFunctionError, match="give name= and next= to add_state instead"):
            state(function)
    partial = functools.partial(lambda n, context: None, 1)
    assert state(name="load")(partial) is partial
    assert settings_of(partial).name == "load"


@pytest.mark.parametrize("thing", [None, 5, len, lambda context: None, object()])
def test_all_others_are_undeclared(thing):
    assert settings_of(thing) is UNDECLARED


def test_what_only_looks_like_settings_is_none():
    def load(context): ...

    load.__fluffy_state__ = {"next": ["a"]}
    assert settings_of(load) is UNDECLARED


def test_S2_1_an_agent_takes_the_settings_and_what_it_is_told_itself_wins():
    @state(next=["a"])
    async def load(context): ...

    agent = Agent("tests")
    agent.add_state("declared", load)
    agent.add_state("told", load, next=["b"])
    agent.add_state("told none", load, next=[])
    agent.add_state("unread", lambda context: None)
    nexts = [spec.next for spec in agent.states.values()]
    assert nexts == [("a",), ("b",), (), None]
