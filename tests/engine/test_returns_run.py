"""Semantics 2.1 and 13.6: whatever a function returns was read before, or it is open."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import textwrap

import pytest

from fluffy_nb import Send
from fluffy_nb.engine.returns import read_returns
from tests.engine.test_returns import (
    FORKS,
    LOOKED_AT_LIST,
    NAMES,
    OUTSIDE,
    PATTERNS,
    UNREADABLE,
    define,
)

GIVEN = (None, "a", "b", "x", "y", 0, 1, 3, "", ["x", "y"], {"x": "a"}, range(2), lambda *_: True)

AS_PEOPLE_WRITE = """
targets = []
if given: targets.append("a")
if not given: targets += ["b"]
return targets or None
---
targets = ["a"] if given else []
targets.extend(("b", "c"))
return targets
---
targets = []
for name in ("a", "b", "c"):
    if name != given: targets.append(name)
return targets or "none"
---
chosen = [name for name, wanted in {"a": given, "b": not given}.items() if wanted]
return chosen or "z"
---
first, *others = ["a", "b", "c"]
return others if given else first
---
*others, last = "a", "b", "c"
return [*others, last]
---
table = {"x": "a", "y": ["b", "c"]}
return table.get(given) if isinstance(given, str) else None
---
table = {"x": "a"}
table["y"] = "b"
return table.get(given)
---
table = {"x": ["a"]}
for found in table.values(): found.append("b")
return table["x"]
---
rows = [["a"], ["b"]]
for row in rows: row.append("c")
return rows[0]
---
pairs = [["a", 1], ["b", 2]]
for pair in pairs: pair[0] = "c"
return [name for name, n in pairs]
---
name = "a"
for name in ("b", "c"):
    if given: break
return name
---
suffix = "" if given else "_late"
return f"step{suffix}"
---
suffix = given
return f"step_{suffix}"
---
return "step_%s" % given
---
return "step_{}_{}".format(given, 1)
---
return "chunk_" + str(given)
---
return ["chunk_" + str(n) for n in range(3)]
---
return [f"{side}_{n}" for side in ("left", "right") for n in range(2)]
---
if (found := {"x": "a", "y": "b"}.get(given if isinstance(given, str) else "")) is not None:
    return found
return "none"
---
match given:
    case "a" | "b" as name: return name
    case [name, *_]: return "several"
    case {"x": name}: return "mapping"
    case _: return "other"
---
try:
    return ["a", "b"][given]
except (TypeError, IndexError):
    return "wrong"
finally:
    given = None
---
try:
    return "a"
finally:
    if given: return "b"
---
with contextlib.suppress(Exception):
    return given["nowhere"]
return "a"
---
a = b = ["x"]
b.append("y")
return a
---
a, b = ["x"], ["y"]
b.append("z")
return a + b
---
a = ["x"]
b = [a, a]
b[0].append("y")
return a
---
x = {"a", "b"}
x.discard(given if isinstance(given, str) else "a")
x.add("c")
return sorted(x)
---
x = ["b", "a"]
x.sort()
x.reverse()
return x.pop() if given else x
---
x = ["a"]
x.insert(0, "b")
x[0:0] = ["c"]
return x
---
x = ["a"] * 2
x.append("b")
return x
---
x = []
add = x.append
add("a")
return x
---
x = dict(a="x", b="y")
return [*x, *x.values()]
---
return list(dict.fromkeys(["a", "b", "a"]))
---
return list(map(str.upper, ["a", "b"]))
---
return [*filter(None, ["a", given and "b"])]
---
return random.choice(["a", "b"])
---
return random.sample(["a", "b", "c"], k=2)
---
return max({"a": 1, "b": 2}, key={"a": 1, "b": 2}.get)
---
return next((n for n in ("a", "b") if n == given), "none")
---
return next(iter(["a", "b"]))
---
return [Send("work", n=n) for n in range(3)] or "none"
---
sends = []
for name, n in [("left", 1), ("right", 2)]:
    sends.append(Send(name, n=n))
return sends + ["after"]
---
sends = [Send(f"work_{n}", n=n) for n in range(2)]
return [*sends, Send("rest")] if given else sends
---
return given and "a" or "b"
---
return given or "a"
---
nested = [name for group in (("a", "b"), ("c",)) for name in group]
return nested
---
for n, (name, other) in enumerate((("a", "b"), ("c", "d"))):
    if n: return [name, other]
---
for name, other in zip(["a", "b"], ["c", "d"]):
    if other == "d": return name
---
def pick(): return "a"
return pick()
---
x = ["a"]
def grow(): x.append("b")
grow()
return x
---
x = "a"
def change():
    nonlocal x
    x = "b"
