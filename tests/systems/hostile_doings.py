"""Hostile states: what they leave behind, and how they block."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Iterator
from contextlib import suppress

from .hostile_entry import CANCELLED, FAILS, STARTED, Entry
from .hostile_values import raising

# ---------------------------------------------------------------- leaves something behind


async def leaves_a_task(context):
    context.set_local("left", asyncio.create_task(asyncio.sleep(30), name="left"))
    return "after"


async def leaves_a_failing_task(context):
    async def fail():
        raise ValueError("left")

    context.set_local("left", asyncio.create_task(fail()))
    return "after"


async def leaves_a_failing_callback(context):
    asyncio.get_running_loop().call_soon(raising(ValueError))
    return "after"


async def leaves_a_generator_unfinished(context):
    async def numbers():
        try:
            yield 1
            yield 2
        finally:
            raise ValueError("closed")

    async for _ in numbers():
        break
    return "after"


async def cancels_its_task_and_returns(context):
    asyncio.current_task().cancel()
    return "after"


async def swallows_a_cancellation(context):
    asyncio.current_task().cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(30)
    return "after"


async def leaves_a_timeout_behind(context):
    await asyncio.timeout(0).__aenter__()
    return "after"


async def leaves_a_task_group_behind(context):
    group = asyncio.TaskGroup()
    await group.__aenter__()
    group.create_task(_fails_soon(), name="left")
    return "after"


async def _fails_soon():
    raise ValueError("soon")


async def cancels_a_task_it_awaits(context):
    task = asyncio.create_task(asyncio.sleep(30))
    task.cancel()
    await task


async def closes_the_loop(context):
    asyncio.get_running_loop().close()


async def yields_nonsense(context):
    class Nonsense:
        def __await__(self):
            yield 42

    await Nonsense()


async def raises_when_it_is_cleaned_up(context):
    try:
        await asyncio.sleep(30)
    finally:
        raise ValueError("cleaned up")


def closes_a_loop_of_its_own(context):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.close()
    return "after"


def runs_a_loop_of_its_own(context):
    async def inside():
        raise asyncio.CancelledError

    asyncio.run(inside())


def leaves_what_raises_when_it_goes(context):
    class Gone:
        def __del__(self):
            raise ValueError("gone")

    with warnings.catch_warnings():
        Gone()
    return "after"


def leaves_a_thread_that_writes_late(context):
    free = context.get_local("free")

    def late():
        free.wait(10)
        with suppress(Exception):
            context.set_state("after", "late")

    threading.Thread(target=late, daemon=True).start()
    return "after"


def leaves() -> Iterator[Entry]:
    for body in (
        leaves_a_task,
        leaves_a_failing_task,
        leaves_a_failing_callback,
        leaves_a_generator_unfinished,
        cancels_its_task_and_returns,
        swallows_a_cancellation,
        leaves_a_timeout_behind,
        leaves_a_task_group_behind,
        closes_a_loop_of_its_own,
        leaves_a_thread_that_writes_late,
    ):
        for file in (False, True):
            yield Entry(body.__name__, body, file=file)
    for body, says in (
        (cancels_a_task_it_awaits, "CancelledError"),
        (closes_the_loop, "running"),
        (yields_nonsense, "42"),
        (runs_a_loop_of_its_own, "CancelledError"),
    ):
        yield Entry(body.__name__, body, FAILS, says)


# ---------------------------------------------------------------- blocks


async def waits_for_ever(context):
    await asyncio.get_running_loop().create_future()


async def swallows_and_waits_again(context):
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(30)
    await asyncio.sleep(0)
    return "after"


def blocks_in_its_thread(context):
    context.get_local("free").wait(10)


async def waits_for_its_own_run(context):
    await context.get_local("agent").cancel_all()
    await asyncio.sleep(30)


def blocks() -> Iterator[Entry]:
    late, times_out = {"timeout": 0.5}, "did not end within"
    for body in (waits_for_ever, swallows_and_waits_again, raises_when_it_is_cleaned_up):
        for file in (False, True):
            yield Entry(body.__name__, body, FAILS, times_out, settings=late, file=file)
    yield Entry("blocks in its thread", blocks_in_its_thread, FAILS, times_out, settings=late)
    ended = (STARTED, CANCELLED)
    yield Entry("cancels its own run", waits_for_its_own_run, ended)
    yield Entry("waits while the run's time is up", waits_for_ever, ended, run={"timeout": 0.02})
