"""Loops and their heads agree with the definition, followed path by path."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given

from fluffy_nb.engine.joins import Topology
from fluffy_nb.engine.loops import components, find_loops

from .flows import graphs
from .reference_graph import find_starts, leads, loop_heads, order_from, parts


@given(graphs(most=10))
def test_S5_1_heads_and_components_are_those_of_the_definition(flow):
    states, edges = list(flow.script), flow.edges
    starts = list(flow.starts) or find_starts(edges)
    found = components(states, edges)
    assert sorted(map(sorted, found)) == sorted(map(sorted, parts(states, edges)))
    place = {state: number for number, part in enumerate(found) for state in part}
    assert all(place[a] <= place[b] for a in states for b in edges[a])  # topological order
    loops = find_loops(states, edges, starts)
    order = order_from([*starts, *states], edges)
    assert {state: set(heads) for state, heads in loops.heads.items()} == loop_heads(order, edges)
    assert sorted(loops.rank.values()) == list(range(len(states)))
    for source in states:
        for target in edges[source]:  # an edge that goes back goes to a head of the source
            back = loops.rank[target] <= loops.rank[source]
            assert not back or target in loops.heads[source]
    for head, last in loops.last.items():  # a loop stands together behind its head
        inside = [state for state in states if head in loops.heads[state]]
        ranks = sorted(loops.rank[state] for state in inside)
        assert ranks == list(range(loops.rank[head], last + 1))


@given(graphs(most=8))
def test_S5_1_who_leads_to_whom_in_this_turn(flow):
    states, edges = list(flow.script), flow.edges
    starts = list(flow.starts) or find_starts(edges)
    topology = Topology(states, edges, starts)
    for target in states:
        walls = topology.heads[target] - {target}
        sources = {state for state in edges if leads(state, target, edges, walls)}
        nearest_first = sorted(states, key=topology.rank.__getitem__, reverse=True)
        for source in nearest_first:  # the search goes back step by step
            assert topology.leads(source, target) == (source in sources), (source, target)
        topology.forget(target)
        for source in states:
            assert topology.leads(source, target) == (source in sources), (source, target)


def test_S5_7_a_long_chain_needs_no_deep_stack():
    states = [f"s{n}" for n in range(20_000)]
    edges = {a: [b] for a, b in pairwise(states)} | {states[-1]: []}
    loops = find_loops(states, edges, states[:1])
    assert loops.rank["s0"] == 0
    assert loops.rank["s19999"] == 19_999
    assert not loops.last


def test_S5_1_nested_loops_have_heads_of_their_own():
    edges = {"a": ["b"], "b": ["c"], "c": ["b", "d"], "d": ["a", "e"], "e": []}
    loops = find_loops(list(edges), edges, ["a"])
    assert loops.heads["c"] == {"a", "b"}
    assert loops.heads["d"] == {"a"}
    assert loops.heads["e"] == frozenset()


def test_S5_1_of_several_entries_the_one_reached_first_is_the_head():
    edges = {"s": ["x", "y"], "x": ["y"], "y": ["x"]}
    assert find_loops(list(edges), edges, ["s"]).heads["y"] == {"x"}
    assert find_loops(["x", "y"], {"x": ["y"], "y": ["x"]}, ["y"]).heads["x"] == {"y"}


@pytest.mark.parametrize(
    ("edges", "state", "direct"),
    [
        ({"s": ["a"], "a": []}, "a", True),
        ({"s": ["a", "b"], "a": ["j"], "b": ["j"], "j": []}, "j", False),
        ({"s": ["s", "b"], "b": []}, "b", False),  # after a loop: waits for all of it
        ({"s": ["h"], "h": ["a"], "a": ["h"]}, "a", True),
        ({"s": ["a"], "a": []}, "s", False),  # a start is led to by the run itself
    ],
)
def test_S5_7_one_way_in_decides_at_once(edges, state, direct):
    assert Topology(list(edges), edges, ["s"]).direct(state) is direct
