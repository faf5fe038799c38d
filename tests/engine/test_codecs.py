"""Semantics 12.2: values of every kind, without pickle and without import by name."""

from __future__ import annotations

import collections
import contextlib
import datetime as dt
import decimal
import enum
import fractions
import json
import pathlib
import sys
import uuid
import zoneinfo
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import polars as pl
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluffy_nb import TypedContextData, register_codec, register_type
from fluffy_nb.engine.codecs import LARGE, UnsavableError, decode, encode
from fluffy_nb.engine.typed import KNOWN
from fluffy_nb.errors import CheckpointError, InvalidSpecError


@dataclass
class Profile(TypedContextData):
    name: str
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = field(init=False, default=0)


class Model(pydantic.BaseModel):
    name: str
    when: dt.date


class Colour(enum.StrEnum):
    RED = "red"


def there_and_back(value):
    """Through JSON text, with buffers beside it and without."""
    buffers = []
    beside = decode(json.loads(json.dumps(encode(value, buffers), allow_nan=False)), buffers)
    inside = decode(json.loads(json.dumps(encode(value), allow_nan=False)))
    assert type(beside) is type(inside) is type(value)
    return beside, inside


PARIS = zoneinfo.ZoneInfo("Europe/Paris")
VALUES = [
    (1, (2, ("three",))),
    {1, 2},
    frozenset({"a"}),
    b"x" * LARGE,
    b"short",
    bytearray(b"ab"),
    {1: "one", (2, 3): "pair"},
    {"$": "a key like ours", "v": 1},
    "\ud800",
    pytest.param(1 << 20_000, id="large"),
    float("inf"),
    complex(1, float("-inf")),
    range(1, 9, 2),
    dt.datetime(2026, 11, 26, 1, 2, 3, 4),  # noqa: DTZ001 - a time without a zone is one too
    dt.datetime(2026, 11, 26, tzinfo=dt.UTC),
    dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=PARIS),
    dt.date(2026, 11, 26),
    dt.time(1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    dt.timedelta(days=-1, microseconds=5),
    decimal.Decimal("1.10"),
    fractions.Fraction(1, 3),
    uuid.UUID(int=7),
    pathlib.Path("a/b"),
    pathlib.PureWindowsPath("a/b"),
    Profile("Ada", ["x"]),
    Point(3),
    Model(name="Ada", when=dt.date(2026, 1, 1)),
    Colour.RED,
    np.float32(1.5),
    pd.Timestamp("2026-11-26", tz="Europe/Paris"),
    pd.Timestamp("2026-11-26"),
    pd.Timedelta(5, "s"),
    [None, True, 1.5, {"a": ["b"]}],
]


@pytest.mark.parametrize("value", VALUES)
def test_S12_2_it_comes_back_equal(value):
    beside, inside = there_and_back(value)
    assert beside == inside == value


def repr_of(value):
    """Its repr, also where Python does not write such a large number."""
    if isinstance(value, list):
        return ", ".join(map(repr_of, value))
    return hex(value) if isinstance(value, int) and not isinstance(value, bool) else ascii(value)


@pytest.mark.parametrize(
    "items",
    [
        [1.5, -0.0],
        [1.5, float("inf")],
        [1, 2],
        [1, 10**5000],
        ["a", "b"],
        ["a", "\udcff"],
        [True, None],
        [1, True, 1.0, "1"],
        [],
    ],
    ids=repr_of,
)
def test_S12_2_a_list_of_one_kind_comes_back_as_it_was_and_is_no_longer_the_one_it_was(items):
    data = encode(items)
    assert data is not items
    back = decode(json.loads(json.dumps(data)))
    assert list(map(repr_of, back)) == list(map(repr_of, items))


def test_S12_2_a_zone_comes_back_by_its_name():
    beside, _ = there_and_back(dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=PARIS))
    assert beside.tzinfo is PARIS
    assert beside.fold == 1


