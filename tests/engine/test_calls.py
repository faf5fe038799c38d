"""How many Python calls a state takes: a cost that no machine and no load changes.

The limits are what was counted when they were written. A change may lower them, and does not raise
them without saying why in its commit. The aims are 30 calls in a chain and 42 in a fan-out.
"""

from __future__ import annotations

import asyncio
import gc
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Self

import pytest

import fluffy_nb
from fluffy_nb import Agent

PACKAGE = str(Path(fluffy_nb.__file__).parent)
INLINED = {"<listcomp>", "<setcomp>", "<dictcomp>"}
"""Calls in Python 3.11 only."""

FEW, MANY = 50, 150
"""States of the two runs: what a run costs once is in both, so the difference is of the states."""


def chain(states: int, **settings) -> Agent:
    """States in a row."""
    agent = Agent("chain", **settings)
    for place in range(states):
        target = f"s{place + 1}" if place + 1 < states else None

        async def body(context, target=target):
            return target

        agent.add_state(f"s{place}", body, next=[target] if target else [])
    return agent


def fan_out(branches: int) -> Agent:
    """A state that leads to many, which all lead to one."""
    agent, names = Agent("fan-out"), [f"w{number}" for number in range(branches)]

    async def split(context):
        return names

    async def work(context):
        return "merge"

    async def merge(context):
        return None

    agent.add_state("split", split, next=names)
    for name in names:
        agent.add_state(name, work, next=["merge"])
    agent.add_state("merge", merge, next=[])
    return agent


class Calls:
    """Counts the calls of Python functions in this thread; a context manager."""

    def __init__(self) -> None:
        self.ours = self.all = 0

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_name not in INLINED:
            self.all += 1
            # Records are made by code that has no file.
            self.ours += frame.f_code.co_filename.startswith((PACKAGE, "<string>"))

    def __enter__(self) -> Self:
        gc.disable()  # others may have been asked to be called by it
        sys.setprofile(self._note)
        return self

    def __exit__(self, *problem: object) -> None:
        sys.setprofile(None)
        gc.enable()


async def count(agent: Agent) -> Calls:
    """The calls of a run of an agent that has run before."""
    await agent.run()
    with Calls() as calls:
        await agent.run()
    return calls


def calls_a_state(make: Callable[[int], Agent]) -> tuple[int, int]:
    """The calls of this package and of all, for one state more."""
    few, many = asyncio.run(count(make(FEW))), asyncio.run(count(make(MANY)))
    number = MANY - FEW
    return math.ceil((many.ours - few.ours) / number), math.ceil((many.all - few.all) / number)


@pytest.mark.parametrize(
    ("make", "ours", "whole"), [(chain, 118, 141), (fan_out, 150, 170)], ids=["chain", "fan-out"]
)
def test_a_state_takes_no_more_calls_than_it_did(make, ours, whole):
    counted = calls_a_state(make)
    assert counted[0] <= ours, f"{counted[0]} calls of fluffy_nb for a state"
    assert counted[1] <= whole, f"{counted[1]} calls for a state"


def test_a_state_that_is_kept_takes_no_more_calls_than_it_did(tmp_path):
    """The least of three: what is late is written with the next state."""

    def kept(states: int) -> Agent:
        return chain(states, store=tmp_path / f"{len(list(tmp_path.iterdir()))}.sqlite")

    ours, whole = min(calls_a_state(kept) for _ in range(3))
    assert ours <= 153, f"{ours} calls of fluffy_nb for a state"
    assert whole <= 198, f"{whole} calls for a state"


def test_calls_are_counted():
    """One call more for each state is noticed."""

    def longer(states: int) -> Agent:
        agent = chain(states)
        agent.subscribe(lambda event: None)
        return agent

    assert calls_a_state(longer)[1] >= calls_a_state(chain)[1] + 2  # it has two events
