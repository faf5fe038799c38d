"""A checkpoint: everything needed to continue a run elsewhere or later, as data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import chain
from typing import Any, ClassVar

from fluffy_nb.errors import CheckpointError, shortened

VERSION = 1
"""The version of what `to_dict` gives; a newer one is refused."""

MOST_BITS = 14_000
"""The largest whole number that JSON readers take; Python's own stops at 4,300 digits."""

DEEPEST = 100
"""How deep containers in containers are saved; JSON readers stop at 200, with what is around."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The context keys that differ between two checkpoints."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedBranch:
    """A branch: the state it stands at, and what it has with it.

    `scope` is the execution of the agent it is in, 0 for the run's own; see `execution.Branch`.
    """

    state: str
    scope: int
    inputs: dict[str, Any]
    alone: bool
    start: str | None
    error: str | None
    lost: list[str]


@dataclass(frozen=True, slots=True)
class SavedExecution:
    """An execution that had not ended."""

    id: int
    attempt: int
    started: bool
    inside: bool
    branch: SavedBranch
    answers: list[dict[str, Any]]
    """What its body has asked and was answered: given again to a body that begins anew."""


@dataclass(frozen=True, slots=True)
class SavedEnds:
    """What was known of the states that others depend on, in one agent; see `ends.Ends`."""

    scope: int
    of: list[tuple[str, int, int, float, float]]
    taken: list[tuple[str, str, int]]
    started: list[str]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stood: what the machine needs to go on."""

    run_id: str
    starts: list[str]
    waiting: list[SavedBranch]
    executions: list[SavedExecution]
    completed: list[str]
    counts: dict[str, int]
    completions: dict[str, int]
    taken: list[tuple[str, str, int]]
    ends: list[SavedEnds]
    reused: list[str]

    @classmethod
    def of(cls, data: Mapping[str, Any], given: Callable[[int], list[dict[str, Any]]]) -> Progress:
        """Take what the machine gave, containers copied, with the answers of each execution."""
        data = copied(dict(data))
        return cls(
            **{
                **data,
                "waiting": [SavedBranch(**branch) for branch in data["waiting"]],
                "executions": [
                    SavedExecution(
                        **{**saved, "branch": SavedBranch(**saved["branch"])},
                        answers=given(saved["id"]),
                    )
                    for saved in data["executions"]
                ],
                "taken": [(source, target, number) for source, target, number in data["taken"]],
                "ends": [SavedEnds(**ends) for ends in data["ends"]],
            }
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run at one moment.

    Args:
        timestamp: When it was made, seconds since the epoch.
        agent_name: The agent that ran.
        agent_status: Its status then.
        shared_state: The context's values.
        progress: Where the run stood.
        changes: What changed in the context since the step before; for `step()`.
        writers: The state that wrote each key last, for messages.
        version: Of the form of `to_dict`.
    """

    timestamp: float
    agent_name: str
    agent_status: str
    shared_state: dict[str, Any]
    progress: Progress
    changes: Changes = field(default_factory=Changes)
    writers: dict[str, str] = field(default_factory=dict)
    version: int = VERSION

    REMEDY: ClassVar[str] = "give what Checkpoint.to_dict returned, unchanged"

    @property
    def run_id(self) -> str:
        """The run this is a checkpoint of."""
        return self.progress.run_id

    @property
    def completed_states(self) -> frozenset[str]:
        """The states that had completed at least once."""
        return frozenset(self.progress.completed)

    def restored_values(self) -> dict[str, Any]:
        """The context's values, for a run that goes on from here."""
        values: dict[str, Any] = copied(self.shared_state)
        return values

    def to_dict(self) -> dict[str, Any]:
        """The checkpoint as plain data that `json.dumps` takes.

        Raises:
            CheckpointError: A value is none that JSON gives back as it was.
        """
        for key, value in self.shared_state.items():
            why = _unsavable(key) or _unsavable(value)
            if why:
                writer = self.writers.get(key)
                by = f", written by state {writer!r}" if writer else ""
                raise CheckpointError(
                    f"the context's {key!r} holds {why}{by}, which can't be saved",
                    "store JSON values (strings, numbers, lists, dicts with string keys), store "
                    "what it is made from instead, or remove it before the checkpoint",
                )
        branches = [*self.progress.waiting, *(e.branch for e in self.progress.executions)]
        for branch in branches:
            for key, value in branch.inputs.items():
                why = _unsavable(key) or _unsavable(value)
                if why:
                    raise CheckpointError(
                        f"the input {key!r} sent to state {branch.state!r} holds {why}, which "
                        "can't be saved",
                        "send JSON values (strings, numbers, lists, dicts with string keys)",
                    )
        data = asdict(self)
        data["completed_states"] = sorted(self.completed_states)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Checkpoint:
        """Read what `to_dict` gave, also after a way through JSON; runs no code.

        Args:
            data: A mapping of plain values.

        Returns:
            An equal checkpoint.

        Raises:
            CheckpointError: It has another form, or a newer version.
        """
        from pydantic import ValidationError  # noqa: PLC0415 - importing the engine stays cheap

        if not isinstance(data, Mapping):
            raise CheckpointError(f"{shortened(data)} is no checkpoint", cls.REMEDY)
        version = data.get("version")
        if type(version) is not int or version != VERSION:
            raise CheckpointError(
                f"the checkpoint has version {shortened(version)}, this package reads {VERSION}",
                "read it with the version of fluffy-nb that wrote it",
            )
        fields = {key: value for key, value in data.items() if key != "completed_states"}
        try:
            text = json.dumps(fields)
            checkpoint: Checkpoint = _reader().validate_json(text, strict=True)
        except ValidationError as problem:
            first = problem.errors()[0]
            place = ".".join(map(str, first["loc"])) or "text"
            raise CheckpointError(
                f"the checkpoint's {place} is {shortened(first['input'])}: {first['msg'].lower()}",
                cls.REMEDY,
            ) from None
        except (TypeError, ValueError, RecursionError) as problem:
            raise CheckpointError(
                f"the checkpoint is no plain data: {problem}", cls.REMEDY
            ) from None
        return checkpoint


@cache
def _reader() -> Any:
    from pydantic import ConfigDict, TypeAdapter  # noqa: PLC0415 - as above

    strict = ConfigDict(extra="forbid", strict=True)
    for part in (Changes, SavedBranch, SavedExecution, SavedEnds, Progress, Checkpoint):
        setattr(part, "__pydantic_config__", strict)  # noqa: B010 - pydantic's name for it
    return TypeAdapter(Checkpoint)


def copied(value: Any) -> Any:
    """A copy of plain containers, so that a checkpoint does not change with the run.

    What can't be saved stays as it is: copying a subclass would make it look savable.
    """
    try:
        return _copied(value)
    except RecursionError:  # in a circle, or too deep
        return value


def _copied(value: Any) -> Any:
    # Threads may change the container meanwhile: list() takes all of it in one go.
    if type(value) is dict:
        return {key: _copied(item) for key, item in list(value.items())}
    if type(value) is list:
        return [_copied(item) for item in list(value)]
    return value


def _unsavable(value: object, depth: int = 0) -> str:
    """What there is in a value that JSON does not give back as it was; empty where nothing is."""
    if value is None or type(value) in {bool, float}:
        return ""
    if type(value) is int:
        bits = value.bit_length()
        return f"a number of {bits:,} bits" if bits > MOST_BITS else ""
    if type(value) is str:
        return "" if _is_unicode(value) else f"{shortened(value)}, which is no Unicode"
    if depth == DEEPEST:
        return f"containers in containers, more than {DEEPEST} deep"
    inside: Iterable[object]
    if type(value) is list:
        inside = value
    elif type(value) is dict and all(type(name) is str for name in value):
        inside = chain(value, value.values())
    else:
        return f"{shortened(value)} of {type(value).__name__}"
    return next(filter(None, (_unsavable(item, depth + 1) for item in inside)), "")


def _is_unicode(text: str) -> bool:
    """Whether a string has no lone surrogates, as names of files may have."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False
