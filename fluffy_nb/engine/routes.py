"""Where branches of a run can go, as far as the code tells and as the run has shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.definition import Definition
from fluffy_nb.engine.graph import check_open
from fluffy_nb.engine.planning import Plan, is_open, topology_of

if TYPE_CHECKING:
    from fluffy_nb.engine.execution import Branch
    from fluffy_nb.engine.graph import StateGraph
    from fluffy_nb.engine.runner import Runner
    from fluffy_nb.engine.scope import Scope
    from fluffy_nb.engine.topology import Topology


class Routes:
    """The graphs of a run's agents; knows when they have to be looked at anew.

    Args:
        definition: The run's agent.
    """

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._sent: dict[int, set[str]] = {}  # by the id() of a definition
        self._is_open = False
        self._version: tuple[int, ...] = ()  # of the graph that the machine has
        self._learned: dict[tuple[str, str], int] = {}  # edges the graph may not tell of

    def topology(
        self,
        starts: tuple[str, ...],
        taken: Mapping[tuple[str, str], int],
        standing: Iterable[str] = (),
    ) -> Topology:
        """The graph for the machine.

        Args:
            starts: Where the run began.
            taken: How often each edge was taken.
            standing: The states where branches stand; the agent may lack some.
        """
        definition = self._definition
        self._learned.update(taken)
        lacking = [name for name in standing if definition.spec(name) is None]
        key = (starts, definition.version)
        as_written = not (taken or lacking or self._sent)
        self._version = key[1]
        if as_written and definition.plan is not None and definition.plan.key == key:
            self._is_open = definition.plan.is_open
            return definition.plan.topology
        graph = definition.graph(starts, taken)
        self._is_open = is_open(graph)
        topology = topology_of(definition, graph, self._sent, lacking)
        if as_written:
            definition.plan = Plan(key, topology, self._is_open)
        self._version = definition.version
        return topology

    @property
    def shown(self) -> StateGraph:
        """The graph for pictures: as it is written, with the edges the run took beside it.

        The same object as long as nothing has changed.
        """
        return self._definition.graph(None, self._learned)

    def graph(self, starts: tuple[str, ...]) -> StateGraph:
        """The graph as it is written.

        Args:
            starts: Where the run began.
        """
        return self._definition.graph(starts)

    def reread(self) -> bool:
        """As `Definition.reread`; returns whether the machine's graph is another now."""
        self._definition.reread()
        return self._definition.version != self._version

    def definition_of(self, scope: Scope) -> Definition:
        """The agent that a scope is of."""
        if scope.outer is None:
            return self._definition
        around = scope.outer.branch
        spec = self.definition_of(around.scope).spec(around.state)
        if spec is None or spec.flow is None:  # it was replaced by a function meanwhile
            return Definition(scope.prefix, None)
        definition: Definition = spec.flow.definition
        return definition

    def missing(self, branches: Iterable[Branch]) -> list[str]:
        """The states at which branches stand and which their agents do not have.

        Args:
            branches: Those of the run.
        """
        names = [
            branch.scope.prefix + branch.state
            for branch in branches
            if self.definition_of(branch.scope).spec(branch.state) is None
        ]
        return list(dict.fromkeys(names))

    def check_fork(self, definition: Definition, starts: tuple[str, ...], what: str) -> None:
        """Refuse several branches in a flow where it can't be told what joins wait for.

        Raises:
            OpenStateError: Where some state leads can't be read.
        """
        if self._is_open:
            check_open(definition.graph(starts if definition is self._definition else None), what)

    def note_sent(self, scope: Scope, state: str) -> None:
        """Several executions of a state can be under way, although the code did not tell."""
        self._sent.setdefault(id(self.definition_of(scope)), set()).add(state)

    def learn(self, runner: Runner, branch: Branch, going: ev.Next) -> None:
        """Look at the graph anew where a state goes where its code did not tell.

        Args:
            runner: The run.
            branch: Which goes on.
            going: Where to.
        """
        scope = branch.scope
        for to in going:
            topology = scope.topology
            if isinstance(to, str):
                node, alone = topology.node(to), False
            else:
                node, alone = topology.node(to.name), to.alone
            if alone and node not in topology.rules.sent:
                self.note_sent(scope, node)
            elif topology.knows(branch.node, node):
                continue
            edge = (scope.prefix + branch.node, scope.prefix + node)
            runner.graph_changed((), {**runner.machine.taken, edge: 1})
