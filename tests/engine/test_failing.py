"""Semantics 8.1 to 8.4: retries, timeouts of states, handlers, failure."""

from __future__ import annotations

import asyncio
import threading

import pytest

from fluffy_nb import Agent, AgentStatus, RetryPolicy, StateStatus
from fluffy_nb.engine import events as ev
from fluffy_nb.errors import InvalidSpecError, StateError, StateTimeoutError, UnknownStateError

from .scripted import Script, settled

AT_ONCE = RetryPolicy(max_retries=2, initial_delay=0)


class Clock:
    """The loop's timers, which the test lets go off one by one; nothing waits for real time."""

    def __init__(self, monkeypatch):
        self.loop = asyncio.get_running_loop()
        self.timers = []
        self.now = self.loop.time()
        monkeypatch.setattr(self.loop, "time", lambda: self.now)
        monkeypatch.setattr(self.loop, "call_later", self._call_later)

    def _call_later(self, delay, callback, *arguments, context=None):
        handle = asyncio.TimerHandle(self.now + delay, callback, arguments, self.loop, context)
        self.timers.append(handle)
        return handle

    @property
    def due(self):
        """Seconds until each timer that was not cancelled."""
        left = [t for t in self.timers if not t.cancelled()]
        return sorted(round(timer.when() - self.now, 6) for timer in left)

    async def advance(self, seconds):
        await settled()
        self.now += seconds
        for timer in [t for t in self.timers if not t.cancelled() and t.when() <= self.now]:
            self.timers.remove(timer)
            timer._run()
        await settled()


@pytest.fixture
async def clock(monkeypatch):
    return Clock(monkeypatch)


# ---------------------------------------------------------------- 8.1 retries


@pytest.mark.parametrize(("failures", "status"), [(2, "COMPLETED"), (3, "FAILED")])
async def test_S8_1_at_most_one_attempt_more_than_retries(failures, status):
    script = Script()
    calls = script.add("s", failures=failures, retry_policy=AT_ONCE)
    if status == "FAILED":
        with pytest.raises(StateError, match="attempt 3"):
            await script.agent.run()
    else:
        await script.agent.run()
    assert calls == [1, 2, 3]
    assert script.agent.status == status
    assert script.agent.state_metadata["s"].attempts == 3
    assert script.agent.state_metadata["s"].executions == 1


async def test_S8_1_no_policy_is_one_attempt():
    script = Script()
    calls = script.add("s", failures=1)
    with pytest.raises(StateError):
        await script.agent.run()
    assert calls == [1]


def test_S8_1_delays_grow_up_to_the_largest():
    policy = RetryPolicy(initial_delay=1, exponential_base=3, max_delay=10, jitter=False)
    assert [policy.delay(n) for n in (1, 2, 3, 4)] == [1, 3, 9, 10]
    assert policy.delay(100_000) == 10
    assert RetryPolicy(initial_delay=0, jitter=False).delay(100_000) == 0


def test_S8_1_jitter_is_between_half_and_all():
    policy = RetryPolicy(initial_delay=8, max_delay=8)
    delays = [policy.delay(1) for _ in range(200)]
    assert 4 <= min(delays) < 5
    assert 7 < max(delays) <= 8


async def test_S8_1_the_next_attempt_comes_after_the_delay(clock):
    script = Script()
    policy = RetryPolicy(max_retries=2, initial_delay=5, jitter=False)
    calls = script.add("s", failures=2, retry_policy=policy)
    run = script.agent.start()
    await settled()
    assert (calls, clock.due) == ([1], [5])
    failed = script.of(ev.StateFailed)[0]
    assert failed.retry_at == pytest.approx(failed.time + 5)
    await clock.advance(4.9)
    assert calls == [1]
    await clock.advance(0.1)
    assert (calls, clock.due) == ([1, 2], [10])
    await clock.advance(10)
    assert (await run).status is AgentStatus.COMPLETED
    assert clock.due == []


