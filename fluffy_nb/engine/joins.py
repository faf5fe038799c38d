"""When a waiting branch may go: joins (semantics 5) and dependencies (semantics 6).

A state that several branches lead to runs once, when no other branch can still lead to it in this
turn and its dependencies are satisfied. Each waiting group of branches watches one branch that
holds it, and is looked at again when that one moves or a dependency ends (semantics 5.7).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fluffy_nb.engine.dependencies import Dependency, DependencyType
from fluffy_nb.engine.ends import Ends
from fluffy_nb.engine.execution import Branch
from fluffy_nb.engine.topology import Topology

MANY = 8
"""From so many groups to look at, one walk over the graph answers for all of them."""

Key = str | int
"""A group of branches that wait: the name they join at, or the one branch that never joins."""


class Joins:
    """The branches that wait at the states of one agent, and which of them may go.

    Args:
        topology: The graph.
        branches: All live branches of the agent by id; owned and changed by the machine.
        ends: What is known of the states that others depend on.
    """

    def __init__(self, topology: Topology, branches: Mapping[int, Branch], ends: Ends) -> None:
        self._topology = topology
        self._branches = branches
        self._ends = ends
        self.waiting: dict[Key, list[Branch]] = {}
        self._unsure: dict[Key, Sequence[Branch]] = {}  # group -> branches to look at first
        self._watchers: dict[int, list[Key]] = {}  # branch -> the groups it holds
        self._holder: dict[Key, Branch] = {}
        # By state: where a branch stood that can lead to it, and the branches that stood there.
        # It stays right until another branch comes.
        self._reached: dict[str, str] | None = None
        self._standing: dict[str, list[Branch]] = {}

    def arrive(self, branch: Branch) -> None:
        """A branch has come to its state and waits there."""
        self._reached = None
        key = branch.key
        group = self.waiting.get(key)
        if group is None:
            self.waiting[key] = [branch]
            self._unsure[key] = ()
        else:
            group.append(branch)

    def moved(self, branch: Branch, children: Sequence[Branch] = ()) -> None:
        """A branch is no longer where it was; what it held is looked at again.

        Args:
            branch: The branch that ended, merged, or began to run.
            children: The branches that came of it: the likeliest to hold what it held.
        """
        for key in self._watchers.pop(branch.id, ()):
            self._holder.pop(key, None)
            if key in self.waiting:
                self._unsure[key] = children

    def ended(self, node: str) -> None:
        """A state has ended: whoever depends on it is looked at again."""
        for dependent in self._topology.dependents.get(node, ()):
            for key, group in self.waiting.items():
                if group[0].node == dependent:
                    self._unsure.setdefault(key, ())

    def next_ready(self) -> Key | None:
        """A waiting group that may go now, or None; it stays waiting until it is taken."""
        unsure = self._unsure
        while unsure:
            key = next(iter(unsure))
            if self._held(key, unsure[key]):
                del unsure[key]
            else:
                return key
        return None

    def take(self, key: Key) -> list[Branch]:
        """Let a group of waiting branches go."""
        self._unsure.pop(key, None)
        group = self.waiting.pop(key)
        self._topology.forget(group[0].node)
        return group

    def drop(self, branch: Branch) -> None:
        """Take one branch out of its group: it ends here."""
        group = self.waiting[branch.key]
        group.remove(branch)
        if not group:
            del self.waiting[branch.key]
            self._unsure.pop(branch.key, None)

    def released(self) -> Key | None:
        """The group to let go when joins wait in a circle (semantics 5.4): the earliest one."""
        able = [key for key in self.waiting if not self.unmet(key)]
        return min(able, key=self._rank, default=None)

    def _rank(self, key: Key) -> int:
        return self._topology.rank.get(self.waiting[key][0].node, -1)

    def holder(self, key: Key) -> Branch | None:
        """The branch that a waiting group waits for, as far as was looked at."""
        return self._holder.get(key)

    def rebuild(self, topology: Topology) -> None:
        """Look at everything again, because the graph has changed."""
        self._topology = topology
        self._reached = None
        self._watchers.clear()
        self._holder.clear()
        self._unsure = dict.fromkeys(self.waiting, ())

    # ------------------------------------------------------------ joins

    def _held(self, key: Key, likely: Iterable[Branch]) -> bool:
        group = self.waiting[key]
        branch = group[0]
        topology = self._topology
        if branch.node in topology.rules.dependencies:
            blocker = self._join_blocker(group, likely) or self._dependency_blocker(group)
            if blocker is not None:
                self._watch(blocker, key)
                return True
            return bool(self.unmet(key))
        if len(group) == len(self._branches) or topology.direct(branch.node):
            return False
        blocker = self._join_blocker(group, likely)
        if blocker is None:
            return False
        self._watch(blocker, key)
        return True

    def _watch(self, branch: Branch, key: Key) -> None:
        self._watchers.setdefault(branch.id, []).append(key)
        self._holder[key] = branch

    def _join_blocker(self, group: list[Branch], likely: Iterable[Branch]) -> Branch | None:
        """A branch that can still lead here in this turn."""
        node, topology = group[0].node, self._topology
        if group[0].alone or topology.rules.joins.get(node, "all") != "all":
            return None
        if len(group) == len(self._branches):
            return None
        heads = topology.heads.get(node, frozenset())
        walk = self._reached is not None or len(self._unsure) >= MANY
        if walk and not heads and not topology.ends_others:
            return self._walked_blocker(node)
        for candidates in (likely, self._branches.values()):
            for branch in candidates:
                if branch.id not in self._branches:
                    continue  # a child that has ended since
                # One that waits at a head of our loop waits for its next turn, not this one.
                at_rest = branch.execution is None and (branch.node == node or branch.node in heads)
                if at_rest:
                    continue
                if branch.lost:
                    if topology.leads_beside(branch.node, node, branch.lost):
                        return branch
                elif topology.leads(branch.node, node):
                    return branch
        return None

    def _walked_blocker(self, node: str) -> Branch | None:
        """As `_join_blocker` for a state in no loop, from one walk for all groups.

        Each group looking for itself would look at every branch: for many groups that wait for
        one branch, that is their number squared.
        """
        if self._reached is None:
            self._standing = {}
            for branch in self._branches.values():
                self._standing.setdefault(branch.node, []).append(branch)
            self._reached = self._topology.reached_from(self._standing)
        source = self._reached.get(node)
        if source is None:
            return None
        standing = self._standing[source]
        while standing and standing[-1].id not in self._branches:
            standing.pop()  # it has ended since
        if standing:
            return standing[-1]
        self._reached = None  # all that stood there have ended since
        return self._walked_blocker(node)

    # ------------------------------------------------------------ dependencies

    def _dependency_blocker(self, group: list[Branch]) -> Branch | None:
        """A branch whose move can satisfy a dependency that is not satisfied yet."""
        dependencies = self._dependencies(group)
        for state in self._unmet(group):
            blocker = self._keeps_open(group, state, dependencies[state])
            if blocker is not None:
                return blocker
        return None

    def _keeps_open(self, group: list[Branch], state: str, dependency: Dependency) -> Branch | None:
        """A branch that stands at the dependency, or, where that matters, can still come there."""
        others = [branch for branch in self._branches.values() if branch not in group]
        for branch in others:
            if branch.node == state:
                return branch
        template = state in self._topology.rules.templates
        optional = dependency.type is DependencyType.OPTIONAL
        missing = optional and not self._counts(group, state, dependency)
        if template or missing:
            for branch in others:
                at_rest = branch.execution is None and branch.node == group[0].node
                if not at_rest and self._topology.reaches(branch.node, state, branch.lost):
                    return branch
        return None

    def unmet(self, key: Key) -> list[str]:
        """The dependencies of a waiting group that are not satisfied, by name."""
        return self._unmet(self.waiting[key])

    def _unmet(self, group: list[Branch]) -> list[str]:
        unmet: list[str] = []
        anys: dict[str, bool] = {}
        for state, dependency in self._dependencies(group).items():
            if dependency.type is DependencyType.PARALLEL:
                continue  # it is started with us
            met = self._is_met(group, state, dependency)
            if dependency.type is DependencyType.ANY:
                anys[state] = met
            elif not met:
                unmet.append(state)
        return unmet if any(anys.values()) else [*unmet, *anys]

    def _is_met(self, group: list[Branch], state: str, dependency: Dependency) -> bool:
        if self._keeps_open(group, state, dependency) is not None:
            return False
        optional = dependency.type is DependencyType.OPTIONAL
        return optional or self._counts(group, state, dependency)

    def _counts(self, group: list[Branch], state: str, dependency: Dependency) -> bool:
        return self._ends.counts(group[0].node, state, dependency)

    def _dependencies(self, group: list[Branch]) -> Mapping[str, Dependency]:
        return self._topology.rules.dependencies.get(group[0].node, {})
