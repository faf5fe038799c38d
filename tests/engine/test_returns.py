"""Semantics 2.1 and 2.2: what is read of a state's code, and what is said when it can't be."""

from __future__ import annotations

import enum
import functools
import itertools
import linecache
import re
import textwrap
import types
import typing
from typing import Annotated, Any, ClassVar, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typing_extensions import TypeAliasType

from fluffy_nb.engine.returns import CHANGED_SOURCE, NO_SOURCE, Returns, read_returns

numbers = itertools.count(1)


class Step(enum.StrEnum):
    DRAFT = "draft"
    PUBLISH = "publish"


class Colour(enum.Enum):
    RED = "red"


class Names:
    DRAFT = "draft"
    ROUTES: ClassVar = {"x": "b"}
    computed = property(lambda self: "never")


OUTSIDE = {
    "NEXT": "a",
    "NOWHERE": None,
    "NUMBER": 7,
    "BOTH": ["a", "b"],
    "PAIR": ("a", "b"),
    "MIXED": ["a", 7],
    "ROUTES": {"x": "a", "y": "b"},
    "FORKS": {"x": ["a", "b"], "y": None},
    "NESTED": {"x": {"y": "a"}, "z": "b"},
    "NUMBERS": {"x": 7},
    "MISSING": type("Missing", (dict,), {"__missing__": lambda self, key: "z"})(x="a"),
    "LARGE": {str(number): "a" for number in range(1001)},
    "Step": Step,
    "Colour": Colour,
    "Names": Names,
    "names": types.SimpleNamespace(DRAFT="draft"),
    "module": types.ModuleType("module"),
    "typing": typing,
}


def define(source: str, **outside: object) -> dict[str, Any]:
    """Run source as a notebook runs a cell: its text is to be had from linecache."""
    file = f"<cell {next(numbers)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"__name__": "cell", **outside}
    exec(compile(source, file, "exec", dont_inherit=True), namespace)
    return namespace


def read(body: str, **outside: object) -> Returns:
    source = "async def state(context, given):\n" + textwrap.indent(body, "    ")
    return read_returns(define(source, **OUTSIDE, **outside)["state"])


LOOKED_AT_DICT = """\
r = {"x": "a"}
if given in r and len(r) and r.keys() and r.values():
    return r[given]
for k, v in r.items(): pass
n = r.get(given)
m = r[given]
log(m)
return n"""

LOOKED_AT_LIST = """\
x = ["a", "b"]
if x and not len(x) and "a" in x: print(x)
for y in x: f"{x}"
while x: pass
assert x
z = x[0]
log(*x)
match x:
    case _ if x: pass
given = 1 if x else 2
w = []
w += x
x + [1]
x
[y for y in x]
return x or None"""

