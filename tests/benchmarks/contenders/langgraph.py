"""langgraph: a compiled StateGraph; a checkpointer only where it asks, because it must."""

import asyncio
from typing import TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt


class State(TypedDict):
    count: int


def levels(levels, seconds, done):
    graph = StateGraph(State)

    def node(name, sleeps):
        async def body(state):
            if sleeps:
                await asyncio.sleep(seconds)
            done.append(name)

        return body

    before = [START]
    for level in levels:
        for name in level:
            graph.add_node(name, node(name, seconds and len(level) > 1))
            graph.add_edge(before if len(before) > 1 else before[0], name)
        before = level
    graph.add_edge(before[0], END)
    flow = graph.compile()

    async def run():
        config = {"recursion_limit": len(levels) + 10}
        await flow.ainvoke({"count": 0}, config)

    return run


def loop(times, done):
    graph = StateGraph(State)

    async def s(state):
        done.append("s")
        return {"count": state["count"] + 1}

    graph.add_node("s", s)
    graph.add_edge(START, "s")
    graph.add_conditional_edges("s", lambda state: "s" if state["count"] < times else END)
    flow = graph.compile()

    async def run():
        await flow.ainvoke({"count": 0}, {"recursion_limit": times + 10})

    return run


def prompts(times, answers):
    graph = StateGraph(State)

    async def s(state):
        answers.append(interrupt("What?"))
        return {"count": state["count"] + 1}

    graph.add_node("s", s)
    graph.add_edge(START, "s")
    graph.add_conditional_edges("s", lambda state: "s" if state["count"] < times else END)
    flow = graph.compile(checkpointer=InMemorySaver())
    runs = iter(range(1_000_000))

    async def run():
        thread = {"configurable": {"thread_id": str(next(runs))}, "recursion_limit": times + 10}
        await flow.ainvoke({"count": 0}, thread)
        for number in range(times):
            await flow.ainvoke(Command(resume=str(number)), thread)

    return run
