"""What people do to a kernel before they use us, on a real one."""

from __future__ import annotations

import pytest

from tests.notebook.robot import answering, stopping
from tests.notebook.test_kernel import ASKING, ENDLESS, FORMS, LOAD

pytestmark = pytest.mark.kernel

BEFORE = {
    "nest_asyncio": "import nest_asyncio\nnest_asyncio.apply()",
    "uvloop": "import asyncio, uvloop\nasyncio.set_event_loop_policy(uvloop.EventLoopPolicy())",
    "reloaded": "%load_ext fluffy_nb\n%reload_ext fluffy_nb",
    "unloaded": "%load_ext fluffy_nb\n%unload_ext fluffy_nb",
    "imported twice": (
        "import sys, fluffy_nb\n"
        "for name in [name for name in sys.modules if name.startswith('fluffy_nb')]:\n"
        "    del sys.modules[name]"
    ),
}


@pytest.fixture(params=BEFORE)
def spoilt(request, kernel):
    outcome = kernel.run(BEFORE[request.param])
    assert outcome.reply["content"]["status"] == "ok", outcome.error
    kernel.run(LOAD)
    return kernel


def assert_it_is_answered(kernel, form):
    answers = answering(kernel, {"why?": "because", "how?": "well"})
    outcome = kernel.run(f"print(dict(({form}).values))", answers)
    assert outcome.printed == "{'why': 'because', 'how': 'well'}\n"


@pytest.mark.parametrize("form", FORMS)
def test_questions_are_answered_all_the_same(spoilt, form):
    spoilt.run(ASKING)
    assert_it_is_answered(spoilt, form)


@pytest.mark.parametrize("form", FORMS)
def test_stop_is_one_line_all_the_same(spoilt, form):
    spoilt.run(ENDLESS)
    outcome = spoilt.run(form, stopping(spoilt))
    assert len(outcome.error) == 1, "\n".join(outcome.error)
    assert "%fluffy resume review" in outcome.error[0]


def test_with_autoawait_off_a_cell_can_block(kernel):
    kernel.run(LOAD)
    kernel.run(ASKING)
    kernel.run("%autoawait off")
    assert_it_is_answered(kernel, "review.run_sync()")


def test_a_cell_that_sleeps_keeps_the_background_waiting_and_loses_nothing(kernel):
    kernel.run(LOAD)
    answers = answering(kernel, {"why?": "because", "how?": "well"})
    kernel.run(ASKING.replace("review", "review --run", 1), answers)
    kernel.run("import time\ntime.sleep(1)", answers)
    outcome = kernel.run("%fluffy wait review\nprint(review.status)", answers)
    assert outcome.printed == "COMPLETED\n"


def test_a_gui_loop_that_is_not_there_is_said_and_the_next_cell_runs(kernel):
    kernel.run(LOAD)
    kernel.run(ASKING)
    kernel.run("%gui nosuch")
    assert_it_is_answered(kernel, "await review.run()")


@pytest.mark.parametrize("form", FORMS)
def test_where_the_bridge_can_not_be_it_says_so_and_stop_works(kernel, form):
    kernel.run(LOAD)
    kernel.run(ASKING)
    kernel.run("get_ipython().kernel.shell_handlers.pop('comm_close')")  # as one made otherwise
    outcome = kernel.run(
        form, stopping(kernel, "this kernel keeps clicks until the cell has ended")
    )
    assert "agent.start()" in outcome.printed
    assert len(outcome.error) == 1
    assert "%fluffy resume review" in outcome.error[0]
