"""The flows of the corpus: one for each feature that has a part in where a run stands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import warnings
from collections.abc import Awaitable, Callable

from fluffy_nb import (
    Agent,
    Checkpoint,
    Dependency,
    DependencyLifecycle,
    DependencyType,
    Priority,
    ResourcePool,
    ResourceRequirements,
    RetryPolicy,
    Send,
)
from fluffy_nb.errors import BlockedError, FluffyError

SCENARIOS: dict[str, Callable[[], Awaitable[None]]] = {}


def scenario(function: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Make a function a part of the corpus; its docstring says what it is about."""
    SCENARIOS[function.__name__] = function
    return function


def flow(edges: dict[str, str], **settings) -> Agent:
    """An agent by its edges: a state returns the names it leads to.

    Args:
        edges: By state, where it leads: names with blanks between them; after a `/` how many
            seconds it sleeps before.
        settings: Of the agent.
    """
    agent = Agent("flow", **settings)
    for name, text in edges.items():
        add(agent, name, text)
    return agent


def add(agent: Agent, name: str, text: str = "", **settings) -> None:
    """Add a state that sleeps and then leads where the text says, as in `flow`."""
    names, _, seconds = text.partition("/")
    targets = names.split()

    async def body(context):
        if seconds:
            await asyncio.sleep(float(seconds))
        return targets[0] if len(targets) == 1 else targets or None

    agent.add_state(name, body, next=targets, **settings)


def fails(times: int, then: str | None = None, error: type[Exception] = ValueError):
    """A body that raises so many times, and then leads on."""
    failures = iter(range(times))

    async def body(context):
        if next(failures, None) is not None:
            raise error(context.state)
        return then

    return body


async def ends_badly(awaited: Awaitable[object]) -> None:
    """Wait for a run that fails."""
    with contextlib.suppress(FluffyError, TimeoutError):
        await awaited


async def paused(agent: Agent) -> Checkpoint:
    """A pause; the checkpoint after a way through JSON."""
    checkpoint = await agent.pause()
    return Checkpoint.from_dict(json.loads(json.dumps(checkpoint.to_dict())))


# ---------------------------------------------------------------- where branches go


@scenario
async def chain() -> None:
    """One state after the other."""
    await flow({"a": "b", "b": "c", "c": ""}).run()


@scenario
async def fan_out() -> None:
    """Branches of unequal length that meet once (5.1)."""
    edges = {"a": "b c d", "b": "e", "c": "c2 / 2", "c2": "e / 1", "d": "/ 5", "e": "f", "f": ""}
    await flow(edges).run()


@scenario
async def join_each() -> None:
    """A state that runs once for each arrival (5.2)."""
    agent = flow({"a": "b c d", "b": "each", "c": "each / 1", "d": "each / 2"})
    add(agent, "each", "last", join="each")
    add(agent, "last")
    await agent.run()


@scenario
async def join_first() -> None:
    """A state that runs at the first arrival; what comes later ends there (5.2)."""
    agent = flow({"a": "b c d", "b": "first / 1", "c": "c2 / 2", "c2": "first", "d": "last / 3"})
    add(agent, "first", "last / 5", join="first")
    add(agent, "last")
    await agent.run()


@scenario
async def parallel_starts() -> None:
    """A run that starts at two states (3.1)."""
    edges = {"a": "join / 1", "b": "join", "join": ""}
    await flow(edges, start=["a", "b"]).run()


@scenario
async def loop_of_one() -> None:
    """A state that leads to itself (5.5)."""
    agent, numbers = Agent("flow"), iter(["again", "again", "last"])

    async def body(context):
        return next(numbers)

    agent.add_state("again", body, next=["again", "last"])
    add(agent, "last")
    await agent.run()


