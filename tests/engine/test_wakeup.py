"""Signals that come while an event loop sleeps; the whole story is in test_ctrl_c."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading

import pytest

from fluffy_nb.engine.wakeup import Wakeup


def wakeup_fd():
    """Where signals are written to now."""
    present = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(present, warn_on_full_buffer=False)
    return present


@pytest.fixture
def others():
    """The descriptor of somebody else, which is free to be set."""
    hears, tells = socket.socketpair()
    tells.setblocking(False)
    yield tells.fileno()
    signal.set_wakeup_fd(-1)
    hears.close()
    tells.close()


async def test_signals_wake_while_somebody_needs_it_and_no_longer():
    wakeup = Wakeup()
    wakeup.need("first")
    wakeup.need("second")
    wakeup.free("first")
    wakeup.free("nobody")
    assert wakeup_fd() != -1
    wakeup.free("second")
    wakeup.free("second")
    assert wakeup_fd() == -1


async def test_what_woke_the_loop_is_read_and_the_next_wakes_it_again():
    wakeup = Wakeup()
    wakeup.need("it")
    seen = asyncio.Event()

    def elsewhere():
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    old = signal.signal(signal.SIGUSR1, lambda *_: seen.set())
    try:
        for _ in range(2):
            seen.clear()
            threading.Thread(target=elsewhere).start()
            await asyncio.wait_for(seen.wait(), 10)
    finally:
        signal.signal(signal.SIGUSR1, old)
        wakeup.free("it")


async def test_what_others_have_set_stays(others):
    signal.set_wakeup_fd(others)
    wakeup = Wakeup()
    wakeup.need("it")
    assert wakeup_fd() == others
    wakeup.free("it")
    assert wakeup_fd() == others


async def test_what_others_set_meanwhile_stays(others):
    wakeup = Wakeup()
    wakeup.need("it")
    signal.set_wakeup_fd(others)
    wakeup.free("it")
    assert wakeup_fd() == others


async def test_other_threads_have_no_signals():
    wakeup = Wakeup()

    async def ask():
        wakeup.need("it")

    await asyncio.to_thread(asyncio.run, ask())
    assert wakeup_fd() == -1


async def test_a_loop_that_signals_wake_by_itself_is_left_alone(monkeypatch):
    def refuse(*_):
        raise NotImplementedError  # as Windows' loop does

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "add_reader", refuse)
    monkeypatch.setattr(loop, "remove_reader", refuse)
    wakeup = Wakeup()
    wakeup.need("it")
    assert wakeup_fd() == -1
    wakeup.free("it")


def test_a_loop_that_was_closed_in_between_is_forgotten():
    wakeup = Wakeup()

    async def ask(who):
        wakeup.need(who)
        return wakeup_fd()

    assert asyncio.run(ask("forgotten")) != -1
    assert asyncio.run(ask("kept")) != -1
    wakeup.free("kept")
    assert wakeup_fd() == -1
