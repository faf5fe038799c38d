"""`%%fluffy` and `%fluffy` in a shell, without a kernel."""

from __future__ import annotations

import asyncio
import inspect
import threading

import pytest
from IPython.core.completer import provisionalcompleter

from fluffy_nb import Agent, AgentStatus
from fluffy_nb.engine import surroundings as around
from fluffy_nb.notebook import verbs

FLOW = """%%fluffy review --quiet
from fluffy_nb import state

async def draft(context):
    context.set_state("text", "hello")
    return "publish"

@state(next=[])
async def publish(context):
    context.set_state("done", True)

def _helper(context): ...
def helper(text): ...
"""


async def test_functions_that_take_the_context_become_states_in_their_order(notebook):
    await notebook.run(FLOW)
    assert list(notebook["review"].states) == ["draft", "publish"]
    assert notebook["review"].states["publish"].next == ()
    assert notebook.error == []


async def test_nothing_else_comes_into_the_persons_names(notebook):
    before = set(notebook.names)
    await notebook.run("%%fluffy review --quiet\nasync def draft(context): ...")
    new = {name for name in set(notebook.names) - before if not name.startswith("_")}
    assert new == {"review", "draft"}


async def test_the_body_is_a_cell_as_any(notebook):
    value = await notebook.run(FLOW + "import asyncio\nawait asyncio.sleep(0, result=41) + 1")
    assert value == 42
    assert notebook["_"] == 42
    assert inspect.getsource(notebook["draft"]).startswith("async def draft(context):\n")
    assert "In" in notebook.names


async def test_the_agent_can_be_run_at_the_end_of_its_own_cell(notebook):
    result = await notebook.run(FLOW + "await review.run()")
    assert result.status is AgentStatus.COMPLETED
    result = await notebook.run(FLOW + "%fluffy run review --wait")
    assert result.counts == {"draft": 1, "publish": 1}


async def test_run_begins_in_the_background_and_wait_waits(notebook):
    await notebook.run(FLOW.replace("--quiet", "--quiet --run"))
    assert notebook["review"].status is AgentStatus.RUNNING
    result = await notebook.run("%fluffy wait review")
    assert result.values == {"text": "hello", "done": True}
    result = await notebook.run(FLOW.replace("--quiet", "--quiet --run --wait"))
    assert result.status is AgentStatus.COMPLETED


async def test_settings_reach_the_agent(notebook):
    cell = "%%fluffy r --quiet --max-concurrent 2 --start b,c\ndef a(context): ...\n"
    await notebook.run(cell + "def b(context): ...\ndef c(context): ...")
    assert notebook["r"].max_concurrent == 2
    result = await notebook.run("await r.run()")
    assert set(result.counts) == {"b", "c"}


async def test_a_time_limit_reaches_the_run(notebook):
    cell = "%%fluffy r --quiet --run --wait --timeout 0.01\nimport asyncio\n"
    shown = await notebook.fails(cell + "async def a(context):\n    await asyncio.Event().wait()")
    assert shown.startswith("RunTimeoutError: ")
    assert notebook["r"].status is AgentStatus.CANCELLED


async def test_several_cells_make_one_agent_and_each_owns_its_states(notebook):
    await notebook.run("%%fluffy r --quiet\nasync def a(context): ...", "1")
    await notebook.run("%%fluffy r --quiet\nasync def b(context): ...", "2")
    agent = notebook["r"]
    await notebook.run("%%fluffy r --quiet\nasync def c(context): ...", "1")
    assert notebook["r"] is agent
    assert list(agent.states) == ["b", "c"]


async def test_a_name_that_a_cell_only_imports_or_had_before_is_no_state_of_it(notebook):
    await notebook.run("async def old(context): ...")
    await notebook.run(
        "%%fluffy r --quiet\nif False:\n    def old(context): ...\ndef a(context): ..."
    )
    assert list(notebook["r"].states) == ["a"]


