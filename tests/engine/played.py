"""An agent that plays a flow: bodies that wait until the test says how they end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from fluffy_nb import (
    Agent,
    Dependency,
    DependencyLifecycle,
    DependencyType,
    Priority,
    ResourcePool,
    ResourceRequirements,
    RetryPolicy,
    Send,
)

from .reference_flow import LONGEST_DELAY, Flow, Need, Result, Sent, entries, names, unique


class Failed(Exception):
    """What bodies raise."""


@dataclass(eq=False)
class Gate:
    """An attempt whose body waits: where it is, and what it was given."""

    state: str
    attempt: int
    inputs: Mapping[str, Any]
    handles: bool
    execution: int
    opened: asyncio.Future[Any] = field(default_factory=asyncio.Future)

    def end(self, result: Result, *, fails: bool) -> None:
        """Let the body raise or return."""
        if fails:
            self.opened.set_exception(Failed(self.state))
        else:
            self.opened.set_result(returned(result))


def returned(result: Result) -> Any:
    """A result as a state returns it."""
    if isinstance(result, str) or result is None:
        return result
    return [Send(to.name, n=to.number) if isinstance(to, Sent) else to for to in entries(result)]


def agent_of(flow: Flow, gates: list[Gate]) -> Agent:
    """An agent whose bodies wait at gates.

    Args:
        flow: Its states and what is declared about them.
        gates: Will hold the gates of the attempts that run, in the order in which they began.
    """

    async def body(context):
        handles, number = context.error is not None, context._execution
        gate = Gate(context.state, context.attempt, dict(context.inputs), handles, number)
        gates.append(gate)
        try:
            return await gate.opened
        finally:
            gates.remove(gate)

    cpu, memory = flow.pool
    agent = Agent(
        "played",
        start=list(flow.starts) or None,
        max_concurrent=None if flow.most == inf else int(flow.most),
        resources=ResourcePool(cpu, memory),
    )
    agent.breakpoints |= flow.breakpoints
    for state in flow.script:
        rules = flow.of(state)
        shown = [name for result in flow.script[state] for name in names(result)]
        policy = None
        if rules.retries is not None:
            policy = RetryPolicy(
                max_retries=rules.retries,
                initial_delay=rules.delay,
                max_delay=LONGEST_DELAY,
                jitter=False,
            )
        agent.add_state(
            state,
            body,
            next=unique([*flow.declared.get(state, ()), *shown]),
            join=rules.join,
            dependencies={other: dependency(need) for other, need in rules.needs.items()},
            resources=ResourceRequirements(*rules.takes, priority=Priority(rules.priority)),
            retry_policy=policy,
            timeout=rules.timeout,
            on_error=rules.on_error,
        )
    return agent


def dependency(need: Need) -> Dependency:
    return Dependency(
        DependencyType(need.type),
        DependencyLifecycle(need.lifecycle),
        expiry=None if need.expiry == inf else need.expiry,
        even_if_failed=need.even_if_failed,
    )
