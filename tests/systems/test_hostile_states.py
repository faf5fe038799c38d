"""Whatever a state does, its run ends by the rules, and its siblings and later runs are as ever."""

from __future__ import annotations

import asyncio
import logging
import threading
import warnings
from contextlib import suppress

import pytest

from fluffy_nb import Agent, open_store
from fluffy_nb.engine import events as ev
from fluffy_nb.errors import CheckpointError, SaveWarning, StateError
from fluffy_nb.widgets.details import details
from tests.engine.watchdog import watchdog

from .hostile_entry import CANCELLED, COMPLETED, FAILED, STARTED, Entry
from .hostile_states import TABLE

pytestmark = pytest.mark.systems

MOST_BYTES = 10_240


class Played:
    """The flow around a hostile state, and what its runs told."""

    def __init__(self, entry: Entry, store: str) -> None:
        self.entry = entry
        self.calls = 0
        self.free = threading.Event()
        self.events: list[ev.Event] = []
        self.agent = agent = Agent("hostile", store=store)
        agent.subscribe(self.events.append)
        entry.prepare(agent)
        agent.add_state("start", self.start, next=["sibling", "hostile"])
        agent.add_state("sibling", self.sibling, next=["end"])
        body = self.hostile if asyncio.iscoroutinefunction(entry.body) else self.hostile_plain
        agent.add_state("hostile", body, next=["after"], **entry.settings)
        agent.add_state("after", self.after, next=[])
        agent.add_state("end", self.end, next=[])
        if entry.settings.get("on_error"):
            agent.add_state("handler", self.handler, next=["after"])

    async def start(self, context):
        context.set_local("free", self.free)
        context.set_local("agent", self.agent)
        return ["sibling", "hostile"]

    async def sibling(self, context):
        for _ in range(5):
            await asyncio.sleep(0)
        context.set_state("sibling", context.get_state("sibling", 0) + 1)
        return "end"

    async def hostile(self, context):
        self.calls += 1
        return await self.entry.body(context) if self.calls == 1 else "after"

    def hostile_plain(self, context):
        self.calls += 1
        return self.entry.body(context) if self.calls == 1 else "after"

    def after(self, context):
        context.get_state("value")
        context.set_state("after", True)

    async def handler(self, context):
        assert context.error is not None
        return "after"

    async def end(self, context):
        context.set_state("end", True)

    def kinds(self, state):
        told = [event.kind for event in self.events if getattr(event, "state", "") == state]
        return tuple(kind for kind in told if kind in {STARTED, COMPLETED, FAILED, CANCELLED})


@pytest.mark.parametrize("entry", TABLE, ids=str)
def test_S12_2_a_hostile_state_harms_only_itself(entry, tmp_path, caplog):
    caplog.set_level(logging.CRITICAL)  # what is logged of it is long
    path = str(tmp_path / "runs.sqlite")
    played = Played(entry, path if entry.file else "memory")
    with watchdog(30), warnings.catch_warnings(record=True) as warned:
        # Where warnings are errors a run ends as it does elsewhere.
        warnings.simplefilter("always" if entry.file else "error")
        asyncio.run(play(played))
    told = [str(one.message) for one in warned if one.category is SaveWarning]
    if entry.file and entry.saved is not None:
        assert entry.saved == (not told), told
        assert all("'value'" in text for text in told)
        assert all("'hostile'" in text for text in told[:1])
        # What stands in the way of one run is none in that of the next.
        assert open_store(path).runs()[0].status == "COMPLETED"


async def play(played):
    entry, agent = played.entry, played.agent
    outcome = await outcome_of(agent.run(**entry.run))
    assert played.kinds("hostile") == entry.kinds
    ends = {FAILED: "FAILED", COMPLETED: "COMPLETED", CANCELLED: "CANCELLED"}
    is_handled = "on_error" in entry.settings
    status = "COMPLETED" if is_handled else ends[entry.kinds[-1]]
    assert agent.status == status
    if status == "FAILED":
        check_error(entry, outcome)
    if status != "CANCELLED":
        assert played.kinds("sibling") == ("StateStarted", "StateCompleted")
    check_shown(agent, outcome, played.events)
    if status != "COMPLETED":
        assert (await agent.resume()).status == "COMPLETED"
    values = agent.present_run().values
    assert (values["sibling"], values["after"], values["end"]) == (1, True, True)
    if entry.seen is not None:
        assert values[entry.seen[0]] == entry.seen[1]
    played.free.set()

    played.events.clear()
    assert (await agent.run()).status == "COMPLETED"
    assert played.kinds("hostile") == ("StateStarted", "StateCompleted")
    check_nobody_is_left()


async def outcome_of(run):
    try:
        return await run
    except Exception as error:
        return error


def check_error(entry, error):
    assert isinstance(error, StateError)
    assert error.state == "hostile"
    assert entry.says in str(error)
    assert len(str(error).encode("utf-8", "surrogatepass")) <= MOST_BYTES
    assert error._render_traceback_()


def check_shown(agent, outcome, events):
    """All that shows what has happened does so."""
    assert repr(outcome)
    assert getattr(outcome, "_repr_html_", str)() is not None
    assert details(agent, "hostile")["defined"]
    for event in events:
        assert repr(event)
        error = getattr(event, "error", "") or ""
        assert type(error) is str
        assert len(error.encode("utf-8", "surrogatepass")) <= MOST_BYTES
    checkpoint = agent.create_checkpoint()
    with suppress(CheckpointError):
        checkpoint.to_json()


def check_nobody_is_left():
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    assert {task.get_name() for task in tasks} <= {"left"}
