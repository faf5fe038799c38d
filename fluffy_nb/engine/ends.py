"""How often the states that others depend on have ended, and what of that still counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fluffy_nb.engine.dependencies import Dependency, DependencyLifecycle, DependencyType


@dataclass(slots=True)
class Ended:
    """What is known of one state.

    Args:
        completed: How often it completed.
        failed: How often it failed and a handler went on.
        completed_at: When it last completed, seconds since the epoch.
        ended_at: When it last ended, either way.
    """

    completed: int = 0
    failed: int = 0
    completed_at: float = 0.0
    ended_at: float = 0.0

    def of(self, dependency: Dependency) -> tuple[int, float]:
        """How many ends satisfy this dependency, and when the last was."""
        if dependency.even_if_failed or dependency.type is DependencyType.OPTIONAL:
            return self.completed + self.failed, self.ended_at
        return self.completed, self.completed_at


_NEVER = Ended()


@dataclass(slots=True)
class Now:
    """The time of the run's latest event, seconds since the epoch."""

    time: float = 0.0


@dataclass(slots=True)
class Ends:
    """The ends of one agent's states.

    Args:
        now: The time, moved on by the machine.
        of: By state; only states that others depend on.
        taken: How many ends of a dependency a dependent has used up: by both names.
        started: The states that have been started.
    """

    now: Now
    of: dict[str, Ended] = field(default_factory=dict)
    taken: dict[tuple[str, str], int] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)

    def note(self, state: str, time: float, *, completed: bool) -> None:
        """A state that others depend on has ended."""
        ended = self.of.setdefault(state, Ended())
        ended.ended_at = max(time, ended.ended_at)
        if completed:
            ended.completed += 1
            ended.completed_at = max(time, ended.completed_at)
        else:
            ended.failed += 1

    def counts(self, dependent: str, state: str, dependency: Dependency) -> bool:
        """Whether an end is there that still counts for the dependent."""
        number, latest = self.of.get(state, _NEVER).of(dependency)
        if dependency.lifecycle is DependencyLifecycle.ALWAYS:
            return number > self.taken.get((dependent, state), 0)
        if dependency.expiry is not None and self.now.time - latest > dependency.expiry:
            return False
        return number > 0

    def take(self, dependent: str, dependencies: Mapping[str, Dependency]) -> None:
        """The dependent becomes ready: it uses up what counts only once."""
        for state, dependency in dependencies.items():
            always = dependency.lifecycle is DependencyLifecycle.ALWAYS
            if always and self.counts(dependent, state, dependency):
                self.taken[dependent, state] = self.taken.get((dependent, state), 0) + 1

    def to_data(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "of": [
                [state, e.completed, e.failed, e.completed_at, e.ended_at]
                for state, e in self.of.items()
            ],
            "taken": [[dependent, state, n] for (dependent, state), n in self.taken.items()],
            "started": sorted(self.started),
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take in what `to_data` gave."""
        for state, *values in data["of"]:
            self.of[state] = Ended(*values)
        for dependent, state, number in data["taken"]:
            self.taken[dependent, state] = number
        self.started.update(data["started"])
