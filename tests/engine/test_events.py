"""Events as plain data and back."""

from __future__ import annotations

import json

import pytest

from fluffy_nb import Send
from fluffy_nb.engine import events as ev

from .scripted import Script


def test_S13_1_every_kind_has_its_name_and_numbers():
    assert ev.KINDS["StateStarted"] is ev.StateStarted
    event = ev.StateStarted(3, 1.5, 2, "a", 1, (4, 5))
    assert event.to_dict() == {
        "kind": "StateStarted",
        "seq": 3,
        "time": 1.5,
        "execution": 2,
        "state": "a",
        "attempt": 1,
        "branches": (4, 5),
    }
    with pytest.raises(AttributeError):
        event.state = "b"


async def test_S13_1_all_of_a_run_come_back_from_json():
    script = Script(responder=lambda prompt: prompt.answer("yes"))

    async def ask(context):
        context.progress(0.5)
        await context.human_in_the_loop("well?")
        return [Send("part", n=1), "end"]

    script.agent.add_state("ask", ask, next=["part", "end"])
    script.add("part", failures=1, on_error="end")
    script.add("end")
    await script.agent.run()
    assert len(script.events) > 10
    for event in script.events:
        assert ev.from_dict(json.loads(json.dumps(event.to_dict()))) == event
    (asked,) = [e for e in script.of(ev.StateCompleted) if e.state == "ask"]
    assert asked.targets == ("part", "end")


def test_S13_1_an_unknown_kind_is_an_error():
    with pytest.raises(KeyError):
        ev.from_dict({"kind": "Nothing", "seq": 1, "time": 0.0})
