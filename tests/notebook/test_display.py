"""What is displayed, where, and what stays of it in the file."""

from __future__ import annotations

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from ipywidgets.widgets.widget import _instances

from fluffy_nb import AgentStatus

FLOW = """%%fluffy review
async def draft(context):
    return "publish"
async def publish(context): ...
"""
ASKING = """%%fluffy review --quiet
async def draft(context):
    context.set_state("who", await context.human_in_the_loop("who?"))
"""
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def displayed(notebook):
    publisher = notebook.shell.display_pub = CapturingDisplayPublisher()
    return publisher.outputs


def fresh(outputs):
    return [output for output in outputs if not output.get("update")]


async def test_a_cell_shows_a_widget_with_its_picture_beside_it(notebook, displayed):
    await notebook.run(FLOW)
    (output,) = displayed
    assert {WIDGET, "text/plain", "text/html", "image/svg+xml"} == set(output["data"])
    assert "data:image/svg+xml;base64," in output["data"]["text/html"]
    assert output["data"]["text/plain"] == "View(review: IDLE)"
    assert output["transient"]["display_id"]


async def test_where_nobody_clicks_the_picture_stands_alone(notebook, displayed):
    await notebook.run(FLOW, takes_input=False)
    (output,) = displayed
    assert {"text/plain", "text/html", "image/svg+xml"} == set(output["data"])


async def test_the_picture_in_the_file_follows_the_run(notebook, displayed):
    await notebook.run(FLOW)
    await notebook.run("await review.run()")
    shown, update = displayed
    assert update["update"]
    assert update["transient"] == shown["transient"]
    assert update["data"][WIDGET] == shown["data"][WIDGET]  # so that a page leaves it as it is
    assert 'data-status="COMPLETED"' in update["data"]["image/svg+xml"]
    assert update["data"]["text/plain"] == "View(review: COMPLETED)"


async def test_it_follows_pauses_too(notebook, displayed):
    await notebook.run(FLOW)
    await notebook.run("await review.step()")
    assert displayed[-1]["data"]["text/plain"] == "View(review: PAUSED)"


async def test_quiet_shows_nothing(notebook, displayed):
    await notebook.run(FLOW.replace("review", "review --quiet", 1))
    assert displayed == []


async def test_one_view_in_one_run_of_a_cell(notebook, displayed):
    await notebook.run(FLOW + "%fluffy run review --wait\n%fluffy step review")
    assert len(fresh(displayed)) == 1
    await notebook.run("%fluffy run review --wait")
    assert len(fresh(displayed)) == 2


async def test_the_view_of_a_cell_that_is_run_again_is_closed(notebook, displayed):
    await notebook.run(FLOW, "1")
    await notebook.run("%fluffy run review --wait", "2")
    session = notebook.shell.fluffy.session
    first, second = session.shown
    await notebook.run(FLOW, "1")
    assert first not in session.shown
    assert first.widget.comm is None
    assert second.widget.comm is not None


async def test_an_agent_on_the_last_line_is_its_picture(notebook, displayed):
    await notebook.run(FLOW)
    bundle, _ = notebook.shell.display_formatter.format(notebook["review"])
    assert set(bundle) == {"text/plain", "text/html", "image/svg+xml"}
    assert await notebook.run("%fluffy graph review") is notebook["review"]
    await notebook.run("from fluffy_nb import Agent\nempty = Agent('e')")
    assert set(notebook.shell.display_formatter.format(notebook["empty"])[0]) == {"text/plain"}


@pytest.mark.parametrize("kind", ["view", "graph"])
async def test_a_widget_made_by_hand_leaves_its_picture_too(notebook, displayed, kind):
    await notebook.run(FLOW)
    displayed.clear()
    await notebook.run(f"review.{kind}()")
    await notebook.run("await review.run()")
    data = [output["data"] for output in displayed if output.get("update")]
    assert len(data) == 2
    assert all('data-status="COMPLETED"' in one["image/svg+xml"] for one in data)


async def test_a_question_in_a_cell_without_a_view_shows_one(notebook, displayed):
    await notebook.run(ASKING)
    answer = "import asyncio\nasyncio.get_running_loop().call_soon(ask)\nawait review.run()"
    await notebook.run(
        "def ask():\n"
        "    if review.prompts: review.prompts[0].answer('me')\n"
        "    else: asyncio.get_running_loop().call_soon(ask)"
    )
    result = await notebook.run(answer)
    assert result.values == {"who": "me"}
    assert [set(output["data"]) >= {WIDGET} for output in fresh(displayed)] == [True]
    await notebook.run(answer)  # there is one now
    assert len(fresh(displayed)) == 1


@pytest.mark.parametrize("widget", ["view", "inbox"])
async def test_a_view_that_a_person_displayed_counts(notebook, displayed, widget):
    await notebook.run(ASKING)
    await notebook.run(f"review.{widget}()")
    assert notebook.shell.fluffy.session.has_view(notebook["review"])


async def test_a_graph_alone_takes_no_answers(notebook, displayed):
    await notebook.run(ASKING)
    await notebook.run("review.graph()")
    assert not notebook.shell.fluffy.session.has_view(notebook["review"])


async def test_a_question_in_the_background_displays_nothing(notebook, displayed):
    await notebook.run(ASKING.replace("--quiet", "--quiet --run"))
    async for _ in notebook["review"].events():
        if notebook["review"].prompts:
            break
    assert displayed == []
    assert notebook["review"].status is AgentStatus.RUNNING
    await notebook["review"].cancel_all()


async def test_a_question_of_an_agent_without_a_name_gets_a_form(notebook, displayed):
    await notebook.run(ASKING)
    result = await notebook.run(
        "from fluffy_nb import Agent\n"
        "async def go():\n"
        "    agent = Agent('hidden'); agent.add_state('draft', draft)\n"
        "    run = agent.start()\n"
        "    async for _ in agent.events():\n"
        "        if agent.prompts: agent.prompts[0].answer('me')\n"
        "    return await run\n"
        "await go()"
    )
    assert result.values == {"who": "me"}
    data = displayed[0]["data"]
    assert data["text/plain"] == "PromptWidget(draft: 'who?')"
    assert _instances[data[WIDGET]["model_id"]].closed


async def test_pictures_are_saved_by_the_end_of_their_name(notebook, tmp_path, displayed, capsys):
    await notebook.run(FLOW)
    begins = {
        ".svg": b"<svg",
        ".png": b"\x89PNG",
        ".dot": b"digraph",
        ".gv": b"digraph",
        ".mmd": b"flowchart",
    }
    for suffix, begin in begins.items():
        file = tmp_path / f"a picture{suffix}"
        await notebook.run(f"%fluffy graph review --save '{file}'")
        assert begin in file.read_bytes()[:500]
    assert f"saved {tmp_path}" in capsys.readouterr().out