@scenario
async def loop_with_a_join() -> None:
    """A fork and a join in each turn, and a state behind the loop (5.1)."""
    agent, turns = flow({"head": "b c", "b": "join", "c": "join / 1"}), iter([["head"], ["last"]])

    async def join(context):
        return next(turns)

    agent.add_state("join", join, next=["head", "last"])
    add(agent, "last")
    await agent.run()


@scenario
async def sends() -> None:
    """Executions with inputs of their own, which never join (4.2, 5.3)."""
    agent = Agent("flow")

    async def split(context):
        return [Send("work", n=number) for number in range(3)]

    async def work(context):
        await asyncio.sleep(3 - context.inputs["n"])
        context.set_state(f"seen_{context.inputs['n']}", True)
        return "merge"

    agent.add_state("split", split, next=["work"])
    agent.add_state("work", work, next=["merge"])
    add(agent, "merge")
    await agent.run()


@scenario
async def templates() -> None:
    """States whose names hold placeholders, and a state that needs all of them (4.3)."""
    agent = flow({"split": "chunk_1 chunk_2 chunk_07"})
    add(agent, "chunk_{number}", "merge / 1")
    needs = {"chunk_{number}": DependencyType.REQUIRED}
    add(agent, "merge", dependencies=needs)
    await agent.run()


@scenario
async def agents_inside() -> None:
    """An agent as a state, twice: one begins where a state says (4.4)."""
    review, publish = (
        flow({"x": "y z", "y": "end / 1", "z": "end", "end": ""}, start="x") for _ in range(2)
    )
    agent = Agent("flow", start="first")

    async def between(context):
        return (publish, "end")

    add(agent, "first", "review")
    agent.add_state("review", review, next=["between"])
    agent.add_state("between", between, next=["publish"])
    agent.add_state("publish", publish, next=["last"])
    add(agent, "last")
    await agent.run()


@scenario
async def an_edge_the_code_did_not_tell() -> None:
    """A flow of one branch whose state returns a name that can't be read (2.2)."""
    agent = Agent("flow")

    async def start(context):
        return context.get_state("target")

    agent.add_state("start", start)
    add(agent, "b", "c")
    add(agent, "c")
    await agent.run(start="start", inputs={"target": "b"})


# ---------------------------------------------------------------- dependencies


@scenario
async def required() -> None:
    """A state that waits for what it needs, and one that only its dependencies lead to (6.2)."""
    agent = flow({"a": "b c", "b": "/ 2"})
    add(agent, "c", dependencies={"b": DependencyType.REQUIRED})
    add(agent, "d", dependencies={"b": DependencyType.REQUIRED, "c": DependencyType.REQUIRED})
    await agent.run()


@scenario
async def required_although_it_failed() -> None:
    """`even_if_failed`: it has ended, whatever came of it."""
    agent = Agent("flow", start=["a", "b"])
    agent.add_state("a", fails(1), on_error="mend", next=[])
    add(agent, "mend")
    needs = {"a": Dependency(DependencyType.REQUIRED, even_if_failed=True)}
    add(agent, "b", dependencies=needs)
    await agent.run()


@scenario
async def optional() -> None:
    """Waited for where it still comes, and not where it can't come any more."""
    agent = Agent("flow", start="a")
    agent.add_state("a", fails(0, "c"), next=["b", "c"])
    add(agent, "b")
    add(agent, "c", "d e", dependencies={"b": DependencyType.OPTIONAL})
    add(agent, "d", "/ 2")
    add(agent, "e", dependencies={"d": DependencyType.OPTIONAL})
    await agent.run()


@scenario
async def parallel() -> None:
    """A dependency that becomes ready together with the dependent."""
    agent = flow({"a": "b", "watch": "/ 1"}, start="a")
    add(agent, "b", dependencies={"watch": DependencyType.PARALLEL})
    await agent.run()


@scenario
async def any_of() -> None:
    """The first of two is enough."""
    agent = flow({"a": "b c", "b": "/ 1", "c": "/ 3"})
    kind = DependencyType.ANY
    add(agent, "d", dependencies={"b": kind, "c": kind})
    await agent.run()


