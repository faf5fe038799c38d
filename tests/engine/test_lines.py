"""Lines that are typed, and whose they are."""

import os
import termios
import threading

import pytest

from fluffy_nb.engine.lines import Echo, Lines


@pytest.fixture
def tty():
    """A terminal: what is typed into the first descriptor comes out of the second."""
    master, slave = os.openpty()
    yield master, slave
    for descriptor in (master, slave):
        try:
            os.close(descriptor)
        except OSError:
            continue  # the test has closed it


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield writer, reader
    os.close(reader)


def wanted():
    return True


@pytest.mark.parametrize("can_wait", [True, False])
def test_a_line_is_read_when_it_is_typed(tty, can_wait):
    lines = Lines(can_wait=can_wait)
    os.write(tty[0], b"one\ntwo\n\n")
    assert [lines.read(tty[1], wanted) for _ in range(3)] == [b"one", b"two", b""]


def test_a_line_comes_in_parts_and_ends_as_a_platform_ends_them(pipe):
    lines = Lines()
    read = []
    reader = threading.Thread(target=lambda: read.append(lines.read(pipe[1], wanted)))
    os.write(pipe[0], b"on")
    reader.start()
    os.write(pipe[0], b"e\r\n")
    reader.join(10)
    assert read == [b"one"]
    os.close(pipe[0])


@pytest.mark.parametrize("can_wait", [True, False])
def test_S11_6_after_the_last_line_there_is_nobody(pipe, can_wait):
    lines = Lines(can_wait=can_wait)
    os.write(pipe[0], b"one\nand the rest")
    os.close(pipe[0])
    assert lines.read(pipe[1], wanted) == b"one"
    assert lines.read(pipe[1], wanted) == b"and the rest"
    with pytest.raises(EOFError):
        lines.read(pipe[1], wanted)


def test_S11_6_a_terminal_whose_other_end_is_gone_has_nobody(tty):
    os.close(tty[0])
    with pytest.raises(EOFError):
        Lines().read(tty[1], wanted)


@pytest.mark.parametrize("can_wait", [True, False])
def test_S11_6_a_terminal_that_was_closed_has_nobody(tty, can_wait):
    lines = Lines(can_wait=can_wait)
    os.write(tty[0], b"one\n")
    assert lines.read(tty[1], wanted) == b"one"
    os.close(tty[1])
    with pytest.raises(EOFError):
        lines.read(tty[1], wanted)


def test_S11_6_who_gives_up_leaves_the_next_line_to_others(tty):
    """The reader waits already: `is_wanted` has been called when it is told that nobody does."""
    lines = Lines()
    still = [True]
    waits = threading.Event()
    read = []

    def is_wanted():
        waits.set()
        return still[0]

    reader = threading.Thread(target=lambda: read.append(lines.read(tty[1], is_wanted)))
    reader.start()
    waits.wait(10)
    lines.wake()  # for something else
    still[0] = False
    lines.wake()
    reader.join(10)
    assert read == [None]
    os.write(tty[0], b"for others\n")
    assert os.read(tty[1], 100) == b"for others\n"


def test_where_a_platform_can_not_wait_a_late_line_is_kept_for_the_next_question(pipe):
    lines = Lines(can_wait=False)
    asked = []

    def is_wanted():
        asked.append(None)
        return len(asked) == 1  # until something is typed

    os.write(pipe[0], b"late\n")
    assert lines.read(pipe[1], is_wanted) is None
    assert lines.read(pipe[1], wanted) == b"late"
    os.close(pipe[0])


def test_a_question_that_is_closed_already_reads_nothing(tty):
    lines = Lines()
    os.write(tty[0], b"for others\n")
    assert lines.read(tty[1], lambda: False) is None
    lines.wake()
    assert os.read(tty[1], 100) == b"for others\n"


def test_waking_when_nobody_has_read_does_nothing():
    Lines().wake()


def shows(descriptor):
    return bool(termios.tcgetattr(descriptor)[3] & termios.ECHO)


def test_a_password_is_not_shown_and_what_comes_after_is(tty):
    echo = Echo()
    echo.on()
    assert shows(tty[1])
    echo.off(tty[1])
    assert not shows(tty[1])
    echo.on()
    assert shows(tty[1])
    echo.on()
    assert shows(tty[1])
