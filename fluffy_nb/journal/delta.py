"""What has changed of a run's progress since it was last asked, item by item.

The items: `w` and a number, a branch that waits; `e` and a number, an execution; `m` and a name,
how often a state was run; `t` and two names, how often an edge was taken; `d` and a number, what
was known of dependencies; `r`, the completions of earlier runs that still count; `g`, the graph
(`graphs`), and `c`, the number of the checkpoint, which the recorder adds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.checkpoint import Progress, SavedBranch, SavedEnds, SavedExecution
from fluffy_nb.engine.execution import Branch, Execution, Phase
from fluffy_nb.engine.progress import branch_data
from fluffy_nb.journal.graphs import ITEM

if TYPE_CHECKING:
    from fluffy_nb.engine.runner import Runner

BETWEEN = "\0"
"""Between the names of an edge."""

NUMBER = "c"
"""The item that is a checkpoint's number."""

_LIVE = "wedr"
"""Items of what can be gone; counts only grow."""

_EVERYTHING = {ev.RunStarted, ev.RunRestored, ev.RunResumed, ev.GraphChanged}
"""Events that can touch all there is."""

_MOVES = {ev.StateCompleted, ev.StateFailed, ev.StateReused}
"""Events with which branches go on."""


class Delta:
    """Gives what is new of a run's progress, from what its events have touched.

    Args:
        runner: The run.
        encode: Makes data of a value.
    """

    def __init__(self, runner: Runner, encode: Callable[[Any], Any]) -> None:
        self._runner = runner
        self._encode = encode
        self._live: set[str] = set()  # the branches, executions and ends that were told of
        self._ends: set[str] = set()  # those of them that are what is known of dependencies
        self._touched: set[int] = set()  # executions
        self._met: set[int] = set()  # branches that went into them
        self._seen = 0  # branches that there were at the last look
        self._nodes: dict[str, str] = {}  # by the names of states that were run
        self._names: dict[str, None] = {}
        self._edges: dict[tuple[str, str], None] = {}
        self._all = True  # everything is looked at the next time
        self._counts: set[str] = set()  # those of before a run was taken up at an earlier place

    def forget(self, items: Iterable[str]) -> None:
        """Begin with these items there, and nothing known of what they hold.

        Args:
            items: Those that rows before have told of.
        """
        items = set(items)
        self._live = {item for item in items if item[0] in _LIVE}
        self._counts = {item for item in items if item[0] in "mt"}

    def tell_all(self) -> None:
        """Give everything the next time, as if nothing had been told of."""
        machine = self._runner.machine
        self._live.clear()
        self._all = True
        self._nodes.clear()
        self._names.update(dict.fromkeys(machine.metadata))
        self._edges.update(dict.fromkeys(machine.taken))

    def note(self, event: Any) -> None:
        """Note what an event has touched; the machine has taken it in."""
        machine = self._runner.machine
        kind = type(event)
        if kind in _EVERYTHING:
            self._all = True
            self._nodes.clear()
            self._names.update(dict.fromkeys(machine.metadata))
            self._edges.update(dict.fromkeys(machine.taken))
            return
        execution = getattr(event, "execution", None)
        if execution is None:
            return
        self._touched.add(execution)
        self._met.update(getattr(event, "branches", ()))
        name = event.state
        self._names[name] = None
        if name not in self._nodes:
            self._nodes[name] = machine.root.topology.state(name)
        self._names[self._nodes[name]] = None
        if kind in _MOVES:
            self._edges.update(dict.fromkeys(machine.moved))

    def take(self) -> dict[str, Any]:
        """What is new since the last time.

        Returns:
            Data by item; None for what is gone.
        """
        machine = self._runner.machine
        everything = self._all or any(s.topology.ends_others for s in machine.scopes.values())
        branches: Iterable[int] = range(self._seen + 1, machine.branch_count + 1)
        executions: Iterable[int] = self._touched
        gone = {f"w{number}" for number in self._met} | {f"e{number}" for number in self._touched}
        gone |= self._ends
        if everything:
            branches, executions, gone = machine.branches, machine.executions, set(self._live)
        new: dict[str, Any] = {}
        for number in branches:
            branch = machine.branches.get(number)
            if branch is not None and branch.execution is None:
                new[f"w{number}"] = self._branch(branch)
        for number in executions:
            execution = machine.executions.get(number)
            if execution is not None:
                new[f"e{number}"] = self._execution(execution)
        self._ends = {f"d{s.id}" for s in machine.scopes.values() if s.topology.dependents}
        for item in self._ends:
            new[item] = machine.scopes[int(item[1:])].ends.to_data()
        if machine.reused or "r" in self._live:
            new["r"] = sorted(machine.reused)
        gone = {item for item in gone if item in self._live and item not in new}
        self._live.update(new)
        self._live -= gone
        new.update(dict.fromkeys(gone))
        for name in self._names:
            known = machine.metadata.get(name)
            if known is not None:
                completed = name in machine.completed
                new[f"m{name}"] = [known.executions, known.completions, completed]
        for source, target in self._edges:
            new[f"t{source}{BETWEEN}{target}"] = machine.taken[source, target]
        if self._counts:  # not all of them count where the run stands now
            new.update(dict.fromkeys(self._counts - new.keys()))
            self._counts = set()
        self._seen, self._all = machine.branch_count, False
        self._touched, self._met, self._names, self._edges = set(), set(), {}, {}
        return new

    def _branch(self, branch: Branch) -> dict[str, Any]:
        data = branch_data(branch)
        data["inputs"] = {key: self._encode(value) for key, value in data["inputs"].items()}
        return data

    def _execution(self, execution: Execution) -> dict[str, Any]:
        once = self._runner.once.of(execution.id)
        return {
            "attempt": execution.attempt,
            "started": execution.phase is not Phase.QUEUED,
            "inside": execution.phase is Phase.INSIDE,
            "branch": self._branch(execution.branch),
            "answers": self._runner.people.given(execution.id),
            "once": {key: self._encode(value) for key, value in once.items()},
        }


