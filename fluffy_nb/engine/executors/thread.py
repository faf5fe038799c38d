"""Running a plain function in a worker thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any


async def call_in_thread(
    function: Callable[..., Any],
    *arguments: Any,
    name: str,
    is_given_up: Callable[[], bool] = lambda: False,
) -> Any:
    """Call a plain function in a daemon thread and wait for its result.

    A thread can't be stopped. When the wait is cancelled it goes on until the function returns,
    so that nothing is left running unseen, and the cancellation is raised then. Only where its
    time was up is the thread left alone.

    Args:
        function: Is called once.
        *arguments: What it is called with.
        name: The thread's name.
        is_given_up: Whether a cancellation means that nobody waits for the function any more.

    Returns:
        What the function returns.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
    context = contextvars.copy_context()

    def work() -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = context.run(function, *arguments)
        except BaseException as problem:  # noqa: BLE001 - handed to whoever waits
            error = problem
        try:
            loop.call_soon_threadsafe(done.set_result, (result, error))
        except RuntimeError:
            return  # the loop was closed: nobody waits any more

    threading.Thread(target=work, name=name, daemon=True).start()
    try:
        await asyncio.wait({done})
    except asyncio.CancelledError:
        if not is_given_up():
            await asyncio.wait({done})
        raise
    result, error = done.result()
    if error is not None:
        raise error
    return result
