"""Recorded runs: their events lead to the positions that were recorded, and come again.

Where an event no longer leads to the position that was recorded, files that earlier versions wrote
are read as something else. README.md beside this says what to do then.
"""

from __future__ import annotations

import pytest

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.machine import Machine
from fluffy_nb.engine.progress import progress_of
from fluffy_nb.journal.graphs import graph_from, topology_of

from .flows import SCENARIOS
from .recorder import FOLDER, changes, plain, read, record

TIMES = {"time", "retry_at", "deadline", "completed"}
"""What events say of moments."""

LARGEST = 64_000
"""Bytes of a recording: a newcomer can read one."""


def test_every_flow_is_recorded_and_no_recording_is_large():
    assert {file.stem for file in FOLDER.glob("*.json")} == set(SCENARIOS)
    assert max(file.stat().st_size for file in FOLDER.glob("*.json")) < LARGEST


def test_every_kind_of_event_is_recorded():
    """A new kind of event needs a flow here."""
    recorded = {m["event"]["kind"] for name in SCENARIOS for each in read(name) for m in each}
    assert set(ev.KINDS) - recorded == OF_FILES


OF_FILES = {"Saved", "SaveFailed"}
"""What only a run that is kept in a file tells; they move nothing."""


@pytest.mark.parametrize("name", SCENARIOS)
def test_S13_1_recorded_events_lead_to_the_recorded_positions(name):
    for moments in read(name):
        machine, position = None, {}
        for moment in moments:
            if "graph" in moment:
                topology = topology_of(graph_from(moment["graph"]))
                if machine is None:
                    machine = Machine(topology)
                else:
                    machine.set_topology(topology)
            event = ev.from_dict(moment["event"])
            machine.apply(event)
            after = plain(progress_of(machine))
            assert changes(position, after) == moment["changes"], event
            position = after


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_recorded_run_happens_again(name):
    def told(machines):
        return [[details(moment["event"]) for moment in moments] for moments in machines]

    assert told(record(SCENARIOS[name])) == told(read(name))


def details(event):
    """What an event says, without moments and ids of prompts.

    A field that is newer than the recording has its default: that is what readers of files take.
    """
    event = plain(ev.from_dict(event).to_dict())
    if event["kind"] == "RunRestored":  # its position is compared by the other test
        event = {key: value for key, value in event.items() if key != "progress"}
    return {key: value for key, value in event.items() if key not in {*TIMES, "prompt"}}
