"""A checkpoint: everything needed to continue a run elsewhere or later, as data."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any

from fluffy_nb.engine.codecs import REMEDY, UnsavableError, decode, encode
from fluffy_nb.engine.copying import copied
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import CheckpointError, InvalidSpecError, shortened

VERSION = 2
"""The version of what `to_dict` gives; a newer one is refused. In 1, `seq` was the `event`."""


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

    def encoded(self) -> SavedBranch:
        """With its inputs as they are saved."""
        inputs = {}
        for key, value in self.inputs.items():
            try:
                inputs[key] = encode(value)
            except UnsavableError as problem:
                raise CheckpointError(
                    f"the input {key!r} sent to state {self.state!r} holds {problem}, which can't "
                    "be saved",
                    "say how with register_codec(type, encode, decode), or send what it is made "
                    "from instead",
                ) from None
        return replace(self, inputs=inputs)

    def decoded(self) -> SavedBranch:
        """With its inputs as they were."""
        return replace(self, inputs={key: decode(data) for key, data in self.inputs.items()})


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
    once: dict[str, Any] = field(default_factory=dict)
    """What `context.once` has done, by key."""

    def encoded(self) -> SavedExecution:
        """With its inputs and results as they are saved."""
        once = {}
        for key, value in self.once.items():
            try:
                once[key] = encode(value)
            except UnsavableError as problem:
                where = f"the result of once({key!r}) in state {self.branch.state!r}"
                raise CheckpointError(
                    f"{where} holds {problem}, which can't be saved",
                    "say how with register_codec(type, encode, decode), or return plain data",
                ) from None
        return replace(self, branch=self.branch.encoded(), once=once)

    def decoded(self) -> SavedExecution:
        """With its inputs and results as they were."""
        once = {key: decode(data) for key, data in self.once.items()}
        return replace(self, branch=self.branch.decoded(), once=once)


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

    def to_dict(self) -> dict[str, Any]:
        """As plain data, with the inputs of branches as they are saved."""
        waiting = [branch.encoded() for branch in self.waiting]
        executions = [execution.encoded() for execution in self.executions]
        return asdict(replace(self, waiting=waiting, executions=executions))

    def decoded(self) -> Progress:
        """With the inputs of branches as they were."""
        waiting = [branch.decoded() for branch in self.waiting]
        executions = [execution.decoded() for execution in self.executions]
        return replace(self, waiting=waiting, executions=executions)

    @classmethod
    def of(
        cls,
        data: Mapping[str, Any],
        given: Callable[[int], list[dict[str, Any]]],
        once: Callable[[int], dict[str, Any]],
    ) -> Progress:
        """Take what the machine gave, containers copied, with what each execution was given."""
        data = copied(dict(data))
        return cls(
            **{
                **data,
                "waiting": [SavedBranch(**branch) for branch in data["waiting"]],
                "executions": [
                    SavedExecution(
                        **{**saved, "branch": SavedBranch(**saved["branch"])},
                        answers=given(saved["id"]),
                        once=copied(once(saved["id"])),
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
        seq: Its number in the run: 1, 2, 3, ...; of one that was made by hand, that of the latest
            before it, 0 where there was none.
        event: The number of the run's latest event then.
        state: The state whose end it is of; empty for one that was made by hand.
    """

    timestamp: float
    agent_name: str
    agent_status: str
    shared_state: dict[str, Any]
    progress: Progress
    changes: Changes = field(default_factory=Changes)
    writers: dict[str, str] = field(default_factory=dict)
    version: int = VERSION
    seq: int = 0
    event: int = 0
    state: str = ""

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
        return {key: copied(value) for key, value in self.shared_state.items()}

    def to_dict(self) -> dict[str, Any]:
        """The checkpoint as plain data that `json.dumps` takes.

        Raises:
            CheckpointError: A value is none that JSON gives back as it was.
        """
        return {
            "timestamp": self.timestamp,
            "agent_name": self.agent_name,
            "agent_status": self.agent_status,
            "shared_state": {k: self._saved(k, v) for k, v in self.shared_state.items()},
            "progress": self.progress.to_dict(),
            "changes": asdict(self.changes),
            "writers": dict(self.writers),
            "version": self.version,
            "seq": self.seq,
            "event": self.event,
            "state": self.state,
            "completed_states": sorted(self.completed_states),
        }

    def _saved(self, key: str, value: object) -> Any:
        try:
            return encode(value)
        except UnsavableError as problem:
            raise unsaved(key, problem, self.writers.get(key, "")) from None

    def diff(self, other: Checkpoint) -> Changes:
        """The context keys that were added, changed and removed from here to another.

        Args:
            other: A later checkpoint, of this run or of another.

        Raises:
            InvalidSpecError: It is no `Checkpoint`.
        """
        check_checkpoint("the other checkpoint", other)
        mine, theirs = self.shared_state, other.shared_state
        return Changes(
            added=tuple(key for key in theirs if key not in mine),
            changed=tuple(k for k in theirs if k in mine and not _are_alike(mine[k], theirs[k])),
            removed=tuple(key for key in mine if key not in theirs),
        )

    def to_json(self) -> str:
        """The checkpoint as JSON text."""
        return json.dumps(self.to_dict())

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

        from fluffy_nb.engine.soundness import check_progress  # noqa: PLC0415 - it imports this

        if not isinstance(data, Mapping):
            raise CheckpointError(f"{shortened(data)} is no checkpoint", REMEDY)
        version = data.get("version")
        if type(version) is not int or not 1 <= version <= VERSION:
            raise CheckpointError(
                f"the checkpoint has version {shortened(version)}, this package reads 1 to "
                f"{VERSION}",
                "read it with the version of fluffy-nb that wrote it",
            )
        fields = {key: value for key, value in data.items() if key != "completed_states"}
        if version == 1:
            fields.update(version=VERSION, seq=0, event=fields.pop("seq", 0))
        try:
            text = json.dumps(fields)
            checkpoint: Checkpoint = _reader().validate_json(text, strict=True)
        except ValidationError as problem:
            first = problem.errors()[0]
            place = ".".join(map(str, first["loc"])) or "text"
            raise CheckpointError(
                f"the checkpoint's {place} is {shortened(first['input'])}: {first['msg'].lower()}",
                REMEDY,
            ) from None
        except (TypeError, ValueError, RecursionError) as problem:
            raise CheckpointError(f"the checkpoint is no plain data: {problem}", REMEDY) from None
        check_progress(checkpoint.progress)
        return replace(
            checkpoint,
            shared_state={key: decode(value) for key, value in checkpoint.shared_state.items()},
            progress=checkpoint.progress.decoded(),
        )