async def test_S9_6_a_state_is_mended_in_its_cell_and_the_run_goes_on(notebook):
    broken = "%%fluffy r --quiet\ndef a(context):\n    return 'b'\ndef b(context):\n    1/0"
    await notebook.run(broken, "1")
    shown = await notebook.fails("await r.run()")
    assert "ZeroDivisionError" in shown
    await notebook.run(broken.replace("1/0", "pass"), "1")
    result = await notebook.run("%fluffy resume r --wait")
    assert result.status is AgentStatus.COMPLETED


async def test_steps_show_what_each_did(notebook):
    await notebook.run(FLOW)
    notebook.shell.fluffy.session.show = lambda agent: None
    table = await notebook.run("%fluffy step review")
    assert table.rows == [("draft", "+ text = 'hello'", "publish")]
    assert repr(table).splitlines()[1] == "draft      + text = 'hello'        publish"
    table = await notebook.run("%fluffy step review all")
    assert table.rows == [("publish", "+ done = True", "end")]
    assert notebook["review"].status is AgentStatus.COMPLETED
    table = await notebook.run("%fluffy step review 2")
    assert [row[0] for row in table.rows] == ["draft", "publish"]
    assert "<td" in table._repr_html_()


async def test_what_a_table_shows_is_escaped(notebook):
    notebook.shell.fluffy.session.show = lambda agent: None
    await notebook.run("%%fluffy r --quiet\ndef a(context):\n    context.set_state('<b>', '<i>')")
    table = await notebook.run("%fluffy step r")
    assert "<b>" not in table._repr_html_()
    assert "&lt;b&gt; = &#x27;&lt;i&gt;&#x27;" in table._repr_html_()


async def test_stepping_stops_where_only_a_person_can_go_on(notebook):
    notebook.shell.fluffy.session.show = lambda agent: None
    cell = "%%fluffy r --quiet\nasync def a(context):\n    await context.human_in_the_loop('who?')"
    await notebook.run(cell)
    table = await asyncio.wait_for(notebook.run("%fluffy step r all"), 5)
    assert table.rows[0] == ("a asks a person", "nothing", "a (after an answer)")
    assert notebook["r"].status is AgentStatus.PAUSED
    await notebook.run("%fluffy answer r me")
    table = await asyncio.wait_for(notebook.run("%fluffy step r all"), 5)
    assert table.rows == [("a", "nothing", "end")]


ASKING = """%%fluffy r --quiet --run
async def a(context):
    context.set_state("a", await context.human_in_the_loop("who?"))
async def b(context):
    context.set_state("b", await context.human_in_the_loop("which?", choices=["one", "the other"]))
"""


async def prompts(agent, number):
    async for _ in agent.events():
        if len(agent.prompts) == number:
            return


async def test_answers_by_magic(notebook):
    await notebook.run(ASKING)
    await prompts(notebook["r"], 2)
    assert "say which one" in await notebook.fails("%fluffy answer r me")
    assert "'two' is not one of" in await notebook.fails("%fluffy answer r b two")
    await notebook.run("%fluffy answer r b the other")
    await notebook.run('%fluffy answer r it\'s me,  "really"')
    result = await notebook.run("%fluffy wait r")
    assert result.values == {"b": "the other", "a": 'it\'s me,  "really"'}
    assert "nothing to answer" in await notebook.fails("%fluffy answer r me")


SCHEMA = """%%fluffy r --quiet --run
from pydantic import BaseModel, Field
class Review(BaseModel):
    stars: int = Field(ge=1, le=5)
    why: str = ""
async def a(context):
    context.set_state("a", await context.human_in_the_loop("how?", schema=Review))
"""


@pytest.mark.parametrize(
    "line", ["""'{"stars": 4, "why": "it is"}'""", '{"stars": 4, "why": "it is"}']
)
async def test_S11_1_fields_are_answered_by_magic_as_json(notebook, line):
    await notebook.run(SCHEMA)
    await prompts(notebook["r"], 1)
    refused = await notebook.fails("%fluffy answer r '{\"stars\": 9}'")
    assert "does not take this answer: stars: Input should be less than or equal to 5" in refused
    assert len(notebook["r"].prompts) == 1
    await notebook.run(f"%fluffy answer r {line}")
    result = await notebook.run("%fluffy wait r")
    assert result.values["a"].model_dump() == {"stars": 4, "why": "it is"}


