"""The moving parts of a run: branches, and the executions they are in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine.metadata import StateMetadata
from fluffy_nb.engine.resources import NOTHING, ResourceRequirements

if TYPE_CHECKING:
    from fluffy_nb.engine.scope import Scope

NO_INPUTS: Mapping[str, Any] = MappingProxyType({})


class Branch:
    """One line of control: it stands at a state, waiting there or in an execution.

    Args:
        number: Its id in the run.
        state: The name it came by.
        node: The state of that name; a template's own name where that matched.
        scope: The agent it is in.
    """

    __slots__ = (
        "alone",
        "error",
        "execution",
        "id",
        "inputs",
        "lost",
        "node",
        "scope",
        "start",
        "state",
    )

    def __init__(self, number: int, state: str, node: str, scope: Scope) -> None:
        self.id = number
        self.state = state
        self.node = node
        self.scope = scope
        self.execution: int | None = None  # None while it waits at the state
        self.inputs: Mapping[str, Any] = NO_INPUTS
        self.alone = False  # never joins others at this state (semantics 5.3)
        self.error: str | None = None  # what failed, where it came by on_error
        self.start: str | None = None  # where an agent that is the state begins
        self.lost: frozenset[str] = frozenset()  # states where it ends: another was first (5.2)

    @property
    def key(self) -> str | int:
        """What branches that join here have in common."""
        return self.id if self.alone else self.state


class Phase(StrEnum):
    """Where an execution that has not ended stands."""

    QUEUED = "queued"
    RUNNING = "running"
    ASKING = "asking"  # waits for a person, without a slot
    ANSWERED = "answered"  # has its answer and waits for a slot
    RETRYING = "retrying"  # failed, and waits for its next attempt
    PARKED = "parked"  # failed or cancelled; runs again when the run is resumed
    INSIDE = "inside"  # an agent whose own states run


@dataclass(slots=True)
class Execution:
    """One time that a state is run.

    Args:
        id: Its number in the run.
        state: The state, with the names of the agents it is in before it.
        branch: What came of the branches that met here.
        data: What is known of its state: by its name, and by the template's where it has one.
        needs: What it takes while it runs.
        order: When it came, as a number that grows.
        attempt: The present attempt, from 1.
        tries: Attempts since the run was begun or resumed: what a retry policy counts.
        phase: Where it stands.
        prompts: How many questions it has open.
        paused: Whether the run has paused before it, for a breakpoint.
        retried: Whether its next start is a retry: no new execution.
    """

    id: int
    state: str
    branch: Branch
    data: tuple[StateMetadata, ...]
    needs: ResourceRequirements = NOTHING
    order: int = 0
    attempt: int = 1
    tries: int = 0
    phase: Phase = Phase.QUEUED
    prompts: int = 0
    paused: bool = False
    retried: bool = False
