"""What the place a run lives in provides: a notebook fills this in, a script leaves it as it is."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine.prompt import Responder
from fluffy_nb.engine.terminal import ask_in_terminal

if TYPE_CHECKING:
    from fluffy_nb.engine.blocking import CallElsewhere


def _nothing() -> AbstractAsyncContextManager[None]:
    return contextlib.nullcontext()


def _terminal() -> Responder | None:
    usable = sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
    return ask_in_terminal if usable else None


def _no_loop() -> asyncio.AbstractEventLoop | None:
    return None


def _wait(call: CallElsewhere[Any]) -> None:
    call.wait()


@dataclass(slots=True)
class Surroundings:
    """The hooks.

    Args:
        running_cell: Entered around a run that is awaited in the foreground.
        responder: Who answers prompts, or None where nobody can.
        loop: The loop on which a run begins that was asked for from another thread.
        wait: Waits in this thread for a run that lives in another.
    """

    running_cell: Callable[[], AbstractAsyncContextManager[None]] = _nothing
    responder: Callable[[], Responder | None] = _terminal
    loop: Callable[[], asyncio.AbstractEventLoop | None] = _no_loop
    wait: Callable[[CallElsewhere[Any]], None] = _wait


surroundings = Surroundings()
"""The one instance; the notebook extension sets its attributes and resets them when unloaded."""


def reset() -> None:
    """Leave the surroundings as a script has them."""
    fresh = Surroundings()
    surroundings.running_cell = fresh.running_cell
    surroundings.responder = fresh.responder
    surroundings.loop = fresh.loop
    surroundings.wait = fresh.wait
