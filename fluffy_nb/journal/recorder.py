"""Keeps one run in a store, as it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.checkpoint import unsaved
from fluffy_nb.engine.codecs import UnsavableError, encode, is_unicode
from fluffy_nb.engine.copying import copied
from fluffy_nb.errors import CheckpointError, shortened
from fluffy_nb.journal.delta import NUMBER, Delta
from fluffy_nb.journal.graphs import ITEM, graph_data
from fluffy_nb.journal.store import AsItIs, Row, RunInfo, Store, Value
from fluffy_nb.journal.writer import Writer

if TYPE_CHECKING:
    from fluffy_nb.engine.runner import Runner

ENDS = {ev.StateCompleted, ev.StateFailed, ev.StateCancelled, ev.StateReused}
"""Events that are kept together with those of the same moment, before what follows them."""

AT_ONCE = {
    ev.RunStarted,
    ev.RunRestored,
    ev.RunResumed,
    ev.RunPaused,
    ev.RunCompleted,
    ev.RunFailed,
    ev.RunCancelled,
    ev.PromptAnswered,
    ev.DoneOnce,
    ev.Saved,
}
"""Events that are kept before anybody hears of them."""

GRAPHS = {ev.RunStarted, ev.RunRestored, ev.GraphChanged}
"""Events with which the graph that is kept is another."""

TOLD_SECONDS = 0.25
"""What happens between two ends is written after so long: whoever watches the file sees it live."""

STOPS = {ev.RunPaused, ev.RunCompleted, ev.RunFailed, ev.RunCancelled}


class Recorder(Writer):
    """A run's keeper: makes rows of what happens, and has them written.

    What can't be saved is reported, and stays here until it can.

    Args:
        runner: The run.
        info: What the store is told of it.
        store: Where it is kept.
        interval: Seconds between what is kept of states that still run; None keeps nothing.
        is_known: Whether the store has the run already.
    """

    def __init__(
        self,
        runner: Runner,
        info: RunInfo,
        store: Store,
        interval: float | None = None,
        *,
        is_known: bool = False,
    ) -> None:
        super().__init__(runner, info, store, is_known=is_known)
        self._delta = Delta(runner, self._encode)
        self._events: list[ev.Event] = []
        self._keys: dict[str, None] = {}
        self._is_new_graph = False
        self._interval = interval
        self._timer: asyncio.TimerHandle | None = None
        self._telling: asyncio.TimerHandle | None = None
        self.checkpoints = 0
        self._written_number = 0  # the number of the last checkpoint that a row tells

    def go_on_from(
        self, items: Iterable[str], keys: Iterable[str], last: Row, *, is_standing: bool
    ) -> None:
        """The store has rows of this run.

        Args:
            items: What they tell of and is not gone.
            keys: The keys of the context that they tell of.
            last: The last of them.
            is_standing: Whether they tell that the run stands still: then taking it up changes
                nothing.
        """
        self._delta.forget(items)
        self._keys.update(dict.fromkeys(keys))
        self._written_seq = last.seq
        self._is_only_taken_up = is_standing

    def leave(self) -> None:
        """Nobody goes on with the run here: let others execute it."""
        self._stop_timers()
        super().leave()

    # ------------------------------------------------------------ what happens

    def note(self, event: ev.Event) -> None:
        """Take in what has happened."""
        if self._refused is not None:
            return  # another process has the run
        kind = type(event)
        self._events.append(event)
        self._delta.note(event)
        if kind in GRAPHS and not self._store.keeps_objects:
            self._is_new_graph = True
        if kind in ENDS:
            self._keys.update(dict.fromkeys(getattr(event, "written", ())))
            self._keys.update(dict.fromkeys(getattr(event, "removed", ())))
            self.checkpoints += 1
            self._add(event, event.state)  # type: ignore[attr-defined]  # all of these have one
            self._write_soon()
        elif kind in AT_ONCE:
            if kind in {ev.RunStarted, ev.RunRestored}:
                self._keys.update(dict.fromkeys(self._runner.shared.values))
            self._add(event, "")
            if kind is not ev.RunRestored:
                self._is_only_taken_up = False
            if kind in STOPS:
                self._wants_hold = False
                self._stop_timers()
            self._is_ended_here = kind is ev.RunCancelled
            self._write(last=kind in STOPS)
        elif isinstance(event, ev.CompletionTakenOver):
            self._keys.update(dict.fromkeys(self._runner.kept[event.state].values))
        elif self._telling is None and self._wants_hold and not self._is_still():
            self._telling = self._runner.loop.call_later(TOLD_SECONDS, self._tell)
        if kind in {ev.RunStarted, ev.RunResumed}:
            self.goes_on = False  # it is active
            self._save_later()

    def _is_still(self) -> bool:
        return self._is_only_taken_up or self._store.keeps_objects

    def _tell(self) -> None:
        """Write what has happened since the last end, for those who watch the file."""
        self._telling = None
        if self._events:
            self._add(self._events[-1], "")
            self._write_soon()

    def _stop_timers(self) -> None:
        for timer in (self._timer, self._telling):
            if timer is not None:
                timer.cancel()
        self._telling = None

    def _save_later(self) -> None:
        if self._interval is not None:
            self._timer = self._runner.loop.call_later(self._interval, self._save)

    def _save(self) -> None:
        """Keep what states that still run have written so far (semantics 12.8)."""
        self._save_later()
        for context in self._runner.work.contexts():
            self._keys.update(dict.fromkeys([*context.written, *context.removed]))
        if self._keys:
            self._runner.emit(ev.Saved)

    def _add(self, event: ev.Event, state: str) -> None:
        """Make a row of all since the last."""
        keys, self._keys = self._keys, {}
        values: dict[str, Value | None] = {}
        for key in keys:
            self._unsavable.pop(key, None)
            try:
                values[key] = self._value(key)
            except UnsavableError as problem:
                self._unsavable[key] = key
                self._has_gap = True
                writer = self._runner.shared.writers[key].state
                self._report(unsaved(key, problem, writer))
        try:
            progress = self._delta.take()
        except UnsavableError as problem:
            what = f"what a state was sent or did once holds {problem}, which can't be saved"
            self._has_gap = True
            self._report(CheckpointError(what, "send and return what can be saved"))
            return  # all stays as it is until the next row
        if self._is_new_graph:
            self._is_new_graph = False
            progress[ITEM] = graph_data(self._runner.routes.graph(self._runner.machine.starts))
        if self.checkpoints != self._written_number:
            self._written_number = progress[NUMBER] = self.checkpoints
        row = Row(
            event.seq,
            event.time,
            state,
            str(self._runner.machine.status),
            tuple(
                self._events if self._store.keeps_objects else map(self._event_data, self._events)
            ),
            progress,
            values,
        )
        self._events = []
        self._add_row(row)

    def _add_all(self) -> None:
        """Make one row of all that is known of the run, in place of those that wait."""
        events = self._runner.history
        if not events:
            return
        self._lacks_all, self._tells_all = False, not self._store.keeps_objects
        self._rows.clear()
        self._delta.tell_all()
        self._written_number = -1
        self._is_new_graph = not self._store.keeps_objects
        self._events = list(events)
        self._keys = dict.fromkeys(self._runner.shared.values)
        self._add(events[-1], "")

    def _event_data(self, event: ev.Event) -> dict[str, Any]:
        """An event as plain data, without what stands in its row anyway."""
        data = event.to_dict()
        if isinstance(event, ev.RunRestored):
            data["progress"] = {}
        for to in data.get("next", ()):
            if isinstance(to, dict):
                to["inputs"] = {key: self._told(value) for key, value in to["inputs"].items()}
        return data

    def _told(self, value: object) -> Any:
        try:
            return self._encode(value)
        except UnsavableError:
            return self._runner.shared.secrets.masked(shortened(value))

    def _value(self, key: str) -> Value | None:
        shared = self._runner.shared
        with shared.lock:
            if key not in shared.values:
                return None
            value, writer = shared.values[key], shared.writers[key]
        buffers: list[bytes] = []
        try:
            if not is_unicode(key):
                raise UnsavableError("a key that is no Unicode")  # noqa: TRY301 - as its value's
            return Value(encode(value, buffers), tuple(buffers), writer)
        except UnsavableError:
            if not self._store.keeps_objects:
                raise
            return Value(AsItIs(copied(value)), (), writer)

    def _encode(self, value: object) -> Any:
        return copied(value) if self._store.keeps_objects else encode(value)
