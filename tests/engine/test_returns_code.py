"""Semantics 13.6: what is read is the text that the code was compiled from, or nothing."""

from __future__ import annotations

import asyncio
import functools
import importlib
import linecache
import os
import subprocess
import sys
import textwrap
import types
import warnings
import zipfile
from contextlib import contextmanager
from unittest import mock

import pytest

from fluffy_nb import Agent, Send, testing
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.returns import CHANGED_SOURCE, NO_SOURCE, Returns, read, read_returns
from fluffy_nb.engine.source import source_of
from fluffy_nb.errors import OpenStateError
from tests.engine.test_returns import define

FLOW = """\
import asyncio
async def start(context):
    return ["a", "b"]
async def a(context):
    await asyncio.sleep(1); return "m"
async def b(context):
    return "m"
async def m(context):
    context.update_state("n", lambda n: n + 1, default=0)
async def q(context):
    pass
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module and import it; write it again and it is edited, with another time."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "flow_of_a_test.py"
    times = iter(range(100, 10_000, 100))

    def written(text):
        file.write_text(text)
        time = file.stat().st_mtime + next(times)
        os.utime(file, (time, time))
        return file

    def imported(text):
        written(text)
        importlib.invalidate_caches()
        return importlib.import_module(file.stem)

    imported.edit = written
    yield imported
    sys.modules.pop(file.stem, None)
    linecache.clearcache()


def flow_of(module):
    agent = Agent("flow", start="start")
    for name in ("start", "a", "b", "m", "q"):
        agent.add_state(name, getattr(module, name))
    return agent


def test_S13_6_a_file_edited_since_is_not_believed(module):
    flow = module(FLOW)
    module.edit(FLOW.replace('return "m"\nasync def b', 'return "q"\nasync def b'))
    assert read_returns(flow.a) == Returns(unreadable=CHANGED_SOURCE)
    with pytest.raises(OpenStateError, match=r"'a'.*edited since"):
        testing.run(flow_of(flow).run())


def test_S13_6_what_was_not_edited_is_read_although_it_stands_elsewhere_now(module):
    flow = module(FLOW)
    module.edit("# a comment\n\n\n" + FLOW.replace('return ["a", "b"]', "return None"))
    assert read_returns(flow.start) == Returns(unreadable=CHANGED_SOURCE)
    assert read_returns(flow.a) == Returns(("m",))
    assert source_of(flow.b).text == 'async def b(context):\n    return "m"'


def test_S13_6_a_module_that_is_loaded_again_is_read_anew(module):
    flow = module(FLOW)
    assert read_returns(flow.b) == Returns(("m",))
    module.edit(FLOW.replace('return "m"\nasync def m', 'return "q"\nasync def m'))
    assert read_returns(flow.b) == Returns(("m",)), "the file was read before"
    importlib.reload(flow)
    assert read_returns(flow.b) == Returns(("q",))


@pytest.mark.parametrize("edit", ["def other(context):\n    pass\n", "def b(:\n", "", None])
def test_S13_6_a_file_that_is_broken_or_gone_opens_the_state(module, edit):
    flow = module(FLOW)
    file = module.edit(edit or "")
    if edit is None:
        file.unlink()
    assert read_returns(flow.b).unreadable in {NO_SOURCE, CHANGED_SOURCE}


def test_S13_6_a_swapped_code_is_read_where_it_was_written():
    def left(context):
        return "left"

    def right(context):
        return ["right", "wrong"]

    reading = read(left)
    assert reading.returns == Returns(("left",))
    left.__code__ = right.__code__
    assert not reading.is_current()
    assert read_returns(left).targets == ("right", "wrong")
    changed = right.__code__.co_consts
    changed = tuple(("x", "y") if const == ("right", "wrong") else const for const in changed)
    changed = tuple(
        {"right": "x", "wrong": "y"}.get(c, c) if isinstance(c, str) else c for c in changed
    )
    left.__code__ = right.__code__.replace(co_consts=changed)
    assert read_returns(left) == Returns(unreadable=CHANGED_SOURCE)


async def test_S13_6_code_swapped_between_two_runs_counts_in_the_second(module):
    flow = module(FLOW.replace("asyncio.sleep(1)", "asyncio.sleep(0)"))
    agent = flow_of(flow)
    assert (await agent.run()).values["n"] == 1
    new = define(FLOW.replace('asyncio.sleep(1); return "m"', 'asyncio.sleep(0); return "q"'))
    flow.a.__code__ = new["a"].__code__  # what %autoreload does
    result = await agent.run()
    assert result.counts["q"] == 1
    assert ("a", "q") in {(edge.source, edge.target) for edge in agent.state_graph.edges}
    assert ("a", "m") not in {(edge.source, edge.target) for edge in agent.state_graph.edges}


async def test_S13_6_code_swapped_while_a_run_is_paused_counts_when_it_goes_on():
    agent = Agent("flow", start="start")
    names = define(FLOW.replace("sleep(1)", "sleep(0)"))
    for name in ("start", "a", "b", "m", "q"):
        agent.add_state(name, names[name])
    await agent.step()
    told: list[ev.Event] = []
    agent.subscribe(told.append)
    other = define(FLOW.replace('await asyncio.sleep(1); return "m"', 'return "q"'))
    names["a"].__code__ = other["a"].__code__
    assert agent.check() == ()  # which reads it anew; the run has to hear of it all the same
    assert ("a", "q") in {(edge.source, edge.target) for edge in agent.state_graph.edges}
    result = await agent.run()
    assert result.counts == {"start": 1, "a": 1, "b": 1, "q": 1, "m": 1}
    changes = [event for event in told if isinstance(event, ev.GraphChanged)]
    assert len(changes) == 1


async def test_S13_6_a_function_that_has_become_plain_is_called_in_a_thread():
    async def state(context):
        context.set_state("in_loop", True)

    def plain(context):
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        context.set_state("in_loop", False)

    agent = Agent("flow")
    agent.add_state("state", state)
    assert (await agent.run()).values["in_loop"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.13 advises against it
        state.__code__ = plain.__code__.replace(co_freevars=())
    assert not (await agent.run()).values["in_loop"]


async def test_S2_1_a_name_that_has_another_value_now_is_read_anew():
    names = define(
        "ROUTES = {'x': 'a'}\nasync def s(context): return ROUTES['x']\n"
        "async def a(context): pass\nasync def b(context): pass\n"
    )
    agent = Agent("flow", start="s")
    for name in "sab":
        agent.add_state(name, names[name])
    assert [e.target for e in agent.state_graph.edges] == ["a"]
    names["ROUTES"]["x"] = "b"
    assert [e.target for e in agent.state_graph.edges] == ["b"]
    names["s"].__globals__["ROUTES"] = {"x": "a"}
    assert (await agent.run()).counts == {"s": 1, "a": 1}


def test_S2_2_functions_made_by_exec_are_open_whatever_stands_in_another_text():
    space: dict[str, object] = {}
    exec("def state(context):\n    return 'a'", space)
    assert read_returns(space["state"]).unreadable == NO_SOURCE
    state = define("def state(context):\n    return 'b'\n")["state"]
    exec(compile("def state(context):\n    return 'a'", state.__code__.co_filename, "exec"), space)
    assert read_returns(space["state"]) == Returns(unreadable=CHANGED_SOURCE)


def test_S2_1_a_module_in_a_zip_file_is_read_and_without_source_is_open(tmp_path, monkeypatch):
    (tmp_path / "zipped_flow.py").write_text("def state(context):\n    return 'a'\n")
    with zipfile.ZipFile(tmp_path / "flows.zip", "w") as archive:
        archive.write(tmp_path / "zipped_flow.py", "zipped_flow.py")
    monkeypatch.syspath_prepend(tmp_path / "flows.zip")
    import zipped_flow

    assert read_returns(zipped_flow.state) == Returns(("a",))
    monkeypatch.delitem(sys.modules, "zipped_flow")
    code = compile("def state(context):\n    return 'a'\n", str(tmp_path / "gone.py"), "exec")
    alone = types.ModuleType("alone")
    exec(code, vars(alone))
    assert read_returns(alone.state) == Returns(unreadable=NO_SOURCE)


def test_S2_1_future_annotations_and_name_mangling_make_no_difference():
    names = define(
        "from __future__ import annotations\n"
        "import os.path\n"
        "class Flow:\n"
        "    __name = 'a'\n"
        "    def state(self, context: Missing) -> Other:\n"
        "        x = self.__name, os.path.sep\n"
        "        return 'a'\n"
    )
    assert read_returns(names["Flow"]().state) == Returns(("a",))


def test_S2_1_a_function_with_asserts_is_read_although_pytest_has_rewritten_them():
    def state(context):
        assert context is not None, f"{context!r} is no context"
        targets = ["a"]
        assert targets
        return targets or None

    assert read_returns(state) == Returns(("a",))
    where, code = "assert targets", state.__code__
    swapped = code.replace(co_consts=tuple("b" if c == "a" else c for c in code.co_consts))
    state.__code__ = swapped
    assert read_returns(state) == Returns(unreadable=CHANGED_SOURCE), where


def test_S2_1_without_asserts_as_with_python_O(tmp_path):
    flow = tmp_path / "flow.py"
    flow.write_text(
        textwrap.dedent("""
        from fluffy_nb.engine.returns import read_returns
        def state(context):
            assert context, "none"
            return "a"
        print(read_returns(state).targets, read_returns(state).unreadable)
        """)
    )
    out = subprocess.run([sys.executable, "-O", flow], capture_output=True, text=True, check=True)
    assert out.stdout == "('a',) None\n"


def test_S2_1_reading_many_states_of_one_file_is_quick(module):
    text = "\n".join(
        f"async def s{n}(context):\n    x = context\n    return 's{n + 1}'\n" for n in range(1000)
    )
    flow = module(text)
    with mock.patch("ast.parse", wraps=__import__("ast").parse) as parse:
        found = [read_returns(getattr(flow, f"s{n}")).targets for n in range(1000)]
    assert found == [(f"s{n + 1}",) for n in range(1000)]
    assert parse.call_count == 1, "the file is parsed once"


# ---------------------------------------------------------------- wrappers


def logged(function):
    @functools.wraps(function)
    async def wrapper(*args, **kwargs):
        result = await function(*args, **kwargs)
        print(f"-> {result}")
        return result

    return wrapper


def guarded(function):
    @functools.wraps(function)
    async def wrapper(context):
        try:
            return await function(context)
        except ValueError:
            return "rescue"

    return wrapper


def blocking(function):
    @functools.wraps(function)
    def wrapper(context):
        return asyncio.run(function(context))

    return wrapper


def unmarked(function):
    async def wrapper(context):
        return await asyncio.wait_for(function(context), 5)

    return wrapper


def replaced(function):
    @functools.wraps(function)
    async def wrapper(context):
        await function(context)
        return "other"

    return wrapper


def routed(function):
    @functools.wraps(function)
    async def wrapper(context):
        return ROUTES[await function(context)]

    return wrapper


def elsewhere(function):
    @functools.wraps(function)
    async def wrapper(context):
        return await helper(function, context)

    return wrapper


def with_session(function):
    @functools.wraps(function)
    async def wrapper(context):
        return await function(context, "session")

    return wrapper


ROUTES = {"a": "x"}


class Counted:
    def __init__(self, function):
        functools.update_wrapper(self, function)
        self.function = function
        self.calls = 0

    async def __call__(self, context):
        self.calls += 1
        return await self.function(context)


async def helper(function, context):
    return "far away"


async def state(context, given="session"):
    return "a" if context else ["b", "c"]


async def by_default(context, target="a"):
    return target


def cached(context):
    return "a"


@contextmanager
def around():
    yield


WRAPPED = {
    "logged": (logged(state), ("a", "b", "c"), True),
    "guarded": (guarded(state), ("a", "b", "c", "rescue"), True),
    "blocking": (blocking(state), ("a", "b", "c"), True),
    "without wraps": (unmarked(state), ("a", "b", "c"), True),
    "twice": (guarded(logged(state)), ("a", "b", "c", "rescue"), True),
    "by a class": (Counted(state), ("a", "b", "c"), True),
    "by a context manager": (around()(cached), ("a",), True),
    "cached": (functools.lru_cache(cached), ("a",), True),
    "patched": (mock.patch("os.sep", "/")(state), ("a", "b", "c"), True),
    "static": (staticmethod(state), ("a", "b", "c"), True),
    "with an argument": (with_session(state), ("a", "b", "c"), True),
    "replaced": (replaced(state), ("other",), True),
    "routed": (routed(state), ("x",), True),
    "elsewhere": (elsewhere(state), (), False),
    "default": (by_default, ("a",), True),
    "default by partial": (functools.partial(by_default, target="b"), ("b",), True),
    "default, wrapped": (guarded(by_default), ("a", "rescue"), True),
    "default, all handed on": (logged(by_default), ("a",), True),
    "argument in place of the default": (with_session(by_default), (), False),
}


@pytest.mark.parametrize(("function", "targets", "readable"), WRAPPED.values(), ids=WRAPPED)
def test_S13_6_what_a_wrapper_returns_is_read_where_it_returns_what_it_wraps(
    function, targets, readable
):
    found = read_returns(function)
    assert set(found.targets) == set(targets)
    assert (found.unreadable is None) is readable
    assert bool(found.forks) is ("b" in targets and "c" in targets)


def test_S13_6_a_swapped_code_behind_a_wrapper_is_noticed():
    async def inner(context):
        return "a"

    async def other(context):
        return "b"

    wrapper = guarded(inner)
    reading = read(wrapper)
    assert reading.is_current()
    inner.__code__ = other.__code__
    assert not reading.is_current()
    assert read(wrapper).returns.targets == ("b", "rescue")


def test_S13_6_why_a_wrapper_can_not_be_read_is_that_of_what_it_wraps():
    @guarded
    async def inner(context):
        return context.get_state("next")

    line = inner.__wrapped__.__code__.co_firstlineno + 2
    assert read_returns(inner).unreadable == f'line {line}: return context.get_state("next")'


def test_S13_6_a_wrapper_that_can_not_be_read_is_told_with_its_file():
    line = elsewhere(state).__code__.co_firstlineno + 2
    assert read_returns(elsewhere(state)).unreadable == (
        f"of what is wrapped around it in test_returns_code.py, line {line}: "
        "return await helper(function, context)"
    )


def test_S13_6_a_literal_annotation_is_that_of_the_wrapper_too():
    names = define(
        "from typing import Literal\n"
        "import functools\n"
        "def wrapped(f):\n"
        "    @functools.wraps(f)\n"
        "    def wrapper(*a): return call(f, *a)\n"
        "    return wrapper\n"
        "@wrapped\n"
        "def state(context) -> Literal['a', 'b']: return compute()\n"
    )
    assert read_returns(names["state"]) == Returns(("a", "b"))


def test_S13_6_functions_that_call_each_other_come_to_an_end():
    def one(context):
        return two(context)

    def two(context):
        return one(context) or "a"

    assert read_returns(one).unreadable


# ---------------------------------------------------------------- what runs


async def test_S13_6_a_wrapper_that_hands_on_an_argument_is_a_state():
    agent = Agent("flow")

    @agent.state
    @with_session
    async def save(context, session):
        context.set_state("session", session)

    assert (await agent.run()).values == {"session": "session"}


async def test_S13_6_a_wrapper_that_takes_more_is_refused_whatever_it_wraps():
    @functools.wraps(cached)
    def wrapper(context, more):
        return cached(context)

    with pytest.raises(TypeError, match=r"takes \(context, more\)"):
        Agent("flow").add_state("state", wrapper)


async def test_S13_6_a_plain_wrapper_of_an_async_function_runs_in_a_thread():
    agent = Agent("flow")

    @agent.state
    @blocking
    async def fetch(context):
        context.set_state("x", 1)

    assert not agent.states["fetch"].is_async
    assert (await agent.run()).values == {"x": 1}


async def test_S13_6_a_plain_wrapper_that_returns_the_coroutine_has_it_awaited():
    agent, loop = Agent("flow"), asyncio.get_running_loop()

    def plainly(function):
        @functools.wraps(function)
        def wrapper(context):
            return function(context)

        return wrapper

    @agent.state
    @plainly
    async def fetch(context):
        context.set_state("here", asyncio.get_running_loop() is loop)
        return "after"

    @agent.state
    async def after(context): ...

    assert (await agent.run()).counts == {"fetch": 1, "after": 1}
    assert agent.context_values["here"]


# ---------------------------------------------------------------- Send


class Mapped(Send):
    """Another name, no more."""


class ToWork(Send):
    def __init__(self, page):
        super().__init__("work", page=page)


class ToOne(Send):
    def __init__(self, page, target):
        super().__init__(target, page=page)


class Computed(Send):
    def __init__(self, page):
        super().__init__("wo" + page, page=page)


work = functools.partial(Send, "work")

SENDS = {
    "subclass": (lambda context: Mapped("work", page=1), ("work",)),
    "list of a subclass": (lambda context: [Mapped("work", page=p) for p in context], ("work",)),
    "name in its __init__": (lambda context: [ToWork(p) for p in context], ("work",)),
    "name by place": (lambda context: ToOne(1, "work"), ("work",)),
    "name by keyword": (lambda context: ToOne(1, target="work"), ("work",)),
    "partial": (lambda context: [work(page=p) for p in context], ("work",)),
    "computed": (lambda context: Computed("rk"), ()),
    "unpacked": (lambda context: ToOne(*context), ()),
}


@pytest.mark.parametrize(("function", "targets"), SENDS.values(), ids=SENDS)
def test_S2_1_subclasses_of_send_are_read(function, targets):
    found = read_returns(function)
    assert (found.targets, found.sends) == (targets, targets)
    assert (found.unreadable is None) is bool(targets)


@pytest.mark.parametrize(("items", "counts"), [([], {}), ([1, 2], {"work": 2})])
async def test_S4_1_a_map_over_nothing_goes_where_it_says(items, counts):
    agent = Agent("flow")

    @agent.state
    async def split(context):
        return [Send("work", item=item) for item in context.get_state("items")] or "reduce"

    @agent.state
    async def work(context):
        return "reduce"

    @agent.state
    async def reduce(context): ...

    result = await agent.run(inputs={"items": items})
    assert result.counts == {"split": 1, **counts, "reduce": 1}
