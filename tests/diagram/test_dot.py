"""DOT: bare for layouts, with names for people."""

import re
from xml.etree import ElementTree as ET

import pygraphviz
import pytest

from fluffy_nb.diagram import dot
from fluffy_nb.diagram.box import detail_of
from fluffy_nb.diagram.extract import extract
from fluffy_nb.diagram.model import Diagram, Edge, Node
from fluffy_nb.engine.graph import EdgeKind
from fluffy_nb.errors import InvalidSpecError

from .fakes import HOSTILE, LONG, FakeAgent, chain, known

FLOW = Diagram(
    "review",
    (Node("draft", start=True), Node("approve"), Node("misspelt", undefined=True)),
    (
        Edge("draft", "approve", EdgeKind.DECLARED),
        Edge("approve", "draft", EdgeKind.INFERRED, taken=2),
        Edge("approve", "misspelt", EdgeKind.INFERRED),
        Edge("approve", "draft", EdgeKind.DEPENDENCY),
    ),
)


def test_a_layout_is_asked_for_by_ids_sizes_and_edges():
    lines = [line.strip() for line in dot.bare(FLOW).splitlines()]
    assert lines == [
        "digraph fluffy {",
        "nodesep=0.4 rankdir=TB ranksep=0.62",
        "node [fixedsize=true shape=box]",
        "edge [arrowsize=0.7]",
        'node [label=""]',
        "n0 [height=0.6667 width=2.2500]",
        "n1 [height=0.6667 width=2.2500]",
        "n2 [height=0.6667 width=2.2500]",
        "s0 [height=0.12 shape=point width=0.12]",
        "s0 -> n0 [id=a0]",
        "n0 -> n1 [id=e0]",
        "n1 -> n0 [id=e1]",
        "n1 -> n2 [id=e2]",
        "n1 -> n0 [id=e3]",
        "}",
    ]


def test_what_changes_during_a_run_is_no_part_of_it():
    agent = chain("a", "b")
    before = dot.bare(extract(agent))
    agent.states = {"a": known("FAILED", 3, error="why " * 99), "b": known("READY", attempts=99)}
    agent.taken_edges = {("a", "b"): 7}
    assert dot.bare(extract(agent)) == before


@pytest.mark.parametrize("name", [*HOSTILE, *LONG])
def test_no_text_from_outside_is_in_it(name):
    diagram = Diagram(name, (Node(name, start=True),), (Edge(name, name),))
    assert re.fullmatch(r'[\w\s{}\[\].=>";-]+', dot.bare(diagram), re.ASCII)


def test_the_direction_is_down_or_to_the_right():
    assert "rankdir=LR" in dot.bare(FLOW, "LR")
    with pytest.raises(InvalidSpecError, match="'up'; it must be 'TB' or 'LR'"):
        dot.bare(FLOW, "up")


# ---------------------------------------------------------------- with names and colours


def read(source):
    """What Graphviz makes of DOT: the graph, and for each node the lines it would draw."""
    graph = pygraphviz.AGraph(string=source)
    svg = ET.fromstring(graph.draw(format="svg", prog="dot"))
    texts = {}
    for g in svg.iterfind(".//{*}g"):
        if g.get("class") == "node":
            texts[g.find("{*}title").text] = [line.text for line in g.iterfind("{*}text")]
    return graph, texts


def test_people_see_names_statuses_and_how_edges_are_known():
    graph, texts = read(dot.styled(FLOW))
    assert texts == {
        "n0": ["draft", "pending"],
        "n1": ["approve", "pending"],
        "n2": ["misspelt"],
        "s0": [],
    }
    styles = {(a, b): graph.get_edge(a, b).attr["style"] for a, b in [["n0", "n1"], ["n1", "n2"]]}
    assert styles == {("n0", "n1"): "solid", ("n1", "n2"): "dashed"}
    back = [line for line in dot.styled(FLOW).splitlines() if "n1 -> n0" in line]
    assert ["penwidth=2 style=solid" in line for line in back] == [True, False]
    assert "style=dotted" in back[1]
    assert graph.get_node("n2").attr["style"] == "rounded,dashed"


def test_statuses_have_the_colours_of_the_stylesheet():
    agent = FakeAgent({"a": known("FAILED", 1, error="OSError: x"), "b": known("COMPLETED", 2)})
    graph, texts = read(dot.styled(extract(agent)))
    assert graph.get_node("n0").attr["color"] == "#c8323c"
    assert graph.get_node("n1").attr["color"] == "#1a7f4b"
    assert texts == {"n0": ["a", "failed · OSError: x"], "n1": ["b", "completed · 2.0 s"]}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_drawn_as_it_is(name):
    node = Node(name, details=("detail " + name,))
    graph, texts = read(dot.styled(Diagram(name, (node,), (Edge(name, name),))))
    *lines, beneath = texts["n0"]
    assert (graph.nodes(), len(graph.edges())) == (["n0"], 1)
    assert tuple(lines) == dot.box_of(node).lines
    assert beneath == dot.shortened(f"pending · {detail_of(node)}", dot.box_of(node).width - 24, 12)