NAMES = {
    "nothing": ("pass", ""),
    "None": ("return None", ""),
    "bare return": ("return", ""),
    "string": ('return "a"', "a"),
    "concatenated literals": ('return "a" "b"', "ab"),
    "f-string without placeholder": ('return f"a{{}}"', "a{}"),
    "sum of literals": ('return "a" + "b"', "ab"),
    "sum of choices": ('return ("a" if given else "b") + "c"', "ac bc"),
    "conditional": ('return "a" if given else "b"', "a b"),
    "conditional with None": ('return "a" if given else None', "a"),
    "or": ('return None or "a"', "a"),
    "and": ('return given and "a"', "a"),
    "sum with a way out": ('return (given and "a" or "b") + "c"', "ac bc"),
    "and or": ('return given and "a" or "b"', "a b"),
    "list of one": ('return ["a"]', "a"),
    "empty list": ("return []", ""),
    "empty list call": ("return list()", ""),
    "list of one name that is chosen": ('return ["a" if given else "b"]', "a b"),
    "starred list of one": ('return [*["a"]]', "a"),
    "sum with an empty list": ('return [] + ["a"]', "a"),
    "entry of a list": ('return ["a", "b"][given]', "a b"),
    "each once, in order": ('if given: return "b"\nif 1: return "a"\nreturn "b"', "b a"),
    "branches": ('if given:\n return "a"\nelif 1:\n return "b"\nelse:\n return "c"', "a b c"),
    "try": ('try:\n return "a"\nexcept E:\n return "b"\nelse:\n return "c"\nfinally:\n x', "a b c"),
    "loops": ('for x in given:\n return "a"\nelse:\n return "b"\nwhile x:\n return "c"', "a b c"),
    "with": ('with given:\n return "a"', "a"),
    "match": ('match given:\n case 1: return "a"\n case [x]: return "b"', "a b"),
    "nested functions": ('def f():\n return "x"\nasync def g(): return "x"\nreturn "a"', "a"),
    "nested function of that name": ('def state(): return "x"\nreturn "a"', "a"),
    "nested lambdas": ('f = lambda: "x"\nreturn "a"', "a"),
    "nested classes": ('class C:\n def f(self): return "x"\nreturn "a"', "a"),
    "local": ('x = "a"\nreturn x', "a"),
    "local, union": ('x = "a"\nif given: x = "b"\nreturn x', "a b"),
    "local, annotated": ('x: str\nx: str = "a"\nreturn x', "a"),
    "local, of another": ('x = "a"\ny = x\nreturn y', "a"),
    "local, of itself": ('x = "a"\nx = x or "b"\nreturn x', "a b"),
    "locals in a circle": ('x = "a" or y\ny = "b" or x\nreturn y', "b a"),
    "local, used anywhere when a string": ('x = "a"\nlog(x)\nx.lower()\nreturn x', "a"),
    "local of two targets": ("x = y = 'a'\nreturn x", "a"),
    "local, unpacked": ("x, y = 'a', 'b'\nreturn x", "a"),
    "local, unpacked within": ("(x, [y]), *z = ('a', ['b']), 'c'\nreturn y", "b"),
    "starred target of a list by name": ("x, *y = BOTH\nreturn y", "b"),
    "loop target": ("for x in BOTH: pass\nreturn x", "a b"),
    "loop over pairs": ("for x, n in (('a', 1), ('b', 2)):\n if n: return x", "a b"),
    "loop over a dict": ("for x in ROUTES:\n return x", "x y"),
    "loop over items": ("for k, x in ROUTES.items():\n return x", "a b"),
    "loop over an Enum": ("for x in Step:\n return x", "draft publish"),
    "enumerate": ("for n, x in enumerate(BOTH):\n if n: return x", "a b"),
    "zip": ("for x, y in zip(BOTH, given):\n if y: return x", "a b"),
    "capture of literals": ("match given:\n case 'a' | 'b' as x: return x", "a b"),
    "f-string of a name": ("x = 'a' if given else 'b'\nreturn f'{x}_done'", "a_done b_done"),
    "next": ("return next((x for x in BOTH if given), 'c')", "a b c"),
    "max": ("return max(BOTH, key=given)", "a b"),
    "pop": ("x = ['a', 'b']\nreturn x.pop()", "a b"),
    "pop of a dict": ("r = {'x': 'a'}\nreturn r.pop(given, 'b')", "a b"),
    "dict()": ("return dict(x='a')[given]", "a"),
    "try, finally": ("try:\n return 'a'\nfinally:\n x = 1", "a"),
    "while with a walrus": ("while x := NEXT:\n return x", "a"),
    "local, set to None first": ('x = None\nx = "a"\nreturn x', "a"),
    "local hides global": ('NEXT = "b"\nreturn NEXT', "b"),
    "walrus": ('return (x := "a")', "a"),
    "walrus used later": ('if (x := "a"): pass\nreturn x', "a"),
    "global": ("return NEXT", "a"),
    "global None": ("return NOWHERE", ""),
    "global in a sum": ('return NEXT + "_b"', "a_b"),
    "global entry": ("return PAIR[0]", "a b"),
    "StrEnum": ("return Step.DRAFT", "draft"),
    "value of an Enum": ("return Colour.RED.value", "red"),
    "name of an Enum": ("return Colour.RED.name", "RED"),
    "constant of a class": ("return Names.DRAFT", "draft"),
    "dict": ('return {"x": "a", "y": None}[given]', "a"),
    "dict, key known": ('return {"x": "a", "y": "b", given: "c"}["y"]', "b c"),
    "dict, key unknown to it": ('return {"x": "a"}["z"]', ""),
    "dict in a dict": ('return {**ROUTES, "z": "c"}[given]', "a b c"),
    "dict.get": ('return {"x": "a"}.get(given)', "a"),
    "dict.get with default": ('return ROUTES.get(given, "d")', "a b d"),
    "dict, global": ("return ROUTES[given]", "a b"),
    "dict, global, key known": ('return ROUTES["y"]', "b"),
    "dict, global, of a dict": ('return NESTED["z"]', "b"),
    "dict, local": ('routes = {"x": "a"}\nreturn routes[given]', "a"),
    "dict, local, only looked at": (LOOKED_AT_DICT, "a"),
    "dict of a namespace": ("return Names.ROUTES[given]", "b"),
    "dict, bound again": ('r = {"x": "a"}\nif given: r = ROUTES\nreturn r["y"]', "b"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "targets"), NAMES.values(), ids=NAMES)
def test_S2_1_names_are_read(body, targets):
    assert read(body) == Returns(tuple(targets.split()))


