"""One agent in a run: the run's own, or one that is a state of another (semantics 4.4)."""

from __future__ import annotations

from fluffy_nb.engine.ends import Ends, Now
from fluffy_nb.engine.execution import Branch, Execution
from fluffy_nb.engine.joins import Joins
from fluffy_nb.engine.topology import Topology


class Scope:
    """The branches inside one agent, and what its states wait for.

    Args:
        topology: The agent's graph.
        now: The time, moved on by the machine.
        outer: The execution that the agent is, where it is a state; None for the run's own.
    """

    def __init__(self, topology: Topology, now: Now, outer: Execution | None = None) -> None:
        self.topology = topology
        self.outer = outer
        self.id = 0 if outer is None else outer.id
        self.prefix = "" if outer is None else f"{outer.state}/"
        self.branches: dict[int, Branch] = {}
        self.ends = Ends(now)
        self.joins = Joins(topology, self.branches, self.ends)

    def set_topology(self, topology: Topology) -> None:
        """Take in a graph that has changed."""
        self.topology = topology
        for branch in self.branches.values():
            branch.node = topology.node(branch.state)
        self.joins.rebuild(topology)
