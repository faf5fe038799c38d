"""When the reference model takes a state's dependencies as satisfied (rule 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from .reference_flow import Need
from .reference_graph import leads

if TYPE_CHECKING:
    from .reference import Model
    from .reference_branch import Branch


class End(NamedTuple):
    """An execution that ended; where not `completed`, it failed and a handler went on."""

    state: str
    time: float
    completed: bool


class Ends:
    """All ends of a run, and how many of them were used up by the dependents that take one each."""

    def __init__(self) -> None:
        self.all: list[End] = []
        self.started: set[str] = set()
        self.used: Counter[tuple[str, str]] = Counter()

    def note(self, state: str, time: float, *, completed: bool) -> None:
        self.all.append(End(state, time, completed))

    def count(self, dependent: str, other: str, need: Need, model: Model) -> int:
        """How many ends of a dependency count for the dependent now."""
        either_way = need.even_if_failed or need.type == "OPTIONAL"
        found = [e for e in self.all if e.state == other and (e.completed or either_way)]
        if need.lifecycle == "ALWAYS":
            return len(found) - self.used[dependent, other]
        return sum(model.lasts(need, end.time) for end in found)

    def use_up(self, dependent: str, needs: Iterable[tuple[str, Need]], model: Model) -> None:
        """ALWAYS: each execution of the dependent takes one, when it becomes ready."""
        for other, need in needs:
            if need.lifecycle == "ALWAYS" and self.count(dependent, other, need, model):
                self.used[dependent, other] += 1


def satisfied(model: Model, group: list[Branch]) -> bool:
    """Whether all dependencies of the state at which a group waits are satisfied."""
    needs = dict(model.needs(group[0].node))
    marked = [other for other, need in needs.items() if need.type == "ANY"]
    rest = [other for other in needs if other not in marked]
    return all(is_met(model, group, other, needs[other]) for other in rest) and (
        not marked or any(is_met(model, group, other, needs[other]) for other in marked)
    )


def is_met(model: Model, group: list[Branch], other: str, need: Need) -> bool:
    if need.type == "PARALLEL":
        return True  # it becomes ready together with the dependent
    if any(branch.node == other for branch in model.branches):
        return False  # rule 6.1: it is scheduled or runs
    if "{" in other and can_come(model, group, other):
        return False  # rule 4.3: all its executions are meant
    if model.ends.count(group[0].node, other, need, model):
        return True
    return need.type == "OPTIONAL" and not can_come(model, group, other)


def can_come(model: Model, group: list[Branch], other: str) -> bool:
    """Whether a live branch can still lead to a dependency, in whatever turn of a loop.

    Those that wait for it themselves do not count.
    """
    return any(
        other not in branch.lost and leads(branch.node, other, model.edges, branch.lost)
        for branch in model.branches
        if not (branch.phase == "waits" and branch.node == group[0].node)
    )
