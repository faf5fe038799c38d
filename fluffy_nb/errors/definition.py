"""Errors of states, settings, dependencies, resources and the graph."""

from __future__ import annotations

from collections.abc import Collection

from fluffy_nb.errors.base import FluffyError
from fluffy_nb.errors.wording import listed, nearest, shortened, template_remedy


class UndefinedTargetWarning(UserWarning):
    """A state names a next state that the agent does not have."""


class NameFormWarning(UserWarning):
    """A state leads to a name that differs from the name of a state in Unicode form only."""


class UnknownBreakpointWarning(UserWarning):
    """A breakpoint names what is no state."""


class NoStatesError(FluffyError, ValueError):
    """An agent without states was asked to run."""

    def __init__(self, agent: str) -> None:
        super().__init__(
            f"agent {agent!r} has no states, so there is nothing to run; "
            f"add one with add_state(name, function) or @{agent}.state."
        )


class InvalidSpecError(FluffyError, ValueError):
    """A setting of an agent or a state is outside what is allowed."""

    def __init__(self, what: str, value: object, allowed: str, remedy: str = "") -> None:
        super().__init__(
            f"{what} is {shortened(value)}; it must be {allowed}." + (remedy and f" {remedy}")
        )


class StateFunctionError(FluffyError, TypeError):
    """What was given as a state can't be called with a context."""

    def __init__(self, name: str, function: object, problem: str) -> None:
        called = name if name.isidentifier() else "state"
        super().__init__(
            f"state {name!r} is given {shortened(function)}, which {problem}; a state is a "
            f"function of one argument, the context: async def {called}(context): ..."
        )


class DuplicateStateError(FluffyError, ValueError):
    """A state of this name exists already."""

    def __init__(self, agent: str, name: str) -> None:
        super().__init__(
            f"agent {agent!r} already has a state {name!r}; "
            "choose another name, or replace it with add_state(..., replace=True)."
        )


class SameLookError(FluffyError, ValueError):
    """A state's name can't be told by sight from that of another one."""

    def __init__(self, agent: str, name: str, other: str) -> None:
        super().__init__(
            f"agent {agent!r} can't have a state {name!r} ({name!a}) beside {other!r} "
            f"({other!a}): the two names differ in Unicode form only; write both alike, or "
            "choose another name."
        )


class AgentInItselfError(FluffyError, ValueError):
    """An agent was to become a state of itself, or of an agent inside it."""

    def __init__(self, agent: str, name: str) -> None:
        super().__init__(
            f"state {name!r} of agent {agent!r} would be an agent that has {agent!r} inside, so it "
            "could never end; lead back to an earlier state to repeat something."
        )


class OverlappingTemplatesError(FluffyError, ValueError):
    """One name could be that of two templates."""

    def __init__(self, name: str, other: str, example: str) -> None:
        super().__init__(
            f"state {name!r} can't be told from state {other!r}: {example!r} could be either; "
            "choose names whose plain parts differ."
        )


class DependencyError(FluffyError, ValueError):
    """The dependencies of a flow can't be satisfied."""


class UnknownDependencyError(DependencyError, LookupError):
    """A state depends on what is no state."""

    def __init__(self, state: str, name: str, names: Collection[str]) -> None:
        problem = "which is no state" if name not in names else "a template, which can't be started"
        super().__init__(
            f"state {state!r} depends on {name!r}, {problem} ({nearest(name, names)}); "
            f"correct the name, or add it: add_state({name!r}, function)."
        )


class DependencyCycleError(DependencyError):
    """States require each other in a circle."""

    def __init__(self, cycle: Collection[str]) -> None:
        super().__init__(
            f"states require each other in a circle: {' needs '.join(map(repr, cycle))}; "
            "leave one of these dependencies out, or make it OPTIONAL."
        )


class ResourceError(FluffyError, ValueError):
    """A state needs more than there will ever be."""

    def __init__(self, state: str, lacks: str) -> None:
        super().__init__(
            f"state {state!r} needs more than the pool has: {lacks}; lower its "
            "ResourceRequirements, or give the agent a larger ResourcePool."
        )


class LargeStateWarning(UserWarning):
    """A state needs more than this machine has, and will run alone."""


class StateInUseError(FluffyError, RuntimeError):
    """A state can't be removed while a branch of a run stands at it."""

    def __init__(self, name: str, run_id: str) -> None:
        super().__init__(
            f"state {name!r} can't be removed: a branch of run {run_id!r} stands at it; "
            "let the run end (resume() it where it stands still), begin another run, or replace "
            "the state instead."
        )


class AmbiguousStartError(FluffyError, ValueError):
    """Nobody can tell which states start the run."""

    def __init__(
        self, candidates: Collection[str], state: str, target: str, names: Collection[str]
    ) -> None:
        super().__init__(
            f"where to start is unclear: {listed(candidates)} are all led to by nothing, and state "
            f"{state!r} names {target!r}, which is no state ({nearest(target, names)}). "
            f"Correct that name, add the state {target!r}, or say where to start: run(start=...)."
            + template_remedy(target, names)
        )


class OpenStateError(FluffyError, ValueError):
    """A flow that can fork has a state whose successors can't be known."""

    def __init__(self, state: str, why: str, forks: str, names: Collection[str]) -> None:
        line = ", ".join(repr(name) for name in names)
        super().__init__(
            f"the next states of {state!r} can't be read from its code ({why}), but this flow runs "
            f"branches in parallel ({forks}), so nobody could say what a join should wait for. "
            f"Declare them, keeping those that apply: next=[{line}]"
        )
