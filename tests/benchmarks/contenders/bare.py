"""asyncio alone: a task for each state."""

import asyncio


def levels(levels, seconds, done):
    def state(name, sleeps):
        async def body():
            if sleeps:
                await asyncio.sleep(seconds)
            done.append(name)

        return body

    flow = [[state(name, seconds and len(level) > 1) for name in level] for level in levels]

    async def run():
        create_task = asyncio.get_running_loop().create_task
        for level in flow:
            if len(level) == 1:
                await create_task(level[0]())
            else:
                await asyncio.gather(*[create_task(body()) for body in level])

    return run


def plain(levels, done):
    def state(name):
        return lambda: done.append(name)

    bodies = [state(name) for level in levels for name in level]

    async def run():
        create_task = asyncio.get_running_loop().create_task
        for body in bodies:
            await create_task(asyncio.to_thread(body))

    return run


in_levels = levels


def kept(levels, done):
    """Nothing is kept: the ratio is what keeping adds."""
    return in_levels(levels, 0, done)


def viewed(levels, done):
    """Nobody looks: the ratio is what running and showing take."""
    return in_levels(levels, 0, done)


def behind(levels, done):
    """The same states, level by level: what `gather` does is a join."""
    return in_levels(levels, 0, done)


def loop(times, done):
    async def body():
        done.append("s")
        return len(done) < times

    async def run():
        create_task = asyncio.get_running_loop().create_task
        while await create_task(body()):
            pass

    return run


def prompts(times, answers):
    async def body():
        running = asyncio.get_running_loop()
        for number in range(times):
            future = running.create_future()
            running.call_soon(future.set_result, str(number))
            answers.append(await future)

    async def run():
        await asyncio.get_running_loop().create_task(body())

    return run
