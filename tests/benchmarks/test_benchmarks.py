"""The comparison measures, notices what is wrong, and writes its table; no test asserts a time."""

from __future__ import annotations

import asyncio
import importlib
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from . import environments, keepers, keeping, table, worker
from .cases import Case, behind, chain, every_case, fan_out, ladder, problem_in
from .environments import BARE, OURS, PEERS, ROOT, WATCHED, python_of
from .measuring import Cell, Row, Worker, measure_cases, measure_starts

FORK = Case("fork", "levels", fan_out(2))


@pytest.fixture(autouse=True)
def measures_once(monkeypatch):
    """No test is about how quick something is."""
    monkeypatch.setattr(worker, "MOST_RUNS", 1)


@pytest.mark.parametrize(
    ("done", "problem"),
    [
        (["split", "w1", "w0", "merge"], ""),
        (["split", "w0", "merge", "w1"], "not in order at w0"),
        (["split", "w0", "w1"], "3 of 4 executions"),
        (["split", "w0", "w0", "merge"], "not in order at w0"),
    ],
)
def test_an_early_join_a_lost_and_a_doubled_state_are_noticed(done, problem):
    assert problem_in(FORK, done) == problem


def test_a_loop_that_ends_early_is_noticed():
    case = Case("loop", "loop", times=3)
    assert problem_in(case, ["s"] * 3) == ""
    assert problem_in(case, ["s"]) == "1 of 3 times"


def test_the_shapes_have_the_states_they_say():
    assert chain(3) == [["s0"], ["s1"], ["s2"]]
    assert [len(level) for level in ladder(2, 10)] == [1, 10, 1, 10, 1]
    assert [case.executions for case in every_case()][:4] == [100, 1_000, 5_000, 100_000]


class Serial:
    """A contender whose branches wait for each other."""

    @staticmethod
    def levels(levels, seconds, done):
        async def run():
            for level in levels:
                for name in level:
                    await asyncio.sleep(seconds)
                    done.append(name)

        return run


def test_branches_that_run_one_after_the_other_are_noticed():
    case = Case("sleeps", "levels", fan_out(3), seconds=0.001)
    assert worker.answer(Serial, case) == {"wrong": "one after the other"}


def test_a_contender_that_raises_or_can_not_is_marked():
    assert worker.answer(object(), FORK)["crashed"].startswith("AttributeError")
    Serial.CANNOT = {"prompts": "asks nobody"}
    assert worker.answer(Serial, Case("ask", "prompts", times=1)) == {"cannot": "asks nobody"}


async def busy(seconds):
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


class Idle:
    """A contender that waits longer than it works."""

    @staticmethod
    def loop(times, done):
        async def run():
            await asyncio.sleep(0.05)
            await busy(0.005)
            done.append("s")

        return run


@pytest.mark.parametrize(("clock", "least", "most"), [("thread", 0, 0.04), ("wall", 0.05, 60)])
def test_cpu_time_is_measured_and_not_what_a_flow_waits(clock, least, most):
    case = Case("loop", "loop", times=1, clock=clock)
    assert least < worker.answer(Idle, case)["value"] < most


def test_the_work_of_other_threads_is_measured_where_plain_functions_run():
    class Threaded:
        @staticmethod
        def loop(times, done):
            async def run():
                await asyncio.to_thread(lambda: asyncio.run(busy(0.02)))
                done.append("s")

            return run

    own, whole = (
        worker.answer(Threaded, Case("loop", "loop", times=1, clock=clock))["value"]
        for clock in ("thread", "process")
    )
    assert own < 0.02 < whole


@pytest.mark.parametrize("case", [c for c in every_case(quick=True) if c.who], ids=lambda c: c.kind)
def test_what_only_we_do_is_measured(case):
    small = replace(case, levels=case.levels[:4] if case.kind != "behind" else behind(3), times=3)
    small = replace(small, times=small.times if case.times else 0)
    for name in case.who[:2]:
        contender = importlib.import_module(f"tests.benchmarks.contenders.{name}")
        assert worker.answer(contender, small)["value"] > 0


# ---------------------------------------------------------------- the table


def row(**cells):
    return Row(Case("chain of 10", "levels", chain(10), aim=0.5), cells)


def test_a_wrong_result_is_marked_and_not_counted():
    cell = Cell()
    cell.take({"value": 1.0}, 0)
    cell.take({"wrong": "2 of 10 executions"}, 0)
    text = table.as_markdown([row(bare=Cell(2e-5), puffinflow=cell)], {BARE: "", PEERS[-1]: "2.1"})
    assert "| chain of 10 | 2.00 µs | 0.5 | wrong (1) |" in text
    assert text.endswith("1. puffinflow, wrong: 2 of 10 executions")


def test_the_least_of_all_rounds_counts_as_a_ratio_to_bare_asyncio():
    cell = Cell()
    for value in (6e-5, 4e-5, 5e-5):
        cell.take({"value": value}, 0)
    text = table.as_markdown([row(bare=Cell(2e-5), ours=cell)], {BARE: "", OURS: ""})
    assert "| chain of 10 | 2.00 µs | 0.5 | 2.00 |" in text


