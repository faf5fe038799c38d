"""Typed data is checked: every field, whatever annotations and values people come up with."""

from __future__ import annotations

import enum
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path
from typing import (  # noqa: UP035 - people write the old names
    Annotated,
    Any,
    ClassVar,
    Dict,
    Generic,
    List,
    Literal,
    Optional,
    TypedDict,
    TypeVar,
)

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from annotated_types import Gt, Predicate
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fluffy_nb.engine.typed import TypedContextData, changed, check_typed, is_typed
from fluffy_nb.errors import TypedDataError

T = TypeVar("T")


class Mood(enum.Enum):
    GOOD = "good"


class Seconds(TypedDict):
    seconds: int


@dataclass
class Plain:
    x: int


@dataclass
class Address(TypedContextData):
    zip: str


@dataclass
class Node(TypedContextData):
    n: int
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)


class Limits(BaseModel):
    low: int = Field(default=0, ge=0, alias="lowest")
    high: int = Field(default=10, validation_alias="highest")
    inner: Optional[Limits] = None  # noqa: UP045 - people write it


def holding(annotation, default=None):
    """A typed class with one field, x, of this type."""
    body = {"__annotations__": {"x": annotation}, "__module__": __name__, "x": default}
    return dataclass(type("Holder", (TypedContextData,), body))


def refusal(value):
    with pytest.raises(TypedDataError) as info:
        check_typed("key", value)
    return str(info.value)


# ---------------------------------------------------------------- what is typed


@pytest.mark.parametrize("value", [Address("3000"), Limits()])
def test_S10_2_dataclasses_of_the_base_and_pydantic_models_are_typed(value):
    assert is_typed(value)
    check_typed("key", value)


@pytest.mark.parametrize(
    "value", [None, 5, {"zip": "3000"}, Plain(1), TypedContextData(), Address, Limits, np.zeros(2)]
)
def test_S10_2_all_others_are_refused(value):
    assert not is_typed(value)
    text = refusal(value)
    assert text.startswith(f"typed value 'key': {value!r} is of {type(value).__name__}; give a ")
    assert "set_state" in text


def test_no_pydantic_is_needed_to_tell_what_is_no_model(monkeypatch):
    monkeypatch.delitem(sys.modules, "pydantic")
    assert not is_typed(5)
    assert is_typed(Address("3000"))


# ---------------------------------------------------------------- fields


RIGHT = {
    "int": (int, 28),
    "int for float": (float, 28),
    "float": (float, 2.5),
    "str": (str, "a"),
    "bool": (bool, True),
    "None": (Optional[int], None),  # noqa: UP045 - as above
    "optional": (int | None, 1),
    "old list": (List[int], [1]),  # noqa: UP006 - as above
    "dict": (dict[str, int], {"a": 1}),
    "set": (set[int], {1}),
    "tuple": (tuple[int, str], (1, "a")),
    "literal": (Literal["a"], "a"),
    "enum": (Mood, Mood.GOOD),
    "path": (Path, Path("a")),
    "callable": (Callable[[int], str], str),
    "class": (type[Exception], ValueError),
    "any": (Any, object()),
    "object": (object, object()),
    "type variable": (T, object()),
    "typed dict": (Seconds, {"seconds": 1}),
    "array": (np.ndarray, np.zeros(2)),
    "array of floats": (npt.NDArray[np.float64], np.zeros(2)),
    "numpy float": (float, np.float64(1)),
    "frame": (pd.DataFrame, pd.DataFrame()),
    "module": (types.ModuleType, types),
    "plain dataclass": (Plain, Plain(1)),
    "model": (Limits, Limits()),
    "constraint": (Annotated[int, Gt(0)], 1),
    "unhashable annotation": (Annotated[int, ["a note"]], 1),
    "unhashable predicate": (Annotated[int, Predicate(lambda n: n > 0), {}], 1),
}

WRONG = {
    "str for int": (int, "28", "valid integer"),
    "float for int": (int, 28.0, "valid integer"),
    "bool for int": (int, True, "valid integer"),
    "numpy integer for int": (int, np.int64(1), "valid integer"),
    "int for str": (str, 28, "valid string"),
    "bytes for str": (str, b"a", "valid string"),
    "str for float": (float, "1.5", "valid number"),
    "int for bool": (bool, 1, "valid boolean"),
    "None": (int, None, "valid integer"),
    "tuple for list": (list[int], (1,), "valid list"),
    "list for set": (set[int], [1], "set"),
    "value for enum": (Mood, "good", "instance of Mood".lower()),
    "str for path": (Path, "a", "instance of path"),
    "another literal": (Literal["a"], "b", "should be 'a'"),
    "not callable": (Callable[[int], str], 5, "callable"),
    "list for array": (np.ndarray, [1.0], "instance of ndarray"),
    "dict for frame": (pd.DataFrame, {}, "instance of dataframe"),
    "dict for dataclass": (Plain, {"x": 1}, "instance of plain"),
    "dict for typed": (Address, {"zip": "3000"}, "instance of address"),
    "dict for model": (Limits, {}, "instance of limits"),
    "constraint": (Annotated[int, Gt(0)], 0, "greater than 0"),
    "unhashable annotation": (Annotated[int, ["a note"]], "1", "valid integer"),
}


