"""The verbs of `%fluffy` about what was: runs that are kept, checkpoints, and going back."""

from __future__ import annotations

import builtins
import time
from pathlib import Path

from fluffy_nb.agent import Agent, RunWatch
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.checkpoint import Checkpoint
from fluffy_nb.engine.run import CLEANUP_TIMEOUT
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import (
    UsageError,
    listed,
    nearest,
    shortened,
    visible_lines,
)
from fluffy_nb.journal.history import info_of
from fluffy_nb.journal.store import DAMAGED, RunInfo
from fluffy_nb.journal.stores import open_store, store_of
from fluffy_nb.notebook import options as o
from fluffy_nb.notebook.options import Line
from fluffy_nb.notebook.reports import LONGEST, Table
from fluffy_nb.notebook.session import Session

MOST_RUNS = 50
"""How many runs a table lists."""


# ---------------------------------------------------------------- runs


def runs(session: Session, line: Line) -> Table:
    """List the runs that are kept in a file, the latest first."""
    path = Path(line.words[0]).expanduser() if line.words else session.file
    if not path.exists():
        return Table((), (), f"no runs are kept in {path}")
    store = open_store(path)
    try:
        found = store.runs()[:MOST_RUNS]
        rows = [
            (
                info.id,
                info.agent,
                info.status.lower(),
                _told_time(info, info.created),
                _told_time(info, info.updated),
                "" if info.parent is None else f"{info.parent} at {info.parent_seq}",
            )
            for info in found
        ]
    finally:
        store.close()
    columns = ("run", "agent", "status", "began", "last written", "forked from")
    return Table(columns, rows, f"no runs are kept in {path}")


def _told_time(info: RunInfo, seconds: float) -> str:
    if info.status == DAMAGED:
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


async def load(session: Session, line: Line) -> None:
    """Take up a run that is kept, as after a restart of the kernel; it is paused there."""
    *path, run = line.words
    store = store_of(_file(session, path))
    name = info_of(store, run).agent
    session.check_name(name)
    if name not in session.agents and hasattr(builtins, name):
        raise UsageError(
            f"the agent of run {run!r} is called {name!r}, which is a name of Python's own; take "
            "it up under another: mine = await Agent.load(file, run)."
        )
    agent = session.agent_or_new(name)
    before = agent.store
    agent.store = store
    try:
        await agent.take_up_aside(run)
    except Exception:
        agent.store = before
        raise
    session.show(agent)
    missing = "" if agent.states else f"; run its cell (%%fluffy {name}) to give it its states"
    told = f"run {run} is paused where it was left{missing}; go on: %fluffy resume {name}"
    print(visible_lines(told))  # noqa: T201 - what the magic has to say


async def watch(session: Session, line: Line) -> None:
    """Show a run that another kernel or program executes, live; nothing is changed there."""
    *path, run = line.words
    watch = RunWatch(_file(session, path), run)
    try:
        await watch.read()
    except BaseException:
        watch.close()
        raise
    session.show_watch(watch)


def _file(session: Session, path: list[str]) -> Path:
    file = Path(path[0]).expanduser() if path else session.file
    if not file.exists():
        raise UsageError(f"there is no file {str(file)!r}, so there is no run in it.")
    return file


# ---------------------------------------------------------------- checkpoints


def inspect(_: Session, agent: Agent, line: Line) -> Table:
    """Show the context of a checkpoint as a table; without a number, as it is now."""
    checkpoint = _at(agent, line.words[1]) if len(line.words) > 1 else agent.create_checkpoint()
    rows = [
        (key, shortened(value, LONGEST), type(value).__name__, checkpoint.writers.get(key, ""))
        for key, value in checkpoint.shared_state.items()
    ]
    where = f"after {checkpoint.state}" if checkpoint.state else checkpoint.agent_status.lower()
    empty = f"the context is empty ({where})"
    return Table(("key", "value", "type", "written by"), rows, empty)


