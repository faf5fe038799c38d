"""puffinflow: an agent whose joins are dependencies."""

import asyncio

from puffinflow import Agent

CANNOT = {"prompts": "only `input()`"}


def levels(levels, seconds, done):
    def state(name, result, sleeps):
        async def body(context):
            if sleeps:
                await asyncio.sleep(seconds)
            done.append(name)
            return result

        return body

    def build():
        agent = Agent("flow", max_concurrent=max(map(len, levels)))
        before = []
        for level, following in zip(levels, [*levels[1:], []], strict=True):
            for name in level:
                waits = before if len(before) > 1 else None
                # A join is started by its dependencies, not by what its branches return.
                result = following if len(following) > 1 else following[0] if following else None
                if len(level) > 1:
                    result = None
                body = state(name, result, seconds and len(level) > 1)
                agent.add_state(name, body, dependencies=waits)
            before = level
        return agent

    return again(build)


def loop(times, done):
    def build():
        agent = Agent("loop")

        async def s(context):
            done.append("s")
            return "s" if len(done) < times else None

        agent.add_state("s", s)
        return agent

    return again(build)


def again(build):
    """Only the first run of an agent is a whole one, so each needs a new agent."""

    def prepare():
        return build().run

    prepare.each_time = True
    return prepare
