"""A failed state is shown by the person's own lines, and then what to do about it."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from fluffy_nb.errors import FluffyError, StateError, called, problem_of

_MACHINERY = frozenset({"fluffy_nb", "asyncio", "threading", "concurrent"})
"""What calls a state's function; nobody looks for a mistake there."""

_METHOD = "_render_traceback_"


def install(shell: InteractiveShell) -> None:
    """Have IPython show the error of a state with the lines that raised it."""

    def render(error: StateError) -> list[str]:
        return [*own_lines(shell, error), *FluffyError._render_traceback_(error)]

    setattr(StateError, _METHOD, render)


def uninstall() -> None:
    """Have it shown as its message again."""
    if _METHOD in vars(StateError):
        delattr(StateError, _METHOD)


def own_lines(shell: Any, error: StateError) -> list[str]:
    """The traceback of what a state raised, from the state's function on.

    Args:
        shell: Formats it as it does any other.
        error: The error of the run.

    Returns:
        What IPython shows; nothing where the state returned what is no result.
    """
    cause = error.__cause__
    trace = None if cause is None else cause.__traceback__
    while trace is not None and _is_machinery(trace):
        trace = trace.tb_next
    if cause is None or trace is None:
        return []
    trace = _without_our_end(trace)
    make = shell.InteractiveTB.structured_traceback
    lines, problem = called(lambda: list(make(type(cause), cause, trace, tb_offset=0)))
    return [f"<the traceback can't be shown: {problem_of(problem)}>"] if problem else lines


def _without_our_end(trace: TracebackType) -> TracebackType | None:
    """The same without the last calls inside this package: the person's call is what failed."""
    steps, step = [], trace
    while step is not None:
        steps.append(step)
        step = step.tb_next  # type: ignore[assignment]  # which ends with None
    while _package(steps[-1]) == "fluffy_nb":
        steps.pop()
    shown: TracebackType | None = None
    for step in reversed(steps):
        shown = TracebackType(shown, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return shown


def _is_machinery(trace: TracebackType) -> bool:
    return _package(trace) in _MACHINERY


def _package(trace: TracebackType) -> str:
    return str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0]
