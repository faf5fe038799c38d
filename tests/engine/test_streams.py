"""Semantics 10.11: a stream in a state is the stream that it is outside."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import faulthandler
import io
import logging
import pickle
import subprocess
import sys
import threading

import pytest
from ipykernel.iostream import OutStream

from fluffy_nb import Agent
from fluffy_nb.engine import events as ev

from .scripted import Script, settled


class Tee:
    """What people put in the place of a stream: a file of theirs, written in Python."""

    def __init__(self, other=None):
        self.other, self.texts = other, []

    def write(self, text):
        self.texts.append(text)
        if self.other is not None:
            self.other.write(text)
        return len(text)

    def flush(self):
        pass


class Slotted:
    """A stream that takes no attributes."""

    __slots__ = ("texts",)

    def __init__(self):
        self.texts = []

    def write(self, text):
        self.texts.append(text)
        return len(text)

    def flush(self):
        pass


class Handing(Slotted):
    """A stream that hands on what is set on it, as proxies do."""

    __slots__ = ("__dict__", "inner")

    def __init__(self):
        super().__init__()
        object.__setattr__(self, "inner", Tee())

    def write(self, text):
        return self.inner.write(text)

    def __setattr__(self, name, value):
        if name == "texts":
            object.__setattr__(self, name, value)
        else:
            setattr(self.inner, name, value)


class Bound(Slotted):
    """A stream whose `write` can't be covered by an attribute."""

    __slots__ = ("__dict__",)

    @property
    def write(self):
        return self.texts.append

    @write.setter
    def write(self, value):
        raise AttributeError


def text_file():
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


STREAMS = {
    "TextIOWrapper": text_file,
    "StringIO": io.StringIO,
    "Tee": Tee,
    "Slotted": Slotted,
    "Handing": Handing,
    "Bound": Bound,
}


def noted(events):
    return "".join(event.text for event in events if isinstance(event, ev.OutputPrinted))


def in_a_state(body, plain=False):
    """Run one state, and return what it printed."""
    agent, events = Agent("a"), []
    agent.subscribe(events.append)

    async def state(context):
        body()

    agent.add_state("s", (lambda context: body()) if plain else state, next=[])
    asyncio.run(agent.run())
    return noted(events)


@pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("plain", [False, True], ids=["async", "plain"])
def test_S10_11_every_kind_of_stream_is_watched_and_left_as_it_was(make, plain, monkeypatch):
    stream = make()
    monkeypatch.setattr(sys, "stdout", stream)
    before = dict(getattr(stream, "__dict__", {}))
    assert in_a_state(lambda: print("said"), plain) == "said\n"
    assert sys.stdout is stream
    assert dict(getattr(stream, "__dict__", {})) == before
    written = getattr(stream, "texts", None) or getattr(stream, "inner", stream)
    if isinstance(written, io.TextIOBase):
        written.seek(0)
        written = written.read()
    elif isinstance(written, Tee):
        written = written.texts
    assert "".join(written) == "said\n"


@pytest.mark.parametrize("make", [text_file, io.StringIO, Tee], ids=["file", "StringIO", "Tee"])
def test_S10_11_identity_class_and_attributes_are_the_streams(make, monkeypatch):
    stream = make()
    monkeypatch.setattr(sys, "stdout", stream)

    def looks():
        assert sys.stdout is stream
        assert type(sys.stdout) is type(stream)
        assert isinstance(sys.stdout, io.TextIOBase) is (make is not Tee)
        sys.stdout.mark = 1
        assert getattr(stream, "encoding", None) == getattr(sys.stdout, "encoding", None)

    in_a_state(looks)
    assert stream.mark == 1


def test_S10_11_a_file_is_reconfigured_and_its_buffer_written_to(monkeypatch):
    stream = text_file()
    monkeypatch.setattr(sys, "stdout", stream)

    def works():
        sys.stdout.reconfigure(errors="replace", line_buffering=True)
        sys.stdout.buffer.write(b"raw ")
        sys.stdout.writelines(["one ", "two\n"])
        with pytest.raises(TypeError):
            copy.copy(sys.stdout)
        with pytest.raises(TypeError):
            sys.stdout.write(b"no text")

    assert in_a_state(works) == "one two\n"
    assert stream.errors == "replace"
    assert stream.buffer.getvalue() == b"raw one two\n"


@pytest.mark.parametrize("make", [io.StringIO, Tee], ids=["StringIO", "Tee"])
@pytest.mark.parametrize("how", ["copy", "deepcopy", "pickle"])
def test_S10_11_a_copy_of_a_stream_is_another_stream(make, how, monkeypatch):
    stream, copies = make(), []
    monkeypatch.setattr(sys, "stdout", stream)

    def copies_it():
        print("before")
        made = {
            "copy": copy.copy,
            "deepcopy": copy.deepcopy,
            "pickle": lambda each: pickle.loads(pickle.dumps(each)),
        }[how](sys.stdout)
        made.write("into the copy\n")
        copies.append(made)

    assert in_a_state(copies_it) == "before\n"
    if make is io.StringIO:
        assert stream.getvalue() == "before\n"
        assert copies[0].getvalue() == "before\ninto the copy\n"
    elif how != "copy":  # a shallow copy of a Tee shares the list of its texts
        assert "".join(stream.texts) == "before\n"
    assert type(copies[0]) is make
    assert "write" not in vars(copies[0])