@pytest.mark.parametrize(("annotation", "value"), RIGHT.values(), ids=RIGHT)
def test_S10_2_a_field_of_the_declared_type_is_taken(annotation, value):
    check_typed("key", holding(annotation)(value))


def test_S10_2_class_variables_are_no_fields():
    check_typed("key", holding(ClassVar[int], "anything")())


@pytest.mark.parametrize(("annotation", "value", "why"), WRONG.values(), ids=WRONG)
def test_S10_2_a_field_of_another_type_is_refused(annotation, value, why):
    text = refusal(holding(annotation)(value))
    assert text.startswith(f"typed value 'key': field 'x' is {value!r}: ")
    assert why in text
    assert text.endswith("give a value of the declared type, or change the declaration")


def test_S10_2_the_place_inside_a_container_is_told():
    assert "field 'x[1]' is 'b': " in refusal(holding(list[int])([1, "b"]))
    assert "x['k'][0]\" is None: " in refusal(holding(dict[str, list[int]])({"k": [None]}))
    assert "field 'x[5]' is 5: " in refusal(holding(dict[str, int])({5: 1}))


def test_S10_2_an_iterator_is_not_used_up():
    numbers = iter([1, 2])
    check_typed("key", holding(Iterator[int])(numbers))
    assert list(numbers) == [1, 2]


def test_S10_2_a_value_whose_repr_raises_is_refused_like_another():
    class Broken:
        def __repr__(self):
            raise ValueError

    assert "<Broken whose repr raises ValueError>" in refusal(holding(int)(Broken()))


def test_S10_2_a_field_that_was_never_set_is_refused():
    @dataclass
    class Late(TypedContextData):
        x: int = field(init=False)

    late = Late()
    assert refusal(late).startswith("typed value 'key': field 'x' is not set; give it a value")
    late.x = 1
    check_typed("key", late)


def test_S10_2_slots_and_frozen_dataclasses_are_as_good():
    @dataclass(slots=True, frozen=True)
    class Point(TypedContextData):
        x: int

    check_typed("key", Point(1))
    assert "'x'" in refusal(Point("1"))
    assert changed("key", Point(1), {"x": 2}) == Point(2)


def test_S10_2_inherited_and_generic_fields_are_checked():
    @dataclass
    class Home(Address):
        doors: int = 1

    @dataclass
    class Box(TypedContextData, Generic[T]):
        item: T
        count: int

    assert "field 'zip'" in refusal(Home(3000))
    assert "field 'doors'" in refusal(Home("3000", "1"))
    check_typed("key", Box("anything", 1))
    assert "field 'count'" in refusal(Box("anything", "1"))


@given(st.one_of(st.integers(), st.text(), st.floats(), st.none(), st.binary(), st.booleans()))
def test_S10_2_a_float_field_takes_exactly_numbers(value):
    good = type(value) in {int, float}
    if good:
        check_typed("key", holding(float)(value))
    else:
        refusal(holding(float)(value))


# ---------------------------------------------------------------- annotations nobody can read


def test_S10_2_the_seeds_dict_of_any_is_taken_as_any():
    # The seed's own listing, with the builtin function `any` for a type; it must not warn either.
    @dataclass
    class UserData(TypedContextData):
        name: str
        age: int
        preferences: Dict[str, any]  # noqa: UP006 - the seed's listing

    check_typed("key", UserData("Ada", 28, {"theme": "dark", "n": object()}))
    assert "field 'age'" in refusal(UserData("Ada", "28", {}))


@pytest.mark.parametrize(
    "annotation", [any, [int], 5, "no python at all (", "Missing", "list[Gone]"]
)
def test_S10_2_an_annotation_that_is_no_type_is_taken_as_any(annotation):
    for value in (None, 5, "text", [object()]):
        check_typed("key", holding(annotation)(value))


def test_S10_2_an_unreadable_annotation_leaves_the_others_checked():
    @dataclass
    class Half(TypedContextData):
        missing: Missing  # noqa: F821 - this is the point
        count: int
        again: Half | None = None

    check_typed("key", Half(object(), 1, Half(None, 2)))
    assert "field 'count' is '1'" in refusal(Half(object(), "1"))
    assert "field 'again.count' is '2'" in refusal(Half(None, 1, Half(None, "2")))


@dataclass
class Unfinished(TypedContextData):
    x: Gone  # noqa: F821 - this is the point
    n: int = 0


def test_S10_2_a_field_whose_class_can_not_be_read_is_taken_as_any():
    class_of_field = holding(Optional[Unfinished])  # noqa: UP045 - two ways to write it
    check_typed("key", class_of_field(Unfinished(1)))
    check_typed("key", class_of_field(None))
    assert "field 'x.n' is 'a'" in refusal(class_of_field(Unfinished(1, "a")))


