"""Widget messages and Stop while a cell waits, on a real kernel, with plain comms."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.kernel

SETUP = """
import asyncio, comm
from IPython import get_ipython
from fluffy_nb.notebook.running_cell import RunningCell
from fluffy_nb.notebook.requests import Requests

requests = Requests(get_ipython())
requests.install()
explained = lambda: RuntimeError("stopped on purpose")
running_cell = RunningCell(get_ipython(), requests, lambda: explained)

def ask(question):
    loop = asyncio.get_running_loop()
    answer = loop.create_future()
    channel = comm.create_comm(target_name="ask", data={"question": question})
    channel.on_msg(lambda message: answer.done() or answer.set_result(message["content"]["data"]))
    return answer
"""


def replying(kernel, text, sent):
    def on_message(message):
        if message["msg_type"] == "comm_open":
            sent.append(kernel.comm(message["content"]["comm_id"], {"text": text}))

    return on_message


def statuses(outcome, parent):
    return [
        message["content"]["execution_state"]
        for message in outcome.of("status")
        if message["parent_header"]["msg_id"] == parent
    ]


def test_a_message_arrives_while_the_cell_awaits(kernel):
    kernel.run(SETUP)
    code = "async with running_cell():\n    print((await ask('who?'))['text'])\nprint('after')"
    outcome = kernel.run(code, replying(kernel, "because", []))
    assert outcome.printed == "because\nafter\n"


def test_the_page_hears_that_its_message_was_handled_and_that_the_cell_still_runs(kernel):
    """ipykernel 7.4.0 publishes no idle for it, and ipywidgets' page then sends nothing more."""
    kernel.run(SETUP)
    sent = []
    code = "async with running_cell():\n    await ask('who?')\n    await ask('and now?')"
    outcome = kernel.run(code, replying(kernel, "x", sent))
    assert [statuses(outcome, message) for message in sent] == [["busy", "idle"]] * 2
    own = statuses(outcome, outcome.reply["parent_header"]["msg_id"])
    assert own == ["busy", "busy", "busy", "idle"]  # said again after each, so it looks busy


def test_output_stays_with_the_cell(kernel):
    kernel.run(SETUP)
    code = (
        "import threading\n"
        "async with running_cell():\n"
        "    await ask('who?')\n"
        "    print('task')\n"
        "    await asyncio.to_thread(print, 'thread')\n"
        "    thread = threading.Thread(target=print, args=('bare thread',))\n"
        "    thread.start(); await asyncio.to_thread(thread.join)\n"
    )
    outcome = kernel.run(code, replying(kernel, "x", []))
    request = outcome.reply["parent_header"]["msg_id"]
    assert {m["parent_header"]["msg_id"] for m in outcome.of("stream")} == {request}
    assert outcome.printed == "task\nthread\nbare thread\n"


def test_two_runs_share_the_bridge_and_the_last_takes_it_away(kernel):
    kernel.run(SETUP)
    code = """
stream = get_ipython().kernel.shell_channel_thread.manager._shell_channel_to_main.to_stream
before = stream._recv_callback
async def one(question):
    async with running_cell():
        return (await ask(question))["text"]
first = asyncio.create_task(one("a"))
print(await one("b"), await first, stream._recv_callback is before)
"""
    assert kernel.run(code, replying(kernel, "x", [])).printed == "x x True\n"


def test_a_handler_that_raises_is_logged_and_the_cell_goes_on(kernel):
    kernel.run(SETUP)
    code = """
def fail(message): raise RuntimeError("handler")
answer = asyncio.get_running_loop().create_future()
bad = comm.create_comm(target_name="bad", data={})
bad.on_msg(fail)
async with running_cell():
    print((await ask('who?'))["text"])
"""
    outcome = kernel.run(code, replying(kernel, "good", []))
    assert "good\n" in outcome.printed
    assert outcome.reply["content"]["status"] == "ok"


