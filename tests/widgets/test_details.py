import functools
import time

from fluffy_nb.engine.machine import StateMetadata
from fluffy_nb.engine.status import StateStatus
from fluffy_nb.widgets.details import MOST_SOURCE, details, source

from .fakes import FakeAgent


async def draft(context):
    return "approve"


def draft_agent(**data):
    agent = FakeAgent("draft")
    agent.states["draft"].function = draft
    agent.state_metadata["draft"] = StateMetadata(**data)
    return agent


def test_an_ended_execution_has_its_seconds():
    agent = draft_agent(
        status=StateStatus.FAILED,
        attempts=2,
        started=10.0,
        ended=12.5,
        error="ValueError: no",
        executions=3,
    )
    agent.waits["draft"] = "waits for b"
    assert details(agent, "draft") == {
        "state": "draft",
        "defined": True,
        "status": "FAILED",
        "attempts": 2,
        "executions": 3,
        "started": 10.0,
        "seconds": 2.5,
        "ticking": False,
        "error": "ValueError: no",
        "waits": "waits for b",
        "source": 'async def draft(context):\n    return "approve"',
    }


def test_a_running_one_has_those_so_far(monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 14.0)
    told = details(draft_agent(status=StateStatus.RUNNING, started=10.0), "draft")
    assert (told["seconds"], told["ticking"]) == (4.0, True)


def test_one_that_has_not_run_has_none():
    told = details(draft_agent(), "draft")
    assert (told["seconds"], told["ticking"]) == (None, False)


def test_a_name_that_edges_lead_to_but_is_no_state():
    assert details(draft_agent(), "aprove") == {"state": "aprove", "defined": False}


def test_source_of_a_method_is_dedented():
    class Flow:
        async def draft(self, context):
            return None

    assert source(Flow().draft).startswith("async def draft(self")


def test_source_of_a_wrapped_and_a_partial_function_is_that_of_the_function():
    @functools.wraps(draft)
    async def wrapped(context):
        return await draft(context)

    assert source(wrapped) == source(functools.partial(draft)) == source(draft)


def test_without_source_there_is_none():
    space = {}
    exec("def f(context): ...", space)
    assert source(space["f"]) == ""
    assert source(print) == ""


def test_very_long_source_is_cut():
    body = "\n".join(["def long(context):", *["    x = 1"] * 10_000])
    space = {}
    import linecache

    linecache.cache["<long>"] = (len(body), None, body.splitlines(keepends=True), "<long>")
    exec(compile(body, "<long>", "exec"), space)
    assert len(source(space["long"])) < MOST_SOURCE + 10


def test_S12_2_of_a_callable_that_raises_or_never_ends_the_method_is_shown():
    class Endless:
        def __getattr__(self, name):
            return self

        def __call__(self, context):
            return None

    class Odd:
        __class__ = property(lambda self: 1 / 0)

        def __call__(self, context):
            return None

    for function in (Endless(), Odd()):
        shown = source(function)
        assert shown.startswith("def __call__(self, context):")


def test_S13_6_text_that_is_not_of_the_code_is_not_shown():
    def left(context):
        return "left"

    def right(context):
        return "right"

    left.__code__ = right.__code__
    assert source(left) == source(right)
    left.__code__ = right.__code__.replace(co_consts=(None, "other"))
    assert source(left) == ""
