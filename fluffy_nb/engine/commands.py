"""What the machine asks the runner to do; each is carried out and told back as an event."""

from __future__ import annotations

from typing import NamedTuple

from fluffy_nb.engine.status import AgentStatus


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


class Continue(NamedTuple):
    """Let a state that a person has answered go on."""

    execution: int
    state: str


class Finish(NamedTuple):
    """End the run's activity with this status."""

    status: AgentStatus


Command = Start | Queue | Continue | Finish
