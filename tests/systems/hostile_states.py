"""The table of hostile states: what each does, and what must come of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

from fluffy_nb import Context, RetryPolicy, Send

from .hostile_doings import blocks, leaves
from .hostile_entry import ENDS_WELL, FAILS, Entry, both
from .hostile_errors import ERRORS
from .hostile_functions import functions
from .hostile_values import RESULTS, VALUES, HostileStr, raising

AT_ONCE = RetryPolicy(max_retries=1, initial_delay=0, jitter=False, retry_on=BaseException)

# ---------------------------------------------------------------- raises


def _raises() -> Iterator[Entry]:
    for name, make in ERRORS.items():
        yield from both(Entry(f"raises {name}", raising(make), FAILS, "'hostile' failed"))
    retried = ["RecursionError", "OddError", "GeneratorExit", "__str__ raises", "__class__ raises"]
    for name in [*retried, "notes that are none", "__setattr__ raises", "a class without a name"]:
        body = raising(ERRORS[name])
        again = (*FAILS, *ENDS_WELL)
        settings = {"retry_policy": AT_ONCE}
        yield from both(Entry(f"raises {name}, again", body, again, settings=settings))
        handled = {"on_error": "handler"}
        yield from both(Entry(f"raises {name}, handled", body, FAILS, settings=handled))


# ---------------------------------------------------------------- returns


class Where(StrEnum):
    AFTER = "after"

    def __str__(self):
        raise ValueError("no text")


class Names(list):
    """A list of people's own."""


def _returns() -> Iterator[Entry]:
    for name, make in RESULTS.items():
        body = lambda context, make=make: make()  # noqa: E731
        yield from both(Entry(f"returns {name}", body, FAILS, "state 'hostile' returned"))
    long = "all work and no play " * 50_000
    unknown = Entry("returns a long name", lambda context: long, FAILS, "which is no state")
    yield from both(unknown)
    good: dict[str, Callable[[], Any]] = {
        "a hostile name": lambda: HostileStr("after"),
        "a member of an enum": lambda: Where.AFTER,
        "a list of people's own": lambda: Names(["after"]),
        "a hostile name in a Send": lambda: Send(HostileStr("after")),
    }
    for name, make in good.items():
        yield from both(Entry(f"returns {name}", lambda context, make=make: make()))
    for name in ("all methods raise OddError", "a dead proxy", "an endless object"):
        make = VALUES[name]
        body = lambda context, make=make: [Send("after", value=make())]  # noqa: E731
        yield from both(Entry(f"sends {name}", body))


# ---------------------------------------------------------------- writes


SAVED: dict[str, bool | None] = {
    "a huge number": True,
    "a dataclass that can't be compared": None,
    "an enum that raises": None,
}
"""The values that a file takes, and those of which it can't be told."""


def _writes() -> Iterator[Entry]:
    for name, make in VALUES.items():

        def body(context: Context, make=make) -> str:
            context.set_state("value", make())
            context.get_state("value")
            return "after"

        yield from both(Entry(f"writes {name}", body, saved=SAVED.get(name, False)))
    for name in (
        "all methods raise OddError",
        "a list in itself",
        "a dataclass with an unset field",
    ):
        made = VALUES[name]()

        def read(context: Context) -> str:
            context.get_state("given")
            return "after"

        yield from both(Entry(f"is given {name}", read, run={"inputs": {"given": made}}))

        def show(context: Context, made=made) -> str:
            context.show(made)
            context.progress(0.5, made)
            return "after"

        yield from both(Entry(f"shows {name}", show))
    key = HostileStr("key")

    def by_key(context: Context) -> str:
        context.set_state(key, 1)
        return "after"

    yield from both(Entry("writes under a hostile key", by_key, seen=("key", 1)))


TABLE = [
    *_raises(),
    *_returns(),
    *_writes(),
    *leaves(),
    *blocks(),
    *functions(),
]
