"""Compare with bare asyncio and with peers, and write the table into the documentation.

python3.12 -m tests.benchmarks --environments DIR      # makes them there, with pip, once
python -m tests.benchmarks --quick                     # small flows, no peers, nothing written
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

from . import measuring, table
from .cases import Case, every_case
from .environments import BARE, OURS, PEERS, ROOT, WATCHED, Contender, python_of, version_of

PAGE = ROOT / "docs/explanation/performance.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test: says nothing of speed")
    parser.add_argument("--environments", type=Path, help="where the peers are, or are installed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--patience", type=float, default=180.0, help="seconds per measurement")
    given = parser.parse_args()
    rounds = 1 if given.quick else given.rounds
    patience = min(given.patience, 20) if given.quick else given.patience
    peers = PEERS if given.environments else ()
    everybody = {c: python_of(c, given.environments) for c in (BARE, OURS, WATCHED, *peers)}
    pythons = {c: python for c, python in everybody.items() if python is not None}
    with tempfile.TemporaryDirectory() as compiled:  # nobody pays for compiling
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = compiled
        rows = measure(pythons, every_case(quick=given.quick), rounds, patience)
    versions = {c: version_of(c, python) for c, python in pythons.items()}
    where = f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores"
    text = f"{where}, {rounds} rounds.\n\n{table.as_markdown(rows, versions)}"
    if given.quick:
        text = f"A smoke test: each flow has a tenth of the states that it says. {text}"
    sys.stdout.write(text + "\n")
    if given.environments and not given.quick:
        table.write(PAGE, text)


def measure(
    pythons: dict[Contender, str], cases: list[Case], rounds: int, patience: float
) -> list[measuring.Row]:
    """All rows, with every contender in a process of its own."""
    workers = {c.module: measuring.Worker(c, python, patience) for c, python in pythons.items()}
    try:
        rows = measuring.measure_cases(cases, workers, rounds, patience)
        return rows + measuring.measure_starts(pythons, rounds)
    finally:
        for worker in workers.values():
            worker.stop()


if __name__ == "__main__":
    main()
