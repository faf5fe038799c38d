"""Plain slips get the one-form message, before anything begins, and lose nothing.

The form: what happened, the culprit's repr, what is allowed or the nearest name, the remedy.
"""

from __future__ import annotations

import inspect
import math
import pickle
from decimal import Decimal

import pytest

import fluffy_nb
from fluffy_nb import (
    Agent,
    AgentStatus,
    Checkpoint,
    Context,
    Dependency,
    DependencyLifecycle,
    DependencyType,
    ResourcePool,
    ResourceRequirements,
    RetryPolicy,
    Run,
    RunWatch,
    Send,
    open_store,
    register_codec,
    register_type,
    state,
    testing,
)
from fluffy_nb.errors import (
    FluffyError,
    InvalidSpecError,
    StateError,
    UnknownBreakpointWarning,
    UnknownStateError,
)

from .scripted import Script


async def f(context):
    """A state that does nothing."""


def agent():
    made = Agent("x")
    made.add_state("s", f)
    return made


async def ended():
    made = agent()
    await made.run()
    return made


NUMBERS = ["5", -1, math.nan, True, [1], Decimal(5), 10**400, b"5", f]
"""What is no number of seconds from 0."""

SLIPS = {
    # ------------------------------------------------------------ Agent
    **{f"Agent({name!r})": lambda n=name: Agent(n) for name in ("", " ", 5, None, f, ["x"])},
    **{f"Agent(start={v!r})": lambda v=v: Agent("x", start=v) for v in (5, [5], b"s", ["s", None])},
    **{
        f"Agent(max_concurrent={v!r})": lambda v=v: Agent("x", max_concurrent=v)
        for v in (0, -1, True, "3", 1.5, [1], math.inf)
    },
    **{
        f"Agent(state_timeout={str(v)[:9]})": lambda v=v: Agent("x", state_timeout=v)
        for v in (*NUMBERS, 0)
    },
    **{
        f"Agent(checkpoint_interval={str(v)[:9]})": lambda v=v: Agent("x", checkpoint_interval=v)
        for v in (*NUMBERS, 0)
    },
    "Agent(resources=dict)": lambda: Agent("x", resources={"cpu_units": 1}),
    "Agent(resources=requirements)": lambda: Agent("x", resources=ResourceRequirements()),
    "Agent(responder=5)": lambda: Agent("x", responder=5),
    "Agent(store=3)": lambda: Agent("x", store=3),
    "Agent(store=None)": lambda: Agent("x", store=None),
    "agent.store = 3": lambda: setattr(agent(), "store", 3),
    "Agent(durability=[])": lambda: Agent("x", durability=[]),
    "Agent(durability='fast')": lambda: Agent("x", durability="fast"),
    "Agent()": Agent,
    "Agent(max_concurent=)": lambda: Agent("x", max_concurent=3),
    "agent.max_concurrent = '3'": lambda: setattr(agent(), "max_concurrent", "3"),
    "agent.breakpoints = 5": lambda: setattr(agent(), "breakpoints", 5),
    "agent.breakpoints = [5]": lambda: setattr(agent(), "breakpoints", ["s", 5]),
    "agent.breakpoints = None": lambda: setattr(agent(), "breakpoints", None),
    "agent.breakpoints = {name: True}": lambda: setattr(agent(), "breakpoints", {"s": True}),
    "agent.responder = 5": lambda: setattr(agent(), "responder", 5),
    # ------------------------------------------------------------ add_state and the decorators
    "add_state(f)": lambda: agent().add_state(f),
    "add_state(f, name)": lambda: agent().add_state(f, "t"),
    "add_state(name, f())": lambda: agent().add_state("t", f(None)),
    "add_state(name, None)": lambda: agent().add_state("t", None),
    "add_state(name, name)": lambda: agent().add_state("t", "f"),
    "add_state(5, f)": lambda: agent().add_state(5, f),
    "add_state(twice)": lambda: agent().add_state("s", f),
    "add_state(no context)": lambda: agent().add_state("t", lambda: None),
    "add_state(two arguments)": lambda: agent().add_state("t", lambda a, b: None),
    "add_state(retry=)": lambda: agent().add_state("t", f, retry=RetryPolicy()),
    "add_state(time_out=)": lambda: agent().add_state("t", f, time_out=3),
    **{
        f"add_state({key}={str(v)[:12]})": lambda key=key, v=v: agent().add_state(
            "t", f, **{key: v}
        )
        for key, values in {
            "next": (5, [5], [f], b"s", f),
            "join": (["each"], "any", 5),
            "dependencies": (["s"], "s", {"s": "REQUIRED"}, {5: DependencyType.ANY}, {"s": None}),
            "resources": ({"cpu_units": 1}, 2, ResourcePool()),
            "retry_policy": (3, "3", RetryPolicy, {"max_retries": 3}),
            "timeout": (*NUMBERS, 0),
            "on_error": (5, ["s"], f, "t"),
        }.items()
        for v in values
    },
    '@agent.state("name")': lambda: agent().state("name")(f),
    "@agent.state(5)": lambda: agent().state(5),
    "@agent.state(name=5)": lambda: agent().state(name=5)(f),
    "@agent.state(name=f)": lambda: agent().state(name=f)(f),
    "@agent.state(retry_policy=)": lambda: agent().state(retry_policy=RetryPolicy())(f),
    "@agent.state(tiemout=)": lambda: agent().state(tiemout=3)(f),
    "@agent.state of an object": lambda: agent().state(type("Do", (), {"__call__": f})()),
    "@agent.state of a coroutine": lambda: agent().state(f(None)),
    '@state("name")': lambda: state("name")(f),
    "@state(name='')": lambda: state(name="")(f),
    "@state(retry_policy=)": lambda: state(retry_policy=RetryPolicy())(f),
    "@state(nxt=)": lambda: state(nxt=["s"])(f),
    "remove_state([..])": lambda: agent().remove_state(["s"]),
    "remove_state()": lambda: agent().remove_state(),
    "subscribe()": lambda: agent().subscribe(),
    "open_store()": open_store,
    "open_store(file=)": lambda: open_store(file="x"),
    "remove_state(f)": lambda: agent().remove_state(f),
    "remove_state(unknown)": lambda: agent().remove_state("z"),
    # ------------------------------------------------------------ records
    **{
        f"RetryPolicy({key}={str(v)[:9]})": lambda key=key, v=v: RetryPolicy(**{key: v})
        for key, values in {
            "max_retries": ("3", -1, True, 1.5, None),
            "initial_delay": (*NUMBERS, math.inf),
            "exponential_base": ("2", 0.5, math.nan, True),
            "max_delay": (*NUMBERS, math.inf),
            "jitter": ("yes", 1, None),
            "retry_on": ("ValueError", 5, ["ValueError"], (ValueError, 5), int),
            "max_retires": (3,),
        }.items()
        for v in values
    },
    **{
        f"ResourceRequirements({key}={str(v)[:9]})": lambda k=key, v=v: ResourceRequirements(
            **{k: v}
        )
        for key, values in {
            "cpu_units": ("2", -1, math.inf, math.nan, True, None, 10**400),
            "memory_mb": ("1GB", -1),
            "gpu_units": ("1", -1),
            "priority": (1, "HIGH", None),
            "cpu": (1,),
        }.items()
        for v in values
    },
    "ResourcePool(cpu_units='2')": lambda: ResourcePool(cpu_units="2"),
    "ResourcePool(memory=)": lambda: ResourcePool(memory=1),
    "Dependency('REQUIRED')": lambda: Dependency("REQUIRED"),
    "Dependency(lifecycle='ONCE')": lambda: Dependency(lifecycle="ONCE"),
    "Dependency(TEMPORARY)": lambda: Dependency(lifecycle=DependencyLifecycle.TEMPORARY),
    "Dependency(expiry=3)": lambda: Dependency(expiry=3),
    "Dependency(even_if_failed='yes')": lambda: Dependency(even_if_failed="yes"),
    "Dependency(kind=)": lambda: Dependency(kind=DependencyType.ANY),
    "Send()": Send,
    "Send(5)": lambda: Send(5),
    "Send(name='s')": lambda: Send(name="s"),
    # ------------------------------------------------------------ stores, codecs, files, testing
    **{f"open_store({v!r})": lambda v=v: open_store(v) for v in (None, 5, ["x"], "no such file")},
    "RunWatch(None, run)": lambda: RunWatch(None, "run"),
    "register_codec(instance)": lambda: register_codec(5, str, int),
    "register_codec(encode=5)": lambda: register_codec(Script, 5, int),
    "register_codec(decode=5)": lambda: register_codec(Script, str, 5),
    "register_codec(name=5)": lambda: register_codec(Script, str, int, name=5),
    "register_type(5)": lambda: register_type(5),
    "register_type(int)": lambda: register_type(int),
    "Checkpoint.from_dict(text)": lambda: Checkpoint.from_dict("{}"),
    "Checkpoint.from_dict({})": lambda: Checkpoint.from_dict({}),
    "record(5)": lambda: testing.record(5),
    "testing.run(function)": lambda: testing.run(f),
    "fake_clock(plain)": lambda: testing.fake_clock(print),
    "recording.of(5)": lambda: testing.record(agent()).of(5),
    "recording.of('StateEnded')": lambda: testing.record(agent()).of("StateEnded"),
    "subscribe(5)": lambda: agent().subscribe(5),
}