async def test_S8_1_a_retry_that_waits_holds_no_slot(clock):
    script = Script(max_concurrent=1)
    script.add("s", failures=1, retry_policy=RetryPolicy(initial_delay=5, jitter=False))
    script.add("other")
    run = script.agent.start()
    await settled()
    assert script.ended == ["other"]
    assert "waits for the next" in script.agent.explain("s")
    await clock.advance(5)
    await run


async def test_S8_1_only_errors_worth_it_are_retried():
    for retry_on, attempts in (
        (ValueError, 2),
        ((KeyError, ValueError), 2),
        ([ValueError], 2),
        (KeyError, 1),
        (lambda error: "no" in str(error), 2),
        (lambda error: False, 1),
        (lambda error: 1 / 0, 1),
    ):
        script = Script()
        policy = RetryPolicy(max_retries=1, initial_delay=0, retry_on=retry_on)
        calls = script.add("s", failures=9, retry_policy=policy)
        with pytest.raises(StateError) as caught:
            await script.agent.run()
        assert len(calls) == attempts
    assert "retry_on raised ZeroDivisionError" in caught.value.__cause__.__notes__[0]


async def test_S4_5_a_wrong_name_is_not_retried():
    script = Script()
    calls = script.add("s", lambda _: "nowhere", next=["t"], retry_policy=AT_ONCE)
    script.add("t")
    with pytest.raises(UnknownStateError):
        await script.agent.run()
    assert calls == [1]


async def test_S8_1_a_pause_lets_the_delay_stand_still(clock):
    script = Script()
    policy = RetryPolicy(initial_delay=5, jitter=False)
    calls = script.add("s", failures=1, retry_policy=policy)
    run = script.agent.start()
    await clock.advance(3)
    await script.agent.pause()
    assert (await run).status is AgentStatus.PAUSED
    assert clock.due == []
    await clock.advance(100)
    assert calls == [1]
    resumed = asyncio.ensure_future(script.agent.resume())
    await settled()
    assert clock.due == [2]
    await clock.advance(2)
    assert (await resumed).status is AgentStatus.COMPLETED


async def test_S9_3_a_step_takes_its_execution_to_the_end_retries_included(clock):
    script = Script()
    policy = RetryPolicy(initial_delay=5, jitter=False)
    script.add("s", "t", failures=1, retry_policy=policy)
    script.add("t")
    step = asyncio.ensure_future(script.agent.step())
    await clock.advance(5)
    await step
    assert script.ended == ["s"]
    assert script.started == ["s", "s"]


async def test_S9_3_a_steps_retry_goes_on_although_others_came_before_it():
    script = Script()
    script.add("start", ["s", "other"])
    script.add("s", failures=1, retry_policy=AT_ONCE)
    script.add("other")
    await script.agent.step()
    await script.agent.step()
    assert script.ended == ["start", "s"]
    assert script.agent.priority_queue == ("other",)


async def test_S8_1_retries_are_counted_anew_after_a_resume():
    script = Script()
    calls = script.add("s", failures=4, retry_policy=AT_ONCE)
    with pytest.raises(StateError):
        await script.agent.run()
    await script.agent.resume()
    assert calls == [1, 2, 3, 4, 5]


