"""Measures every contender in turn, several rounds, and keeps what was best."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from .cases import Case
from .environments import ROOT, TIMED, Contender, surroundings

SLOW_SECONDS = 3.0
"""What takes longer is measured once."""


@dataclass
class Cell:
    """What a contender came to in one case.

    Args:
        value: Seconds or bytes, the least of all rounds.
        mark: Why there is none.
        slow: Whether it takes so long that once is enough.
    """

    value: float | None = None
    mark: str = ""
    slow: bool = False

    def take(self, reply: dict[str, object], seconds: float) -> None:
        """Add what one round gave."""
        self.slow = self.slow or seconds > SLOW_SECONDS
        if "value" in reply:
            value = float(str(reply["value"]))
            self.value = value if self.value is None else min(self.value, value)
        else:
            ((kind, why),) = reply.items()
            self.mark, self.value = f"{kind}: {why}", None


class Worker:
    """The process of one contender; a new one is started when it had to be ended.

    Args:
        contender: Whom it measures.
        python: Its interpreter.
        patience: Seconds for one measurement, with building the flow.
    """

    def __init__(self, contender: Contender, python: str, patience: float) -> None:
        self._command = [python, "-m", "tests.benchmarks.worker", contender.module]
        self._patience = patience
        self._process: subprocess.Popen[str] | None = None

    def measure(self, case: Case) -> dict[str, object]:
        """One measurement."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=surroundings(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(asdict(case)) + "\n")
        process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(self._patience):
                self.stop()
                return {"slow": f"over {self._patience:g} s"}
        line = process.stdout.readline()
        if not line:
            code = process.wait()
            self.stop()
            return {"crashed": f"exit code {code}"}
        reply: dict[str, object] = json.loads(line)
        return reply

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


@dataclass
class Row:
    """One line of the table: what every contender came to."""

    case: Case
    cells: dict[str, Cell] = field(default_factory=dict)


def measure_cases(
    cases: Iterable[Case], workers: dict[str, Worker], rounds: int, most: float
) -> list[Row]:
    """Measure all cases; the contenders take turns.

    Args:
        cases: The rows.
        workers: By the contender's module.
        rounds: How often each has its turn.
        most: Seconds for one measurement: what a longer flow of the same kind would take too
            long for is not tried.
    """
    rows = []
    too_long: set[tuple[str, str]] = set()
    for case in cases:
        row = Row(case, {name: Cell() for name in workers if not case.who or name in case.who})
        family = case.title.partition(" ")[0]
        for _ in range(rounds):
            for name, cell in row.cells.items():
                worker = workers[name]
                if (name, family) in too_long:
                    cell.mark = cell.mark or f"slow: over {most:g} s"
                if cell.mark or cell.slow:
                    continue
                began = time.monotonic()
                cell.take(worker.measure(case), time.monotonic() - began)
                if cell.mark.startswith("slow"):
                    too_long.add((name, family))
        rows.append(row)
        say(row)
    return rows


def measure_starts(contenders: dict[Contender, str], rounds: int) -> list[Row]:
    """From the import to the end of a run of one state: seconds, and kilobytes."""
    seconds = Row(Case("import and a first run", "start", times=1, aim=1.7, whole=True))
    memory = Row(Case("memory for that", "start memory", times=1, whole=True))
    for _ in range(rounds):
        for contender, python in contenders.items():
            if not contender.start:
                continue
            program = TIMED.format(program=contender.start)
            done = subprocess.run(
                [python, "-c", program],
                cwd=ROOT,
                env=surroundings(),
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            told = done.stdout.split()[-2:] if done.returncode == 0 else []
            for row, index, unit in ((seconds, 0, 1.0), (memory, 1, 1024.0)):
                cell = row.cells.setdefault(contender.module, Cell())
                if told:
                    cell.take({"value": float(told[index]) * unit}, 0)
                else:
                    cell.take({"crashed": done.stderr[-300:]}, 0)
    say(seconds)
    say(memory)
    return [seconds, memory]


def say(row: Row) -> None:
    """What has been measured, while it goes on."""
    told = (f"{name} {cell.mark or cell.value}" for name, cell in row.cells.items())
    sys.stderr.write(f"{row.case.title}: {'; '.join(told)}\n")
