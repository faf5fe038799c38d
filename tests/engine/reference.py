"""What a run does, modelled slowly, by the numbered rules alone: what the engine is compared with.

After every event everything is asked anew: nothing is watched, indexed or kept between two looks.
Rules 3, 4.1 to 4.3, 5, 6, 7, 8 and 9; no clock of its own, no functions, no tasks. Whoever drives
the model says which attempt ends next and how much time passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from .reference_branch import (
    DELAYED,
    READY,
    RUNS,
    STOPPED,
    WAITS,
    Branch,
    Disagreement,
    Seen,
    lost_of,
    seen_of,
)
from .reference_flow import LONGEST_DELAY, Flow, Result, Sent, entries, nth
from .reference_graph import leads, loop_heads, order_from, starts_of
from .reference_needs import Ends, satisfied

MOST_PASSED = 16


class Model:
    """One run of a flow; `branches` are all that live, in the order in which they came.

    Args:
        flow: What the states return and what is declared.
        now: The time.
        kept: By state when it last completed in earlier runs, and its result.
        order: The executions in the order in which they were seen to become ready; of those that
            become ready at one moment the rules do not say which is first.
        timers: Likewise those whose timers were seen to go off, for timers of one moment.
    """

    def __init__(
        self,
        flow: Flow,
        now: float = 0,
        kept: dict[str, tuple[float, Result]] | None = None,
        order: list[Seen] | None = None,
        timers: list[Seen] | None = None,
    ) -> None:
        self.flow, self.now, self.order, self.timers = flow, now, order, timers
        self.kept = {} if kept is None else kept
        self.edges = flow.edges
        self.starts = starts_of(flow)
        self.places = order_from(self.starts, self.edges)
        self.heads = loop_heads(self.places, self.edges)
        self.led = flow.led_by_dependencies
        self.status = "IDLE"
        self.steps: float = inf
        self.pausing = self.failing = False
        self.branches: list[Branch] = []
        self.ends = Ends()
        self.reused: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.begun: Counter[str] = Counter()
        self.completed: set[str] = set()
        self.blocked: list[str] = []
        self.arrivals = self.let_go = 0

    # ---------------------------------------------------------------- verbs (rules 3, 8.5, 9)

    def begin(self, steps: float = inf) -> None:
        for name, (time, _) in self.kept.items():
            node = self.flow.node(name)
            needs = [n for s in self.flow.script for o, n in self.needs(s) if o == node]
            if any(n.lifecycle in {"ONCE", "TEMPORARY"} and self.lasts(n, time) for n in needs):
                self.reused.add(name)
                self.ends.note(node, time, completed=True)
        for state in self.starts:
            self.arrive(state)
        self.go(steps)

    def go(self, steps: float = inf) -> None:
        """Begin, or go on after a pause, a failure or a cancellation."""
        self.status, self.steps = "RUNNING", steps
        self.pausing = self.failing = False
        self.blocked = []
        if self.in_phase(STOPPED):  # rule 7.1: then it is counted anew
            for branch in self.branches:
                branch.passed = 0
        for branch in self.branches:
            if branch.phase == DELAYED:
                branch.due = self.now + branch.left
            elif branch.phase == STOPPED:
                branch.phase, branch.tries = READY, 0
                branch.attempt += 1
        self.settle()

    def pause(self) -> None:
        self.pausing = True
        self.settle()

    def cancel(self) -> None:
        for branch in self.in_phase(RUNS):
            branch.phase = STOPPED
        self.stand("CANCELLED")

    def restore(self) -> None:
        """What a checkpoint of this moment gives in another agent (rules 12.4 and 12.5)."""
        for branch in self.in_phase(RUNS, DELAYED, STOPPED):
            branch.phase, branch.tries, branch.again = READY, 0, False
            branch.attempt += 1
        self.stand("PAUSED")

    def stand(self, status: str) -> None:
        """The run stands still, and so do its clocks."""
        if self.status == "RUNNING":
            for branch in self.in_phase(DELAYED):
                branch.left = branch.due - self.now
            for branch in self.branches:
                branch.due = inf
        self.status = status

    # ---------------------------------------------------------------- what happens

    def end(self, branch: Branch) -> None:
        """The body of a running attempt ends as the script says."""
        rules = self.flow.of(branch.node)
        if branch.failed < nth(rules.failures, branch.execution):
            self.fail(branch)
        else:
            result = nth(self.flow.script[branch.node], branch.execution)
            self.kept[branch.state] = (self.now, result)
            self.complete(branch, result)
        self.settle()

    def wait(self, until: float) -> None:
        """Time passes; timers that are due go off in their order."""
        while (due := min((b.due for b in self.branches), default=inf)) <= until:
            branch = self.first_due([b for b in self.branches if b.due == due])
            self.now = max(self.now, due)
            if branch.phase == RUNS:  # rule 8.2
                self.fail(branch)
            else:
                self.ready(branch)
                branch.attempt += 1
                branch.again, branch.due = True, inf
            self.settle()
        self.now = until
        if self.order or self.timers:  # all that the engine did has a reason here by now
            more = f"{self.order} became ready, {self.timers} timers went off"
            raise Disagreement(f"{more}, which the rules do not allow")

    def first_due(self, due: list[Branch]) -> Branch:
        """Of timers that go off at one moment, the one that was seen first."""
        if self.timers:
            seen = self.timers.pop(0)
            return next((b for b in due if seen_of(b)[:4] == seen[:4]), due[0])
        return due[0]

    def fail(self, branch: Branch) -> None:
        """Rules 8.1, 8.3, 8.4."""
        rules = self.flow.of(branch.node)
        branch.failed += 1
        branch.due = inf
        if rules.retries is not None and branch.tries <= rules.retries:
            branch.phase = DELAYED
            branch.due = self.now + min(rules.delay * 2 ** (branch.tries - 1), LONGEST_DELAY)
        elif rules.on_error:
            self.arrive(rules.on_error, branch.lost, alone=True, handles=True, inputs=branch.inputs)
            self.leave(branch, completed=False)
        elif (returned := self.flow.optional(branch.node)) is not None:
            self.leave(branch, completed=False)
            for state in returned:
                self.arrive(state, branch.lost)
        else:
            branch.phase = STOPPED
            self.failing = True

    def complete(self, branch: Branch, result: Result) -> None:
        self.completed.add(branch.state)
        for entry in entries(result):
            self.arrive(entry, branch.lost)
        self.leave(branch, completed=True)

    def leave(self, branch: Branch, *, completed: bool) -> None:
        self.branches.remove(branch)
        self.ends.note(branch.node, self.now, completed=completed)
        for state in self.flow.script:  # rule 6.2
            leading = [other for other, need in self.needs(state) if need.type != "PARALLEL"]
            if state in self.led and branch.node in leading:
                self.arrive(state, branch.lost)

    def arrive(
        self,
        to: str | Sent,
        lost: Iterable[str] = (),
        *,
        alone: bool = False,
        handles: bool = False,
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        """A branch comes to a state, unless another was first there (rule 5.2)."""
        name, sent = (to.name, {"n": to.number}) if isinstance(to, Sent) else (to, {})
        node = self.flow.node(name)
        if node in lost:
            return
        alone = alone or isinstance(to, Sent) or self.flow.of(node).join == "each"
        inputs = {**(inputs or {}), **self.flow.inputs(name), **sent}  # rule 4.2
        branch = Branch(name, node, alone, inputs, frozenset(lost), handles)
        self.branches.append(branch)

    # ---------------------------------------------------------------- going on

    def settle(self) -> None:
        """Do all that can be done now."""
        while self.status == "RUNNING" and self.act():
            pass

    def act(self) -> bool:
        """Do one thing; False when only an event can bring the run on."""
        may_start = not self.pausing and self.steps > 0
        if self.failing:  # rule 8.4
            if not self.in_phase(RUNS):
                self.stand("FAILED")
            return False
        free = [group for group in self.groups() if self.is_free(group)]
        if free:
            self.merge(self.first_of(free), may_start)
            return True
        if self.start_one(may_start):
            return True
        if self.in_phase(RUNS) or (self.in_phase(DELAYED) and not self.pausing):
            return False
        if not self.branches:
            self.stand("COMPLETED")
        elif may_start and len(self.in_phase(WAITS)) == len(self.branches):
            self.unlock()
        elif self.pausing or self.steps < inf:
            self.stand("PAUSED")
        return self.status == "RUNNING"

    def unlock(self) -> None:
        """Rules 5.4 and 6.4: only branches that wait for each other are left."""
        able = [group for group in self.groups() if satisfied(self, group)]
        if able:
            self.let_go += 1
            first = [group for group in able if not any(self.is_before(o, group) for o in able)]
            first.sort(key=lambda group: self.places.index(group[0].node))
            self.merge(self.first_of(first), may_start=True)
        else:
            self.blocked = [group[0].state for group in self.groups()]
            self.stand("FAILED")

    def is_before(self, one: list[Branch], other: list[Branch]) -> bool:
        """Rule 5.4: whether it is earlier in the graph: it leads there, and not around a loop."""
        source, target = one[0].node, other[0].node
        walls = self.heads[target]
        return target not in self.heads[source] and leads(source, target, self.edges, walls)

    # ---------------------------------------------------------------- joins (rule 5)

    def groups(self) -> list[list[Branch]]:
        """The waiting branches, those that join together; of templates by their full name."""
        together: dict[object, list[Branch]] = {}
        for branch in self.in_phase(WAITS):
            key = branch if branch.alone else branch.state
            together.setdefault(key, []).append(branch)
        return list(together.values())

    def is_free(self, group: list[Branch]) -> bool:
        first = group[0]
        joins = not first.alone and self.flow.of(first.node).join == "all"
        return not (joins and self.holders(group)) and satisfied(self, group)

    def holders(self, group: list[Branch]) -> list[Branch]:
        """Rule 5.1: the branches that can still lead to this group's state in this turn."""
        state = group[0].node
        heads = self.heads[state]
        return [
            branch
            for branch in self.branches
            if branch not in group
            and state not in branch.lost
            and leads(branch.node, state, self.edges, walls=heads | branch.lost)
            # who waits to begin the next turn of a loop around this state is not in this turn
            and not (branch.phase == WAITS and branch.node in heads)
        ]

    def first_of(self, free: list[list[Branch]]) -> list[Branch]:
        if self.order is None:
            return free[0]
        names = [seen_of(group[0], lost_of(group)) for group in free]
        for seen in self.order[:1]:
            if seen in names:
                del self.order[0]
                return free[names.index(seen)]
        raise Disagreement(f"{names} may go by the rules; seen were {self.order}")

    def merge(self, group: list[Branch], may_start: bool) -> None:
        """The branches of a group become one, which is ready."""
        first, *others = group
        self.branches = [branch for branch in self.branches if branch not in others]
        first.lost = lost_of(group)
        self.ready(first)
        if self.flow.of(first.node).join == "first":  # rule 5.2
            for branch in self.branches:
                if branch is not first:
                    branch.lost |= {first.node}
            late = [b for b in self.in_phase(WAITS) if b.node == first.node]
            self.branches = [branch for branch in self.branches if branch not in late]
        self.ends.use_up(first.node, self.needs(first.node), self)
        self.ends.started.add(first.node)
        for other, need in self.needs(first.node):
            alive = any(branch.node == other for branch in self.branches)
            if need.type == "PARALLEL" and not alive and other not in self.ends.started:
                self.arrive(other, first.lost, alone=True)
        self.counts[first.state] += 1
        if first.state in self.reused and may_start:
            self.pass_through(first)

    # ---------------------------------------------------------------- order (rule 7)

    def ready(self, branch: Branch) -> None:
        self.arrivals += 1
        branch.phase, branch.came, branch.passed = READY, self.arrivals, 0

    def queue(self) -> list[Branch]:
        """Rule 7.1: those that are ready, in their order."""
        ready = [b for b in self.in_phase(READY) if b.state not in self.reused]
        return sorted(ready, key=lambda b: (-self.flow.of(b.node).priority, b.came))

    def start_one(self, may_start: bool) -> bool:
        """Start the next that may start."""
        for branch in self.in_phase(READY) if may_start else []:
            if branch.state in self.reused:
                self.pass_through(branch)
                return True
        queue = [b for b in self.queue() if may_start or self.goes_on(b)]
        held = [branch for branch in queue if branch.passed >= MOST_PASSED]
        if held:
            queue = [min(held, key=lambda branch: branch.came)]
        able = [branch for branch in queue if self.fits(branch)]
        if not able or len(self.in_phase(RUNS)) >= self.flow.most:
            return False
        if able[0].node in self.flow.breakpoints and not able[0].halted and not able[0].again:
            able[0].halted = self.pausing = True  # rule 9.4
        else:
            self.start(able[0])
        return True

    def goes_on(self, branch: Branch) -> bool:
        """Rule 9.3: a step's execution ends: its other attempts belong to it."""
        return branch.again and not self.pausing

    def fits(self, branch: Branch) -> bool:
        """Rule 7.3."""
        at_work = [*self.in_phase(RUNS), branch]
        takes = [self.flow.of(b.node).takes for b in at_work]
        return all(
            sum(t) <= whole
            for t, whole in zip(zip(*takes, strict=True), self.flow.pool, strict=True)
        )

    def start(self, branch: Branch) -> None:
        for other in self.in_phase(READY):
            other.passed += other.came < branch.came
        if branch.execution is None:
            branch.execution = self.begun[branch.node]
            self.begun[branch.node] += 1
        self.steps -= not branch.again
        branch.phase, branch.again = RUNS, False
        branch.tries += 1
        timeout = self.flow.of(branch.node).timeout
        branch.due = inf if timeout is None else self.now + timeout

    def pass_through(self, branch: Branch) -> None:
        """Rule 6, ONCE: an earlier run's completion is taken over."""
        self.counts[branch.state] -= 1
        self.reused.discard(branch.state)  # it stands for one execution
        self.complete(branch, self.kept[branch.state][1])

    # ---------------------------------------------------------------- small questions

    def in_phase(self, *phases: str) -> list[Branch]:
        return [branch for branch in self.branches if branch.phase in phases]

    def needs(self, state: str):
        return self.flow.of(state).needs.items()

    def lasts(self, need, time: float) -> bool:
        return self.now - time <= need.expiry
