"""States made of a few words: what they return, when they end, how they fail."""

from __future__ import annotations

import asyncio

from fluffy_nb import Agent
from fluffy_nb.engine import events as ev


class Script:
    """An agent whose states are written in short, and what happened in its runs.

    `started` and `ended` are the names in order; a state added with `gate=True` ends when the test
    calls `open(name)`.
    """

    def __init__(self, name="tested", **settings):
        self.agent = Agent(name, **settings)
        self.started, self.ended, self.events = [], [], []
        self._gates = {}
        self.agent.subscribe(self._note)

    def _note(self, event):
        self.events.append(event)
        if isinstance(event, ev.StateStarted):
            self.started.append(event.state)
        elif isinstance(event, ev.StateCompleted):
            self.ended.append(event.state)

    def add(self, name, result=None, *, gate=False, failures=0, error=None, **settings):
        """A state that fails `failures` times and then returns `result` (or calls it)."""
        calls = []

        async def body(context):
            calls.append(context.attempt)
            if gate:
                opened = asyncio.get_running_loop().create_future()
                self._gates.setdefault(context.state, []).append(opened)
                await opened
            if len(calls) <= failures:
                raise error or ValueError("no")
            return result(context) if callable(result) else result

        settings.setdefault("next", targets(result))
        self.agent.add_state(name, body, **settings)
        return calls

    async def open(self, name):
        """Let the state that has waited longest under this name end, and all that follows begin."""
        await settled()
        self._gates[name].pop(0).set_result(None)
        await settled()

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


def targets(result):
    if result is None:
        return []
    if isinstance(result, str):
        return [result]
    if isinstance(result, list) and all(isinstance(name, str) for name in result):
        return list(dict.fromkeys(result))
    return None


async def settled():
    """Let the loop turn until whatever was ready has begun; nothing here waits for time."""
    for _ in range(20):
        await asyncio.sleep(0)
