"""A dozen flows, one for each feature; whatever is done to a run of one, it ends as it does alone.

Their bodies wait on the fake clock and write when they have waited, so a body that begins again
writes the same.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

from fluffy_nb import (
    Agent,
    Dependency,
    DependencyLifecycle,
    DependencyType,
    ResourcePool,
    ResourceRequirements,
    RetryPolicy,
    Send,
)
from fluffy_nb.errors import PromptClosedError

SPARE = "spare"
"""A state of every flow that nothing leads to: it can be removed, and added again."""


class Flow:
    """One flow: an agent, and how often each of its bodies has begun and ended.

    Args:
        build: Adds the states.
        **settings: Of the agent.
    """

    def __init__(self, build, **settings):
        self.begun, self.ended = Counter(), Counter()
        self.agent = Agent("everywhere", start="begin", responder=self.respond, **settings)
        build(self)
        self.agent.add_state(SPARE, self.body(), next=[])

    @staticmethod
    def respond(prompt):
        """Somebody answers after 2 or 4 seconds, unless somebody else was quicker."""

        def answer():
            with contextlib.suppress(PromptClosedError):
                prompt.answer("yes")

        asyncio.get_running_loop().call_later(4 if "second" in prompt.text else 2, answer)

    def body(self, result=None, *, seconds=0.0, work=None):
        """An async function that waits, writes its name, and goes on."""

        async def body(context):
            self.begun[context.state] += 1
            await asyncio.sleep(seconds)
            if work is not None:
                await work(context)
            context.set_state(f"by {context.state}", True)
            self.ended[context.state] += 1
            return result(context) if callable(result) else result

        return body

    def add(self, name, result=None, *, seconds=0.0, work=None, leads=None, **settings):
        """Add a state with such a body; `leads` where `result` doesn't tell where it goes."""
        targets = (
            [result] if isinstance(result, str) else result if isinstance(result, list) else []
        )
        following = leads if leads is not None else targets
        function = self.body(result, seconds=seconds, work=work)
        self.agent.add_state(name, function, next=following, **settings)

    def plain(self, name, result=None, **settings):
        """Add a plain state, which runs in a thread."""

        def body(context):
            self.begun[context.state] += 1
            context.set_state(f"by {context.state}", True)
            self.ended[context.state] += 1
            return result

        self.agent.add_state(name, body, next=[result] if result else [], **settings)


def chain(flow):
    flow.add("begin", "b")
    flow.plain("b", "c")
    flow.add("c", "d", seconds=1)
    flow.add("d")


def fan_out(flow):
    flow.add("begin", ["a", "b", "c"])
    flow.add("a", "join", seconds=1)
    flow.add("b", "b2", seconds=2)
    flow.add("b2", "join")
    flow.plain("c", "join")
    flow.add("join")


def loop_with_join(flow):
    def again(context):
        turn = context.get_state("turn", 0) + 1
        context.set_state("turn", turn)
        return ["left", "right"] if turn < 3 else "end"

    flow.add("begin", "head")
    flow.add("head", again, leads=["left", "right", "end"])
    flow.add("left", "join", seconds=1)
    flow.add("right", "join")
    flow.add("join", "head")
    flow.add("end")


def sends(flow):
    async def double(context):
        n = context.inputs["n"]
        context.set_state(f"double {n}", 2 * n)

    flow.add("begin", lambda c: [Send("double", n=n) for n in range(3)], leads=["double"])
    flow.add("double", "gather", seconds=1, work=double)
    flow.add("gather")


def templates(flow):
    async def note(context):
        context.set_state(f"chunk {context.inputs['n']}", context.state)

    names = ["chunk_1", "chunk_2"]
    flow.add("begin", names, leads=["chunk_{n}"])
    flow.add("chunk_{n}", "merge", seconds=1, work=note)
    flow.add("merge", dependencies={"chunk_{n}": DependencyType.REQUIRED})


