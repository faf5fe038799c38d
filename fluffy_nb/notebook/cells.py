"""Which functions of a `%%fluffy` cell are states, and which cell a state belongs to."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from fluffy_nb.agent import Agent
from fluffy_nb.engine.context import Context
from fluffy_nb.engine.declare import UNDECLARED, settings_of
from fluffy_nb.engine.specs import StateSpec
from fluffy_nb.errors import UsageError

States = Mapping[str, Callable[..., Any]]


def states_among(functions: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    """The states among the functions a cell defined, by the names they have as states.

    A function is one if `@state` was used on it, or if its first parameter is named `context` or
    annotated `Context` and its name does not begin with an underscore.

    Args:
        functions: By their names in the cell, in its order.

    Returns:
        The states in the same order.

    Raises:
        UsageError: Two of them have one name.
        StateFunctionError: One that was declared can't be called with a context.
    """
    found: dict[str, Callable[..., Any]] = {}
    for name, function in functions.items():
        settings = settings_of(function)
        if settings is UNDECLARED and (name.startswith("_") or not _takes_context(function)):
            continue
        state = settings.name or name
        if state in found:
            raise UsageError(f"two functions of this cell are state {state!r}; rename one of them.")
        StateSpec(state, function)  # refuses what can't be a state before anything is changed
        found[state] = function
    return found


def _takes_context(function: object) -> bool:
    if not callable(function) or inspect.isclass(function):
        return False
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return False
    if not parameters or parameters[0].kind in {
        inspect.Parameter.KEYWORD_ONLY,
        inspect.Parameter.VAR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    }:
        return False
    annotation = parameters[0].annotation
    if isinstance(annotation, str):
        annotation = annotation.strip("\"' ").rpartition(".")[2]
    return parameters[0].name == "context" or annotation in ("Context", Context)


class Owners:
    """Which cell owns which states: one that is run again without a state removes it."""

    def __init__(self) -> None:
        self._owner: dict[tuple[Agent, str], object] = {}

    def apply(self, cell: str | None, agent: Agent, states: States) -> None:
        """Give an agent the states of a cell, and take away those the cell had before.

        Args:
            cell: Its id. Where the front end sends none, its earlier version is the one that
                shares most names with it.
            agent: Whose states.
            states: All that the cell defines for it now, in order.

        Raises:
            StateInUseError: One to be removed has a branch of a run standing at it. The others
                are as the cell has them; the cell owns this one still.
        """
        owner = self._earlier(agent, states) if cell is None else cell
        for name, function in states.items():
            agent.add_state(name, function, replace=True)
            self._owner[agent, name] = owner
        now = {(agent, name) for name in states}
        for other, name in [key for key, by in self._owner.items() if by == owner]:
            if (other, name) not in now:
                if name in other.states:
                    other.remove_state(name)
                del self._owner[other, name]

    def _earlier(self, agent: Agent, states: States) -> object:
        """What stands for a cell without an id: the same as for its earlier version."""
        owners = Counter(self._owner.get((agent, name)) for name in states)
        shared = [owner for owner, _ in owners.most_common() if isinstance(owner, _Anonymous)]
        return shared[0] if shared else _Anonymous()


class _Anonymous:
    """A cell that the front end sends no id of."""
