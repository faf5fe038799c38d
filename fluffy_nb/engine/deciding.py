"""What to do next in a run: one command at a time, from what the machine knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluffy_nb.engine.commands import (
    PAUSE,
    Block,
    Break,
    Command,
    Continue,
    Enter,
    Exit,
    Finish,
    Queue,
    Reuse,
    Start,
)
from fluffy_nb.engine.execution import Branch, Execution, Phase
from fluffy_nb.engine.status import AgentStatus

if TYPE_CHECKING:
    from fluffy_nb.engine.joins import Key
    from fluffy_nb.engine.machine import Machine
    from fluffy_nb.engine.scope import Scope


def decide(machine: Machine, limit: int | None = None) -> Command | None:
    """What to do next, or None when only an event can bring the run on.

    Args:
        machine: What is known of the run.
        limit: How many executions may still start or go on; None for no limit, 0 when only what
            has started goes on, `PAUSE` when not even that begins another attempt.

    Returns:
        One command; ask again after its event has been applied.
    """
    if machine.status is not AgentStatus.RUNNING:
        return None
    if machine.failed:
        return None if machine.running else Finish(AgentStatus.FAILED)
    if machine.ended_agents:
        outer = machine.ended_agents[0]
        return Exit(outer.id, outer.state)
    may_start = limit is None or limit > 0
    free = machine.max_concurrent is None or machine.running < machine.max_concurrent
    if free and may_start and machine.answered:
        first = machine.answered[0]
        if machine.ledger.fits(first.needs):
            return Continue(first.id, first.state)
        free = False  # the pool is kept for it: it goes before the queue
    for scope in machine.scopes.values():
        key = scope.joins.next_ready()
        if key is not None:
            return _release(machine, scope, key, may_start=may_start, free=free and may_start)
    command = _pick(machine, limit, free=free)
    if command is not None or machine.running:
        return command
    return _rest(machine, limit)


def _release(machine: Machine, scope: Scope, key: Key, *, may_start: bool, free: bool) -> Command:
    """Let a group of branches go: at once, or into the queue."""
    group = scope.joins.waiting[key]
    first = group[0]
    number = machine.execution_count + 1
    ids = (first.id,) if len(group) == 1 else tuple([branch.id for branch in group])
    name = scope.prefix + first.state
    if machine.is_instant(first):
        if may_start:
            return _instant(machine, first, number, ids)
        return Queue(number, name, ids)
    at_once = (
        free
        and not machine.queue.length
        and (not machine.is_ordered or _is_only_one(machine, scope, group))
        and not (machine.breakpoints and _is_breakpoint(machine, first))
        and machine.ledger.fits(scope.topology.needs(first.node))
    )
    return Start(number, name, 1, ids) if at_once else Queue(number, name, ids)


def _is_only_one(machine: Machine, scope: Scope, group: list[Branch]) -> bool:
    """Whether nothing else can become ready now, which may have to go first."""
    return len(group) == len(machine.branches) and group[0].node not in scope.topology.parallel


def _pick(machine: Machine, limit: int | None, *, free: bool) -> Command | None:
    """Start one that is in the queue already."""
    may_start = limit is None or limit > 0
    if machine.waiting_agents and may_start:
        first = machine.waiting_agents[0]
        return _instant(machine, first.branch, first.id, ())
    if not free or not machine.queue.length:
        return None

    def fits(execution: Execution) -> bool:
        return machine.ledger.fits(execution.needs)

    if may_start:
        picked = machine.queue.first(fits)
    else:  # what has started may go on to its end
        picked = machine.queue.first_retried(fits) if limit == 0 else None
    if picked is None:
        return None
    if not picked.paused and not picked.retried and _is_breakpoint(machine, picked.branch):
        return Break(picked.id, picked.state)
    return Start(picked.id, picked.state, picked.attempt, ())


def _rest(machine: Machine, limit: int | None) -> Command | None:
    """Nothing runs and nothing can start now: wait, or end the run's activity."""
    if not machine.branches:
        return Finish(AgentStatus.COMPLETED)
    if machine.retrying and limit != PAUSE:
        return None
    may_start = limit is None or limit > 0
    if may_start and all(e.phase is Phase.INSIDE for e in machine.executions.values()):
        return _release_circle(machine)
    # Only people can bring the run on, or the limit is used up.
    return None if limit is None else Finish(AgentStatus.PAUSED)


def _release_circle(machine: Machine) -> Command:
    """Only branches that wait for each other are left (semantics 5.4, 6.4)."""
    for scope in machine.scopes.values():
        key = scope.joins.released()
        if key is not None:
            return _release(machine, scope, key, may_start=True, free=True)
    names = [
        scope.prefix + group[0].state
        for scope in machine.scopes.values()
        for group in scope.joins.waiting.values()
    ]
    return Block(tuple(dict.fromkeys(names)))


def _is_breakpoint(machine: Machine, branch: Branch) -> bool:
    prefix = branch.scope.prefix
    return not machine.breakpoints.isdisjoint({prefix + branch.state, prefix + branch.node})


def _instant(machine: Machine, branch: Branch, number: int, ids: tuple[int, ...]) -> Command:
    """Begin what takes no slot: an agent, or a completion of an earlier run."""
    name = branch.scope.prefix + branch.state
    if machine.is_reused(branch):
        return Reuse(number, name, ids)
    inner = branch.scope.topology.rules.agents[branch.node]
    return Enter(number, name, ids, (branch.start,) if branch.start else inner.starts)
