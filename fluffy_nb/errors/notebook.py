"""Errors of magics, Stop, layouts and the fake clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fluffy_nb.errors.base import FluffyError
from fluffy_nb.errors.wording import listed


class StopError(FluffyError, RuntimeError):
    """The kernel was interrupted; the base of what is shown as one line, without a name."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class RunStoppedError(StopError):
    """The kernel was interrupted while a cell waited for a run; shown as one line."""

    def __init__(self, stopped: Mapping[str, str], going_on: Mapping[str, str]) -> None:
        parts = [
            f"run {run!r} stopped; go on with: await {name}.resume() or %fluffy resume {name}"
            for name, run in stopped.items()
        ] or [
            f"stopped waiting; run {run!r} goes on in the background, end it with: "
            f"%fluffy cancel {name}"
            for name, run in going_on.items()
        ]
        super().__init__("; ".join(parts) or "the run stopped; go on with its agent's resume()")


class StoppedBeforeError(StopError):
    """The kernel was interrupted in a cell before its run had begun; shown as one line."""

    def __init__(self) -> None:
        super().__init__("the cell was stopped before its run began; execute it again to run.")


class LayoutError(FluffyError, RuntimeError):
    """Graphviz could not lay out the graph."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"the graph could not be laid out: {problem}; "
            "install Graphviz so that `dot` is on PATH, or reinstall pygraphviz, which carries it."
        )


class LayoutTimeoutError(LayoutError, TimeoutError):
    """Graphviz took too long for the graph."""

    def __init__(self, seconds: float) -> None:
        FluffyError.__init__(
            self,
            f"the graph could not be laid out within {seconds:g} s, so Graphviz was stopped; "
            "a graph with fewer states or edges can be drawn.",
        )


class UsageError(FluffyError, ValueError):
    """A magic was used in a way it does not understand; shown as one line."""


class StandstillError(FluffyError, RuntimeError):
    """A loop with a fake clock waits for what does not come."""

    def __init__(self, waiting: Collection[str], beside: str, seconds: float) -> None:
        who = listed(waiting)
        super().__init__(
            f"{beside} did not come to an end within {seconds:g} s of real time, in which the fake "
            f"clock stands still and {who} wait; end it, or give run() a longer patience=."
            if beside
            else f"nothing can happen any more: {who} wait, and no timer, thread or connection is "
            "left that could wake one; answer what they ask (answers=), end what they wait for, "
            "or give it a timeout=."
        )
