"""Semantics 6: what must have happened before a state runs."""

from __future__ import annotations

import asyncio
import json

import pytest

from fluffy_nb import (
    Agent,
    AgentStatus,
    Checkpoint,
    Dependency,
    DependencyLifecycle,
    DependencyType,
    Send,
    StateStatus,
)
from fluffy_nb.engine.dependencies import declared_dependencies
from fluffy_nb.errors import (
    BlockedError,
    DependencyCycleError,
    InvalidSpecError,
    UnknownDependencyError,
)

from .scripted import Script, settled

REQUIRED, OPTIONAL = DependencyType.REQUIRED, DependencyType.OPTIONAL
PARALLEL, ANY = DependencyType.PARALLEL, DependencyType.ANY
ALWAYS, ONCE = DependencyLifecycle.ALWAYS, DependencyLifecycle.ONCE

# ---------------------------------------------------------------- how they are written


def test_S6_three_ways_to_write_one():
    whole = Dependency(REQUIRED, ONCE)
    written = declared_dependencies("d", {"a": REQUIRED, "b": (REQUIRED, ONCE), "c": whole})
    assert written == {"a": Dependency(REQUIRED), "b": whole, "c": whole}
    assert declared_dependencies("d", None) == {}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("a", "a dict of state names"),
        ({1: REQUIRED}, "the names of states as keys"),
        ({"d": REQUIRED}, "the names of other states"),
        ({"a": "REQUIRED"}, "as DependencyType.REQUIRED"),
        ({"a": (REQUIRED,)}, "pair or a Dependency"),
        ({"a": (REQUIRED, "ONCE")}, "a dependency's lifecycle is 'ONCE'"),
        ({"a": (ONCE, REQUIRED)}, "a dependency's type is"),
    ],
)
def test_S6_what_is_no_dependency_is_refused_where_it_is_written(value, says):
    agent = Agent("tested")
    with pytest.raises(InvalidSpecError, match=says):
        agent.add_state("d", lambda context: None, dependencies=value)
    assert not agent.states


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"lifecycle": DependencyLifecycle.TEMPORARY}, "expiry is None"),
        ({"lifecycle": DependencyLifecycle.TEMPORARY, "expiry": 0}, "above zero"),
        ({"lifecycle": DependencyLifecycle.TEMPORARY, "expiry": float("nan")}, "above zero"),
        ({"lifecycle": DependencyLifecycle.TEMPORARY, "expiry": True}, "above zero"),
        ({"expiry": 5}, "None unless the lifecycle is TEMPORARY"),
        ({"type": OPTIONAL, "even_if_failed": True}, "False unless the type is REQUIRED"),
    ],
)
def test_S6_settings_that_do_not_go_together_are_refused(settings, says):
    with pytest.raises(InvalidSpecError, match=says):
        Dependency(**settings)


# ---------------------------------------------------------------- 6.1 types


async def test_S6_1_required_waits_until_it_has_completed():
    script = Script()
    script.add("a", gate=True)
    script.add("b")
    script.add("d", dependencies={"a": REQUIRED, "b": REQUIRED})
    run = script.agent.start()
    await settled()
    assert script.agent.explain("d") == "waits for a (running)"
    assert "d" not in script.started
    await script.open("a")
    assert (await run).counts == {"a": 1, "b": 1, "d": 1}


async def test_S6_1_one_that_runs_again_is_not_satisfied_until_it_ends():
    script = Script()
    script.add("start", ["a", "other"])
    script.add("other", "d", gate=True)
    script.add("d", dependencies={"a": REQUIRED})
    gates = [asyncio.Event(), asyncio.Event()]
    script.agent.add_state("a", body_of(["a", None], gates), next=["a"])
    run = script.agent.start()
    gates[0].set()
    await settled()
    await script.open("other")
    assert script.started.count("a") == 2
    assert "d" not in script.started
    assert script.agent.explain("d").startswith("waits for a (running)")
    gates[1].set()
    await run
    assert script.started[-1] == "d"


def body_of(results, gates):
    """A state that waits at the nth gate and returns the nth result."""
    turns = iter(zip(results, gates, strict=True))

    async def body(context):
        result, gate = next(turns)
        await gate.wait()
        return result

    return body


async def test_S6_1_a_failed_one_satisfies_required_only_where_that_is_said():
    for even_if_failed in (False, True):
        script = Script()
        script.add("a", failures=9, on_error="mend")
        script.add("mend")
        script.add("d", dependencies={"a": Dependency(even_if_failed=even_if_failed)})
        if even_if_failed:
            assert (await script.agent.run()).counts["d"] == 1
        else:
            with pytest.raises(BlockedError, match=r"'d' needs a \(REQUIRED\): it failed"):
                await script.agent.run()


