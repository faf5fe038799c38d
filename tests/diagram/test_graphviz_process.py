"""The door to Graphviz: `dot` where there is one, else a worker that is looked after."""

import json
import os
import signal
import sys
import threading
import time

import pytest

from fluffy_nb.diagram import graphviz_process
from fluffy_nb.diagram import worker as worker_module
from fluffy_nb.diagram.graphviz_process import Worker, render, warm_up
from fluffy_nb.errors import LayoutError, LayoutTimeoutError

from .conftest import DOT

FLOW = "digraph { a -> b }"

# Workers that misbehave, each a program that can use `send` and `receive`.
PRELUDE = f"""
import runpy, sys, threading
worker = runpy.run_path({worker_module.__file__!r})
send, receive = worker["send"], worker["receive"]
def ask():
    return receive(sys.stdin.buffer)
def answer(body):
    send(sys.stdout.buffer, {{"error": ""}}, body)
"""


@pytest.fixture
def start():
    """Makes workers, of our own program or of another, and stops them."""
    made = []

    def make(program=None):
        made.append(Worker([sys.executable, "-c", PRELUDE + program]) if program else Worker())
        return made[-1]

    yield make
    for worker in made:
        worker.stop()


def names(answer):
    return [item["name"] for item in json.loads(answer)["objects"]]


# ---------------------------------------------------------------- dot


def test_dot_is_used_where_it_is_on_the_path(programs, monkeypatch):
    programs("dot", DOT)
    monkeypatch.setattr(graphviz_process, "worker", Worker(["no such program"]))
    warm_up()
    assert names(render(FLOW, "json0")) == ["a", "b"]
    assert render(FLOW, "png").startswith(b"\x89PNG")


def test_what_dot_says_is_told(programs):
    programs("dot", f"#!{sys.executable}\nimport sys\nsys.exit('syntax error in line 1')")
    with pytest.raises(LayoutError, match=r"dot' failed \(syntax error in line 1\)"):
        render(FLOW, "json0")


def test_dot_may_fail_without_a_word(programs):
    programs("dot", f"#!{sys.executable}\nimport sys\nsys.exit(3)")
    with pytest.raises(LayoutError, match=r"dot' failed \(exit code 3\)"):
        render(FLOW, "json0")


def test_a_dot_that_cannot_be_run_is_told(programs):
    programs("dot", "#!/no/such/interpreter\n")
    with pytest.raises(LayoutError, match="can't be run"):
        render(FLOW, "json0")


def test_a_dot_that_hangs_is_killed(programs):
    programs("dot", f"#!{sys.executable}\nimport threading\nthreading.Event().wait()")
    with pytest.raises(LayoutTimeoutError, match=r"within 0\.3 s"):
        render(FLOW, "json0", timeout=0.3)


# ---------------------------------------------------------------- the worker


def test_without_dot_a_worker_answers_and_stays(no_dot, monkeypatch, start):
    worker = start()
    monkeypatch.setattr(graphviz_process, "worker", worker)
    assert names(render(FLOW, "json0")) == ["a", "b"]
    process = worker._process
    assert render(FLOW, "png").startswith(b"\x89PNG")
    assert worker._process is process
    assert process.poll() is None


def test_warming_up_starts_it_and_does_not_wait(no_dot, monkeypatch, start):
    worker = start("ask()")  # never answers
    monkeypatch.setattr(graphviz_process, "worker", worker)
    warm_up()
    process = worker._process
    assert process.poll() is None
    warm_up()
    assert worker._process is process


def test_warming_up_does_not_wait_for_a_layout_either(start):
    worker = start()
    with worker._lock:
        worker.warm_up()
    assert worker._process is None


def test_what_graphviz_cannot_read_is_an_error_and_the_worker_goes_on(start):
    worker = start()
    with pytest.raises(LayoutError, match="could not be laid out: DotError"):
        worker.render("digraph {", "json0", 10)
    process = worker._process
    assert names(worker.render(FLOW, "json0", 10)) == ["a", "b"]
    assert worker._process is process


