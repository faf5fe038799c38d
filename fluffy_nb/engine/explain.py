"""Why a state is where it is, in words; nothing is computed before somebody asks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fluffy_nb.engine.dependencies import DependencyType
from fluffy_nb.engine.execution import Execution, Phase
from fluffy_nb.engine.resources import Priority, is_more
from fluffy_nb.engine.status import StateStatus
from fluffy_nb.errors import visible_lines

if TYPE_CHECKING:
    from fluffy_nb.engine.joins import Key
    from fluffy_nb.engine.machine import Machine
    from fluffy_nb.engine.scope import Scope

LONG = 100
"""In a queue longer than this nobody's place is counted."""

_UNITS = {"cpu_units": "CPU", "memory_mb": "MB", "gpu_units": "GPU"}


def explain(machine: Machine, name: str) -> str:
    """Why the branches at a state are where they are; see `explain_each`."""
    return explain_each(machine, [name])[name]


def explain_each(machine: Machine, names: Iterable[str]) -> dict[str, str]:
    """Why the branches at some states are where they are, from one look at the run.

    Args:
        machine: The run.
        names: The states, as they stand in events; a template's name means all it stands for.

    Returns:
        For each name sentences such as "waits for b2 (running) through b3"; empty where there is
        nothing to say.
    """
    reasons: dict[str, list[str]] = {name: [] for name in names}
    for execution in machine.executions.values():
        branch = execution.branch
        for name in {execution.state, branch.scope.prefix + branch.node} & reasons.keys():
            reasons[name].append(_execution(machine, execution))
    for scope in machine.scopes.values():
        for key, (first, *_) in scope.joins.waiting.items():
            for name in {scope.prefix + first.state, scope.prefix + first.node} & reasons.keys():
                reasons[name].append(waits_for(machine, scope, key))
    return {name: _told(machine, name, found) for name, found in reasons.items()}


def _told(machine: Machine, name: str, reasons: list[str]) -> str:
    data = machine.metadata.get(name)
    if not any(reasons) and data is not None and data.error and data.status is not _RUNS:
        reasons.append(f"{data.status.lower()}: {data.error}")
    return visible_lines("; ".join(dict.fromkeys(filter(None, reasons))))


_RUNS = StateStatus.RUNNING


def _execution(machine: Machine, execution: Execution) -> str:
    match execution.phase:
        case Phase.QUEUED:
            return _queued(machine, execution)
        case Phase.ASKING:
            return "waits for a person"
        case Phase.ANSWERED:
            return "has its answer and waits for a slot"
        case Phase.RETRYING:
            return f"failed in attempt {execution.attempt} and waits for the next"
        case Phase.PARKED:
            error = machine.data(execution.state).error
            failure = f"failed: {error}; " if error else ""
            return f"{failure}runs again when the run is resumed"
        case _:
            return ""


def _queued(machine: Machine, execution: Execution) -> str:
    words = []
    priority, needs = execution.needs.priority, execution.needs
    if priority is not Priority.NORMAL:
        words.append(f"priority {priority.name}")
    if needs:
        free = machine.ledger.free()
        words += [
            f"needs {amount:g} {_UNITS[name]}, {free[name]:g} free"
            for name, amount in needs.amounts().items()
            if is_more(amount, free[name])
        ]
    most = machine.max_concurrent
    if most is not None and machine.running >= most:
        words.append(f"all {most} slots are taken")
    before = 0
    if words and machine.queue.length <= LONG:
        before = next(n for n, other in enumerate(machine.queue) if other is execution)
    if before:
        words.append(f"{before} before it")
    return ", ".join(words) or "is ready"


def waits_for(machine: Machine, scope: Scope, key: Key) -> str:
    """What a group of waiting branches waits for: a branch, or dependencies."""
    holder = scope.joins.holder(key)
    node = scope.joins.waiting[key][0].node
    if holder is not None:
        status = "waiting too"
        if holder.execution is not None:
            status = machine.executions[holder.execution].phase.value
        between = scope.topology.path(holder.node, node)[1:-1]
        through = f" through {' and '.join(between)}" if between else ""
        return f"waits for {holder.state} ({status}){through}"
    unmet = scope.joins.unmet(key)
    return "; ".join(_missing(machine, scope, node, state) for state in unmet)


def _missing(machine: Machine, scope: Scope, node: str, state: str) -> str:
    """Why one dependency is not satisfied."""
    dependency = scope.topology.rules.dependencies[node][state]
    kind = dependency.type
    what = f"needs {state} ({kind.value}"
    if kind is DependencyType.ANY:
        what = f"needs one of those marked ANY, as {state} ({kind.value}"
    ended = scope.ends.of.get(state)
    data = machine.metadata.get(scope.prefix + state)
    if ended is not None and ended.completed:
        number = "its completion has been used" if dependency.expiry is None else "it has expired"
        return f"{what}): {number}"
    if ended is not None:
        return f"{what}): it failed"
    if data is not None and data.status is not StateStatus.PENDING:
        return f"{what}): it is {data.status.lower()}"
    return f"{what}): it has not run, and no branch leads to it"
