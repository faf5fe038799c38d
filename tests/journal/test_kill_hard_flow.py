"""Semantics 12.4 and 12.7: `kill -9` on a hard flow, and two processes that race to go on with it.

The flow (`hard_flow.py`) has a map, templates, an agent inside, questions answered from threads,
a join in a loop, `once`, retries with a delay and values of 200 KB. It is killed at random moments
and gone on with until it has completed. FLUFFY_SEED chooses other moments.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from fluffy_nb import open_store
from fluffy_nb.journal.history import events_of

pytestmark = pytest.mark.systems

KILLS = 20
"""For each durability about so many; the run in which the last one comes is ended."""

PROGRAM = Path(__file__).with_name("hard_flow.py")
PATIENCE = 120
"""Seconds that a process may take on a machine with other things to do."""


class Process:
    """One process of the program."""

    @classmethod
    async def begin(cls, trial, *run, kill=""):
        self = cls()
        self.lines = []
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "FLUFFY_KILL": kill or "0 0",
        }
        arguments = [sys.executable, "-W", "error", PROGRAM]
        self.process = await asyncio.create_subprocess_exec(
            *map(str, [*arguments, trial.file, trial.log, trial.durability, *run]),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        trial.processes.append(self)
        self._problems = asyncio.ensure_future(self.process.stderr.read())
        return self

    async def says(self, *words):
        """Wait for a line that begins with one of these words, or for the end."""
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stdout.readline()).decode():
                self.lines.append(line.split())
                if self.lines[-1][0] in words:
                    return self.lines[-1]
        return None

    async def tell(self):
        with contextlib.suppress(ConnectionError):  # its run had no state left, and it has ended
            self.process.stdin.write(b"go\n")
            await self.process.stdin.drain()

    async def ended(self):
        """Wait for its end; returns how it ended: by the signal, or well."""
        await self.says()
        problems = (await self._problems).decode()
        code = await self.process.wait()
        assert code in {0, -signal.SIGKILL}, problems
        return code

    def told(self):
        """What it was told of, by the number of the event."""
        return {int(line[1]): line[2:] for line in self.lines if line[0] == "TOLD"}

    def said(self, word):
        return next((line[1:] for line in self.lines if line[0] == word), None)


class Trial:
    """A run that is killed and gone on with until it has completed."""

    def __init__(self, folder, durability):
        folder.mkdir(parents=True)
        self.file, self.log = folder / "runs.sqlite", folder / "log"
        self.durability = durability
        self.processes = []
        self.answered = set()  # questions whose answers were reported
        self.in_doubt = Counter()  # done, and the process died before that was kept

    async def close(self):
        """Leave no process behind, also where a test has failed."""
        for process in self.processes:
            if process.process.returncode is None:
                process.process.kill()
                await process.process.wait()

    def outside(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def done_once(self):
        """How often each thing was done that is to be done once."""
        lines = (line.partition(" ") for line in self.outside())
        return Counter(key for word, _, key in lines if word == "once")

    def kept(self):
        """The run and its events by number, as another process reads them."""
        if not self.file.exists():
            return None, {}
        with closing(open_store(self.file)) as store:
            runs = store.runs()
            if not runs:
                return None, {}
            return runs[0], {event["seq"]: event for event in events_of(store, runs[0].id)}

    def check_killed(self, process, before):
        """What was reported is in the file; note what was done once and is not known there."""
        run, events = self.kept()
        for seq, (what, execution, *_) in process.told().items():
            assert seq in events, (seq, what)
            kinds = {
                "answered": "PromptAnswered",
                "once": "DoneOnce",
                "completed": "StateCompleted",
            }
            event = events[seq]
            assert (event["kind"], event["execution"]) == (kinds[what], int(execution))
        asked = {}
        for line in self.outside():
            if line.startswith("asked"):
                _, prompt, execution, text = line.split(" ", 3)
                asked[prompt] = execution, text
        for what, _, prompt, *_ in process.told().values():
            if what == "answered":
                self.answered.add(asked[prompt])
        kept = {event["key"] for event in events.values() if event["kind"] == "DoneOnce"}
        for key, times in (self.done_once() - before).items():
            if key not in kept:
                self.in_doubt[key] += times
        return run

    def check_asked(self, since):
        """Nothing is asked that had an answer; the id of a prompt is never used again."""
        ids = Counter()
        for number, line in enumerate(self.outside()):
            if line.startswith("asked"):
                _, prompt, execution, text = line.split(" ", 3)
                ids[prompt] += 1
                assert number < since or (execution, text) not in self.answered, line
        assert set(ids.values()) <= {1}, ids


async def race(trial, run, kill):
    """Two processes go on with the run; returns the one that does, and how it ended."""
    both = [await Process.begin(trial, run, kill=kill) for _ in range(2)]
    for process in both:
        assert await process.says("READY")
    await asyncio.gather(*(process.tell() for process in both))
    outcomes = [await process.says("EXECUTES", "REFUSED") for process in both]
    assert sorted(outcome[0] for outcome in outcomes) == ["EXECUTES", "REFUSED"], outcomes
    winner, loser = both if outcomes[0] == ["EXECUTES"] else reversed(both)
    assert await loser.ended() == 0
    assert not loser.told()
    await winner.tell()
    return winner, await winner.ended()


async def undisturbed(folder, durability):
    trial = Trial(folder, durability)
    process = await Process.begin(trial)
    assert await process.ended() == 0
    result = process.said("RESULT")
    assert result[0] == "COMPLETED"
    done = trial.done_once()
    assert set(done.values()) == {1}
    return result, int(process.said("MOMENTS")[0]), done


async def killed_until_completed(trial, chance, moments, kills, expected, once):
    """Kill and go on until the run has completed; returns how many kills that took."""
    run, number, code = None, 0, -signal.SIGKILL
    while code and (run is None or run.status != "COMPLETED"):
        kill = ""
        if number < kills:
            most = max(int(moments * 0.7**number), 8)
            kill = f"{chance.randrange(1, most)} {chance.random() * 0.01:.4f}"
        where = f"{trial.file.parent.name}, process {number}, killed at {kill!r}"
        since, before = len(trial.outside()), trial.done_once()
        if run is None:
            process = await Process.begin(trial, kill=kill)
            code = await process.ended()
        else:
            process, code = await race(trial, run.id, kill)
        trial.check_asked(since)  # by what was answered in the processes before
        run = trial.check_killed(process, before)
        number += 1
    if code == 0:
        assert process.said("RESULT") == expected, where
    assert trial.done_once() == once + trial.in_doubt, (where, trial.in_doubt)
    return number if code else number - 1


@pytest.mark.parametrize("durability", ["normal", "full"])
async def test_S12_4_a_hard_flow_that_is_killed_again_and_again_ends_as_if_undisturbed(
    tmp_path, durability
):
    seed = int(os.environ.get("FLUFFY_SEED", "9"))
    print(f"FLUFFY_SEED={seed} durability={durability}")
    chance = random.Random(f"{seed} {durability}")
    expected, moments, once = await undisturbed(tmp_path / "whole", durability)
    kills = trials = 0
    while kills < KILLS:
        trials += 1
        trial = Trial(tmp_path / f"trial {trials}", durability)
        try:
            more = await killed_until_completed(
                trial, chance, moments, KILLS - kills, expected, once
            )
        finally:
            await trial.close()
        kills += more
    print(f"{kills} kills in {trials} runs")
