"""The buttons that steer a run, and one line each for its status, progress and notices."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import traitlets as t

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import class_of, text_of
from fluffy_nb.widgets.assets import script, style
from fluffy_nb.widgets.pace import Pace
from fluffy_nb.widgets.plain import PlainWidget

if TYPE_CHECKING:
    from fluffy_nb.agent import Agent, Pictured

VERBS = ("run", "pause", "step", "resume", "cancel")

_A = AgentStatus
ALLOWED: Mapping[AgentStatus, tuple[str, ...]] = {
    _A.IDLE: ("run", "step"),
    _A.RUNNING: ("pause", "cancel"),
    _A.PAUSED: ("step", "resume", "cancel"),
    _A.COMPLETED: ("run", "step"),
    _A.FAILED: ("run", "step", "resume"),
    _A.CANCELLED: ("run", "step", "resume"),
}
"""The verbs that make sense in each status (semantics 9)."""

MOST_NOTES = 50
"""More things that look wrong than this are counted only."""

SAME_MOMENT = 0.1
"""Seconds."""


class ControlsWidget(PlainWidget):
    """Run, pause, step, resume and cancel; status, progress, elapsed time, notices.

    Args:
        agent: Whose controls.
    """

    _esm = script("common", "controls")
    _css = style("common", "controls")

    status = t.Unicode(_A.IDLE.value).tag(sync=True)
    allowed = t.List(t.Unicode()).tag(sync=True)
    steers = t.Bool(True, help="Whether there are buttons.").tag(sync=True)
    where = t.Unicode(help="Who executes the run, where it is not this kernel.").tag(sync=True)
    done = t.Int(0, help="States that have completed.").tag(sync=True)
    total = t.Int(0, help="States there are.").tag(sync=True)
    executions = t.Int(0).tag(sync=True)
    since = t.Float(
        None, allow_none=True, help="While the clock ticks: when it began, epoch seconds."
    ).tag(sync=True)
    elapsed = t.Float(None, allow_none=True, help="Seconds, where the clock stands.").tag(sync=True)
    notes = t.List(
        t.Dict(), help="What looks wrong before a run: state, text, whether it is serious."
    ).tag(sync=True)
    notice = t.Unicode(help="An error, or what came of a button.").tag(sync=True)

    def __init__(self, agent: Pictured) -> None:
        self._agent = agent
        self._lock = threading.RLock()  # around what is sent: reports come in any thread
        self._notice = _failures(agent)
        self._changed = set(agent.states)
        self._executions: dict[str, int] = {}
        self._done: set[str] = set()  # states that have completed
        self._look = True  # at what looks wrong
        self._recount = True  # the states that have completed
        self._pace = Pace(self._paint)
        super().__init__(label=agent.name, steers=agent.steers)
        self._paint()
        self.on_msg(self._receive)
        self._unsubscribe = agent.subscribe(self._note)

    def report(self, problem: Exception) -> None:
        """Show an error in the line for notices; from any thread.

        Args:
            problem: What went wrong.
        """
        self._say(text_of(problem) or class_of(problem))

    def about(self) -> str:
        """What the text form says in its parentheses."""
        return f"{self.label}: {self.status}"

    def close(self) -> None:
        """Stop observing the agent."""
        if self.comm is None:
            return  # closed before
        self._unsubscribe()
        self._pace.stop()
        super().close()

    # ------------------------------------------------------------ from the agent

    def _note(self, event: ev.Event) -> None:
        match event:
            case ev.RunStarted() | ev.RunRestored():
                self._notice, self._look = "", True
                self._executions.clear()
                self._changed.update(self._agent.states)
                self._recount = True
            case ev.RunResumed():
                self._notice = ""
            case ev.RunFailed():
                self._notice = event.error
            case ev.RunCancelled():
                self._notice = f"The run was cancelled: {event.reason}."
            case ev.GraphChanged():
                self._look = self._recount = True
            case ev.StateStarted():
                self._changed.add(event.state)
            case ev.StateCompleted() | ev.StateReused() if event.state in self._agent.states:
                self._done.add(event.state)
        self._pace.after(event)

    def _paint(self) -> None:
        agent = self._agent
        changed, self._changed = self._changed, set()
        metadata = agent.state_metadata
        for name in changed & metadata.keys():
            self._executions[name] = metadata[name].executions
        with self._lock, self.hold_sync():
            self.status, self.allowed = agent.status.value, list(ALLOWED[agent.status])
            if self._recount:
                self._recount = False
                self._done = {*(agent.completed_states & agent.states.keys())}
            self.done = len(self._done)
            self.total = len(agent.states)
            self.executions = sum(self._executions.values())
            self._set_time(agent.duration)
            self.notice, self.where = self._notice, agent.where
            if self._look:
                self._look = False
                self.notes = _notes(agent)

    def _set_time(self, seconds: float | None) -> None:
        if seconds is not None and self.status == _A.RUNNING:
            since = time.time() - seconds
            # The page needs no message for a moment's difference between two clocks.
            if self.since is None or abs(since - self.since) > SAME_MOMENT:
                self.since = since
        else:
            self.since, self.elapsed = None, seconds

    # ------------------------------------------------------------ from the page, in any thread

    def _receive(self, _: object, content: Any, __: object) -> None:
        match content:
            case {"kind": "verb", "verb": verb} if verb in VERBS and self.steers:
                self._request(verb)

    def _request(self, verb: str) -> None:
        self._say("")
        agent = cast("Agent", self._agent)  # what can be steered is one
        try:
            asked = agent.request(verb)
        except Exception as problem:  # noqa: BLE001 - shown to the person who pressed the button
            self.report(problem)
        else:
            asked.add_done_callback(lambda _: self._say(agent.notice) if agent.notice else None)

    def _say(self, text: str) -> None:
        with self._lock:
            self._notice = self.notice = text


def _notes(agent: Pictured) -> list[dict[str, Any]]:
    """What looks wrong with a flow, the serious things first."""
    found = agent.check()
    notes = [{"state": n.state, "text": n.text, "serious": n.serious} for n in found[:MOST_NOTES]]
    if len(found) > MOST_NOTES:
        more = f"and {len(found) - MOST_NOTES} more: agent.check() has them all"
        notes.append({"state": "", "text": more, "serious": False})
    return notes


def _failures(agent: Pictured) -> str:
    """What a view that is made after a failure has to say of it."""
    if agent.status is not _A.FAILED:
        return ""
    errors = {name: data.error for name, data in agent.state_metadata.items() if data.error}
    return "\n".join(f"state {name!r} failed: {error}" for name, error in errors.items())
