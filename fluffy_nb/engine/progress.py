"""Where a run stands, as plain data, and a machine that stands there again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine.execution import Branch, Execution, Phase
from fluffy_nb.engine.scope import Scope
from fluffy_nb.engine.status import AgentStatus, StateStatus

if TYPE_CHECKING:
    from fluffy_nb.engine.machine import Machine


def progress_of(machine: Machine) -> dict[str, Any]:
    """Where the run stands: what a checkpoint keeps of the machine."""
    return {
        "run_id": machine.run_id,
        "starts": list(machine.starts),
        "waiting": [
            branch_data(branch) for branch in machine.branches.values() if branch.execution is None
        ],
        "executions": [
            {
                "id": execution.id,
                "attempt": execution.attempt,
                "started": execution.phase is not Phase.QUEUED,
                "inside": execution.phase is Phase.INSIDE,
                "branch": branch_data(execution.branch),
            }
            for execution in machine.executions.values()
        ],
        "completed": list(machine.completed),
        "counts": {name: data.executions for name, data in machine.metadata.items()},
        "completions": {
            name: data.completions for name, data in machine.metadata.items() if data.completions
        },
        "taken": [[source, target, n] for (source, target), n in machine.taken.items()],
        "ends": [{"scope": scope.id, **scope.ends.to_data()} for scope in machine.scopes.values()],
        "reused": sorted(machine.reused),
    }


def branch_data(branch: Branch) -> dict[str, Any]:
    """A branch as plain data; see `checkpoint.SavedBranch`."""
    return {
        "state": branch.state,
        "scope": branch.scope.id,
        "inputs": dict(branch.inputs),
        "alone": branch.alone,
        "start": branch.start,
        "error": branch.error,
        "lost": sorted(branch.lost),
    }


def restore(machine: Machine, run_id: str, progress: Mapping[str, Any]) -> None:
    """Let a new machine stand where `progress_of` was called; it is paused there.

    Args:
        machine: One that has seen no event yet.
        run_id: The run.
        progress: What `progress_of` gave.
    """
    machine.run_id, machine.status = run_id, AgentStatus.PAUSED
    machine.starts = tuple(progress["starts"])
    machine.reused = set(progress["reused"])
    for name, count in progress["counts"].items():
        machine.data(name).executions = count
    for name, count in progress["completions"].items():
        machine.data(name).completions = count
        machine.data(name).status = StateStatus.COMPLETED
    for name in progress["completed"]:
        machine.completed[name] = None
    for source, target, number in progress["taken"]:
        machine.taken[source, target] = number
    # An agent comes before the executions inside it: it was begun first.
    for saved in sorted(progress["executions"], key=lambda saved: int(saved["id"])):
        _restore_execution(machine, saved)
    for saved in progress["ends"]:
        if saved["scope"] in machine.scopes:
            machine.scopes[saved["scope"]].ends.restore(saved)
    for saved in progress["waiting"]:
        branch = _restore_branch(machine, saved)
        branch.scope.joins.arrive(branch)
    for scope in machine.scopes.values():
        if scope.outer is not None and not scope.branches:  # it has ended and was not gone on from
            machine.ended_agents.append(scope.outer)


def _restore_execution(machine: Machine, saved: Mapping[str, Any]) -> None:
    branch = _restore_branch(machine, saved["branch"])
    branch.execution = number = saved["id"]
    scope = branch.scope
    # What was running is run again from its start, as the next attempt.
    again = saved["started"] and not saved["inside"]
    execution = Execution(
        number,
        scope.prefix + branch.state,
        branch,
        machine.data_of(branch),
        scope.topology.needs(branch.node),
        number,
        saved["attempt"] + 1 if again else saved["attempt"],
    )
    machine.executions[number] = execution
    machine.execution_count = max(machine.execution_count, number)
    inner = scope.topology.rules.agents.get(branch.node)
    if saved["inside"] and inner is not None:
        execution.phase = Phase.INSIDE
        machine.scopes[number] = Scope(inner, machine.now, execution)
        status = StateStatus.RUNNING
    else:
        machine.enqueue(execution)
        status = StateStatus.READY
    for data in execution.data:
        data.status = status


def _restore_branch(machine: Machine, saved: Mapping[str, Any]) -> Branch:
    machine.branch_count += 1
    scope = machine.scopes.get(saved["scope"], machine.root)
    branch = Branch(
        machine.branch_count, saved["state"], scope.topology.node(saved["state"]), scope
    )
    branch.inputs = dict(saved["inputs"])
    branch.alone, branch.start = saved["alone"], saved["start"]
    branch.error, branch.lost = saved["error"], frozenset(saved["lost"])
    machine.branches[branch.id] = scope.branches[branch.id] = branch
    return branch