FORKS = {
    "list": ('return ["a", "b"]', "a b"),
    "list with the same twice": ('return ["a", "a"]', "a"),
    "sum of lists": ('return ["a"] + ["b"]', "a b"),
    "starred": ('return ["a", *["b"]]', "a b"),
    "conditional": ('return ["a", "b"] if given else "c"', "c a b"),
    "and": ('return given and ["a", "b"]', "a b"),
    "global": ("return BOTH", "a b"),
    "global in a sum": ('return BOTH + ["c"]', "a b c"),
    "slice": ("return BOTH[1:]", "a b"),
    "list()": ("return list(PAIR)", "a b"),
    "sorted()": ('return sorted(["a", "b"], key=len)', "a b"),
    "sorted set": ('return sorted({"a", "b"})', "a b"),
    "list of a tuple of a list": ("return list(tuple(BOTH))", "a b"),
    "list of reversed": ("return list(reversed(BOTH))", "a b"),
    "starred tuple": ('return [*("a", "b")]', "a b"),
    "comprehension over names": ("return [name for name in BOTH if given]", "a b"),
    "list of a generator over names": ("return list(x for x in PAIR)", "a b"),
    "comprehension of literals": ('return ["a" for x in given]', "a"),
    "second loop of a comprehension": ("return [x for y in given for x in BOTH]", "a b"),
    "append": ('x = []\nif given: x.append("a")\nx.append("b")\nreturn x', "a b"),
    "extend": ('x = ["a"]\nx.extend(["b"])\nreturn x', "a b"),
    "extend with a tuple": ('x = []\nx.extend(("a", "b"))\nreturn x', "a b"),
    "insert": ('x = ["a"]\nx.insert(0, "b")\nreturn x', "a b"),
    "+=": ('x = ["a"]\nx += ["b"]\nreturn x', "a b"),
    "+ itself": ('x = ["a"]\nx = x + ["b"]\nreturn x', "a b"),
    "starred itself": ('x = ["a"]\nx = [*x, "b"]\nreturn x', "a b"),
    "append to a walrus": ('if (x := ["a"]): x.append("b")\nreturn x', "a b"),
    "append to a global": ('BOTH.append("c")\nreturn BOTH', "a b c"),
    "tuple by name": ('x = ("a", "b")\nlog(x)\nreturn list(x)', "a b"),
    "list that is only looked at": (LOOKED_AT_LIST, "a b"),
    "appended or None": ('x = []\nif given: x.append("a")\nreturn x or None', "a"),
    "appended in a loop": ('x = []\nfor n in ("a", "b"):\n if given: x.append(n)\nreturn x', "a b"),
    "of pairs": ('return [n for n, on in (("a", 1), ("b", 0)) if on]', "a b"),
    "of items": ('return [n for n, on in {"a": given, "b": 1}.items() if on]', "a b"),
    "list of a dict": ("return list(ROUTES)", "x y"),
    "sorted values": ("return sorted(ROUTES.values())", "a b"),
    "looked up": ("return [ROUTES[k] for k in given]", "a b"),
    "starred dict": ("return [*ROUTES]", "x y"),
    "starred target": ('x, *y = "a", "b", "c"\nreturn y', "b c"),
    "filter": ("return list(filter(given, BOTH))", "a b"),
    "set": ('x = set()\nx.add("a")\nx.add("b")\nreturn sorted(x)', "a b"),
    "copy": ("x = BOTH.copy()\nx.remove(given)\nx.sort()\nreturn x", "a b"),
    "copy by slice": ('x = BOTH[:]\nx.append("c")\nreturn x', "a b c"),
    "logged": ('x = ["a"]\nx.append("b")\nprint(", ".join(x))\nreturn x', "a b"),
    "cast": ("return typing.cast(list, BOTH)", "a b"),
    "dict of lists": ("return FORKS[given]", "a b"),
    "dict of lists, local": ('r = {"x": ["a", "b"]}\nlen(r)\nreturn r["x"] or r.get("y")', "a b"),
    "dict of lists, local, only looked at": (
        'r = {"x": ["a", "b"]}\nfor k in r.keys(): pass\nif r["x"]: pass\nreturn r["x"]',
        "a b",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "targets"), FORKS.values(), ids=FORKS)
def test_S2_2_returns_of_several_names_fork(body, targets):
    assert read(body) == Returns(tuple(targets.split()), forks=body.splitlines()[-1])


PATTERNS = {
    "f-string": ('return f"chunk_{given}"', ["chunk_.*"], False),
    "f-string with format": ('return f"a-{given!r:>3}-{x}"', [r"a\-.*\-.*"], False),
    "sum": ('return "a." + f"{given}_b"', [r"a\..*_b"], False),
    "sum with str": ('return "chunk_" + str(given)', ["chunk_.*"], False),
    "format": ('return "a{}_{n:>3}".format(given, n=1)', ["a.*_.*"], False),
    "percent": ('return "a_%03d_%(n)s%%" % given', ["a_.*_.*%"], False),
    "comprehension": ('return [f"chunk_{i}" for i in range(3)]', ["chunk_.*"], True),
    "list of a generator": ('return list(f"chunk_{i}" for i in range(3))', ["chunk_.*"], True),
    "appended": ('x = []\nfor i in given: x.append(f"c_{i}")\nreturn x', ["c_.*"], True),
    "the same twice": ('return f"a_{x}" if given else f"a_{y}"', ["a_.*"], False),
    "of a global, which can change": ('return f"{NEXT}_done"', [".*_done"], False),
}