def progress_from(
    run: str, starts: Iterable[str], items: Mapping[str, Any], decode: Callable[[Any], Any]
) -> Progress:
    """The progress that all items together tell of.

    Args:
        run: The run's id.
        starts: Where it began.
        items: The latest data of each item.
        decode: Makes a value of data.

    Raises:
        KeyError, TypeError, ValueError: The items are none that `Delta` gives.
    """
    of: dict[str, dict[str, Any]] = {kind: {} for kind in "wemtd"}
    reused: list[str] = []
    for item, data in items.items():
        if item == "r":
            reused = list(data or ())
        elif data is not None and item not in {ITEM, NUMBER}:
            of[item[0]][item[1:]] = data

    def branch(data: Mapping[str, Any]) -> SavedBranch:
        inputs = {key: decode(value) for key, value in data["inputs"].items()}
        return SavedBranch(**{**data, "inputs": inputs})

    def execution(number: str, data: Mapping[str, Any]) -> SavedExecution:
        once = {key: decode(value) for key, value in data["once"].items()}
        return SavedExecution(
            int(number), **{**data, "branch": branch(data["branch"]), "once": once}
        )

    def by_number(kind: str) -> list[tuple[str, Any]]:
        return sorted(of[kind].items(), key=lambda item: int(item[0]))

    return Progress(
        run_id=run,
        starts=list(starts),
        waiting=[branch(data) for _, data in by_number("w")],
        executions=[execution(number, data) for number, data in by_number("e")],
        completed=[name for name, (_, _, completed) in of["m"].items() if completed],
        counts={name: executions for name, (executions, _, _) in of["m"].items()},
        completions={name: n for name, (_, n, _) in of["m"].items() if n},
        taken=[(*edge.split(BETWEEN), number) for edge, number in of["t"].items()],
        ends=[SavedEnds(scope=int(scope), **data) for scope, data in by_number("d")],
        reused=reused,
    )