def one_form(error):
    text = str(error)
    assert len(text) < 1_500
    # What is allowed, or the nearest name, stands after the culprit.
    assert any(mark in text for mark in ("must be", "; ", "did you mean", "there is no", ": ")), (
        text
    )


@pytest.mark.parametrize("slip", SLIPS.values(), ids=SLIPS)
def test_S13_7_a_slip_is_answered_in_the_one_form(slip):
    with pytest.raises(FluffyError) as caught:
        slip()
    one_form(caught.value)


async def forks(value):
    (await ended()).fork(value)


async def restores(value):
    await agent().restore_from_checkpoint(value)


ASYNC_SLIPS = {
    "run(start=5)": lambda: agent().run(start=5),
    "run(start='z')": lambda: agent().run(start="z"),
    "run(start=['s', 5])": lambda: agent().run(start=["s", 5]),
    "run(inputs=[...])": lambda: agent().run(inputs=["a"]),
    "run(inputs=5)": lambda: agent().run(inputs=5),
    "run(inputs={5: 1})": lambda: agent().run(inputs={5: 1}),
    "run(input=)": lambda: agent().run(input={"a": 1}),
    "run(timout=)": lambda: agent().run(timout=3),
    **{f"run(timeout={str(v)[:9]})": lambda v=v: agent().run(timeout=v) for v in NUMBERS},
    "run(cleanup_timeout='5')": lambda: agent().run(cleanup_timeout="5"),
    "run(answers=['yes'])": lambda: agent().run(answers=["yes"]),
    "run(answers={s: 5})": lambda: agent().run(answers={"s": 5}),
    "run(answers={s: [5]})": lambda: agent().run(answers={"s": [5]}),
    "run(answers={5: yes})": lambda: agent().run(answers={5: "yes"}),
    "resume(timeout='5')": lambda: agent().resume(timeout="5"),
    "resume(5)": lambda: agent().resume(5),
    "resume()": lambda: agent().resume(),
    **{f"step({v!r})": lambda v=v: agent().step(v) for v in ("2", 0, -1, True, 1.5, None)},
    "step(steps=)": lambda: agent().step(steps=2),
    "restore_from_checkpoint()": lambda: agent().restore_from_checkpoint(),
    "fork(seq)": lambda: forks(1),
    "fork(dict)": lambda: forks({}),
    "restore_from_checkpoint(dict)": lambda: restores(agent().create_checkpoint().to_dict()),
    "restore_from_checkpoint(text)": lambda: restores("{}"),
    "restore_from_checkpoint(None)": lambda: restores(None),
    "load(None, run)": lambda: Agent.load(None, "run"),
    "load(path, 5)": lambda: Agent.load("memory", 5),
    "load(path, unknown)": lambda: Agent.load("memory", "run"),
}