async def test_S6_1_optional_is_content_with_a_failure():
    script = Script()
    script.add("a", failures=9, on_error="mend")
    script.add("mend")
    script.add("d", dependencies={"a": OPTIONAL})
    assert (await script.agent.run()).counts["d"] == 1


async def test_S6_1_optional_waits_as_long_as_it_can_still_come():
    script = Script()
    script.add("start", ["left", "right"])
    script.add("left", lambda _: None, gate=True, next=["a"])
    script.add("a")
    script.add("right", "d")
    script.add("d", dependencies={"a": OPTIONAL})
    run = script.agent.start()
    await settled()
    assert "d" not in script.started
    assert script.agent.explain("d") == "waits for left (running)"
    await script.open("left")
    assert (await run).counts == {"start": 1, "left": 1, "right": 1, "d": 1}


async def test_S6_1_parallel_is_started_together_with_the_dependent():
    script = Script()
    script.add("d", gate=True, dependencies={"beside": PARALLEL})
    script.add("beside", gate=True)
    run = script.agent.start()
    await settled()
    assert script.agent._running_states == {"d", "beside"}
    await script.open("d")
    await script.open("beside")
    assert (await run).counts == {"d": 1, "beside": 1}


async def test_S6_1_parallel_does_not_start_what_was_started_before():
    script = Script()
    script.add("start", ["beside", "before"])
    script.add("beside")
    script.add("before", "d", gate=True)
    script.add("d", dependencies={"beside": PARALLEL})
    run = script.agent.start()
    await script.open("before")
    assert (await run).counts["beside"] == 1


async def test_S6_1_any_is_content_with_one():
    script = Script()
    script.add("start", ["a", "b", "before"])
    script.add("a", failures=9, on_error="mend")
    script.add("mend")
    script.add("b")
    script.add("before", "d")
    script.add("d", dependencies={"a": ANY, "b": ANY})
    assert (await script.agent.run()).counts["d"] == 1


async def test_S6_1_any_does_not_count_one_that_runs_again():
    script = Script()
    script.add("start", ["a", "other"])
    script.add("other", "d", gate=True)
    script.add("b", next=[])
    script.add("d", dependencies={"a": ANY, "b": ANY})
    gates = [asyncio.Event(), asyncio.Event()]
    script.agent.add_state("a", body_of(["a", None], gates), next=["a"])
    run = script.agent.start("start")
    gates[0].set()
    await settled()
    await script.open("other")
    assert script.started.count("a") == 2
    assert "d" not in script.started
    gates[1].set()
    await run
    assert script.started[-1] == "d"


async def test_S6_1_any_with_none_blocks():
    script = Script()
    script.add("start", ["a", "d"])
    script.add("a", failures=9, on_error="mend")
    script.add("mend")
    script.add("b")
    script.add("d", dependencies={"a": ANY, "b": ANY})
    with pytest.raises(BlockedError, match="needs one of those marked ANY"):
        await script.agent.run("start")


async def test_S6_1_one_on_a_template_means_all_its_executions():
    script = Script()
    first = Send("part_{i}", i=1)  # does not join: 5.3
    script.add("start", lambda _: [first, "later"], next=["part_{i}", "later"])
    script.add("part_{i}")
    script.add("later", lambda _: "part_2", gate=True, next=["part_{i}"])
    script.add("d", dependencies={"part_{i}": REQUIRED})
    run = script.agent.start()
    await settled()
    assert script.started == ["start", "part_1", "later"]
    await script.open("later")
    await run
    assert script.started == ["start", "part_1", "later", "part_2", "d"]


# ---------------------------------------------------------------- lifecycles


async def test_S6_session_counts_for_the_rest_of_the_run():
    script = Script()
    script.add("a", "d")
    turns = iter(["d", "d", None])
    script.add("d", lambda _: next(turns), next=["d"], dependencies={"a": REQUIRED})
    assert (await script.agent.run()).counts == {"a": 1, "d": 3}


async def test_S6_always_counts_once():
    script = Script()
    script.add("a", "d")
    script.add("d", lambda _: "d", next=["d"], dependencies={"a": (REQUIRED, ALWAYS)})
    with pytest.raises(BlockedError, match="its completion has been used"):
        await script.agent.run()
    assert script.agent.state_metadata["d"].executions == 1
    assert script.agent.state_metadata["d"].status is StateStatus.BLOCKED


