"""Peers that keep their runs in SQLite: what that costs them, each in an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from .environments import Contender, python_of, surroundings, version_of

LANGGRAPH = Contender(
    "langgraph",
    "langgraph-checkpoint-sqlite",
    "langgraph langgraph-checkpoint-sqlite",
    """
from typing import TypedDict
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

class Values(TypedDict):
    large: str
    place: int

def state(place):
    def body(values):
        if place == 0:
            return {"large": "x" * size, "place": 0}
        if place == 1:
            began.append(time.perf_counter())
        return {"place": place}
    return body

graph = StateGraph(Values)
names = [START, *(f"s{place}" for place in range(number)), END]
for place in range(number):
    graph.add_node(f"s{place}", state(place))
for one, next in zip(names, names[1:]):
    graph.add_edge(one, next)
with SqliteSaver.from_conn_string(path) as saver:
    app = graph.compile(checkpointer=saver)
    for run in range(RUNS):
        settings = {"configurable": {"thread_id": str(run)}, "recursion_limit": number + 10}
        app.invoke({"place": 0}, settings, durability="sync")
        ended = time.perf_counter()
""",
)

BURR = Contender(
    "burr",
    "apache-burr",
    "apache-burr[tracking-client]",
    """
from burr.core import ApplicationBuilder, State, action
from burr.core.persistence import SQLitePersister

def state(place):
    @action(reads=[], writes=["large", "place"] if place == 0 else ["place"])
    def body(state: State) -> State:
        if place == 0:
            return state.update(large="x" * size, place=0)
        if place == 1:
            began.append(time.perf_counter())
        return state.update(place=place)
    return body

persister = SQLitePersister(path)
persister.initialize()
names = [f"s{place}" for place in range(number)]
for run in range(RUNS):
    app = (
        ApplicationBuilder()
        .with_actions(**{name: state(place) for place, name in enumerate(names)})
        .with_transitions(*zip(names, names[1:]))
        .with_entrypoint("s0")
        .with_identifiers(app_id=str(run))
        .with_state_persister(persister)
        .build()
    )
    app.run(halt_after=[names[-1]])
    ended = time.perf_counter()
""",
)

RUNS = 2
"""The first of them pays for what is done once; the second is timed."""

AROUND = """
import json, sys, time
from pathlib import Path
RUNS, number, size, path = {runs}, {number}, {size}, {path!r}
began = []
{program}
files = sum(file.stat().st_size for file in Path(path).parent.iterdir())
print("measured", json.dumps([(ended - began[-1]) / number, files / RUNS]))
"""


class Kept(NamedTuple):
    """What keeping a run took: seconds for each state, and bytes for the whole run."""

    seconds: float
    bytes: float


class Keeper(NamedTuple):
    """A peer that can be measured: its title with the version, its program, and who runs it."""

    title: str
    program: str
    python: str

    def measure(self, number: int, size: int) -> Kept:
        """A chain of states, of which the first writes a value that no other touches.

        Args:
            number: How many states.
            size: Characters of the value.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "runs.sqlite")
            code = AROUND.format(
                runs=RUNS, number=number, size=size, path=path, program=self.program
            )
            done = subprocess.run(
                [self.python, "-c", code],
                env=surroundings(),
                capture_output=True,
                text=True,
                check=False,
            )
        told = [line for line in done.stdout.splitlines() if line.startswith("measured ")]
        if not told:
            sys.stderr.write(done.stderr)
            raise RuntimeError(f"{self.title} can't be measured")
        return Kept(*json.loads(told[-1].removeprefix("measured ")))


def keepers(folder: Path | None) -> list[Keeper]:
    """The peers, as far as they can be installed; none without a folder.

    Args:
        folder: Where their environments are, or are made.
    """
    found = []
    for contender in (LANGGRAPH, BURR) if folder else ():
        python = python_of(contender, folder)
        if python is not None:
            title = f"{contender.title} {version_of(contender, python)}"
            found.append(Keeper(title, contender.start, python))
    return found
