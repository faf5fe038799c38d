"""Every break that is written down is noticed by the tests named beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .mutants import MUTANTS

pytestmark = pytest.mark.mutants

ROOT = Path(__file__).parents[2]
PATIENCE = 40
"""Seconds: a break that makes a test hang has been noticed too."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package and its tests, where they can be broken."""
    place = tmp_path_factory.mktemp("broken")
    ignored = shutil.ignore_patterns("__pycache__", "browser", "mutants", "static")
    for folder in ("fluffy_nb", "tests"):
        shutil.copytree(ROOT / folder, place / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", place)
    return place


def runs(place, killers, patience=PATIENCE):
    """Whether these tests pass on the package that is there."""
    files = [f"tests/engine/{name}" for name in killers]
    path = f"{place}:{place / 'fluffy_nb' / '_alias'}"
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    command += ["--hypothesis-profile=thorough", *files]
    try:
        done = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    assert done.returncode in {0, 1}, done.stdout.decode() + done.stderr.decode()
    return done.returncode == 0


def test_there_are_enough_and_each_is_another():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 15
    assert len({mutant[1:4] for mutant in MUTANTS}) == len(MUTANTS)


def test_what_is_not_broken_passes(copy):
    killers = sorted({name for mutant in MUTANTS for name in mutant.killers})
    assert runs(copy, killers, 10 * PATIENCE)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_break_is_noticed(copy, mutant):
    file = copy / "fluffy_nb" / "engine" / mutant.file
    whole = file.read_text()
    assert whole.count(mutant.old) == 1, f"{mutant.file} has changed: write this break down anew"
    try:
        file.write_text(whole.replace(mutant.old, mutant.new))
        assert not runs(copy, mutant.killers)
    finally:
        file.write_text(whole)
