"""Semantics 13.5: errors can be pickled and copied, and their texts are bounded."""

from __future__ import annotations

import copy
import importlib
import inspect
import pickle
import pkgutil
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import MappingProxyType

import pytest

import fluffy_nb
from fluffy_nb import Agent, Checkpoint, Dependency, ResourceRequirements, RetryPolicy, Send, errors
from fluffy_nb.engine import events as ev
from fluffy_nb.errors import FluffyError, StandInError, StateError
from fluffy_nb.errors.wording import MOST_TEXT

SAMPLES = {
    "str": "text",
    "object": {"a": "b"},
    "int": 3,
    "float": 3.5,
    "Collection[str]": ["a", "b"],
    "Sequence[str]": ["a", "b"],
    "Mapping[str, str]": {"a": "b"},
    "str | None": "text",
    "BaseException": ValueError("no"),
}
"""An argument for each annotation in the constructors of errors; a new one needs a line here."""


def arguments(cls):
    """Arguments for the constructor of an error."""
    if cls.__init__ is FluffyError.__init__:
        return ["text"]
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return [SAMPLES[str(parameter.annotation)] for parameter in parameters]


def subclasses(cls):
    return {cls}.union(*map(subclasses, cls.__subclasses__()))


def every_error():
    """All error classes of the package, wherever they are defined."""
    for module in pkgutil.walk_packages(fluffy_nb.__path__, "fluffy_nb."):
        if ".notebook" not in module.name and "_alias" not in module.name:
            importlib.import_module(module.name)
    found = {c for c in subclasses(FluffyError) if c.__module__.startswith("fluffy_nb.")}
    return sorted(found, key=lambda cls: cls.__name__)


WARNINGS = [
    cls
    for _, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, Warning) and cls.__module__.startswith("fluffy_nb.")
]


class OddError(Exception):
    """Its constructor can't be called with what is kept of it."""

    def __init__(self, code, *, detail):
        super().__init__("odd")
        self.code, self.detail = code, detail


class LockedError(Exception):
    """It holds what can't be pickled."""

    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()


class NoTextError(LockedError):
    def __str__(self):
        raise ValueError("no text")


def sample(cls):
    made = cls(*arguments(cls))
    made.extra = ["kept"]
    made.add_note("a note")
    made.__context__ = KeyError("before")
    made.__cause__ = ValueError("cause")  # sets __suppress_context__ too
    return made


def the_same(one, other):
    assert type(other) is type(one)
    assert str(other) == str(one)
    assert other.args == one.args
    assert {k: repr(v) for k, v in vars(other).items()} == {
        k: repr(v) for k, v in vars(one).items()
    }
    assert other.__notes__ == ["a note"]
    assert repr(other.__cause__) == repr(one.__cause__)
    assert repr(other.__context__) == repr(one.__context__)
    assert other.__suppress_context__ == one.__suppress_context__


WAYS = {
    **{f"pickle {n}": lambda e, n=n: pickle.loads(pickle.dumps(e, n)) for n in range(6)},
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("cls", every_error(), ids=lambda cls: cls.__name__)
def test_S13_5_every_error_can_be_pickled_and_copied_whole(cls, way):
    error = sample(cls)
    again = way(error)
    assert again is not error
    the_same(error, again)
    the_same(again, way(again))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("cls", WARNINGS, ids=lambda cls: cls.__name__)
def test_S13_5_warnings_can_be_pickled_and_copied(cls, way):
    warning = cls("text")
    warning.add_note("a note")
    again = way(warning)
    assert (type(again), str(again), again.__notes__) == (cls, "text", ["a note"])


def test_S13_5_what_is_changed_in_a_deep_copy_is_not_changed_in_the_error():
    error = sample(StateError)
    again = copy.deepcopy(error)
    again.extra.append("more")
    assert error.extra == ["kept"]
    assert again.__cause__ is not error.__cause__
    assert copy.copy(error).__cause__ is error.__cause__


def test_S13_5_a_chain_comes_back_with_one_error_in_two_places():
    first, second = KeyError("first"), sample(StateError)
    second.__cause__ = second.__context__ = first
    third = StateError("s", 2, "run", "third")
    third.__cause__ = second
    again = pickle.loads(pickle.dumps(third))
    assert again.__cause__.__notes__ == ["a note"]
    assert again.__cause__.__cause__ is again.__cause__.__context__
    assert repr(again.__cause__.__cause__) == "KeyError('first')"


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_S13_5_errors_that_lead_to_each_other_can_be_pickled_and_copied(way):
    one, other = StateError("a", 1, "run", "one"), StateError("b", 1, "run", "other")
    one.__cause__, other.__cause__ = other, one
    again = way(one)
    assert str(again.__cause__) == str(other)
    assert str(again.__cause__.__cause__) == str(one)


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (OddError(1, detail="d"), "OddError: odd"),
        (LockedError("held"), "LockedError: held"),
        (
            NoTextError("x"),
            "NoTextError: <NoTextError whose text can't be made: ValueError: no text>",
        ),
        (type("LocalError", (Exception,), {})("here"), "LocalError: here"),
    ],
)
def test_S13_5_a_cause_that_can_not_be_pickled_is_replaced_by_its_text(cause, text):
    error = StateError("s", 1, "run", "problem")
    error.__cause__ = cause
    again = pickle.loads(pickle.dumps(error))
    assert type(again.__cause__) is StandInError
    assert str(again.__cause__) == text
    assert copy.deepcopy(error).__cause__ is not None
    assert copy.copy(error).__cause__ is cause