@pytest.mark.parametrize("slip", ASYNC_SLIPS.values(), ids=ASYNC_SLIPS)
async def test_S13_7_a_slip_in_a_verb_is_answered_in_the_one_form(slip):
    with pytest.raises(FluffyError) as caught:
        await slip()
    one_form(caught.value)


CONTEXT_SLIPS = {
    **{
        f"{name}({key!r})": lambda c, name=name, key=key: getattr(c, name)(key)
        for name in ("get_state", "peek", "has_state", "remove_state", "get_secret", "get_local")
        for key in (5, ["a"], None)
        if not (name == "peek" and key != ["a"])
    },
    **{
        f"{name}({key!r}, 1)": lambda c, name=name, key=key: getattr(c, name)(key, 1)
        for name in ("set_state", "set_secret", "set_local", "set_typed")
        for key in (5, ["a"])
    },
    "set_typed(dict)": lambda c: c.set_typed("a", {}),
    "get_typed(text)": lambda c: c.get_typed("n", "int"),
    "get_typed(instance)": lambda c: c.get_typed("n", 5),
    "update_typed(int)": lambda c: c.update_typed("n", x=1),
    "update_state(5)": lambda c: c.update_state("n", 5),
    "progress('half')": lambda c: c.progress("half"),
    "progress(2)": lambda c: c.progress(2),
    "progress(nan)": lambda c: c.progress(math.nan),
    "ask(5)": lambda c: c.ask(5),
    "ask(choices='yes')": lambda c: c.ask("?", choices="yes"),
    "ask(choices=[1])": lambda c: c.ask("?", choices=[1, 2]),
    "ask(timeout='5')": lambda c: c.ask("?", timeout="5"),
    "ask(schema=dict)": lambda c: c.ask("?", schema={}),
    "ask(schema=int)": lambda c: c.ask("?", schema=int),
    "ask(validator=5)": lambda c: c.ask("?", validator=5),
    "ask(multiline='yes')": lambda c: c.ask("?", multiline="yes"),
    "ask(choises=)": lambda c: c.ask("?", choises=["a"]),
    "answer(told=5)": lambda c: c.ask("told"),
}


