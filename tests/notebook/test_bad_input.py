"""What a notebook says to each thing it can't do; and that it goes on working afterwards."""

from __future__ import annotations

import pytest

FLOW = """%%fluffy review --quiet
async def draft(context):
    return "publish"
async def publish(context): ...
"""

# what is written, and what the answer must hold: the culprit, what is allowed, the remedy
LINES = [
    ("%fluffy rnu review", ["'rnu'", "'run'", "%fluffy?"]),
    ("%fluffy run revew", ["'revew'", "'review'", "%%fluffy revew"]),
    ("%fluffy run", ["NAME"]),
    ("%fluffy run number", ["'number' is 3", "no agent", "'review'"]),
    ("%fluffy run review now", ["'now'", "%fluffy run NAME"]),
    ("%fluffy run review --wiat", ["'--wiat'", "'--wait'"]),
    ("%fluffy run review --start drafft", ["'drafft'", "'draft'"]),
    ("%fluffy run review -i n", ["'n'", "key=expression"]),
    ("%fluffy run review -i n=nope", ["n=nope", "NameError", "nope"]),
    ("%fluffy step review some", ["'some'", "a whole number from 1", "'all'"]),
    ("%fluffy answer review yes", ["'review'", "nothing to answer"]),
    ("%fluffy graph review --save x.gif", ["x.gif", "'.svg'", "'.png'"]),
    ("%fluffy graph review --save no/folder/x.svg", ["no/folder/x.svg", "no such folder"]),
    ("%fluffy wait other", ["'other'", "has not run", "%fluffy run"]),
    ("%fluffy run other", ["'other'", "no states", "add_state"]),
    ("%%fluffy", ["NAME"]),
    ("%%fluffy 2nd", ["'2nd'", "letters, digits and underscores"]),
    ("%%fluffy class", ["'class'"]),
    ("%%fluffy number", ["'number' is 3", "no agent"]),
    ("%%fluffy review --live", ["'--live'", "--quiet"]),
    ("%%fluffy review --timeout soon --run", ["'soon'", "a number of seconds"]),
    ("%%fluffy review --layout up", ["'up'", "'LR'", "'TB'"]),
    ("%%fluffy review --run --step", ["--run", "--step"]),
    ("%%fluffy review --wait", ["--wait", "--run"]),
    ("%%fluffy review\ndef f(ctx): ...", ["f(ctx)", "async def load(context)"]),
    ("%%fluffy review\nasync def f(): ...", ["f()", "async def load(context)"]),
    ("x = 1\n%%fluffy review\n", ["first line", "move it up"]),
    ("def f():\n    %fluffy wait review\nf()", ["inside a function", "wait"]),
]


@pytest.mark.parametrize(("code", "words"), LINES, ids=[line for line, _ in LINES])
async def test_one_line_says_what_is_wrong_and_nothing_is_changed(notebook, code, words):
    await notebook.run(FLOW)
    await notebook.run("from fluffy_nb import Agent\nnumber, other = 3, Agent('other')")
    before = (set(notebook["review"].states), notebook["number"])
    shown = await notebook.fails(code)
    for word in words:
        assert word in shown
    assert len(notebook.error) == 1
    assert "\n" not in shown
    assert (set(notebook["review"].states), notebook["number"]) == before
    assert (await notebook.run("await review.run()")).status == "COMPLETED"


async def test_a_syntax_error_shows_the_persons_line_and_number(notebook):
    await notebook.run(FLOW)
    broken = FLOW.replace('    return "publish"', '    return "publish')
    shown = await notebook.fails(broken)
    assert "line 3" in shown
    assert 'return "publish' in shown
    assert "get_ipython" not in shown
    assert list(notebook["review"].states) == ["draft", "publish"]


async def test_a_body_that_fails_shows_the_cell_as_it_was_written(notebook):
    await notebook.run(FLOW)
    shown = await notebook.fails(FLOW.replace("publish(", "other(") + "1 / 0")
    assert "line 5" in shown
    assert "----> 5 1 / 0" in shown
    assert "fluffy.end" not in shown


async def test_code_behind_the_last_function_may_fail_without_losing_the_states(notebook):
    await notebook.fails(FLOW + "1 / 0")
    assert list(notebook["review"].states) == ["draft", "publish"]


async def test_an_error_on_top_leaves_the_earlier_states(notebook):
    await notebook.run(FLOW)
    await notebook.fails("%%fluffy review --quiet\n1 / 0\nasync def other(context): ...")
    assert list(notebook["review"].states) == ["draft", "publish"]


async def test_a_failed_state_shows_its_own_lines_and_what_to_do(notebook):
    await notebook.run(
        "%%fluffy r --quiet\nimport json\nasync def a(context):\n    return 'b'\n"
        "def b(context):\n    helper('no json')\ndef helper(text):\n    json.loads(text)"
    )
    shown = await notebook.fails("await r.run()")
    assert "----> 6 helper(" in shown.replace("     ", " ").replace("  ", " ")
    assert "JSONDecodeError" in shown
    assert "state 'b' failed in attempt 1" in shown
    assert "resume()" in shown
    for module in ("runner.py", "asyncio", "thread.py"):
        assert module not in shown


@pytest.mark.parametrize(
    "method",
    ["def __str__(self): return self.response", "__class__ = property(lambda self: 1 / 0)"],
)
async def test_S8_4_an_error_that_raises_when_it_is_shown_is_shown(notebook, method):
    await notebook.run(
        "%%fluffy r --quiet\nasync def a(context):\n"
        f"    class ApiError(Exception):\n        {method}\n    raise ApiError"
    )
    shown = await notebook.fails("await r.run()")
    assert "state 'a' failed in attempt 1" in shown
    assert "ApiError" in shown


async def test_a_result_that_says_nothing_has_no_lines_to_show(notebook):
    await notebook.run("%%fluffy r --quiet\nasync def a(context):\n    return 3")
    shown = await notebook.fails("await r.run()")
    assert shown.startswith("InvalidResultError: ")
    assert len(shown.splitlines()) == 1


async def test_without_the_extension_the_error_is_its_message(notebook):
    import fluffy_nb
    from fluffy_nb.errors import StateError

    fluffy_nb.unload_ipython_extension(notebook.shell)
    error = StateError("a", 1, "run", "it broke")
    error.__cause__ = ZeroDivisionError()
    assert len(error._render_traceback_()) == 1


async def test_a_second_run_is_refused_and_the_first_goes_on(notebook):
    await notebook.run(FLOW.replace("--quiet", "--quiet --run"))
    shown = await notebook.fails("%fluffy run review")
    assert "running" in shown
    assert "await it, pause() it or cancel_all() it" in shown
    assert (await notebook.run("%fluffy wait review")).status == "COMPLETED"


async def test_nobody_is_asked_where_nobody_is(notebook):
    cell = "%%fluffy r --quiet\nasync def a(context):\n    await context.human_in_the_loop('who?')"
    await notebook.run(cell, takes_input=False)
    await notebook.run("await r.run()", takes_input=False)
    shown = "\n".join(notebook.error)
    assert "nobody can answer here" in shown
    assert "FLUFFY_NB_ANSWERS" in shown


async def test_a_call_of_ours_that_raises_shows_the_persons_call_alone(notebook):
    code = "%%fluffy review --quiet\nasync def load(context):\n    context.get_typed(5)\n"
    await notebook.run(code)
    shown = await notebook.fails("await review.run()")
    assert "context.get_typed(5)" in shown
    assert "fluffy_nb/" not in shown