def test_S13_5_a_class_that_the_reader_lacks_is_replaced_by_its_text(monkeypatch):
    monkeypatch.setitem(globals(), "GoneError", type("GoneError", (FluffyError,), {}))
    GoneError.__module__ = __name__  # noqa: F821 - made above
    data = pickle.dumps(GoneError("was here"))  # noqa: F821 - as above
    monkeypatch.delitem(globals(), "GoneError")
    assert repr(pickle.loads(data)) == "StandInError('GoneError: was here')"


def test_S13_5_an_attribute_that_can_not_be_pickled_is_left_out():
    error = sample(StateError)
    error.lock = threading.Lock()
    again = pickle.loads(pickle.dumps(error))
    assert again.state == error.state
    assert not hasattr(again, "lock")
    assert copy.deepcopy(error).lock is error.lock


def flow(number):
    """Run in another process."""
    agent = Agent("sweep")

    async def s(context):
        if number == 1:
            raise ValueError("one")
        if number == 2:
            raise OddError(2, detail="d")
        if number == 3:
            raise LockedError("three")

    agent.add_state("s", s)
    return number, str(agent.run_sync().status)


def test_S13_5_a_worker_that_fails_does_not_break_a_pool():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(flow, number) for number in range(5)]
        ended = [future.exception(timeout=120) or future.result() for future in futures]
    assert ended[0] == (0, "COMPLETED")
    assert ended[4] == (4, "COMPLETED")
    assert [(type(error), error.state) for error in ended[1:4]] == [(StateError, "s")] * 3
    assert "ValueError: one" in str(ended[1])


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(
    "thing",
    [
        Send("work", page=1, items=[1]),
        ev.StateCompleted(1, 2.0, 3, "s", 1, (ev.Going("t", {"n": 1}), "u"), ("key",)),
        ev.StateCompleted(1, 2.0, 3, "s", 1, (ev.Going("t", MappingProxyType({"n": 1})),)),
        ev.Going("t"),
        ev.RunFailed(1, 2.0, "error"),
        RetryPolicy(retry_on=(ValueError,)),
        ResourceRequirements(cpu_units=2),
        Dependency(),
        Agent("a").create_checkpoint(),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_S13_5_what_people_hold_of_a_run_can_be_pickled_and_copied(thing, way):
    assert way(thing) == thing


async def test_S13_5_a_checkpoint_and_a_result_can_be_pickled():
    agent = Agent("a")
    agent.add_state("s", lambda context: context.set_state("x", {1, 2}))
    result = await agent.run()
    checkpoint = agent.create_checkpoint()
    assert pickle.loads(pickle.dumps(result)) == result
    again = pickle.loads(pickle.dumps(checkpoint))
    assert isinstance(again, Checkpoint)
    assert again == checkpoint


# ---------------------------------------------------------------- bounded texts


@pytest.mark.parametrize("cls", every_error(), ids=lambda cls: cls.__name__)
def test_S13_5_no_text_of_ours_is_longer(cls):
    long = "n" * 100_000

    def grown(value):
        if isinstance(value, str):
            return value + long
        if isinstance(value, list):
            return [*(each + str(n) + long for n in range(50) for each in value)]
        if isinstance(value, dict):
            return {
                key + str(n) + long: each + long for n in range(50) for key, each in value.items()
            }
        return value

    error = cls(*map(grown, arguments(cls)))
    assert len(str(error)) < MOST_TEXT + 1


class Hostile:
    def __repr__(self):
        raise RuntimeError("no repr")


def test_S13_5_the_repr_of_a_culprit_is_guarded_and_bounded():
    with pytest.raises(errors.InvalidSpecError, match="Hostile whose repr raises RuntimeError"):
        Agent("a", max_concurrent=Hostile())
    with pytest.raises(errors.InvalidSpecError) as caught:
        Agent("a", max_concurrent=["x" * 10_000])
    assert len(str(caught.value)) < 300
    with pytest.raises(errors.InvalidSpecError):
        Agent("a", state_timeout=-(10**5000))  # Python refuses to write it


async def test_S8_4_a_thousand_failures_are_told_in_bounded_notes():
    async def fails(context):
        raise ValueError("x" * 20_000)

    agent = Agent("a")
    agent.add_state("start", lambda context: [Send("fails", n=n) for n in range(200)])
    agent.add_state("fails", fails)
    with pytest.raises(StateError) as caught:
        await agent.run(start="start")
    notes = caught.value.__notes__
    assert len(notes) == 51
    assert notes[0].startswith("and also: state 'fails' failed")
    assert notes[-1].startswith("and others")
    assert sum(map(len, notes)) < 60_000