@pytest.fixture
def far_away(notebook):
    """A run in another thread's loop, which asks; and that loop."""
    agent, opened = Agent("far"), threading.Event()

    @agent.state
    async def asks(context):
        context.set_state("answer", await context.human_in_the_loop("?", choices=["x", "y"]))

    agent.responder = lambda prompt: opened.set()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    run = asyncio.run_coroutine_threadsafe(agent.run(), loop)
    opened.wait(10)
    notebook.shell.user_ns["far"] = agent
    yield run, loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


async def test_S11_4_a_run_in_another_thread_is_answered_by_magic(notebook, far_away):
    run, _ = far_away
    assert "'z' is not one of" in await notebook.fails("%fluffy answer far z")
    await notebook.run("%fluffy answer far x")
    assert run.result(10).values["answer"] == "x"


async def test_where_that_thread_is_busy_the_magic_does_not_wait_for_ever(
    notebook, far_away, monkeypatch
):
    run, loop = far_away
    monkeypatch.setattr(verbs, "REPLY_SECONDS", 0.01)
    busy = threading.Event()
    loop.call_soon_threadsafe(busy.wait, 10)
    await notebook.run("%fluffy answer far x")
    assert notebook.error == []
    assert not run.done()
    busy.set()
    assert run.result(10).values["answer"] == "x"


async def test_pause_resume_cancel(notebook):
    notebook.shell.fluffy.session.show = lambda agent: None
    await notebook.run(FLOW)
    assert "review' is IDLE" in await notebook.fails("%fluffy pause review")
    assert "review' is IDLE" in await notebook.fails("%fluffy resume review")
    await notebook.run("run = review.start()\n%fluffy pause review")
    assert notebook["review"].status is AgentStatus.PAUSED
    await notebook.run("%fluffy resume review")
    assert notebook["review"].status is AgentStatus.RUNNING
    await notebook.run("%fluffy wait review")
    assert "COMPLETED" in await notebook.fails("%fluffy resume review")


async def test_a_run_that_is_cancelled_can_be_resumed(notebook):
    notebook.shell.fluffy.session.show = lambda agent: None
    await notebook.run(ASKING)
    await prompts(notebook["r"], 2)
    await notebook.run("%fluffy cancel r")
    assert notebook["r"].status is AgentStatus.CANCELLED
    await notebook.run("%fluffy resume r")
    await prompts(notebook["r"], 2)
    await notebook.run("%fluffy answer r a x\n%fluffy answer r one\n%fluffy wait r")
    assert notebook["r"].status is AgentStatus.COMPLETED


async def test_wait_says_what_failed_in_the_background(notebook):
    await notebook.run("%%fluffy r --quiet --run\ndef a(context):\n    1/0")
    assert "state 'a' failed" in await notebook.fails("%fluffy wait r")


async def test_inputs_and_starts_of_a_run(notebook):
    notebook.shell.fluffy.session.show = lambda agent: None
    await notebook.run(FLOW + "n = 3")
    cell = "%fluffy run review -i rows=[n, n] -i title='a b' --start publish --wait"
    result = await notebook.run(cell)
    assert result.values == {"rows": [3, 3], "title": "a b", "done": True}


async def test_the_bare_magic_lists_the_agents(notebook):
    assert "there are no agents yet" in repr(await notebook.run("%fluffy"))
    await notebook.run(FLOW)
    await notebook.run("from fluffy_nb import Agent\nother = Agent('x')\nawait review.run()")
    table = await notebook.run("%fluffy")
    assert [row[:4] for row in table.rows] == [
        ("review", "COMPLETED", "2/2", "0"),
        ("other", "IDLE", "0/0", "0"),
    ]