@pytest.mark.parametrize("slip", CONTEXT_SLIPS.values(), ids=CONTEXT_SLIPS)
async def test_S13_7_a_slip_with_the_context_is_answered_in_the_one_form(slip):
    script = Script(responder=lambda prompt: prompt.answer("x", told=5))
    script.agent.add_state("s", slip, next=[])
    with pytest.raises(StateError) as caught:
        await script.agent.run(inputs={"n": 1})
    cause = caught.value.__cause__
    assert isinstance(cause, FluffyError), repr(cause)
    one_form(cause)


@pytest.mark.parametrize("slip", [lambda c: c.once(5, f), lambda c: c.once("a", 5)])
async def test_S13_7_a_slip_with_once_is_answered_in_the_one_form(slip):
    script = Script()

    async def once(context):
        await slip(context)

    script.agent.add_state("s", once)
    with pytest.raises(StateError) as caught:
        await script.agent.run()
    assert isinstance(caught.value.__cause__, InvalidSpecError)


# ---------------------------------------------------------------- the remedies


@pytest.mark.parametrize(
    ("slip", "remedy"),
    [
        ('@agent.state("name")', r"'name'; it must be a function.*@agent.state\(name='name'\)"),
        ("add_state(f, name)", r"The name comes first: \('t', function\)"),
        ("add_state(name, f())", "give f itself, without calling it"),
        ("add_state(retry=)", r"takes no argument retry=RetryPolicy.*did you mean 'retry_policy'"),
        ("add_state(f)", r"missing a required argument: 'function'; write add_state\(name, func"),
        ("@state(retry_policy=)", "it is called retry"),
        ("@agent.state(tiemout=)", "did you mean 'timeout'"),
        ("Agent(max_concurent=)", r"Agent\(\) takes no argument max_concurent=3 \(did you mean"),
        ("RetryPolicy(max_retires=3)", r"RetryPolicy\(\) takes no argument .*'max_retries'"),
        ("Send(name='s')", r"Send\('name', key=value\)"),
        ("agent.breakpoints = 5", r'agent.breakpoints = \{"name"\}'),
        ("add_state(name, name)", "'f', which can't be called"),
    ],
)
def test_S13_7_the_remedy_is_said(slip, remedy):
    with pytest.raises(FluffyError, match=remedy):
        SLIPS[slip]()


