"""Running a plain function in a worker thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any
from weakref import WeakKeyDictionary

_at_work: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()


def at_work(loop: asyncio.AbstractEventLoop) -> int:
    """How many threads work for a loop: it will hear of each, without a timer that says so."""
    return _at_work.get(loop, 0)


def count_work(loop: asyncio.AbstractEventLoop, change: int) -> None:
    """Count threads that begin (1) or end (-1) to work for a loop; called in the loop."""
    _at_work[loop] = _at_work.get(loop, 0) + change


async def resting(wait: Callable[..., Coroutine[Any, Any, Any]], *given: Any, **more: Any) -> Any:
    """Await in the loop what a function in its thread waits for: it does not work meanwhile."""
    loop = asyncio.get_running_loop()
    count_work(loop, -1)
    try:
        return await wait(*given, **more)
    finally:
        count_work(loop, 1)


async def call_in_thread(
    function: Callable[..., Any],
    *arguments: Any,
    name: str,
    is_given_up: Callable[[], bool] = lambda: False,
    when_cancelled: Callable[[], None] = lambda: None,
) -> Any:
    """Call a plain function in a daemon thread and wait for its result.

    A thread can't be stopped. When the wait is cancelled it goes on until the function returns,
    so that nothing is left running unseen, and the cancellation is raised then. Only where its
    time was up is the thread left alone.

    Args:
        function: Is called once.
        *arguments: What it is called with.
        name: The thread's name.
        when_cancelled: Called when the wait is cancelled: what the function waits for is ended.
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
    count_work(loop, 1)
    try:
        await asyncio.wait({done})
    except asyncio.CancelledError:
        when_cancelled()
        if not is_given_up():
            await asyncio.wait({done})
        raise
    finally:
        count_work(loop, -1)
    result, error = done.result()
    if error is not None:
        raise error
    return result
