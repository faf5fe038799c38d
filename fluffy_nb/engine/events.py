"""One small immutable class per fact about a run, past tense.

Everything a run does is one of these, numbered per run. The machine is a fold over them; views,
tests and, later, the journal see nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

KINDS: dict[str, type[Event]] = {}


@dataclass(frozen=True, slots=True)
class Event:
    """A fact about a run.

    Args:
        seq: The number of the event in its run, from 1, without gaps.
        time: When it happened, seconds since the epoch.
    """

    seq: int
    time: float
    kind: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        cls.kind = cls.__name__
        KINDS[cls.kind] = cls

    def to_dict(self) -> dict[str, Any]:
        """The event as plain data, with its class as `kind`."""
        return {"kind": self.kind, **asdict(self)}


def from_dict(data: Mapping[str, Any]) -> Event:
    """Make the event that `to_dict` was called on.

    Args:
        data: What `Event.to_dict` returned, also after a way through JSON.

    Returns:
        An equal event.

    Raises:
        KeyError: The kind is unknown.
    """
    fields = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in data.items()
        if key != "kind"
    }
    make: Callable[..., Event] = KINDS[data["kind"]]
    return make(**fields)


# ---------------------------------------------------------------- the run


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """A run began; one branch stands at each of its start states."""

    run_id: str
    agent: str
    starts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunRestored(Event):
    """A run was taken up from a checkpoint; it is paused there."""

    run_id: str
    agent: str
    progress: Mapping[str, Any]
    """The plain data that the machine's `progress()` gave."""


@dataclass(frozen=True, slots=True)
class RunResumed(Event):
    """The run goes on after a pause, a failure, a timeout or a cancellation."""


@dataclass(frozen=True, slots=True)
class RunPaused(Event):
    """Nothing runs and nothing new starts until the run is resumed."""


@dataclass(frozen=True, slots=True)
class RunCompleted(Event):
    """The last branch ended."""


@dataclass(frozen=True, slots=True)
class RunFailed(Event):
    """A state failed, and those that were running have ended."""

    error: str


@dataclass(frozen=True, slots=True)
class RunCancelled(Event):
    """The run was cancelled, or its time was up; it can be resumed."""

    reason: str


# ---------------------------------------------------------------- executions


@dataclass(frozen=True, slots=True)
class StateQueued(Event):
    """A state may run and waits for a slot, a step or the end of a pause."""

    execution: int
    state: str
    branches: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StateStarted(Event):
    """An attempt of an execution began."""

    execution: int
    state: str
    attempt: int
    branches: tuple[int, ...]
    """The branches that met here; empty when `StateQueued` has told them."""


@dataclass(frozen=True, slots=True)
class StateCompleted(Event):
    """An execution ended well; a branch goes to each of `next`."""

    execution: int
    state: str
    attempt: int
    next: tuple[str, ...]
    written: tuple[str, ...] = ()
    """The context keys it set."""
    removed: tuple[str, ...] = ()
    """The context keys it removed."""


@dataclass(frozen=True, slots=True)
class StateFailed(Event):
    """An attempt raised, or returned what is no result."""

    execution: int
    state: str
    attempt: int
    error: str
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StateCancelled(Event):
    """An attempt was cancelled; the execution runs again when the run is resumed."""

    execution: int
    state: str
    attempt: int
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StateContinued(Event):
    """A state that waited for a person has its slot again and goes on."""

    execution: int
    state: str


@dataclass(frozen=True, slots=True)
class ProgressReported(Event):
    """A state said how far it has come: a fraction from 0 to 1."""

    execution: int
    state: str
    fraction: float
    message: str


@dataclass(frozen=True, slots=True)
class OutputShown(Event):
    """A state showed something: a bounded mime bundle."""

    execution: int
    state: str
    bundle: Mapping[str, str]


# ---------------------------------------------------------------- people


@dataclass(frozen=True, slots=True)
class PromptOpened(Event):
    """A state asked a person."""

    prompt: str
    execution: int
    state: str
    text: str
    choices: tuple[str, ...]
    multiline: bool
    deadline: float | None
    """When the question times out, seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class PromptRefused(Event):
    """An answer was not accepted; the prompt stays open."""

    prompt: str
    execution: int
    state: str
    message: str


@dataclass(frozen=True, slots=True)
class PromptAnswered(Event):
    """A person's answer was accepted."""

    prompt: str
    execution: int
    state: str


@dataclass(frozen=True, slots=True)
class PromptExpired(Event):
    """Nobody answered in time."""

    prompt: str
    execution: int
    state: str


@dataclass(frozen=True, slots=True)
class PromptWithdrawn(Event):
    """The question is no longer asked: its execution or its run ended."""

    prompt: str
    execution: int
    state: str


@dataclass(frozen=True, slots=True)
class PromptDeadlineMoved(Event):
    """The clocks of the run stood still or go on: the prompt times out at another time."""

    prompt: str
    execution: int
    state: str
    deadline: float | None
    """Seconds since the epoch; None while the run is paused."""


# ---------------------------------------------------------------- the graph


@dataclass(frozen=True, slots=True)
class GraphChanged(Event):
    """States were added, replaced or removed while a run is there."""

    states: tuple[str, ...]