change()
return x
---
import os as NEXT
return NEXT.sep
---
x = ["a", "b", "c"]
del x[0]
return x[-2:]
---
x = ["a"]
x = [*x, "b"]
x = x + ["c"]
return x
---
x = ["a"]
while len(x) < 3: x += ["b"]
return x
---
x = ("a",)
x += ("b",)
return list(x)
---
return ("a" if given else "b") + ("_1" if given else "_2")
---
x = ["a", "b"]
y = x if given else []
y.append("c")
return x
---
x, y = y, x = "a", "b"
return x
---
x = {"a": ["b"]}
y = x["a"]
y.append("c")
return x["a"]
---
x = {"a": "b"}
x |= {"a": "c"}
return x["a"]
---
x = {"a": "b"}
x.setdefault("z", "c")
return x.get("z")
---
x = [["a"]]
for y in x: y += ["b"]
return x[0]
---
groups = (["a"], ["b"])
for group in groups: group.append("c")
return groups[0]
---
groups = {"x": ["a"]}
for name, group in groups.items(): group.append("c")
return groups["x"]
---
x = ["a"]
(y := x).append("b")
return y
---
x = ["a"]
y = [x, "b"]
[z, *w] = y
z.append("c")
return z
---
names = iter(["a", "b"])
next(names)
return list(names)
---
x = ["a"]
for x[0] in ("b",): pass
return x
---
class Step: NEXT = "a"
return Step.NEXT
---
return (lambda: "a")()
---
return Step.DRAFT if given else Step("publish")
---
return list((["a"] if given else None) or ["b"])
---
return list(["a", "b", "c"][:2])
---
return [*(found := ["a", "b"])]
---
return ["a", "b"].copy()
---
names = {"x": "a", "y": "b"}
return list(names.copy().values())
---
return [name for name in (given and ["a"] or ["b"])]
---
return [name for name, _ in (("a", 1) if given else ("b", 2),)]
---
return [(pair := ("a", "b"))[0]]
---
for name, other in [("a", "b")] if given else [("c", "d")]:
    return other
---
pair = ("a", "b") if given else ("c", "d")
return pair[1]
---
first, *rest = ["a", "b", "c"]
return rest
---
class Holder:
    names = ["a", "b"]
return list(Holder.names)
---
return list({}.items()) or "a"
---
return [key for key in {"a": 1, **({"b": 2} if given else {})}]
---
return [name for name, *more in zip(["a", "b"], [1, 2])]
---
return [name for _, name in enumerate(("a", "b") if given else [])] or None
---
return list(filter(None, ["a", given and "b"]))
---
return [step for step in Step]
---
return Colour.RED.name
"""

BODIES = {text: text for text in AS_PEOPLE_WRITE.strip().split("\n---\n")} | {
    body: body
    for table in (NAMES, FORKS, PATTERNS)
    for body, *_ in table.values()
}  # fmt: skip
BODIES |= {body: body for body in UNREADABLE.values()}
del BODIES[LOOKED_AT_LIST]  # it never ends


def names_in(result):
    for entry in result if isinstance(result, list) else [result]:
        yield entry.name if isinstance(entry, Send) else entry


@pytest.mark.parametrize("body", BODIES.values(), ids=itertools.count())
def test_S13_6_what_a_function_returns_was_read(body):
    source = "async def state(context, given):\n" + textwrap.indent(body, "    ")
    more = {"contextlib": contextlib, "random": random, "Send": Send}
    found = read_returns(define(source, **OUTSIDE, **more)["state"])
    for given in GIVEN:
        state = define(source, **OUTSIDE, **more)["state"]
        try:
            result = asyncio.run(state(None, given))
        except Exception:  # it says nothing of where it leads
            continue
        names = [str(name) for name in names_in(result) if isinstance(name, str) and name]
        known = [
            name in found.targets or any(pattern.fullmatch(name) for pattern in found.patterns)
            for name in names
        ]
        assert all(known) or found.unreadable, f"{given!r} leads to {names}, read were {found}"
        assert len(names) < 2 or found.forks or found.unreadable, f"{given!r} forks: {found}"


READABLE = 56
"""How many of these are read to the end; the others are open."""


def test_S2_1_most_of_what_people_write_is_read():
    found = []
    more = {"contextlib": contextlib, "random": random, "Send": Send}
    for body in AS_PEOPLE_WRITE.strip().split("\n---\n"):
        source = "async def state(context, given):\n" + textwrap.indent(body, "    ")
        found.append(read_returns(define(source, **OUTSIDE, **more)["state"]).unreadable)
    assert found.count(None) >= READABLE, found
