"""What the front end said with the cell it asked to run, and whether that cell still runs."""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
from typing import Any, NamedTuple

from IPython.core.interactiveshell import InteractiveShell

from fluffy_nb.notebook.stop import Stop

VARIABLE = "FLUFFY_NB_RESPONDER"
"""Set to "widgets" where somebody answers although the front end says that nobody does."""


class Request(NamedTuple):
    """A front end's request to run a cell."""

    id: str
    cell: str | None
    """The id of the notebook's cell; None where the front end sends none."""
    takes_input: bool
    """Whether somebody is there: a machine that executes a notebook says no."""


class Requests:
    """The requests of the cells that run.

    Args:
        shell: The IPython shell.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._running: dict[Request, contextvars.Context] = {}
        self._last: Request | None = None
        self._stops: list[Stop] = []  # of the cells in the main thread

    def install(self) -> None:
        """Begin to follow which cells run."""
        self._begun()  # the cell that loads the extension runs already
        self._shell.events.register("pre_run_cell", self._begun)
        self._shell.events.register("post_run_cell", self._ended)

    def uninstall(self) -> None:
        """Stop following; unlike `install` this may be called twice."""
        for event, function in (("pre_run_cell", self._begun), ("post_run_cell", self._ended)):
            if function in self._shell.events.callbacks[event]:
                self._shell.events.unregister(event, function)

    def _begun(self, _info: object = None) -> None:
        request = self.mine()
        if request is not None:
            self._running[request] = contextvars.copy_context()
            self._last = request
            if is_on_main_thread():
                self._stops.append(Stop().__enter__())

    def _ended(self, _result: object = None) -> None:
        request = self.mine()
        if request in self._running:
            del self._running[request]
            if is_on_main_thread():
                self._stops.pop().__exit__()

    async def deliver_stop(self) -> None:
        """End a cell that was stopped before it came here; see `Stop.deliver`."""
        for stop in self._stops:
            await stop.deliver()

    def mine(self) -> Request | None:
        """The request on whose behalf this code runs; None for a click and outside a kernel."""
        kernel = kernel_of(self._shell)
        message: dict[str, Any] = {}
        if kernel is not None:
            with contextlib.suppress(LookupError):  # ipykernel 7.0, in a thread of somebody else
                message = kernel.get_parent("shell")
        header = message.get("header") or {}
        if header.get("msg_type") != "execute_request":
            return None
        cell = (message.get("metadata") or {}).get("cellId")
        takes_input = bool(message["content"].get("allow_stdin"))
        return Request(header["msg_id"], cell, takes_input)

    def running(self) -> Request | None:
        """As `mine`, but None when that cell has ended: what is displayed now would be lost."""
        request = self.mine()
        return request if request in self._running else None

    def latest(self) -> Request | None:
        """The request that runs now, whoever asks."""
        return next(reversed(self._running), None)

    def context(self) -> contextvars.Context:
        """The context in which that request's cell began; an empty one where none runs."""
        latest = self.latest()
        return contextvars.Context() if latest is None else self._running[latest]

    def somebody_is_there(self) -> bool:
        """Whether a person can answer in the notebook (semantics 11.6)."""
        if kernel_of(self._shell) is None:
            return False
        if os.environ.get(VARIABLE) == "widgets":
            return True
        request = self.mine() or self._last
        return request is not None and request.takes_input


def is_on_main_thread() -> bool:
    """Whether this code runs where the kernel runs cells, and where signals arrive."""
    return threading.current_thread() is threading.main_thread()


def kernel_of(shell: Any) -> Any:
    """The kernel a shell belongs to; None in a terminal and in tests without one."""
    kernel = getattr(shell, "kernel", None)
    return kernel if hasattr(kernel, "get_parent") else None
