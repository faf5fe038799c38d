"""What the details panel tells of one state."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine.callables import called as function_of
from fluffy_nb.engine.callables import layers
from fluffy_nb.engine.metadata import StateMetadata
from fluffy_nb.engine.source import source_of
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
    """The text that a state's function was compiled from, without what is wrapped around it.

    It is empty where there is none, and where the file was edited since.
    """
    text, error = called(_source, function)
    if error is not None:  # there is none, or an object that raises when it is looked at
        return ""
    return text if len(text) <= MOST_SOURCE else text[:MOST_SOURCE] + "\n..."


def _source(function: Any) -> str:
    *_, innermost = layers(function)
    found = source_of(function_of(innermost)[0])
    return "" if found is None else found.text
