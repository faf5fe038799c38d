"""When a waiting branch may go: the synchronizing merge of semantics 5.

A state that several branches lead to runs once, when no other branch can still lead to it in this
turn. Each waiting state watches one branch that holds it, and is looked at again when that one
moves (semantics 5.7).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence

from fluffy_nb.engine.loops import Successors, find_loops


class Branch:
    """One line of control: it stands at a state, waiting there or in an execution."""

    __slots__ = ("execution", "id", "state")

    def __init__(self, number: int, state: str) -> None:
        self.id = number
        self.state = state
        self.execution: int | None = None  # None while it waits at the state


class Topology:
    """Questions about the graph that joins ask, answered once.

    Args:
        states: All states, in the order they were added.
        successors: Where each can lead.
        starts: Where the run began.
    """

    def __init__(
        self, states: Sequence[str], successors: Successors, starts: Sequence[str]
    ) -> None:
        loops = find_loops(states, successors, starts)
        self.rank, self.heads, self._last = loops.rank, loops.heads, loops.last
        self._sources: dict[str, list[str]] = {state: [] for state in states}
        for source, targets in successors.items():
            for target in targets:
                self._sources[target].append(source)
        self._successors = successors
        self._starts = frozenset(starts)
        self._direct: dict[str, bool] = {}
        self._before: dict[str, _Ancestors] = {}

    def direct(self, state: str) -> bool:
        """Whether whoever arrives here never waits: one way in, whose loops are all ours too.

        Then no second branch can come by the same way in the same turn.
        """
        known = self._direct.get(state)
        if known is None:
            sources = self._sources[state]
            known = self._direct[state] = state not in self._starts and (
                len(sources) == 1 and self.heads[sources[0]] <= self.heads[state]
            )
        return known

    def leads(self, source: str, state: str) -> bool:
        """Whether a path of one edge or more leads there without passing a head of its loops."""
        before = self._before.get(state)
        if before is None:
            before = self._before[state] = _Ancestors(
                state, self.heads[state], self._sources, self.rank
            )
        rank = self.rank
        if rank[source] > self._last.get(state, rank[state]):
            return False  # everything behind it comes back only through a head
        # A path may first go back to the heads of loops that the source is in and the state is not.
        lowest = min(
            (rank[h] for h in self.heads[source] - self.heads[state]), default=rank[source]
        )
        return before.has(source, min(lowest, rank[source]))

    def path(self, source: str, state: str) -> list[str]:
        """A shortest way from one state to another, both ends included; for explanations."""
        before: dict[str, str] = {}
        rim = [source]
        while rim and state not in before:
            ahead = []
            for here in rim:
                for target in self._successors.get(here, ()):
                    if target not in before:
                        before[target] = here
                        ahead.append(target)
            rim = ahead
        way = [state]
        while way[-1] in before and (way[-1] != source or len(way) == 1):
            way.append(before[way[-1]])
        return way[::-1]

    def forget(self, state: str) -> None:
        """Free what was remembered for a join that has gone."""
        self._before.pop(state, None)


class _Ancestors:
    """The states that lead to a join, found only as far back as was asked."""

    __slots__ = ("_avoid", "_found", "_frontier", "_rank", "_sources")

    def __init__(
        self,
        target: str,
        heads: frozenset[str],
        sources: Mapping[str, list[str]],
        rank: Mapping[str, int],
    ) -> None:
        self._avoid = heads  # a path that passes the target has led to it already
        self._sources = sources
        self._rank = rank
        self._found: set[str] = set()
        self._frontier: list[tuple[int, str]] = []  # found, and not yet looked behind
        self._expand(target)

    def has(self, state: str, lowest: int) -> bool:
        """Whether a state leads to the join; looks back to states of this rank."""
        while self._frontier and -self._frontier[0][0] >= lowest:
            self._expand(heapq.heappop(self._frontier)[1])
        return state in self._found

    def _expand(self, state: str) -> None:
        for source in self._sources[state]:
            if source not in self._found:
                self._found.add(source)
                if source not in self._avoid:
                    heapq.heappush(self._frontier, (-self._rank[source], source))


class Joins:
    """The branches that wait at states, and which of these states may go.

    Args:
        topology: The graph.
        branches: All live branches by id; owned and changed by the machine.
    """

    def __init__(self, topology: Topology, branches: Mapping[int, Branch]) -> None:
        self._topology = topology
        self._branches = branches
        self.waiting: dict[str, list[Branch]] = {}
        self._unsure: dict[str, Sequence[Branch]] = {}  # state -> branches to look at first
        self._watchers: dict[int, list[str]] = {}  # branch -> the states it holds
        self._holder: dict[str, Branch] = {}

    def arrive(self, branch: Branch) -> None:
        """A branch has come to its state and waits there."""
        group = self.waiting.get(branch.state)
        if group is None:
            self.waiting[branch.state] = [branch]
            self._unsure[branch.state] = ()
        else:
            group.append(branch)

    def moved(self, branch: Branch, children: Sequence[Branch] = ()) -> None:
        """A branch is no longer where it was; what it held is looked at again.

        Args:
            branch: The branch that ended or merged.
            children: The branches that came of it: the likeliest to hold what it held.
        """
        for state in self._watchers.pop(branch.id, ()):
            self._holder.pop(state, None)
            if state in self.waiting:
                self._unsure[state] = children

    def next_ready(self) -> str | None:
        """A waiting state that may go now, or None; it stays waiting until it is taken."""
        unsure = self._unsure
        while unsure:
            state = next(iter(unsure))
            if self._held(state, unsure[state]):
                del unsure[state]
            else:
                return state
        return None

    def take(self, state: str) -> list[Branch]:
        """Let a state's waiting branches go."""
        self._unsure.pop(state, None)
        self._topology.forget(state)
        return self.waiting.pop(state)

    def earliest(self) -> str:
        """The waiting state that comes first in the graph (semantics 5.4)."""
        return min(self.waiting, key=self._topology.rank.__getitem__)

    def holder(self, state: str) -> Branch | None:
        """The branch that a waiting state waits for, as far as was looked at."""
        return self._holder.get(state)

    def rebuild(self, topology: Topology) -> None:
        """Look at everything again, because the graph has changed."""
        self._topology = topology
        self._watchers.clear()
        self._holder.clear()
        self._unsure = dict.fromkeys(self.waiting, ())

    def _held(self, state: str, likely: Iterable[Branch]) -> bool:
        group = self.waiting[state]
        if len(group) == len(self._branches) or self._topology.direct(state):
            return False
        heads = self._topology.heads[state]
        for candidates in (likely, self._branches.values()):
            for branch in candidates:
                if branch.id not in self._branches:
                    continue  # a child that has ended since
                # One that waits at a head of our loop waits for its next turn, not this one.
                at_rest = branch.execution is None and (
                    branch.state == state or branch.state in heads
                )
                if not at_rest and self._topology.leads(branch.state, state):
                    self._watchers.setdefault(branch.id, []).append(state)
                    self._holder[state] = branch
                    return True
        return False
