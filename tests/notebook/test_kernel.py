"""Notebooks on a real kernel: a person answers and presses Stop, message by message."""

from __future__ import annotations

import re

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.notebook.robot import answering, stopping

pytestmark = pytest.mark.kernel

LOAD = "%load_ext fluffy_nb"
ASKING = """%%fluffy review
async def draft(context):
    context.set_state("why", await context.human_in_the_loop("why?"))
    return "publish"

async def publish(context):
    context.set_state("how", await context.human_in_the_loop("how?", choices=["well", "badly"]))
"""
TWO = """%%fluffy review
async def draft(context): return "publish"
async def publish(context): ...
"""
ENDLESS = """%%fluffy review
import asyncio
async def draft(context):
    return "publish"

async def publish(context):
    if not context.has_state("again"):
        context.set_state("again", True)
        print("waiting")
        await asyncio.get_running_loop().create_future()
"""
WIDGET = "application/vnd.jupyter.widget-view+json"
FORMS = ["await review.run()", "review.run_sync()"]
"""How a cell waits for a run."""


def completed(bundle):
    """How many nodes of a picture are completed."""
    return len(re.findall(r'<g [^>]*data-status="COMPLETED"', bundle["image/svg+xml"]))


@pytest.mark.parametrize("form", FORMS)
def test_a_cell_that_waits_for_a_run_gets_its_answers(kernel, form):
    kernel.run(LOAD)
    outcome = kernel.run(ASKING)
    assert [set(bundle) >= {WIDGET, "text/html"} for bundle in outcome.shown] == [True]
    code = f"result = {form}\nprint(dict(result.values))"
    outcome = kernel.run(code, answering(kernel, {"why?": "because", "how?": "well"}))
    assert outcome.printed == "{'why': 'because', 'how': 'well'}\n"
    assert outcome.of("stream")[0]["parent_header"] == outcome.reply["parent_header"]


@pytest.mark.parametrize("form", FORMS)
def test_where_no_view_is_displayed_the_cell_shows_one_and_is_answered(kernel, form):
    kernel.run(LOAD)
    kernel.run(ASKING.replace("review", "review --quiet", 1))
    answers = answering(kernel, {"why?": "because", "how?": "badly"})
    outcome = kernel.run(f"print(dict(({form}).values))", answers)
    assert outcome.printed == "{'why': 'because', 'how': 'badly'}\n"
    assert [WIDGET in bundle for bundle in outcome.shown] == [True]


def test_a_run_in_the_background_is_answered_between_cells(kernel):
    kernel.run(LOAD)
    answers = answering(kernel, {"why?": "because", "how?": "well"})
    kernel.run(ASKING.replace("review", "review --run", 1), answers)
    outcome = kernel.run("%fluffy wait review", answers)
    assert "RunResult COMPLETED" in outcome.shown[-1]["text/plain"]
    assert "<table" in outcome.shown[-1]["text/html"]


def test_the_picture_in_the_file_is_the_last_one(kernel):
    kernel.run(LOAD)
    shown = kernel.run(ASKING).of("display_data")[0]["content"]
    answers = answering(kernel, {"why?": "because", "how?": "well"})
    updates = kernel.run("await review.run()", answers).of("update_display_data")
    last = updates[-1]["content"]
    assert last["transient"] == shown["transient"]
    assert completed(last["data"]) == 2


@pytest.mark.parametrize("code", [*FORMS, "await asyncio.sleep(0)\nreview.run_sync()"])
def test_stop_is_one_line_and_the_run_goes_on_from_there(kernel, code):
    """Also where a cell that blocks is a coroutine: the kernel raises no KeyboardInterrupt."""
    kernel.run(LOAD)
    kernel.run(ENDLESS)
    outcome = kernel.run(code, stopping(kernel))
    assert len(outcome.error) == 1
    line = r"run '\w+' stopped; go on with: await review.resume\(\) or %fluffy resume review"
    assert re.fullmatch(line, outcome.error[0])
    assert kernel.run("print(review.status)").printed == "CANCELLED\n"
    outcome = kernel.run("print((await review.resume()).counts)")
    assert outcome.printed == "{'draft': 1, 'publish': 1}\n"