@scenario
async def always() -> None:
    """ALWAYS: each execution of the dependent takes a completion of its own."""
    agent = Agent("flow", start=["feed", "eat"])
    turns = iter(["feed", "feed", None])

    async def feed(context):
        await asyncio.sleep(1)
        return next(turns)

    meals = iter(["eat", "eat", None])

    async def eat(context):
        return next(meals)

    agent.add_state("feed", feed, next=["feed"])
    needs = {"feed": (DependencyType.REQUIRED, DependencyLifecycle.ALWAYS)}
    agent.add_state("eat", eat, next=["eat"], dependencies=needs)
    await agent.run()


@scenario
async def once_and_temporary() -> None:
    """Completions that count in the next run too, one of them for ten seconds."""
    agent = flow({"a": "b c", "b": "", "c": ""})
    needs = {
        "b": (DependencyType.REQUIRED, DependencyLifecycle.ONCE),
        "c": Dependency(DependencyType.REQUIRED, DependencyLifecycle.TEMPORARY, expiry=10),
    }
    add(agent, "d", dependencies=needs)
    await agent.run()
    await agent.run()
    await asyncio.sleep(20)
    await agent.run()


@scenario
async def blocked() -> None:
    """A state that waits for what can't come (6.4)."""
    agent = flow({"a": "c", "b": ""}, start=["a"])
    add(agent, "c", dependencies={"b": DependencyType.REQUIRED})
    try:
        await agent.run()
    except BlockedError:
        add(agent, "c", replace=True)
        await agent.resume()


# ---------------------------------------------------------------- order and resources


@scenario
async def priorities() -> None:
    """One at a time, by priority and then by arrival (7.1, 7.2)."""
    agent = flow({"a": "low middle high"}, max_concurrent=1)
    for name in ("low", "middle", "high"):
        resources = ResourceRequirements(
            priority=Priority[name.upper().replace("MIDDLE", "NORMAL")]
        )
        add(agent, name, "join", resources=resources)
    add(agent, "join")
    await agent.run()


@scenario
async def resources() -> None:
    """Two units: what does not fit lets smaller ones pass (7.3)."""
    agent = flow({"a": "one two three four"}, resources=ResourcePool(cpu_units=2, memory_mb=100))
    for name, units in {"one": 1, "two": 2, "three": 1, "four": 2}.items():
        add(agent, name, "/ 1", resources=ResourceRequirements(cpu_units=units, memory_mb=10))
    await agent.run()


# ---------------------------------------------------------------- failing


@scenario
async def retries() -> None:
    """Two retries with growing delays (8.1)."""
    agent = flow({"a": "b c", "c": "d / 10"})
    policy = RetryPolicy(max_retries=3, initial_delay=1.0, jitter=False)
    agent.add_state("b", fails(2, "d"), next=["d"], retry_policy=policy)
    add(agent, "d")
    await agent.run()


@scenario
async def failure_and_resume() -> None:
    """A state fails while another runs; what completed stays, and the failed one goes on (8.4)."""
    agent = flow({"a": "b c", "c": "d / 1"})
    agent.add_state("b", fails(1, "d"), next=["d"])
    add(agent, "d")
    await ends_badly(agent.run())
    await agent.resume()


@scenario
async def on_error() -> None:
    """Where the branch goes on when its retries are used up (8.3)."""
    agent = flow({"a": "b", "after": ""})
    policy = RetryPolicy(max_retries=1, initial_delay=1.0, jitter=False)
    agent.add_state("b", fails(5), next=["after"], retry_policy=policy, on_error="mend")
    add(agent, "mend", "after")
    await agent.run()


