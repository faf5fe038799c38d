"""A front end without a page: it talks to a real kernel message by message, without waiting."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client import BlockingKernelClient, KernelManager

Message = dict[str, Any]
TIMEOUT = 60


class Outcome:
    """What a cell's execution sent."""

    def __init__(self, messages: list[Message], reply: Message) -> None:
        self.messages = messages
        self.reply = reply

    def of(self, kind: str) -> list[Message]:
        return [message for message in self.messages if message["msg_type"] == kind]

    @property
    def request(self) -> str:
        """The id of the request to run the cell."""
        return str(self.reply["parent_header"]["msg_id"])

    @property
    def printed(self) -> str:
        return "".join(message["content"]["text"] for message in self.of("stream"))

    @property
    def error(self) -> list[str]:
        return self.reply["content"].get("traceback", [])

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The bundles of what was displayed."""
        kinds = ("display_data", "execute_result")
        return [m["content"]["data"] for m in self.messages if m["msg_type"] in kinds]


class Kernel:
    """A kernel and a front end of it.

    Where it has a `subshell`, what widgets send goes there, as JupyterLab has it.
    """

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client
        self.subshell: str | None = None

    def send(self, kind: str, content: dict[str, Any], metadata: Any = None) -> str:
        """Send a message on the shell channel and return its id."""
        message = self.client.session.msg(kind, content, metadata=metadata)
        if kind == "comm_msg" and self.subshell is not None:
            message["header"]["subshell_id"] = self.subshell
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def comm(self, comm_id: str, data: dict[str, Any]) -> str:
        """Send what a widget in the page sends."""
        return self.send("comm_msg", {"comm_id": comm_id, "data": data})

    def run(
        self,
        code: str,
        on_message: Callable[[Message], object] = lambda _: None,
        *,
        cell: str | None = None,
        takes_input: bool = True,
        until: Callable[[Message], bool] | None = None,
    ) -> Outcome:
        """Run a cell; `on_message` sees every message that the kernel publishes meanwhile.

        Messages are read until the cell is idle, and then until `until` is true of one.
        """
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": takes_input,
            "stop_on_error": False,  # the next cell comes so fast that it would be aborted
        }
        request = self.send("execute_request", content, {"cellId": cell} if cell else {})
        messages: list[Message] = []
        ended = False
        while not (ended and until is None):
            message = self.client.get_iopub_msg(timeout=TIMEOUT)
            messages.append(message)
            on_message(message)
            mine = message["parent_header"].get("msg_id") == request
            ended = ended or (mine and message["content"].get("execution_state") == "idle")
            if until is not None and until(message):
                until = None
        return Outcome(messages, self.reply_to(request))

    def reply_to(self, request: str) -> Message:
        """The reply on the shell channel to a request."""
        while True:
            reply = self.client.get_shell_msg(timeout=TIMEOUT)
            if reply["parent_header"].get("msg_id") == request:
                return reply

    def make_subshell(self) -> None:
        """Have widgets' messages go to a subshell from now on."""
        request = self.client.session.msg("create_subshell_request")
        self.client.control_channel.send(request)
        reply = self.client.get_control_msg(timeout=TIMEOUT)
        self.subshell = reply["content"]["subshell_id"]

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()


@contextmanager
def started(python: str, environment: dict[str, str], folder: Path) -> Iterator[Kernel]:
    """A kernel of this Python, in a folder, where runs are kept."""
    manager = KernelManager(kernel_name="python3")
    manager.kernel_spec.argv = [python, *manager.kernel_spec.argv[1:]]
    manager.start_kernel(env=environment, cwd=str(folder))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


# ---------------------------------------------------------------- what a person does


def answering(kernel, answers):
    """Answer each question as soon as a form of it is in the page: displayed, or part of a view."""
    asked, answered = {}, set()

    def on_message(message):
        content = message["content"]
        if message["msg_type"] == "comm_open":
            state = content["data"].get("state", {})
            if state.get("question") in answers:
                asked[content["comm_id"]] = (state["pid"], answers[state["question"]])
            return
        shown = json.dumps(content.get("data", {}))
        for comm_id in [comm_id for comm_id in asked if comm_id in shown]:
            pid, value = asked.pop(comm_id)
            if pid in answered:
                continue  # another view has a form of it too
            answered.add(pid)
            answer = {"kind": "answer", "id": pid, "value": value}
            kernel.comm(comm_id, {"method": "custom", "content": answer})

    on_message.answered = answered
    return on_message


def stopping(kernel, when=""):
    """Press Stop as soon as something is printed."""

    def on_message(message):
        if message["msg_type"] == "stream" and when in message["content"]["text"]:
            kernel.interrupt()

    return on_message
