"""Verbs asked for from any thread, without waiting: what the buttons of a view do."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine.surroundings import surroundings
from fluffy_nb.errors import UsageError, listed, text_of

if TYPE_CHECKING:
    from fluffy_nb.engine.agent import Agent

VERBS = ("run", "pause", "resume", "step", "cancel")
"""What `Agent.request` understands."""


def request(agent: Agent, verb: str, arguments: tuple[Any, ...]) -> concurrent.futures.Future[None]:
    """Carry out a verb in the loop of the agent's run, or where a run would begin.

    Args:
        agent: Whose verb.
        verb: One of `VERBS`.
        arguments: What the method of that name takes.

    Returns:
        Done when the verb has returned; what it raised is in the agent's `notice`.

    Raises:
        UsageError: The verb is unknown, or there is no loop to carry it out.
    """
    verbs: dict[str, Callable[..., Coroutine[Any, Any, object]]] = {
        "run": _run,
        "pause": type(agent).pause,
        "resume": _resume,
        "step": type(agent).step,
        "cancel": type(agent).cancel_all,
    }
    if verb not in verbs:
        raise UsageError(f"an agent can't {verb!r}; it can {listed(VERBS)}.")
    loop = agent.loop
    if loop is None or loop.is_closed():
        loop = surroundings.loop()
    if loop is None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageError(f"agent {agent.name!r} can't {verb}: no loop is running.") from None
    return asyncio.run_coroutine_threadsafe(_carry_out(agent, verbs[verb], arguments), loop)


async def _run(agent: Agent) -> object:
    return await agent.start()  # in the background: no cell waits for it


async def _resume(agent: Agent) -> object:
    return await agent.present_run().resume()


async def _carry_out(agent: Agent, verb: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    agent.notice = ""
    try:
        await verb(agent, *arguments)
    except Exception as problem:  # noqa: BLE001 - shown to the person who pressed the button
        agent.notice = text_of(problem)
