import asyncio
import logging
import threading

import pytest

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.status import AgentStatus, StateStatus
from fluffy_nb.errors import LayoutError
from fluffy_nb.widgets import GraphWidget
from fluffy_nb.widgets import graph as module

from . import fakes
from .fakes import FakeAgent

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.fixture
def agent():
    edges = [("draft", "approve"), ("approve", "publish")]
    return FakeAgent("draft", "approve", "publish", edges=edges)


@pytest.fixture
def graph(agent):
    return GraphWidget(agent)


def node(graph, agent, name):
    return graph.present["nodes"][fakes.ids(agent)[name]]


# ---------------------------------------------------------------- patches


def test_a_run_is_followed(agent, graph):
    agent.begin()
    agent.enter("draft")
    assert node(graph, agent, "draft")["status"] == "RUNNING"
    agent.leave("draft", "approve")
    assert node(graph, agent, "draft")["status"] == "COMPLETED"
    assert graph.present["edges"] == {"n0 n1": 1, "n1 n2": 0}


def test_statuses_that_no_event_names_are_right_when_a_run_ends_and_goes_on(agent, graph):
    agent.begin()
    agent.enter("draft")
    agent.state_metadata["draft"].status = StateStatus.CANCELLED
    agent.end(ev.RunCancelled, AgentStatus.CANCELLED, "why")
    assert node(graph, agent, "draft")["status"] == "CANCELLED"
    agent.state_metadata["draft"].status = StateStatus.READY
    agent.emit(ev.RunResumed)
    assert node(graph, agent, "draft")["status"] == "READY"


def test_S5_6_what_a_state_waits_for_is_kept_up_to_date(agent, graph):
    agent.begin()
    agent.waits["publish"] = "waits for approve"
    agent.enter("draft")
    agent.leave("draft", "publish")
    assert node(graph, agent, "publish")["detail"] == "waits for approve"
    agent.waits["publish"] = "waits for draft"
    agent.enter("approve")  # no event speaks of `publish`
    assert node(graph, agent, "publish")["detail"] == "waits for draft"
    agent.waits.clear()
    agent.enter("publish")
    assert node(graph, agent, "publish")["detail"] == ""


def test_a_new_run_begins_with_a_clean_graph(agent, graph):
    agent.begin()
    agent.enter("draft")
    agent.leave("draft", "approve")
    agent.end()
    agent.begin()
    assert node(graph, agent, "draft")["status"] == "PENDING"
    assert graph.present["edges"]["n0 n1"] == 0


def test_rule_8_one_status_change_among_1000_states_sends_a_few_hundred_bytes(wire):
    agent = FakeAgent(*(f"state_{number}" for number in range(1000)))
    graph = GraphWidget(agent)
    agent.begin()
    wire.clear()
    agent.emit(ev.StateQueued, 1, "state_500", ())
    assert wire.sent == []  # nothing has changed
    agent.state_metadata["state_500"].status = StateStatus.READY
    agent.emit(ev.StateQueued, 1, "state_500", ())
    assert len(wire.of(graph)) == 1
    assert 0 < wire.size() < 400


def test_a_thousand_events_between_two_turns_of_the_loop_are_one_patch(wire, agent, loop):
    graph = GraphWidget(agent)
    agent.begin()
    loop.advance(1)
    wire.clear()
    for _ in range(1000):
        agent.enter("draft")
        agent.leave("draft")
    loop.advance(0.01)
    assert len(wire.of(graph)) == 1


def test_a_busy_second_sends_at_most_30_patches(wire, agent, loop):
    graph = GraphWidget(agent)
    agent.begin()
    loop.advance(2)
    wire.clear()
    for _ in range(1000):
        agent.leave("draft", "approve")
        loop.advance(0.000999)
    assert 20 < len(wire.of(graph)) <= 30


def test_the_end_of_a_run_is_shown_at_once(agent, loop):
    graph = GraphWidget(agent)
    agent.begin()
    agent.enter("draft")
    agent.leave("draft")
    agent.end()
    loop.advance(0)
    assert node(graph, agent, "draft")["status"] == "COMPLETED"


# ---------------------------------------------------------------- another graph


def test_a_change_of_the_graph_is_drawn(agent, graph, drawn):
    agent.begin()
    agent.states["extra"] = agent.states["draft"]
    agent.state_metadata["extra"] = agent.state_metadata["draft"]
    agent.emit(ev.GraphChanged, ("extra",))
    assert len(drawn) == 2
    assert node(graph, agent, "extra")["status"] == "PENDING"


def test_an_edge_nobody_knew_of_is_drawn(agent, graph, drawn):
    agent.begin()
    agent.edges.append(("draft", "publish"))
    agent.leave("draft", "publish")
    assert len(drawn) == 2
    assert graph.present["edges"]["n0 n2"] == 1


def test_states_added_between_runs_are_drawn_when_the_next_begins(agent, graph, drawn):
    agent.edges.append(("draft", "publish"))
    agent.begin()
    assert len(drawn) == 2


