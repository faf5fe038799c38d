"""How branches move: they come to states, merge into executions, and go on from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.execution import NO_INPUTS, Branch, Execution

if TYPE_CHECKING:
    from fluffy_nb.engine.machine import Machine
    from fluffy_nb.engine.scope import Scope


def arrive(
    machine: Machine,
    to: str | ev.Going,
    scope: Scope,
    lost: frozenset[str] = frozenset(),
    error: str | None = None,
) -> Branch | None:
    """A new branch comes to a state; None where it ends there, because another was first."""
    name = to if isinstance(to, str) else to.name
    node = scope.topology.node(name)
    if lost and node in lost:
        return None
    machine.branch_count += 1
    branch = Branch(machine.branch_count, name, node, scope)
    branch.lost, branch.error = lost, error
    if node != name:
        branch.inputs = scope.topology.rules.templates[node].match(name) or {}
    if not isinstance(to, str):
        # What the name of a handler says of its inputs wins over those of the failed execution.
        named = branch.inputs if error is not None else NO_INPUTS
        branch.inputs = {**branch.inputs, **to.inputs, **named}
        branch.alone, branch.start = to.alone, to.start
    elif scope.topology.rules.joins.get(node) == "each":
        branch.alone = True
    machine.branches[branch.id] = scope.branches[branch.id] = branch
    scope.joins.arrive(branch)
    return branch


def take(machine: Machine, number: int, ids: tuple[int, ...]) -> Execution:
    """Merge the branches that wait at a state into one execution."""
    scope = machine.branches[ids[0]].scope
    first, *others = scope.joins.take(machine.branches[ids[0]].key)
    for branch in others:
        _remove(machine, branch)
        scope.joins.moved(branch, (first,))
        first.lost &= branch.lost
    first.execution = number
    machine.execution_count = number
    machine.order += 1
    execution = machine.executions[number] = Execution(
        number,
        scope.prefix + first.state,
        first,
        machine.data_of(first),
        scope.topology.needs(first.node),
        machine.order,
    )
    for data in execution.data:
        data.executions += 1
    rules = scope.topology.rules
    if rules.joins.get(first.node) == "first":
        _be_first(machine, first)
    if rules.dependencies:
        _satisfied(machine, first)
    return execution


def _be_first(machine: Machine, first: Branch) -> None:
    """Other branches alive now end when they come to this state (semantics 5.2)."""
    scope, lost = first.scope, frozenset({first.node})
    for branch in list(scope.branches.values()):
        if branch is not first:
            branch.lost |= lost
            if branch.execution is None and branch.node == first.node:
                scope.joins.drop(branch)
                _remove(machine, branch)
            scope.joins.moved(branch)


def _satisfied(machine: Machine, first: Branch) -> None:
    """A dependent becomes ready: use up what counts once, start what runs beside it."""
    scope, node = first.scope, first.node
    ends, topology = scope.ends, scope.topology
    ends.started.add(node)
    ends.take(node, topology.rules.dependencies.get(node, {}))
    for beside in topology.parallel.get(node, ()):
        alive = any(branch.node == beside for branch in scope.branches.values())
        if not alive and beside not in ends.started:
            arrive(machine, ev.Going(beside, alone=True), scope, first.lost)


def _remove(machine: Machine, branch: Branch) -> None:
    del machine.branches[branch.id]
    del branch.scope.branches[branch.id]


def end(
    machine: Machine, execution: Execution, going: ev.Next, time: float, error: str | None = None
) -> None:
    """An execution has ended: branches go on from it, or its branch ends."""
    branch = execution.branch
    scope = branch.scope
    topology, prefix = scope.topology, scope.prefix
    if error is None:
        machine.completed[execution.state] = None
        for data in execution.data:
            data.completions += 1
    _remove(machine, branch)
    children = [arrive(machine, to, scope, branch.lost, error) for to in going]
    if branch.node in topology.led_from:
        children += [
            arrive(machine, to, scope, branch.lost) for to in topology.led_from[branch.node]
        ]
    if error is not None and not going:  # only an OPTIONAL dependency fails so
        returned = topology.rules.optional.get(branch.node, ())
        children += [arrive(machine, to, scope, branch.lost) for to in returned]
    alive = [child for child in children if child is not None]
    machine.moved = [(prefix + branch.node, prefix + child.node) for child in alive]
    for edge in machine.moved:
        machine.taken[edge] += 1
    if branch.node in topology.dependents:
        scope.ends.note(branch.node, time, completed=error is None)
        scope.joins.ended(branch.node)
    scope.joins.moved(branch, alive)
    if not scope.branches and scope.outer is not None:
        machine.ended_agents.append(scope.outer)
