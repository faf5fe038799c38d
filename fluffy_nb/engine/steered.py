"""What can be set on an agent between and during its runs: breakpoints, and who answers."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from fluffy_nb.engine.kept import Kept
from fluffy_nb.engine.plain import check_plain
from fluffy_nb.engine.prompt import Responder
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.engine.watched import WatchedFlow
from fluffy_nb.errors import (
    InvalidSpecError,
    StateInUseError,
    UnknownBreakpointWarning,
    nearest,
    outside,
)


class SteeredFlow(WatchedFlow):
    """A flow with the settings that steer its runs; `Agent` adds the verbs."""

    def __init__(self, responder: Responder | None, *definition: Any) -> None:
        super().__init__(*definition)
        self.responder = responder
        self._breakpoints: set[str] = set()
        self._kept: dict[str, Kept] = {}  # completions that count in later runs

    def _check_unused(self, name: str) -> None:
        run = self._run
        if run is not None and run.status is not AgentStatus.COMPLETED:
            branches = run.runner.machine.branches.values()
            if any(name == branch.scope.prefix + branch.node for branch in branches):
                raise StateInUseError(name, run.id)

    def _changed(self, name: str) -> None:
        for kept in list(self._kept):  # what the former function did counts no more
            spec = self.definition.spec(kept)
            if spec is None or spec.name == name:
                del self._kept[kept]
        if self._run is not None and self._run.status is not AgentStatus.COMPLETED:
            self._run.runner.cross(self._run.state_changed, name)

    @property
    def breakpoints(self) -> set[str]:
        """States before which a run pauses, once per execution; changes count at once.

        A set of names. One name, and any collection of names, can be assigned to it.
        """
        return self._breakpoints

    @breakpoints.setter
    def breakpoints(self, names: Iterable[str]) -> None:
        given = (names,) if isinstance(names, str) else names
        several = isinstance(given, Iterable) and not isinstance(given, (Mapping, bytes))
        new = list(given) if several else []
        if not several or not all(isinstance(name, str) for name in new):
            remedy = 'Write agent.breakpoints = {"name"}, or agent.breakpoints.add("name").'
            raise InvalidSpecError("breakpoints", names, "a set of the names of states", remedy)
        self._breakpoints.clear()  # the same set: a run that is active looks into it
        self._breakpoints.update(new)

    def _check_breakpoints(self) -> None:
        """Warn of names that are no states: the run would not pause there."""
        for name in sorted(map(str, self._breakpoints)):
            if self.spec(name) is None:
                warnings.warn(
                    f"agent {self.name!r} has a breakpoint at {name!r}, which is no state "
                    f"({nearest(name, self.states)}), so the run does not pause there; correct it, "
                    f"or remove it: agent.breakpoints.discard({name!r})",
                    UnknownBreakpointWarning,
                    stacklevel=outside(),
                )

    @property
    def responder(self) -> Responder | None:
        """What is given every prompt; None takes what the surroundings have."""
        return self._responder

    @responder.setter
    def responder(self, responder: Responder | None) -> None:
        if responder is not None:
            remedy = "Have it start a task that calls prompt.answer(...) later."
            check_plain("responder", responder, "a prompt", remedy)
        self._responder = responder


def check_inputs(inputs: object) -> None:
    """Refuse what can't be the first values of a context."""
    if inputs is None:
        return
    if not isinstance(inputs, Mapping):
        raise InvalidSpecError("inputs", inputs, "a dict of values by key", 'Write {"rows": 10}.')
    for key in inputs:
        if not isinstance(key, str):
            raise InvalidSpecError("a context key in inputs=", key, "a string")
