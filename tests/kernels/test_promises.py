"""What every kernel must keep: a robot does what a page does, over real messages."""

from __future__ import annotations

import itertools
from collections import defaultdict

import pytest

from tests.notebook.robot import answering, stopping

pytestmark = pytest.mark.matrix
promise = pytest.mark.promise

FORMS = ["await {}.run()", "{}.run_sync()"]

ASKING = """%%fluffy NAME
async def first(context):
    context.set_state("why", await context.human_in_the_loop("why?"))
    return "second"

async def second(context):
    context.set_state("how", await context.human_in_the_loop("how?", choices=["well", "badly"]))
"""
ENDLESS = """%%fluffy NAME
import asyncio
async def wait(context):
    if not context.has_state("again"):
        context.set_state("again", True)
        print("waiting")
        await asyncio.get_running_loop().create_future()
"""
CLEANING = """%%fluffy NAME
import asyncio
async def wait(context):
    try:
        print("waiting")
        await asyncio.get_running_loop().create_future()
    finally:
        print("cleaning")
        await asyncio.sleep(1)
"""
SEVERAL = """%%fluffy NAME
async def fork(context): return ["a", "b", "c"]
async def a(context): context.set_state("a", await context.human_in_the_loop("a?"))
async def b(context): context.set_state("b", await context.human_in_the_loop("b?"))
async def c(context): context.set_state("c", await context.human_in_the_loop("c?"))
"""
TYPED = """%%fluffy NAME
async def ask(context):
    said = context.get_state("said", [])
    said.append(await context.human_in_the_loop(f"{len(said)}?"))
    context.set_state("said", said)
    return "ask" if len(said) < 20 else None
"""
STOCK = """%%fluffy NAME
import asyncio, ipywidgets
from IPython.display import display
text = ipywidgets.Text()
async def type_in(context):
    loop, whole = asyncio.get_running_loop(), asyncio.Event()
    def seen(change):
        if change.new == "because":
            loop.call_soon_threadsafe(whole.set)
    text.observe(seen, "value")
    text.value = ""
    text.send({"type": "now"})
    await whole.wait()
    text.unobserve(seen, "value")
    times = context.get_state("times", 0) + 1
    context.set_state("times", times)
    return "type_in" if times < 20 else None
display(text)
"""


numbers = itertools.count()


def define(kernel, source, on_message=lambda _: None):
    """Define an agent of a name of its own, so that no view of an earlier one speaks too."""
    name = f"agent{next(numbers)}"
    kernel.run(source.replace("NAME", name), on_message)
    return name


def values(form, agent):
    return f"print(dict(({form.format(agent)}).values))"


@pytest.fixture(params=FORMS, ids=["awaited", "blocking"])
def form(request):
    return request.param


@promise("prompts in a cell that waits")
def test_questions_are_answered_while_the_cell_waits(kernel, form):
    agent = define(kernel, ASKING)
    answers = answering(kernel, {"why?": "because", "how?": "well"})
    outcome = kernel.run(values(form, agent), answers)
    assert outcome.printed == "{'why': 'because', 'how': 'well'}\n"
    assert {m["parent_header"]["msg_id"] for m in outcome.of("stream")} == {outcome.request}


@promise("prompts in the background")
def test_questions_of_the_background_are_answered_after_its_cell(kernel):
    agent = define(kernel, ASKING)
    answers = answering(kernel, {"why?": "because", "how?": "well"})
    kernel.run(f"%fluffy run {agent}", answers)
    outcome = kernel.run(f"%fluffy wait {agent}\nprint({agent}.status)", answers)
    assert outcome.printed == "COMPLETED\n"


@promise("several at once, in any order")
def test_several_questions_are_answered_in_any_order(kernel, form):
    agent = define(kernel, SEVERAL)
    asked = {}

    def on_message(message):
        content = message["content"]
        if message["msg_type"] == "comm_open":
            state = content["data"].get("state", {})
            if str(state.get("question")) in {"a?", "b?", "c?"} - set(asked):
                asked[state["question"]] = (content["comm_id"], state["pid"])
        elif set(asked) == {"a?", "b?", "c?"} and asked["b?"][0] in str(content):
            for question in ("c?", "a?", "b?"):
                comm, pid = asked[question]
                answer = {"kind": "answer", "id": pid, "value": question[0].upper()}
                kernel.comm(comm, {"method": "custom", "content": answer})
            asked["done"] = ()

    outcome = kernel.run(values(form, agent), on_message)
    assert eval(outcome.printed) == {"a": "A", "b": "B", "c": "C"}


@promise("typed fast, 20 of 20")
def test_what_is_typed_into_a_prompt_arrives_whole(kernel, form):
    agent = define(kernel, TYPED)
    answers = answering(kernel, {f"{n}?": "because" for n in range(20)})
    outcome = kernel.run(values(form, agent), answers)
    assert eval(outcome.printed) == {"said": ["because"] * 20}


