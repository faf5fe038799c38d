"""The verbs of `%fluffy`: each does what the method and the button of its name do."""

from __future__ import annotations

import asyncio
import inspect
import queue
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

from IPython.display import display

from fluffy_nb.agent import Agent
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.result import RunResult
from fluffy_nb.engine.run import CLEANUP_TIMEOUT
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import NothingToResumeError, UsageError, listed, nearest
from fluffy_nb.notebook import options as o
from fluffy_nb.notebook import past
from fluffy_nb.notebook.options import Line, Option, Usage
from fluffy_nb.notebook.reports import Steps, Table, listing
from fluffy_nb.notebook.session import Session

START = Option("--start", "where to start", "STATE", o.names, repeats=True)
TIMEOUT = Option("--timeout", "cancel the run after so many seconds", "SECONDS", o.seconds)
WAIT = Option("--wait", "wait in this cell until the run has ended or is paused")
INPUT = Option("-i", "a first value of the context", "key=expression", o.setting, repeats=True)
STATES = Option(
    "--states",
    "makes these functions states too, as those that were imported",
    "FUNCTION...",
    o.names,
    repeats=True,
    many=True,
)
SAVE = Option("--save", "write a file, of the kind its name ends in", "FILE", o.unquoted)

CELL = Usage(
    "%%fluffy",
    "Makes the functions of the cell the states of an agent.",
    ("NAME",),
    (
        STATES,
        Option("--run", "start a run in the background"),
        Option("--step", "begin a run and run one state of it"),
        WAIT,
        START,
        Option("--max-concurrent", "how many states may run at once", "N", o.count),
        TIMEOUT,
        Option(
            "--layout",
            "draw the graph from left to right or from top to bottom",
            "LR|TB",
            o.one_of("LR", "TB"),
            choices=("LR", "TB"),
        ),
        Option("--store", "where its runs are kept: a file, or memory", "PATH", o.unquoted),
        Option(
            "--checkpoint-interval",
            "keep what running states have written so far every so many seconds",
            "SECONDS",
            o.seconds,
        ),
        Option("--quiet", "show no view"),
    ),
)

KINDS = {
    ".svg": "to_svg",
    ".png": "to_png",
    ".dot": "to_dot",
    ".gv": "to_dot",
    ".mmd": "to_mermaid",
}
"""What `--save` writes, by the end of the file's name: functions of `fluffy_nb.diagram`."""

REPLY_SECONDS = 2.0
"""How long an answer waits to be accepted or refused by a loop in another thread."""

Outcome = Any | Coroutine[Any, Any, Any]


class Verb(NamedTuple):
    """A verb: how it is used, and what does it; a coroutine where it has to wait."""

    usage: Usage
    do: Callable[..., Outcome]
    of_agent: bool = True


def call(session: Session, text: str) -> Outcome:
    """Do what a `%fluffy` line says.

    Args:
        session: The notebook's.
        text: What stands behind `%fluffy`.

    Returns:
        What the cell shows, or a coroutine that gives it.

    Raises:
        UsageError: The line is not understood.
    """
    word, _, rest = text.strip().partition(" ")
    if not word:
        return listing(session.agents)
    if word not in VERBS:
        remedy = f"{nearest(word, VERBS)} (%fluffy? says what each does)"
        raise UsageError(f"%fluffy can't {word!r}: {remedy}")
    verb = VERBS[word]
    line = o.parse(verb.usage, rest)
    if not verb.of_agent:
        return verb.do(session, line)
    return verb.do(session, session.agent(line.words[0]), line)


def waits(text: str) -> bool:
    """Whether doing what a `%fluffy` line says would have to wait.

    Args:
        text: What stands behind `%fluffy`.

    Raises:
        UsageError: The line is not understood.
    """
    word, _, rest = text.strip().partition(" ")
    verb = VERBS.get(word)
    if verb is None:
        return False
    return inspect.iscoroutinefunction(verb.do) or "wait" in o.parse(verb.usage, rest).options


# ---------------------------------------------------------------- running


def run(session: Session, agent: Agent, line: Line) -> Outcome:
    """Start a run in the background, or wait for its end in this cell."""
    inputs = o.values(line.options.get("i", ()), session.shell.user_ns)
    starts = [name for names in line.options.get("start", ()) for name in names]
    run = agent.start(starts or None, inputs=inputs or None, timeout=line.options.get("timeout"))
    session.show(agent)
    return run.wait() if line.options.get("wait") else None


def resume(session: Session, agent: Agent, line: Line) -> Outcome:
    """Go on with a run that is paused, has failed or was cancelled."""
    run = session.run_of(agent)
    if run is None:
        raise NothingToResumeError(agent.name, agent.status)
    run.check_resumable()
    run.go_on(None, line.options.get("timeout"), CLEANUP_TIMEOUT)
    session.show(agent)
    return run.wait() if line.options.get("wait") else None


async def wait(session: Session, agent: Agent, _: Line) -> RunResult:
    """Wait until the run has ended or is paused; when this is stopped, the run goes on."""
    run = session.run_of(agent)
    if run is None:
        raise UsageError(f"agent {agent.name!r} has not run yet; start it with %fluffy run.")
    await until_still(agent)
    return await run  # at once


async def until_still(agent: Agent) -> None:
    """Wait until an agent does not run."""
    loop, still = asyncio.get_running_loop(), asyncio.Event()

    def note(_: ev.Event) -> None:
        if agent.status is not AgentStatus.RUNNING:
            loop.call_soon_threadsafe(still.set)

    unsubscribe = agent.subscribe(note)
    try:
        if agent.status is AgentStatus.RUNNING:
            await still.wait()
    finally:
        unsubscribe()