def diff(_: Session, agent: Agent, line: Line) -> Table:
    """Show what changed in the context between two checkpoints."""
    one, other = (_at(agent, word) for word in line.words[1:3])
    changes = one.diff(other)
    before, after = one.shared_state, other.shared_state
    rows = [("+", key, "", shortened(after[key], LONGEST)) for key in changes.added]
    rows += [
        ("", key, shortened(before[key], LONGEST), shortened(after[key], LONGEST))
        for key in changes.changed
    ]
    rows += [("-", key, shortened(before[key], LONGEST), "") for key in changes.removed]
    heads = (
        f"{number} after {checkpoint.state}"
        for number, checkpoint in zip(line.words[1:3], (one, other), strict=True)
    )
    return Table(("", "key", *heads), rows, "the context is the same")


def rewind(session: Session, agent: Agent, line: Line) -> None:
    """Begin another run at a checkpoint, with changed values (key=expression); paused there."""
    name, number, *settings = line.words
    try:
        changes = [o.setting(text) for text in settings]
    except ValueError as problem:
        raise UsageError(f"%fluffy rewind: {problem}") from None
    checkpoint = _at(agent, number)
    run = agent.fork(checkpoint, **o.values(changes, session.shell.user_ns))
    session.show(agent)
    told = f"run {run.id} is paused after {checkpoint.state}; go on: %fluffy resume {name}"
    print(visible_lines(told))  # noqa: T201 - as above


async def try_(session: Session, agent: Agent, line: Line) -> Table:
    """Run one state on the side, on a checkpoint's context: result and changes; nothing is kept."""
    state, *number = line.words[1:]
    if agent.definition.spec(state) is None:
        raise UsageError(
            f"agent {agent.name!r} has no state {state!r}: {nearest(state, agent.states)}"
        )
    values = {}
    if number:
        values = _at(agent, number[0]).restored_values()
    elif session.run_of(agent) is not None:
        values = agent.create_checkpoint().restored_values()
    side = Agent(agent.name, responder=agent.responder)
    side.definition = agent.definition
    led: list[str] = []
    side.subscribe(
        lambda event: led.extend(event.targets) if isinstance(event, ev.StateCompleted) else None
    )
    run = side._begin(1, state, values, None, CLEANUP_TIMEOUT, None)  # noqa: SLF001 - a step that starts where it is told
    checkpoint = await run.finish_step(dict(run.runner.shared.writers))
    changes, after = checkpoint.changes, checkpoint.shared_state
    rows = [("leads to", listed(led) if led else "the end", "")]
    rows += [("+", key, shortened(after[key], LONGEST)) for key in changes.added]
    rows += [("changed", key, shortened(after[key], LONGEST)) for key in changes.changed]
    rows += [("-", key, "") for key in changes.removed]
    await side.cancel_all()
    return Table(("", state, ""), rows)


def break_(_: Session, agent: Agent, line: Line) -> None:
    """Have runs pause before a state, or no longer."""
    state = line.words[1]
    if state in agent.breakpoints:
        agent.breakpoints.discard(state)
        print(f"runs of {agent.name} no longer pause before {state}")  # noqa: T201 - as above
        return
    if agent.spec(state) is None:
        raise UsageError(
            f"agent {agent.name!r} has no state {state!r}: {nearest(state, agent.states)}"
        )
    agent.breakpoints.add(state)
    print(f"runs of {agent.name} pause before {state}")  # noqa: T201 - as above


def _at(agent: Agent, number: str) -> Checkpoint:
    """The checkpoint of a number that a person wrote."""
    if agent.status is AgentStatus.IDLE:
        raise UsageError(f"agent {agent.name!r} has not run yet, so it has no checkpoints.")
    if not number.isdecimal():
        numbers = [str(checkpoint) for checkpoint in numbers_of(agent)]
        raise UsageError(f"{number!r} is no checkpoint's number: {nearest(number, numbers)}")
    return agent.checkpoints.at(int(number))


def numbers_of(agent: Agent) -> list[int]:
    """The numbers of an agent's checkpoints."""
    return [] if agent.status is AgentStatus.IDLE else agent.checkpoints.numbers
