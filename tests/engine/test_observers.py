"""Those who watch: order, and that nothing they do can hurt a run."""

from __future__ import annotations

import asyncio
import logging
import time
import warnings

import pytest

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.agent import Agent
from fluffy_nb.engine.observers import MARK_SECONDS, Observers
from fluffy_nb.engine.status import AgentStatus

EVENT = ev.RunResumed(1, 0.0)


class Clock:
    """A clock that moves on by what an observer says it took."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def raising(error):
    def observer(event):
        raise error

    return observer


def test_S13_1_events_are_delivered_in_the_order_of_subscription():
    observers, seen = Observers(), []
    for name in "abc":
        observers.subscribe(lambda event, name=name: seen.append((name, event)))
    observers.deliver(EVENT)
    assert seen == [("a", EVENT), ("b", EVENT), ("c", EVENT)]


def test_S13_1_a_subscription_is_ended_by_what_subscribe_returned():
    observers, seen = Observers(), []
    stop = observers.subscribe(seen.append)
    observers.deliver(EVENT)
    stop()
    stop()
    observers.deliver(EVENT)
    assert seen == [EVENT]


def test_S13_1_two_subscriptions_of_one_observer_are_two():
    observers, seen = Observers(), []
    observer = seen.append
    stop = observers.subscribe(observer)
    observers.subscribe(observer)
    observers.deliver(EVENT)
    assert len(seen) == 2
    stop()
    observers.deliver(EVENT)
    assert len(seen) == 3


def test_S13_1_observers_may_come_and_go_during_delivery():
    observers, seen = Observers(), []

    def once(event):
        seen.append("once")
        stop()
        observers.subscribe(lambda _: seen.append("later"))

    stop = observers.subscribe(once)
    observers.subscribe(lambda _: seen.append("always"))
    observers.deliver(EVENT)
    assert seen == ["once", "always"]
    observers.deliver(EVENT)
    assert seen == ["once", "always", "always", "later"]


@pytest.mark.parametrize(
    "error", [ValueError("oops"), asyncio.CancelledError(), StopIteration(), RecursionError()]
)
def test_S13_2_one_that_raises_is_logged_and_dropped(error, caplog):
    observers, seen = Observers(), []
    observers.subscribe(raising(error))
    observers.subscribe(seen.append)
    observers.deliver(EVENT)
    observers.deliver(EVENT)
    assert seen == [EVENT, EVENT]
    (record,) = caplog.records
    assert record.name == "fluffy_nb"
    assert record.levelno == logging.ERROR
    assert "raised at RunResumed and was dropped; the run goes on" in record.message
    assert record.exc_info[1] is error


def test_S13_2_an_observer_without_a_repr_is_logged_and_dropped(caplog):
    class Observer:
        def __repr__(self):
            raise ValueError

        def __call__(self, event):
            raise ValueError

    observers = Observers()
    observers.subscribe(Observer())
    observers.deliver(EVENT)
    assert "observer <Observer whose repr raises ValueError> raised" in caplog.text


def test_S13_2_the_interrupt_of_a_person_goes_through():
    observers = Observers()
    observers.subscribe(raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        observers.deliver(EVENT)


def test_S13_2_a_slow_observer_is_named_once():
    clock = Clock()
    observers, times = Observers(clock, clock), iter([0.05, 0.051, 1.0])

    def slow(event):
        clock.now += next(times)

    observers.subscribe(slow)
    observers.deliver(EVENT)
    with pytest.warns(RuntimeWarning, match=r"slow.* took 51 ms for RunResumed; it holds up"):
        observers.deliver(EVENT)
    observers.deliver(EVENT)


def test_S13_2_time_that_other_programs_took_is_not_the_observers():
    """The observer waits long for the processor and takes 50 ms of it, then 51 ms."""
    wall, cpu = Clock(), Clock()
    observers, times = Observers(wall, cpu), iter([0.05, 0.051])

    def held_up(event):
        cpu.now += (taken := next(times))
        wall.now += 10 + taken

    observers.subscribe(held_up)
    wall.now, cpu.now = 100.0, 3.0
    observers.deliver(EVENT)
    with pytest.warns(RuntimeWarning, match="took 51 ms"):
        observers.deliver(EVENT)


def test_S13_2_what_the_run_did_before_is_not_the_observers():
    """CPU time is read once a millisecond at most, and what came between is not counted."""
    wall, cpu = Clock(), Clock()
    observers = Observers(wall, cpu)

    def waits(event):
        wall.now += 0.06

    observers.subscribe(lambda event: None)
    observers.deliver(EVENT)
    wall.now += MARK_SECONDS
    cpu.now += MARK_SECONDS
    observers.subscribe(waits)
    observers.deliver(EVENT)
    cpu.now += 1.0
    wall.now += 1.0
    observers.deliver(EVENT)


def test_S13_2_a_real_observer_that_computes_is_named_and_one_that_waits_is_not():
    observers = Observers()

    def computes(event):
        until = time.thread_time() + 0.06
        while time.thread_time() < until:
            pass

    observers.subscribe(lambda event: time.sleep(0.06))
    observers.subscribe(computes)
    with pytest.warns(RuntimeWarning, match="computes") as told:
        observers.deliver(EVENT)
    assert len(told) == 1


def test_S13_2_where_warnings_are_errors_a_slow_observer_is_dropped(caplog):
    clock = Clock()
    observers, seen = Observers(clock, clock), []

    def slow(event):
        seen.append(event)
        clock.now += 1

    observers.subscribe(slow)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        observers.deliver(EVENT)
        observers.deliver(EVENT)
    assert seen == [EVENT]
    assert "RuntimeWarning" in caplog.text


async def test_S13_2_no_observer_can_hurt_a_run(caplog):
    agent, seen = Agent("tests"), []
    agent.add_state("first", lambda context: "second", next=["second"])
    agent.add_state("second", lambda context: None, next=[])
    agent.subscribe(raising(ValueError("oops")))
    agent.subscribe(raising(asyncio.CancelledError()))
    agent.subscribe(seen.append)
    result = await agent.run()
    assert result.status is AgentStatus.COMPLETED
    assert [event.seq for event in seen] == list(range(1, len(seen) + 1))
    assert isinstance(seen[0], ev.RunStarted)
    assert isinstance(seen[-1], ev.RunCompleted)
    assert len(caplog.records) == 2


async def test_S13_1_an_observer_may_unsubscribe_in_the_midst_of_a_run():
    agent, seen = Agent("tests"), []

    @agent.state
    async def only(context):
        stop()

    stop = agent.subscribe(seen.append)
    await agent.run()
    assert [event.kind for event in seen] == ["RunStarted", "StateStarted"]