@pytest.mark.parametrize("start", ["%fluffy run review --wait", "%fluffy step review 2"])
def test_stop_reaches_a_run_that_a_magic_waits_for(kernel, start):
    kernel.run(LOAD)
    kernel.run(ENDLESS)
    outcome = kernel.run(start, stopping(kernel))
    assert len(outcome.error) == 1
    assert "%fluffy resume review" in outcome.error[0]
    outcome = kernel.run("%fluffy resume review --wait\nprint(review.status)")
    assert outcome.printed == "COMPLETED\n"


def test_stop_in_the_defining_cell(kernel):
    kernel.run(LOAD)
    cell = ENDLESS.replace("review", "review --run --wait", 1)
    outcome = kernel.run(cell, stopping(kernel, "waiting"))
    assert len(outcome.error) == 1
    assert "%fluffy resume review" in outcome.error[0]


@pytest.mark.parametrize("ending", ["await review.run()", "%fluffy run review --wait"])
def test_stop_before_the_run_has_begun(kernel, ending):
    kernel.run(LOAD)
    kernel.run(ENDLESS + "\nimport signal")
    busy = """
from time import monotonic
before, until = signal.getsignal(signal.SIGINT), monotonic() + 30
seen = []
signal.signal(signal.SIGINT, lambda *a: (before(*a), seen.append(1)))
print("busy")
while not seen and monotonic() < until: pass
signal.signal(signal.SIGINT, before)
"""
    outcome = kernel.run(f"{busy}{ending}", stopping(kernel))
    assert outcome.error == ["the cell was stopped before its run began; execute it again to run."]
    assert kernel.run("print(review.status)").printed == "IDLE\n"


def test_stop_while_waiting_for_the_background_leaves_it_running(kernel):
    kernel.run(LOAD)
    kernel.run(ENDLESS.replace('print("waiting")', "").replace("review", "review --run", 1))
    outcome = kernel.run("print('now')\n%fluffy wait review", stopping(kernel))
    assert len(outcome.error) == 1
    assert "goes on in the background" in outcome.error[0]
    assert kernel.run("print(review.status)\n%fluffy cancel review").printed == "RUNNING\n"
    assert kernel.run("print(review.status)").printed == "CANCELLED\n"


def test_stop_for_two_runs_at_once_stops_both(kernel):
    kernel.run(LOAD)
    kernel.run(ENDLESS.replace('print("waiting")', ""))
    kernel.run(ENDLESS.replace("review", "other", 1))
    code = "import asyncio\nawait asyncio.gather(review.run(), other.run())"
    outcome = kernel.run(code, stopping(kernel))
    assert len(outcome.error) == 1
    assert kernel.run("print(review.status, other.status)").printed == "CANCELLED CANCELLED\n"


def test_the_buttons_pause_step_and_resume(kernel):
    kernel.run(LOAD)
    buttons = {}

    def on_message(message):
        if message["msg_type"] == "comm_open":
            state = message["content"]["data"].get("state", {})
            if "allowed" in state:
                buttons["id"] = message["content"]["comm_id"]

    kernel.run(TWO, on_message)

    def press(verb):
        content = {"kind": "verb", "verb": verb}
        return kernel.comm(buttons["id"], {"method": "custom", "content": content})

    def until(status):
        def seen(message):
            state = message["content"].get("data", {}).get("state", {})
            return message["msg_type"] == "comm_msg" and state.get("status") == status

        return seen

    press("step")
    kernel.run("1", until=until("PAUSED"))
    assert kernel.run("print(*review.completed_states)").printed == "draft\n"
    press("resume")
    kernel.run("1", until=until("COMPLETED"))
    assert kernel.run("print(len(review.completed_states))").printed == "2\n"


