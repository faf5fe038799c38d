"""What the details panel tells of one state."""

from __future__ import annotations

import functools
import inspect
import textwrap
import time
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine.metadata import StateMetadata
from fluffy_nb.errors import called

if TYPE_CHECKING:
    from fluffy_nb.agent import Pictured

MOST_SOURCE = 20_000


def details(agent: Pictured, name: str) -> dict[str, Any]:
    """Gather what is known of a state, as plain data.

    Args:
        agent: Whose state.
        name: The state's name; edges may lead to one that does not exist.

    Returns:
        Its status, attempts, executions, seconds, error, what it waits for, and its source code.
    """
    spec = agent.spec(name)
    if spec is None:
        return {"state": name, "defined": False}
    data = agent.state_metadata.get(name) or StateMetadata()
    seconds = None
    if data.started is not None:
        seconds = (data.ended if data.ended is not None else time.time()) - data.started
    return {
        "state": name,
        "defined": True,
        "status": data.status.value,
        "attempts": data.attempts,
        "executions": data.executions,
        "started": data.started,
        "seconds": seconds,
        "ticking": data.started is not None and data.ended is None,
        "error": data.error or "",
        "waits": agent.explain(name),
        "source": source(spec.function) if agent.steers else "",
    }


def source(function: Any) -> str:
    """The source code of a state's function; empty where Python has none."""
    text, error = called(_source, function)
    if error is not None:  # there is none, or an object that raises when it is looked at
        return ""
    return text if len(text) <= MOST_SOURCE else text[:MOST_SOURCE] + "\n..."


def _source(function: Any) -> str:
    function = inspect.unwrap(function)
    while isinstance(function, functools.partial):
        function = function.func
    return textwrap.dedent(inspect.getsource(function)).rstrip()
