"""Hostile states: the functions that people give, each raising."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, field_validator

from fluffy_nb import Agent, Context, RetryPolicy, register_codec

from .hostile_entry import FAILS, Entry, both
from .hostile_values import ODD, VALUES, raising


def _asks(**settings: Any) -> Callable[[Context], Any]:
    async def body(context):
        await context.human_in_the_loop("Go on?", **settings)
        return "after"

    return body


def _model_that_raises(error: Callable[[], BaseException]) -> type[BaseModel]:
    class Answer(BaseModel):
        text: str

        @field_validator("text")
        @classmethod
        def check(cls, text):
            if text == "no":
                raise error()
            return text

    return Answer


def _answers(*values: Any, told: Callable[[str], object] | None = None) -> Callable[[Agent], None]:
    """Have each question answered with these, one after the other."""

    def prepare(agent: Agent) -> None:
        def respond(prompt):
            for value in values:
                asyncio.get_running_loop().call_soon(prompt.answer, value, told)

        agent.responder = respond

    return prepare


def _raises_at_no(error: Callable[[], BaseException]) -> Callable[[str], bool]:
    def validator(answer):
        if answer == "no":
            raise error()
        return True

    return validator


class Coded:
    """Has a codec that raises, as its value says."""

    def __init__(self, error):
        self.error = error


def _encode(value: Coded) -> object:
    raise value.error()


register_codec(Coded, _encode, raising(ValueError), name="hostile states")


def functions() -> Iterator[Entry]:
    for name, error in ODD.items():
        validated = _asks(validator=_raises_at_no(error))
        yield Entry(f"a validator raises {name}", validated, prepare=_answers("no", "yes"))
        formed = _asks(schema=_model_that_raises(error))
        answers = _answers({"text": "no"}, {"text": "yes"})
        yield Entry(f"a model's validator raises {name}", formed, prepare=answers)
        told = _answers("yes", told=raising(error))
        yield Entry(f"whoever answered is told and raises {name}", _asks(), prepare=told)

        def respond(agent: Agent, error=error) -> None:
            agent.responder = raising(error)

        yield Entry(f"a responder raises {name}", _asks(), FAILS, "hostile", prepare=respond)

        def close(agent: Agent, error=error) -> None:
            def responder(prompt):
                prompt.when_closed(raising(error))
                prompt.answer("yes")

            agent.responder = responder

        yield Entry(f"a callback of a prompt raises {name}", _asks(), prepare=close)

        def watch(agent: Agent, error=error) -> None:
            agent.subscribe(raising(error))

        yield from both(Entry(f"an observer raises {name}", lambda c: "after", prepare=watch))
        policy = RetryPolicy(max_retries=2, initial_delay=0, retry_on=raising(error))
        settings = {"retry_policy": policy}
        fails = raising(lambda: ValueError("no"))
        yield from both(Entry(f"retry_on raises {name}", fails, FAILS, "no", settings=settings))

        def update(context: Context, error=error) -> None:
            context.update_state("n", raising(error))

        yield from both(Entry(f"a function of update_state raises {name}", update, FAILS))

        async def once(context: Context, error=error) -> None:
            await context.once("charge", raising(error))

        yield Entry(f"a function of once raises {name}", once, FAILS)

        def coded(context: Context, error=error) -> str:
            context.set_state("value", Coded(error))
            return "after"

        yield from both(Entry(f"a codec raises {name}", coded, saved=False))
    for name in ("all methods raise OddError", "a hostile str", "a dead proxy"):
        odd = _answers(VALUES[name](), "yes")
        validated = _asks(choices=["yes", "no"])
        yield Entry(f"is answered with {name}", validated, prepare=odd)
        default = VALUES[name]()
        entry = Entry(f"asks with the default {name}", _asks(default=default, timeout=0))
        yield replace(entry, prepare=lambda agent: setattr(agent, "responder", lambda prompt: None))
        asked = Entry(f"asks with {name} shown", _asks(show=default), prepare=_answers("yes"))
        yield asked
