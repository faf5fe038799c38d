"""The statuses of an agent's run and of a state, and which may follow which."""

from __future__ import annotations

from enum import StrEnum


class AgentStatus(StrEnum):
    """Where the agent's present or last run stands."""

    IDLE = "IDLE"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class StateStatus(StrEnum):
    """Where the latest execution of a state stands."""

    PENDING = "PENDING"  # not reached, or a branch waits here for others
    READY = "READY"  # may run, waits for a slot, a step or the end of a pause
    RUNNING = "RUNNING"
    WAITING = "WAITING"  # for a person
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    BLOCKED = "BLOCKED"  # nothing can happen any more that would let it go
    CANCELLED = "CANCELLED"
    TIMEOUT = "TIMEOUT"


_A, _S = AgentStatus, StateStatus

AGENT_TRANSITIONS: dict[AgentStatus, frozenset[AgentStatus]] = {
    _A.IDLE: frozenset({_A.RUNNING, _A.PAUSED}),  # PAUSED: a checkpoint was restored
    _A.RUNNING: frozenset({_A.PAUSED, _A.COMPLETED, _A.FAILED, _A.CANCELLED}),
    _A.PAUSED: frozenset({_A.RUNNING, _A.CANCELLED}),
    _A.COMPLETED: frozenset(),
    _A.FAILED: frozenset({_A.RUNNING}),
    _A.CANCELLED: frozenset({_A.RUNNING}),
}

STATE_TRANSITIONS: dict[StateStatus, frozenset[StateStatus]] = {
    _S.PENDING: frozenset({_S.READY, _S.RUNNING, _S.BLOCKED}),
    _S.READY: frozenset({_S.RUNNING, _S.CANCELLED}),
    _S.RUNNING: frozenset({_S.WAITING, _S.COMPLETED, _S.FAILED, _S.CANCELLED, _S.TIMEOUT}),
    _S.WAITING: frozenset({_S.RUNNING, _S.READY, _S.FAILED, _S.CANCELLED}),
    _S.COMPLETED: frozenset({_S.PENDING, _S.READY, _S.RUNNING}),
    _S.FAILED: frozenset({_S.READY, _S.RUNNING}),
    _S.BLOCKED: frozenset({_S.READY, _S.RUNNING}),
    _S.CANCELLED: frozenset({_S.READY, _S.RUNNING}),
    _S.TIMEOUT: frozenset({_S.READY, _S.RUNNING}),
}
