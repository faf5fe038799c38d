"""Values and results that raise, or lie, wherever somebody looks at them."""

from __future__ import annotations

import asyncio
import enum
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from pydantic import BaseModel

from fluffy_nb import TypedContextData


class OddError(BaseException):
    """No `Exception`: what catches those lets it through."""


ODD: dict[str, Callable[[], BaseException]] = {
    "ValueError": lambda: ValueError("no"),
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
    "RecursionError": lambda: RecursionError("deep"),
    "OddError": lambda: OddError("odd"),
    "StopIteration": lambda: StopIteration(1),
}
"""What is raised in every place where something can raise."""


def raising(error: Callable[[], BaseException]) -> Callable[..., Any]:
    """A function that takes anything and raises."""

    def function(*_: object, **__: object) -> Any:
        raise error()

    return function


_LOOKS = [
    "__bool__",
    "__call__",
    "__contains__",
    "__copy__",
    "__deepcopy__",
    "__eq__",
    "__format__",
    "__ge__",
    "__getitem__",
    "__gt__",
    "__hash__",
    "__index__",
    "__int__",
    "__iter__",
    "__le__",
    "__len__",
    "__lt__",
    "__ne__",
    "__reduce__",
    "__reduce_ex__",
    "__repr__",
    "__str__",
    "__array__",
    "__buffer__",
    "__await__",
    "_repr_html_",
    "_repr_markdown_",
    "_repr_png_",
    "_repr_mimebundle_",
    "copy",
    "savefig",
]


def hostile_class(
    name: str, bases: tuple[type, ...] = (), error: Callable[[], BaseException] = OddError
) -> Any:
    """A class of which every method raises, also for its `__class__` and unknown attributes."""
    methods: dict[str, Any] = dict.fromkeys(_LOOKS, raising(error))
    methods["__class__"] = property(raising(error))
    methods["__getattr__"] = raising(error)
    return type(name, bases, methods)


Hostile = hostile_class("Hostile")
HostileStr = hostile_class("HostileStr", (str,))
HostileList = hostile_class("HostileList", (list,))
HostileDict = hostile_class("HostileDict", (dict,))
HostileInt = hostile_class("HostileInt", (int,))


class Endless:
    """Is asked for an attribute, and gives itself."""

    def __getattr__(self, name):
        return self

    def __iter__(self) -> Iterator[object]:
        while True:
            yield self


@dataclass
class Unset:
    name: str
    score: float = field(init=False)


@dataclass
class UnsetTyped(TypedContextData):
    name: str
    score: float = field(init=False)


@dataclass
class RaisingProperty:
    name: str

    @property
    def size(self):
        raise OddError("size")

    def __eq__(self, other):
        raise OddError("eq")

    __hash__ = None


class Model(BaseModel):
    a: int
    b: int


class Color(enum.Enum):
    RED = "red"

    def __repr__(self):
        raise OddError("repr")

    def __eq__(self, other):
        raise OddError("eq")

    __hash__ = object.__hash__


class SlowToCopy:
    def __deepcopy__(self, memo):
        raise OddError("deepcopy")

    def __getstate__(self):
        raise OddError("getstate")


class KeyOf:
    """A key that can be stored and then no more."""

    def __init__(self):
        self.asked = 0

    def __hash__(self):
        self.asked += 1
        if self.asked > 1:
            raise OddError("hash")
        return 1

    def __eq__(self, other):
        raise OddError("eq")


def _circle_of_lists() -> list[Any]:
    inside: list[Any] = []
    inside.append(inside)
    return inside


def _dead_proxy() -> object:
    return weakref.proxy(Endless())


def _released() -> memoryview:
    view = memoryview(b"abc")
    view.release()
    return view


def _deep_list() -> list[Any]:
    inside: list[Any] = []
    for _ in range(5_000):
        inside = [inside]
    return inside


def _objects() -> Any:
    import numpy as np

    array = np.empty(2, dtype=object)
    array[0], array[1] = Hostile(), 1
    return array


def _frame() -> Any:
    import pandas as pd

    return pd.DataFrame({"a": pd.Series([Hostile()], dtype=object)})


VALUES: dict[str, Callable[[], Any]] = {
    **{
        f"all methods raise {name}": (lambda error=error: hostile_class("Hostile", (), error)())
        for name, error in ODD.items()
    },
    "a hostile str": lambda: HostileStr("text"),
    "a hostile list": lambda: HostileList([1]),
    "a hostile dict": lambda: HostileDict(a=1),
    "a hostile int": lambda: HostileInt(1),
    "a list with one that is hostile": lambda: [1, Hostile()],
    "a dict with one that is hostile": lambda: {"a": {"b": Hostile()}},
    "a dict with a hostile key": lambda: {KeyOf(): 1},
    "a set with one that is hostile": lambda: {KeyOf()},
    "an endless object": Endless,
    "a dataclass with an unset field": lambda: Unset("x"),
    "a typed dataclass with an unset field": lambda: UnsetTyped("x"),
    "a dataclass that can't be compared": lambda: RaisingProperty("x"),
    "a model with an unset field": lambda: Model.model_construct(a=1),
    "an enum that raises": lambda: Color.RED,
    "a list in itself": _circle_of_lists,
    "a list five thousand deep": _deep_list,
    "a dead proxy": _dead_proxy,
    "a released memoryview": _released,
    "a mock": mock.MagicMock,
    "what can't be copied": SlowToCopy,
    "a lock": threading.Lock,
    "a generator": lambda: (n for n in ()),
    "a function": lambda: _frame,
    "a huge number": lambda: 10**20_000,
    "an array of objects": _objects,
    "a frame of objects": _frame,
    "an error": type("E", (Exception,), {"__str__": raising(ValueError)}),
}
"""Values that a state stores: each must harm nothing but itself."""

RESULTS: dict[str, Callable[[], Any]] = {
    "a number": lambda: 7,
    "a mapping": lambda: {"next": "after"},
    "a generator": lambda: (n for n in ("after",)),
    "a hostile object": Hostile,
    "a hostile object in a list": lambda: ["after", Hostile()],
    "a list that can't be read": lambda: HostileList(["after"]),
    "a list in itself": _circle_of_lists,
    "a dead proxy": _dead_proxy,
    "an endless object": Endless,
    "an error": lambda: ValueError("returned"),
    "an error class": lambda: ValueError,
    "ten million numbers": lambda: list(range(1_000_000)) * 10,
}
"""What a state returns and what says nothing: the state must fail and be named."""
