"""apache-burr: actions and transitions; several at once are sub-applications of one action."""

import asyncio
from itertools import pairwise

from burr.core import ApplicationBuilder, State, action, expr
from burr.core.parallelism import RunnableGraph, SubGraphTask, TaskBasedParallelAction

CANNOT = {"prompts": "asks nobody"}


def one(name, seconds, done):
    @action(reads=[], writes=[])
    async def body(state):
        if seconds:
            await asyncio.sleep(seconds)
        done.append(name)
        return state

    return body


class Several(TaskBasedParallelAction):
    """A level of several states.

    Args:
        bodies: Its actions, by name.
    """

    def __init__(self, bodies):
        super().__init__()
        self._graphs = {name: RunnableGraph.create(body) for name, body in bodies.items()}

    def is_async(self):
        return True

    async def tasks(self, state, context, inputs):
        for name, graph in self._graphs.items():
            yield SubGraphTask(
                graph=graph, inputs={}, state=State(), application_id=name, tracker=None
            )

    async def reduce(self, state, states):
        async for _ in states:
            pass
        return state

    @property
    def reads(self):
        return []

    @property
    def writes(self):
        return []


def levels(levels, seconds, done):
    actions = {}
    for level in levels:
        if len(level) == 1:
            actions[level[0]] = one(level[0], 0, done)
        else:
            bodies = {name: one(name, seconds, done) for name in level}
            actions[f"all_{level[0]}"] = Several(bodies)
    names = list(actions)
    builder = (
        ApplicationBuilder()
        .with_actions(**actions)
        .with_transitions(*pairwise(names))
        .with_entrypoint(names[0])
    )
    return again(builder, names[-1])


def loop(times, done):
    @action(reads=["count"], writes=["count"])
    async def s(state):
        done.append("s")
        return state.update(count=state["count"] + 1)

    @action(reads=[], writes=[])
    async def end(state):
        return state

    builder = (
        ApplicationBuilder()
        .with_actions(s=s, end=end)
        .with_transitions(("s", "s", expr(f"count < {times}")), ("s", "end"))
        .with_entrypoint("s")
        .with_state(count=0)
    )
    return again(builder, "end")


def again(builder, last):
    """An application runs once; a new one is made of the same graph."""

    def prepare():
        app = builder.build()
        return lambda: app.arun(halt_after=[last])

    prepare.each_time = True
    return prepare
