"""Graphs with agents inside, templates and other joins, and what pictures make of them."""

from __future__ import annotations

import pytest

from fluffy_nb import Agent, Send
from fluffy_nb.diagram import draw, to_dot, to_mermaid
from fluffy_nb.diagram.extract import extract, topology
from fluffy_nb.diagram.flat import flatten
from fluffy_nb.diagram.layout import lay_out
from fluffy_nb.engine.graph import EdgeKind


def agent_of(*names, name="tested"):
    agent = Agent(name)
    for state, following in zip(names, [*names[1:], None], strict=True):
        agent.add_state(state, nothing, next=[following] if following else [])
    return agent


async def nothing(context):
    return None


@pytest.fixture
def outer():
    inner = agent_of("draft", "check", name="inner")
    inner.add_state("deepest", agent_of("one", name="deepest"), next=[])
    outer = agent_of("start", "review", "publish", name="outer")
    outer.add_state("review", inner, next=["publish"], replace=True)
    return outer


def test_S4_4_states_inside_agents_stand_behind_them_with_their_whole_names(outer):
    graph = flatten(outer.state_graph)
    assert graph.names == (
        "start",
        "review",
        "review/draft",
        "review/check",
        "review/deepest",
        "review/deepest/one",
        "publish",
    )
    assert graph.clusters == {
        "review/draft": "review",
        "review/check": "review",
        "review/deepest": "review",
        "review/deepest/one": "review/deepest",
    }
    assert graph.starts == {"start"}
    edges = {(edge.source, edge.target) for edge in graph.edges}
    assert {
        ("review", "review/draft"),
        ("review/draft", "review/check"),
        ("review/deepest", "review/deepest/one"),
    } <= edges


def test_S4_4_an_agent_is_drawn_as_a_frame_around_its_states(outer):
    drawing = draw(outer)
    assert drawing.svg.count('class="fluffy-cluster"') == 2
    assert 'data-state="review/deepest/one"' in drawing.svg
    source = to_dot(outer)
    assert "subgraph cluster_n1 {" in source
    assert "subgraph cluster_n4 {" in source
    mermaid = to_mermaid(outer)
    assert mermaid.count("subgraph ") == mermaid.count("\n  end") == 2


def test_S4_4_a_frame_holds_its_states_and_no_others(outer):
    from fluffy_nb.diagram.dot import bare

    layout = lay_out(bare(extract(outer)))
    left, top, right, bottom = layout.clusters["n1"]
    inside = {
        name
        for name, (x, y) in layout.nodes.items()
        if left < x < right and top < y < bottom and name.startswith("n")
    }
    assert inside == {"n1", "n2", "n3", "n4", "n5"}


def test_S4_3_what_an_event_tells_of_is_found_in_the_graph(outer):
    outer.add_state("chunk_{i}", nothing, next=[])
    inner = outer.states["review"].flow
    inner.add_state("page_{n}", nothing, next=[])
    graph = flatten(outer.state_graph)
    assert graph.node("start") == "start"
    assert graph.node("chunk_3") == "chunk_{i}"
    assert graph.node("review/page_7") == "review/page_{n}"
    assert graph.node("page_7") == "page_7"
    assert graph.node("gone") == "gone"


async def test_S4_3_a_template_shows_how_many_have_completed():
    agent = Agent("tested")
    agent.add_state("start", sends, next=["work"])
    agent.add_state("work", nothing, next=[])
    await agent.step(2)
    (work,) = [node for node in extract(agent).nodes if node.name == "work"]
    assert "1/3" in work.details
    await agent.run()
    (work,) = [node for node in extract(agent).nodes if node.name == "work"]
    assert "3\u00d7" in work.details


async def sends(context):
    return [Send("work", i=i) for i in range(3)]


def test_S9_4_breakpoints_joins_and_handlers_are_shown():
    agent = agent_of("a", "b", "c")
    agent.add_state("b", nothing, next=["c"], join="each", replace=True)
    agent.add_state("c", nothing, next=[], join="first", on_error="a", replace=True)
    agent.breakpoints.add("b")
    svg = draw(agent).svg
    assert 'data-breakpoint=""' in svg
    assert "the run pauses before it" in svg
    assert "runs for each arrival" in svg
    assert "runs for first arrival only" in svg
    assert f'data-kind="{EdgeKind.HANDLER}"' in svg


def test_a_picture_reads_in_the_direction_that_its_agent_says():
    agent = agent_of("a", "b")
    before = topology(agent)
    assert "rankdir=TB" in to_dot(agent)
    agent.layout = "LR"
    assert "rankdir=LR" in to_dot(agent)
    assert "rankdir=TB" in to_dot(agent, direction="TB")
    assert to_mermaid(agent).startswith("flowchart LR")
    assert topology(agent) != before
    down, right = draw(agent, direction="TB"), draw(agent)
    assert down.svg != right.svg