def inner_agent(flow):
    inner = Agent("review", start="draft")
    inner.add_state("draft", flow.body(["check", "spell"]), next=["check", "spell"])
    inner.add_state("check", flow.body("done", seconds=1), next=["done"])
    inner.add_state("spell", flow.body("done"), next=["done"])
    inner.add_state("done", flow.body(), next=[])
    flow.add("begin", ["review", "beside"])
    flow.agent.add_state("review", inner, next=["after"])
    flow.add("beside", "after", seconds=0.5)
    flow.add("after")


def prompts(flow):
    async def ask(context):
        answer = await context.human_in_the_loop(f"{context.state}?", choices=["yes", "no"])
        context.set_state(f"answer to {context.state}", answer)
        again = await context.human_in_the_loop(f"{context.state}, really?")
        context.set_state(f"second answer to {context.state}", again)

    async def ask_both(context):
        """Two questions of one state are open at once."""
        answers = await asyncio.gather(
            context.human_in_the_loop("first?"), context.human_in_the_loop("second?")
        )
        context.set_state("both answers", answers)

    flow.add("begin", ["one", "two", "both"])
    flow.add("both", "end", work=ask_both)
    flow.add("one", "end", work=ask)
    flow.add("two", "end", work=ask, seconds=1)
    flow.add("end")


def retries(flow):
    async def fail(context):
        if not context.has_state("failed"):
            context.set_state("failed", True)
            raise ValueError("not yet")

    policy = RetryPolicy(5, initial_delay=1, jitter=False)
    flow.add("begin", ["fails", "beside"])
    flow.add("fails", "end", work=fail, retry_policy=policy)
    flow.add("beside", "end", seconds=2)
    flow.add("end")


def on_error(flow):
    async def fail(context):
        raise ValueError("never")

    async def look(context):
        context.set_state("error", "never" in str(context.error))  # after a restore: its text

    flow.add("begin", ["fails", "beside"])
    flow.add("fails", "end", work=fail, on_error="handle", seconds=1)
    flow.add("handle", "end", work=look)
    flow.add("beside", "end")
    flow.add("end")


def dependencies(flow):
    async def fail(context):
        raise ValueError("optional")

    once = (DependencyType.REQUIRED, DependencyLifecycle.ALWAYS)
    flow.add("begin", ["load", "optional"])
    flow.add("load", "report", seconds=1)
    flow.add("optional", seconds=0.5, work=fail)
    flow.add("beside", seconds=0.5)
    flow.add("led")
    flow.add(
        "report",
        dependencies={
            "load": Dependency(*once),
            "optional": DependencyType.OPTIONAL,
            "beside": DependencyType.PARALLEL,
        },
    )
    flow.agent.add_state("led", flow.body(), dependencies={"report": once}, next=[], replace=True)


def resources(flow):
    needs = ResourceRequirements(cpu_units=0.6)
    flow.agent.resources = ResourcePool(cpu_units=1)
    flow.add("begin", ["a", "b", "c"])
    for name in ("a", "b", "c"):
        flow.add(name, "end", seconds=1, resources=needs)
    flow.add("end")


def breakpoints(flow):
    chain(flow)
    flow.agent.breakpoints.update({"c", "d"})


def once(flow):
    async def charge(context):
        def pay():
            flow.begun["paid"] += 1
            return "paid"

        context.set_state("receipt", await context.once("charge", pay))
        await asyncio.sleep(1)
        context.set_state("again", await context.once("charge", pay))

    flow.add("begin", ["charge", "beside"])
    flow.add("charge", "end", work=charge)
    flow.plain("beside", "end")
    flow.add("end")


def few_slots(flow):
    flow.agent.max_concurrent = 1
    fan_out(flow)


FLOWS = {
    each.__name__: each
    for each in (
        chain,
        fan_out,
        loop_with_join,
        sends,
        templates,
        inner_agent,
        prompts,
        retries,
        on_error,
        dependencies,
        resources,
        breakpoints,
        once,
        few_slots,
    )
}
