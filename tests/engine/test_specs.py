"""What can be a state, and what is said when it can't."""

from __future__ import annotations

import functools
import inspect
from dataclasses import FrozenInstanceError, dataclass
from unittest.mock import AsyncMock, MagicMock

import pytest

from fluffy_nb.engine.agent import Agent
from fluffy_nb.engine.callables import is_async
from fluffy_nb.engine.specs import StateSpec, declared_next
from fluffy_nb.errors import InvalidSpecError, StateFunctionError


async def asynchronous(context):
    return "asynchronous"


def plain(context):
    return "plain"


class Method:
    async def asynchronous(self, context):
        return "asynchronous"

    def plain(self, context):
        return "plain"

    @classmethod
    async def of_class(cls, context):
        return "asynchronous"

    @staticmethod
    def of_none(context):
        return "plain"


@dataclass
class Callable:  # a dataclass can't be hashed
    n: int = 1

    async def __call__(self, context):
        return "asynchronous"


class PlainCallable:
    def __call__(self, context):
        return "plain"


@functools.wraps(asynchronous)
def wrapped(context):
    return asynchronous(context)


FUNCTIONS = {
    "async": (asynchronous, True),
    "plain": (plain, False),
    "lambda": (lambda context: "plain", False),
    "async method": (Method().asynchronous, True),
    "method": (Method().plain, False),
    "class method": (Method.of_class, True),
    "static method": (Method.of_none, False),
    "partial": (functools.partial(asynchronous), True),
    "partial of a partial": (functools.partial(functools.partial(plain)), False),
    "partial with keyword": (functools.partial(lambda context, n: "plain", n=1), False),
    "async callable": (Callable(), True),
    "partial of a callable": (functools.partial(Callable()), True),
    "callable": (PlainCallable(), False),
    "wrapped": (wrapped, False),
    "defaults": (lambda context, n=1, *rest, flag=True, **more: "plain", False),
    "anything": (lambda *arguments: "plain", False),
}


@pytest.mark.parametrize(("function", "awaited"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_whatever_takes_a_context_can_be_a_state(function, awaited):
    spec = StateSpec("load", function)
    assert spec.is_async is awaited
    assert is_async(function) is awaited


@pytest.mark.parametrize(("function", "awaited"), FUNCTIONS.values(), ids=FUNCTIONS)
async def test_every_kind_of_function_runs(function, awaited):
    agent, seen = Agent("tests"), []
    agent.add_state("load", function, next=["asynchronous", "plain"])
    for name in ("asynchronous", "plain"):
        agent.add_state(name, lambda context: seen.append(context.state), next=[])
    await agent.run()
    leads_to_plain = not awaited and function is not wrapped  # which gives what it is awaited for
    assert seen == ["plain" if leads_to_plain else "asynchronous"]


async def test_mocks_are_states_too():
    # They have any attribute that is asked for, `func` and `__wrapped__` of partials included.
    agent = Agent("tests")
    first, second = AsyncMock(return_value="second"), MagicMock(return_value=None)
    agent.add_state("first", first, next=["second"])
    agent.add_state("second", second, next=[])
    await agent.run()
    first.assert_awaited_once()
    second.assert_called_once()


def generator(context):
    yield


async def async_generator(context):
    yield


REFUSED = {
    "None": (None, "can't be called"),
    "string": ("load", "can't be called"),
    "number": (5, "can't be called"),
    "generator": (generator, "is a generator: it yields instead of returning"),
    "async generator": (async_generator, "is a generator: it yields instead of returning"),
    "no argument": (lambda: None, "takes no argument"),
    "two arguments": (lambda context, n: None, "takes (context, n)"),
    "keyword": (lambda *, context: None, "takes (context)"),
    "method of a class": (Method.plain, "takes (self, context)"),
    "partial": (functools.partial(plain, 1), "takes no argument"),
}


@pytest.mark.parametrize(("function", "why"), REFUSED.values(), ids=REFUSED)
def test_what_takes_no_context_is_refused(function, why):
    with pytest.raises(StateFunctionError) as info:
        StateSpec("load", function)
    text = str(info.value)
    assert text.startswith(f"state 'load' is given {function!r}, which {why}; a state is ")
    assert text.endswith("async def load(context): ...")


def test_a_coroutine_instead_of_its_function_is_refused():
    coroutine = asynchronous(None)
    with pytest.raises(StateFunctionError, match=r"give asynchronous itself, without calling"):
        StateSpec("load it", coroutine)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_a_function_whose_signature_nobody_knows_is_taken():
    with pytest.raises(ValueError, match="signature"):
        inspect.signature(dict.pop)
    assert not StateSpec("load", dict.pop).is_async


@pytest.mark.parametrize("name", ["", " ", "\t", None, 5, b"load", ["load"], ("load",)])
def test_a_name_is_a_string_that_is_not_empty(name):
    with pytest.raises(InvalidSpecError, match=r"a state's name is .*; it must be a string that"):
        StateSpec(name, plain)


@pytest.mark.parametrize("name", ["load", "load it", "<b>", "ä", "a" * 1000, "{n}", "\n x"])
def test_any_other_string_is_a_name(name):
    assert StateSpec(name, plain).name == name


def test_a_spec_does_not_change():
    spec = StateSpec("load", plain, ("a",))
    with pytest.raises(FrozenInstanceError):
        spec.name = "other"
    assert spec == StateSpec("load", plain, ("a",))
    assert spec != StateSpec("load", asynchronous, ("a",))


# ---------------------------------------------------------------- next=


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (None, None),
        ("a", ("a",)),
        ([], ()),
        (["a", "b"], ("a", "b")),
        (("b", "a", "b"), ("b", "a")),
        (iter(["a"]), ("a",)),
        ({"a": 1}, ("a",)),
    ],
)
def test_S2_1_next_is_one_name_or_several(given, names):
    assert declared_next("load", given) == names


@pytest.mark.parametrize("given", [5, [5], ["a", None], b"ab", [["a"]], object(), plain])
def test_S2_1_next_holds_names_and_nothing_else(given):
    with pytest.raises(
        InvalidSpecError, match=r"next= of state 'load' is .*; it must be the names"
    ):
        declared_next("load", given)
