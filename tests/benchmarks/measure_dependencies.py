"""The numbers of docs/explanation/dependencies.md; run by hand, takes about two minutes.

    python tests/benchmarks/measure_dependencies.py

It needs the package with its `test` extra; for the last table also `nest-asyncio` and
`nest-asyncio2`, which the package itself does not want.
"""

import asyncio
import importlib.metadata
import os
import platform
import re
import statistics
import subprocess
import sys
import threading
import time

DIRECT = ("anywidget", "graphviz", "ipykernel", "ipywidgets", "psutil", "pydantic", "pygraphviz")
AT_ONCE = 5


def say(*columns):
    sys.stdout.write("| " + " | ".join(map(str, columns)) + " |\n")


# ---------------------------------------------------------------- what is installed


def closure(name, seen=None):
    """A distribution and all it requires here."""
    seen = {} if seen is None else seen
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return seen
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return seen  # for another platform
    seen[key] = found
    for requirement in found.requires or ():
        if "extra ==" not in requirement:
            closure(re.match(r"[\w.-]+", requirement)[0], seen)
    return seen


def size(distributions):
    files = {file.locate() for found in distributions for file in found.files or ()}
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def import_time(module):
    """Seconds that a fresh interpreter takes for `import module`, its own start taken off."""

    def best(code):
        times = []
        for _ in range(7):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - began)
        return min(times)

    return best(f"import {module}") - best("pass")


def installed():
    say("dependency", "version", "alone, MB", "with what it requires, MB", "import, ms")
    say(*["---"] * 5)
    for name in DIRECT:
        every = closure(name)
        own = every[name]
        seconds = import_time(name)
        say(
            name,
            own.version,
            f"{size([own]):.1f}",
            f"{size(every.values()):.1f}",
            f"{1000 * seconds:.0f}",
        )
    together = {key: found for name in DIRECT for key, found in closure(name).items()}
    ours = import_time("fluffy_nb")
    say("all", "", "", f"{size(together.values()):.1f}", f"`import fluffy_nb`: {1000 * ours:.0f}")


# ---------------------------------------------------------------- the GIL


def dot(nodes):
    """A graph of a usual kind: chains that fork and join."""
    lines = [f'n{i} [label="state number {i}"]; n{i // 2} -> n{i};' for i in range(1, nodes)]
    joins = [f"n{i} -> n{i + 7};" for i in range(0, nodes - 7, 11)]
    return "digraph { rankdir=LR; " + " ".join(lines + joins) + "}"


async def longest_gap(work, source):
    """How long at most a loop stood still while a thread worked, and how long that took."""
    done = threading.Event()
    longest = 0.0

    def worker():
        work(source)
        done.set()

    before = time.perf_counter()
    began = before
    threading.Thread(target=worker).start()
    while not done.is_set():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    return longest, time.perf_counter() - began


def in_this_process(source):
    import pygraphviz

    pygraphviz.AGraph(string=source).draw(format="json0", prog="dot")


def in_the_worker(source):
    from fluffy_nb.diagram import graphviz_process

    graphviz_process.worker.render(source, "json0", 60)


def gil():
    say("nodes", "where", "layout, ms", "loop stood still for, ms")
    say(*["---"] * 4)
    for nodes in (10, 100, 300, 1000):
        for work in (in_this_process, in_the_worker):
            source = dot(nodes)
            work(source)  # once before: imports, plug-ins, the start of the process
            runs = [asyncio.run(longest_gap(work, source)) for _ in range(5)]
            gap, whole = (statistics.median(column) for column in zip(*runs, strict=True))
            place = work.__name__.replace("_", " ")
            say(nodes, place, f"{1000 * whole:.0f}", f"{1000 * gap:.0f}")


# ---------------------------------------------------------------- nested loops


def queued_cells(module):
    """Send a few cells at once, each of which runs a nested loop: how many are run?"""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel()
    try:
        cell = "import asyncio; asyncio.get_event_loop().run_until_complete(asyncio.sleep(0.2))"
        client.execute(f"import {module}; {module}.apply()", reply=True, timeout=60)
        sent = [client.execute(f"{cell}; {number}") for number in range(AT_ONCE)]
        answered = set()
        give_up = time.monotonic() + 15
        while len(answered) < len(sent) and time.monotonic() < give_up:
            if client.shell_channel.msg_ready():
                reply = client.get_shell_msg(timeout=1)
                if reply["content"]["status"] == "ok":
                    answered.add(reply["parent_header"]["msg_id"])
            else:
                time.sleep(0.02)
        return len(answered & set(sent))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def nested():
    say("with", "cells run of", AT_ONCE)
    say(*["---"] * 3)
    for package in ("nest-asyncio", "nest-asyncio2"):
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            say(package, "not installed", "")
            continue
        counts = [queued_cells(package.replace("-", "_")) for _ in range(3)]
        say(f"{package} {version}", ", ".join(map(str, counts)), "")


if __name__ == "__main__":
    cores = os.cpu_count()
    sys.stdout.write(f"Python {platform.python_version()} on {platform.system()}, {cores} cores\n")
    for table in (installed, gil, nested):
        sys.stdout.write("\n")
        table()
