import threading
import time

import pytest

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.check import Note
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.widgets.controls import ALLOWED, MOST_NOTES, VERBS, ControlsWidget

from .fakes import FakeAgent


@pytest.fixture
def agent():
    return FakeAgent("draft", "approve", "publish")


@pytest.fixture
def controls(agent):
    return ControlsWidget(agent)


# ---------------------------------------------------------------- buttons


@pytest.mark.parametrize("verb", VERBS)
def test_a_button_asks_for_its_verb(wire, agent, controls, verb):
    wire.say(controls, kind="verb", verb=verb)
    assert agent.requests == [verb]


@pytest.mark.parametrize("content", [{"kind": "verb", "verb": "close"}, {"kind": "other"}, {}])
def test_other_messages_ask_for_nothing(wire, agent, controls, content):
    wire.say(controls, **content)
    assert agent.requests == []


@pytest.mark.parametrize("status", AgentStatus)
def test_every_status_allows_some_buttons_of_those_there_are(agent, status):
    agent.status = status
    controls = ControlsWidget(agent)
    assert controls.allowed == list(ALLOWED[status])
    assert controls.allowed
    assert set(controls.allowed) <= set(VERBS)


def test_S9_2_what_has_failed_or_was_cancelled_can_be_resumed_and_what_is_complete_can_not():
    able = {status for status, verbs in ALLOWED.items() if "resume" in verbs}
    assert able == {AgentStatus.PAUSED, AgentStatus.FAILED, AgentStatus.CANCELLED}


def test_what_a_button_came_to_is_in_the_notice(wire, agent, controls):
    wire.say(controls, kind="verb", verb="run")
    agent.notice = "agent 'review' has no states"
    agent.asked[0].set_result(None)
    assert controls.notice == "agent 'review' has no states"


def test_the_next_button_clears_it(wire, controls):
    controls.report(ValueError("old"))
    wire.say(controls, kind="verb", verb="pause")
    assert controls.notice == ""


def test_a_message_in_another_thread_is_heard_and_its_error_shown(wire, agent, controls):
    agent.request = lambda verb: 1 / 0
    press = {"kind": "verb", "verb": "run"}
    thread = threading.Thread(target=wire.say, args=(controls,), kwargs=press)
    thread.start()
    thread.join()
    assert controls.notice == "division by zero"


def test_an_error_without_words_is_named(controls):
    controls.report(KeyError())
    assert controls.notice == "KeyError"


# ---------------------------------------------------------------- what is shown


def test_counts_follow_the_run(agent, controls):
    agent.begin()
    agent.enter("draft")
    agent.leave("draft", "approve")
    agent.enter("approve")
    assert controls.status == "RUNNING"
    assert (controls.done, controls.total, controls.executions) == (1, 3, 2)
    agent.begin()
    assert (controls.done, controls.executions) == (0, 0)


def test_a_state_that_was_removed_since_is_not_counted_as_done(agent, controls):
    agent.begin()
    agent.completed_states = frozenset({"draft", "gone"})
    agent.emit(ev.GraphChanged, ("gone",))
    agent.end()
    assert (controls.done, controls.total) == (1, 3)


def test_a_failure_is_in_the_notice_until_the_run_goes_on(agent, controls):
    agent.begin()
    agent.end(ev.RunFailed, AgentStatus.FAILED, "state 'draft' failed")
    assert controls.notice == "state 'draft' failed"
    agent.status = AgentStatus.RUNNING
    agent.emit(ev.RunResumed)
    assert controls.notice == ""


def test_controls_made_after_a_failure_tell_it(agent):
    agent.status = AgentStatus.FAILED
    agent.state_metadata["draft"].error = "ValueError: no"
    assert ControlsWidget(agent).notice == "state 'draft' failed: ValueError: no"


def test_why_a_run_was_cancelled_is_told(agent, controls):
    agent.begin()
    agent.end(ev.RunCancelled, AgentStatus.CANCELLED, "its time was up")
    assert controls.notice == "The run was cancelled: its time was up."


# ---------------------------------------------------------------- the clock


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def test_while_it_runs_the_page_gets_a_beginning_and_no_ticks(wire, agent, controls, clock):
    agent.begin()
    assert controls.since == 1000.0
    wire.clear()
    clock[0], agent.duration = 1005.0, 5.01
    agent.enter("draft")
    assert all("since" not in message["state"] for message in wire.of(controls))


def test_after_a_pause_the_beginning_moves(agent, controls, clock):
    agent.begin()
    clock[0], agent.duration = 1060.0, 2.5
    agent.emit(ev.RunResumed)
    assert controls.since == 1057.5


def test_when_it_does_not_run_the_clock_stands(agent, controls, clock):
    agent.begin()
    agent.duration = 3.25
    agent.end(ev.RunPaused, AgentStatus.PAUSED)
    assert (controls.since, controls.elapsed) == (None, 3.25)


def test_before_a_run_there_is_no_time(controls):
    assert (controls.since, controls.elapsed) == (None, None)


# ---------------------------------------------------------------- how much is sent


def test_many_events_are_one_message(wire, agent, loop):
    controls = ControlsWidget(agent)
    agent.begin()
    loop.advance(1)
    wire.clear()
    for _ in range(1000):
        agent.enter("draft")
        agent.leave("draft")
    loop.advance(0.01)
    assert len(wire.of(controls)) == 1
    assert controls.executions == 1000


def test_an_event_that_changes_nothing_here_sends_nothing(wire, agent, controls):
    agent.begin()
    wire.clear()
    agent.emit(ev.StateQueued, 1, "draft", ())
    assert wire.of(controls) == []


def test_closed_they_observe_no_more(agent, controls):
    controls.close()
    assert agent.observers == []
    controls.close()


def test_the_text_form_holds_no_address(agent, controls):
    agent.begin()
    assert repr(controls) == "ControlsWidget(review: RUNNING)"


# ---------------------------------------------------------------- what looks wrong before a run


def test_S6_3_what_looks_wrong_is_there_before_the_run_and_goes_when_it_is_mended(agent):
    agent.wrong = (Note("draft", "can lead to 'aprove', which is no state", serious=True),)
    controls = ControlsWidget(agent)
    told = {"state": "draft", "text": "can lead to 'aprove', which is no state", "serious": True}
    assert controls.notes == [told]
    agent.wrong = ()
    agent.emit(ev.GraphChanged, ("draft",))
    assert controls.notes == []


def test_many_notes_are_counted(agent):
    agent.wrong = tuple(Note(f"s{n}", "is never reached") for n in range(MOST_NOTES + 7))
    *_, last = ControlsWidget(agent).notes
    assert last["text"].startswith("and 7 more")