async def test_S6_once_counts_in_later_runs_with_what_it_wrote():
    script = Script()
    loads = []

    def load(context):
        loads.append(1)
        context.set_state("rows", [1, 2])
        return "use"

    script.add("load", load, next=["use"])
    script.add(
        "use",
        lambda c: c.set_state("n", len(c.get_state("rows"))),
        next=[],
        dependencies={"load": (REQUIRED, ONCE)},
    )
    for _ in range(3):
        result = await script.agent.run()
        assert result.values["n"] == 2
    assert loads == [1]
    assert script.agent.state_metadata["load"].status is StateStatus.COMPLETED
    assert "load" in script.agent.completed_states


async def test_S6_once_counts_where_the_dependency_is_not_come_by():
    script = Script()
    script.add("load", lambda c: c.set_state("rows", 7), next=[])
    script.add("use", dependencies={"load": (REQUIRED, ONCE)})
    await script.agent.run()
    result = await script.agent.run("use")
    assert result.counts == {"use": 1}
    assert result.values == {"rows": 7}


async def test_S6_once_ends_when_the_state_is_replaced():
    script = Script()
    calls = script.add("load")
    script.add("use", dependencies={"load": (REQUIRED, ONCE)})
    await script.agent.run()
    more = script.add("load", replace=True)
    await script.agent.run()
    assert (calls, more) == ([1], [1])


async def test_S6_once_on_a_template_counts_by_the_full_name():
    script = Script()
    names = ["load_1", "load_2"]
    script.add("start", lambda _: list(names), next=["load_{n}"])
    script.add("load_{n}", "use")
    script.add("use", dependencies={"load_{n}": (REQUIRED, ONCE)})
    await script.agent.run()
    script.started.clear()
    names.append("load_3")
    await script.agent.run()
    assert script.started == ["start", "load_3", "use"]
    script.started.clear()
    script.add("load_{n}", "use", replace=True)
    await script.agent.run()
    assert script.started == ["start", *names, "use"]


async def test_S6_once_stands_for_one_execution():
    script = Script()
    turns = iter(["load", None, "load", None])
    calls = script.add("load", "use")
    script.add("use", lambda _: next(turns), next=["load"], dependencies={"load": (REQUIRED, ONCE)})
    await script.agent.run("load")
    assert len(calls) == 2
    await script.agent.run("load")
    assert len(calls) == 3  # the first time round it is taken over, the second it runs


async def test_S6_once_is_not_passed_by_a_pause():
    script = Script()
    script.add("load", "between")
    script.add("between", "use")
    script.add("use", dependencies={"load": (REQUIRED, ONCE)})
    await script.agent.run()
    script.started.clear()
    await script.agent.step()
    assert script.started == ["between"]


