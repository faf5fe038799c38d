"""The machine agrees with the slow model on which states run and how often, whatever the timing."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from fluffy_nb.engine import joins

from .drive import drive
from .flows import graphs, structured, timings
from .reference_flow import Flow
from .reference_time import simulate

DIAMOND = Flow({"s": [["a", "b"]], "a": ["j"], "b": ["b2"], "b2": ["j"], "j": [None]})
FORK_IN_LOOP = Flow(
    {"s": ["h"], "h": [["a", "b"]], "a": ["j"], "b": ["b2"], "b2": ["j"], "j": ["h", "h", None]}
)
SPILLING_LOOP = Flow({"a": [["b", "a"], ["b", "a"], "b"], "b": [None]})


@pytest.mark.parametrize(
    ("flow", "counts"),
    [
        (DIAMOND, {"s": 1, "a": 1, "b": 1, "b2": 1, "j": 1}),
        (FORK_IN_LOOP, {"s": 1, "h": 3, "a": 3, "b": 3, "b2": 3, "j": 3}),
        (SPILLING_LOOP, {"a": 3, "b": 1}),
        (Flow({"a": ["a", "a", None]}), {"a": 3}),
        (Flow({"a": ["b"], "b": ["a", None]}), {"a": 2, "b": 2}),
        (Flow({"a": [["b", "b"]], "b": [None]}), {"a": 1, "b": 1}),
    ],
    ids=["diamond", "fork in loop", "spilling loop", "self loop", "two in a loop", "same twice"],
)
def test_S5_1_named_flows(flow, counts):
    assert drive(flow).counts == counts
    assert simulate(flow).counts == counts


def test_S5_1_fork_inside_a_loop_neither_serialises_nor_joins_twice():
    durations = {"a": [1], "b": [5], "b2": [1]}
    outcome = drive(FORK_IN_LOOP, durations)
    assert outcome.counts["j"] == 3
    assert outcome.peak == 2
    assert outcome.time == simulate(FORK_IN_LOOP, durations).time == 1 + 3 * (1 + 5 + 1 + 1)


@given(st.data())
def test_S5_1_structured_flows_agree(data):
    drawn = data.draw(structured())
    durations = data.draw(timings(drawn.flow))
    outcome = drive(drawn.flow, durations)
    assert outcome.status == "COMPLETED"
    assert outcome.counts == drawn.counts
    assert outcome.time == drawn.end(durations)


@given(st.data())
def test_S5_1_random_graphs_agree_whatever_the_timing(data):
    flow = data.draw(graphs())
    limit = data.draw(st.none() | st.integers(1, 3))
    expected = simulate(flow)
    note(f"edges {flow.edges}")
    for _ in range(2):
        durations = data.draw(timings(flow))
        outcome = drive(flow, durations, limit)
        assert outcome.status == expected.status
        assert outcome.counts == expected.counts
        assert outcome.peak <= (limit or inf)
        if limit is None:
            slow = simulate(flow, durations)
            assert outcome.time == slow.time
            assert sorted(outcome.ends) == sorted(slow.ends)


@given(st.data())
def test_S5_7_one_walk_for_all_groups_decides_as_each_group_for_itself(data):
    flow = data.draw(graphs() | structured().map(lambda drawn: drawn.flow))
    durations = data.draw(timings(flow))
    each = drive(flow, durations)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joins, "MANY", 1)
        walked = drive(flow, durations)
    assert (walked.status, walked.counts, walked.ends) == (each.status, each.counts, each.ends)
    assert walked.time == each.time