@scenario
async def timeouts() -> None:
    """An attempt that takes too long, and a run that does (8.2, 8.5)."""
    agent = Agent("flow")
    seconds = iter([10, 1])

    async def slow(context):
        await asyncio.sleep(next(seconds))
        return "long"

    policy = RetryPolicy(max_retries=1, initial_delay=1.0, jitter=False)
    agent.add_state("slow", slow, next=["long"], timeout=5, retry_policy=policy)
    add(agent, "long", "/ 60")
    await ends_badly(agent.run(timeout=30))
    await agent.resume()


# ---------------------------------------------------------------- people


def silent(prompt) -> None:
    """A person who does not answer."""


def asking(agent: Agent, name: str, then: str | None = None, **question) -> None:
    """Add a state that asks."""

    async def body(context):
        context.set_state(name, await context.human_in_the_loop(f"{name}?", **question))
        return then

    agent.add_state(name, body, next=[then] if then else [])


@scenario
async def prompts_answered() -> None:
    """Two questions at once; the one that waits takes no slot, and a refused answer (7.2, 11)."""
    agent = flow({"a": "b c d", "d": "/ 2"}, responder=silent, max_concurrent=1)
    asking(agent, "b", "join")
    asking(agent, "c", "join", validator=lambda answer: answer == "yes")
    add(agent, "join")
    run = agent.start()
    await asyncio.sleep(1)
    first, second = agent.prompts
    second.answer("no")
    second.answer("yes")
    first.answer("yes")
    await run


@scenario
async def prompts_expired() -> None:
    """Nobody answers: the default, and where there is none a failure (11.3)."""
    agent = flow({"a": "b c"}, responder=silent)
    asking(agent, "b", "join", timeout=5, default="yes")
    asking(agent, "c", "join", timeout=9)
    add(agent, "join")
    await ends_badly(agent.run())


@scenario
async def prompts_withdrawn() -> None:
    """The run fails meanwhile; the question is asked again when it is resumed (8.4)."""
    agent = flow({"a": "b c"}, responder=silent)
    asking(agent, "b", "join")

    failing = fails(1, "join")

    async def c(context):
        await asyncio.sleep(1)
        return await failing(context)

    agent.add_state("c", c, next=["join"])
    add(agent, "join")
    await ends_badly(agent.run())
    resumed = asyncio.ensure_future(agent.resume())
    await asyncio.sleep(5)
    agent.prompts[0].answer("yes")
    await resumed


@scenario
async def answered_during_a_pause() -> None:
    """The body goes on at the resume (9.1)."""
    agent = flow({"a": "b c", "c": "join / 2"}, responder=silent)
    asking(agent, "b", "join", timeout=60)
    add(agent, "join")
    run = agent.start()
    await asyncio.sleep(1)
    await agent.pause()
    agent.prompts[0].answer("yes")
    await run
    await agent.resume()


# ---------------------------------------------------------------- steering


@scenario
async def breakpoints() -> None:
    """The run pauses before a state, once for each execution (9.4)."""
    agent = flow({"a": "b c", "b": "join", "c": "join", "join": ""})
    agent.breakpoints |= {"b", "join"}
    while (await agent.run()).status == "PAUSED":
        pass


@scenario
async def pause_and_resume() -> None:
    """Running states end, nothing new starts, and timers stand still (9.1)."""
    agent = flow({"a": "b c", "b": "d / 2", "c": "d / 4", "d": ""})
    run = agent.start()
    await asyncio.sleep(1)
    await agent.pause()
    await run
    await asyncio.sleep(100)
    await agent.resume()


@scenario
async def steps() -> None:
    """One execution, then two, then the rest (9.3)."""
    agent = flow({"a": "b c", "b": "d / 1", "c": "d", "d": "e", "e": ""})
    await agent.step()
    await agent.step(2)
    await agent.run()


@scenario
async def cancel_and_resume() -> None:
    """What ran is run again (8.5)."""
    agent = flow({"a": "b c", "b": "d / 2", "c": "d / 1", "d": ""})
    run = agent.start()
    await asyncio.sleep(1.5)
    await agent.cancel_all()
    await run
    await agent.resume()


