"""What the seed's listings name and leave to the reader."""

from __future__ import annotations

import asyncio

from fluffy_nb.engine import events as ev


def split_data(data, chunk_size):
    """Cut a list into chunks of this many items, the last may be shorter."""
    return [data[i : i + chunk_size] for i in range(0, len(data), chunk_size)]


async def process(chunk):
    return [2 * item for item in chunk]


async def process_data(rows=()):
    return list(rows)


async def end(context):
    """A state that a listing names and does not show: nothing comes after it."""


def add_ends(agent, *names):
    """Supply states that a listing returns and does not show."""
    for name in names:
        agent.add_state(name, end)


def record_ends(agent):
    """A list that fills with the names of the states, in the order in which they complete."""
    ended = []
    agent.subscribe(
        lambda event: ended.append(event.state) if isinstance(event, ev.StateCompleted) else None
    )
    return ended


class Gate:
    """A place in a state where the test can see it arrive and let it go on."""

    def __init__(self):
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def pass_through(self):
        self.reached.set()
        await self.opened.wait()

    async def open(self):
        self.opened.set()