def blank(agent: str) -> Checkpoint:
    """The checkpoint of an agent that has not run yet: of no run, with no values."""
    progress = Progress("", [], [], [], [], {}, {}, [], [], [])
    return Checkpoint(time.time(), agent, str(AgentStatus.IDLE), {}, progress)


def check_checkpoint(what: str, given: object) -> None:
    """Refuse what is no checkpoint, and say how to make one of a dict."""
    if not isinstance(given, Checkpoint):
        remedy = "Checkpoint.from_dict(...) makes one of what to_dict() gave."
        raise InvalidSpecError(what, given, "a Checkpoint", remedy)


def _are_alike(one: object, other: object) -> bool:
    """Whether two values are saved alike; those that can't be saved are only what they are."""
    if one is other:
        return True
    try:
        return bool(encode(one) == encode(other))
    except UnsavableError:
        return False


def unsaved(key: str, problem: UnsavableError, state: str) -> CheckpointError:
    """The error that says which value can't be saved, who wrote it, and what to do."""
    by = f", written by state {state!r}" if state else ""
    return CheckpointError(
        f"the context's {key!r} holds {problem}{by}, which can't be saved",
        "say how with register_codec(type, encode, decode), keep it out of checkpoints with "
        "set_local, or store what it is made from instead",
    )


@cache
def _reader() -> Any:
    from pydantic import ConfigDict, TypeAdapter  # noqa: PLC0415 - as above

    strict = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    for part in (Changes, SavedBranch, SavedExecution, SavedEnds, Progress, Checkpoint):
        setattr(part, "__pydantic_config__", strict)  # noqa: B010 - pydantic's name for it
    return TypeAdapter(Checkpoint)
