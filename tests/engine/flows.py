"""Flows for hypothesis to draw: structured ones, whose counts are known, and arbitrary graphs.

A structured flow is a tree of steps, forks, choices and loops. Playing it through in the order of
the tree, without any concurrency, says how often each state runs and when the last one ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from hypothesis import strategies as st

from .reference_flow import Flow, nth
from .reference_time import Durations

END = None


class Tour:
    """One way through a structured flow: what the states return, how often, and how long it takes.

    Args:
        decide: Is asked `decide(n)` for a number below n wherever the flow could go on differently.
        durations: For each state how long its executions take.
    """

    def __init__(self, decide: Callable[[int], int], durations: Durations) -> None:
        self.decide = decide
        self.durations = durations
        self.script: dict[str, list] = {}
        self.latest: float = 0

    def visit(self, state: str, now: float, *targets: str | None) -> float:
        """Run a state once; returns when it ends."""
        results = self.script.setdefault(state, [])
        takes = nth(self.durations.get(state, [1]), len(results))
        results.append([target for target in targets if target is not END])
        self.latest = max(self.latest, now + takes)
        return now + takes


@dataclass
class Step:
    """One state.

    Every kind of node has an `entry`, the state it begins with; `wire` tells it what comes after
    it and yields the edges; `play` runs it from `now` on and returns when it ends. Where `alive`
    is false its last states return None instead of going on.
    """

    entry: str
    after: str | None = END

    def wire(self, after):
        self.after = after
        yield self.entry, after

    def play(self, tour, now, alive):
        return tour.visit(self.entry, now, self.after if alive else END)


@dataclass
class Spill:
    """A state in a loop that starts, beside going on, a branch to what comes after that loop."""

    entry: str
    loop: Loop
    after: str | None = END

    def wire(self, after):
        self.after = after
        yield self.entry, after
        yield self.entry, self.loop.after

    def play(self, tour, now, alive):
        out = self.loop.after if self.loop.alive else END
        return tour.visit(self.entry, now, self.after if alive else END, out)


@dataclass
class Chain:
    """One node after the other."""

    nodes: list

    @property
    def entry(self):
        return self.nodes[0].entry

    def wire(self, after):
        followers = [*(node.entry for node in self.nodes[1:]), after]
        for node, follower in zip(self.nodes, followers, strict=True):
            yield from node.wire(follower)

    def play(self, tour, now, alive):
        for node in self.nodes[:-1]:
            now = node.play(tour, now, alive=True)
        return self.nodes[-1].play(tour, now, alive)


@dataclass
class Fork:
    """A state that starts branches, which meet in `join` or, without one, in what comes after.

    Branches but the first may end on the way, each time anew; then they do not reach the join.
    """

    entry: str
    branches: list
    join: Step | None

    def wire(self, after):
        target = self.join.entry if self.join else after
        for branch in self.branches:
            yield self.entry, branch.entry
            yield from branch.wire(target)
        if self.join:
            yield from self.join.wire(after)

    def play(self, tour, now, alive):
        now = tour.visit(self.entry, now, *(branch.entry for branch in self.branches))
        first, *others = self.branches
        alive_inside = alive or self.join is not None
        ends = [first.play(tour, now, alive_inside)]
        ends += [b.play(tour, now, alive_inside and tour.decide(4) < 3) for b in others]
        return self.join.play(tour, max(ends), alive) if self.join else max(ends)


@dataclass
class Choice:
    """A state that goes on at one of several nodes, or at once at what comes after."""

    entry: str
    options: list
    after: str | None = END

    def wire(self, after):
        self.after = after
        for option in self.options:
            yield self.entry, option.entry
            yield from option.wire(after)
        yield self.entry, after

    def play(self, tour, now, alive):
        chosen = tour.decide(len(self.options) + 1)
        if chosen == len(self.options):
            return tour.visit(self.entry, now, self.after if alive else END)
        now = tour.visit(self.entry, now, self.options[chosen].entry)
        return self.options[chosen].play(tour, now, alive)


@dataclass
class While:
    """A loop that asks before each turn whether there is another, up to two."""

    entry: str
    body: Node | None = None
    after: str | None = END
    alive: bool = False

    def wire(self, after):
        self.after = after
        begin = self.body.entry if self.body else self.entry
        yield self.entry, begin
        yield self.entry, after
        if self.body:
            yield from self.body.wire(self.entry)

    def play(self, tour, now, alive):
        self.alive = alive
        for _ in range(tour.decide(3)):
            now = tour.visit(self.entry, now, self.body.entry if self.body else self.entry)
            if self.body:
                now = self.body.play(tour, now, alive=True)
        return tour.visit(self.entry, now, self.after if alive else END)


@dataclass
class Until:
    """A loop that asks after each turn whether there is another, up to two.

    It begins with a state of its own: with a body that begins with a loop it would otherwise
    share the head, and the two would be one loop.
    """

    entry: str
    body: Node
    gate: str
    after: str | None = END
    alive: bool = False

    def wire(self, after):
        self.after = after
        yield self.entry, self.body.entry
        yield from self.body.wire(self.gate)
        yield self.gate, self.entry
        yield self.gate, after

    def play(self, tour, now, alive):
        self.alive = alive
        more = tour.decide(3)
        for turn in range(more + 1):
            now = tour.visit(self.entry, now, self.body.entry)
            now = self.body.play(tour, now, alive=True)
            last = self.after if alive else END
            now = tour.visit(self.gate, now, self.entry if turn < more else last)
        return now


Loop = While | Until
Node = Step | Spill | Chain | Fork | Choice | Loop


@dataclass
class Structured:
    """A structured flow, played through once."""

    flow: Flow
    counts: dict[str, int]
    _root: Node
    _decisions: list[int]
    _skipped: str | None
    """The fork that the several starts of the flow stand for."""

    def end(self, durations: Durations) -> float:
        """When the last state ends if nothing ever waits longer than the structure demands."""
        decisions = iter(self._decisions)
        tour = Tour(lambda _: next(decisions), {**durations, self._skipped: [0]})
        self._root.play(tour, 0, alive=True)
        return tour.latest


@st.composite
def structured(draw: st.DrawFn, depth: int = 3) -> Structured:
    """Draw a structured flow: all kinds of node, one in the other, up to this depth."""
    numbers = count(1)

    def name(kind: str) -> str:
        return f"{kind}{next(numbers)}"

    def chain(depth: int, loops: list[Loop]) -> Chain:
        return Chain([node(depth, loops) for _ in range(draw(st.integers(1, 3)))])

    def node(depth: int, loops: list[Loop]) -> Node:
        flat = ["step", "spill"] if loops else ["step"]
        nested = ["fork", "fork", "choice", "while", "until", "self"]
        kind = draw(st.sampled_from(flat + nested if depth else flat))
        if kind == "spill":
            return Spill(name(kind), draw(st.sampled_from(loops)))
        if kind == "fork":
            join = Step(name("join")) if draw(st.booleans()) else None
            branches = [chain(depth - 1, loops) for _ in range(draw(st.integers(2, 3)))]
            return Fork(name(kind), branches, join)
        if kind == "choice":
            options = [chain(depth - 1, loops) for _ in range(draw(st.integers(1, 2)))]
            return Choice(name(kind), options)
        if kind == "self":
            return While(name(kind))
        if kind == "while":
            loop = While(name(kind))
            loop.body = chain(depth - 1, [*loops, loop])
            return loop
        if kind == "until":
            loop = Until(name(kind), Step(name("step")), name("gate"))
            loop.body = chain(depth - 1, [*loops, loop])
            return loop
        return Step(name(kind))

    root = chain(depth, []) if draw(st.booleans()) else node(depth, [])
    edges: dict[str, list[str]] = {}
    for source, target in root.wire(END):
        edges.setdefault(source, []).extend([] if target is END else [target])

    decisions: list[int] = []

    def decide(below: int) -> int:
        small = sum(map(len, tour.script.values())) > 60  # let big flows come to their end
        decisions.append(0 if small else draw(st.integers(0, below - 1)))
        return decisions[-1]

    tour = Tour(decide, {})
    root.play(tour, 0, alive=True)
    script = {state: tour.script.get(state, [END]) for state in edges}
    counts = {state: len(results) for state, results in tour.script.items()}
    starts, skipped = [root.entry], None
    if isinstance(root, Fork) and draw(st.booleans()):
        skipped = root.entry
        starts = edges.pop(skipped)
        del script[skipped], counts[skipped]
    if draw(st.booleans()):  # where the starts are named, the order of the states is free
        script = {state: script[state] for state in draw(st.permutations(list(script)))}
        flow = Flow(script, edges, starts)
    else:
        flow = Flow(script, edges)
    return Structured(flow, counts, root, decisions, skipped)


@st.composite
def graphs(draw: st.DrawFn, most: int = 7) -> Flow:
    """Draw any graph, with scripts that end: a state returns names a few times, then None."""
    states = "abcdefghij"[: draw(st.integers(2, most))]
    some = st.lists(st.sampled_from(states), min_size=1, max_size=3)
    script = {state: [*draw(st.lists(some, min_size=1, max_size=5)), END] for state in states}
    declared = {state: draw(st.just([]) | some) for state in states}
    starts = draw(st.lists(st.sampled_from(states), max_size=2, unique=True))
    return Flow(script, declared, starts)


def timings(flow: Flow) -> st.SearchStrategy[Durations]:
    """Draw how long the executions of each state take."""
    some = st.lists(st.sampled_from([0, 1, 2, 3, 5, 8, 40]), min_size=1, max_size=4)
    return st.fixed_dictionaries(dict.fromkeys(flow.script, some))
