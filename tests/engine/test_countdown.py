import asyncio

import pytest

from fluffy_nb.engine.countdown import Countdown


class Timer:
    def __init__(self, when, callback):
        self._when, self.callback, self.cancelled = when, callback, False

    def when(self):
        return self._when

    def cancel(self):
        self.cancelled = True


class Loop:
    """A loop whose clock is set by hand."""

    def __init__(self):
        self.now = 100.0
        self.timers = []

    def time(self):
        return self.now

    def call_later(self, delay, callback):
        self.timers.append(Timer(self.now + delay, callback))
        return self.timers[-1]

    def advance(self, seconds):
        self.now += seconds
        due = [t for t in self.timers if t.when() <= self.now and not t.cancelled]
        self.timers = [t for t in self.timers if t not in due]
        for timer in due:
            timer.callback()


@pytest.fixture
def loop(monkeypatch):
    loop = Loop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    return loop


def test_it_counts_down_to_its_action_once(loop):
    done = []
    assert Countdown(5, lambda: done.append("up")).start()
    loop.advance(4.9)
    assert done == []
    loop.advance(0.2)
    loop.advance(10)
    assert done == ["up"]


def test_S9_1_while_it_stands_still_no_time_passes(loop):
    done = []
    clock = Countdown(5, lambda: done.append("up"))
    clock.start()
    loop.advance(2)
    assert clock.stop()
    assert clock.left == 3
    loop.advance(1_000)
    assert done == []
    assert clock.start()
    loop.advance(2.9)
    assert done == []
    loop.advance(0.2)
    assert done == ["up"]


def test_started_or_stopped_twice_it_says_so_and_counts_on(loop):
    done = []
    clock = Countdown(5, lambda: done.append("up"))
    assert not clock.stop()
    assert clock.start()
    assert not clock.start()
    loop.advance(5)
    assert done == ["up"]


def test_without_an_end_there_is_nothing_to_start(loop):
    clock = Countdown(None, lambda: None)
    assert not clock.start()
    assert not clock.stop()
    assert clock.left is None


def test_stopped_after_its_time_nothing_is_left(loop):
    clock = Countdown(5, lambda: None)
    clock.start()
    loop.advance(7)
    clock.stop()
    assert clock.left == 0
