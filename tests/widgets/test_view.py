import pytest

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import LayoutError
from fluffy_nb.widgets import ControlsWidget, GraphWidget, Inbox, View, fallback

from .fakes import FakeAgent, FakePrompt

pytestmark = pytest.mark.usefixtures("drawn")


@pytest.fixture
def agent():
    edges = [("draft", "approve"), ("approve", "publish")]
    return FakeAgent("draft", "approve", "publish", edges=edges)


@pytest.fixture
def view(agent):
    return View(agent)


def shown(view):
    """What a person sees of a view."""
    controls = ["status", "allowed", "done", "total", "executions", "elapsed", "notice"]
    picture = view.graph.present
    return (
        view.controls.get_state(controls),
        picture["nodes"],
        picture["edges"],
        [form.pid for form in view.inbox.children],
    )


def test_it_shows_controls_graph_and_inbox(view):
    assert view.children == (view.controls, view.graph, view.inbox)


def test_a_view_made_in_the_middle_of_a_run_shows_the_same(agent):
    early = View(agent)
    agent.begin()
    agent.enter("draft")
    agent.leave("draft", "approve")
    agent.ask(FakePrompt("r1-1"))
    late = View(agent)
    assert shown(early) == shown(late)
    assert shown(late)[3] == ["r1-1"]


def test_two_views_of_one_agent_stay_in_step(agent):
    one, other = View(agent), View(agent)
    agent.begin()
    agent.enter("draft")
    agent.leave("draft", "approve")
    agent.ask(FakePrompt("r1-1"))
    agent.end(ev.RunPaused, AgentStatus.PAUSED)
    assert shown(one) == shown(other)
    assert shown(one)[0]["status"] == "PAUSED"


def test_an_answer_that_fails_is_in_the_notice(wire, agent, view):
    prompt = FakePrompt("r1-1")
    agent.ask(prompt)
    prompt.fate = "timed out"
    wire.say(view.inbox.children[0], kind="answer", id="r1-1", value="yes")
    assert "timed out" in view.controls.notice


def test_details_that_fail_are_in_the_notice(wire, agent, view):
    agent.explain = lambda name: 1 / 0
    wire.say(view.graph, kind="details", state="draft")
    assert view.controls.notice == "division by zero"


def test_it_is_a_widget_with_pictures_for_other_places(view):
    bundle = view._repr_mimebundle_()
    assert bundle["text/plain"] == "View(review: IDLE)"
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == view.model_id
    assert bundle["image/svg+xml"].startswith("<svg")
    assert bundle["text/html"].startswith("<img ")
    assert "data:image/svg+xml;base64," in bundle["text/html"]


def test_the_agents_name_is_escaped_in_the_picture():
    agent = FakeAgent("draft", name='"><script>alert(1)</script>')
    assert "<script" not in View(agent)._repr_mimebundle_()["text/html"]


def test_without_a_layout_there_is_no_picture_and_the_rest_works(agent, monkeypatch):
    def broken(agent):
        raise LayoutError("no dot")

    monkeypatch.setattr("fluffy_nb.widgets.graph.draw", broken)
    monkeypatch.setattr(fallback, "draw", broken)
    view = View(agent)
    assert "no dot" in view.controls.notice
    agent.begin()
    assert view.controls.status == "RUNNING"
    assert set(view._repr_mimebundle_()) == {
        "text/plain",
        "application/vnd.jupyter.widget-view+json",
    }


def test_closed_it_observes_no_more_and_only_the_picture_remains(agent, view):
    view.close()
    assert agent.observers == []
    assert set(view._repr_mimebundle_()) == {"text/plain", "text/html", "image/svg+xml"}
    view.close()


@pytest.mark.parametrize("widget", [GraphWidget, Inbox, ControlsWidget])
def test_a_part_alone_has_forms_for_other_places_too(agent, widget):
    part = widget(agent)
    bundle = part._repr_mimebundle_()
    assert bundle["text/plain"] == repr(part)
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == part.model_id
    assert ("image/svg+xml" in bundle) == (widget is GraphWidget)
    part.close()
    assert "application/vnd.jupyter.widget-view+json" not in part._repr_mimebundle_()