def test_messages_for_cells_wait_their_turn(kernel):
    kernel.run(SETUP)
    later = []

    def on_message(message):
        if message["msg_type"] == "comm_open":
            later.append(kernel.send("execute_request", {"code": "print('second')"}))
            kernel.comm(message["content"]["comm_id"], {"text": "x"})

    def second_is_idle(message):
        idle = message["content"].get("execution_state") == "idle"
        return bool(later) and idle and message["parent_header"]["msg_id"] == later[0]

    code = "async with running_cell():\n    await ask('who?')\nprint('first')"
    outcome = kernel.run(code, on_message, until=second_is_idle)
    assert outcome.printed == "first\nsecond\n"


def interrupting(kernel):
    def on_message(message):
        if message["msg_type"] == "stream":
            kernel.interrupt()

    return on_message


def test_stop_ends_a_cell_that_awaits_what_never_comes_with_one_line(kernel):
    kernel.run(SETUP)
    code = """
class OneLine(Exception):
    def _render_traceback_(self): return [str(self)]
explained = OneLine("stopped on purpose")
requests_cell = RunningCell(get_ipython(), requests, lambda: lambda: explained)
async with requests_cell():
    print("waiting")
    await asyncio.get_running_loop().create_future()
"""
    outcome = kernel.run(code, interrupting(kernel))
    assert outcome.error == ["stopped on purpose"]
    assert kernel.run("print('alive')").printed == "alive\n"


def test_a_cancellation_that_is_no_stop_stays_one(kernel):
    kernel.run(SETUP)
    code = """
try:
    async with asyncio.timeout(0):
        async with running_cell():
            await asyncio.get_running_loop().create_future()
except TimeoutError:
    print("timed out")
"""
    assert kernel.run(code).printed == "timed out\n"


def test_a_run_of_an_ended_cell_is_not_stopped_with_another(kernel):
    kernel.run(SETUP)
    kernel.run("""
async def background():
    async with running_cell():
        await gate.wait()
        return "went on"
gate = asyncio.Event()
task = asyncio.create_task(background())
await asyncio.sleep(0)
""")
    code = """
async with running_cell():
    print("waiting")
    await asyncio.get_running_loop().create_future()
"""
    outcome = kernel.run(code, interrupting(kernel))
    assert "stopped on purpose" in "".join(outcome.error)
    assert kernel.run("gate.set(); print(await task)").printed == "went on\n"


def test_a_kernel_made_otherwise_is_left_alone_and_said_so(kernel):
    kernel.run(SETUP)
    code = """
from types import SimpleNamespace
from fluffy_nb.notebook.bridge import Bridge
bridge = Bridge(SimpleNamespace(shell_stream=None, session=None, shell_handlers={}), requests)
with bridge.open():
    print(bridge.note)
print(repr(running_cell.note))
"""
    note, good = kernel.run(code).printed.splitlines()
    assert "agent.start()" in note
    assert good == "''"


def test_off_the_main_thread_nothing_is_touched(kernel):
    kernel.run(SETUP)
    code = """
async def elsewhere():
    async with running_cell():
        return stream._recv_callback is before
stream = get_ipython().kernel.shell_channel_thread.manager._shell_channel_to_main.to_stream
before = stream._recv_callback
print(await asyncio.to_thread(asyncio.run, elsewhere()))
"""
    assert kernel.run(code).printed == "True\n"


def test_a_request_knows_its_cell_and_whether_somebody_is_there(kernel):
    kernel.run(SETUP)
    code = (
        "print(requests.mine().cell, requests.somebody_is_there(), requests.running() is not None)"
    )
    assert kernel.run(code, cell="c1").printed == "c1 True True\n"
    assert kernel.run(code, takes_input=False).printed == "None False True\n"
    kernel.run("import os; os.environ['FLUFFY_NB_RESPONDER'] = 'widgets'")
    assert kernel.run(code, takes_input=False).printed == "None True True\n"


def test_without_a_stream_the_wait_sleeps_between_its_looks(monkeypatch):
    from concurrent.futures import Future

    from fluffy_nb.notebook import bridge

    class Watched(Future):
        looks, slept = 0, 0

        def done(self):
            self.looks += 1
            return self.looks > 3

    class Poller(bridge.zmq.Poller):
        def poll(self, timeout=None):
            future.slept += 1
            return []

    future = Watched()
    monkeypatch.setattr(bridge.zmq, "Poller", Poller)
    bridge.Bridge(object(), None).block(future)
    assert future.slept == 3
