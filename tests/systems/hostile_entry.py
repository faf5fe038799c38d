"""One line of the table of hostile states."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fluffy_nb import Agent, Context

STARTED, COMPLETED, FAILED, CANCELLED = (
    "StateStarted",
    "StateCompleted",
    "StateFailed",
    "StateCancelled",
)
ENDS_WELL, FAILS = (STARTED, COMPLETED), (STARTED, FAILED)


@dataclass(frozen=True)
class Entry:
    """A hostile state and its run.

    Args:
        name: What it does.
        body: The state's function, async or plain; only its first call is hostile.
        kinds: The events of the hostile state, in order.
        says: What the error of a failed run says.
        cause: The class of its cause, where that matters.
        settings: Of the state.
        run: The arguments of the run.
        prepare: What is done with the agent before.
        saved: Whether all of it can be saved; None where nobody looks.
        seen: A key of the context and what it must hold.
    """

    name: str
    body: Callable[[Context], Any]
    kinds: tuple[str, ...] = ENDS_WELL
    says: str = ""
    cause: type[BaseException] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Agent], object] = lambda agent: None
    saved: bool | None = None
    seen: tuple[str, object] | None = None
    file: bool = False

    def __str__(self) -> str:
        form = "async" if asyncio.iscoroutinefunction(self.body) else "plain"
        return f"{self.name}, {form}, {'file' if self.file else 'memory'}"


def _async(function: Callable[[Context], Any]) -> Callable[[Context], Any]:
    async def body(context):
        return function(context)

    return body


def both(entry: Entry) -> Iterator[Entry]:
    """An entry of a plain function: in a thread with a file, and as a coroutine in memory."""
    yield replace(entry, file=True)
    yield replace(entry, body=_async(entry.body))