@pytest.mark.parametrize("value", [pd.NA, pd.NaT])
def test_S12_2_what_is_missing_comes_back_the_same(value):
    assert there_and_back(value)[0] is value


@pytest.mark.parametrize(
    "array",
    [
        np.arange(1000).reshape(10, 100),
        np.array([1.5, np.nan]),
        np.array([1, "a", None], dtype=object),
        np.array(["2026-11-26"], dtype="datetime64[s]"),
        np.zeros(3, dtype=[("a", "i4"), ("b", "f8")]),
        np.arange(20)[::2],
        np.array(5),
    ],
)
def test_S12_2_arrays_come_back_with_their_type_and_shape(array):
    for found in there_and_back(array):
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


def test_S12_2_a_large_array_is_a_buffer_and_no_text():
    buffers = []
    text = json.dumps(encode({"rows": np.arange(10_000)}, buffers))
    assert len(text) < 100
    assert sum(map(len, buffers)) < 1.01 * 80_000


TIMES = pd.to_datetime(["2026-01-01", "2026-07-01"])
FRAMES = [
    pd.DataFrame(
        {
            "int": [1, 2],
            "float": [1.5, None],
            "text": ["a", None],
            "time": TIMES,
            "zone": TIMES.tz_localize("Europe/Paris"),
            "category": pd.Categorical(["x", "y"], categories=["y", "x"], ordered=True),
            "nullable": pd.array([1, None], dtype="Int64"),
            "objects": [{"a": 1}, [2]],
            "bool": [True, False],
        },
        index=pd.Index(["r1", "r2"], name="row"),
    ),
    pd.DataFrame(np.zeros((2, 2)), columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
    pd.DataFrame([[1, 2]], columns=["same", "same"]),
    pd.DataFrame(),
    pd.DataFrame({"a": [1, 2, 3]}).iloc[1:],
]


@pytest.mark.parametrize("frame", FRAMES, ids=["kinds", "levels", "twice", "empty", "part"])
def test_S12_2_frames_come_back_with_their_types(frame):
    for found in there_and_back(frame):
        pd.testing.assert_frame_equal(found, frame)


def test_S12_2_a_column_and_an_index_come_back():
    column = FRAMES[0]["zone"]
    pd.testing.assert_series_equal(there_and_back(column)[0], column)
    pd.testing.assert_index_equal(there_and_back(TIMES)[0], TIMES)


def test_S12_2_frames_of_polars_come_back_with_their_types():
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [dt.date(2026, 1, 1), None]})
    for found in there_and_back(frame):
        assert found.equals(frame)
        assert found.schema == frame.schema
    for found in there_and_back(frame["b"]):
        assert found.equals(frame["b"])
    with pytest.raises(UnsavableError, match="no Arrow form"):
        encode(pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}))