@pytest.mark.parametrize(("waits", "loads"), [(9, 1), (11, 2)])
async def test_S6_temporary_counts_for_its_time_in_later_runs(waits, loads, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("fluffy_nb.engine.runner.time.time", lambda: now[0])
    script = Script()
    calls = script.add("load")
    lasting = Dependency(REQUIRED, DependencyLifecycle.TEMPORARY, expiry=10)
    script.add("use", dependencies={"load": lasting})
    await script.agent.run()
    now[0] += waits
    await script.agent.run()
    assert len(calls) == loads


async def test_S6_temporary_ends_within_a_run_too(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("fluffy_nb.engine.runner.time.time", lambda: now[0])
    script = Script()
    script.add("load", "between")
    script.add("between", "use", gate=True)
    lasting = Dependency(REQUIRED, DependencyLifecycle.TEMPORARY, expiry=10)
    script.add("use", dependencies={"load": lasting})
    script.agent.start()
    await settled()
    await script.agent.cancel_all()
    now[0] += 11
    resumed = asyncio.ensure_future(script.agent.resume())
    await settled()
    script._gates["between"][-1].set_result(None)
    with pytest.raises(BlockedError, match="it has expired"):
        await resumed


# ---------------------------------------------------------------- 6.2 who is led, 6.3, 6.4


async def test_S6_2_who_returns_lead_to_only_waits():
    script = Script()
    script.add("a", "d")
    script.add("b", gate=True)
    script.add("d", dependencies={"b": REQUIRED})
    run = script.agent.start()
    await settled()
    assert "d" not in script.started
    await script.open("b")
    assert (await run).counts == {"a": 1, "b": 1, "d": 1}


async def test_S6_2_who_no_return_leads_to_is_led_to_and_joins():
    script = Script()
    script.add("a")
    script.add("b")
    script.add("d", "end", dependencies={"a": REQUIRED, "b": OPTIONAL})
    script.add("end")
    assert script.agent.state_graph.starts == ("a", "b")
    assert (await script.agent.run()).counts == {"a": 1, "b": 1, "d": 1, "end": 1}


async def test_S6_2_the_seeds_example_runs():
    script = Script("seed")
    for name in ("prepare_data", "validate_data", "background_task"):
        script.add(name)
    script.add(
        "final_step",
        dependencies={
            "prepare_data": REQUIRED,
            "validate_data": OPTIONAL,
            "background_task": PARALLEL,
        },
    )
    await script.agent.run()
    assert script.ended[:2] == ["prepare_data", "validate_data"]
    assert sorted(script.ended[2:]) == ["background_task", "final_step"]


async def test_S6_3_a_dependency_that_is_no_state_is_refused_before_the_run():
    script = Script()
    calls = script.add("load")
    script.add("d", dependencies={"laod": REQUIRED})
    with pytest.raises(UnknownDependencyError, match=r"'laod'.*did you mean 'load'"):
        await script.agent.run()
    assert calls == []


async def test_S6_3_a_template_can_not_be_started_beside():
    script = Script()
    script.add("part_{i}")
    script.add("d", dependencies={"part_{i}": PARALLEL})
    with pytest.raises(UnknownDependencyError, match="a template, which can't be started"):
        await script.agent.run()


async def test_S6_3_circles_of_required_ones_are_refused_with_the_circle():
    script = Script()
    script.add("start", "a")
    script.add("a", dependencies={"c": REQUIRED})
    script.add("b", dependencies={"a": REQUIRED})
    script.add("c", dependencies={"b": REQUIRED})
    with pytest.raises(DependencyCycleError, match=r"'(.)' needs '(.)' needs '(.)' needs '\1'"):
        await script.agent.run()


async def test_S6_4_what_can_not_come_any_more_blocks_the_run_and_says_why():
    script = Script()
    script.add("start", ["d", "e"])
    script.add("never")
    script.add("d", dependencies={"never": REQUIRED})
    script.add("e", "after")
    script.add("after")
    with pytest.raises(BlockedError) as caught:
        await script.agent.run("start")
    assert caught.value.reasons == {
        "d": "needs never (REQUIRED): it has not run, and no branch leads to it"
    }
    assert script.agent.status is AgentStatus.FAILED
    assert script.agent.state_metadata["d"].status is StateStatus.BLOCKED
    assert script.ended == ["start", "e", "after"]
    assert "needs never" in script.agent.explain("d")


async def test_S6_4_a_blocked_run_goes_on_when_the_state_is_mended():
    script = Script()
    script.add("start", "d")
    script.add("never")
    script.add("d", dependencies={"never": REQUIRED})
    with pytest.raises(BlockedError):
        await script.agent.run("start")
    with pytest.raises(BlockedError):
        await script.agent.resume()
    script.add("d", replace=True)
    result = await script.agent.resume()
    assert result.counts == {"start": 1, "d": 1}


async def test_S5_4_a_join_and_a_dependency_in_a_circle_are_let_go():
    script = Script()
    script.add("start", ["a", "x"])
    script.add("a", "m")
    script.add("x", dependencies={"m": REQUIRED}, result="m")
    script.add("m", "end")
    script.add("end")
    result = await script.agent.run()
    assert script.ended[:3] == ["start", "a", "m"]
    assert result.counts["x"] == 1


async def test_S5_4_what_was_let_go_early_comes_twice_and_what_follows_waits_for_both():
    script = Script()
    script.add("e", "a")
    script.add("f", ["a", "c"])
    script.add("a", "c", dependencies={"c": REQUIRED})
    script.add("c", "d")
    script.add("d")
    await script.agent.run()
    assert script.started == ["e", "f", "c", "a", "c", "d"]


async def test_S6_what_was_known_of_ends_survives_a_checkpoint():
    script = Script()
    script.add("a", "between")
    script.add("between", "d")
    script.add("d", dependencies={"a": (REQUIRED, ALWAYS)})
    await script.agent.step(2)
    data = json.loads(json.dumps(script.agent.create_checkpoint().to_dict()))
    script.agent._run = None
    await script.agent.restore_from_checkpoint(Checkpoint.from_dict(data))
    assert (await script.agent.run()).counts == {"a": 1, "between": 1, "d": 1}
