"""What states need while they run, what there is, and what is free (semantics 7.3, 7.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from numbers import Real

from fluffy_nb.engine import hardware
from fluffy_nb.errors import InvalidSpecError, explains_init

ROUNDING = 1e-9
"""Amounts that differ by no more than this part of them are equal: 0.1 + 0.2 is 0.3."""


def is_amount(value: object) -> bool:
    """Whether it is a number from 0 that is not NaN; truth values are no amounts."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return float(value) >= 0
    except OverflowError:  # a whole number that no float is as large as
        return False


def is_more(amount: float, than: float) -> bool:
    """Whether an amount is larger than another, by more than rounding."""
    return amount > than and not math.isclose(amount, than, rel_tol=ROUNDING, abs_tol=ROUNDING)


class Priority(IntEnum):
    """Which of the states that are ready goes first."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    CRITICAL = 3


@explains_init
@dataclass(frozen=True, slots=True)
class ResourceRequirements:
    """What a state takes for the whole of an execution.

    Args:
        cpu_units: CPUs; 0 takes none.
        memory_mb: Memory in MiB; 0 takes none.
        gpu_units: GPUs; 0 takes none.
        priority: Which goes first among states that are ready.

    Raises:
        InvalidSpecError: An amount is negative, infinite or no number.

    Example:
        >>> ResourceRequirements(cpu_units=2.0, memory_mb=1024, priority=Priority.HIGH)
    """

    cpu_units: float = 0.0
    memory_mb: float = 0.0
    gpu_units: float = 0.0
    priority: Priority = Priority.NORMAL

    def __post_init__(self) -> None:
        for name, value in self.amounts().items():
            if not is_amount(value) or math.isinf(value):
                raise InvalidSpecError(name, value, "a number, zero or more")
        if not isinstance(self.priority, Priority):
            names = ", ".join(f"Priority.{member.name}" for member in Priority)
            raise InvalidSpecError("priority", self.priority, f"one of {names}")

    def amounts(self) -> dict[str, float]:
        """What it takes, by the names of the arguments."""
        return {
            "cpu_units": self.cpu_units,
            "memory_mb": self.memory_mb,
            "gpu_units": self.gpu_units,
        }

    def __bool__(self) -> bool:
        return bool(self.cpu_units or self.memory_mb or self.gpu_units)


NOTHING = ResourceRequirements()
"""The requirements of a state that declares none."""


@explains_init
@dataclass(frozen=True, slots=True)
class ResourcePool:
    """What the states of a run can take together.

    Args:
        cpu_units: CPUs.
        memory_mb: Memory in MiB.
        gpu_units: GPUs; what is not given has no bound.

    Raises:
        InvalidSpecError: An amount is negative or no number.
    """

    cpu_units: float = math.inf
    memory_mb: float = math.inf
    gpu_units: float = math.inf

    def __post_init__(self) -> None:
        for name, value in self.amounts().items():
            if not is_amount(value):
                raise InvalidSpecError(name, value, "a number, zero or more")

    def amounts(self) -> dict[str, float]:
        """What there is, by the names of the arguments."""
        return {
            "cpu_units": self.cpu_units,
            "memory_mb": self.memory_mb,
            "gpu_units": self.gpu_units,
        }

    def lacks(self, needs: ResourceRequirements) -> str:
        """What a state needs more of than there ever is; empty where it fits."""
        mine = self.amounts()
        return ", ".join(
            f"{name} {needed:.9g} of {mine[name]:.9g}"
            for name, needed in needs.amounts().items()
            if is_more(needed, mine[name])
        )


def machine_pool() -> ResourcePool:
    """What this process may use of the machine.

    Where nothing is known of GPUs there is one: states that name one do not run together.
    """
    gpus = hardware.gpus()
    return ResourcePool(hardware.cpus(), hardware.memory_mb(), 1.0 if gpus is None else gpus)


class Ledger:
    """What is taken of a pool, and what is free.

    Args:
        pool: What there is. A state larger than that takes all of it.
    """

    def __init__(self, pool: ResourcePool) -> None:
        self.pool = pool
        self._taken: dict[int, ResourceRequirements] = {}
        self._used = [0.0, 0.0, 0.0]

    def __len__(self) -> int:
        return len(self._taken)

    def free(self) -> dict[str, float]:
        """What is left, by the names of the amounts."""
        pairs = zip(self.pool.amounts().items(), self._used, strict=True)
        return {
            name: whole - used if is_more(whole, used) else 0.0 for (name, whole), used in pairs
        }

    def fits(self, needs: ResourceRequirements) -> bool:
        """Whether a state that needs this can start now."""
        if not needs:
            return True
        if self.pool.lacks(needs):
            return not self._taken  # larger than all there is: it runs alone
        wanted = zip(
            self.pool.amounts().values(), self._used, needs.amounts().values(), strict=True
        )
        return not any(needed and is_more(used + needed, whole) for whole, used, needed in wanted)

    def take(self, execution: int, needs: ResourceRequirements) -> None:
        """Give an execution what it needs."""
        if needs:
            if self.pool.lacks(needs):
                cpu, memory, gpu = _all_of(self.pool, needs)
                needs = ResourceRequirements(cpu, memory, gpu)
            self._taken[execution] = needs
            self._count()

    def give_back(self, execution: int) -> None:
        """Take back what an execution has, if it has anything."""
        if self._taken.pop(execution, None) is not None:
            self._count()

    def _count(self) -> None:
        """Add up anew what is taken: sums of floats do not drift."""
        rows = [needs.amounts().values() for needs in self._taken.values()]
        self._used = [math.fsum(column) for column in zip(*rows, strict=True)] or [0.0, 0.0, 0.0]


def _all_of(pool: ResourcePool, needs: ResourceRequirements) -> list[float]:
    """All of the pool; where that has no bound, what is needed."""
    wanted = needs.amounts()
    return [wanted[name] if math.isinf(whole) else whole for name, whole in pool.amounts().items()]
