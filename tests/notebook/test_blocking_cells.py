"""What is special about `agent.run_sync()` in a cell, on a real kernel; the rest: `test_kernel`."""

from __future__ import annotations

import pytest

from tests.notebook.robot import answering, stopping
from tests.notebook.test_kernel import ASKING, LOAD

pytestmark = pytest.mark.kernel


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
