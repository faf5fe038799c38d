"""Semantics 12.4: `kill -9` at any moment, and the run goes on as if nothing had been."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fluffy_nb.journal.history import events_of
from fluffy_nb.journal.sqlite import SQLiteStore

pytestmark = pytest.mark.kill

KILLS = int(os.environ.get("KILLS", "200"))

PROGRAM = textwrap.dedent(
    '''
    """A run with branches, a join, a loop, retries, a question, and things done once.

    Usage: program FILE LOG [RUN]; what it does outside is a line in LOG, and what it has been told
    of is a line of its output.
    """
    import asyncio, os, signal, sqlite3, sys
    from fluffy_nb import Agent, RetryPolicy, Send
    from fluffy_nb.engine import events as ev

    file, log, *run = sys.argv[1:]
    kill_at = int(os.environ.get("KILL_AT", "0"))
    steps = 0

    def step():
        """A moment at which the process may die."""
        global steps
        steps += 1
        if steps == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def outside(line):
        with open(log, "a") as out:
            out.write(line + "\\n")

    agent = Agent("killed", store=file, responder=lambda prompt: prompt.answer("yes"))

    # Moments between everything that is written: before and after each statement for the file.
    class Traced(sqlite3.Connection):
        def execute(self, *a):
            step()
            found = super().execute(*a)
            step()
            return found

    agent.store.runs()
    agent.store.close()
    connect = sqlite3.connect
    sqlite3.connect = lambda *a, **more: connect(*a, factory=Traced, **more)

    def told(event):
        step()
        if isinstance(event, (ev.StateCompleted, ev.PromptAnswered)):
            print(event.seq, flush=True)
            step()

    agent.subscribe(told)

    @agent.state(next=["left", "right", "sent"])
    async def start(context):
        outside("start")
        context.set_state("rows", [0])
        return ["left", "right", Send("sent", n=7)]

    @agent.state(next=["join"], retry=RetryPolicy(2, initial_delay=0))
    async def left(context):
        outside("left")
        await asyncio.sleep(0)
        if context.attempt == 1:
            raise ValueError("the first time")
        context.update_state("rows", lambda rows: sorted({*rows, 1}))
        return "join"

    @agent.state(next=["join"])
    async def right(context):
        outside("right")
        answer = await context.human_in_the_loop("Go on?")
        step()
        context.set_state("answer", answer)
        return "join"

    @agent.state(next=["join"])
    async def sent(context):
        outside("sent")
        receipt = await context.once("charge", lambda: outside("charge") or ("paid", 7))
        step()
        context.set_state("receipt", receipt)
        return "join"

    @agent.state(next=["loop"])
    async def join(context):
        outside("join")
        return "loop"

    @agent.state(next=["loop", "end"])
    async def loop(context):
        outside("loop")
        n = context.update_state("n", lambda n: n + 1, 0)
        return "loop" if n < 5 else "end"

    @agent.state(next=[])
    async def end(context):
        outside("end")
        context.set_state("done", {"n": context.get_state("n")})

    async def main():
        result = await (agent.resume(run[0]) if run else agent.run())
        values, counts = sorted(result.values.items()), sorted(result.counts.items())
        print("RESULT", values, counts, flush=True)
        print("STEPS", steps, flush=True)

    asyncio.run(main())
    '''
)


class Killed:
    """Runs the program in processes of its own, and looks at what they leave."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file, self.log = folder / "runs.sqlite", folder / "log"
        self.program = folder / "program.py"
        self.program.write_text(PROGRAM)

    async def run(self, *arguments, kill_at=0):
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "KILL_AT": str(kill_at),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-W",
            "error",
            self.program,
            self.file,
            self.log,
            *arguments,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, problems = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, out.decode().splitlines(), problems.decode()

    def kept(self):
        """The run's id and what its file has, opened as another process would."""
        store = SQLiteStore(self.file, read_only=True)
        try:
            runs = store.runs()
            if not runs:
                return None, set(), {}
            events = {event["seq"] for event in events_of(store, runs[0].id)}
            return runs[0], events, store.values(runs[0].id)
        finally:
            store.close()

    def lines(self):
        return self.log.read_text().splitlines() if self.log.exists() else []


def told_of(lines):
    return {int(line) for line in lines if line.isdigit()}


def result_of(lines):
    return next((line for line in lines if line.startswith("RESULT")), None)


async def test_S12_4_killed_at_any_moment_it_goes_on_from_what_was_reported(tmp_path):
    seed = int(os.environ.get("KILL_SEED") or random.randrange(2**32))
    print(f"KILL_SEED={seed}")
    chance = random.Random(seed)
    (tmp_path / "whole").mkdir()
    whole = Killed(tmp_path / "whole")
    code, lines, problems = await whole.run()
    assert code == 0, problems
    expected, steps = result_of(lines), int(lines[-1].split()[1])
    once = whole.lines()
    # Nine in ten before the run's end, spread over all moments; the rest at its very end.
    moments = [chance.randrange(1, steps * 9 // 10) for _ in range(KILLS * 9 // 10)]
    moments += [chance.randrange(steps * 9 // 10, steps + 1) for _ in range(KILLS - len(moments))]
    gate = asyncio.Semaphore(os.cpu_count() or 1)

    async def one(number, moment):
        async with gate:
            folder = tmp_path / str(number)
            folder.mkdir()
            killed = Killed(folder)
            code, before, problems = await killed.run(kill_at=moment)
            assert code == -signal.SIGKILL, (moment, code, problems)
            told, first = told_of(before), killed.lines()
            run, events, _ = killed.kept() if killed.file.exists() else (None, set(), {})
            assert told <= events, (moment, told - events)
            if not events or run.status == "COMPLETED":
                return  # there is nothing to go on with yet, or any more
            code, after, problems = await killed.run(run.id)
            assert code == 0, (moment, problems)
            assert result_of(after) == expected, (moment, after)
            more = killed.lines()
            # What ran when it died runs again, and nothing else does.
            for name in set(once):
                assert more.count(name) - once.count(name) <= 1, (moment, name, first, more)

    await asyncio.gather(*[one(*numbered) for numbered in enumerate(moments)])


async def test_S12_4_a_checkpoint_of_a_killed_run_is_plain_data(tmp_path):
    killed = Killed(tmp_path)
    await killed.run(kill_at=140)
    run, events, values = killed.kept()
    assert run.status == "RUNNING"
    assert events == set(range(1, max(events) + 1))
    json.dumps([value.data for value in values.values()])
