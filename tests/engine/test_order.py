"""Semantics 7: order, concurrency, resources."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluffy_nb import (
    Agent,
    AgentStatus,
    DependencyType,
    Priority,
    ResourcePool,
    ResourceRequirements,
)
from fluffy_nb.engine import hardware
from fluffy_nb.engine.execution import Execution
from fluffy_nb.engine.queue import MOST_PASSED, ReadyQueue
from fluffy_nb.engine.resources import Ledger, machine_pool
from fluffy_nb.errors import InvalidSpecError, LargeStateWarning, ResourceError

from .scripted import Script, settled


def needing(cpu=0.0, priority=Priority.NORMAL, **more):
    return ResourceRequirements(cpu_units=cpu, priority=priority, **more)


# ---------------------------------------------------------------- 7.1 the queue


def entries(*needs):
    return [Execution(n, f"s{n}", None, (), each, n) for n, each in enumerate(needs)]


def started(queue, fits=lambda _: True):
    order = []
    while (first := queue.first(fits)) is not None:
        queue.remove(first)
        order.append(first.id)
    return order


def test_S7_1_higher_priority_first_then_first_come():
    queue = ReadyQueue()
    low, high = needing(priority=Priority.LOW), needing(priority=Priority.HIGH)
    for execution in entries(low, high, needing(), high, low):
        queue.add(execution)
    assert [execution.id for execution in queue] == [1, 3, 2, 0, 4]
    assert started(queue) == [1, 3, 2, 0, 4]
    assert queue.length == 0


def test_S7_1_none_is_passed_more_than_sixteen_times():
    queue = ReadyQueue()
    low, *rest = entries(needing(priority=Priority.LOW), *[needing()] * 40)
    for execution in (low, *rest):
        queue.add(execution)
    order = started(queue)
    assert order.index(0) == MOST_PASSED == 16
    assert order[:16] == list(range(1, 17))


def test_S7_1_who_comes_again_keeps_its_place_and_who_was_passed_is_forgotten():
    queue = ReadyQueue()
    executions = entries(*[needing()] * 3)
    for execution in executions[::-1]:
        queue.add(execution)
    assert started(queue) == [0, 1, 2]
    queue = ReadyQueue()
    for execution in entries(needing(priority=Priority.LOW), *[needing()] * 17):
        queue.add(execution)
    for _ in range(16):
        queue.remove(queue.first(lambda _: True))
    queue.forgive()
    assert queue.first(lambda _: True).id == 17


async def test_S7_1_S9_5_stepping_passes_nobody_more_than_sixteen_times():
    ran = []
    agent = Agent("stepped", max_concurrent=1)
    names = ["low", *(f"s{n}" for n in range(20))]

    @agent.state
    async def start(context):
        return names

    async def body(context):
        ran.append(context.state)

    for name in names:
        priority = Priority.LOW if name == "low" else Priority.NORMAL
        agent.add_state(name, body, next=[], resources=needing(priority=priority))
    await agent.run()
    order, ran[:] = ran[:], []
    assert order.index("low") == MOST_PASSED
    while agent.status is not AgentStatus.COMPLETED or not ran:
        await agent.step()
    assert ran == order


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(Priority), st.sampled_from([0, 1, 2, 4])), min_size=1, max_size=50
    ),
    st.randoms(use_true_random=False),
)
def test_S7_1_S7_3_random_queues_pass_nobody_too_often_and_lose_nobody(needs, random):
    """Compared with counting who was passed, one by one."""
    queue, ledger = ReadyQueue(), Ledger(ResourcePool(cpu_units=4))
    executions = entries(*(needing(cpu, priority) for priority, cpu in needs))
    coming, running, waiting = list(executions), [], {}
    passed, done = dict.fromkeys(range(len(needs)), 0), []
    while coming or running or waiting:
        if coming and random.random() < 0.6:
            execution = coming.pop(0)
            queue.add(execution)
            waiting[execution.id] = execution
        first = queue.first(lambda e: ledger.fits(e.needs))
        if first is not None:
            queue.remove(first)
            del waiting[first.id]
            for other in waiting.values():
                passed[other.id] += other.order < first.order
            ledger.take(first.id, first.needs)
            running.append(first)
        elif running:
            ended = running.pop(random.randrange(len(running)))
            ledger.give_back(ended.id)
            done.append(ended.id)
        else:
            assert coming
        assert sum(e.needs.cpu_units for e in running) <= 4
    assert sorted(done) == list(range(len(needs)))
    assert max(passed.values()) <= MOST_PASSED


async def test_S7_1_ready_states_of_a_run_go_by_priority():
    script = Script(max_concurrent=1)
    script.add("start", ["low", "normal", "high"])
    for name in ("low", "normal", "high"):
        script.add(name, resources=needing(priority=Priority[name.upper()]))
    await script.agent.run()
    assert script.started == ["start", "high", "normal", "low"]


async def test_S7_1_who_is_started_beside_goes_first_where_its_priority_is_higher():
    script = Script(max_concurrent=1)
    script.add(
        "low",
        resources=needing(priority=Priority.LOW),
        dependencies={"high": DependencyType.PARALLEL},
    )
    script.add("high", resources=needing(priority=Priority.HIGH))
    await script.agent.run()
    assert script.started == ["high", "low"]


async def test_S7_1_a_step_takes_the_first_by_priority_too():
    script = Script()
    script.add("start", ["low", "high"])
    script.add("low", resources=needing(priority=Priority.LOW))
    script.add("high", resources=needing(priority=Priority.HIGH))
    await script.agent.step(2)
    assert script.started == ["start", "high"]
    assert script.agent.priority_queue == ("low",)


async def test_S7_1_the_queue_can_be_read():
    script = Script(max_concurrent=1)
    script.add("a", gate=True)
    script.add("b", resources=needing(priority=Priority.LOW))
    script.add("c", resources=needing(priority=Priority.HIGH))
    run = script.agent.start()
    await settled()
    assert script.started == ["c", "a"]
    assert script.agent.priority_queue == ("b",)
    assert script.agent.explain("b") == "priority LOW, all 1 slots are taken"
    await script.open("a")
    await run


# ---------------------------------------------------------------- 7.2 slots


async def test_S7_2_who_waits_for_a_person_holds_nothing_and_gets_it_back_ahead_of_the_queue():
    whole = needing(2)
    script = Script(max_concurrent=1, resources=ResourcePool(cpu_units=2), responder=lambda _: None)

    async def asking(context):
        await context.human_in_the_loop("well?")

    script.agent.add_state("asking", asking, resources=whole)
    script.add("slow", gate=True, resources=whole)
    script.add("last", gate=True, resources=whole)
    run = script.agent.start()
    await settled()
    assert script.started == ["asking", "slow"]
    script.agent.prompts[0].answer("yes")
    await settled()
    assert script.ended == []
    assert script.agent.explain("asking") == "has its answer and waits for a slot"
    await script.open("slow")
    assert script.ended == ["slow", "asking"]
    assert script.started[-1] == "last"
    await script.open("last")
    await run


async def test_S7_2_an_answer_waits_for_its_resources_and_the_queue_for_it():
    script = Script(resources=ResourcePool(cpu_units=2), responder=lambda _: None)

    async def asking(context):
        await context.human_in_the_loop("well?")

    script.agent.add_state("asking", asking, resources=needing(2))
    script.add("small", gate=True, resources=needing(1))
    run = script.agent.start()
    await settled()
    script.add("other", gate=True, resources=needing(1))
    script.agent.prompts[0].answer("yes")
    await settled()
    assert script.ended == []
    await script.open("small")
    await run
    assert script.ended == ["small", "asking"]


# ---------------------------------------------------------------- 7.3 resources


@pytest.mark.parametrize("kind", ["cpu_units", "memory_mb", "gpu_units"])
async def test_S7_3_every_kind_is_accounted(kind):
    script = Script(resources=ResourcePool(**{kind: 3}))
    for n in range(4):
        script.add(f"s{n}", gate=True, resources=ResourceRequirements(**{kind: 1.5}))
    run = script.agent.start()
    for done in range(4):
        await settled()
        assert len(script.agent._running_states) == min(2, 4 - done)
        await script.open(f"s{done}")
    await run


async def test_S7_3_one_that_does_not_fit_lets_smaller_ones_pass():
    script = Script(resources=ResourcePool(cpu_units=2))
    script.add("half", gate=True, resources=needing(1))
    script.add("whole", gate=True, resources=needing(2))
    script.add("small", gate=True, resources=needing(1))
    run = script.agent.start()
    await settled()
    assert script.started == ["half", "small"]
    assert script.agent.explain("whole") == "needs 2 CPU, 0 free"
    for name in ("half", "small", "whole"):
        await script.open(name)
    await run


async def test_S7_3_after_sixteen_the_pool_is_held_for_it():
    script = Script(resources=ResourcePool(cpu_units=2))
    script.add("start", ["hold", "whole", *[f"small_{n}" for n in range(20)]])
    script.add("hold", gate=True, resources=needing(1))
    script.add("whole", resources=needing(2))
    for n in range(20):
        script.add(f"small_{n}", resources=needing(1))
    run = script.agent.start()
    await settled()
    assert len(script.ended) == 1 + 16
    await script.open("hold")
    await run
    assert script.ended.index("whole") == 1 + 16 + 1


async def test_S7_3_nothing_is_taken_where_nothing_is_declared():
    script = Script(resources=ResourcePool(cpu_units=1))
    for n in range(5):
        script.add(f"s{n}", gate=True)
    run = script.agent.start()
    await settled()
    assert len(script.started) == 5
    for n in range(5):
        await script.open(f"s{n}")
    await run


async def test_S7_3_a_failure_a_retry_and_a_cancellation_give_back():
    script = Script(resources=ResourcePool(cpu_units=1))
    script.add("bad", failures=9, resources=needing(1), on_error="end")
    script.add("end", gate=True, resources=needing(1))
    run = script.agent.start()
    await settled()
    assert script.started == ["bad", "end"]
    await script.agent.cancel_all()
    assert script.agent._run.runner.machine.ledger.free()["cpu_units"] == 1
    await run


# ---------------------------------------------------------------- 7.4 pools


async def test_S7_4_one_that_could_never_fit_is_refused_before_the_run():
    script = Script(resources=ResourcePool(cpu_units=2, memory_mb=100))
    calls = script.add("big", resources=ResourceRequirements(cpu_units=3, memory_mb=200))
    with pytest.raises(ResourceError, match="cpu_units 3 of 2, memory_mb 200 of 100"):
        await script.agent.run()
    assert calls == []


async def test_S7_4_one_inside_an_agent_is_refused_too():
    inner = Script("inner")
    inner.add("big", resources=needing(3))
    script = Script(resources=ResourcePool(cpu_units=2))
    script.agent.add_state("inner", inner.agent)
    with pytest.raises(ResourceError, match="'big'"):
        await script.agent.run()


async def test_S7_4_without_a_pool_the_machines_is_used_and_a_larger_state_runs_alone():
    cpus = hardware.cpus()
    script = Script()
    script.add("start", ["big", "small"])
    script.add("big", gate=True, resources=needing(cpus + 1))
    script.add("small", gate=True, resources=needing(1))
    with pytest.warns(LargeStateWarning, match="'big'.*it runs alone"):
        run = script.agent.start()
    await settled()
    assert script.started == ["start", "big"]
    await script.open("big")
    await script.open("small")
    await run


@pytest.mark.parametrize(("known", "units"), [(None, 1.0), (0.0, 0.0), (2.0, 2.0)])
def test_S7_4_the_machines_pool_is_what_this_process_may_use(known, units, monkeypatch):
    """Where nothing is known of GPUs there is one."""
    monkeypatch.setattr(hardware, "gpus", lambda: known)
    monkeypatch.setattr(hardware, "cpus", lambda: 1.5)
    monkeypatch.setattr(hardware, "memory_mb", lambda: 512.0)
    assert machine_pool() == ResourcePool(1.5, 512.0, units)


@pytest.mark.parametrize(("known", "together"), [(None, 1), (1.0, 1), (2.0, 2)])
async def test_S7_4_states_that_name_a_gpu_run_together_only_on_as_many(
    known, together, monkeypatch
):
    monkeypatch.setattr(hardware, "gpus", lambda: known)
    script = Script()
    script.add("split", ["a", "b", "c"])
    script.add("a", gate=True, resources=needing(gpu_units=1))
    script.add("b", gate=True, resources=needing(gpu_units=1))
    script.add("c", gate=True)
    run = script.agent.start()
    await settled()
    assert script.started == ["split", *("ac" if together == 1 else "abc")]
    for name in ("a", "b", "c"):
        await script.open(name)
    assert (await run).status is AgentStatus.COMPLETED


async def test_S7_4_a_gpu_that_is_not_there_is_warned_of_and_does_not_run_beside_another(
    monkeypatch,
):
    monkeypatch.setattr(hardware, "gpus", lambda: 0.0)
    script = Script()
    script.add("split", ["a", "b"])
    script.add("a", gate=True, resources=needing(gpu_units=1))
    script.add("b", gate=True, resources=needing(gpu_units=1))
    with pytest.warns(LargeStateWarning, match="gpu_units 1 of 0"):
        run = script.agent.start()
    await settled()
    assert script.started == ["split", "a"]
    await script.open("a")
    await script.open("b")
    await run


# ---------------------------------------------------------------- 7.4 rounding


@pytest.mark.parametrize("kind", ["cpu_units", "memory_mb", "gpu_units"])
@pytest.mark.parametrize(
    ("need", "whole"), [(0.1 + 0.2, 0.3), (1.1 + 2.2, 3.3), (3e6 * 1.1, 3.3e6)]
)
def test_S7_4_amounts_that_differ_by_rounding_are_equal(kind, need, whole):
    assert need > whole
    pool = ResourcePool(**{kind: whole})
    needs = ResourceRequirements(**{kind: need})
    assert pool.lacks(needs) == ""
    ledger = Ledger(pool)
    assert ledger.fits(needs)
    ledger.take(1, needs)
    assert ledger.free()[kind] == 0
    assert not ledger.fits(ResourceRequirements(**{kind: whole / 100}))


@pytest.mark.parametrize(("part", "times"), [(0.1, 10), (0.1, 3), (0.7, 7), (1 / 3, 3), (0.15, 6)])
async def test_S7_4_as_many_run_at_once_as_parts_make_a_whole(part, times):
    script = Script(resources=ResourcePool(cpu_units=float(f"{part * times:.9g}")))
    names = [f"w{n}" for n in range(times + 1)]
    script.add("split", names)
    for name in names:
        script.add(name, gate=True, resources=needing(part))
    run = script.agent.start()
    await settled()
    assert script.started == ["split", *names[:-1]]
    assert script.agent.explain(names[-1]) == f"needs {part:g} CPU, 0 free"
    for name in names:
        await script.open(name)
    await run


def test_S7_4_what_is_really_more_is_more():
    pool = ResourcePool(cpu_units=1)
    assert pool.lacks(needing(1.000001)) == "cpu_units 1.000001 of 1"
    ledger = Ledger(pool)
    ledger.take(1, needing(0.9))
    assert ledger.fits(needing(0.1))
    assert not ledger.fits(needing(0.101))


def test_S7_4_a_larger_one_takes_all_and_leaves_what_has_no_bound():
    ledger = Ledger(ResourcePool(cpu_units=2))
    large = ResourceRequirements(cpu_units=5, memory_mb=7)
    assert ledger.fits(large)
    ledger.take(1, large)
    assert ledger.free() == {"cpu_units": 0, "memory_mb": math.inf, "gpu_units": math.inf}
    assert len(ledger) == 1
    assert not ledger.fits(needing(1))
    assert not ledger.fits(large)
    ledger.give_back(1)
    ledger.give_back(1)
    assert ledger.free()["cpu_units"] == 2


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf"), "1", True, None])
@pytest.mark.parametrize("kind", ["cpu_units", "memory_mb", "gpu_units"])
def test_amounts_that_are_none_are_refused(kind, amount):
    with pytest.raises(InvalidSpecError, match=f"{kind} is .* a number, zero or more"):
        ResourceRequirements(**{kind: amount})


@pytest.mark.parametrize("amount", [-1, float("nan"), "1", True])
def test_a_pool_of_no_amount_is_refused(amount):
    with pytest.raises(InvalidSpecError, match="memory_mb is"):
        ResourcePool(memory_mb=amount)


def test_settings_of_another_kind_are_refused():
    with pytest.raises(InvalidSpecError, match=r"one of Priority\.LOW, Priority\.NORMAL"):
        ResourceRequirements(priority=1)
    with pytest.raises(InvalidSpecError, match="ResourceRequirements"):
        Agent("tested").add_state("a", lambda context: None, resources={"cpu_units": 1})
    with pytest.raises(InvalidSpecError, match="ResourcePool"):
        Agent("tested", resources=ResourceRequirements())
