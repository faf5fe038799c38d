"""What the machine asks the runner to do; each is carried out and told back as an event."""

from __future__ import annotations

from typing import NamedTuple

from fluffy_nb.engine.status import AgentStatus

PAUSE = -1
"""The limit of a run that is to pause: nothing starts, not even another attempt."""


class Start(NamedTuple):
    """Begin an attempt of an execution."""

    execution: int
    state: str
    attempt: int
    branches: tuple[int, ...]


class Queue(NamedTuple):
    """Put an execution that may run into the queue."""

    execution: int
    state: str
    branches: tuple[int, ...]


class Break(NamedTuple):
    """Pause the run before an execution starts."""

    execution: int
    state: str


class Enter(NamedTuple):
    """Begin an agent that is a state, at these states of its own."""

    execution: int
    state: str
    branches: tuple[int, ...]
    starts: tuple[str, ...]


class Exit(NamedTuple):
    """End an agent that is a state: all its branches have ended."""

    execution: int
    state: str


class Reuse(NamedTuple):
    """Let a state's completion in an earlier run count instead of running it."""

    execution: int
    state: str
    branches: tuple[int, ...]


class Continue(NamedTuple):
    """Let a state that a person has answered go on."""

    execution: int
    state: str


class Block(NamedTuple):
    """Fail the run: nothing can happen any more, and branches wait at these states."""

    states: tuple[str, ...]


class Finish(NamedTuple):
    """End the run's activity with this status."""

    status: AgentStatus


Command = Start | Queue | Break | Enter | Exit | Reuse | Continue | Block | Finish
