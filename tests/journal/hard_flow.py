"""A hard flow in a process that dies at some moment: the program of `test_kill_hard_flow.py`.

Usage: hard_flow.py FILE LOG DURABILITY [RUN]; without RUN a run begins. With RUN it says READY and
goes on with the run at the first line of its input; it says EXECUTES or REFUSED, and its states go
on after the second line. What it does outside is a line in LOG; what it was told of is a line of
its output. FLUFFY_KILL is the number of the moment after which it dies, and how many seconds later.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import signal
import sys
import threading
import time
from pathlib import Path

from fluffy_nb import Agent, RetryPolicy, Send
from fluffy_nb.engine import events as ev
from fluffy_nb.errors import NothingToResumeError, RunHeldError, RunMovedOnError

BLOB = 200_000
TURNS = 3

file, log, durability, *run = sys.argv[1:]
kill_at, _, kill_after = os.environ.get("FLUFFY_KILL", "0 0").partition(" ")
moments = itertools.count(1)
goes = threading.Event()
if not run:
    goes.set()


def moment():
    """One at which the process may begin to die; it is counted from when states may go on."""
    if goes.is_set() and next(moments) == int(kill_at):
        threading.Thread(target=die, daemon=True).start()


def die():
    time.sleep(float(kill_after))
    os.kill(os.getpid(), signal.SIGKILL)


def outside(*words):
    """What can't be undone."""
    with Path(log).open("a") as out:
        out.write(" ".join(map(str, words)) + "\n")
    moment()


def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())  # in one piece


def respond(prompt):
    """Answer from another thread."""
    outside("asked", prompt.id, prompt.execution, prompt.text)
    threading.Thread(target=answer, args=(prompt,), daemon=True).start()


def answer(prompt):
    time.sleep(0.003)
    moment()
    prompt.answer(f"{prompt.text} yes")
    moment()


async def may_go():
    if not goes.is_set():
        await asyncio.to_thread(goes.wait)
    moment()


def blob(number):
    return hashlib.sha256(str(number).encode()).hexdigest() * (BLOB // 64)


agent = Agent("hard", store=file, durability=durability, responder=respond)
inner = Agent("inner")


@agent.state(next=["work", "part_{k}", "ask", "ask_plain", "review"])
async def begin(context):
    await may_go()
    context.set_state("items", [1, 2, 3])
    sends = [Send("work", n=n) for n in (1, 2, 3)]
    return [*sends, "part_1", "part_2", "ask", "ask_plain", "review"]


@agent.state(next=["gather"])
async def work(context):
    await may_go()
    n = context.inputs["n"]

    async def charge():
        outside("once", f"charge {n}")
        await asyncio.sleep(0)
        return ("paid", n)

    context.set_state(f"receipt_{n}", await context.once(f"charge {n}", charge))
    moment()
    context.set_state(f"blob_{n}", blob(n))
    return "gather"


async def part(context):
    await may_go()
    k = context.inputs["k"]
    if context.attempt == 1:
        raise ValueError("the first time")
    context.set_state(f"part_{k}", {"k": k, "bytes": bytes(BLOB)})
    return "gather"


policy = RetryPolicy(max_retries=3, initial_delay=0.01, jitter=False)
agent.add_state("part_{k}", part, next=["gather"], retry_policy=policy)


@agent.state(next=["gather"])
async def ask(context):
    await may_go()
    first = await context.human_in_the_loop("one?")
    moment()
    second = await context.human_in_the_loop("two?")
    context.set_state("asked", [first, second])
    return "gather"


@agent.state(next=["gather"])
def ask_plain(context):
    goes.wait()
    moment()
    context.set_state("plain", context.ask("plain?"))
    return "gather"


@inner.state(next=["check"])
async def draft(context):
    await may_go()
    context.set_state("draft", blob("draft"))
    return "check"


@inner.state(next=[])
async def check(context):
    await may_go()
    context.set_state("checked", await context.human_in_the_loop("checked?"))


agent.add_state("review", inner, next=["gather"])


@agent.state(next=["left", "right"])
async def gather(context):
    """Joins all of the above, and begins each turn of a loop with a join inside."""
    await may_go()
    context.set_state("n", context.get_state("n", 0) + 1)
    return ["left", "right"]


@agent.state(next=["again"])
async def left(context):
    await may_go()
    n = context.get_state("n")
    context.set_state(f"left_{n}", await context.once(f"left {n}", outside, "once", f"left {n}"))
    return "again"


@agent.state(next=["again"])
async def right(context):
    await may_go()
    n = context.get_state("n")
    context.set_state("right", {"n": n, "blob": blob(n)})
    return "again"


@agent.state(next=["gather", "end"])
async def again(context):
    await may_go()
    return "gather" if context.get_state("n") < TURNS else "end"


@agent.state(next=[])
async def end(context):
    await may_go()
    context.set_state("end", len(context.keys()))


def told(event):
    moment()
    if isinstance(event, ev.RunResumed):
        say("EXECUTES")
    elif isinstance(event, ev.PromptAnswered):
        say("TOLD", event.seq, "answered", event.execution, event.prompt)
    elif isinstance(event, ev.DoneOnce):
        say("TOLD", event.seq, "once", event.execution, event.key)
    elif isinstance(event, ev.StateCompleted):
        say("TOLD", event.seq, "completed", event.execution, event.state)
    moment()


agent.subscribe(told)


async def go_on():
    say("READY")
    await asyncio.to_thread(sys.stdin.readline)
    threading.Thread(target=lambda: sys.stdin.readline() and goes.set(), daemon=True).start()
    try:
        return await agent.resume(run[0])
    except (RunHeldError, RunMovedOnError, NothingToResumeError) as problem:
        say("REFUSED", type(problem).__name__)
        return None


async def main():
    result = await (go_on() if run else agent.run())
    if result is not None:
        text = repr((sorted(result.values.items()), sorted(result.counts.items())))
        say("RESULT", result.status, hashlib.sha256(text.encode()).hexdigest())
        say("MOMENTS", next(moments) - 1)


asyncio.run(main())