def test_a_cell_is_known_by_its_id(kernel):
    kernel.run(LOAD)
    cell = "%%fluffy r --quiet\nasync def {}(context): ..."
    kernel.run(cell.format("a"), cell="one")
    kernel.run(cell.format("b"), cell="two")
    kernel.run(cell.format("c"), cell="one")
    assert kernel.run("print(*r.states)").printed == "b c\n"


def test_the_source_of_a_state_can_be_read(kernel):
    kernel.run(LOAD)
    kernel.run(ASKING)
    outcome = kernel.run(
        "import inspect\nprint(inspect.getsource(review.states['draft'].function))"
    )
    assert outcome.printed.startswith("async def draft(context):\n")
    assert kernel.run("print(review.state_graph.edges[0].target)").printed == "publish\n"


def test_a_syntax_error_of_a_cell(kernel):
    kernel.run(LOAD)
    outcome = kernel.run("%%fluffy r\nasync def a(context)\n    pass")
    text = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(outcome.error))
    assert "Cell In[2], line 2" in text
    assert "async def a(context)\n" in text


def test_completion(kernel):
    kernel.run(LOAD)
    kernel.run(ASKING)
    kernel.send("complete_request", {"code": "%fluffy run rev", "cursor_pos": 15})
    reply = kernel.client.get_shell_msg(timeout=60)
    assert reply["content"]["matches"] == ["review"]


# ---------------------------------------------------------------- by machines


class Robot(NotebookClient):
    """Executes a notebook as `jupyter execute` does, and answers questions as a page would."""

    answers: dict[str, str]

    def handle_comm_msg(self, outs, msg, cell_index):
        super().handle_comm_msg(outs, msg, cell_index)
        state = msg["content"]["data"].get("state", {})
        if msg["msg_type"] == "comm_open" and state.get("question") in self.answers:
            value = {"kind": "answer", "id": state["pid"], "value": self.answers[state["question"]]}
            data = {"method": "custom", "content": value}
            content = {"comm_id": msg["content"]["comm_id"], "data": data}
            self.kc.shell_channel.send(self.kc.session.msg("comm_msg", content))


def execute(cells, environment, answers=(), **variables):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    robot = Robot(notebook, kernel_name="python3", timeout=60)
    robot.answers = dict(answers)
    robot.execute(env={**environment, **variables})
    return notebook.cells


def pictures(cell):
    return [output.data for output in cell.outputs if output.output_type == "display_data"]


def test_a_machine_executes_with_prepared_answers(environment):
    cells = [LOAD, ASKING, "result = await review.run()\nprint(dict(result.values))"]
    answers = '{"draft": ["because"], "publish": ["well"]}'
    executed = execute(cells, environment, FLUFFY_NB_ANSWERS=answers)
    assert executed[2].outputs[0].text == "{'why': 'because', 'how': 'well'}\n"
    (picture,) = pictures(executed[1])
    assert WIDGET not in picture
    assert completed(picture) == 2


def test_a_machine_that_nobody_prepared_is_told_how(environment):
    cells = [LOAD, ASKING, "await review.run()"]
    with pytest.raises(CellExecutionError, match="nobody can answer here"):
        execute(cells, environment)


def test_a_robot_at_the_widgets_answers(environment):
    """Two states that ask at once: nbclient sees what a cell sends, not what an answer causes."""
    asking = ASKING.replace('return "publish"', "return None")  # nothing leads to publish now
    cells = [LOAD, asking, "print(sorted((await review.run()).values.items()))"]
    answers = {"why?": "because", "how?": "well"}
    executed = execute(cells, environment, answers, FLUFFY_NB_RESPONDER="widgets")
    assert executed[2].outputs[0].text == "[('how', 'well'), ('why', 'because')]\n"
    assert WIDGET in pictures(executed[1])[0]
