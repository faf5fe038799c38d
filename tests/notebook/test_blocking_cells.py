"""`agent.run_sync()` in a cell, on a real kernel: the cell blocks, and clicks and Stop arrive."""

from __future__ import annotations

import pytest

from tests.notebook.robot import answering, stopping
from tests.notebook.test_kernel import ASKING, ENDLESS, LOAD, WIDGET

pytestmark = pytest.mark.kernel

STOPPED = "go on with: await review.resume() or %fluffy resume review"


def test_it_is_answered_while_the_cell_blocks(kernel):
    kernel.run(LOAD)
    kernel.run(ASKING)
    code = "print(dict(review.run_sync().values))"
    outcome = kernel.run(code, answering(kernel, {"why?": "because", "how?": "well"}))
    assert outcome.printed == "{'why': 'because', 'how': 'well'}\n"
    assert outcome.of("stream")[0]["parent_header"] == outcome.reply["parent_header"]


def test_where_no_view_is_displayed_the_cell_shows_one(kernel):
    kernel.run(LOAD)
    kernel.run(ASKING.replace("review", "review --quiet", 1))
    answers = answering(kernel, {"why?": "because", "how?": "badly"})
    outcome = kernel.run("print(dict(review.run_sync().values))", answers)
    assert outcome.printed == "{'why': 'because', 'how': 'badly'}\n"
    assert [WIDGET in bundle for bundle in outcome.shown] == [True]


@pytest.mark.parametrize("before", ["", "await __import__('asyncio').sleep(0)\n"])
def test_stop_is_one_line_and_the_run_goes_on_from_there(kernel, before):
    """Also where the cell is a coroutine, for which the kernel raises no KeyboardInterrupt."""
    kernel.run(LOAD)
    kernel.run(ENDLESS)
    outcome = kernel.run(f"{before}review.run_sync()", stopping(kernel))
    assert len(outcome.error) == 1
    assert STOPPED in outcome.error[0]
    assert kernel.run("print(review.status)").printed == "CANCELLED\n"
    outcome = kernel.run("print((await review.resume()).counts)")
    assert outcome.printed == "{'draft': 1, 'publish': 1}\n"


def test_stop_pressed_again_does_not_wait_for_the_cleaning_up(kernel):
    kernel.run(LOAD)
    kernel.run(
        "%%fluffy review\nimport asyncio\nasync def draft(context):\n"
        "    try:\n"
        "        print('waiting')\n"
        "        await asyncio.get_running_loop().create_future()\n"
        "    finally:\n"
        "        print('cleaning')\n"
        "        await asyncio.get_running_loop().create_future()\n"
    )
    outcome = kernel.run("review.run_sync()", stopping(kernel))
    assert "KeyboardInterrupt" in outcome.reply["content"]["ename"]
    assert kernel.run("print('here')").printed == "here\n"


def test_cells_that_are_queued_run_afterwards_in_their_order(kernel):
    kernel.run(LOAD)
    kernel.run(ASKING)
    answers = answering(kernel, {"why?": "because", "how?": "well"})
    queued = []

    def on_message(message):
        if message["msg_type"] == "stream" and not queued:
            queued.extend(
                kernel.send("execute_request", {"code": f"print({n})", "silent": False})
                for n in range(5)
            )
        answers(message)

    def last(message):
        return message["msg_type"] == "status" and (
            message["content"]["execution_state"] == "idle"
            and bool(queued)
            and message["parent_header"].get("msg_id") == queued[-1]
        )

    code = "print('blocked')\nresult = review.run_sync()\nprint(result.status)"
    outcome = kernel.run(code, on_message, until=last)
    assert outcome.printed == "blocked\nCOMPLETED\n0\n1\n2\n3\n4\n"