async def test_S8_1_cancelling_leaves_no_timer(clock):
    script = Script()
    script.add("s", failures=9, retry_policy=RetryPolicy(initial_delay=5))
    run = script.agent.start()
    await settled()
    await script.agent.cancel_all()
    assert (await run).status is AgentStatus.CANCELLED
    assert clock.due == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_retries": -1}, "max_retries is -1"),
        ({"max_retries": 1.5}, "max_retries is 1.5"),
        ({"max_retries": True}, "max_retries is True"),
        ({"initial_delay": -1}, "initial_delay is -1"),
        ({"initial_delay": float("nan")}, "initial_delay is nan"),
        ({"max_delay": "1"}, "max_delay is '1'"),
        ({"max_delay": float("inf")}, "max_delay is inf"),
        ({"exponential_base": 0.5}, "a number from 1"),
        ({"exponential_base": False}, "a number from 1"),
        ({"retry_on": 5}, "retry_on is 5"),
        ({"retry_on": int}, "an exception class"),
        ({"retry_on": (ValueError, int)}, "an exception class"),
    ],
)
def test_S8_1_a_policy_outside_what_is_allowed_is_refused(settings, says):
    with pytest.raises(InvalidSpecError, match=says):
        RetryPolicy(**settings)


def test_S8_1_what_is_no_policy_is_refused():
    with pytest.raises(InvalidSpecError, match=r"a RetryPolicy\(max_retries"):
        Agent("tested").add_state("a", lambda context: None, retry_policy=3)


# ---------------------------------------------------------------- 8.2 timeouts


async def test_S8_2_an_attempt_that_takes_too_long_ends_timeout(clock):
    script = Script()
    script.add("s", gate=True, timeout=5)
    run = script.agent.start()
    await clock.advance(4.9)
    assert script.agent.status is AgentStatus.RUNNING
    await clock.advance(0.2)
    with pytest.raises(StateError, match="did not end within 5 s") as caught:
        await run
    assert isinstance(caught.value.__cause__, StateTimeoutError)
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert script.agent.state_metadata["s"].status is StateStatus.TIMEOUT
    assert script.of(ev.StateFailed)[0].timed_out


async def test_S8_2_it_is_retried_like_a_failure(clock):
    script = Script()
    calls = script.add("s", gate=True, timeout=5, retry_policy=AT_ONCE)
    run = script.agent.start()
    await clock.advance(5)
    await clock.advance(0)
    assert calls == [1, 2]
    script._gates["s"][1].set_result(None)
    assert (await run).status is AgentStatus.COMPLETED
    assert clock.due == []


async def test_S8_2_the_agents_timeout_is_for_states_without_their_own(clock):
    script = Script(state_timeout=5)
    script.add("own", gate=True, timeout=8)
    script.add("other", gate=True, next=[])
    run = script.agent.start()
    await settled()
    assert clock.due == [5, 8]
    await script.open("own")
    await clock.advance(5)
    with pytest.raises(StateError, match="'other' did not end within 5 s"):
        await run


async def test_S8_2_waiting_for_a_person_does_not_count(clock):
    script = Script(responder=lambda prompt: None)
    after = asyncio.Event()

    async def ask(context):
        await context.human_in_the_loop("well?", timeout=300)
        await after.wait()

    script.agent.add_state("ask", ask, timeout=60)
    run = script.agent.start()
    await clock.advance(0)
    assert clock.due == [300]
    await clock.advance(250)
    script.agent.prompts[0].answer("yes")
    await settled()
    assert clock.due == [60]
    after.set()
    assert (await run).status is AgentStatus.COMPLETED
    assert clock.due == []


async def test_S8_2_a_body_that_swallows_its_cancellation_has_timed_out_all_the_same(clock):
    script = Script()

    async def stubborn(context):
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            return "after"

    async def angry(context):
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            raise KeyError("cleanup")

    for body in (stubborn, angry):
        script.agent.add_state("s", body, next=["after"], timeout=5, replace=True)
        script.add("after", replace=True)
        run = script.agent.start()
        await clock.advance(5)
        with pytest.raises(StateError, match="did not end within 5 s"):
            await run


