"""Ctrl-C at a question in a terminal: a program of its own, on a real pseudo-terminal."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

import pytest

PATIENCE = 30  # seconds until a test fails; it never waits for a fixed time

PROGRAM = """
import asyncio, fcntl, signal, sys, termios, threading
from pydantic import BaseModel, SecretStr
from fluffy_nb import Agent

# Who runs the tests in the background has it ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C is a signal for this program
settings = termios.tcgetattr(0)
settings[3] |= termios.NOFLSH  # a terminal drops output at Ctrl-C, also what comes right after it
termios.tcsetattr(0, termios.TCSANOW, settings)

class Login(BaseModel):
    password: SecretStr

if "elsewhere" in sys.argv:  # where the system lets another thread have the signal
    def obey():
        signal.sigwait({signal.SIGUSR1})
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    threading.Thread(target=obey, daemon=True).start()

agent = Agent("asking")
schema = Login if "password" in sys.argv else None

@agent.state
async def review(context):
    try:
        await context.human_in_the_loop("Why?", schema=schema)
    finally:
        print("cleaned up")

try:
    asyncio.run(agent.run())
except KeyboardInterrupt:
    print("interrupted:", agent.status, len(agent.prompts))
if "reads" in sys.argv:
    print("shown" if termios.tcgetattr(0)[3] & termios.ECHO else "hidden")
    print("read", repr(input("more? ")))
print("the end")
"""


class Program:
    """A program on a pseudo-terminal, and what it has shown."""

    def __init__(self, *arguments):
        self.keys, terminal = os.openpty()
        command = [sys.executable, "-c", PROGRAM, *arguments]
        streams = {"stdin": terminal, "stdout": terminal, "stderr": terminal}
        environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))}
        self.process = subprocess.Popen(command, **streams, start_new_session=True, env=environment)
        os.close(terminal)
        self.shown = ""

    def shows(self, text):
        """Wait until it has shown a text, after what was waited for before."""
        give_up = time.monotonic() + PATIENCE
        while text not in self.shown:
            left = give_up - time.monotonic()
            ready, _, _ = select.select([self.keys], [], [], max(0, left))
            assert ready, f"{text!r} is not in {self.shown!r}"
            try:
                self.shown += os.read(self.keys, 4096).decode()
            except OSError:
                pytest.fail(f"it ended before {text!r}: {self.shown!r}")
        self.shown = self.shown.partition(text)[2]

    def presses(self, key):
        os.write(self.keys, key)

    def ends(self):
        """What it returns; the terminal is read meanwhile, so that it is never full."""
        with contextlib.suppress(OSError):
            while more := os.read(self.keys, 4096).decode():
                self.shown += more
        return self.process.wait(PATIENCE)


@pytest.fixture
def start():
    started = []

    def start(*arguments):
        started.append(Program(*arguments))
        return started[-1]

    yield start
    for program in started:
        program.process.kill()
        program.process.wait()
        os.close(program.keys)


def test_S11_6_ctrl_c_at_a_question_cancels_the_run_and_the_program_ends(start):
    program = start()
    program.shows("review asks: Why?\r\n> ")
    program.presses(b"\x03")
    program.shows("cleaned up")
    program.shows("interrupted: CANCELLED 0")
    assert program.ends() == 0
    assert "the end" in program.shown
    assert "Traceback" not in program.shown


def test_S11_6_after_ctrl_c_the_next_line_is_the_programs(start):
    program = start("reads")
    program.shows("> ")
    program.presses(b"\x03")
    program.shows("interrupted: CANCELLED")
    program.shows("more? ")
    program.presses(b"a line\n")
    program.shows("read 'a line'")
    assert program.ends() == 0


def test_S11_6_ctrl_c_that_does_not_interrupt_the_sleeping_loop_wakes_it(start):
    # As it also is where it comes in the instant before the loop begins to sleep.
    program = start("elsewhere")
    program.shows("> ")
    program.process.send_signal(signal.SIGUSR1)
    program.shows("cleaned up")
    program.shows("interrupted: CANCELLED 0")
    assert program.ends() == 0


@pytest.mark.parametrize("arguments", [(), ("reads",)])
def test_S11_6_after_ctrl_c_at_a_password_the_terminal_shows_what_is_typed(start, arguments):
    program = start("password", *arguments)
    program.shows("  Password\r\n  > ")
    program.presses(b"\x03")
    program.shows("interrupted: CANCELLED")
    if arguments:
        program.shows("shown")
        program.shows("more? ")
        program.presses(b"a line\n")
    assert program.ends() == 0


def test_S11_6_a_program_whose_terminal_is_closed_ends(start):
    program = start()
    program.shows("> ")
    program.presses(b"\x04")
    assert program.ends() == 1
    assert "nobody can answer here" in program.shown
