"""Flows with all that can be declared, for hypothesis to draw."""

from __future__ import annotations

from dataclasses import replace
from math import inf

from hypothesis import strategies as st

from .reference_flow import Flow, Need, Rules, Sent

END = None
TEMPLATE = "t{i}"

POOL = (3, 4)
TAKES = st.sampled_from([(0, 0), (0, 0), (1, 0), (2, 0), (0, 3), (1, 2), (3, 4)])
PRIORITIES = st.sampled_from([1, 1, 0, 2, 3])
EXPIRY = 1 + 1 / 4096
"""Never the difference of two moments: the clock moves in steps of 1/1024 s."""

NEEDS = st.builds(
    Need,
    st.sampled_from(["REQUIRED", "REQUIRED", "OPTIONAL", "PARALLEL", "ANY"]),
    st.sampled_from(["SESSION", "SESSION", "ALWAYS", "ONCE"]),
) | st.sampled_from(
    [
        Need(even_if_failed=True),
        Need(lifecycle="TEMPORARY", expiry=EXPIRY),
        Need("OPTIONAL", "TEMPORARY", EXPIRY),
    ]
)


def rare(strategy: st.SearchStrategy, usual, *, one_in: int = 4) -> st.SearchStrategy:
    """Mostly the usual, sometimes something else."""
    return st.integers(1, one_in).flatmap(lambda n: strategy if n == one_in else st.just(usual))


@st.composite
def rules(draw: st.DrawFn, state: str, states: list[str], targets: list[str]) -> Rules:
    """Draw what is declared about a state."""
    others = [other for other in states if other != state]
    needs = st.dictionaries(st.sampled_from(others), NEEDS, min_size=1, max_size=2)
    return Rules(
        join=draw(rare(st.sampled_from(["each", "first"]), "all")),
        needs={
            other: need
            for other, need in draw(rare(needs, {}, one_in=3)).items()
            if other != TEMPLATE or need.type != "PARALLEL"
        },
        takes=draw(TAKES),
        priority=draw(PRIORITIES),
        retries=draw(rare(st.integers(0, 2), None, one_in=3)),
        delay=draw(st.sampled_from([0, 0.25, 2])),
        timeout=draw(rare(st.sampled_from([0.5, 1.5]), None, one_in=6)),
        on_error=draw(rare(st.sampled_from([t for t in targets if t != state]), None)),
        failures=(*draw(rare(st.lists(st.integers(0, 3), max_size=3), (), one_in=3)), 0),
    )


@st.composite
def ruled(draw: st.DrawFn, most: int = 6) -> Flow:
    """Draw any flow, with scripts that end: a state returns names a few times, then None."""
    states = list("abcdefghij"[: draw(st.integers(2, most))])
    targets = list(states)
    if draw(st.integers(1, 4)) == 4:
        states.append(TEMPLATE)
        targets += ["t1", "t2"]
    name = st.sampled_from(targets)
    numbers = st.integers(0, 9)
    entry = rare(st.builds(Sent, name, numbers), END, one_in=6).flatmap(
        lambda sent: name if sent is END else st.just(sent)
    )
    some = st.lists(entry, min_size=1, max_size=3)
    script = {state: [*draw(st.lists(some, min_size=1, max_size=3)), END] for state in states}
    few = st.lists(name, min_size=1, max_size=2)
    declared = {state: draw(rare(few, ())) for state in states}
    plain = [state for state in states if state != TEMPLATE]
    declarations = {state: draw(rules(state, states, targets)) for state in states}
    if TEMPLATE in states:
        # Where only its dependencies led to a template it would have no name to run under.
        declarations[states[0]] = replace(declarations[states[0]], on_error="t1")
    return Flow(
        script,
        declared,
        draw(rare(st.lists(st.sampled_from(plain), min_size=1, max_size=2, unique=True), ())),
        declarations,
        draw(rare(st.integers(1, 3), inf, one_in=2)),
        draw(rare(st.just(POOL), (inf, inf), one_in=2)),
        draw(rare(st.frozensets(st.sampled_from(plain), max_size=2), frozenset(), one_in=8)),
    )
