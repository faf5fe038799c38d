"""What keeping a run costs, beside the least it could: one SQLite INSERT for each state.

python -m tests.benchmarks.keeping                       # a few seconds; prints the table
python -m tests.benchmarks.keeping --environments DIR    # with peers, and into the documentation
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from fluffy_nb import Agent
from fluffy_nb.journal.sqlite import SQLiteStore

from .environments import ROOT
from .keepers import RUNS, Keeper, Kept, keepers
from .table import write

PAGE = ROOT / "docs/explanation/durability.md"
STATES = 200
KB, MB = 1_000, 1_000_000


def inserts(folder: Path, number: int, size: int, *, full: bool) -> float:
    """Seconds for one bare INSERT with its commit."""
    connection = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if full else 'NORMAL'}")
    connection.execute("CREATE TABLE ends (id INTEGER PRIMARY KEY, data TEXT)")
    began = time.perf_counter()
    for _ in range(number):
        connection.execute("INSERT INTO ends (data) VALUES (?)", ("x" * size,))
    seconds = time.perf_counter() - began
    connection.close()
    return seconds / number


def chain(began: list[float], number: int, size: int, **settings: object) -> Agent:
    """States in a row; the first writes a large value that no other touches.

    The second notes when it began: what was written once does not count.
    """
    agent = Agent("chain", **settings)
    for place in range(number):

        def state(place: int = place):
            async def body(context):
                if place == 0:
                    context.set_state("large", "x" * size)
                elif place == 1:
                    began.append(time.perf_counter())
                context.set_state("place", place)
                return f"s{place + 1}" if place + 1 < number else None

            return body

        following = [f"s{place + 1}"] if place + 1 < number else []
        agent.add_state(f"s{place}", state(), next=following)
    return agent


def fan(began: list[float], number: int, **settings: object) -> Agent:
    """A state that leads to many, which end in one moment."""
    agent = Agent("fan", **settings)
    names = [f"s{place}" for place in range(number)]

    async def start(context):
        began.append(time.perf_counter())
        return names

    async def body(context):
        context.set_state(context.state, 1)

    agent.add_state("start", start, next=names)
    for name in names:
        agent.add_state(name, body, next=[])
    return agent


async def measure(make: Callable[..., Agent], *arguments: int, **settings: object) -> float:
    """Seconds for one state of a flow that has run before."""
    began: list[float] = []
    agent = make(began, *arguments, **settings)
    await agent.run()
    await agent.run()
    return (time.perf_counter() - began[-1]) / arguments[0]


async def least(rounds: int, once: Callable[[Path], Awaitable[float]]) -> float:
    """The least of several measurements, each in a folder of its own."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            found.append(await once(Path(folder)))
    return min(found)


async def on_disk(number: int, size: int) -> float:
    """Bytes of a run of the chain, as `keepers` measures them of others."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        store = SQLiteStore(Path(folder) / "runs.sqlite")
        agent = chain([], number, size, store=store)
        for _ in range(RUNS):
            await agent.run()
        store.close()
        return sum(file.stat().st_size for file in Path(folder).iterdir()) / RUNS


async def rows(rounds: int, number: int) -> list[tuple[str, str, str, str]]:
    """What is measured, its microseconds, its ratio to a bare INSERT, and the aim."""

    async def bare(folder: Path, *, full: bool = False) -> float:
        return inserts(folder, number, KB, full=full)

    async def bare_full(folder: Path) -> float:
        return await bare(folder, full=True)

    def kept(make: Callable[..., Agent], *more: int, **settings: object):
        async def once(folder: Path) -> float:
            return await measure(make, number, *more, store=folder / "runs.sqlite", **settings)

        return once

    async def in_memory(_: Path) -> float:
        return await measure(chain, number, KB)

    synced_chain = kept(chain, KB, durability="full")
    one, synced = await least(rounds, bare), await least(rounds, bare_full)
    small = await least(rounds, kept(chain, KB))
    found = [
        ("bare INSERT", one, one, ""),
        ("bare INSERT with fsync", synced, one, ""),
        ("chain, kept in memory", await least(rounds, in_memory), one, ""),
        ("chain, 1 KB of context", small, one, "1.3"),
        ("chain, 1 MB of context, beside 1 KB", await least(rounds, kept(chain, MB)), small, "1.2"),
        ("fan-out", await least(rounds, kept(fan)), one, ""),
        ("chain, every commit with fsync", await least(rounds, synced_chain), synced, ""),
    ]
    return [(what, f"{1e6 * t:.0f} µs", f"{t / to:.1f}", aim) for what, t, to, aim in found]


def as_markdown(measured: list[tuple[str, str, str, str]]) -> str:
    """The table."""
    lines = ["|  | for a state | ratio | aim |", "| --- | --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in measured)])


def beside_peers(rounds: int, number: int, peers: list[Keeper]) -> str:
    """The chain, ours and that of peers: time for a state, and bytes for the whole run."""

    async def ours(size: int) -> Kept:
        async def once(folder: Path) -> float:
            return await measure(chain, number, size, store=folder / "runs.sqlite")

        return Kept(await least(rounds, once), await on_disk(number, size))

    lines = [
        f"| {number} states in a row | 1 KB | 1 MB | on disk, 1 KB | on disk, 1 MB |",
        "| --- | --- | --- | --- | --- |",
    ]
    found = {"fluffy-nb": [asyncio.run(ours(size)) for size in (KB, MB)]}
    for peer in peers:
        measured = [[peer.measure(number, size) for _ in range(rounds)] for size in (KB, MB)]
        found[peer.title] = [min(each) for each in measured]
    for title, (small, large) in found.items():
        times = [f"{1e6 * kept.seconds:,.0f} µs" for kept in (small, large)]
        sizes = [f"{kept.bytes / MB:,.2f} MB" for kept in (small, large)]
        lines.append(f"| {' | '.join([title, *times, *sizes])} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.keeping")
    parser.add_argument("--environments", type=Path, help="where the peers are, or are installed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--states", type=int, default=STATES)
    given = parser.parse_args()
    table = as_markdown(asyncio.run(rows(given.rounds, given.states)))
    where = f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores"
    peers = beside_peers(given.rounds, given.states, keepers(given.environments))
    text = f"{where}, {given.rounds} rounds, {given.states} states.\n\n{table}\n\n{peers}"
    sys.stdout.write(text + "\n")
    if given.environments:
        write(PAGE, text)


if __name__ == "__main__":
    main()
