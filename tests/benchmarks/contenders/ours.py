"""This package, with nobody watching."""

import asyncio
from itertools import count

from fluffy_nb import Agent


def levels(levels, seconds, done):
    agent = Agent("flow")

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
    return watch(agent)


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
