"""A real kernel that a test talks to as a front end does: message by message, without waiting."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
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
    """A kernel and a front end of it."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client

    def send(self, kind: str, content: dict[str, Any], metadata: Any = None) -> str:
        """Send a message on the shell channel and return its id."""
        message = self.client.session.msg(kind, content, metadata=metadata)
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
            "stop_on_error": True,
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
        while True:
            reply = self.client.get_shell_msg(timeout=TIMEOUT)
            if reply["parent_header"].get("msg_id") == request:
                return Outcome(messages, reply)

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()


@pytest.fixture
def kernel(environment: dict[str, str], tmp_path: Any) -> Iterator[Kernel]:
    manager = KernelManager(kernel_name="python3")
    manager.kernel_spec.argv = [sys.executable, *manager.kernel_spec.argv[1:]]
    manager.start_kernel(env=environment, cwd=str(tmp_path))  # where runs are kept
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment of a kernel."""
    ours = {"FLUFFY_NB_ANSWERS", "FLUFFY_NB_RESPONDER"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "PYTHONPATH": ":".join(filter(None, sys.path))}


# ---------------------------------------------------------------- a shell in this process


class FakeKernel:
    """Says what a front end said with the cell."""

    def __init__(self) -> None:
        self.parent: Message = {}

    def get_parent(self, channel: str | None = None) -> Message:
        return self.parent

    def asked(self, cell: str | None = None, *, takes_input: bool = True) -> None:
        self.parent = {
            "header": {"msg_type": "execute_request", "msg_id": uuid.uuid4().hex},
            "metadata": {"cellId": cell} if cell else {},
            "content": {"allow_stdin": takes_input},
        }


class Notebook:
    """An IPython shell that runs cells in the test's loop, with no kernel around it."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.kernel = shell.kernel = FakeKernel()
        self.error: list[str] = []
        shell._showtraceback = lambda kind, value, lines: self.error.extend(lines)
        shell.show_usage_error = lambda value: self.error.append(str(value))

    @property
    def names(self) -> dict[str, Any]:
        return dict(self.shell.user_ns)

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]

    async def run(self, code: str, cell: str | None = None, **said: bool) -> Any:
        """Run a cell; its value. What it showed as an error is in `error`."""
        self.kernel.asked(cell, **said)
        self.error.clear()
        transformed = self.shell.transform_cell(code)
        result = await self.shell.run_cell_async(
            code, transformed_cell=transformed, store_history=True
        )
        self.shell.events.trigger("post_run_cell", result)
        return result.result

    async def fails(self, code: str, cell: str | None = None) -> str:
        """Run a cell that shows an error, and return what is shown."""
        await self.run(code, cell)
        assert self.error, "the cell showed no error"
        return "\n".join(self.error)


@pytest.fixture
def shell(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)  # where runs are kept
    monkeypatch.delenv("FLUFFY_NB_RESPONDER", raising=False)
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def notebook(shell: Any) -> Iterator[Notebook]:
    import fluffy_nb

    made = Notebook(shell)
    fluffy_nb.load_ipython_extension(shell)
    yield made
    fluffy_nb.unload_ipython_extension(shell)