async def test_inside_a_function_a_line_does_what_needs_no_waiting(notebook):
    notebook.shell.fluffy.session.show = lambda agent: None
    await notebook.run(FLOW)
    await notebook.run("def go():\n    %fluffy run review\ngo()\nawait review._run")
    assert notebook["review"].status is AgentStatus.COMPLETED
    shown = await notebook.fails("def go():\n    %fluffy step review\ngo()")
    assert "inside a function" in shown


async def test_help_names_every_verb_and_option(notebook):
    text = notebook.shell.find_line_magic("fluffy").__doc__
    for word in ("%%fluffy NAME", "%fluffy step NAME", "--max-concurrent N", "-i key=expression"):
        assert word in text


# ---------------------------------------------------------------- loading


def test_loading_twice_and_unloading_leave_the_shell_as_it_was(shell):
    import fluffy_nb

    kinds = ("input_transformers_cleanup", "input_transformers_post", "ast_transformers")

    def parts():
        return [
            *(list(getattr(shell, kind)) for kind in kinds),
            list(shell.Completer.custom_matchers),
            {name: list(all_) for name, all_ in shell.events.callbacks.items()},
            sorted(shell.magics_manager.magics["line"]),
            sorted(shell.magics_manager.magics["cell"]),
            dict(shell.display_formatter.mimebundle_formatter.type_printers),
            sorted(shell.user_ns),
            hasattr(shell, "fluffy"),
        ]

    before = parts()
    fluffy_nb.load_ipython_extension(shell)
    once = parts()
    fluffy_nb.load_ipython_extension(shell)
    assert parts() == once
    assert once != before
    fluffy_nb.unload_ipython_extension(shell)
    fluffy_nb.unload_ipython_extension(shell)
    assert parts() == before
    assert around.surroundings.running_cell is around.Surroundings().running_cell


async def test_reloaded_it_works_on(notebook):
    await notebook.run("%load_ext fluffy_nb")
    await notebook.run("%reload_ext fluffy_nb")
    await notebook.run(FLOW + "await review.run()")
    assert notebook.error == []
    assert isinstance(notebook["review"], Agent)


async def test_an_agent_survives_an_unload_with_its_run(notebook):
    import fluffy_nb

    await notebook.run(FLOW.replace("--quiet", "--quiet --run"))
    fluffy_nb.unload_ipython_extension(notebook.shell)
    result = await notebook["review"]._run
    assert result.status is AgentStatus.COMPLETED


def completed(shell, text):
    """The lines that Tab offers, as the kernel asks for them."""
    with provisionalcompleter():
        found = list(shell.Completer.completions(text, len(text)))
    return [text[: one.start] + one.text for one in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%fluffy ste", ["p"]),
        ("%fluffy step r", ["eview"]),
        ("%fluffy run review --st", ["art"]),
        ("%fluffy run review --start dr", ["aft"]),
        ("%fluffy run review --start=dr", ["aft"]),
        ("%fluffy run review --start draft,pub", ["lish"]),
        ("%fluffy step review a", ["ll"]),
        ("%fluffy answer review ye", ["s"]),
        ("%fluffy answer review pub", ["lish"]),
        ("%%fluffy rev", ["iew"]),
        ("%%fluffy review --max", ["-concurrent"]),
        ("%%fluffy review --layout T", ["B"]),
        ("%%fluffy review --run --ru", []),
    ],
)
async def test_tab_completes(notebook, text, expected):
    await notebook.run(
        "%%fluffy review --run --quiet\nasync def draft(context):\n    return 'publish'\n"
        "async def publish(context):\n"
        "    await context.human_in_the_loop('ok?', choices=['yes', 'no'])"
    )
    await prompts(notebook["review"], 1)
    assert completed(notebook.shell, text) == [text + end for end in expected]
    await notebook["review"].cancel_all()


async def test_tab_in_the_body_of_a_cell_is_pythons(notebook):
    assert "%%fluffy review\nimport asyncio" in completed(
        notebook.shell, "%%fluffy review\nimport asynci"
    )