@scenario
async def restored() -> None:
    """Another agent goes on where a checkpoint says, with what was answered and done once."""
    results = iter(["paid"])

    def agent_of() -> Agent:
        agent = flow({"a": "b c", "c": "d / 3"}, responder=silent)

        async def b(context):
            await context.once("pay", lambda: next(results))
            await context.human_in_the_loop("first?")
            await context.human_in_the_loop("second?")
            return "d"

        agent.add_state("b", b, next=["d"])
        add(agent, "d")
        return agent

    left, agent = agent_of(), agent_of()
    run = left.start()
    await asyncio.sleep(1)
    left.prompts[0].answer("yes")
    await asyncio.sleep(1)
    checkpoint = Checkpoint.from_dict(json.loads(json.dumps(left.create_checkpoint().to_dict())))
    await left.cancel_all()
    await run
    await agent.restore_from_checkpoint(checkpoint)
    resumed = asyncio.ensure_future(agent.resume())
    await asyncio.sleep(1)
    agent.prompts[0].answer("yes")
    await resumed


@scenario
async def restored_inside_an_agent() -> None:
    """A checkpoint of a run that stands inside an agent, with a retry pending and `Send`s."""

    def agent_of() -> Agent:
        inner = flow({"x": "y z", "y": "end / 3", "z": "end", "end": ""}, start="x")
        agent = Agent("flow", start="a")

        async def a(context):
            return ["review", "b", Send("c", n=1), Send("c", n=2)]

        agent.add_state("a", a, next=["review", "b", "c"])
        agent.add_state("review", inner, next=["last"])
        policy = RetryPolicy(max_retries=1, initial_delay=9.0, jitter=False)
        agent.add_state("b", fails(1, "last"), next=["last"], retry_policy=policy)
        add(agent, "c", "last / 4")
        add(agent, "last")
        return agent

    left, agent = agent_of(), agent_of()
    run = left.start()
    await asyncio.sleep(1)
    checkpoint = await paused(left)
    await run
    await agent.restore_from_checkpoint(checkpoint)
    await agent.resume()


@scenario
async def forked() -> None:
    """A new run from a checkpoint of an old one, with another value (12.6)."""
    agent = flow({"a": "b c", "b": "d", "c": "d / 1", "d": ""})
    await agent.run(inputs={"rate": 1})
    agent.fork(agent.checkpoints[1], rate=2)
    await agent.resume()


@scenario
async def graph_changes() -> None:
    """A state is replaced, one is added and one removed while the run is paused (2.4, 9.6)."""
    agent = flow({"a": "b c", "b": "d", "c": "d", "d": "", "unused": ""}, start="a")
    agent.breakpoints.add("d")
    await agent.run()
    agent.remove_state("unused")
    add(agent, "e", "")
    add(agent, "d", "e", replace=True)
    await agent.resume()


@scenario
async def done_once() -> None:
    """`once` in an attempt that fails, and in the one after it (10.6)."""
    agent, failing = Agent("flow"), fails(1)

    async def charge(context):
        context.set_state("n", await context.once("charge", lambda: 1))
        await failing(context)

    policy = RetryPolicy(max_retries=1, initial_delay=1.0, jitter=False)
    agent.add_state("charge", charge, next=[], retry_policy=policy)
    await agent.run()


@scenario
async def told_and_shown() -> None:
    """Progress, output, content and a conflict of writes: events that move nothing (10)."""
    agent = flow({"a": "b c"})

    async def body(context):
        context.get_state("key")
        context.progress(0.5, "half")
        context.show("text")
        print("said")
        await asyncio.sleep(1)
        context.set_state("key", context.state)

    agent.add_state("b", body, next=[])
    agent.add_state("c", body, next=[])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        await agent.run()
