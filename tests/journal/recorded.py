"""Makes a file of runs that have every feature there is: the data of `test_recorded.py`.

It needs no more than what the first version with a file had, so that old code can run it:

    git archive COMMIT | tar x -C OLD
    PYTHONPATH=OLD python tests/journal/recorded.py data/version_1_runs

writes `version_1_runs.sql`, and `version_1_runs.json` with the checkpoints as that code reads them.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
import json
import sqlite3
import sys
import tempfile
import uuid
import warnings
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from fluffy_nb import (
    Agent,
    Dependency,
    DependencyLifecycle,
    DependencyType,
    RetryPolicy,
    Send,
    open_store,
    register_codec,
    register_type,
)
from fluffy_nb.journal.history import History


@dataclass
class Order:
    """A class of the flow's own."""

    number: int
    price: Decimal


class Colour(enum.Enum):
    """Another."""

    RED = 1


class Point:
    """One that has a codec."""

    def __init__(self, x: int, y: int) -> None:
        self.x, self.y = x, y


def register() -> None:
    """Register the classes: other tests may have others of the same names."""
    register_type(Order)
    register_type(Colour)
    register_codec(Point, lambda p: [p.x, p.y], lambda xy: Point(*xy))


register()


async def values(context):
    context.set_state("plain", [None, True, 7, 2.5, "text", {"a": {"$": 1}}, 10**60])
    context.set_state("numbers", [float("inf"), 1j, Fraction(1, 3), Decimal("1.10"), range(3)])
    context.set_state("containers", [(1, 2), {3}, frozenset({4}), {5: "five"}, b"short"])
    context.set_state("bytes", bytes(range(256)) * 2)
    zone = dt.timezone(dt.timedelta(hours=2))
    context.set_state("times", [dt.datetime(2026, 1, 2, 3, tzinfo=zone), dt.date(2026, 1, 2)])
    context.set_state("others", [dt.timedelta(1), uuid.UUID(int=7), Path("a/b"), Colour.RED])
    context.set_state("own", [Order(1, Decimal("9.99")), Point(1, 2)])
    context.set_state("array", np.arange(60, dtype="int64").reshape(6, 10))
    context.set_state("frame", pd.DataFrame({"a": [1.5, None], "b": ["x", None]}))
    context.set_state("text", "\udcff \u202e \x1b[0m ünï")
    return "change"


async def change(context):
    context.remove_state("text")
    context.update_state("plain", lambda value: [*value, "more"])


def all_values(store):
    agent = Agent("values", store=store)
    agent.add_state("values", values, next=["change"])
    agent.add_state("change", change, next=[])
    return agent


def mapped(store):
    """Templates, Sends, an agent that is a state, a retry, a handler, dependencies, and a join."""
    inner = Agent("inner")

    async def draft(context):
        context.set_state("draft", 1)
        return "check"

    async def check(context):
        return None

    inner.add_state("draft", draft, next=["check"])
    inner.add_state("check", check, next=[])
    agent = Agent("mapped", store=store)
    tries = []

    async def load(context):
        context.set_state("loaded", [1, 2])
        sends = [Send("one", number=1, row=(1, "a")), Send("one", number=2, row=np.ones(40))]
        return [*sends, f"chunk_{7}", "review", "flaky", "broken"]

    async def one(context):
        context.set_state(f"one {context.inputs['number']}", len(context.inputs["row"]))
        return "merge"

    async def chunk(context):
        context.set_state("chunk", context.inputs["i"])
        return "merge"

    async def flaky(context):
        tries.append(1)
        if len(tries) < 2:
            raise ValueError("not yet")
        return "merge"

    async def broken(context):
        raise OSError("broken for good")

    async def mend(context):
        context.set_state("mended", str(context.error))
        return "merge"

    async def merge(context):
        return "last"

    async def need(context):
        context.set_state("need", True)

    async def last(context):
        return None

    agent.add_state("load", load, next=["one", "chunk_{i}", "review", "flaky", "broken"])
    agent.add_state("one", one, next=["merge"])
    agent.add_state("chunk_{i}", chunk, next=["merge"])
    agent.add_state("review", inner, next="merge")
    policy = RetryPolicy(max_retries=2, initial_delay=0.0, jitter=False)
    agent.add_state("flaky", flaky, retry_policy=policy, next=["merge"])
    agent.add_state("broken", broken, on_error="mend", next=[])
    agent.add_state("mend", mend, next=["merge"])
    agent.add_state("merge", merge, next=["last"])
    agent.add_state("need", need, next=[])
    always = Dependency(DependencyType.REQUIRED, DependencyLifecycle.ALWAYS)
    agent.add_state("last", last, dependencies={"need": always}, next=[])
    return agent


