"""What is known of each state: its latest execution, and how many there were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from fluffy_nb.engine.status import StateStatus


@dataclass(slots=True)
class StateMetadata:
    """One state's latest execution.

    Args:
        status: Of the latest execution.
        attempts: Attempts of the latest execution.
        started: When its latest attempt began, seconds since the epoch.
        ended: When that ended; None while it runs.
        error: Why it failed.
        executions: How often the state was run.
        completions: How often it completed.
    """

    status: StateStatus = StateStatus.PENDING
    attempts: int = 0
    started: float | None = None
    ended: float | None = None
    error: str | None = None
    executions: int = 0
    completions: int = 0


class MetadataView(Mapping[str, StateMetadata]):
    """The metadata of all states by name, as it stands when an item is read.

    Args:
        states: The agent's states.
        known: What the run knows of those it has reached.
    """

    def __init__(self, states: Mapping[str, object], known: Mapping[str, StateMetadata]) -> None:
        self._states = states
        self._known = known

    def __getitem__(self, name: str) -> StateMetadata:
        data = self._known.get(name)
        if data is not None:
            return replace(data)  # a copy: nobody changes the run by it
        if name in self._states:
            return StateMetadata()
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._states, *self._known]))

    def __len__(self) -> int:
        return len({*self._states, *self._known})

    def __repr__(self) -> str:
        return f"<state metadata of {len(self)} states>"