@pytest.mark.parametrize(("body", "patterns", "forks"), PATTERNS.values(), ids=PATTERNS)
def test_S2_1_f_strings_are_patterns(body, patterns, forks):
    found = read(body)
    assert [pattern.pattern for pattern in found.patterns] == patterns
    assert found == Returns(
        (),
        tuple(re.compile(pattern, re.DOTALL) for pattern in patterns),
        body.splitlines()[-1] if forks else None,
    )


def test_S2_1_a_pattern_matches_whole_names_only():
    (pattern,) = read('return f"chunk_{given}"').patterns
    assert pattern.fullmatch("chunk_12")
    assert pattern.fullmatch("chunk_{chunk_id}")
    assert pattern.fullmatch("chunk_"), "what is put in can be empty"
    assert not pattern.fullmatch("my_chunk_1")


UNREADABLE = {
    "call": "return pick(context)",
    "awaited": "return await pick(context)",
    "Send": 'return Send("a", x=1)',
    "list of Sends": 'return [Send("a", x=1)]',
    "number": "return 7",
    "other sum": 'return "a" * 3',
    "sum with what can't be read": 'return "a" + pick()',
    "sum with None": 'return ("a" and None) + "b"',
    "sum with a false one": 'return (given and "a") + "b"',
    "tuple": 'return "a", "b"',
    "set": 'return {"a"}',
    "generator": "return (x for x in BOTH)",
    "set comprehension": "return {x for x in BOTH}",
    "reversed": "return reversed(BOTH)",
    "tuple sum": 'return PAIR + ("c",)',
    "dict": "return ROUTES",
    "letters": 'return list("ab")',
    "letter": 'return "ab"[0]',
    "starred string": 'return [*"ab"]',
    "nested list": 'return [["a"]]',
    "list call with more": 'return sorted(["a"], given)',
    "parameter": "return given",
    "f-string without text": 'return f"{given}"',
    "number by name": "return NUMBER",
    "mixed list by name": "return MIXED",
    "unknown name": "return WHO",
    "dict of numbers": 'return NUMBERS["x"]',
    "nested dict": 'return NESTED["x"]["y"]',
    "dict that makes values": "return MISSING[given]",
    "dict too large to be a choice": "return LARGE[given]",
    "dict in a dict that can't be read": 'return {**pick(), "x": "a"}[given]',
    "get of no dict": 'return context.get("next")',
    "get with unpacked arguments": "return ROUTES.get(*given)",
    "get with an unreadable default": "return ROUTES.get(given, pick())",
    "get without arguments": "return ROUTES.get()",
    "Enum member that is no string": "return Colour.RED",
    "no such Enum member": "return Step.WHO",
    "other attribute of an Enum member": "return Colour.RED.colour",
    "no such constant": "return Names.WHO",
    "no such constant in a module": "return module.WHO",
    "property": "return Names.computed",
    "attribute of an object": "return names.DRAFT",
    "dict of an attribute that is none": "return Names.DRAFT[given]",
    "local that is computed": "x = pick()\nreturn x",
    "local that is partly computed": "x = 'a'\nx = pick()\nreturn x",
    "local string that grows": "x = 'a'\nx += '_b'\nreturn x",
    "local string that grows with itself": "x = 'a'\nx = x + '_b'\nreturn x",
    "local that grows": "x = pick()\nx += '_b'\nreturn x",
    "local, other operator": "x = 'a'\nx *= 2\nreturn x",
    "local, first used": "x += 'a'\nreturn x",
    "with target": "with given as x: pass\nreturn x",
    "exception": "try: pass\nexcept E as x: pass\nreturn x",
    "import": "import x\nreturn x",
    "dotted import": "import NEXT.y\nreturn NEXT",
    "import from": "from y import z as x\nreturn x",
    "capture": "match given:\n case x: pass\nreturn x",
    "captured rest": "match given:\n case [*x]: pass\nreturn x",
    "captured mapping": "match given:\n case {**x}: pass\nreturn x",
    "function": "def NEXT(): pass\nreturn NEXT",
    "class": "class NEXT: pass\nreturn NEXT",
    "attribute of a local": "class Step: pass\nreturn Step.DRAFT",
    "global that it sets": "global NEXT\nNEXT = 'a'\nreturn NEXT",
    "local that a nested function sets": ("x = 'a'\ndef f():\n nonlocal x\n x = pick()\nreturn x"),
    "name of a comprehension": "[NEXT for NEXT in given]\nreturn NEXT",
    "hidden builtin": "list = pick\nreturn list(BOTH)",
    "local dict, key set": "r = {'x': 'a'}\nr['y'] = pick()\nreturn r['y']",
    "local dict, updated": "r = {'x': 'a'}\nr.update(given)\nreturn r[given]",
    "local dict, merged in place": "r = {'x': 'a'}\nr |= {'y': 'b'}\nreturn r[given]",
    "local dict, aliased": "r = {'x': 'a'}\ns = r\nreturn r[given]",
    "local dict of lists, entry aliased": "r = {'x': ['a']}\ny = r['x']\nreturn r['x']",
    "local dict of lists, entry got": "r = {'x': ['a']}\ny = r.get('x')\nreturn r['x']",
    "local dict of lists, entries taken": "r = {'x': ['a']}\nr.values()\nreturn r['x']",
    "local dict of lists, merged": "r = {'x': ['a']}\nr2 = {}\nr2 |= r\nreturn r['x']",
    "local dict, of itself": "r = {'x': 'a'}\nr = {**r, 'y': 'b'}\nreturn {**r}['y']",
    "local dict of lists, merged anew": "r = {'x': ['a']}\nr2 = r | given\nreturn r['x']",
    "local dict, partly computed": "r = {'x': 'a'}\nr = pick()\nreturn r[given]",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_S2_2_what_can_not_be_read_is_told_with_its_line(body):
    found = read(body)
    *before, last = body.splitlines()
    assert found.unreadable == f"line {len(before) + 2}: {last}"


CHANGED = {
    "passed to a call": "fill(x)",
    "passed by keyword": "fill(into=x)",
    "another method": "x.__setitem__(0, given)",
    "method not called": "add = x.append",
    "arguments unpacked": "x.insert(*given)",
    "extended by several": "x.extend(*given)",
    "method handed on": "later.append(x.append)",
    "entry set": "x[0] = given",
    "entry deleted": "del x[0]",
    "aliased": "y = x",
    "aliased by a condition": "y = x if given else []",
    "aliased by or": "y = x or []",
    "bound to two names": "x = y = ['a']",
    "unpacked into another": "y, z = x, 1",
    "looped over with others": "for y in (x, []): pass",
    "put into another": "y = [x]",
    "yielded by a walrus": "fill(x := [])",
    "seen by a nested function": "def f(): x.append(given)",
    "seen by a lambda": "f = lambda: x.append(given)",
    "passed to what hides a builtin": "len = fill\nlen(x)",
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
def test_S2_2_a_list_that_may_be_changed_out_of_sight_is_unreadable(change):
    found = read(f'x = ["a"]\n{change}\nreturn x')
    lines = 3 + len(change.splitlines())
    assert found == Returns(("a",), forks="return x", unreadable=f"line {lines}: return x")


def test_S2_2_what_can_be_read_is_still_listed():
    found = read('if given:\n return "a"\nif 1:\n return pick()\nreturn ["b", pick()]')
    assert found == Returns(("a", "b"), (), 'return ["b", pick()]', "line 5: return pick()")


@pytest.mark.parametrize(
    "body",
    ["return [*pick()]", "return [pick(x) for x in given]", "x = []\nx.append(pick())\nreturn x"],
)
def test_S2_2_a_list_of_unknown_length_forks(body):
    found = read(body)
    last = body.splitlines()[-1]
    assert (found.forks, found.targets) == (last, ())
    assert found.unreadable


@pytest.mark.parametrize(
    "body",
    ["x = 'a'\nx += '_b'\nreturn x", "x = pick()\nx += '_b'\nreturn x", 'return "a", "b"'],
)
def test_S2_2_what_is_no_list_does_not_fork(body):
    found = read(body)
    assert found.unreadable
    assert found.forks is None


def test_S2_2_the_first_return_that_forks_is_told():
    found = read('if given: return "x"\nif 1: return ["a", "b"]\nreturn ["c", "d"]')
    assert found == Returns(("x", "a", "b", "c", "d"), forks='return ["a", "b"]')


def test_S2_2_long_and_broken_returns_are_told_on_one_line():
    found = read("return pick(\n    1,  # one\n    2,\n)")
    assert found.unreadable == "line 2: return pick(1, 2)"
    found = read(f"return pick({', '.join(['something'] * 20)})")
    assert found.unreadable.endswith("something, ...")
    assert len(found.unreadable) <= len("line 2: ") + 80


def test_S2_1_reading_is_quick_however_the_code_is_made():
    grow = "\n".join(f"x{n + 1} = x{n} or x{n}" for n in range(60))
    assert read(f'x0 = "a"\n{grow}\nreturn x60').unreadable
    many = " + ".join(["x"] * 20)
    assert read(f'x = "a"\nx = "b"\nx = "c"\nreturn {many}').unreadable
    deep = "(" * 80 + '"a"' + ")" * 80
    assert read(f"return {deep}").targets == ("a",)


ANNOTATIONS = {
    "Literal": ("Literal['a', 'b']", "a b", False),
    "with None": ("Literal['a'] | None", "a", False),
    "None inside": ("Literal['a', None]", "a", False),
    "Optional": ("typing.Optional[Literal['a']]", "a", False),
    "Union": ("typing.Union[Literal['a'], Literal['b'], None]", "a b", False),
    "list": ("list[Literal['a', 'b']]", "a b", True),
    "List": ("typing.List[Literal['a', 'b']]", "a b", True),
    "name or list": ("Literal['c'] | list[Literal['a', 'b']]", "c a b", True),
    "Enum member": ("Literal[Step.DRAFT]", "draft", False),
    "Annotated": ("Annotated[Literal['a'], 'first']", "a", False),
    "alias": ("Next", "x y", False),
}


TYPING = {
    "typing": typing,
    "Literal": Literal,
    "Annotated": Annotated,
    "Any": Any,
    "Step": Step,
    "Next": TypeAliasType("Next", Literal["x", "y"]),
}


def annotated(hint, body, imported=""):
    source = f"{imported}\nasync def state(context) -> {hint}:\n    {body}"
    return read_returns(define(source, **TYPING)["state"])


@pytest.mark.parametrize("imported", ["", "from __future__ import annotations"])
@pytest.mark.parametrize(("hint", "targets", "forks"), ANNOTATIONS.values(), ids=ANNOTATIONS)
def test_S2_1_a_literal_annotation_wins_over_the_code(hint, targets, forks, imported):
    found = annotated(hint, "return pick(context)", imported)
    assert found.targets == tuple(targets.split())
    assert (found.patterns, found.unreadable) == ((), None)
    if imported:
        assert found.forks == (f"-> {hint}" if forks else None)
    else:  # how Python writes a Union differs between its versions
        assert bool(found.forks) is forks
        assert not forks or found.forks.startswith("-> ")
        assert "typing." not in (found.forks or "")


@pytest.mark.parametrize(
    "hint",
    [
        "str", "None", "Any", "list", "list[str]", "str | list[str] | None", "Literal['b'] | str",
        "Literal[1]",
        "list[Literal['b'] | list[Literal['b']]]", "list[list[Literal['b']]]",
        "typing.Optional[None]", "7", "'Literal[1'",
        "'nowhere.Next'",
    ],
)  # fmt: skip
def test_S2_1_other_annotations_say_nothing(hint):
    assert annotated(hint, "return 'a'") == Returns(("a",))


def test_S2_1_only_the_annotation_of_the_return_is_looked_at():
    source = (
        "from __future__ import annotations\n"
        "async def state(context: NotImported) -> Literal['a'] | None:\n"
        "    return pick(context)\n"
    )
    assert read_returns(define(source, **TYPING)["state"]) == Returns(("a",))


def outer(target, several=("x", "y")):
    later: str

    def state(context):
        if context:
            return target
        if not context:
            return late
        return later  # noqa: F821 - it never gets a value

    def decorated(function):
        @functools.wraps(function)
        def wrapper(context):
            return "wrapper"

        return wrapper

    @decorated
    @decorated
    def behind(context):
        """
Text at the margin does not break the reading.
        """  # fmt: skip
        return list(several)

    late = "late"
    return state, behind


def test_S2_1_closure_variables_count_with_their_present_value():
    state, _ = outer("near")
    first = state.__code__.co_firstlineno
    assert read_returns(state) == Returns(
        ("near", "late"), unreadable=f"line {first + 5}: return later"
    )


def test_S13_6_of_a_decorated_function_the_outermost_is_read():
    _, behind = outer("near")
    assert read_returns(behind) == Returns(("wrapper",))


class Callable:
    target = "c"

    def method(self, context):
        return "method"

    async def __call__(self, context):
        return "called" if context else self.target


def test_S2_1_partials_methods_and_callable_objects_are_read():
    assert read_returns(functools.partial(Callable().method)).targets == ("method",)
    found = read_returns(Callable())
    line = Callable.__call__.__code__.co_firstlineno + 1
    assert found.targets == ("called",)
    assert found.unreadable == f'line {line}: return "called" if context else self.target'


def test_S2_1_a_lambda_is_read_when_it_stands_alone():
    one = lambda context: "a" if context else ["b", "c"]  # noqa: E731
    assert read_returns(one) == Returns(
        ("a", "b", "c"), forks='lambda context: "a" if context else ["b", "c"]'
    )
    held = [
        lambda context: "d",
        lambda context: (names := ["e"]) and names,
    ]
    assert [read_returns(function) for function in held] == [Returns(("d",)), Returns(("e",))]
    two = (lambda context: "f", lambda context: "g")
    assert [read_returns(function) for function in two] == [Returns(("f",)), Returns(("g",))]
    nested = (lambda context: lambda: "h", 1)[0]
    assert read_returns(nested(None)) == Returns(("h",))
    broken = define('x = (1,\n  lambda context: "h", *[2])\n')["x"][1]
    assert read_returns(broken) == Returns(("h",))


def test_S2_2_without_source_nothing_is_known_and_nothing_raised():
    namespace: dict[str, Any] = {}
    exec("def state(context): return 'a'", namespace)
    circle = types.SimpleNamespace()
    circle.__wrapped__ = circle

    class Hostile:
        def __getattr__(self, name):
            raise ZeroDivisionError(name)

    for function in (namespace["state"], print, Callable, circle, Hostile(), None, 7):
        assert read_returns(function) == Returns(unreadable=NO_SOURCE)


def test_S2_2_source_that_has_changed_since_is_not_believed():
    state = define('def state(context):\n    return "a"\n')["state"]
    file = state.__code__.co_filename
    for text in ('def other(context):\n    return "b"\n', "def state(:\n", "\n"):
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        assert read_returns(state) == Returns(unreadable=CHANGED_SOURCE)


def test_S2_1_reading_runs_nothing():
    class Table(dict):
        def __getitem__(self, key):
            raise AssertionError(key)

    class Meta(type):
        def __getattr__(cls, name):
            raise AssertionError(name)

    owner = Meta("owner", (), {})
    found = read("if given: return table[given]\nreturn owner.x", table=Table(x="a"), owner=owner)
    assert found.targets == ("a",)
    assert found.unreadable == "line 3: return owner.x"


# ---------------------------------------------------------------- the seed's listings

SEED = """
from __future__ import annotations

async def store_data(context: Context) -> StateResult:
    context.set_state("scores", [95, 87, 92])
    return "next_state"

async def step2(context: Context) -> StateResult:
    return "step3"  # Go to step3

async def start_parallel(context: Context) -> StateResult:
    return ["process_images", "process_text"]  # Run both in parallel

async def merge_two(context: Context) -> StateResult:
    # Automatically waits for both processes
    return None

async def review_content(context: Context) -> StateResult:
    feedback = await context.human_in_the_loop(
        prompt="Review this content:",
        validator=lambda x: len(x) > 10
    )
    if "approve" in feedback.lower():
        return "publish"
    else:
        return "revise"

async def monitored_state(context: Context) -> StateResult:
    try:
        result = await process_data()
        return "next_state"
    except Exception as e:
        context.set_state("error", str(e))
        return "handle_error"

async def route_processing(context: Context) -> StateResult:
    data_size = len(context.get_state("data", []))
    if data_size > 1000:
        # Run parallel processing for large data
        return ["process_chunk_1", "process_chunk_2"]
    elif data_size > 100:
        return "sequential_process"
    else:
        return "simple_process"

for i, chunk in enumerate([1, 2]):
    async def numbered_chunk(context: Context, chunk_id=i) -> StateResult:
        result = await process(data_chunks[chunk_id])
        context.set_state(f"result_{chunk_id}", result)
        return "merge_results"

async def cleanup_resources(context: Context) -> StateResult:
    for resource in context.get_state("allocated_resources", []):
        await release_resource(resource)
    return "handle_error"

async def initialize_job(context: Context) -> StateResult:
    chunks = split_data(job.data, job.config["batch_size"])
    for i, chunk in enumerate(chunks):
        context.set_state(f"chunk_{i}", chunk)
    return ["process_chunk_0", "process_chunk_1", "process_chunk_2"]

async def merge_results(context: Context) -> StateResult:
    results = []
    for i in range(10):
        chunk_result = context.get_state(f"result_{i}")
        if chunk_result:
            results.extend(chunk_result)
    context.set_state("final_results", results)
    return "human_review"

async def check_quality(context: Context) -> StateResult:
    article = context.get_typed("article", Article)
    if len(article.content) < 1000:
        return "regenerate_content"
    return "await_completion"

async def process_batch(context: Context) -> StateResult:
    chunks = split_data(batch.records, 3)
    return [f"process_chunk_{i}" for i in range(3)]

async def train_model(context: Context) -> StateResult:
    for epoch in range(config.epochs):
        metrics = {"loss": 0.1, "accuracy": 0.95}
        if metrics["accuracy"] > 0.98:
            return "evaluate"
    return "evaluate"

async def route_ticket(context: Context) -> StateResult:
    if ticket.priority == "high":
        return "urgent_response"
    elif ticket.category == "technical":
        return "technical_review"
    else:
        return "standard_response"

async def format_data(context: Context) -> StateResult:
    context.set_state("result", context.get_state("data").upper())
    return None
"""

SEED_TARGETS = {
    "store_data": "next_state",
    "step2": "step3",
    "start_parallel": "process_images process_text",
    "merge_two": "",
    "review_content": "publish revise",
    "monitored_state": "next_state handle_error",
    "route_processing": "process_chunk_1 process_chunk_2 sequential_process simple_process",
    "numbered_chunk": "merge_results",
    "cleanup_resources": "handle_error",
    "initialize_job": "process_chunk_0 process_chunk_1 process_chunk_2",
    "merge_results": "human_review",
    "check_quality": "regenerate_content await_completion",
    "process_batch": "",
    "train_model": "evaluate",
    "route_ticket": "urgent_response technical_review standard_response",
    "format_data": "",
}
SEED_FORKS = {"start_parallel", "route_processing", "initialize_job", "process_batch"}


@pytest.mark.parametrize("name", SEED_TARGETS)
def test_S2_1_the_seeds_listings_are_read(name):
    found = read_returns(define(SEED)[name])
    assert found.targets == tuple(SEED_TARGETS[name].split())
    assert [p.pattern for p in found.patterns] == ["process_chunk_.*"] * (name == "process_batch")
    assert bool(found.forks) is (name in SEED_FORKS)
    assert found.unreadable is None


# ---------------------------------------------------------------- any code: what is read is enough

texts = st.recursive(
    st.sampled_from(['"a"', '"b"', "NEXT", 'f"c_{n}"', "BOTH[n]", "ROUTES[k]", "FORKS[k][n]"]),
    lambda inner: st.one_of(
        st.builds("({} + {})".format, inner, inner),
        st.builds("({} if toss() else {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(toss() and {} or {})".format, inner, inner),
        st.builds("ROUTES.get('z', {})".format, inner),
        st.builds("{{'x': {}, 'y': {}}}[k]".format, inner, inner),
    ),
    max_leaves=4,
)
lists = st.recursive(
    st.one_of(
        st.sampled_from(["[]", "BOTH", "FORKS[k]", "list(PAIR)"]),
        st.builds("[{}]".format, texts),
        st.builds("[{}, {}]".format, texts, texts),
        st.builds("[{} for n in range(2)]".format, texts),
    ),
    lambda inner: st.one_of(
        st.builds("({} + {})".format, inner, inner),
        st.builds("[*{}, {}]".format, inner, texts),
        st.builds("({} if toss() else {})".format, inner, inner),
        st.builds("sorted({})".format, inner),
        st.builds("{}[1:]".format, inner),
        st.builds("[t for t in {} if toss()]".format, inner),
        st.builds("list(set({}))".format, inner),
    ),
    max_leaves=3,
)
plain = [
    st.builds("x = {}".format, texts),
    st.builds("y = list({})".format, lists),
    st.builds("y = y + {}".format, lists),
    st.builds("y += {}".format, lists),
    st.builds("y.append({})".format, texts),
    st.builds("y.insert(0, {})".format, texts),
    st.builds("y.extend({})".format, lists),
    st.builds("return {}".format, texts),
    st.builds("return {}".format, lists),
    st.sampled_from(["return x", "return y", "return [x, *y]", "return y or x"]),
]
tricky = [
    st.sampled_from(["x += 'b'", "x = x + x", "z = y", "y = z", "z.append('q')", "grow(y)"]),
    st.sampled_from(["x = f'{n}'", "y = [z]", "y[0] = x", "y[0] = toss() and 'q'", "return z"]),
    st.sampled_from(["(lambda: y.append('q'))()", "add = y.append; add('q')", "x = y"]),
]


def programs(*lines):
    ways = st.sampled_from(["if toss():", "for m in range(2):", "if True:"])
    return st.lists(st.builds("{}\n  {}".format, ways, st.one_of(*lines)), max_size=6).map(
        lambda blocks: "\n".join([*blocks, "return y if toss() else x"])
    )


def outcome(body, tosses):
    outside = {
        "NEXT": "g",
        "BOTH": ["h", "i"],
        "PAIR": ("h", "j"),
        "ROUTES": {"x": "k", "y": "l"},
        "FORKS": {"x": ["m", "n"], "y": ["o", "p"]},
        "grow": lambda names: names.append("q"),
        "toss": itertools.cycle(tosses).__next__,
    }
    begin = "def state(context):\n  n = 0\n  k = 'x'\n  x = 'a'\n  y = ['b']\n  z = []\n"
    state = define(begin + textwrap.indent(body, "  "), **outside)["state"]
    try:
        result = state(None)
    except (TypeError, IndexError, AttributeError):
        result = None  # the state fails: it leads nowhere
    return read_returns(state), [result] if isinstance(result, str) else result or []


@given(programs(*plain), st.lists(st.booleans(), min_size=1))
def test_S2_1_plain_code_is_read_whatever_it_returns(body, tosses):
    found, names = outcome(body, tosses)
    assert found.unreadable is None
    for name in names:
        assert name in found.targets or any(p.fullmatch(name) for p in found.patterns)
    assert found.forks or len(names) < 2


@given(programs(*plain, *tricky, *tricky), st.lists(st.booleans(), min_size=1))
@example("z = y\nz.append('q')\nreturn y", [True])
@example("grow(y)\nreturn y", [True])
@example("x += 'b'\nreturn x", [True])
def test_S2_2_other_code_is_read_or_told_as_unreadable(body, tosses):
    found, names = outcome(body, tosses)
    for name in names:
        read = name in found.targets or any(p.fullmatch(str(name)) for p in found.patterns)
        assert read or found.unreadable
    assert found.forks or found.unreadable or len(names) < 2
