"""The process beside ours that holds pygraphviz: reads DOT from stdin, writes what becomes of it.

In our own process a layout would keep the GIL for as long as it takes. This file is run by its
path, so that it starts without importing the package. `send` and `receive` are used on both sides.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from typing import Any, BinaryIO


def send(stream: BinaryIO, header: dict[str, Any], body: bytes = b"") -> None:
    """Write a message: one line of JSON that says how many bytes follow, and these.

    Args:
        stream: The pipe.
        header: Plain data.
        body: Any bytes.
    """
    stream.write(json.dumps({**header, "length": len(body)}).encode() + b"\n" + body)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Read what `send` wrote.

    Args:
        stream: The pipe.

    Returns:
        The header and the body; None where the other side is gone.
    """
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    header = json.loads(line)
    body = stream.read(header["length"])
    return (header, body) if len(body) == header["length"] else None


def render(source: str, form: str) -> bytes:
    """Have Graphviz lay out and draw.

    Args:
        source: DOT.
        form: A format that Graphviz knows, as "json0" or "png".

    Returns:
        What `dot -T<form>` would write.
    """
    import pygraphviz  # noqa: PLC0415 - here, so that its absence is an answer and no silence

    drawn: bytes = pygraphviz.AGraph(string=source).draw(format=form, prog="dot")
    return drawn


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more.

    Args:
        requests: Where they come from: DOT, with its form in the header.
        answers: Where the answers go: bytes, or an error in the header.
    """
    while request := receive(requests):
        header, source = request
        try:
            send(answers, {"error": ""}, render(source.decode(), header["form"]))
        except Exception as problem:  # noqa: BLE001 - told to the side that asked
            send(answers, {"error": f"{type(problem).__name__}: {problem}"})


def main() -> None:
    """Serve our parent until it closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the notebook's Stop button means the cell
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no answer
    with contextlib.suppress(Exception):
        render("digraph { a -> b }", "json0")  # import and plug-ins, before the first request
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
