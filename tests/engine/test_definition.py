"""The states of an agent: adding, replacing, removing, and what is said before a run."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import pytest

from fluffy_nb.engine.agent import Agent
from fluffy_nb.engine.definition import Definition
from fluffy_nb.engine.dependencies import DependencyType, declared_dependencies
from fluffy_nb.engine.graph import Edge, EdgeKind
from fluffy_nb.engine.specs import declared_next
from fluffy_nb.errors import (
    AmbiguousStartError,
    DuplicateStateError,
    InvalidSpecError,
    NoStatesError,
    OpenStateError,
    StateFunctionError,
    UndefinedTargetWarning,
    UnknownStateError,
)


def define(*names, start=None, **nexts):
    definition = Definition("tests", start)
    for name in [*names, *nexts]:
        following = declared_next(name, nexts.get(name, []))
        definition.add(name, lambda context: None, next=following, replace=False)
    return definition


async def to_b(context):
    return "b"


async def to_c(context):
    return "c"


async def unreadable(context):
    return context.get_state("next")


# ---------------------------------------------------------------- adding and removing


def test_S2_4_states_are_kept_in_the_order_they_were_added():
    assert list(define("c", "a", "b").states) == ["c", "a", "b"]


def test_S2_4_a_replaced_state_keeps_its_place():
    definition = define("a", "b", "c")
    definition.add("b", to_c, replace=True)
    assert list(definition.states) == ["a", "b", "c"]
    assert definition.states["b"].function is to_c
    definition.add("d", to_c, replace=True)  # there is none to replace
    assert list(definition.states) == ["a", "b", "c", "d"]


def test_S2_4_the_graph_changes_with_the_states():
    definition = Definition("tests", None)
    definition.add("a", to_b, replace=False)
    assert definition.graph().undefined == ("b",)
    definition.add("b", to_c, next=declared_next("b", []), replace=False)
    assert definition.graph().edges == (Edge("a", "b", EdgeKind.INFERRED),)
    assert definition.graph().undefined == ()
    definition.add("a", to_c, replace=True)
    assert definition.graph().edges == (Edge("a", "c", EdgeKind.INFERRED),)
    definition.remove("a")
    assert definition.graph().edges == ()
    assert definition.graph().starts == ("b",)


def test_S2_4_the_mapping_of_states_is_read_only_and_follows():
    definition = define("a")
    states = definition.states
    with pytest.raises(TypeError):
        states["b"] = None
    definition.remove("a")
    assert not states


def test_a_second_state_of_a_name_is_refused():
    definition = define("a")
    before = definition.states["a"]
    with pytest.raises(DuplicateStateError, match=r"'tests' already has a state 'a'.*replace=True"):
        definition.add("a", to_b, replace=False)
    assert definition.states["a"] is before


@pytest.mark.parametrize("name", [None, 5, "", ["a"], {}])
def test_a_state_without_a_proper_name_is_refused(name):
    definition = define("a")
    with pytest.raises(InvalidSpecError, match="a state's name is"):
        definition.add(name, to_b, replace=False)
    assert list(definition.states) == ["a"]


def test_a_replacement_that_is_refused_changes_nothing():
    definition = define("a")
    before = definition.states["a"]
    with pytest.raises(StateFunctionError):
        definition.add("a", None, replace=True)
    with pytest.raises(InvalidSpecError):
        definition.add("a", to_b, next=declared_next("a", 5), replace=True)
    assert definition.states["a"] is before


def test_removing_an_unknown_state_is_refused():
    with pytest.raises(UnknownStateError, match=r"'laod' was named.*did you mean 'load'\?"):
        define("load").remove("laod")


def test_what_was_read_of_a_function_is_forgotten_with_its_state():
    definition = Definition("tests", None)
    for _ in range(3):

        async def load(context):
            return "b"

        definition.add("load", load, replace=True)
        definition.graph()
    definition.remove("load")
    assert not definition._readings


def test_two_states_may_share_a_function():
    definition = Definition("tests", None)
    definition.add("a", to_b, replace=False)
    definition.add("b", to_b, replace=False)
    definition.remove("a")
    assert definition.graph().edges == (Edge("b", "b", EdgeKind.INFERRED),)


def test_a_function_that_can_not_be_hashed_can_be_a_state():
    @dataclass
    class Load:
        n: int

        async def __call__(self, context):
            return "b"

    definition = Definition("tests", None)
    definition.add("a", Load(1), replace=False)
    assert definition.graph().edges == (Edge("a", "b", EdgeKind.INFERRED),)


def test_the_graph_is_read_once_as_long_as_nothing_changes():
    definition = define("a", "b")
    graph = definition.graph()
    assert definition.graph() is graph
    assert definition.graph(("a",)) is not graph
    assert definition.graph(None, {("a", "b"): 1}).edges == (Edge("a", "b", EdgeKind.TAKEN),)


def test_S6_2_an_edge_by_which_a_dependency_leads_stays_one_when_a_run_takes_it():
    definition = define("a", "c", b=["c"])
    needed = declared_dependencies("d", {"a": DependencyType.REQUIRED})
    definition.add("d", lambda context: None, next=(), dependencies=needed, replace=False)
    needed = declared_dependencies("c", {"a": DependencyType.REQUIRED})
    definition.add("c", lambda context: None, next=(), dependencies=needed, replace=True)
    kinds = {(e.source, e.target): e.kind for e in definition.graph(None, TAKEN).edges}
    assert kinds["a", "d"] is EdgeKind.DEPENDENCY  # nothing else leads there
    assert kinds["a", "c"] is EdgeKind.TAKEN  # it was returned: the dependency alone leads nowhere
    assert kinds["b", "c"] is EdgeKind.DECLARED


TAKEN = {("a", "d"): 1, ("a", "c"): 1, ("b", "c"): 1}

# ---------------------------------------------------------------- starts


def test_S3_1_the_caller_names_the_starts_or_else_the_agent():
    definition = define("a", "b", "c", start=("b",))
    assert definition.check(None) == ("b",)
    assert definition.check(("c", "a")) == ("c", "a")
    assert definition.graph().starts == ("b",)
    assert definition.graph(("a",)).starts == ("a",)


def test_S3_1_no_names_are_none():
    definition = define(start=(), a=["b"], b=[])
    assert definition.check(None) == ("a",)
    assert definition.check(()) == ("a",)
    assert definition.graph().starts == ("a",)


async def test_S3_1_an_agent_given_no_start_names_finds_them():
    agent = Agent("tests", start=[])
    agent.add_state("only", lambda context: None, next=[])
    assert (await agent.run()).counts == {"only": 1}


@pytest.mark.parametrize("name", ["lod", 5, None])
def test_S3_1_a_start_that_is_no_state_is_refused(name):
    with pytest.raises(UnknownStateError, match=f"{name!r} was named, which is no state"):
        define("load").check((name,))
    with pytest.raises(UnknownStateError):
        define("load", start=(name,)).check(None)


def test_S3_2_starts_are_found():
    assert define(b=["c"], a=["b"], c=[]).check(None) == ("a",)


def test_S3_3_named_starts_are_never_ambiguous():
    definition = define(a=["laod"], load=[])
    with pytest.raises(AmbiguousStartError):
        definition.check(None)
    with pytest.warns(UndefinedTargetWarning):
        assert definition.check(("a",)) == ("a",)


@pytest.mark.parametrize("start", [None, ("a",)])
def test_S3_4_an_agent_without_states_refuses_to_run(start):
    with pytest.raises(NoStatesError, match="agent 'tests' has no states"):
        define().check(start)


# ---------------------------------------------------------------- before a run


def test_S2_3_a_target_that_is_no_state_is_reported_before_the_run():
    definition = define(a=["laod", "gone"], load=["laod"], start=("a",))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        definition.check(None)
    assert {warning.category for warning in told} == {UndefinedTargetWarning}
    assert [str(warning.message) for warning in told] == [
        (
            "state 'a' of agent 'tests' can return 'laod', which is no state "
            "(did you mean 'load'?); the run fails if it gets there."
        ),
        (
            "state 'a' of agent 'tests' can return 'gone', which is no state "
            "(there are 'a', 'load'); the run fails if it gets there."
        ),
    ]


async def test_S2_3_the_report_points_at_the_line_that_runs():
    agent = Agent("tests")
    agent.add_state("a", lambda context: None, next=["gone"])
    with pytest.warns(UndefinedTargetWarning) as told:
        await agent.run()
    assert told[0].filename == __file__


def test_S2_2_an_open_state_is_refused_where_the_flow_forks():
    definition = define(fork=["a", "b"], a=[], b=[])
    definition.add("load", unreadable, replace=False)
    with pytest.raises(OpenStateError, match=r"'load' can't be read.*it starts at 'fork', 'load'"):
        definition.check(None)
    assert definition.check(("load",)) == ("load",)
    definition.add("load", unreadable, next=declared_next("load", ["a"]), replace=True)
    assert definition.check(None) == ("fork", "load")
