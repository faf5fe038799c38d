"""A real kernel that a test talks to as a front end does: message by message, without waiting."""

from __future__ import annotations

import atexit
import os
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.notebook.robot import Kernel, Message, started


@pytest.fixture
def kernel(environment: dict[str, str], tmp_path: Any) -> Iterator[Kernel]:
    with started(sys.executable, environment, tmp_path) as kernel:
        yield kernel


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
    # It would stay in memory and collect garbage once more, hundreds of times, at the exit.
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()


@pytest.fixture
def notebook(shell: Any) -> Iterator[Notebook]:
    import fluffy_nb

    made = Notebook(shell)
    fluffy_nb.load_ipython_extension(shell)
    yield made
    fluffy_nb.unload_ipython_extension(shell)
