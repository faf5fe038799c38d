"""How the engine makes the tasks that it needs itself."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def new_task(
    coroutine: Coroutine[Any, Any, T],
    loop: asyncio.AbstractEventLoop,
    name: str,
    context: contextvars.Context | None = None,
) -> asyncio.Task[T]:
    """Make a task whose first step comes in a later turn of the loop.

    The loop's task factory is not asked: an eager one (`asyncio.eager_task_factory`) would run the
    first step before the caller knows the task.

    Args:
        coroutine: What the task runs.
        loop: Where it runs.
        name: The name of the task.
        context: Its context variables; None for a copy of the present ones.

    Returns:
        The task.
    """
    return asyncio.Task(coroutine, loop=loop, name=name, context=context)