async def test_S8_2_a_plain_function_is_left_alone_when_its_time_is_up(clock):
    may_end, ended = threading.Event(), threading.Event()
    problems = []

    def slow(context):
        may_end.wait(10)
        try:
            context.set_state("late", 1)
        except RuntimeError as problem:
            problems.append(str(problem))
        ended.set()

    agent = Agent("tested")
    agent.add_state("slow", slow, timeout=5)
    run = agent.start()
    await clock.advance(5)
    with pytest.raises(StateError, match="did not end within 5 s"):
        await run
    may_end.set()
    assert ended.wait(10)
    assert "has ended" in problems[0]
    assert agent.context_values == {}


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "5", True])
def test_S8_2_a_timeout_that_is_none_is_refused(seconds):
    with pytest.raises(InvalidSpecError, match="timeout= of state 'a' is"):
        Agent("tested").add_state("a", lambda context: None, timeout=seconds)
    with pytest.raises(InvalidSpecError, match="state_timeout is"):
        Agent("tested", state_timeout=seconds)


# ---------------------------------------------------------------- 8.3 handlers, 8.4


async def test_S8_3_the_branch_goes_on_at_the_handler_which_finds_the_failure():
    script = Script()
    found = []
    error = ValueError("no")
    script.add("s", failures=9, error=error, on_error="mend", retry_policy=AT_ONCE)
    script.add("mend", lambda context: found.append(context.error) or "after", next=["after"])
    script.add("after", lambda context: found.append(context.error))
    result = await script.agent.run()
    assert found == [error, None]
    assert result.counts == {"s": 1, "mend": 1, "after": 1}
    assert script.agent.state_metadata["s"].status is StateStatus.FAILED
    assert "s" not in script.agent.completed_states
    assert script.agent.taken_edges["s", "mend"] == 1


async def test_S8_3_a_retried_handler_still_finds_it():
    script = Script()
    found = []

    async def mend(context):
        found.append(str(context.error))
        if len(found) == 1:
            raise KeyError

    script.add("s", failures=9, on_error="mend")
    script.agent.add_state("mend", mend, retry_policy=AT_ONCE)
    await script.agent.run()
    assert found == ["no", "no"]


async def test_S8_3_after_a_restore_the_text_of_the_failure_is_left():
    script = Script()
    found = []
    script.add("s", failures=9, on_error="mend")
    script.add("mend", lambda context: found.append(str(context.error)))
    await script.agent.step()
    checkpoint = script.agent.create_checkpoint()
    await script.agent.restore_from_checkpoint(checkpoint)
    await script.agent.run()
    assert found == ["ValueError: no"]


async def test_S8_3_a_handler_that_is_no_state_fails_the_run():
    script = Script()
    script.add("s", failures=1, on_error="mend")
    with pytest.warns(UserWarning, match="'mend', which is no state"), pytest.raises(StateError):
        await script.agent.run()


@pytest.mark.parametrize(("handler", "says"), [(5, "the name of a state"), ("s", "another state")])
def test_S8_3_what_can_not_be_a_handler_is_refused(handler, says):
    with pytest.raises(InvalidSpecError, match=says):
        Agent("tested").add_state("s", lambda context: None, on_error=handler)


async def test_S8_4_the_failures_of_others_are_notes():
    script = Script()
    script.add("a", gate=True, failures=1, error=ValueError("first"))
    script.add("b", gate=True, failures=1, error=KeyError("second"))
    run = script.agent.start()
    await script.open("a")
    assert script.agent.status is AgentStatus.RUNNING
    await script.open("b")
    with pytest.raises(StateError, match="first") as caught:
        await run
    assert "second" in caught.value.__notes__[0]
    await settled()


async def test_S8_4_a_retry_that_waits_is_left_for_the_resume(clock):
    script = Script()
    script.add("a", failures=1, retry_policy=RetryPolicy(initial_delay=5, jitter=False))
    script.add("b", gate=True, failures=1)
    run = script.agent.start()
    await script.open("b")
    with pytest.raises(StateError, match="'b'"):
        await run
    assert clock.due == []
    resumed = asyncio.ensure_future(script.agent.resume())
    await script.open("b")
    await clock.advance(5)
    assert (await resumed).counts == {"a": 1, "b": 1}