def asking(store, answers):
    """Two states that ask; `once` in one; an agent that is a state asks too."""
    inner = Agent("inner")
    asked = []
    stands = asyncio.Event()

    def answer(prompt):
        asked.append(prompt.text)
        if answers:
            prompt.answer(answers.pop(0))
        else:
            stands.set()

    async def deep(context):
        context.set_state("deep", await context.human_in_the_loop("Deep?"))

    inner.add_state("deep", deep, next=[])
    agent = Agent("asking", store=store, responder=answer)

    async def pay(context):
        context.set_state("paid", await context.once("pay", lambda: (7, "EUR")))
        first = await context.human_in_the_loop("First?", choices=["yes", "no"])
        second = await context.human_in_the_loop("Second?")
        context.set_state("answers", [first, second])
        return "inner"

    agent.add_state("pay", pay, next=["inner"])
    agent.add_state("inner", inner, next=[])
    agent.asked, agent.stands = asked, stands
    return agent


def failing(store, *, broken):
    """A state that fails beside one that completes."""
    agent = Agent("failing", store=store)

    async def begin(context):
        return ["good", "bad"]

    async def good(context):
        context.set_state("good", 1)
        return "end"

    async def bad(context):
        context.set_state("tried", True)
        if broken:
            raise RuntimeError("\x1b[31mred\u202e")
        return "end"

    async def end(context):
        context.set_state("end", 2)

    agent.add_state("begin", begin, next=["good", "bad"])
    agent.add_state("good", good, next=["end"])
    agent.add_state("bad", bad, next=["end"])
    agent.add_state("end", end, next=[])
    return agent


ALIVE: list[Agent] = []
"""Agents that must not be garbage before their process ends."""


async def record(file: Path) -> dict[str, str]:
    """Make the file; returns the id of each run, by what it is."""
    runs = {}
    agent = all_values(file)
    runs["values"] = (await agent.run()).run_id
    fork = agent.fork(agent.checkpoints[0], plain="forked")
    await agent.resume()
    runs["fork"] = fork.id
    agent = mapped(file)
    runs["mapped"] = (await agent.run(inputs={"given": 1})).run_id
    await agent.step(4)
    runs["mapped, paused"] = agent.run_id
    agent = asking(file, ["yes", "2nd", "3rd"])
    runs["asked"] = (await agent.run()).run_id
    for name, answers in (("asked once, paused", ["yes"]), ("deep, paused", ["yes", "2nd"])):
        agent = asking(file, list(answers))
        ALIVE.append(agent)
        agent.start()
        await agent.stands.wait()
        await agent.pause()
        runs[name] = agent.run_id
    agent = failing(file, broken=True)
    try:
        await agent.run()
    except RuntimeError:
        runs["failed"] = agent.run_id
    agent = failing(file, broken=False)
    await agent.step()
    await agent.cancel_all()
    runs["cancelled"] = agent.run_id
    agent.store.close()
    return runs


def own(history, run):
    """The checkpoints that a run has made itself; a fork has those of its parent too."""
    return [each for each in history if each.run_id == run]


def expected(file: Path, runs: dict[str, str]) -> dict[str, object]:
    """What this version reads of the runs: by name, id, status and all checkpoints."""
    store = open_store(file)
    infos = {info.id: info for info in store.runs()}
    try:
        return {
            name: {
                "id": run,
                "info": list(infos[run]),
                "checkpoints": [each.to_dict() for each in own(History(store, run), run)],
            }
            for name, run in runs.items()
        }
    finally:
        store.close()


async def read(file: Path) -> tuple[list[str], dict[str, object]]:
    """Make the file; what it has then: when the loop ends, runs that stand paused are cancelled."""
    told = expected(file, await record(file))
    connection = sqlite3.connect(file)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    head = ["PRAGMA application_id = 1718383974;", f"PRAGMA user_version = {version};"]
    dump = [line for line in connection.iterdump() if "sqlite_stat" not in line]
    connection.close()
    return [*head, *dump], told


def main(stem: Path) -> None:
    """Write the file as SQL, and what was expected of it as JSON."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "runs.sqlite"
        dump, told = asyncio.run(read(file))
    stem.with_suffix(".sql").write_text("\n".join(dump) + "\n", encoding="utf-8")
    stem.with_suffix(".json").write_text(json.dumps(told, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
