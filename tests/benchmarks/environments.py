"""Who takes part, and an environment of its own for each peer."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Contender:
    """One column of the table.

    Args:
        module: Its module in `contenders`.
        title: What stands in the table.
        package: What is installed from the index, one or several; None for what runs in this
            environment.
        start: A program from the import to the end of a run of one state.
    """

    module: str
    title: str
    package: str | None
    start: str


BARE = Contender(
    "bare",
    "bare asyncio",
    None,
    """
import asyncio
async def state(): return None
async def main(): await asyncio.create_task(state())
asyncio.run(main())
""",
)

OURS = Contender(
    "ours",
    "fluffy-nb",
    None,
    """
from fluffy_agent import Agent, RetryPolicy, TypedContextData
import asyncio
async def state(context): return None
agent = Agent("one")
agent.add_state("state", state)
asyncio.run(agent.run())
""",
)

WATCHED = Contender("watched", "with an observer", None, "")

PEERS = (
    Contender(
        "langgraph",
        "langgraph",
        "langgraph",
        """
from typing import TypedDict
from langgraph.graph import END, START, StateGraph
import asyncio
class State(TypedDict):
    count: int
async def state(values): return None
graph = StateGraph(State)
graph.add_node("state", state)
graph.add_edge(START, "state")
graph.add_edge("state", END)
asyncio.run(graph.compile().ainvoke({"count": 0}))
""",
    ),
    Contender(
        "burr",
        "apache-burr",
        "apache-burr[tracking-client]",  # its parallel actions are not importable without
        """
from burr.core import ApplicationBuilder, action
import asyncio
@action(reads=[], writes=[])
async def state(state): return state
app = ApplicationBuilder().with_actions(state=state).with_entrypoint("state").build()
asyncio.run(app.arun(halt_after=["state"]))
""",
    ),
    Contender(
        "pydantic_graph",
        "pydantic-graph",
        "pydantic-graph",
        """
from pydantic_graph import GraphBuilder
import asyncio
builder = GraphBuilder(auto_instrument=False)
@builder.step
async def state(context): return None
builder.add(builder.edge_from(builder.start_node).to(state))
builder.add(builder.edge_from(state).to(builder.end_node))
asyncio.run(builder.build().run())
""",
    ),
    Contender(
        "puffinflow",
        "puffinflow",
        "puffinflow",
        """
from puffinflow import Agent
import asyncio
async def state(context): return None
agent = Agent("one")
agent.add_state("state", state)
asyncio.run(agent.run())
""",
    ),
)

TIMED = """
import resource, sys, time
def peak():
    try:  # getrusage counts what the process had been before its exec: its parent
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
began = time.process_time()
{program}
took = time.process_time() - began
after = peak()
sys.__stdout__.write(f"\\n{{took}} {{after - before}}")
"""


def surroundings() -> dict[str, str]:
    """The environment variables of a contender: ours is found in this tree, nothing phones home."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "fluffy_nb/_alias")])
    return {
        **os.environ,
        "PYTHONPATH": path,
        "DO_NOT_TRACK": "1",
        "HAMILTON_TELEMETRY_ENABLED": "0",
    }


def python_of(contender: Contender, folder: Path | None) -> str | None:
    """The interpreter of a contender; a peer's environment is made where it is not there yet.

    Returns:
        Its path; None where the environment can't be made, which is said.
    """
    if contender.package is None or folder is None:
        return sys.executable
    environment = folder / contender.title
    python = environment / "bin" / "python"
    ready = environment / "ready"  # one that was interrupted is made anew
    if not ready.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
            packages = contender.package.split()
            subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
        except (subprocess.CalledProcessError, OSError) as problem:
            sys.stderr.write(f"{contender.title} is left out, it can't be installed: {problem}\n")
            return None
        ready.touch()
    return str(python)


def version_of(contender: Contender, python: str) -> str:
    """The version that is installed."""
    if contender.package is None:
        return ""
    ask = f"import importlib.metadata as m; print(m.version({contender.title!r}))"
    done = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True)
    return done.stdout.strip()
