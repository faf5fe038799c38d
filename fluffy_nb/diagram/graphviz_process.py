"""The one door to Graphviz, which always runs in another process: `dot`, or our worker."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any, cast

from fluffy_nb.diagram import worker as worker_module
from fluffy_nb.errors import LayoutError, LayoutTimeoutError

TIMEOUT = 60.0
"""Seconds that Graphviz may take; some graphs take it hours."""

_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows a console would pop up
# -P: what lies beside the file is not to be taken for top-level modules.
_COMMAND = (sys.executable, "-P", worker_module.__file__)


def render(source: str, form: str, timeout: float = TIMEOUT) -> bytes:
    """Have Graphviz draw; from any thread.

    Args:
        source: DOT.
        form: A format that Graphviz knows, as "json0" or "png".
        timeout: Seconds; then the process is killed.

    Returns:
        What `dot -T<form>` writes.

    Raises:
        LayoutError: Graphviz is not there, or could not do it.
        LayoutTimeoutError: The time was up.
    """
    dot = shutil.which("dot")
    return worker.render(source, form, timeout) if dot is None else _dot(dot, source, form, timeout)


def warm_up() -> None:
    """Start the process that the first layout will need, without waiting for it."""
    if shutil.which("dot") is None:
        worker.warm_up()


def _dot(dot: str, source: str, form: str, timeout: float) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program; the DOT goes through stdin
            [dot, f"-T{form}"],
            input=source.encode(),
            capture_output=True,
            timeout=timeout,
            check=False,
            creationflags=_NO_WINDOW,
        )
    except subprocess.TimeoutExpired:
        raise LayoutTimeoutError(timeout) from None
    except OSError as problem:
        raise LayoutError(f"{dot!r} can't be run ({problem})") from problem
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
        raise LayoutError(f"{dot!r} failed ({said})")
    return done.stdout


class Worker:
    """A process that holds pygraphviz: started when it is needed, and again when it died.

    Args:
        command: What to start.
    """

    def __init__(self, command: Sequence[str] = _COMMAND) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def render(self, source: str, form: str, timeout: float) -> bytes:
        """As the function `render`."""
        with self._lock:
            # A worker that died since it was last used is nobody's fault: once more.
            answer = self._ask(source, form, timeout) or self._ask(source, form, timeout)
        if answer is None:
            raise LayoutError("the process that runs Graphviz died, twice")
        header, body = answer
        if header["error"]:
            raise LayoutError(header["error"])
        return body

    def warm_up(self) -> None:
        """Start the process without waiting for it."""
        if self._lock.acquire(blocking=False):  # else it is at work, so it has been started
            try:
                self._started()
            finally:
                self._lock.release()

    def stop(self) -> None:
        """Kill the process; the next layout starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()  # closes the pipes and takes the exit code

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own file
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    creationflags=_NO_WINDOW,
                )
            except OSError as problem:
                raise LayoutError(f"no process can be started here ({problem})") from problem
        return self._process

    def _ask(self, source: str, form: str, timeout: float) -> tuple[dict[str, Any], bytes] | None:
        """Send a request and wait for the answer; None where the process died."""
        process = self._started()
        late = threading.Event()

        def kill() -> None:
            late.set()
            process.kill()  # which ends the waiting

        watch = threading.Timer(timeout, kill)
        watch.daemon = True
        watch.start()
        answer = None
        try:
            worker_module.send(cast("Any", process.stdin), {"form": form}, source.encode())
            answer = worker_module.receive(cast("Any", process.stdout))
        except OSError:
            pass  # the pipe is broken
        finally:
            watch.cancel()
            # Also when we are interrupted: its answer would be taken for the next one's.
            if answer is None or late.is_set():
                self.stop()
        if answer is None and late.is_set():
            raise LayoutTimeoutError(timeout)
        return answer


worker = Worker()
atexit.register(worker.stop)
