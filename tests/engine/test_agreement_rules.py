"""The engine agrees with the reference model after every event of any flow."""

from __future__ import annotations

import os

from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from fluffy_nb import testing

from .flows_ruled import ruled
from .lockstep import Lockstep
from .reference_branch import DELAYED, RUNS
from .reference_flow import Flow, Need, Rules
from .reference_graph import circle_of_needs, starts_of
from .watchdog import watchdog

MOST = 25

VERBS = {
    "RUNNING": ["end", "end", "end", "end", "end", "wait", "pause", "cancel"],
    "PAUSED": ["resume", "step", "step", "cancel"],
    "CANCELLED": ["resume", "step"],
    "FAILED": ["resume", "step", "run_again"],
    "COMPLETED": ["run_again"],
}


async def play(both: Lockstep, data: st.DataObject) -> None:
    """Do whatever can be done, then go on to the end."""
    try:
        await both.begin()
        for _ in range(data.draw(st.integers(0, MOST))):
            model = both.model
            verbs = VERBS[model.status]
            if model.status == "RUNNING" and not model.in_phase(RUNS):
                verbs = ["wait", "pause", "cancel"]
            await do(both, data.draw(st.sampled_from(verbs)), data)
        await both.finish()
        if both.model.status == "COMPLETED":
            both.nothing_left()
    finally:
        note(" / ".join(both.story[:60]))


async def begin_and_play(flow, data: st.DataObject) -> None:
    await play(Lockstep(flow), data)


async def do(both: Lockstep, verb: str, data: st.DataObject) -> None:
    model = both.model
    if verb == "end":
        await both.end(data.draw(st.integers(0, len(model.in_phase(RUNS)) - 1)))
    elif verb == "wait":
        due = [b.due - model.now for b in model.in_phase(RUNS, DELAYED) if b.due < 1000]
        await both.wait(data.draw(st.sampled_from([*due, 0.25, 1.0])))
    elif verb == "step":
        await both.step(data.draw(st.integers(1, 3)))
    else:
        await getattr(both, verb)()


def test_which_of_two_was_taken_over_is_told_by_the_other():
    """Found at random: the model took the one that the engine ran."""
    flow = Flow(
        {"a": [None], "b": ["c", None], "c": ["b", None]},
        declared={"a": (), "b": (), "c": ["a"]},
        rules={
            "a": Rules(needs={"c": Need(lifecycle="TEMPORARY", expiry=1.0)}),
            "b": Rules(needs={"c": Need(type="PARALLEL")}),
            "c": Rules(needs={"a": Need(type="OPTIONAL")}),
        },
    )

    async def twice():
        both = Lockstep(flow)
        await both.begin()
        await both.finish()
        await both.run_again()
        await both.finish()
        assert both.model.status == "COMPLETED"
        both.nothing_left()

    testing.run(twice())


def test_a_handler_and_what_was_started_beside_are_told_apart():
    """Found at random: either may go first, and the model took the other."""
    flow = Flow(
        {"a": ["a", None], "d": ["a", None], "e": ["a", None]},
        rules={
            "d": Rules(needs={"a": Need(type="OPTIONAL")}),
            "e": Rules(needs={"d": Need(type="PARALLEL")}, on_error="d", failures=(1, 0)),
        },
    )

    async def once():
        both = Lockstep(flow)
        await both.begin()
        await both.finish()
        assert both.model.status == "COMPLETED"
        both.nothing_left()

    testing.run(once())


EXAMPLES = int(os.environ.get("AGREEMENT_EXAMPLES", settings().max_examples))
"""How many flows are tried; the gate asks for more than the suite does."""


@settings(max_examples=EXAMPLES, report_multiple_bugs=False)
@given(st.data())
def test_any_flow_agrees_after_every_event(data):
    flow = data.draw(ruled())
    assume(not circle_of_needs(flow))
    assume(starts_of(flow))
    with watchdog():
        testing.run(begin_and_play(flow, data))
