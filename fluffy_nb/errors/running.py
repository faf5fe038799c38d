"""Errors of a run: failing states, time-outs, blocked branches, resuming."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from fluffy_nb.errors.base import FluffyError
from fluffy_nb.errors.wording import class_of, listed, nearest, shortened, template_remedy


class StateError(FluffyError, RuntimeError):
    """A state failed and the run with it; the original error is the cause."""

    def __init__(self, state: str, attempt: int, run_id: str, problem: str) -> None:
        super().__init__(
            f"state {state!r} failed in attempt {attempt} of run {run_id!r}: "
            f"{problem.rstrip('.')}. "
            "Mend the state and go on with resume(); what completed before is kept."
        )
        self.state = state
        self.attempt = attempt
        self.run_id = run_id


class UnknownStateError(StateError, LookupError):
    """A state returned, or a caller named, a state that the agent does not have."""

    def __init__(  # a name given by a caller has no run yet
        self,
        name: str,
        names: Collection[str],
        returned_by: str | None = None,
        attempt: int = 0,
        run_id: str = "",
    ) -> None:
        shown = shortened(name)
        who = f"state {returned_by!r} returned {shown}" if returned_by else f"{shown} was named"
        FluffyError.__init__(
            self,
            f"{who}, which is no state ({nearest(name, names)}); "
            f"correct the name, or add it: add_state({shown}, function)."
            + template_remedy(name, names),
        )
        self.name = name
        self.state = returned_by or name
        self.attempt = attempt
        self.run_id = run_id


class MissingStateError(UnknownStateError):
    """A run can't go on: branches stand at states that the agent does not have."""

    def __init__(self, agent: str, run_id: str, names: Sequence[str]) -> None:
        FluffyError.__init__(
            self,
            f"run {run_id!r} can't go on: agent {agent!r} does not have {listed(names)}, where "
            f"the run stands. Add what is missing, as with add_state({names[0]!r}, function), and "
            "resume() again; the run is left as it was.",
        )
        self.name = self.state = names[0]
        self.names = tuple(names)
        self.attempt = 0
        self.run_id = run_id


class InvalidResultError(StateError, TypeError):
    """A state returned something that does not say where to go."""

    def __init__(self, state: str, value: object, attempt: int = 0, run_id: str = "") -> None:
        FluffyError.__init__(
            self,
            f"state {state!r} returned {shortened(value)} ({class_of(value)}); "
            "a state returns the name of the next state, a list of names to run in parallel, "
            "or None to end. "
            "Keep data in the context: context.set_state(key, value).",
        )
        self.state = state
        self.attempt = attempt
        self.run_id = run_id


class StateTimeoutError(FluffyError, TimeoutError):
    """An attempt of a state took longer than it may."""

    def __init__(self, state: str, attempt: int, seconds: float) -> None:
        super().__init__(
            f"attempt {attempt} of state {state!r} did not end within {seconds:g} s; "
            "give it a longer timeout=, or a retry_policy=."
        )


class BlockedError(FluffyError, RuntimeError):
    """Branches wait for what can't come any more."""

    def __init__(self, run_id: str, reasons: Mapping[str, str]) -> None:
        waiting = "; ".join(f"{state!r} {why}" for state, why in reasons.items())
        super().__init__(
            f"run {run_id!r} can't go on: {waiting}. Add or mend what leads there, or replace the "
            "state without that dependency, and go on with resume()."
        )
        self.reasons = dict(reasons)


class RestoredError(FluffyError, RuntimeError):
    """What led to a state by `on_error` before the run was restored: only its text is kept."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)


class RunActiveError(FluffyError, RuntimeError):
    """The agent is running already, or has a run to go on with."""

    def __init__(self, agent: str, run_id: str, status: str, remedy: str) -> None:
        super().__init__(f"agent {agent!r} has run {run_id!r} {status.lower()}; {remedy}")


class WaitsForItselfError(RunActiveError):
    """A state waits for the end of the run that it is part of."""

    def __init__(self, agent: str, run_id: str, status: str, state: str) -> None:
        super().__init__(
            agent,
            run_id,
            status,
            f"its state {state!r} waits here for the end of the run, which can't end before the "
            "state does: let the state return, or wait in code that is not part of the run.",
        )
        self.state = state


class OnceInItselfError(FluffyError, RuntimeError):
    """What is done once needs its own result."""

    def __init__(self, state: str, key: str) -> None:
        super().__init__(
            f"once({key!r}) in state {state!r} was called by the function that is called for "
            f"once({key!r}), and would wait for itself; take another key for one of them."
        )
        self.state = state
        self.key = key


class BlockedLoopError(FluffyError, RuntimeError):
    """A blocking run was asked for where it would wait for itself."""

    def __init__(self) -> None:
        super().__init__(
            "run_sync() was called by a coroutine in the loop of another run_sync(), which it "
            "would block for ever; await run() there, or call it in a plain function."
        )


class NothingToResumeError(FluffyError, RuntimeError):
    """There is no paused, failed or cancelled run to go on with."""

    def __init__(self, agent: str, status: str) -> None:
        super().__init__(
            f"agent {agent!r} is {status}: there is no run to go on with; begin one with run()."
        )


class RunTimeoutError(FluffyError, TimeoutError):
    """The time given to run() was up; the run can be resumed."""

    def __init__(self, run_id: str, seconds: float, running: Collection[str]) -> None:
        where = f" while {listed(running)} ran" if running else ""
        super().__init__(
            f"run {run_id!r} did not end within {seconds:g} s{where}; what completed is kept: "
            "go on with resume(), with a longer timeout= if that was too short."
        )


class CleanupWarning(RuntimeWarning):
    """A cancelled state did not end within the cleanup time."""