def test_the_table_goes_between_the_markers_and_nothing_else_changes(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    table.write(page, "new")
    assert page.read_text() == f"before\n{table.BEGIN}\n\nnew\n\n{table.END}\nafter\n"
    page.write_text("no markers")
    with pytest.raises(ValueError, match="has no <!-- measured: begin -->"):
        table.write(page, "new")


def test_a_row_without_bare_asyncio_shows_times_and_who_is_not_measured_is_left_out():
    case = Case("looks", "looks", times=10, aim_text="20 µs", who=("ours",))
    workers = {"bare": None, "ours": Fixed(OURS, sys.executable, 1)}
    (measured,) = measure_cases([case], workers, 2, 1)
    text = table.as_markdown([measured], {BARE: "", OURS: "", WATCHED: ""})
    assert "| looks |  | 20 µs | 100000.00 µs |  |" in text


class Fixed(Worker):
    def measure(self, case):
        return {"value": 1.0}


class Endless(Worker):
    """Whose measurements take too long."""

    asked = 0

    def measure(self, case):
        self.asked += 1
        return {"slow": "over 1 s"}


def test_what_takes_too_long_is_not_tried_with_a_longer_flow():
    endless = Endless(BARE, sys.executable, 1)
    cases = [Case("chain of 1", "levels", chain(1)), Case("chain of 2", "levels", chain(2))]
    rows = measure_cases(cases, {"bare": endless}, 2, 1)
    assert endless.asked == 1
    assert [row.cells["bare"].mark for row in rows] == ["slow: over 1 s"] * 2


def test_a_worker_that_hangs_or_dies_is_marked():
    hanging = Worker(BARE, sys.executable, 0.2)
    hanging._command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    assert hanging.measure(FORK) == {"slow": "over 0.2 s"}
    dying = Worker(BARE, sys.executable, 20)
    dying._command = [sys.executable, "-c", "input(); raise SystemExit(3)"]
    assert dying.measure(FORK) == {"crashed": "exit code 3"}


# ---------------------------------------------------------------- environments


def test_a_peer_that_can_not_be_installed_is_left_out_with_a_message(tmp_path, capfd, monkeypatch):
    commands = []

    def run(command, *, check):
        commands.append(command)
        if "install" in command:
            raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(environments.subprocess, "run", run)
    assert python_of(PEERS[0], tmp_path) is None
    assert commands[1][-1] == PEERS[0].package
    assert f"{PEERS[0].title} is left out, it can't be installed" in capfd.readouterr().err
    assert not (tmp_path / PEERS[0].title / "ready").exists()


def test_memory_is_that_of_the_process_alone_however_large_its_parent_is():
    ballast = bytearray(os.urandom(1024)) * 200_000  # 200 MB that are really there
    memory = measure_starts({BARE: sys.executable}, 1)[1]
    del ballast
    assert memory.cells[BARE.module].value > 0


# ---------------------------------------------------------------- all of it, small


@pytest.mark.benchmark
def test_peers_that_can_be_installed_run_small_flows_as_they_should(tmp_path):
    cases = [
        Case("chain", "levels", chain(3)),
        Case("fork", "levels", fan_out(3)),
        Case("loop", "loop", times=3),
        Case("ask", "prompts", times=2),
    ]
    known = {("puffinflow", "loop"): "wrong"}  # it runs a state once
    for peer in PEERS:
        python = python_of(peer, tmp_path)
        if python is None:  # it has said so
            continue
        peer_worker = Worker(peer, python, 30)
        replies = {case.title: peer_worker.measure(case) for case in cases}
        peer_worker.stop()
        for title, reply in replies.items():
            expected = {known.get((peer.title, title), "value"), "cannot"}
            assert expected.issuperset(reply), f"{peer.title}, {title}: {reply}"


@pytest.mark.benchmark
def test_a_quick_comparison_runs_every_case_and_leaves_the_page_alone():
    page = ROOT / "docs/explanation/performance.md"
    before = page.read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for case in every_case(quick=True):
        assert f"| {case.title} |" in done.stdout
    for mark in ("wrong (", "crashed (", "slow (", "cannot ("):
        assert mark not in done.stdout
    assert f"| {OURS.title} | {WATCHED.title} |" in done.stdout
    assert "| 0.0 MB |" not in done.stdout
    assert page.read_text(encoding="utf-8") == before


def test_what_keeping_costs_is_measured():
    measured = asyncio.run(keeping.rows(1, 5))
    assert [row[0] for row in measured][:2] == ["bare INSERT", "bare INSERT with fsync"]
    assert keeping.as_markdown(measured).count("\n") == len(measured) + 1


def test_peers_that_keep_runs_are_measured_as_we_are():
    program = "began.append(1.0)\nopen(path, 'w').write('x' * size)\nended = 1.0 + number"
    peer = keepers.Keeper("peer 1.0", program, sys.executable)
    assert peer.measure(10, 500) == (1.0, 500 / keepers.RUNS)
    table = keeping.beside_peers(1, 5, [peer]).splitlines()
    assert table[2].startswith("| fluffy-nb |")
    assert table[3] == "| peer 1.0 | 1,000,000 µs | 1,000,000 µs | 0.00 MB | 0.50 MB |"


def test_a_peer_that_fails_is_no_number():
    with pytest.raises(RuntimeError, match=r"peer 1.0 can't be measured"):
        keepers.Keeper("peer 1.0", "raise ValueError", sys.executable).measure(1, 1)


def test_without_a_folder_there_are_no_peers():
    assert keepers.keepers(None) == []
