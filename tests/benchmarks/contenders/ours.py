"""This package, with nobody watching."""

import asyncio
import tempfile
from functools import partial
from itertools import count, pairwise
from pathlib import Path

from fluffy_nb import Agent


def levels(levels, seconds, done, made=None, **settings):
    agent = Agent("flow", **settings)

    def state(name, result, sleeps):
        async def body(context):
            if sleeps:
                await asyncio.sleep(seconds)
            done.append(name)
            return result

        return body

    for level, following in zip(levels, [*levels[1:], []], strict=True):
        for name in level:
            result = following[0] if len(following) == 1 else following
            body = state(name, result, seconds and len(level) > 1)
            agent.add_state(name, body, next=following)
    return (made or watch)(agent)


in_levels = levels


def plain(levels, done):
    """Plain functions, each in a thread."""
    agent = Agent("flow")

    def state(name, result):
        def body(context):
            done.append(name)
            return result

        return body

    names = [name for level in levels for name in level]
    for name, following in zip(names, [*names[1:], None], strict=True):
        agent.add_state(name, state(name, following), next=[following] if following else [])
    return watch(agent)


def kept(levels, done):
    """Every end is committed to a file before the next state starts."""
    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    run = in_levels(levels, 0, done, store=Path(folder.name) / "runs.sqlite")
    FOLDERS.append(folder)
    return run


FOLDERS = []
"""They last as long as the process."""


def viewed(levels, done):
    """A view is there and draws; nobody is at the other end."""
    agent, run = in_levels(levels, 0, done, made=lambda agent: (agent, watch(agent)))
    VIEWS.append(agent.view())
    return run


VIEWS = []
"""As `FOLDERS`."""


def behind(levels, done):
    """All joins wait for the last branch of the second level."""
    (split,), arrived, *long, joins = levels
    agent = Agent("flow")

    def state(name, result):
        async def body(context):
            done.append(name)
            return result

        return body

    agent.add_state(split, state(split, arrived), next=arrived)
    for name, join in zip(arrived, joins, strict=False):
        agent.add_state(name, state(name, join), next=[join])
    way = [arrived[-1], *(name for (name,) in long)]
    for name, following in pairwise(way):
        agent.add_state(name, state(name, following), next=[following])
    agent.add_state(way[-1], state(way[-1], joins), next=joins)
    for join in joins:
        agent.add_state(join, state(join, None), next=[])
    return watch(agent)


def looks(times, size, done):
    """A state that reads a list of dicts: was it changed in place?"""
    agent = Agent("looks")
    rows = [{"a": number, "b": "x", "c": 1.5} for number in range(size)]

    @agent.state
    async def s(context):
        context.get_state("rows")
        done.append("s")
        return "s" if len(done) < times else None

    return partial(watch(agent), inputs={"rows": rows})


def paints(levels, times, done):
    """One state of a graph that is shown has changed: what a view takes to show it."""
    from fluffy_nb import diagram

    agent = Agent("painted")
    names = [name for level in levels for name in level]

    async def body(context):
        pass

    for name, following in zip(names, [*names[1:], None], strict=True):
        agent.add_state(name, body, next=[following] if following else [])

    async def run():
        if agent.status == "IDLE":
            await agent.run()
        for _ in range(times):
            diagram.patch(agent, names[-1:])
            done.append(names[-1])

    return run


def loop(times, done):
    agent = Agent("loop")

    @agent.state
    async def s(context):
        done.append("s")
        return "s" if len(done) < times else None

    return watch(agent)


def prompts(times, answers):
    numbers = count()
    responder = lambda prompt: prompt.answer(str(next(numbers) % times))  # noqa: E731
    agent = Agent("prompts", responder=responder)

    @agent.state
    async def s(context):
        for _ in range(times):
            answers.append(await context.human_in_the_loop("What?"))

    return watch(agent)


def watch(agent):
    """What is measured; the watched contender puts an observer there."""
    return agent.run