async def pause(_: Session, agent: Agent, __: Line) -> None:
    """Start nothing new; wait for what runs."""
    await agent.present_run().pause()


async def cancel(_: Session, agent: Agent, __: Line) -> None:
    """Cancel what runs; the run can be resumed."""
    await agent.cancel_all()


async def step(session: Session, agent: Agent, line: Line) -> Table:
    """Step once, several times, or to the end, and show what each step did."""
    number = line.words[1] if len(line.words) > 1 else "1"
    try:
        left = None if number == "all" else o.count(number)
    except ValueError as problem:
        raise UsageError(f"%fluffy step: N is {number!r}; {problem} Or it is 'all'.") from None
    steps = Steps(agent)
    unsubscribe = agent.subscribe(steps.note)
    session.show(agent)
    try:
        while left is None or left > 0:
            steps.end(await agent.step())
            left = None if left is None else left - 1
            if agent.status is not AgentStatus.PAUSED or steps.rows[-1][0] == "nothing":
                break
    except Exception:
        if steps.rows:
            display(steps.table())
        raise
    finally:
        unsubscribe()
    return steps.table()


# ---------------------------------------------------------------- people and pictures


def answer(_: Session, agent: Agent, line: Line) -> None:
    """Answer a prompt, by the way that a form answers it; fields as JSON: '{"stars": 5}'."""
    name, *words = line.words
    prompts = agent.prompts
    if not prompts:
        raise UsageError(f"agent {name!r} asks nothing now, so there is nothing to answer.")
    states = list(dict.fromkeys(prompt.state for prompt in prompts))
    rest = line.rest(1)
    if len(words) > 1 and words[0] in states:
        prompts = tuple(prompt for prompt in prompts if prompt.state == words[0])
        rest = line.rest(2)
    elif len(states) > 1:
        raise UsageError(
            f"several states of agent {name!r} ask: {listed(states)}; say which one you answer: "
            f"%fluffy answer {name} {states[0]} VALUE"
        )
    prompt, told = prompts[0], queue.SimpleQueue[str]()
    prompt.answer(o.unquoted(rest), told.put)
    try:
        refusal = told.get(timeout=REPLY_SECONDS)  # at once, unless another thread runs the flow
    except queue.Empty:
        return  # its loop is busy, or stands still: the view will tell
    if refusal:
        raise UsageError(f"state {prompt.state!r} does not take this answer: {refusal}")


def graph(_: Session, agent: Agent, line: Line) -> Agent | None:
    """Show the picture as it is now, or save it."""
    if "save" not in line.options:
        return agent
    file = Path(line.options["save"]).expanduser()
    kind = KINDS.get(file.suffix.lower())
    if kind is None:
        raise UsageError(
            f"%fluffy graph can't tell what to write into {str(file)!r}; "
            f"the name must end in one of {listed(KINDS)}."
        )
    if not file.parent.is_dir():
        raise UsageError(f"%fluffy graph can't write {str(file)!r}: there is no such folder.")
    from fluffy_nb import diagram  # noqa: PLC0415 - not before a picture is wanted

    made = getattr(diagram, kind)(agent)
    file.write_bytes(made if isinstance(made, bytes) else made.encode())
    print(f"saved {file}")  # noqa: T201 - what the magic has to say
    return None


def _verb(do: Callable[..., Outcome], *words: str, options: tuple[Option, ...] = ()) -> Verb:
    free = "VALUE" in words
    command = f"%fluffy {do.__name__.rstrip('_')}"
    usage = Usage(command, do.__doc__ or "", words, options, free=free)
    return Verb(usage, do, "NAME" in words)


VERBS: dict[str, Verb] = {
    "run": _verb(run, "NAME", options=(INPUT, WAIT, START, TIMEOUT)),
    "wait": _verb(wait, "NAME"),
    "pause": _verb(pause, "NAME"),
    "resume": _verb(resume, "NAME", options=(WAIT, TIMEOUT)),
    "cancel": _verb(cancel, "NAME"),
    "step": _verb(step, "NAME", "[N|all]"),
    "answer": _verb(answer, "NAME", "[STATE]", "VALUE"),
    "graph": _verb(graph, "NAME", options=(SAVE,)),
    "runs": _verb(past.runs, "[PATH]"),
    "load": _verb(past.load, "[PATH]", "RUN"),
    "watch": _verb(past.watch, "[PATH]", "RUN"),
    "inspect": _verb(past.inspect, "NAME", "[SEQ]"),
    "diff": _verb(past.diff, "NAME", "SEQ", "SEQ"),
    "rewind": _verb(past.rewind, "NAME", "SEQ", "[key=expression]..."),
    "try": _verb(past.try_, "NAME", "STATE", "[SEQ]"),
    "break": _verb(past.break_, "NAME", "STATE"),
}


def described() -> str:
    """What `%fluffy?` says."""
    usages = [CELL, *(verb.usage for verb in VERBS.values())]
    options = {str(option): option.means for usage in usages for option in usage.options}
    lines = [f"{usage}\n    {usage.means}" for usage in usages]
    lines += ["%fluffy\n    Lists the agents of this notebook.", "", "Options:"]
    lines += [f"    {option}\n        {means}" for option, means in options.items()]
    return "\n".join(lines)