@pytest.mark.parametrize(
    ("slip", "remedy"),
    [
        ("restore_from_checkpoint(dict)", r"Checkpoint.from_dict\(...\) makes one"),
        ("run(inputs=[...])", r"\['a'\]; it must be a dict"),
        ("run(timout=)", "did you mean 'timeout'"),
        ("resume(5)", "the id of a run, a string"),
        ("fork(seq)", "1; it must be a Checkpoint"),
    ],
)
async def test_S13_7_the_remedy_of_a_verb_is_said(slip, remedy):
    with pytest.raises(FluffyError, match=remedy):
        await ASYNC_SLIPS[slip]()


def test_S13_7_the_wrong_arguments_are_told_where_the_call_stands():
    assert inspect.iscoroutinefunction(Agent.run) or not hasattr(inspect, "markcoroutinefunction")
    assert list(inspect.signature(Agent.run).parameters)[:2] == ["self", "start"]
    assert Agent.add_state.__doc__.startswith("Add a state")
    with pytest.raises(TypeError):  # as Python's own
        agent().add_state("t", f, nothing=1)


def test_S13_7_an_error_of_the_function_itself_is_left_as_it_is():
    from fluffy_nb.errors import explains_arguments

    @explains_arguments
    def raises(name):
        raise TypeError("its own")

    with pytest.raises(TypeError, match=r"^its own$"):
        raises("x")


# ---------------------------------------------------------------- nothing is lost


async def test_S9_2_a_slip_at_a_paused_run_loses_nothing():
    script = Script()
    script.add("a", "b")
    script.add("b")
    await script.agent.step()
    seen = len(script.events)
    for slip in ({"timeout": "5"}, {"answers": [1]}, {"inputs": 5}, {"cleanup_timeout": -1}):
        with pytest.raises(FluffyError):
            await script.agent.run(**slip)
    with pytest.raises(FluffyError):
        await script.agent.restore_from_checkpoint({})
    with pytest.raises(FluffyError):
        script.agent.fork(1)
    assert script.agent.status is AgentStatus.PAUSED
    assert len(script.events) == seen
    assert (await script.agent.run()).status is AgentStatus.COMPLETED


async def test_S9_2_a_slip_at_an_ended_run_leaves_it_there():
    made = await ended()
    run = made.run_id
    for slip in ({"start": 5}, {"start": "z"}, {"inputs": ["a"]}, {"timeout": "5"}):
        with pytest.raises(FluffyError):
            await made.run(**slip)
    assert made.run_id == run
    assert made.status is AgentStatus.COMPLETED


# ---------------------------------------------------------------- breakpoints


@pytest.mark.parametrize("given", ["b", ["b"], ("b",), {"b"}, frozenset({"b"}), iter(["b"])])
async def test_S9_4_breakpoints_can_be_given_as_a_name_or_as_any_collection(given):
    script = Script()
    script.add("a", "b")
    script.add("b")
    script.agent.breakpoints = given
    assert script.agent.breakpoints == {"b"}
    assert (await script.agent.run()).status is AgentStatus.PAUSED
    assert script.ended == ["a"]
    assert (await script.agent.run()).status is AgentStatus.COMPLETED


async def test_S9_4_breakpoints_that_are_assigned_count_in_a_run_that_is_active():
    script = Script()
    script.add("a", "b", gate=True)
    script.add("b")
    run = script.agent.start()
    script.agent.breakpoints = ["b"]
    await script.open("a")
    assert (await run).status is AgentStatus.PAUSED
    script.agent.breakpoints |= {"a"}
    script.agent.breakpoints -= {"b"}
    assert script.agent.breakpoints == {"a"}


async def test_S9_4_a_breakpoint_at_what_is_no_state_is_warned_about():
    script = Script()
    script.add("load")
    script.add("chunk_{i}")
    script.agent.breakpoints = {"laod", "chunk_3"}
    with pytest.warns(UnknownBreakpointWarning, match="'laod'.*did you mean 'load'") as warned:
        await script.agent.run(start="load")
    assert len(warned) == 1
    assert warned[0].filename == __file__