# ---------------------------------------------------------------- typed inside typed


def test_S10_2_fields_of_nested_values_are_checked():
    bad = Address(3000)
    assert "field 'x.zip' is 3000: input should be a valid string" in refusal(holding(Address)(bad))
    assert "field 'x[1].zip' is" in refusal(holding(list[Address])([Address("a"), bad]))
    assert "x['home'].zip" in refusal(holding(dict[str, Address])({"home": bad}))
    assert "field 'x[0][0].zip' is" in refusal(holding(tuple[list[Address], ...])(([bad],)))
    check_typed("key", holding(Any)(bad))  # nothing was declared of it
    check_typed("key", holding(list[Address])([Address("a")] * 1000))


def test_S10_2_a_nested_model_that_was_changed_is_checked_again():
    inner = Limits(lowest=1)
    inner.low = "1"
    assert "field 'inner.low' is '1'" in refusal(Limits(inner=inner))
    assert "field 'x.low' is '1'" in refusal(holding(Limits)(inner))


def test_S10_2_a_dict_is_no_model_even_if_it_could_become_one():
    ours = "input should be an instance of limits"
    for annotation, value, place in (
        (Limits, {}, "x"),
        (Limits | None, {}, "x"),
        (list[Limits], [Limits(), {}], "x[1]"),
        (dict[str, tuple[Limits]], {"a": ({},)}, "x['a'][0]"),
        (Annotated[Limits, "a note"], {}, "x"),
    ):
        text = refusal(holding(annotation)(value))
        assert f"field {place!r} is {{}}: {ours}" in text
    check_typed("key", holding(dict[str, Limits | dict])({"a": {"b": {}}}))
    check_typed("key", holding(type[Limits])(Limits))
    check_typed("key", holding(set[str | Node])({"a"}))


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"


def test_S10_2_discriminated_unions_are_read():
    class_of_field = holding(Annotated[Cat | Dog, Field(discriminator="kind")])
    check_typed("key", class_of_field(Cat()))
    assert "field 'x' is 5: " in refusal(class_of_field(5))


def test_S10_2_what_pydantic_reads_differently_is_checked_as_it_is():
    homes = Annotated[list[Address], AfterValidator(len)]
    assert "field 'x[1].zip' is 5" in refusal(holding(homes)([Address("a"), Address(5)]))


def test_S10_2_values_that_hold_each_other_are_checked_once():
    root = Node(1)
    root.children = [Node(2, root), Node(3, root)]
    check_typed("key", root)
    root.children[1].n = "3"
    assert "field 'children[1].n' is '3'" in refusal(root)


def test_S10_2_long_chains_are_no_limit():
    node = Node(0)
    for n in range(5000):
        node = Node(n, node)
    check_typed("key", node)


# ---------------------------------------------------------------- changing


def test_S10_2_changed_makes_a_new_object_and_leaves_the_old_one():
    old = Address("3000")
    new = changed("key", old, {"zip": "4000"})
    assert (old, new) == (Address("3000"), Address("4000"))
    assert type(new) is Address
    model = Limits(lowest=1)
    more = changed("key", model, {"high": 20})
    assert (model.high, more.high, more.low) == (10, 20, 1)
    assert changed("key", old, {}) == old
    assert changed("key", old, {}) is not old


@pytest.mark.parametrize(
    ("value", "changes", "problem"),
    [
        (Address("3000"), {"zp": "1"}, "Address has no field 'zp' (did you mean 'zip'?)"),
        (Address("3000"), {"zip": 1}, "field 'zip' is 1: input should be a valid string"),
        (Limits(), {"lowest": 1}, "Limits has no field 'lowest' (did you mean 'low'?)"),
        (Limits(), {"low": -1}, "field 'low' is -1: input should be greater than or equal to 0"),
        (Limits(), {"low": "1"}, "field 'low' is '1': input should be a valid integer"),
        (Limits(), {"__class__": 1}, "Limits has no field '__class__' "),
    ],
)
def test_S10_2_changed_refuses_unknown_fields_and_wrong_types(value, changes, problem):
    with pytest.raises(TypedDataError) as info:
        changed("key", value, changes)
    assert str(info.value).startswith(f"typed value 'key': {problem}")


def test_S10_2_models_with_extra_fields_take_only_declared_ones():
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow", frozen=True)
        x: int

    value = Open(x=1, y=2)
    check_typed("key", value)
    assert changed("key", value, {"x": 3}).y == 2
    with pytest.raises(TypedDataError, match=r"Open has no field 'y'"):
        changed("key", value, {"y": 3})


def test_S10_2_frozen_dataclasses_stay_frozen():
    @dataclass(frozen=True)
    class Point(TypedContextData):
        x: int

    with pytest.raises(FrozenInstanceError):
        changed("key", Point(1), {"x": 2}).x = 3