def test_a_worker_that_died_meanwhile_is_started_again(start):
    worker = start()
    worker.render(FLOW, "json0", 10)
    worker._process.kill()
    worker._process.wait()
    assert names(worker.render(FLOW, "json0", 10)) == ["a", "b"]


def test_a_worker_that_dies_over_a_request_is_started_again(start, tmp_path):
    mark = tmp_path / "died"
    worker = start(f"""
from pathlib import Path
mark = Path({str(mark)!r})
ask()
if not mark.exists():
    mark.touch()
    sys.stdout.write('{{"error": ""')
    sys.exit("half way")
answer(b"drawn")
""")
    assert worker.render(FLOW, "json0", 10) == b"drawn"
    assert mark.exists()


def test_one_that_dies_over_it_twice_is_an_error(start):
    worker = start("ask()")
    with pytest.raises(LayoutError, match="died, twice"):
        worker.render(FLOW, "json0", 10)
    assert worker._process is None


def test_a_request_too_long_for_the_pipe_of_a_dying_worker_is_an_error_too(start):
    worker = start("sys.exit()")
    with pytest.raises(LayoutError, match="died, twice"):
        worker.render(FLOW + " " * 1_000_000, "json0", 10)


def test_a_layout_that_takes_too_long_is_killed_and_told(start):
    worker = start("ask(); threading.Event().wait()")
    worker.warm_up()
    process = worker._process
    began = time.monotonic()
    with pytest.raises(LayoutTimeoutError, match=r"within 0\.2 s"):
        worker.render(FLOW, "json0", 0.2)
    assert time.monotonic() - began < 5
    assert process.poll() is not None
    assert worker._process is None


def test_an_answer_that_comes_as_the_time_is_up_counts(start, monkeypatch):
    class Now(threading.Thread):
        """A timer whose time is up at once."""

        def __init__(self, _, function):
            super().__init__(target=function)

        def start(self):
            self.run()

        def cancel(self):
            pass

    worker = start("ask()")
    monkeypatch.setattr(graphviz_process.threading, "Timer", Now)
    monkeypatch.setattr(worker_module, "send", lambda *_: None)
    monkeypatch.setattr(worker_module, "receive", lambda _: ({"error": ""}, b"just in time"))
    assert worker.render(FLOW, "json0", 1) == b"just in time"
    assert worker._process is None  # it has been killed


def test_the_answer_to_an_interrupted_request_is_not_given_to_the_next(start, monkeypatch):
    worker = start()
    with monkeypatch.context() as patched:

        def interrupted(_):
            raise KeyboardInterrupt

        patched.setattr(worker_module, "receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            worker.render("digraph { old }", "json0", 10)
    assert names(worker.render("digraph { new }", "json0", 10)) == ["new"]


def test_where_no_process_can_be_started_that_is_told():
    with pytest.raises(LayoutError, match="no process can be started here"):
        Worker(["/no/such/program"]).render(FLOW, "json0", 10)


def test_stopping_what_does_not_run_does_nothing():
    Worker().stop()


def test_threads_get_their_own_answers(start):
    worker, found = start(), {}

    def draw(name):
        found[name] = names(worker.render(f"digraph {{ {name} }}", "json0", 30))

    threads = [threading.Thread(target=draw, args=(f"x{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {f"x{number}": [f"x{number}"] for number in range(8)}


@pytest.mark.skipif(os.name == "nt", reason="no such signals")
def test_the_stop_button_means_the_cell_and_not_the_worker(start):
    worker = start()
    worker.render(FLOW, "json0", 10)
    process = worker._process
    process.send_signal(signal.SIGINT)
    assert names(worker.render(FLOW, "json0", 10)) == ["a", "b"]
    assert worker._process is process


def test_the_worker_ends_when_its_parent_is_gone(start):
    worker = start()
    worker.render(FLOW, "json0", 10)
    worker._process.stdin.close()
    assert worker._process.wait(10) == 0
    worker._process.stdin = None
