"""What must have happened before a state runs, and for how long that counts (semantics 6)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from numbers import Real
from typing import Any

from fluffy_nb.errors import InvalidSpecError, explains_init, plain


class DependencyType(StrEnum):
    """What must have happened to the dependency."""

    REQUIRED = "REQUIRED"  # it has completed
    OPTIONAL = "OPTIONAL"  # it has ended, or can't come any more
    PARALLEL = "PARALLEL"  # it has been started
    ANY = "ANY"  # one of those so marked has completed


class DependencyLifecycle(StrEnum):
    """For how long a completion counts."""

    SESSION = "SESSION"  # for the rest of the run
    ALWAYS = "ALWAYS"  # for one execution of the dependent
    ONCE = "ONCE"  # in later runs too
    TEMPORARY = "TEMPORARY"  # in later runs too, for `expiry` seconds


@explains_init
@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency of a state on another.

    Args:
        type: What must have happened.
        lifecycle: How long that counts.
        expiry: Seconds that a completion counts; TEMPORARY needs it, no other takes it.
        even_if_failed: Whether REQUIRED is content with a failure.

    Raises:
        InvalidSpecError: One of them is not what it must be, or they don't go together.

    Example:
        >>> Dependency(DependencyType.REQUIRED, DependencyLifecycle.TEMPORARY, expiry=3600)
    """

    type: DependencyType = DependencyType.REQUIRED
    lifecycle: DependencyLifecycle = DependencyLifecycle.SESSION
    expiry: float | None = None
    even_if_failed: bool = False

    def __post_init__(self) -> None:
        for name, kind in (("type", DependencyType), ("lifecycle", DependencyLifecycle)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                allowed = ", ".join(f"{kind.__name__}.{member}" for member in kind)
                raise InvalidSpecError(f"a dependency's {name}", value, f"one of {allowed}")
        if self.lifecycle is DependencyLifecycle.TEMPORARY:
            number = isinstance(self.expiry, Real) and not isinstance(self.expiry, bool)
            if not number or not 0 < float(self.expiry or 0) < math.inf:
                raise InvalidSpecError(
                    "expiry",
                    self.expiry,
                    "a number of seconds above zero where the lifecycle is TEMPORARY",
                    "Write Dependency(type, DependencyLifecycle.TEMPORARY, expiry=3600).",
                )
        elif self.expiry is not None:
            raise InvalidSpecError("expiry", self.expiry, "None unless the lifecycle is TEMPORARY")
        if not isinstance(self.even_if_failed, bool):
            raise InvalidSpecError("even_if_failed", self.even_if_failed, "True or False")
        if self.even_if_failed and self.type is not DependencyType.REQUIRED:
            allowed = "False unless the type is REQUIRED"
            raise InvalidSpecError("even_if_failed", self.even_if_failed, allowed)

    @property
    def outlives_run(self) -> bool:
        """Whether a completion counts in later runs."""
        return self.lifecycle in {DependencyLifecycle.ONCE, DependencyLifecycle.TEMPORARY}


def declared_dependencies(state: str, value: object) -> Mapping[str, Dependency]:
    """The `dependencies=` of `add_state` in one form.

    Args:
        state: The state that depends.
        value: None, or by name of the dependency a `DependencyType`, a `(type, lifecycle)` pair or
            a `Dependency`.

    Raises:
        InvalidSpecError: It has another form, or the state depends on itself.
    """
    what = f"dependencies= of state {state!r}"
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidSpecError(what, value, "a dict of state names and what they are needed for")
    found: dict[str, Dependency] = {}
    for name, given in value.items():
        if not isinstance(name, str):
            raise InvalidSpecError(what, name, "a dict with the names of states as keys")
        if name == state:
            raise InvalidSpecError(what, name, "the names of other states", "Leave it out.")
        found[plain(name)] = _dependency(f"{what} on {name!r}", given)
    return found


def _dependency(what: str, given: Any) -> Dependency:
    if isinstance(given, Dependency):
        return given
    if isinstance(given, DependencyType):
        return Dependency(given)
    if isinstance(given, tuple) and len(given) == 2:
        return Dependency(*given)
    allowed = (
        "a DependencyType, a (DependencyType, DependencyLifecycle) pair or a Dependency(...), as "
        "DependencyType.REQUIRED"
    )
    raise InvalidSpecError(what, given, allowed)