def test_without_a_change_of_the_graph_nothing_is_drawn_again(agent, graph, drawn):
    agent.begin()
    agent.emit(ev.GraphChanged, ("draft",))
    agent.leave("draft", "approve")
    agent.end()
    assert len(drawn) == 1


async def test_a_running_loop_is_not_held_while_the_graph_is_laid_out(agent, graph, monkeypatch):
    release, drawing = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(agent):
        loop.call_soon_threadsafe(drawing.set)
        assert release.wait(5)
        return fakes.draw(agent)

    agent.begin()
    monkeypatch.setattr(module, "draw", slow)
    agent.edges.append(("draft", "publish"))
    agent.emit(ev.GraphChanged, ())
    await asyncio.wait_for(drawing.wait(), 5)  # the loop turns while the other thread draws
    agent.enter("draft")
    agent.leave("draft", "publish")
    task = graph._drawing
    release.set()
    await task
    assert node(graph, agent, "draft")["status"] == "COMPLETED"
    assert graph.present["edges"]["n0 n2"] == 1


async def test_what_changes_while_it_is_laid_out_is_drawn_next(agent, graph, monkeypatch):
    release, drawing = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(agent):
        picture = fakes.draw(agent)
        loop.call_soon_threadsafe(drawing.set)
        assert release.wait(5)
        return picture

    agent.begin()
    monkeypatch.setattr(module, "draw", slow)
    agent.edges.append(("draft", "publish"))
    agent.emit(ev.GraphChanged, ())
    await asyncio.wait_for(drawing.wait(), 5)
    agent.states["extra"] = agent.states["draft"]
    agent.state_metadata["extra"] = agent.state_metadata["draft"]
    release.set()
    while graph._drawing is not None:
        await graph._drawing
    assert node(graph, agent, "extra")["status"] == "PENDING"


async def test_a_definition_that_changes_under_the_other_thread_is_drawn_in_this_one(
    agent, graph, drawn, monkeypatch
):
    async def torn(*_):
        raise RuntimeError("dictionary changed size during iteration")

    agent.begin()
    monkeypatch.setattr(module.asyncio, "to_thread", torn)
    agent.edges.append(("draft", "publish"))
    graph._look = True
    graph._paint()
    await graph._drawing
    assert len(drawn) == 2
    assert "n0 n2" in graph.present["edges"]


@pytest.fixture
async def drawing_aside(agent, graph, monkeypatch):
    """The task of a drawing that is under way and does not end."""
    agent.begin()
    monkeypatch.setattr(module.asyncio, "to_thread", lambda *_: asyncio.Event().wait())
    agent.edges.append(("draft", "publish"))
    graph._look = True
    graph._paint()
    await asyncio.sleep(0)
    return graph._drawing


async def test_a_drawing_cut_short_by_the_end_of_its_loop_is_finished(graph, drawing_aside, drawn):
    drawing_aside.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawing_aside
    assert len(drawn) == 2
    assert "n0 n2" in graph.present["edges"]


async def test_a_drawing_cut_short_by_the_close_of_the_graph_is_not(graph, drawing_aside, drawn):
    graph.close()
    with pytest.raises(asyncio.CancelledError):
        await drawing_aside
    assert len(drawn) == 1


def test_a_graph_that_cannot_be_laid_out_is_reported_and_laid_out_when_it_can(agent, monkeypatch):
    told = []

    def broken(agent):
        raise LayoutError("no dot")

    with monkeypatch.context() as patched:
        patched.setattr(module, "draw", broken)
        graph = GraphWidget(agent, told.append)
        agent.begin()
        agent.enter("draft")
    assert ["no dot" in str(problem) for problem in told] == [True]
    assert graph.svg == ""
    agent.edges.append(("draft", "publish"))
    agent.emit(ev.GraphChanged, ())
    assert graph.svg


def test_alone_it_logs_its_problems(agent, graph, caplog):
    agent.explain = lambda name: 1 / 0
    with caplog.at_level(logging.ERROR, "fluffy_nb"):
        assert graph.tell("draft") is None
    assert "division by zero" in caplog.text


# ---------------------------------------------------------------- details


def test_progress_is_in_the_details_of_the_execution_that_told_it(wire, agent, graph):
    agent.begin()
    agent.enter("draft")
    agent.emit(ev.ProgressReported, 1, "draft", 0.25, "page 1 of 4")
    wire.say(graph, kind="details", state="draft")
    agent.enter("draft")
    wire.say(graph, kind="details", state="draft")
    told = [m for m in wire.custom(graph) if m["kind"] == "details"]
    assert [(m["fraction"], m["message"]) for m in told] == [(0.25, "page 1 of 4"), (None, "")]


def test_closed_it_observes_no_more(agent, graph):
    graph.close()
    assert agent.observers == []
    graph.close()


def test_its_text_form_holds_no_address(graph):
    assert repr(graph) == "GraphWidget(review)"
