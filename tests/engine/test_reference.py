"""The reference model is right: on flows small enough to check by hand, and on what must hold."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .flows import Structured, graphs, structured, timings
from .reference_flow import Flow
from .reference_graph import find_starts, loop_heads, order_from
from .reference_time import simulate

slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def once_each(flow, **durations):
    outcome = simulate(flow, durations)
    assert outcome.counts == dict.fromkeys(flow.script, 1)
    return outcome


# ---------------------------------------------------------------- starts


def test_S3_2_what_nothing_leads_to_starts():
    assert find_starts({"b": ["c"], "a": ["c"], "c": []}) == ["b", "a"]


def test_S3_2_a_circle_that_nothing_leads_to_starts_at_the_state_added_first():
    assert find_starts({"draft": ["approve"], "approve": ["draft", "end"], "end": []}) == ["draft"]


def test_S3_2_a_circle_that_something_leads_to_does_not_start():
    assert find_starts({"x": ["y"], "y": ["x"], "go": ["x"]}) == ["go"]


def test_S3_2_a_state_alone_starts_though_it_leads_to_itself():
    assert find_starts({"a": ["a"]}) == ["a"]


# ---------------------------------------------------------------- joins without loops


def test_S5_1_a_diamond_joins_once():
    diamond = Flow({"a": [["b", "c"]], "b": ["d"], "c": ["d"], "d": [None]})
    assert once_each(diamond, c=[5]).ends == ["a", "b", "c", "d"]
    assert once_each(diamond, b=[5]).ends == ["a", "c", "b", "d"]


def test_S5_1_branches_of_unequal_length_join_once():
    flow = Flow({"a": [["m", "b"]], "b": ["c"], "c": ["d"], "d": ["m"], "m": [None]})
    assert once_each(flow).ends == ["a", "b", "c", "d", "m"]


def test_S5_1_a_branch_that_ends_on_the_way_is_waited_for_until_it_ends():
    flow = Flow({"a": [["b", "c"]], "b": ["d"], "c": [None], "d": [None]}, {"c": ["d"]})
    assert once_each(flow, c=[9]).ends == ["a", "b", "c", "d"]


def test_S5_1_a_branch_that_cannot_lead_there_is_not_waited_for():
    flow = Flow({"a": [["b", "c"]], "b": ["d"], "c": [None], "d": [None]})
    assert once_each(flow, c=[9]).ends == ["a", "b", "d", "c"]


def test_S5_1_two_starts_merge():
    flow = Flow({"a": ["m"], "b": ["c"], "c": ["m"], "m": [None]})
    assert once_each(flow, c=[7]).ends == ["a", "b", "c", "m"]


def test_S4_1_a_name_given_twice_is_two_branches_that_join():
    assert once_each(Flow({"a": [["b", "b"]], "b": [None]})).ends == ["a", "b"]


def test_S4_1_an_empty_list_ends_the_branch():
    assert once_each(Flow({"a": [[]]})).status == "COMPLETED"


# ---------------------------------------------------------------- loops


def test_S5_5_a_state_that_leads_to_itself_runs_as_often_as_it_says():
    assert simulate(Flow({"a": ["a", "a", None]})).counts == {"a": 3}


def test_S5_5_two_states_that_lead_to_each_other_take_turns():
    outcome = simulate(Flow({"a": ["b"], "b": ["a", "a", None]}))
    assert outcome.ends == ["a", "b"] * 3


def test_a_flow_that_never_ends_is_cut_off():
    outcome = simulate(Flow({"a": ["a"]}), most=10)
    assert (outcome.status, outcome.counts) == ("RUNNING", {"a": 11})  # the last stands ready


@pytest.mark.parametrize("slow_one", ["b", "c"])
def test_S5_1_a_fork_in_a_loop_joins_once_a_turn_and_stays_parallel(slow_one):
    flow = Flow({"a": [["b", "c"]], "b": ["d"], "c": ["d"], "d": ["a", "a", None]})
    outcome = simulate(flow, {slow_one: [4]})
    assert outcome.counts == dict.fromkeys("abcd", 3)
    assert outcome.time == 3 * (1 + 4 + 1)  # b and c together: not one after the other
    assert outcome.peak == 2


def test_S5_1_branches_that_meet_at_the_head_of_their_loop_join_there():
    flow = Flow({"a": [["b", "c"], ["b", "c"], None], "b": ["a"], "c": ["a"]})
    assert simulate(flow, {"b": [7, 1]}).counts == {"a": 3, "b": 2, "c": 2}


def test_S5_1_a_branch_in_its_next_turn_does_not_hold_this_one():
    # b leads back to the head while c is under way to d: d must not wait for another turn.
    flow = Flow({"a": [["b", "c"], None], "b": ["a"], "c": ["d"], "d": ["a"]}, {"a": ["d"]})
    outcome = simulate(flow, {"c": [5]})
    assert outcome.ends == ["a", "b", "c", "d", "a"]


def test_S5_1_what_comes_after_a_loop_waits_for_all_of_it():
    # Every turn sends one branch out: all of them join after the last turn.
    flow = Flow({"a": ["b"], "b": [["a", "after"], ["a", "after"], "after"], "after": [None]})
    outcome = simulate(flow)
    assert outcome.ends == ["a", "b"] * 3 + ["after"]


def test_S5_1_nested_loops_have_their_own_heads_and_joins():
    flow = Flow(
        {
            "outer": ["inner", "inner", "end"],
            "inner": [["left", "right"]],
            "left": ["join"],
            "right": ["join"],
            "join": ["inner", "back", "inner", "inner", "back"],
            "back": ["outer"],
            "end": [None],
        }
    )
    counts = {"outer": 3, "inner": 5, "left": 5, "right": 5, "join": 5, "back": 2, "end": 1}
    for durations in ({}, {"left": [3, 1, 4]}, {"right": [9, 1]}):
        assert simulate(flow, durations).counts == counts
    heads = loop_heads(order_from(["outer"], flow.edges), flow.edges)
    assert heads["join"] == {"outer", "inner"}
    assert heads["back"] == {"outer"}
    assert heads["end"] == set()


def test_S5_1_a_loop_entered_in_several_places_is_headed_by_the_state_reached_first():
    edges = {"s": ["a", "b"], "a": ["b"], "b": ["a"]}
    assert loop_heads(order_from(["s"], edges), edges) == {"s": set(), "a": {"a"}, "b": {"a"}}
    edges = {**edges, "s": ["b", "a"]}
    assert loop_heads(order_from(["s"], edges), edges) == {"s": set(), "a": {"b"}, "b": {"b"}}


@pytest.mark.parametrize("durations", [{}, {"a": [5]}, {"b": [5, 1]}, {"s": [0], "b": [0]}])
def test_S5_1_a_loop_entered_in_two_places_at_once_does_not_depend_on_timing(durations):
    # The branch that enters at b goes first: it can reach the head a, a's branch b only past it.
    flow = Flow({"s": [["a", "b"]], "a": ["b", None], "b": ["a", "a", None]})
    outcome = simulate(flow, durations)
    assert outcome.ends == ["s", "b", "a", "b", "a"]
    assert outcome.let_go == 0


# ---------------------------------------------------------------- concurrency


@pytest.mark.parametrize(("most", "time", "peak"), [(inf, 3, 4), (2, 4, 2), (1, 6, 1)])
def test_S7_2_max_concurrent_bounds_the_states_in_execution(most, time, peak):
    wide = Flow({"a": [list("bcde")], **{s: ["f"] for s in "bcde"}, "f": [None]})
    outcome = simulate(wide, max_concurrent=most)
    assert (outcome.time, outcome.peak) == (time, peak)
    assert outcome.ends == list("abcdef")


# ---------------------------------------------------------------- any flow


@slow
@given(st.data(), st.sampled_from([inf, 1, 2, 3]))
def test_S5_1_structured_flows_run_every_state_as_often_as_their_structure_says(data, most):
    drawn: Structured = data.draw(structured())
    outcome = simulate(drawn.flow, data.draw(timings(drawn.flow)), max_concurrent=most)
    assert (outcome.status, outcome.let_go) == ("COMPLETED", 0)
    assert outcome.counts == drawn.counts


@slow
@given(st.data())
def test_S5_1_structured_flows_wait_for_nothing_their_structure_does_not_ask_for(data):
    drawn: Structured = data.draw(structured())
    durations = data.draw(timings(drawn.flow))
    assert simulate(drawn.flow, durations).time == drawn.end(durations)


@slow
@given(st.data(), graphs())
def test_S5_1_how_often_states_run_does_not_depend_on_timing(data, flow):
    expected = simulate(flow)
    assert (expected.status, expected.let_go) == ("COMPLETED", 0)
    for most in (inf, inf, 1, 2):
        outcome = simulate(flow, data.draw(timings(flow)), max_concurrent=most)
        assert (outcome.status, outcome.let_go) == ("COMPLETED", 0)
        assert outcome.counts == expected.counts
