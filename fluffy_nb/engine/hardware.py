"""What this process may use of the machine: CPUs, memory, GPUs (semantics 7.4)."""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

ROOT = Path("/")
"""Where the system's files are; tests have a tree of their own."""


def cpus(root: Path = ROOT) -> float:
    """The CPUs that this process may use: its affinity, and the limits of its control groups.

    Args:
        root: Where the system's files are.

    Returns:
        A number above 0, not always a whole one.
    """
    return min([_affinity(), *_quotas(root)])


def memory_mb(root: Path = ROOT) -> float:
    """The memory that this process may use, in MiB; infinite where nothing is known.

    Args:
        root: Where the system's files are.
    """
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        pages, size = -1, -1
    limits = [pages * size / 2**20 if pages > 0 and size > 0 else math.inf]
    for folder, name in _limits(root, "memory", "memory.max", "memory.limit_in_bytes"):
        words = _words(folder / name)
        if words and words[0].isdecimal():
            limits.append(int(words[0]) / 2**20)
    return min(limits)


def gpus(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> float | None:
    """The GPUs that this process may use, as far as that can be seen without a library.

    Args:
        root: Where the system's files are.
        environment: Where programs are told which they may use.

    Returns:
        How many; None where nothing is known.
    """
    nvidia = _count(root / "dev", r"nvidia\d+") or _count(root / "proc/driver/nvidia/gpus", r".+")
    nvidia = _visible(environment, ("CUDA_VISIBLE_DEVICES",), nvidia)
    names = ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
    amd = _visible(environment, names, _amd(root / "sys/class/kfd/kfd/topology/nodes"))
    known = [number for number in (nvidia, amd) if number is not None]
    return float(sum(known)) if known else None


# ---------------------------------------------------------------- CPUs


def _affinity() -> float:
    with contextlib.suppress(AttributeError, OSError):  # not on every system
        return float(len(os.sched_getaffinity(0)) or 1)
    return float(os.cpu_count() or 1)


def _quotas(root: Path) -> Iterator[float]:
    """The CPUs that the control groups allow, on every level that has a limit."""
    for folder, name in _limits(root, "cpu", "cpu.max", "cpu.cfs_quota_us"):
        words = _words(folder / name)
        if name == "cpu.cfs_quota_us":
            words += _words(folder / "cpu.cfs_period_us")
        if len(words) == 2 and all(word.isdecimal() for word in words):  # else "max", or -1
            quota, period = map(int, words)
            if quota and period:
                yield quota / period


# ---------------------------------------------------------------- control groups


def _limits(root: Path, controller: str, second: str, first: str) -> Iterator[tuple[Path, str]]:
    """Where the limits of a controller stand: this process's group and all around it.

    Args:
        root: Where the system's files are.
        controller: Its name.
        second: The name of the file in version 2 of control groups.
        first: The name of the file in version 1.
    """
    groups = dict(_groups(root))
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.partition(" ")[0]
        if len(fields) < 5:
            continue
        top, mounted = PurePosixPath(_plain(fields[3])), _plain(fields[4])
        if kind == "cgroup2":
            group, name = groups.get("", "/"), second
        elif kind == "cgroup" and controller in after.rpartition(" ")[2].split(","):
            group, name = groups.get(controller, "/"), first
        else:
            continue
        folder = root / mounted.lstrip("/")
        for level in _levels(PurePosixPath(group), top):
            yield folder / level, name


def _levels(group: PurePosixPath, top: PurePosixPath) -> list[PurePosixPath]:
    """A group and those around it, as seen from the folder where `top` is mounted."""
    if ".." in group.parts:  # outside of what this process sees
        return [PurePosixPath()]
    inside = group.relative_to(top) if group.is_relative_to(top) else group.relative_to("/")
    return [inside, *inside.parents]


def _groups(root: Path) -> Iterator[tuple[str, str]]:
    """This process's group by controller; in version 2 there is one for all, named ""."""
    for line in _lines(root / "proc/self/cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        for controller in controllers.split(","):
            if group.startswith("/"):
                yield controller, group


def _plain(path: str) -> str:
    """A path as it is: the system writes spaces and the like as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), path)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


# ---------------------------------------------------------------- GPUs


def _count(folder: Path, pattern: str) -> int | None:
    """How many entries of a folder have such a name; None where none has."""
    try:
        names = [each.name for each in folder.iterdir()]
    except OSError:
        return None
    return sum(re.fullmatch(pattern, name) is not None for name in names) or None


def _amd(nodes: Path) -> int | None:
    """AMD's GPUs: the nodes that have an id; CPUs are nodes with the id 0."""
    try:
        ids = [_words(node / "gpu_id") for node in nodes.iterdir()]
    except OSError:
        return None
    return sum(bool(words) and words != ["0"] for words in ids) or None


def _visible(
    environment: Mapping[str, str], names: tuple[str, ...], there: int | None
) -> int | None:
    """How many are left by variables that list what may be used; `there` where none is set."""
    for name in names:
        listed = environment.get(name)
        if listed is not None:
            number = _listed(listed)
            there = number if there is None else min(there, number)
    return there


def _listed(text: str) -> int:
    """How many a list names: up to the first that is none, as "-1", or an empty text."""
    number = 0
    for each in text.split(","):
        if not re.fullmatch(r"\s*(\d+|(GPU|MIG)-.+)\s*", each):
            break
        number += 1
    return number