# ---------------------------------------------------------------- 4.5 the template remedy


@pytest.mark.parametrize(
    ("name", "names", "template"),
    [
        ("process_chunk_0", ["process_chunk"], "process_chunk_{chunk_id}"),
        ("process_chunk_12", ["start", "process_chunk"], "process_chunk_{chunk_id}"),
        ("chunk7", ["chunk"], "chunk{chunk_id}"),
        ("page-3", ["page-1", "page-2"], "page-{page_id}"),
        ("page_3_draft", ["page_1_draft"], "page_{page_id}_draft"),
    ],
)
def test_S4_5_a_name_of_many_that_differ_by_a_number_is_told_of_templates(name, names, template):
    error = UnknownStateError(name, names, "start")
    assert f"add_state({template!r}, function)" in str(error)
    made = Agent("x")
    made.add_state(template, f)
    assert made.spec(name) is not None


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("laod", ["load"]),
        ("chunk_x", ["chunk"]),
        ("report_3", ["load"]),
        ("3", ["load"]),
        (5, ["5"]),
    ],
)
def test_S4_5_other_names_are_not_told_of_templates(name, names):
    assert "One state can stand" not in str(UnknownStateError(name, names, "start"))


async def test_S4_5_a_run_that_meets_such_a_name_says_so_before_it_and_then():
    made = Agent("x")

    async def start(context):
        return ["chunk_0", "chunk_1"]

    made.add_state("start", start)
    made.add_state("chunk", f, dependencies={"start": DependencyType.REQUIRED})
    with (
        pytest.warns(UserWarning, match=r"add_state\('chunk_\{chunk_id\}', function\)"),
        pytest.raises(UnknownStateError, match=r"add_state\('chunk_\{chunk_id\}', function\)"),
    ):
        await made.run(start="start")


# ---------------------------------------------------------------- 9.1, 12.1 before the first run


async def test_S12_1_before_the_first_run_there_is_a_checkpoint_of_what_is():
    made = agent()
    for checkpoint in (
        made.create_checkpoint(),
        await made.pause(),
        Agent("y").create_checkpoint(),
    ):
        assert checkpoint.agent_status == "IDLE"
        assert checkpoint.completed_states == frozenset()
        assert checkpoint.shared_state == {}
        assert checkpoint.run_id == ""
        assert checkpoint.timestamp > 0
        assert Checkpoint.from_dict(checkpoint.to_dict()) == checkpoint
    assert made.status is AgentStatus.IDLE


@pytest.mark.parametrize("store", ["memory", "file"])
async def test_S12_5_such_a_checkpoint_leaves_an_agent_idle_whatever_it_ran(store, tmp_path):
    made = Agent("x", store="memory" if store == "memory" else tmp_path / "runs.sqlite")
    made.add_state("s", f)
    checkpoint = made.create_checkpoint()
    await made.run()
    first = made.run_id
    await made.restore_from_checkpoint(checkpoint)
    assert made.status is AgentStatus.IDLE
    assert made.run_id is None
    assert made.completed_states == frozenset()
    with pytest.raises(FluffyError, match="no run to go on with"):
        await made.resume()
    with pytest.raises(FluffyError, match="no run to go on with"):
        made.fork(checkpoint)
    assert (await made.run(inputs={"n": 1})).values == {"n": 1}
    assert made.run_id not in {first, ""}


async def test_S12_5_such_a_checkpoint_is_refused_while_a_run_is_active():
    script = Script()
    script.add("s", gate=True)
    checkpoint = script.agent.create_checkpoint()
    run = script.agent.start()
    with pytest.raises(FluffyError, match="running"):
        await script.agent.restore_from_checkpoint(checkpoint)
    await script.open("s")
    assert (await run).status is AgentStatus.COMPLETED


# ---------------------------------------------------------------- 4.2 inputs of a handler


async def test_S4_2_a_handler_has_the_inputs_of_the_execution_that_failed():
    script = Script()
    seen = []
    script.add("split", lambda _: [Send("work", item=i) for i in range(3)], next=["work"])

    def work(context):
        if context.inputs["item"] == 1:
            raise ValueError("no")

    def mend(context):
        seen.append((dict(context.inputs), context.get_state("item"), str(context.error)))
        context.set_state("mended", context.inputs["item"])

    script.add("work", work, next=[], on_error="mend")
    script.add("mend", mend, next=[])
    await script.agent.run()
    assert seen == [({"item": 1}, 1, "no")]


