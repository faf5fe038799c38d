"""Positions: read from Graphviz, each asked for once."""

import itertools

import pytest

from fluffy_nb.diagram import dot, graphviz_process, layout
from fluffy_nb.diagram.box import box_of
from fluffy_nb.diagram.extract import extract
from fluffy_nb.diagram.layout import Curve, Layout, lay_out
from fluffy_nb.diagram.model import Diagram, Edge, Node
from fluffy_nb.errors import LayoutError

from .fakes import LONG, chain

ANSWER = b"""{
  "bb": "0,0,100.5,200",
  "objects": [{"name": "n0", "pos": "50,150"}, {"name": "n1", "pos": "50.25,20"}],
  "edges": [{"id": "e0", "pos": "e,50,40 50,130 50,100 50,80 50,47.125"}]
}"""


def answers(monkeypatch, answer):
    monkeypatch.setattr(graphviz_process, "render", lambda source, form: answer)


def test_positions_are_counted_from_the_top(monkeypatch):
    answers(monkeypatch, ANSWER)
    assert lay_out("digraph {}") == Layout(
        100.5,
        200,
        {"n0": (50, 50), "n1": (50.25, 180)},
        {"e0": Curve(((50, 70), (50, 100), (50, 120), (50, 152.88)), (50, 160))},
    )


@pytest.mark.parametrize(
    "answer", [b"", b"{}", b'{"bb": "0,0"}', b'{"bb": "0,0,1,1", "edges": [{"pos": "x"}]}']
)
def test_an_answer_that_cannot_be_read_is_an_error(monkeypatch, answer):
    answers(monkeypatch, answer)
    with pytest.raises(LayoutError, match="the answer of Graphviz can't be read"):
        lay_out("digraph {}")


def test_the_same_is_asked_once_and_statuses_do_not_count(no_dot, renders):
    agent = chain("a", "b")
    first = lay_out(dot.bare(extract(agent)))
    agent.taken_edges = {("a", "b"): 1}
    assert lay_out(dot.bare(extract(agent))) is first
    assert len(renders) == 1


def test_what_is_remembered_starts_no_process(no_dot, monkeypatch):
    source = dot.bare(extract(chain("a", "b")))
    lay_out(source)
    monkeypatch.setattr(graphviz_process, "worker", graphviz_process.Worker(["no such program"]))
    lay_out(source)
    with pytest.raises(LayoutError):
        lay_out(source + "\n")


def test_an_error_is_not_remembered(no_dot):
    with pytest.raises(LayoutError):
        lay_out("digraph {")
    with pytest.raises(LayoutError):
        lay_out("digraph {")
    assert layout.lay_out.cache_info().currsize == 0


def test_the_cache_is_bounded():
    assert layout.lay_out.cache_info().maxsize == 32


# ---------------------------------------------------------------- with Graphviz


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_no_boxes_overlap_and_all_lie_in_the_picture(no_dot, direction):
    names = [*LONG, *(f"state_{number}" for number in range(12))]
    pairs = [*itertools.pairwise(names), *zip(names, names[3:], strict=False), (names[4], names[4])]
    pairs += [(names[9], names[2]), (names[-1], names[0])]
    nodes = tuple(Node(name, start=name in names[:2]) for name in names)
    diagram = Diagram("long", nodes, tuple(Edge(a, b) for a, b in pairs))
    found = lay_out(dot.bare(diagram, direction))
    sides = []
    for node in nodes:
        (x, y), box = found.nodes[diagram.ids[node.name]], box_of(node)
        sides.append((x - box.width / 2, y - box.height / 2, x + box.width / 2, y + box.height / 2))
    for a, b in itertools.combinations(sides, 2):
        assert a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]
    lefts, tops, rights, bottoms = zip(*sides, strict=True)
    slack = 0.01  # Graphviz counts in hundredths
    assert min(*lefts, *tops) > -slack
    assert max(rights) < found.width + slack
    assert max(bottoms) < found.height + slack
    assert set(found.curves) == {f"e{number}" for number in range(len(pairs))} | {"a0", "a1"}
    assert all(len(curve.points) % 3 == 1 for curve in found.curves.values())
