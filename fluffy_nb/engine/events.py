"""One small immutable class per fact about a run, past tense.

Everything a run does is one of these, numbered per run. The machine is a fold over them; views,
tests and, later, the journal see nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fluffy_nb.engine.facts import KINDS as KINDS
from fluffy_nb.engine.facts import Event as Event
from fluffy_nb.engine.facts import Going as Going
from fluffy_nb.engine.facts import Next as Next
from fluffy_nb.engine.facts import from_dict as from_dict

# ---------------------------------------------------------------- the run


class RunStarted(Event):
    """A run began; one branch stands at each of its start states."""

    run_id: str
    agent: str
    starts: tuple[str, ...]


class RunRestored(Event):
    """A run was taken up from a checkpoint; it is paused there."""

    run_id: str
    agent: str
    progress: Mapping[str, Any]
    """The plain data that the machine's `progress()` gave."""


class RunResumed(Event):
    """The run goes on after a pause, a failure, a timeout or a cancellation."""


class RunPaused(Event):
    """Nothing runs and nothing new starts until the run is resumed."""


class RunCompleted(Event):
    """The last branch ended."""


class RunFailed(Event):
    """A state failed, and those that were running have ended."""

    text_fields: ClassVar[tuple[str, ...]] = ("error",)
    error: str


class RunCancelled(Event):
    """The run was cancelled, or its time was up; it can be resumed."""

    text_fields: ClassVar[tuple[str, ...]] = ("reason",)
    reason: str


# ---------------------------------------------------------------- executions


class StateQueued(Event):
    """A state may run and waits for a slot, a step or the end of a pause."""

    execution: int
    state: str
    branches: tuple[int, ...]


class StateStarted(Event):
    """An attempt of an execution began."""

    execution: int
    state: str
    attempt: int
    branches: tuple[int, ...]
    """The branches that met here; empty when `StateQueued` has told them."""


class StateCompleted(Event):
    """An execution ended well; a branch goes to each of `next`."""

    execution: int
    state: str
    attempt: int
    next: Next
    written: tuple[str, ...] = ()
    """The context keys it set."""
    removed: tuple[str, ...] = ()
    """The context keys it removed."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the states it leads to."""
        return tuple(to if isinstance(to, str) else to.name for to in self.next)


class StateFailed(Event):
    """An attempt raised, took too long, or returned what is no result."""

    text_fields: ClassVar[tuple[str, ...]] = ("error",)
    execution: int
    state: str
    attempt: int
    error: str
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    timed_out: bool = False
    """Whether it took longer than it may."""
    retry_at: float | None = None
    """When the next attempt is due, seconds since the epoch; None for no other attempt."""
    handler: str | None = None
    """The state where the branch goes on; None where there is none."""
    optional: bool = False
    """Whether the run goes on all the same: other states only depend on this one as OPTIONAL."""


class RetryDue(Event):
    """The delay after a failed attempt is over: the state may run again."""

    execution: int
    state: str


class BreakpointReached(Event):
    """The run pauses before this execution starts."""

    execution: int
    state: str


class AgentEntered(Event):
    """An agent that is a state began: branches stand at its start states."""

    execution: int
    state: str
    branches: tuple[int, ...]
    starts: tuple[str, ...]


class StateReused(Event):
    """A state was not run: its completion in an earlier run counts (semantics 6, ONCE)."""

    execution: int
    state: str
    branches: tuple[int, ...]
    next: Next


class CompletionTakenOver(Event):
    """A state's completion in an earlier run counts in this one."""

    state: str
    completed: float
    """When it completed, seconds since the epoch."""


class StateBlocked(Event):
    """A branch waits here for what can't come any more."""

    text_fields: ClassVar[tuple[str, ...]] = ("why",)
    state: str
    why: str


class StateCancelled(Event):
    """An attempt was cancelled; the execution runs again when the run is resumed."""

    execution: int
    state: str
    attempt: int
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class StateContinued(Event):
    """A state that waited for a person has its slot again and goes on."""

    execution: int
    state: str


class ProgressReported(Event):
    """A state said how far it has come: a fraction from 0 to 1."""

    text_fields: ClassVar[tuple[str, ...]] = ("message",)
    execution: int
    state: str
    fraction: float
    message: str


class DoneOnce(Event):
    """Something was done that this execution does once; its result is kept."""

    text_fields: ClassVar[tuple[str, ...]] = ("key",)
    execution: int
    state: str
    key: str


class Saved(Event):
    """What running states have written so far was kept."""


class SaveFailed(Event):
    """What has happened can't be kept for now; the run goes on."""

    text_fields: ClassVar[tuple[str, ...]] = ("why",)
    why: str


class WriteConflict(Event):
    """Two executions in parallel wrote one key, neither knowing of the other; this one is kept."""

    text_fields: ClassVar[tuple[str, ...]] = ("key",)
    execution: int
    state: str
    key: str
    other: str
    """The state that wrote it before."""
    other_execution: int


class OutputPrinted(Event):
    """A state printed or logged something; it has gone where it would have gone, too."""

    text_fields: ClassVar[tuple[str, ...]] = ("text",)
    execution: int
    state: str
    stream: str
    """"stdout", "stderr" or "log"."""
    text: str


class OutputShown(Event):
    """A state showed something: a bounded mime bundle."""

    text_fields: ClassVar[tuple[str, ...]] = ("bundle",)
    execution: int
    state: str
    bundle: Mapping[str, str]


# ---------------------------------------------------------------- people


class PromptOpened(Event):
    """A state asked a person."""

    text_fields: ClassVar[tuple[str, ...]] = ("text", "choices", "schema", "show")
    prompt: str
    execution: int
    state: str
    text: str
    choices: tuple[str, ...]
    multiline: bool
    deadline: float | None
    """When the question times out, seconds since the epoch."""
    schema: Mapping[str, Any] | None = None
    """The JSON schema of an answer that has fields."""
    show: Mapping[str, str] | None = None
    """What is to be reviewed: a bounded mime bundle."""


class PromptRefused(Event):
    """An answer was not accepted; the prompt stays open."""

    text_fields: ClassVar[tuple[str, ...]] = ("message",)
    prompt: str
    execution: int
    state: str
    message: str


class PromptAnswered(Event):
    """A person's answer was accepted."""

    prompt: str
    execution: int
    state: str


class PromptExpired(Event):
    """Nobody answered in time."""

    prompt: str
    execution: int
    state: str


class PromptWithdrawn(Event):
    """The question is no longer asked: its execution or its run ended."""

    prompt: str
    execution: int
    state: str


class PromptDeadlineMoved(Event):
    """The clocks of the run stood still or go on: the prompt times out at another time."""

    prompt: str
    execution: int
    state: str
    deadline: float | None
    """Seconds since the epoch; None while the run is paused."""


# ---------------------------------------------------------------- the graph


class GraphChanged(Event):
    """States were added, replaced or removed while a run is there."""

    states: tuple[str, ...]
