"""Semantics 13.7: an async function is refused wherever a plain one is wanted."""

from __future__ import annotations

import asyncio
import functools
import logging
from unittest.mock import AsyncMock

import pytest

from fluffy_nb import Agent, RetryPolicy, register_codec
from fluffy_nb.engine.codecs import UnsavableError, encode
from fluffy_nb.engine.plain import check_plain, check_returned
from fluffy_nb.errors import InvalidSpecError, StateError

from .scripted import Script


async def asynchronous(*_):
    """Never called here."""


async def generator(*_):
    yield 1


class Awaited:
    async def __call__(self, *_):
        """Never called here."""


class Method:
    async def method(self, *_):
        """Never called here."""


def hidden(*_):
    return asynchronous()


ASYNC = {
    "function": asynchronous,
    "generator": generator,
    "partial": functools.partial(asynchronous, 1),
    "partial of a partial": functools.partial(functools.partial(asynchronous, 1)),
    "partial of a generator": functools.partial(generator, 1),
    "callable": Awaited(),
    "method": Method().method,
    "mock": AsyncMock(),
}

HIDDEN = {
    "plain function": hidden,
    "lambda": lambda *_: asynchronous(),
    "generator": lambda *_: generator(),
}


class Parcel:
    """Saved by a codec of the test."""


def asks(validator):
    def state(context):
        context.ask("?", validator=validator)

    return state


async def within(use):
    """What a state raises that does something with its context."""
    script = Script(responder=lambda prompt: prompt.answer("x"))
    script.agent.add_state("s", use, next=[])
    with pytest.raises(StateError) as caught:
        await script.agent.run()
    raise caught.value.__cause__


async def updates(function):
    await within(lambda context: context.update_state("n", function))


async def validates(function):
    await within(asks(function))


async def tells(function):
    def respond(prompt):
        prompt.answer("x", function)

    agent = Agent("a", responder=respond)
    agent.add_state("s", asks(None))
    with pytest.raises(StateError) as caught:
        await agent.run()
    raise caught.value.__cause__


async def closes(function):
    def respond(prompt):
        prompt.when_closed(function)

    agent = Agent("a", responder=respond)
    agent.add_state("s", asks(None))
    with pytest.raises(StateError) as caught:
        await agent.run()
    raise caught.value.__cause__


async def subscribes(function):
    Agent("a").subscribe(function)


async def retries(function):
    RetryPolicy(retry_on=function)


async def responds(function):
    Agent("a", responder=function)


async def responds_later(function):
    Agent("a").responder = function


async def encodes(function):
    register_codec(Parcel, function, lambda data: Parcel())


async def decodes(function):
    register_codec(Parcel, lambda point: 1, function)


PLACES = [
    updates,
    validates,
    tells,
    closes,
    subscribes,
    retries,
    responds,
    responds_later,
    encodes,
    decodes,
]


@pytest.mark.parametrize("function", ASYNC.values(), ids=ASYNC)
@pytest.mark.parametrize("place", PLACES)
async def test_S13_7_an_async_function_is_refused_where_it_is_given(place, function):
    with pytest.raises(InvalidSpecError, match=r"must be a plain function of .*Nobody awaits it"):
        await place(function)


@pytest.mark.parametrize("place", PLACES)
async def test_S13_7_a_coroutine_is_refused_and_closed(place):
    coroutine = asynchronous()
    with pytest.raises(InvalidSpecError, match=r"function itself, without calling it: asynchron"):
        await place(coroutine)
    assert coroutine.cr_frame is None


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("thing", [5, "f", [print]])
async def test_S13_7_what_can_not_be_called_is_refused(place, thing):
    with pytest.raises(InvalidSpecError, match="must be"):
        await place(thing)


# ---------------------------------------------------------------- known only when it is called


@pytest.mark.parametrize("function", HIDDEN.values(), ids=HIDDEN)
async def test_S13_7_an_update_that_returns_a_coroutine_changes_nothing(function):
    script = Script()

    def state(context):
        context.set_state("n", 1)
        with pytest.raises(InvalidSpecError, match="nobody awaits here"):
            context.update_state("n", function)

    script.agent.add_state("s", state)
    assert (await script.agent.run()).values == {"n": 1}


@pytest.mark.parametrize("function", HIDDEN.values(), ids=HIDDEN)
async def test_S13_7_an_observer_that_returns_a_coroutine_is_dropped_and_named(function, caplog):
    script = Script()
    script.add("s")
    script.agent.subscribe(function)
    with caplog.at_level(logging.ERROR, "fluffy_nb"):
        await script.agent.run()
    assert len(caplog.records) == 1
    assert "was dropped" in caplog.text
    assert "nobody awaits here" in caplog.text


@pytest.mark.parametrize("function", HIDDEN.values(), ids=HIDDEN)
async def test_S13_7_a_retry_on_that_returns_a_coroutine_retries_nothing_and_says_so(function):
    script = Script()
    calls = script.add("s", failures=9, retry_policy=RetryPolicy(retry_on=function))
    with pytest.raises(StateError) as caught:
        await script.agent.run()
    assert calls == [1]
    assert "nobody awaits here" in caught.value.__cause__.__notes__[0]


@pytest.mark.parametrize("function", HIDDEN.values(), ids=HIDDEN)
async def test_S13_7_a_responder_that_returns_a_coroutine_fails_the_state(function):
    agent = Agent("a", responder=function)
    agent.add_state("s", asks(None))
    with pytest.raises(StateError) as caught:
        await agent.run()
    assert "nobody awaits here" in str(caught.value)


@pytest.mark.parametrize("function", HIDDEN.values(), ids=HIDDEN)
async def test_S13_7_who_is_told_of_the_end_and_returns_a_coroutine_hurts_nobody(function, caplog):
    def respond(prompt):
        prompt.when_closed(function)
        prompt.answer("x", function)

    agent = Agent("a", responder=respond)
    agent.add_state("s", asks(None))
    with caplog.at_level(logging.ERROR, "fluffy_nb"):
        assert (await agent.run()).status == "COMPLETED"
    assert caplog.text.count("nobody awaits here") == 2


@pytest.mark.parametrize("function", HIDDEN.values(), ids=HIDDEN)
def test_S13_7_a_codec_that_returns_a_coroutine_saves_nothing(function):
    register_codec(Parcel, function, lambda data: Parcel())
    with pytest.raises(UnsavableError, match="nobody awaits here"):
        encode(Parcel())


async def test_S13_7_a_plain_function_may_begin_a_task_and_return_it():
    begun = []

    def observe(event):
        begun.append(asyncio.ensure_future(asynchronous()))
        return begun[-1]

    script = Script()
    script.add("s")
    script.agent.subscribe(observe)
    await script.agent.run()
    assert len(begun) == len(script.events)
    await asyncio.gather(*begun)


def test_S13_7_classes_builtins_and_methods_are_plain():
    for function in (print, dict, [].append, functools.partial(print), Method, lambda _: None):
        check_plain("it", function, "nothing")
        check_returned("it", function, function, "nothing")
