"""Running a plain function in a worker thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any


async def call_in_thread(function: Callable[..., Any], *arguments: Any, name: str) -> Any:
    """Call a plain function in a daemon thread and wait for its result.

    A thread can't be stopped. When the wait is cancelled it goes on until the function returns,
    so that nothing is left running unseen, and the cancellation is raised then.

    Args:
        function: Is called once.
        *arguments: What it is called with.
        name: The thread's name.

    Returns:
        What the function returns.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(result: Any, error: BaseException | None) -> None:
        if not done.done():
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)

    def work() -> None:
        result: Any = None
        error: BaseException | None = None
        try:
            result = context.run(function, *arguments)
        except StopIteration as problem:  # a future can't carry it
            error = RuntimeError(f"the function raised StopIteration({problem.value!r})")
        except BaseException as problem:  # noqa: BLE001 - handed to whoever waits
            error = problem
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:
            return  # the loop was closed: nobody waits any more

    threading.Thread(target=work, name=name, daemon=True).start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        if not done.done():
            await asyncio.wait({done})
        done.exception()  # looked at, so that asyncio does not complain
        raise