def test_S12_2_where_they_are_not_installed_nothing_is_missed(monkeypatch):
    for module in ("numpy", "pandas", "polars", "decimal"):
        monkeypatch.delitem(sys.modules, module)
    assert encode({"a": (1,)}) == {"a": {"$": "tuple", "v": [1]}}
    with pytest.raises(UnsavableError, match="of Counter"):
        encode(collections.Counter("a"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
KINDS = st.recursive(
    JSON
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.datetimes(timezones=st.none() | st.just(dt.UTC))
    | st.timedeltas()
    | st.uuids()
    | st.characters(categories=["Cs"]),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.integers(), inner),
    max_leaves=10,
)


@given(KINDS)
def test_S12_2_any_value_comes_back_equal(value):
    beside, inside = there_and_back(value)
    assert beside == inside == value


class Odd:
    def __init__(self, what):
        self.what = what

    def __eq__(self, other):
        return self.what == other.what

    __hash__ = None


def test_S12_2_a_class_of_ones_own_is_saved_by_its_codec():
    with pytest.raises(UnsavableError, match="of Odd"):
        encode([Odd(1)])
    register_codec(Odd, lambda odd: {"what": odd.what}, lambda data: Odd(**data))
    assert there_and_back({"a": Odd((1, 2))})[0] == {"a": Odd((1, 2))}


@pytest.mark.parametrize("kind", [5, dict, tuple])
def test_S12_2_what_is_saved_already_takes_no_codec(kind):
    with pytest.raises(InvalidSpecError, match="what has a codec"):
        register_codec(kind, str, str)


def test_S12_2_only_classes_with_fields_or_members_are_registered():
    assert register_type(Point) is Point
    with pytest.raises(InvalidSpecError, match="a dataclass, a model or an enum"):
        register_type(Odd)


def test_S12_2_a_class_that_is_not_known_is_named_with_the_remedy():
    data = encode(Profile("Ada"))
    del KNOWN["Profile"]
    try:
        with pytest.raises(CheckpointError, match=r"'Profile' was saved.*register_type"):
            decode(data)
    finally:
        register_type(Profile)


def test_S12_2_a_codec_that_is_not_registered_is_named_with_the_remedy():
    with pytest.raises(CheckpointError, match=r"codec of 'Gone'.*register_codec\(Gone"):
        decode({"$": "codec:Gone", "v": 1})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"$": "object", "v": ["Profile", {"name": "Ada"}]}, "other fields .*: tags"),
        ({"$": "object", "v": ["Profile", {"name": 1, "tags": []}]}, "name"),
        ({"$": "object", "v": ["Model", {"name": 1, "when": 2}]}, "name"),
        ({"$": "enum", "v": ["Colour", "BLUE"]}, "BLUE"),
        ({"$": "nothing", "v": 1}, "the tag 'nothing'"),
        ({"$": "tuple"}, "the tag 'tuple'"),
        ({"$": "bytes", "v": 3}, "buffer is 3"),
        ({"$": "bytes", "v": "?"}, "buffer is '\\?'"),
        ({"$": "float", "v": "1.5"}, "number is '1.5'"),
        ({"$": "UUID", "v": 5}, "UUID is 5"),
        ({"$": "set", "v": [[]]}, "unhashable"),
        ({1: 2}, "the key 1"),
        ((1,), r"holds \(1,\)"),
        ({"$": "numpy.array", "v": "gASVAAA="}, "can't be read"),
    ],
)
def test_S12_1_what_can_not_be_read_is_refused(data, says):
    register_type(Model), register_type(Colour)
    with pytest.raises(CheckpointError, match=says):
        decode(data)


def test_S12_2_what_is_too_deep_or_odd_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(UnsavableError, match="more than 100 deep"):
        encode(endless)
    deep = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(CheckpointError, match="more than 100 deep"):
        decode(deep)
    with pytest.raises(UnsavableError, match="objects in its fields"):
        encode(np.zeros(1, dtype=[("a", "O")]))

    class Zone(dt.tzinfo):
        def utcoffset(self, moment):
            return dt.timedelta(0)

    with pytest.raises(UnsavableError, match="whose zone is of Zone"):
        encode(dt.datetime(2026, 1, 1, tzinfo=Zone()))
    with pytest.raises(UnsavableError, match="of Counter"):
        encode(collections.Counter("a"))


TAGS = ["tuple", "set", "dict", "bytes", "datetime", "object", "enum", "Path", "int", "str"]
TAGS += ["numpy.array", "numpy.objects", "pandas.frame", "pandas.series", "codec:x", "range"]
HOSTILE = st.recursive(
    JSON,
    lambda inner: (
        st.builds(lambda tag, v: {"$": tag, "v": v}, st.sampled_from(TAGS), inner)
        | st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)


@given(HOSTILE)
def test_S12_1_hostile_data_gives_a_value_or_a_clear_error(data):
    with contextlib.suppress(CheckpointError):
        decode(data)
