"""Commands that are not about attempts: each is carried out and told as an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.commands import PAUSE, Block, Break, Continue, Enter, Exit, Queue, Reuse
from fluffy_nb.engine.explain import explain
from fluffy_nb.engine.results import read_result
from fluffy_nb.errors import BlockedError, UnknownStateError

if TYPE_CHECKING:
    from fluffy_nb.engine.runner import Runner


def carry_out(
    runner: Runner, command: Queue | Break | Enter | Exit | Reuse | Continue | Block
) -> None:
    """Do what the machine asks for, and tell it back.

    Args:
        runner: The run.
        command: What to do.
    """
    match command:
        case Queue():
            runner.emit(ev.StateQueued, *command)
        case Continue():
            runner.emit(ev.StateContinued, *command)
            runner.people.hand_over(command.execution)
        case Break():
            runner.limit = PAUSE
            runner.emit(ev.BreakpointReached, *command)
        case Enter():
            runner.emit(ev.AgentEntered, *command)
        case Exit():
            _exit(runner, command)
        case Reuse():
            runner.emit(ev.StateReused, *command, runner.kept[command.state].next)
        case _:
            _block(runner, command.states)


def _exit(runner: Runner, command: Exit) -> None:
    """An agent that is a state has ended: go on where it was declared to."""
    branch = runner.machine.executions[command.execution].branch
    definition = runner.routes.definition_of(branch.scope)
    spec = definition.spec(branch.state)
    names = list(spec.next or ()) if spec is not None else []
    try:
        going = read_result(definition, command.state, names, 1, runner.machine.run_id)
    except UnknownStateError as error:
        runner.errors.append(error)
        runner.emit(ev.StateFailed, command.execution, command.state, 1, str(error))
    else:
        runner.emit(ev.StateCompleted, command.execution, command.state, 1, going)


def _block(runner: Runner, states: tuple[str, ...]) -> None:
    """Nothing can happen any more: say of each state what it waits for."""
    reasons = {name: explain(runner.machine, name) for name in states}
    runner.errors.append(BlockedError(runner.machine.run_id, reasons))
    for name, why in reasons.items():
        runner.emit(ev.StateBlocked, name, why)
