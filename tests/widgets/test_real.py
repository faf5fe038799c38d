"""The view of a real agent, with real pictures, answered as a page would."""

import asyncio
import sys
import threading

import pytest

from fluffy_nb import Agent
from fluffy_nb.diagram import draw, patch
from fluffy_nb.engine.events import StateStarted
from fluffy_nb.widgets import View


@pytest.fixture
def agent():
    agent = Agent("review", responder=lambda prompt: None)

    @agent.state
    async def draft(context):
        return ["check", "approve"]

    @agent.state
    async def check(context):
        return "publish"

    @agent.state
    async def approve(context):
        context.set_state("why", await context.human_in_the_loop("Why?", validator=not_short))
        return "publish"

    @agent.state
    async def publish(context):
        if not context.has_state("mended"):
            context.set_state("mended", True)
            raise ValueError("503 <b>try again</b>")

    return agent


def not_short(text):
    if len(text) < 3:
        raise ValueError("at least three letters")


def in_thread(function, *args, **keys):
    """As a message comes on a subshell of the kernel."""
    thread = threading.Thread(target=function, args=args, kwargs=keys)
    thread.start()
    return thread


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a picture has no event of its own
            await asyncio.sleep(0.001)


def statuses(agent, view):
    ids = draw(agent).ids
    return {name: view.graph.present["nodes"][ids[name]]["status"] for name in agent.states}


async def test_a_run_is_steered_and_answered_from_the_page(wire, agent):
    view = View(agent)
    controls = view.controls
    wire.say(controls, kind="verb", verb="run")
    await until(lambda: view.inbox.children)
    await until(lambda: statuses(agent, view)["check"] == "COMPLETED")
    assert statuses(agent, view) == {
        "draft": "COMPLETED",
        "check": "COMPLETED",
        "approve": "WAITING",
        "publish": "PENDING",
    }
    ids = draw(agent).ids
    assert "waits for approve" in view.graph.present["nodes"][ids["publish"]]["title"]

    (form,) = view.inbox.children
    thread = in_thread(wire.say, form, kind="answer", id=form.pid, value="no")
    await until(lambda: form.refusal)
    assert form.refusal == "at least three letters"
    thread.join()

    thread = in_thread(wire.say, form, kind="answer", id=form.pid, value="because")
    await until(lambda: controls.status == "FAILED")
    thread.join()
    assert view.inbox.children == ()
    assert "503 <b>try again</b>" in controls.notice
    assert statuses(agent, view)["publish"] == "FAILED"
    assert "<b>" not in view._repr_mimebundle_()["image/svg+xml"]

    thread = in_thread(wire.say, controls, kind="verb", verb="resume")
    await until(lambda: controls.status == "COMPLETED")
    thread.join()
    assert controls.notice == ""
    assert (controls.done, controls.total) == (4, 4)
    assert agent.context_values["why"] == "because"
    edges = view.graph.present["edges"]
    assert edges == dict.fromkeys(edges, 1)
    view.close()


async def test_a_page_steps_and_cancels(wire, agent):
    view = View(agent)
    wire.say(view.controls, kind="verb", verb="step")
    await until(lambda: view.controls.status == "PAUSED")
    assert statuses(agent, view)["draft"] == "COMPLETED"
    assert view.controls.since is None
    wire.say(view.controls, kind="verb", verb="cancel")
    await until(lambda: view.controls.status == "CANCELLED")
    assert view.controls.notice.startswith("The run was cancelled: ")
    view.close()


async def test_a_verb_that_is_refused_says_why(wire, agent):
    view = View(agent)
    wire.say(view.controls, kind="verb", verb="resume")
    await until(lambda: view.controls.notice)
    assert "no run to go on with" in view.controls.notice
    view.close()


def test_the_end_of_a_run_in_a_loop_of_its_own_is_shown(agent):
    view = View(agent)
    agent.remove_state("approve")
    agent.add_state("approve", lambda context: "publish", next=["publish"])
    with pytest.raises(Exception, match="503"):
        asyncio.run(agent.run())
    assert view.controls.status == "FAILED"
    assert statuses(agent, view)["publish"] == "FAILED"


async def test_states_that_are_added_while_it_runs_are_drawn(agent):
    view = View(agent)
    run = agent.start()
    await until(lambda: view.inbox.children)
    agent.add_state("extra", lambda context: None)
    await until(lambda: draw(agent).ids["extra"] in view.graph.present["nodes"])
    assert view.controls.total == 5
    await run.cancel()
    view.close()


def calls(function, *arguments):
    """How many Python functions a call enters: its cost, whatever the machine."""
    entered = 0

    def count(_, event, __):
        nonlocal entered
        entered += event == "call"

    sys.setprofile(count)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return entered


def chain_of(number):
    agent = Agent("chain")
    for place in range(number):
        following = [f"s{place + 1}"] if place + 1 < number else []
        agent.add_state(f"s{place}", lambda context: None, next=following)
    return agent


def test_S13_cost_follows_change_in_a_large_graph_as_in_a_small_one():
    costs = {}
    for number in (10, 300):
        agent = chain_of(number)
        asyncio.run(agent.run())
        patch(agent, ["s0"])  # the first one puts the graph flat
        view = View(agent)
        view.graph._note(StateStarted(99, 0.0, 1, "s3", 1, ()))
        costs[number] = (
            calls(patch, agent, ["s3"]),
            calls(view.graph._paint),
            calls(view.controls._paint),
        )
        view.close()
    assert costs[10] == costs[300]


async def test_S5_6_reasons_of_many_states_take_one_look_at_the_run():
    agent = Agent("wide", max_concurrent=1)
    names = [f"n{place}" for place in range(100)]
    agent.add_state("split", lambda context: names, next=names)
    for name in names:
        agent.add_state(name, lambda context: None, next=[])
    agent.breakpoints = set(names)
    await agent.run()
    assert set(agent.explain_each(names).values()) == {"is ready"}
    one = calls(agent.explain_each, names[:1])
    # Each for itself would be 100 times 100 and more.
    assert calls(agent.explain_each, names) < one + 30 * len(names)
