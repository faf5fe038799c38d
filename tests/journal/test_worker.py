"""The thread of a store: what it calls, in which order, and what is called at the exit."""

from __future__ import annotations

import threading
import time

import pytest

from fluffy_nb.journal.worker import Worker

SOON = 20
"""Seconds after which a test says that something hangs."""


def soon():
    return time.monotonic() + SOON


def test_functions_are_called_in_their_order_in_one_thread():
    worker, called = Worker(), []
    for number in range(5):
        worker.submit(lambda n=number: called.append((n, threading.current_thread())))
    worker.join()
    assert [number for number, _ in called] == [0, 1, 2, 3, 4]
    assert len({thread for _, thread in called}) == 1
    assert called[0][1] is not threading.current_thread()


def test_what_a_function_raises_is_handed_to_who_waits():
    worker = Worker()
    with pytest.raises(ZeroDivisionError):
        worker.submit(lambda: 1 / 0).result(SOON)
    assert worker.submit(lambda: 7).result(SOON) == 7


def test_what_was_to_be_called_later_is_called_at_the_exit_and_no_more_then():
    worker, called = Worker(), []

    def again():
        called.append(len(called))
        worker.call_later(3600, again)

    worker.call_later(3600, again)
    worker.end(soon())
    assert called == [0]
    worker.call_later(0, again)
    worker.look_when_idle()
    worker.end(soon())
    assert called == [0]


def test_the_exit_waits_no_longer_than_it_may():
    worker, go_on = Worker(), threading.Event()
    waits = worker.submit(go_on.wait, SOON)
    worker.end(time.monotonic())
    assert not waits.done()
    go_on.set()
    assert waits.result(SOON)


def test_a_forked_child_has_nothing_to_call():
    worker, called = Worker(), []
    worker._calls.append(lambda: called.append("parent's"))  # without the thread: it has none
    worker._later.append((0.0, 0, lambda: called.append("parent's")))
    worker.forked()
    worker.end(soon())
    assert called == []


def test_a_thread_does_not_wait_for_itself():
    worker = Worker()
    assert worker.submit(worker.join).result(SOON) is None
