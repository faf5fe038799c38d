import asyncio
import json

import comm
import ipywidgets
import pytest

from fluffy_nb.widgets import fallback, graph

from . import fakes


class Wire:
    """What goes between the kernel and the page."""

    def __init__(self):
        self.sent = []

    def publish(self, this, msg_type, data=None, *_, **__):
        self.sent.append((this.comm_id, msg_type, data))

    def of(self, widget):
        """What was sent for a widget, latest last."""
        return [
            data
            for comm_id, kind, data in self.sent
            if comm_id == widget.model_id and kind == "comm_msg"
        ]

    def custom(self, widget):
        return [data["content"] for data in self.of(widget) if data["method"] == "custom"]

    def size(self):
        return sum(len(json.dumps(data)) for _, _, data in self.sent)

    def clear(self):
        self.sent.clear()

    def say(self, widget, **content):
        """A message from the page, as a kernel hands it to the widget."""
        data = {"method": "custom", "content": content}
        widget.comm.handle_msg({"content": {"data": data}, "buffers": []})


@pytest.fixture
def wire(monkeypatch):
    wire = Wire()

    def publish_msg(this, *args, **keys):
        wire.publish(this, *args, **keys)

    monkeypatch.setattr(comm.DummyComm, "publish_msg", publish_msg)
    return wire


@pytest.fixture(autouse=True)
def no_widget_remains():
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def drawn(monkeypatch):
    """The fake diagram; a list of the drawings that were made."""
    made = []

    def draw(agent):
        made.append(fakes.draw(agent))
        return made[-1]

    monkeypatch.setattr(graph, "draw", draw)
    monkeypatch.setattr(graph, "patch", fakes.patch)
    monkeypatch.setattr(graph, "topology", fakes.topology)
    monkeypatch.setattr(fallback, "draw", fakes.draw)
    return made


class Timer:
    def __init__(self, when, callback, args):
        self.when, self.callback, self.args, self.cancelled = when, callback, args, False

    def cancel(self):
        self.cancelled = True


class Loop:
    """A loop with a clock that is set by hand."""

    def __init__(self):
        self.now = 0.0
        self.timers = []

    def time(self):
        return self.now

    def call_later(self, delay, callback, *args):
        self.timers.append(Timer(self.now + delay, callback, args))
        return self.timers[-1]

    def call_soon(self, callback, *args):
        return self.call_later(0, callback, *args)

    def advance(self, seconds):
        """Let time pass and do what is due, in order."""
        until = self.now + seconds
        while due := [t for t in self.timers if t.when <= until and not t.cancelled]:
            timer = min(due, key=lambda t: t.when)
            self.timers.remove(timer)
            self.now = max(self.now, timer.when)
            timer.callback(*timer.args)
        self.now = until


@pytest.fixture
def loop(monkeypatch):
    loop = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    return loop