async def test_S4_2_a_handler_of_a_handler_and_of_a_template_has_them_too():
    script = Script()
    seen = []
    script.add("split", ["chunk_3"], next=["chunk_{i}"])
    script.add("chunk_{i}", failures=1, on_error="mend_7")
    script.add("mend_{n}", failures=1, on_error="give_up")
    script.add("give_up", lambda c: seen.append(dict(c.inputs)), next=[])
    await script.agent.run()
    assert seen == [{"i": 3, "n": 7}]


async def test_S4_2_what_the_name_of_a_handler_says_wins():
    script = Script()
    seen = []
    script.add("split", ["chunk_3"], next=["chunk_{i}"])
    script.add("chunk_{i}", failures=1, on_error="mend_7")
    script.add("mend_{i}", lambda c: seen.append((c.state, dict(c.inputs))), next=[])
    await script.agent.run()
    assert seen == [("mend_7", {"i": 7})]


@pytest.mark.parametrize("store", ["memory", "file"])
async def test_S4_2_a_handler_has_them_after_a_restore(store, tmp_path):
    path = "memory" if store == "memory" else tmp_path / "runs.sqlite"
    script = Script(store=path)
    script.add("split", lambda _: [Send("work", item=5)], next=["work"])
    script.add("work", failures=1, on_error="mend")
    script.add("mend")
    await script.agent.step(2)
    seen = []
    other = Script(store=path if store == "memory" else "memory")
    other.add("split", next=["work"])
    other.add("work", on_error="mend")
    other.add("mend", lambda c: seen.append(dict(c.inputs)), next=[])
    checkpoint = Checkpoint.from_dict(script.agent.create_checkpoint().to_dict())
    await other.agent.restore_from_checkpoint(checkpoint)
    await other.agent.resume()
    assert seen == [{"item": 5}]


# ---------------------------------------------------------------- 13.4 counts


async def test_S13_4_a_template_is_counted_once():
    script = Script()
    script.add("one", [f"p_{i}" for i in range(3)], next=["p_{i}"])
    script.add("p_{i}")
    result = await script.agent.run()
    assert result.counts == {"one": 1, "p_{i}": 3}
    assert "4 executions of 2 states" in repr(result)
    assert result.counts["p_1"] == 1
    assert "p_1" not in result.counts
    with pytest.raises(KeyError):
        result.counts["p_7"]
    again = pickle.loads(pickle.dumps(result))
    assert again == result
    assert again.counts["p_1"] == 1


async def test_S13_4_a_template_in_an_agent_inside_is_counted_once():
    inner = Script("inner")
    inner.add("one", ["p_1", "p_2"], next=["p_{i}"])
    inner.add("p_{i}")
    outer = Agent("outer")
    outer.add_state("inner", inner.agent, next=[])
    counts = (await outer.run()).counts
    assert counts == {"inner": 1, "inner/one": 1, "inner/p_{i}": 2}


# ---------------------------------------------------------------- nothing public is forgotten

COVERED = {
    "AgentStatus": "an enum",
    "DependencyLifecycle": "an enum",
    "DependencyType": "an enum",
    "Priority": "an enum",
    "StateStatus": "an enum",
    "StateResult": "a type",
    "TypedContextData": "checked by set_typed",
    "Prompt": "answer() and when_closed(): test_plain_functions",
    "Run": "its verbs are the agent's",
    "RunResult": "made by the package",
    "Context": "CONTEXT_SLIPS",
}


def test_S13_7_every_public_name_is_in_the_table():
    told = " ".join([*SLIPS, *ASYNC_SLIPS]).replace("@state", "state(")
    missing = [n for n in fluffy_nb.__all__ if n not in COVERED and f"{n}(" not in told]
    assert not [name for name in missing if name != "Checkpoint"]
    assert Context in vars(fluffy_nb).values()
    assert Run in vars(fluffy_nb).values()
