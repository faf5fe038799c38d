"""A run as its rows tell it: the machine that the process has which executes it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.graph import StateGraph
from fluffy_nb.engine.machine import Machine
from fluffy_nb.engine.progress import restore
from fluffy_nb.engine.soundness import check_progress
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import StoreError
from fluffy_nb.journal.delta import progress_from
from fluffy_nb.journal.graphs import ITEM, graph_from, topology_of
from fluffy_nb.journal.reading import check_row
from fluffy_nb.journal.store import Row, RunInfo

MOST_ASKED = 200
"""Characters of a question that are shown."""

NO_GRAPH = StateGraph((), (), (), (), {}, {})
_CLOSED = (ev.PromptAnswered, ev.PromptExpired, ev.PromptWithdrawn)
_STOPS = (ev.RunPaused, ev.RunCompleted, ev.RunFailed, ev.RunCancelled)


class Replay:
    """Takes in the rows of a run, one after the other.

    Args:
        file: Where they are, for messages.
        info: The run.
    """

    def __init__(self, file: Path, info: RunInfo) -> None:
        self._file = file
        self._info = info
        self.machine: Machine | None = None
        """What the run has come to; None before its first row."""
        self.graph = NO_GRAPH
        """The run's graph, as it is written."""
        self.asked: dict[str, str] = {}
        """The open questions, by the ids of their prompts."""
        self.seq = 0
        """The number of the last row that was taken in."""
        self._items: dict[str, Any] = {}
        self._began: float | None = None
        self._active = 0.0
        self._is_rough = False  # the machine is made anew of the items after each row

    @property
    def duration(self) -> float:
        """Seconds the run was active."""
        return self._active + (0.0 if self._began is None else time.time() - self._began)

    def take(self, row: Row) -> list[ev.Event]:
        """Take in a row; returns its events.

        Raises:
            StoreError: It can't be understood, or there is no graph.
        """
        try:
            check_row(row)
            events = [ev.from_dict(data) for data in row.events]
            if row.progress.get(ITEM) is not None:
                self._set_graph(row.progress[ITEM])
            # Where the run was taken up and more came in this row, what was before is where from.
            is_folded = any(isinstance(event, ev.RunRestored) for event in events[:-1])
            before = dict(self._items) if is_folded else self._items
            self._items.update(row.progress)
            self._follow(row, events, before)
        except StoreError:
            raise
        except Exception as problem:  # whatever the machine says to such events
            raise StoreError(
                self._file,
                f"what run {self._info.id!r} wrote after event {row.seq} can't be understood here",
                "use the version of fluffy-nb that runs it",
            ) from problem
        self.seq = row.seq
        return events

    def leave(self) -> ev.Event:
        """The process that executed the run has died: it stands where it was last kept.

        Returns:
            An event for those who watch; the run itself has told of none.
        """
        self._began = None
        self._restore(self._items, AgentStatus.PAUSED)
        return ev.RunRestored(self.seq, time.time(), self._info.id, self._info.agent, {})

    def _set_graph(self, data: Mapping[str, Any]) -> None:
        self.graph = graph_from(data)
        if self.machine is not None:
            self.machine.set_topology(topology_of(self.graph))

    def _follow(self, row: Row, events: list[ev.Event], before: Mapping[str, Any]) -> None:
        """Let the machine go where the events lead; where it can't, to where the items say."""
        for event in events:
            self._clock(event)
            self._note_question(event)
        if not self._is_rough or any(isinstance(event, ev.RunRestored) for event in events):
            try:
                self._fold(events, before)
            except StoreError:
                raise
            except Exception:  # noqa: BLE001 - as above
                self._is_rough = True  # the file was not told of all that happened
            else:
                self._is_rough = False
        if self._is_rough:
            self._restore(self._items, row.status)

    def _fold(self, events: list[ev.Event], before: Mapping[str, Any]) -> None:
        for event in events:
            if isinstance(event, ev.RunStarted):
                self.machine = self._new_machine()
            if isinstance(event, ev.RunRestored):
                self._restore(before, AgentStatus.PAUSED)
            else:
                cast("Machine", self.machine).apply(event)  # the first event has made it

    def _new_machine(self) -> Machine:
        if self.graph is NO_GRAPH:
            raise StoreError(
                self._file,
                f"run {self._info.id!r} was kept by a version that kept no graphs",
                "load it, or watch one that was begun since",
            )
        return Machine(topology_of(self.graph))

    def _restore(self, items: Mapping[str, Any], status: str) -> None:
        """Let a new machine stand where the items say."""
        progress = progress_from(self._info.id, self._info.starts, items, _as_it_is)
        check_progress(progress)
        machine = self.machine = self._new_machine()
        restore(machine, self._info.id, asdict(progress))
        machine.status = AgentStatus(status)

    def _clock(self, event: ev.Event) -> None:
        if isinstance(event, (ev.RunStarted, ev.RunRestored)):
            self._active, self._began = 0.0, None
        if isinstance(event, (ev.RunStarted, ev.RunResumed)):
            self._began = event.time
        elif isinstance(event, _STOPS) and self._began is not None:
            self._active, self._began = self._active + event.time - self._began, None

    def _note_question(self, event: ev.Event) -> None:
        if isinstance(event, ev.PromptOpened):
            self.asked[event.prompt] = f"{event.state} asks there: {event.text[:MOST_ASKED]}"
        elif isinstance(event, _CLOSED):
            self.asked.pop(event.prompt, None)
        elif isinstance(event, ev.RunRestored):
            self.asked.clear()


def _as_it_is(data: Any) -> Any:
    return data
