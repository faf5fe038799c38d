"""How an attempt's end is told: what follows, another attempt, a handler, or the run's failure."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.attempts import NOT_RETRIED
from fluffy_nb.engine.countdown import Countdown
from fluffy_nb.engine.kept import Kept
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import RestoredError, add_note, text_of

if TYPE_CHECKING:
    from fluffy_nb.engine.attempts import Attempt
    from fluffy_nb.engine.execution import Branch
    from fluffy_nb.engine.runner import Runner

_log = logging.getLogger("fluffy_nb")


MOST_NOTES = 50
"""So many further failures of a run are told in the notes of the first."""

MOST_NOTE = 1_000
"""Bytes of the text of each."""


class Endings:
    """The ends of a run's attempts, and the delays before other ones.

    Args:
        runner: The run.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._retries: dict[int, Countdown] = {}  # of the executions that wait for an attempt
        self._handled: dict[int, BaseException] = {}  # by the branch that goes on from a failure

    def error_of(self, branch: Branch) -> BaseException | None:
        """The failure that led a branch here; after a restore only its text is known."""
        if branch.error is None:
            return None
        return self._handled.get(branch.id) or RestoredError(branch.error)

    def completed(self, attempt: Attempt, going: ev.Next, written: tuple[str, ...]) -> None:
        """Before a state's end is told: see what the graph did not tell, keep what later runs use.

        Args:
            attempt: Which has ended well.
            going: Where it leads.
            written: The keys it wrote.
        """
        runner, branch = self._runner, attempt.execution.branch
        if self._handled:
            self._handled.pop(branch.id, None)
        if going:
            runner.routes.learn(runner, branch, going)
        topology = branch.scope.topology
        if branch.scope is not runner.machine.root or branch.node not in topology.dependents:
            return
        shared = runner.shared
        values = {key: shared.values[key] for key in written if key in shared.values}
        writers = {key: shared.writers[key] for key in values}
        kept = Kept(runner.now(), going, values, writers)
        if kept.outlives(topology.rules.dependencies, branch.node):
            runner.kept[branch.state] = kept

    def failed(self, attempt: Attempt, error: BaseException, details: tuple[Any, ...]) -> None:
        """Tell of a failure: it is tried again, a handler goes on, or the run fails.

        Args:
            attempt: Which has failed.
            error: What it raised.
            details: Of the event, as far as they are known.
        """
        runner, execution = self._runner, attempt.execution
        delay = attempt.retry_delay(error)
        handler = None if attempt.spec is None else attempt.spec.on_error
        if delay is not None:
            due = runner.now() + delay
            runner.emit(ev.StateFailed, *details, attempt.timed_out, due)
            self._retry_in(delay, execution.id, execution.state)
        elif handler is not None and attempt.definition.spec(handler) is not None:
            self._handled[runner.machine.branch_count + 1] = error
            runner.emit(ev.StateFailed, *details, attempt.timed_out, None, handler)
        elif self._is_optional(execution.branch, error):
            state, problem = execution.state, runner.shared.secrets.masked(details[3])
            _log.warning(
                "state %r failed and nothing needs it, the run goes on: %s", state, problem
            )
            runner.emit(ev.StateFailed, *details, attempt.timed_out, None, None, True)
        else:
            wrapped = attempt.state_error(error)
            if 0 < len(runner.errors) <= MOST_NOTES:
                add_note(runner.errors[0], f"and also: {text_of(wrapped, MOST_NOTE)}")
            elif len(runner.errors) == MOST_NOTES + 1:
                add_note(runner.errors[0], "and others: state_metadata has the error of each state")
            runner.errors.append(wrapped)
            runner.emit(ev.StateFailed, *details, attempt.timed_out)

    @staticmethod
    def _is_optional(branch: Branch, error: BaseException) -> bool:
        """Whether a failure is nothing to the run; a mistake in the flow always is."""
        optional = branch.scope.topology.rules.optional
        return branch.node in optional and not issubclass(type(error), NOT_RETRIED)

    def _retry_in(self, delay: float, execution: int, state: str) -> None:
        def due() -> None:
            del self._retries[execution]
            self._runner.emit(ev.RetryDue, execution, state)
            self._runner.advance()

        retry = self._retries[execution] = Countdown(delay, due)
        if self._runner.machine.status is AgentStatus.RUNNING:
            retry.start()

    def go_on(self) -> None:
        """The run goes: delays go on."""
        for retry in self._retries.values():
            retry.start()

    def stand_still(self) -> None:
        """The run stands still, and so do the delays."""
        for retry in self._retries.values():
            retry.stop()
