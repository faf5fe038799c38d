"""Records a flow: every event that a machine takes in, and where the run stands after it.

What is recorded is the same each time: the clock is the fake one of `testing`, it begins at a fixed
time, and the ids of runs are replaced by "run-1", "run-2", in the order in which they are seen.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fluffy_nb import testing
from fluffy_nb.engine.machine import Machine
from fluffy_nb.engine.progress import progress_of
from fluffy_nb.engine.routes import Routes
from fluffy_nb.journal.graphs import graph_data

FOLDER = Path(__file__).parent / "recorded"
EPOCH = 1_000_000.0
"""The time at which every recording begins, in seconds."""

Data = dict[str, Any]
Scenario = Callable[[], Awaitable[None]]


class Recorder:
    """Takes note of all machines while a scenario runs; each stands for one run or its resuming.

    `machines` holds a list for each, in the order of their first events. An entry is a moment: the
    graph where it is new, the event, and what has changed of the position.
    """

    def __init__(self) -> None:
        self.machines: list[list[Data]] = []
        self._entries: dict[int, list[Data]] = {}
        self._kept: list[Machine] = []  # so that no id() is given twice
        self._positions: dict[int, Data] = {}
        self._graphs: dict[int, Data] = {}
        self._routes: dict[int, Routes] = {}

    def took_in(self, machine: Machine, event: Any) -> None:
        """Note an event that a machine has taken in."""
        key = id(machine)
        if key not in self._entries:
            self._kept.append(machine)
            self._entries[key] = []
            self.machines.append(self._entries[key])
        moment: Data = {}
        graph = plain(graph_data(self._routes[id(machine.root.topology)].graph(machine.starts)))
        if self._graphs.get(key) != graph:
            moment["graph"] = self._graphs[key] = graph
        position = plain(progress_of(machine))
        moment["event"] = plain(event.to_dict())
        moment["changes"] = changes(self._positions.get(key, {}), position)
        self._positions[key] = position
        self._entries[key].append(moment)

    def made(self, routes: Routes, topology: Any) -> None:
        """Note which routes a topology is of."""
        self._kept.append(topology)
        self._routes[id(topology)] = routes


def record(scenario: Scenario) -> list[list[Data]]:
    """Run a scenario on the fake clock; gives the moments of each of its machines."""
    recorder = Recorder()
    apply, topology = Machine.apply, Routes.topology

    def noted_apply(machine: Machine, event: Any) -> None:
        apply(machine, event)
        recorder.took_in(machine, event)

    def noted_topology(routes: Routes, *arguments: Any) -> Any:
        made = topology(routes, *arguments)
        recorder.made(routes, made)
        return made

    with ExitStack() as stack:
        stack.enter_context(patch.object(Machine, "apply", noted_apply))
        stack.enter_context(patch.object(Routes, "topology", noted_topology))
        stack.enter_context(patch.object(time, "time", lambda: EPOCH))
        testing.run(as_coroutine(scenario))
    return without_ids(recorder.machines)


async def as_coroutine(scenario: Scenario) -> None:
    await scenario()


def plain(value: Any) -> Any:
    """A value as it comes back from JSON."""
    return json.loads(json.dumps(value, default=dict))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Data:
    """The parts of a position that are not what they were."""
    return {key: value for key, value in after.items() if before.get(key) != value}


def without_ids(machines: list[list[Data]]) -> list[list[Data]]:
    """The moments with numbers in the place of the random ids of runs."""
    text = json.dumps(machines)
    for number, run_id in enumerate(dict.fromkeys(re.findall(r'"run_id": "(\w+)"', text)), 1):
        text = text.replace(run_id, f"run-{number}")
    return json.loads(text)


def write(name: str, why: str, machines: list[list[Data]]) -> None:
    """Write a recording: one line for each moment, so that a difference can be read."""
    lines = [
        "[\n" + ",\n".join(json.dumps(moment) for moment in moments) + "\n]" for moments in machines
    ]
    text = f'{{"about": {json.dumps(why)}, "machines": [\n' + ",\n".join(lines) + "\n]}\n"
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


def read(name: str) -> list[list[Data]]:
    """The moments of each machine of a recording."""
    data = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    machines: list[list[Data]] = data["machines"]
    return machines
