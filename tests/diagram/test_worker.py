"""The worker's side of the pipe, in this process."""

import io
import json
import runpy
import signal
import sys
from types import SimpleNamespace

import pytest

from fluffy_nb.diagram import worker
from fluffy_nb.diagram.worker import receive, render, send, serve

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pygraphviz's making


def requests(*sources, form="json0"):
    stream = io.BytesIO()
    for source in sources:
        send(stream, {"form": form}, source.encode())
    return io.BytesIO(stream.getvalue())


def answers(stream):
    stream.seek(0)
    return list(iter(lambda: receive(stream), None))


@pytest.mark.parametrize("body", [b"", b"digraph {}", b"\n{}\n\x00" * 3, bytes(range(256)) * 999])
def test_what_is_sent_is_received(body):
    stream = io.BytesIO()
    send(stream, {"form": "png"}, body)
    send(stream, {"form": "next"})
    stream.seek(0)
    assert receive(stream) == ({"form": "png", "length": len(body)}, body)
    assert receive(stream) == ({"form": "next", "length": 0}, b"")
    assert receive(stream) is None


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_half_a_message_is_none(cut):
    stream = io.BytesIO()
    send(stream, {"form": "json0"}, b"digraph {}")
    assert receive(io.BytesIO(stream.getvalue()[:-cut])) is None


def test_requests_are_answered_in_turn_and_errors_too():
    sink = io.BytesIO()
    serve(requests("digraph { a }", "digraph {", "digraph { \u00e9 }"), sink)
    first, wrong, last = answers(sink)
    assert first[0]["error"] == ""
    assert json.loads(first[1])["objects"][0]["name"] == "a"
    assert wrong[0]["error"] == "DotError: Invalid Input"
    assert json.loads(last[1])["objects"][0]["name"] == "\u00e9"


def test_a_missing_pygraphviz_is_an_answer(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    sink = io.BytesIO()
    serve(requests("digraph {}"), sink)
    ((header, body),) = answers(sink)
    assert header["error"].startswith("ModuleNotFoundError")
    assert body == b""


def test_other_forms_are_drawn_too():
    assert render("digraph { a }", "svg").rstrip().endswith(b"</svg>")


def test_as_a_program_it_serves_its_standard_streams(monkeypatch):
    sink, ignored = io.BytesIO(), []
    monkeypatch.setattr(signal, "signal", lambda *what: ignored.append(what))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=requests("digraph { a }")))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=sink))
    runpy.run_path(worker.__file__, run_name="__main__")
    assert sys.stdout is sys.stderr  # what others print does not come between answers
    assert ignored == [(signal.SIGINT, signal.SIG_IGN)]
    ((_, body),) = answers(sink)
    assert json.loads(body)["objects"][0]["name"] == "a"