def test_S10_11_a_write_that_somebody_has_put_on_the_stream_stays(monkeypatch):
    """As tools that record a console do: before a run, or in a state."""
    stream, seen = io.StringIO(), []
    monkeypatch.setattr(sys, "stdout", stream)
    own = stream.write

    def records(text):
        seen.append(text)
        return own(text)

    stream.write = records
    assert in_a_state(lambda: print("one")) == "one\n"
    assert stream.write is records

    def puts_another():
        inner = sys.stdout.write
        sys.stdout.write = lambda text: inner(text.upper())

    in_a_state(puts_another)
    assert in_a_state(lambda: print("two")) == "two\n"
    assert stream.getvalue() == "one\nTWO\n"
    assert "".join(seen) == "one\nTWO\n"
    assert set(vars(stream)) == {"write"}


def test_S10_11_redirections_within_a_state_and_around_a_run(monkeypatch):
    stream, within, around = io.StringIO(), io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)

    def redirects():
        print("one")
        with contextlib.redirect_stdout(within):
            print("two")
        print("three")

    with contextlib.redirect_stdout(around):
        assert in_a_state(redirects) == "one\nthree\n"
    assert in_a_state(redirects) == "one\nthree\n"
    assert within.getvalue() == "two\n" * 2
    assert around.getvalue() == stream.getvalue() == "one\nthree\n"
    assert sys.stdout is stream
    assert not vars(around)


async def test_S10_11_a_run_that_begins_under_a_redirection_is_watched_beside_another(monkeypatch):
    stream, other = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    one, two = Script("one"), Script("two")
    one.add("s", lambda c: print("first"), gate=True, next=[])
    two.add("s", lambda c: print("second"), next=[])
    run = one.agent.start()
    await settled()
    with contextlib.redirect_stdout(other):
        await two.agent.run()
    await one.open("s")
    await run
    assert (noted(one.events), noted(two.events)) == ("first\n", "second\n")
    assert (stream.getvalue(), other.getvalue()) == ("first\n", "second\n")
    assert not vars(stream)
    assert not vars(other)


def test_S10_11_what_a_stream_writes_to_another_is_noted_once(monkeypatch):
    inner = io.StringIO()
    monkeypatch.setattr(sys, "stderr", inner)
    monkeypatch.setattr(sys, "stdout", Tee(inner))
    assert in_a_state(lambda: print("once")) == "once\n"
    assert inner.getvalue() == "once\n"


def test_S10_11_one_stream_under_two_names_is_noted_once(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)

    def says():
        print("out")
        print("err", file=sys.stderr)

    assert in_a_state(says) == "out\nerr\n"
    assert stream.getvalue() == "out\nerr\n"


def test_S10_11_a_handler_made_in_a_state_outlives_the_run(monkeypatch):
    stream, log = io.StringIO(), logging.getLogger("outlives")
    monkeypatch.setattr(sys, "stderr", stream)
    log.propagate = False
    made = []

    def makes():
        made.append(logging.StreamHandler())
        log.addHandler(made[0])
        log.warning("within")

    try:
        text = in_a_state(makes)
        log.warning("after")
    finally:
        log.removeHandler(made[0])
        log.propagate = True
    assert made[0].stream is stream
    assert stream.getvalue() == "within\nafter\n"
    assert "WARNING outlives: within" in text


def test_S10_11_what_needs_a_real_file_finds_it(capfd):
    """With a file descriptor: programs, and the handler of faults."""

    def works():
        subprocess.run(
            [sys.executable, "-c", "print('from a program')"], stdout=sys.stdout, check=True
        )
        faulthandler.dump_traceback(file=sys.stderr)

    with (
        open(1, "w", closefd=False) as out,
        open(2, "w", closefd=False) as err,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        in_a_state(works)
    told = capfd.readouterr()
    assert "from a program" in told.out
    assert "test_streams.py" in told.err


def test_S10_11_capsys_has_it_and_a_thread_that_no_state_made_is_not_noted(capsys):
    def works():
        print("of the state")
        thread = threading.Thread(target=print, args=("of another thread",))
        thread.start()
        thread.join()

    assert in_a_state(works) == "of the state\n"
    assert capsys.readouterr().out == "of the state\nof another thread\n"


def test_S10_11_a_kernels_stream_is_watched(monkeypatch):
    class Nowhere:
        """A socket's stand-in: what is published is not looked at."""

        def schedule(self, function):
            pass

    stream = OutStream.__new__(OutStream)
    texts = []
    monkeypatch.setattr(OutStream, "write", lambda self, text: texts.append(text) or len(text))
    monkeypatch.setattr(OutStream, "__del__", lambda self: None, raising=False)
    stream.pub_thread = Nowhere()
    monkeypatch.setattr(sys, "stdout", stream)

    def looks():
        print("from a cell")
        assert isinstance(sys.stdout, OutStream)
        sys.stdout.writelines(["and more\n"])

    assert in_a_state(looks) == "from a cell\nand more\n"
    assert "".join(texts) == "from a cell\nand more\n"
    assert set(vars(stream)) == {"pub_thread"}


def test_S10_11_no_stream_at_all_is_no_fault(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert in_a_state(lambda: print("into the void")) == ""


def test_S10_11_a_stream_that_raises_fails_the_state_and_notes_nothing(monkeypatch):
    class Closed(Tee):
        def write(self, text):
            raise OSError("closed")

    monkeypatch.setattr(sys, "stdout", Closed())
    caught = []

    def says():
        with pytest.raises(OSError, match="closed") as problem:
            print("lost")
        caught.append(problem)

    assert in_a_state(says) == ""
    assert caught
