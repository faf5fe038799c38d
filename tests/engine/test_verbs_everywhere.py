"""Every public verb at every event of a dozen flows: the run ends as it would have without (S9)."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass

import pytest

from fluffy_nb import AgentStatus
from fluffy_nb.errors import NothingToResumeError, RunActiveError, RunTimeoutError
from fluffy_nb.testing import run as run_on_fake_clock

from .everywhere_flows import FLOWS, Flow
from .everywhere_verbs import GOES_WRONG, VERBS, Moment
from .watchdog import watchdog

pytestmark = pytest.mark.systems

SEED = int(os.environ.get("FLUFFY_SEED", "9"))
PAIRS = 4_000
"""How many pairs of verbs are tried in memory."""

IN_A_FILE = 700
"""How many singles, and how many pairs, are tried with a file."""

MOST_TURNS = 60
"""A run that has not ended when it was gone on with so often never does."""

MOST_EVENTS = 2_000
"""A run that tells more events than this runs round and round."""


@dataclass(frozen=True)
class Told:
    """What came of a run that nobody disturbed.

    Args:
        values: The context.
        counts: How often each state was executed.
        begun: How often each body began.
        completed: The states that completed.
        events: How many events there were.
    """

    values: dict
    counts: dict
    begun: dict
    completed: frozenset
    events: int


class TooMuchError(Exception):
    """A run has told too many events."""


async def finish(agent, told):
    """Go on with a run until it has completed; what it was told to raise is no fault."""
    for _ in range(MOST_TURNS):
        if agent.status is AgentStatus.COMPLETED:
            return
        try:
            if agent.status is AgentStatus.IDLE:
                await agent.run()
            elif agent.status is AgentStatus.RUNNING:
                await agent.present_run().wait()
            else:
                await asyncio.sleep(3)  # somebody answers meanwhile
                await agent.resume()
        except (RunActiveError, NothingToResumeError):
            await asyncio.sleep(0)  # a verb was quicker
        except RunTimeoutError:
            pass
        except GOES_WRONG as error:
            told.append(error)
    raise AssertionError(f"after {MOST_TURNS} turns it is {agent.status}: {agent.where}")


async def experiment(flow, plan):
    """Run a flow with verbs at some of its events; returns checkpoints, and how many runs began.

    Args:
        flow: The flow.
        plan: Verbs by the number of the event, from 1.
    """
    agent, tasks, taken, raised, seen, runs = flow.agent, [], [], [], 0, 0

    def observer(event):
        nonlocal seen, runs
        seen += 1
        runs += event.kind == "RunStarted"
        if seen > MOST_EVENTS:
            asyncio.get_running_loop().call_soon(tasks[0].cancel)
        for name in plan.get(seen, ()):
            try:
                doing = VERBS[name].call(Moment(flow, event, taken))
            except Exception as error:
                raised.append((name, error))
            else:
                if asyncio.iscoroutine(doing):
                    tasks.append(asyncio.create_task(guarded(name, doing, raised)))

    agent.subscribe(observer)
    errors = []
    tasks.append(asyncio.create_task(finish(agent, errors)))
    await tasks[0]
    await asyncio.wait(tasks)
    await finish(agent, errors)  # a verb may have begun something after the end
    for name, error in raised:
        allowed = (*VERBS[name].allowed, *(GOES_WRONG if may_fail(plan) else ()))
        if not isinstance(error, allowed):
            raise AssertionError(f"{name} raised {error!r}") from error
    assert not errors or may_fail(plan), f"the run raised {errors}"
    return taken, runs


async def guarded(name, doing, raised):
    try:
        await doing
    except Exception as error:
        raised.append((name, error))


def verbs_of(plan):
    return [VERBS[name] for names in plan.values() for name in names]


def may_fail(plan):
    return any(verb.fails for verb in verbs_of(plan))


async def nothing_left():
    """No task of ours is left, after the turns that what was cancelled needs."""
    for _ in range(5):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"left behind: {[task.get_name() for task in left]}"


def undisturbed(build):
    """What comes of a flow alone."""
    flow = Flow(build)
    events = []
    flow.agent.subscribe(events.append)

    async def alone():
        await finish(flow.agent, [])
        await nothing_left()

    run_on_fake_clock(alone())
    agent = flow.agent
    return Told(
        dict(agent.context_values),
        counts_of(agent),
        dict(flow.begun),
        agent.completed_states,
        len(events),
    )


def counts_of(agent):
    counts = {name: data.executions for name, data in agent.state_metadata.items()}
    return {name: number for name, number in counts.items() if number}


def same(flow, expected, runs, *, again):
    """Compare a run that has ended with one that nobody disturbed."""
    agent = flow.agent
    assert dict(agent.context_values) == expected.values
    assert agent.completed_states == expected.completed
    assert counts_of(agent) == expected.counts
    begun = {name: runs * number for name, number in expected.begun.items()}  # of all runs
    if again:
        lacking = Counter(expected.begun) - flow.begun
        assert not lacking, f"never begun: {lacking}"
    else:
        assert dict(flow.begun) == begun


def attempt(build, expected, plan, store):
    """One experiment; returns what went wrong, or nothing."""
    flow = Flow(build, store=store)
    elsewhere = []

    async def whole():
        taken, runs = await experiment(flow, plan)
        same(flow, expected, runs, again=any(verb.again for verb in verbs_of(plan)))
        for checkpoint in taken:
            other = Flow(build)
            elsewhere.append(other)
            await other.agent.restore_from_checkpoint(checkpoint)
            await other.agent.restore_from_checkpoint(checkpoint)
            if checkpoint.agent_status != "COMPLETED":
                await finish(other.agent, [])
            assert dict(other.agent.context_values) == expected.values, "restored elsewhere"
        await nothing_left()

    try:
        with warnings.catch_warnings(), watchdog(30):
            warnings.simplefilter("error")
            run_on_fake_clock(whole(), patience=10)
    except Exception as error:
        return f"{plan} in {store}: {traceback.format_exception_only(error)[-1].strip()[:300]}"
    return None


def try_all(flow_name, plans, make_store):
    build = FLOWS[flow_name]
    expected = undisturbed(build)
    threads = set(threading.enumerate())
    wrong, number = [], 0
    for plan in plans(expected.events):
        number += 1
        problem = attempt(build, expected, plan, make_store(number))
        if problem is not None:
            wrong.append(problem)
            assert len(wrong) < 20, "\n".join(wrong)
    gc.collect()
    left = [each for each in set(threading.enumerate()) - threads if each.name[:7] == "fluffy:"]
    for thread in left:
        thread.join(20)  # one that has handed its result over is about to end
    left = [each for each in left if each.is_alive()]
    assert not left, f"threads left behind: {left}"
    print(f"{flow_name}: {number} experiments, {expected.events} events")
    assert not wrong, "\n".join(wrong)


def in_memory(_):
    return "memory"


def singles(events):
    for at in range(1, events + 1):
        for name in VERBS:
            yield {at: [name]}


def pairs(number, chance):
    def plans(events):
        for _ in range(number):
            first, second = chance.randint(1, events), chance.randint(1, events + 5)
            plan = {}
            for at in (first, second):
                plan.setdefault(at, []).append(chance.choice(list(VERBS)))
            yield plan

    return plans


def some(plans, number, chance):
    def chosen(events):
        every = list(plans(events))
        yield from chance.sample(every, min(number, len(every)))

    return chosen


@pytest.fixture
def chance(request):
    print(f"\nFLUFFY_SEED={SEED}")
    return random.Random(f"{SEED} {request.node.name}")


@pytest.mark.parametrize("flow", FLOWS)
def test_S9_every_verb_at_every_event(flow):
    try_all(flow, singles, in_memory)


@pytest.mark.parametrize("flow", FLOWS)
def test_S9_pairs_of_verbs(flow, chance):
    try_all(flow, pairs(PAIRS // len(FLOWS), chance), in_memory)


@pytest.mark.parametrize("flow", FLOWS)
def test_S9_in_a_file(flow, chance, tmp_path):
    number = IN_A_FILE // len(FLOWS)
    in_a_file = lambda n: tmp_path / f"runs_{n % 7}.db"  # noqa: E731 - several runs a file
    try_all(flow, some(singles, number, chance), in_a_file)
    try_all(flow, pairs(number, chance), in_a_file)