@promise("typed into another's text field, 20 of 20")
def test_what_is_typed_into_a_stock_text_arrives_whole(kernel, form):
    """As ipywidgets' page does: one update is under way, and the last one waits for its idle."""
    fields = {}

    def opened(message):
        state = message["content"].get("data", {}).get("state", {})
        if message["msg_type"] == "comm_open" and state.get("_model_name") == "TextModel":
            fields["text"] = message["content"]["comm_id"]

    agent = define(kernel, STOCK, opened)
    under_way, last = [], []

    def send(value):
        update = {"method": "update", "state": {"value": value}, "buffer_paths": []}
        under_way[:] = [kernel.comm(fields["text"], update)]

    def on_message(message):
        content = message["content"]
        now = content.get("comm_id") == fields["text"] and content["data"].get("content")
        if now == {"type": "now"}:
            send("b")
            last[:] = ["because"]
        is_idle = content.get("execution_state") == "idle"
        if is_idle and message["parent_header"]["msg_id"] in under_way:
            under_way.clear()
            if last:
                send(last.pop())

    outcome = kernel.run(values(form, agent), on_message)
    assert outcome.printed == "{'times': 20}\n"


@promise("Stop")
def test_stop_is_one_line_and_the_run_can_be_resumed(kernel, form):
    agent = define(kernel, ENDLESS)
    outcome = kernel.run(form.format(agent), stopping(kernel))
    assert len(outcome.error) == 1, "\n".join(outcome.error)
    assert f"go on with: await {agent}.resume() or %fluffy resume {agent}" in outcome.error[0]
    code = f"print({agent}.status, (await {agent}.resume()).counts)"
    assert kernel.run(code).printed == "CANCELLED {'wait': 1}\n"


@promise("Stop, twice in a row")
def test_a_kernel_that_is_interrupted_twice_goes_on(kernel, form):
    agent = define(kernel, CLEANING)

    def twice(message):
        if message["msg_type"] == "stream":  # the second time while the first is obeyed
            for _ in range(message["content"]["text"].count("ing\n")):
                kernel.interrupt()

    outcome = kernel.run(form.format(agent), twice)
    assert outcome.reply["content"]["status"] == "error"
    assert kernel.run("print('here')").printed == "here\n"
    assert kernel.run(f"await {agent}.cancel_all()\nprint({agent}.status)").printed == "CANCELLED\n"


@promise("live view")
def test_the_view_follows_the_run_while_the_cell_waits(kernel, form):
    agent = define(kernel, ASKING)
    seen, held = defaultdict(list), []
    answers = answering(kernel, {"why?": "because", "how?": "well"})

    def on_message(message):
        content = message["content"]
        patch = message["msg_type"] == "comm_msg" and content["data"].get("content")
        for key, node in ((patch or {}).get("nodes") or {}).items():
            if node.get("status") not in {None, *seen[key][-1:]}:
                seen[key].append(node["status"])
        held.append(message)
        waiting = sum(statuses.count("WAITING") for statuses in seen.values())
        while held and waiting > len(answers.answered):  # a person sees it first
            answers(held.pop(0))

    kernel.run(form.format(agent), on_message)
    assert [statuses[-2:] for statuses in seen.values()] == [["WAITING", "COMPLETED"]] * 2


@promise("a reloaded page is told")
def test_a_page_that_comes_back_is_told_which_widgets_there_are(kernel, form):
    agent = define(kernel, ASKING)
    answers, held, told = answering(kernel, {"why?": "because", "how?": "well"}), [], {}

    def on_message(message):
        held.append(message)
        if message["msg_type"] == "comm_open" and not told:
            for kind in ("kernel_info", "comm_info"):  # as a page does that is loaded
                reply = kernel.reply_to(kernel.send(f"{kind}_request", {}))
                told[kind] = reply["content"]
        while told and held:
            answers(held.pop(0))

    kernel.run(form.format(agent), on_message)
    assert told["kernel_info"]["implementation"] == "ipython"
    assert len(told["comm_info"]["comms"]) > 2


@promise("queued cells keep their order")
def test_cells_that_are_queued_run_afterwards_in_their_order(kernel, form):
    agent = define(kernel, ASKING)
    answers = answering(kernel, {"why?": "because", "how?": "well"})
    queued = []

    def on_message(message):
        if message["msg_type"] == "stream" and not queued:
            for number in range(5):
                content = {"code": f"print({number})", "silent": False, "allow_stdin": True}
                queued.append(kernel.send("execute_request", content))
        answers(message)

    def is_last(message):
        idle = message["content"].get("execution_state") == "idle"
        return idle and message["parent_header"].get("msg_id") in queued[-1:]

    code = f"print('waits')\n{form.format(agent)}\nprint('ended')"
    outcome = kernel.run(code, on_message, until=is_last)
    assert outcome.printed == "waits\nended\n0\n1\n2\n3\n4\n"


@promise("Tab completes")
def test_names_complete_on_tab(kernel):
    agent = define(kernel, ASKING)
    text = f"%fluffy step {agent[:-1]}"
    request = kernel.send("complete_request", {"code": text, "cursor_pos": len(text)})
    assert agent in kernel.reply_to(request)["content"]["matches"]


@promise("no task is left")
def test_nothing_is_left_running(kernel):
    agent = define(kernel, ASKING)
    answers = answering(kernel, {"why?": "because", "how?": "well"})
    code = (
        "import asyncio\nbefore = asyncio.all_tasks()\n"
        f"await {agent}.run(); {agent}.run_sync()\nawait asyncio.sleep(0); await asyncio.sleep(0)\n"
        "print([task.get_name() for task in asyncio.all_tasks() - before "
        "if 'fluffy' in repr(task)])"
    )
    assert kernel.run(code, answers).printed == "[]\n"
