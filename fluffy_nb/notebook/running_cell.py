"""What surrounds a run that a cell waits for: clicks get through, and so does Stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fluffy_nb.engine.blocking import CallElsewhere
from fluffy_nb.notebook.bridge import Bridge
from fluffy_nb.notebook.requests import Requests, is_on_main_thread, kernel_of
from fluffy_nb.notebook.stop import Heart, Stop


class RunningCell:
    """What surrounds a run that a cell awaits.

    Args:
        requests: Know the cell that runs.
        shell: The IPython shell.
        interrupted: Called when the kernel is interrupted; what it returns is called for the
            error to raise instead of the cancellation, once the run has ended.
    """

    def __init__(
        self,
        shell: Any,
        requests: Requests,
        interrupted: Callable[[], Callable[[], Exception]],
    ) -> None:
        kernel = kernel_of(shell)
        self._bridge = None if kernel is None else Bridge(kernel, requests)
        self._requests = requests
        self._interrupted = interrupted

    @property
    def note(self) -> str:
        """As `Bridge.note`; empty where there is no kernel."""
        return "" if self._bridge is None else self._bridge.note

    def wait(self, call: CallElsewhere[Any]) -> None:
        """Wait for a run in another thread; clicks and Stop get through meanwhile.

        Raises:
            RunStoppedError: Stop was pressed and the run has been cancelled; or what else
                `interrupted` gave.
            KeyboardInterrupt: Stop was pressed again while it was being cancelled.
        """
        if self._bridge is None or not is_on_main_thread():
            call.wait()
            return
        explain: list[Callable[[], Exception]] = []

        def stop() -> None:
            explain.append(self._interrupted())
            call.cancel()

        with Stop(stop, alone=True):
            call.begin()
            self._bridge.block(call.future)
        if explain:
            error = explain[0]()
            raise error

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[None]:
        """Let clicks and Stop through meanwhile; does nothing off a kernel's main thread."""
        if self._bridge is None or not is_on_main_thread():
            yield
            return
        with self._bridge.open():
            if self._requests.running() is None:
                yield  # in the background: Stop is not for this run
                return
            await self._requests.deliver_stop()
            async with self._stoppable():
                yield

    @asynccontextmanager
    async def _stoppable(self) -> AsyncIterator[None]:
        explain: list[Callable[[], Exception]] = []
        heart = Heart()
        with Stop(lambda: explain.append(self._interrupted())):
            try:
                yield
            except asyncio.CancelledError:
                if not explain:
                    raise
                error = explain[0]()
                raise error from None
            finally:
                heart.stop()
