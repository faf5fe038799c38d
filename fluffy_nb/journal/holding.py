"""Who executes a run: a process, told apart from others that have its number later."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any


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
    here = this_process()
    if host != here["host"]:
        return True
    if boot != here["boot"] or type(pid) is not int or pid < 1:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return bool(started is None or _started(pid) in {None, started})


def told(text: str) -> str:
    """Who it is, for a message."""
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} on {holder['host']}"
    except (ValueError, TypeError, KeyError):
        return "somebody"


def _started(pid: int) -> int | None:
    """When a process was started, in the kernel's own count; None where it does not say."""
    text = _read(f"/proc/{pid}/stat")
    # The name in brackets may hold anything; what follows it are numbers (proc(5)).
    fields = text.rpartition(")")[2].split() if text else []
    if fields[:1] == ["Z"]:
        return -1  # it has ended, and nobody has asked how
    return int(fields[19]) if len(fields) > 19 else None


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None
