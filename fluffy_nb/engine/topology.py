"""Questions about the graph that joins and dependencies ask, answered once."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fluffy_nb.engine.dependencies import Dependency, DependencyType
from fluffy_nb.engine.loops import Successors, find_loops
from fluffy_nb.engine.resources import NOTHING, ResourceRequirements
from fluffy_nb.engine.templates import Template


@dataclass(frozen=True, slots=True)
class Rules:
    """What was declared about the states of one agent, as far as it decides when they run.

    Args:
        joins: The join mode of each state that has another than "all".
        dependencies: By dependent state, then by the state it depends on.
        needs: What each state takes, where it takes something or has a priority.
        templates: The states whose names have placeholders.
        agents: The states that are agents, each with its own graph.
        sent: States that `Send`s and failures lead to: several executions can stand there at once.
        led: States that no return leads to and whose dependencies do (semantics 6.2).
        optional: States whose failure is not the run's, each with the one it returns, if any.
    """

    joins: Mapping[str, str] = field(default_factory=dict)
    dependencies: Mapping[str, Mapping[str, Dependency]] = field(default_factory=dict)
    needs: Mapping[str, ResourceRequirements] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)
    agents: Mapping[str, Topology] = field(default_factory=dict)
    sent: Collection[str] = ()
    led: Collection[str] = ()
    optional: Mapping[str, Collection[str]] = field(default_factory=dict)


PLAIN = Rules()


class Topology:
    """The graph of one agent, and what its rules make of it.

    Args:
        states: All states, in the order they were added.
        successors: Where each can lead, by returns, handlers and dependencies.
        starts: Where the run began.
        rules: What was declared about the states.
    """

    def __init__(
        self,
        states: Sequence[str],
        successors: Successors,
        starts: Sequence[str],
        rules: Rules = PLAIN,
    ) -> None:
        loops = find_loops(states, successors, starts)
        self.rank, self.heads, self._last = loops.rank, loops.heads, loops.last
        self._sources: dict[str, list[str]] = {state: [] for state in states}
        for source, targets in successors.items():
            for target in targets:
                self._sources[target].append(source)
        self.starts = tuple(starts)
        self.rules = rules
        self._successors = successors
        self._nodes = {state: state for state in states}
        self.ends_others = "first" in rules.joins.values()  # some states end other branches (5.2)
        self._known: dict[str, frozenset[str]] = {}
        self._direct: dict[str, bool] = {}
        self._before: dict[str, _Ancestors] = {}
        several = {*rules.templates, *rules.sent, *rules.joins, *rules.dependencies}
        self._plural = self._reached(several)
        # By state: those it leads to as if it had returned them, those it starts with itself,
        # and those that look at whether it has ended.
        self.led_from: dict[str, list[str]] = {}
        self.parallel: dict[str, list[str]] = {}
        self.dependents: dict[str, list[str]] = {}
        for dependent, dependencies in rules.dependencies.items():
            for state, dependency in dependencies.items():
                self.dependents.setdefault(state, []).append(dependent)
                if dependency.type is DependencyType.PARALLEL:
                    self.parallel.setdefault(dependent, []).append(state)
                elif dependent in rules.led:
                    self.led_from.setdefault(state, []).append(dependent)

    def node(self, name: str) -> str:
        """The state of a name: itself, or the template that matches."""
        node = self._nodes.get(name)
        if node is None:
            matching = (t for t, template in self.rules.templates.items() if template.match(name))
            node = self._nodes[name] = next(matching, name)
        return node

    def state(self, name: str) -> str:
        """As `node`, of a name that also says which agents inside it is in: "review/chunk_3"."""
        topology, prefix = self, ""
        while agent := next((a for a in topology.rules.agents if name.startswith(f"{a}/")), None):
            prefix, name = f"{prefix}{agent}/", name[len(agent) + 1 :]
            topology = topology.rules.agents[agent]
        return prefix + topology.node(name)

    def knows(self, source: str, target: str) -> bool:
        """Whether a branch at one state is known to be able to go to the other."""
        known = self._known.get(source)
        if known is None:
            known = self._known[source] = frozenset(self._successors.get(source, ()))
        return target in known

    def needs(self, node: str) -> ResourceRequirements:
        """What a state takes while it runs."""
        return self.rules.needs.get(node, NOTHING)

    def direct(self, state: str) -> bool:
        """Whether whoever arrives here never waits: one way in, whose loops are all ours too.

        Then no second branch can come by the same way in the same turn, unless several executions
        of the state it comes from can be under way.
        """
        known = self._direct.get(state)
        if known is None:
            sources = self._sources.get(state, ())
            known = self._direct[state] = (
                state not in self.starts
                and len(sources) == 1
                and sources[0] not in self._plural
                and self.heads[sources[0]] <= self.heads[state]
            )
        return known

    def _reached(self, roots: Iterable[str]) -> set[str]:
        """The states where several executions that do not join can be under way, as a bound."""
        found = {root for root in roots if root in self._sources}
        rim = list(found)
        while rim:
            for target in self._successors.get(rim.pop(), ()):
                if target not in found:
                    found.add(target)
                    rim.append(target)
        return found

    def leads(self, source: str, state: str) -> bool:
        """Whether a path of one edge or more leads there without passing a head of its loops."""
        if state not in self._sources or source not in self._sources:
            return False  # a state that a checkpoint speaks of and the agent lacks
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

    def leads_beside(self, source: str, state: str, lost: Collection[str]) -> bool:
        """As `leads`, for a branch that ends where it comes to one of `lost`."""
        if not self.leads(source, state) or state in lost:
            return False
        closed = (self.heads[state] - {state}) | set(lost)
        return self._finds(source, state, closed)

    def reaches(self, source: str, state: str, lost: Collection[str] = ()) -> bool:
        """Whether any path of one edge or more leads there, in this turn of a loop or a later."""
        return state not in lost and self._finds(source, state, lost)

    def _finds(self, source: str, state: str, closed: Collection[str]) -> bool:
        seen = {source}
        rim = [source]
        while rim:
            for target in self._successors.get(rim.pop(), ()):
                if target == state:
                    return True
                if target not in seen and target not in closed:
                    seen.add(target)
                    rim.append(target)
        return False

    def reached_from(self, sources: Iterable[str]) -> dict[str, str]:
        """Every state that a path of one edge or more leads to, with a source of such a path.

        One walk over the graph answers for all states. Its answer is that of `leads` for a state
        that is in no loop, where no branch ends early.
        """
        found: dict[str, str] = {}
        for source in sources:
            rim = [source]
            while rim:
                for target in self._successors.get(rim.pop(), ()):
                    if target not in found:
                        found[target] = source
                        rim.append(target)
        return found

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
