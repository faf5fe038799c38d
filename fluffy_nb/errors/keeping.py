"""Errors of checkpoints and stores."""

from __future__ import annotations

from collections.abc import Collection

from fluffy_nb.errors.base import FluffyError
from fluffy_nb.errors.wording import nearest


class CheckpointError(FluffyError, ValueError):
    """A checkpoint can't be read, or a value can't be saved in one."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")


class StoreError(FluffyError, OSError):
    """A file of runs can't be read or written."""

    refuses_runs = False
    """Whether no run can be kept there: the file is something else, or of a newer version."""

    def __init__(self, path: object, problem: str, remedy: str) -> None:
        super().__init__(f"the store {str(path)!r}: {problem}; {remedy}")


class StoreBusyError(StoreError):
    """Another process is writing just now."""


class StoreReplacedError(StoreError):
    """The file is not the one any more that was opened."""

    def __init__(self, path: object, what: str) -> None:
        super().__init__(
            path,
            f"the file was {what} while it was in use",
            "runs that are active here are written anew, without their earlier checkpoints",
        )


class UnknownRunError(FluffyError, LookupError):
    """A store has no run of this id."""

    def __init__(self, run: str, store: str, runs: Collection[str]) -> None:
        super().__init__(f"there is no run {run!r} in {store}: {nearest(run, runs)}")


class WatchedRunError(FluffyError, TypeError):
    """Something was to be changed in the watch of a run, which only shows it."""

    def __init__(self, what: str, run: str, agent: str) -> None:
        super().__init__(
            f"{what} is refused: a RunWatch shows run {run!r} of agent {agent!r}, which another "
            "process executes or has left, and changes nothing. Change the agent itself where it "
            "is defined; take the run over with Agent.load(path, run_id), or in a notebook with "
            f"%fluffy load {run}."
        )


class RunHeldError(FluffyError, RuntimeError):
    """Another process executes the run."""

    def __init__(self, run: str, holder: str) -> None:
        super().__init__(
            f"run {run!r} is executed by {holder}; wait until it has ended or paused, stop that "
            "process, or fork the run: agent.fork(checkpoint)"
        )


class RunMovedOnError(FluffyError, RuntimeError):
    """Another process has gone on with a run that stood still here."""

    def __init__(self, run: str) -> None:
        super().__init__(
            f"run {run!r} has gone on in another process since it stood still here; "
            f"take it up where it is now: agent.take_up({run!r})"
        )


class SaveWarning(RuntimeWarning):
    """A run goes on, and what it did can't be kept for now."""
