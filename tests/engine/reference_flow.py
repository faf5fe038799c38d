"""A flow as data, for the reference model: what its states return, and what is declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain
from math import inf

Edges = Mapping[str, Sequence[str]]


class Short:
    """Shows of itself what is not as usual."""

    def __repr__(self) -> str:
        usual = [
            f.default_factory() if callable(f.default_factory) else f.default for f in fields(self)
        ]
        own = [(f.name, getattr(self, f.name)) for f in fields(self)]
        told = [f"{name}={v!r}" for (name, v), u in zip(own, usual, strict=True) if v != u]
        return f"{type(self).__name__}({', '.join(told)})"

    def _repr_pretty_(self, printer, _) -> None:
        printer.text(repr(self))


@dataclass(frozen=True)
class Sent:
    """An entry of a result that is a `Send`: the number is its input `n`."""

    name: str
    number: int


Result = str | Sequence[str | Sent] | None


@dataclass(frozen=True, repr=False)
class Need(Short):
    """A dependency (rule 6)."""

    type: str = "REQUIRED"
    lifecycle: str = "SESSION"
    expiry: float = inf
    even_if_failed: bool = False


@dataclass(frozen=True, repr=False)
class Rules(Short):
    """What is declared about a state, and how often it fails.

    Args:
        join: Rule 5.
        needs: Rule 6, by the name of the dependency.
        takes: Rule 7.3: CPU units and memory.
        priority: Rule 7.1; a larger one goes first.
        retries: Rule 8.1; None for no policy.
        delay: Seconds before the first retry; each further one takes twice as long, up to 3.
        timeout: Rule 8.2.
        on_error: Rule 8.3.
        failures: How many attempts of the n-th execution fail before one does not; the last
            repeats.
    """

    join: str = "all"
    needs: Mapping[str, Need] = field(default_factory=dict)
    takes: tuple[float, float] = (0, 0)
    priority: int = 1
    retries: int | None = None
    delay: float = 0
    timeout: float | None = None
    on_error: str | None = None
    failures: Sequence[int] = (0,)


LONGEST_DELAY = 3.0
PLAIN = Rules()


@dataclass(frozen=True, repr=False)
class Flow(Short):
    """A flow: what each state returns, in the order in which the states are added.

    A state named `"t{i}"` is a template: it runs for `"t1"`, `"t2"` and so on (rule 4.3).

    Args:
        script: For each state its results: the n-th execution returns the n-th, the last repeats.
        declared: Edges that are known besides those that the script shows, taken or not.
        starts: Where it starts; empty leaves it to rule 3.2.
        rules: What is declared about the states, where anything is.
        most: Rule 7.2: how many run at once.
        pool: Rule 7.4: CPU units and memory.
        breakpoints: Rule 9.4.
    """

    script: Mapping[str, Sequence[Result]]
    declared: Edges = field(default_factory=dict)
    starts: Sequence[str] = ()
    rules: Mapping[str, Rules] = field(default_factory=dict)
    most: float = inf
    pool: tuple[float, float] = (inf, inf)
    breakpoints: frozenset[str] = frozenset()

    def of(self, state: str) -> Rules:
        """What is declared about a state."""
        return self.rules.get(state, PLAIN)

    def node(self, name: str) -> str:
        """Rule 4.3: the state of a name; an exact one wins over a template."""
        if name in self.script:
            return name
        return next(s for s in self.script if "{" in s and name.startswith(s.partition("{")[0]))

    def inputs(self, name: str) -> dict[str, int]:
        """Rule 4.3: what the placeholder of a template stands for in this name."""
        node = self.node(name)
        if node == name:
            return {}
        before, _, rest = node.partition("{")
        return {rest.rstrip("}"): int(name.removeprefix(before))}

    def returns(self, state: str) -> list[str]:
        """Rule 2.1: where a state can go by its returns, and by `on_error`."""
        shown = chain(self.declared.get(state, ()), *map(names, self.script[state]))
        handler = self.of(state).on_error
        return unique([*map(self.node, shown), *([self.node(handler)] if handler else [])])

    @property
    def edges(self) -> dict[str, list[str]]:
        """For each state where a branch that stands there can lead, in order of appearance."""
        edges = {state: self.returns(state) for state in self.script}
        led = self.led_by_dependencies
        for state in self.script:
            for other, need in self.of(state).needs.items():
                if need.type == "PARALLEL":
                    edges[state].append(other)
                elif state in led:
                    edges[other].append(state)
        return {state: unique(targets) for state, targets in edges.items()}

    @property
    def led_by_dependencies(self) -> set[str]:
        """Rule 6.2: states that have dependencies and that no return leads to."""
        returned = {target for state in self.script for target in self.returns(state)}
        return {s for s in self.script if self.of(s).needs and s not in returned}

    def optional(self, state: str) -> list[str] | None:
        """Rule 6: what it returns where its failure is nothing to the run; None where it is."""
        needs = {s: self.of(s).needs[state].type for s in self.script if state in self.of(s).needs}
        returned = self.returns(state)
        if not needs or set(needs.values()) != {"OPTIONAL"}:
            return None
        if any("{" in name for name in returned):
            return None  # nobody knows which name it would have been
        return returned if len(returned) < 2 and needs.keys() >= set(returned) else None

    @property
    def leads(self) -> dict[str, list[str]]:
        """Rule 3.2: where each state leads when the starts are looked for."""
        leads = {state: self.returns(state) for state in self.script}
        for state in self.script:
            for other, need in self.of(state).needs.items():
                source, target = (state, other) if need.type == "PARALLEL" else (other, state)
                leads[source].append(target)
        return leads

    def waits_inside(self, state: str, part: set[str]) -> bool:
        """Rule 3.2: whether it has a dependency inside this part of the graph."""
        needs = self.of(state).needs.items()
        return any(other in part for other, need in needs if need.type != "PARALLEL")


def names(result: Result) -> list[str]:
    """Rule 4.1: the name of each branch to be."""
    return [to.name if isinstance(to, Sent) else to for to in entries(result)]


def entries(result: Result) -> list[str | Sent]:
    """Rule 4.1: one branch per entry."""
    return [result] if isinstance(result, str) else list(result or ())


def nth(items, n):
    """The n-th item; the last repeats."""
    return items[min(n, len(items) - 1)]


def unique(items):
    """Each once, in the order in which they first come."""
    return list(dict.fromkeys(items))
