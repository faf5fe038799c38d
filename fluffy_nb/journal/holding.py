"""Who executes a run: a process, told apart from others that have its number later."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import psutil


def this_process() -> dict[str, Any]:
    """What tells this process apart: machine, boot, number, and when it was started."""
    return {
        "host": socket.gethostname(),
        "boot": _read("/proc/sys/kernel/random/boot_id"),
        "pid": os.getpid(),
        "started": _started(os.getpid()),
    }


def is_alive(text: str) -> bool:
    """Whether the process that wrote this holds its run still.

    A holder on this machine that has died is recognised at once. One on another machine can't be
    looked at, and counts as alive.

    Args:
        text: JSON of what `this_process` gave.
    """
    try:
        holder = json.loads(text)
        host, boot, pid, started = (holder[key] for key in ("host", "boot", "pid", "started"))
    except (ValueError, TypeError, KeyError):
        return False
    if host != socket.gethostname():
        return True
    if boot != _read("/proc/sys/kernel/random/boot_id") or type(pid) is not int or pid < 1:
        return False
    try:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return False  # it has ended, and nobody has asked how
        return bool(started is None or _started(pid) == started)
    except psutil.AccessDenied:
        return True  # somebody else's
    except (psutil.Error, OverflowError):  # a number too large is no process's
        return False


def told(text: str) -> str:
    """Who it is, for a message."""
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} on {holder['host']}"
    except (ValueError, TypeError, KeyError):
        return "somebody"


def _started(pid: int) -> float:
    """When a process was started.

    On Linux in hundredths of a second (as a rule) since the boot: the time of day is set while
    processes live, as after a laptop has slept. Elsewhere as the system has noted it, in seconds.
    """
    if not psutil.LINUX:
        return float(psutil.Process(pid).create_time())
    while True:
        boot = psutil.boot_time()
        since = psutil.Process(pid).create_time() - boot
        if psutil.boot_time() == boot:  # nobody has set the clock in between
            return round(float(since) * os.sysconf("SC_CLK_TCK"))


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None
