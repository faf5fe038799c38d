"""What the package offers: drawings, their patches, and files."""

import json
import subprocess
import sys
from xml.etree import ElementTree as ET

import pygraphviz
import pytest

from fluffy_nb import diagram
from fluffy_nb.errors import InvalidSpecError

from .conftest import DOT
from .fakes import FakeAgent, chain, known

NODE = ".//*[@class='fluffy-node']"


def shown(text):
    """For each node of a drawing what a patch would say of it."""
    found = {}
    for g in ET.fromstring(text).iterfind(NODE):
        parts = {part.get("class"): part for part in g}
        found[g.get("id")] = {
            "status": g.get("data-status"),
            "icon": parts["icon"].get("d"),
            "detail": parts["detail"].text or "",
            "title": g[0].text,
        }
    return found


@pytest.fixture(params=["worker", "dot"])
def graphviz(request, programs):
    if request.param == "dot":
        programs("dot", DOT)
    return request.param


def test_a_drawing_shows_the_agent_and_knows_its_nodes(graphviz):
    agent = chain("draft", "approve", "publish")
    agent.undefined, agent.edges = ("gone",), (*agent.edges, "publish gone")
    drawing = diagram.draw(agent)
    assert drawing.ids == {"draft": "n0", "approve": "n1", "publish": "n2", "gone": "n3"}
    assert list(shown(drawing.svg)) == ["n0", "n1", "n2", "n3"]
    assert drawing.svg == diagram.to_svg(agent)


def test_a_patch_makes_an_old_drawing_what_a_new_one_would_be(no_dot, renders):
    agent = chain("draft", "approve", "publish")
    before = shown(diagram.draw(agent).svg)
    agent.states |= {
        "draft": known("COMPLETED", 2.1),
        "approve": known("WAITING", attempts=2, executions=3),
    }
    patch = diagram.patch(agent, ["approve", "removed meanwhile", "draft"])
    assert list(patch) == ["n1", "n0"]
    assert before | patch == shown(diagram.draw(agent).svg)
    assert len(renders) == 1


def test_a_patch_is_small():
    names = [f"process_chunk_number_{number}" for number in range(500)]
    agent = chain(*names)
    agent.states = {
        name: known("FAILED", 61, attempts=12, executions=34, error="ValueError: " + "no " * 30)
        for name in names
    }
    for node in diagram.patch(agent, names).values():
        assert len(json.dumps(node)) < 400
    assert diagram.patch(agent, []) == {}


def test_a_picture_can_read_to_the_right(no_dot):
    def size(text):
        root = ET.fromstring(text)
        return float(root.get("width")), float(root.get("height"))

    agent = chain(*"abcde")
    down, right = size(diagram.to_svg(agent)), size(diagram.to_svg(agent, direction="LR"))
    assert down[0] < down[1]
    assert right[0] > right[1]
    with pytest.raises(InvalidSpecError, match="'DOWN'"):
        diagram.draw(agent, direction="DOWN")


def test_files_for_others(graphviz):
    agent = FakeAgent({"a": known("COMPLETED", 1), "b": None}, ("a b",), ("a",))
    png = diagram.to_png(agent)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert png.endswith(b"IEND\xaeB`\x82")
    wide, high = (int.from_bytes(png[i : i + 4]) for i in (16, 20))
    assert high > wide > 300  # twice as many pixels as points
    to_the_right = diagram.to_png(agent, direction="LR")
    assert int.from_bytes(to_the_right[16:20]) > int.from_bytes(to_the_right[20:24])


def test_texts_for_others_need_no_graphviz(renders):
    agent = chain("a", "b")
    graph = pygraphviz.AGraph(string=diagram.to_dot(agent, direction="LR"))
    assert sorted(graph.nodes()) == ["n0", "n1", "s0"]
    assert graph.graph_attr["rankdir"] == "LR"
    assert diagram.to_mermaid(agent, direction="LR").startswith("flowchart LR")
    assert renders == []


def test_a_program_that_has_drawn_ends_and_leaves_no_process(no_dot):
    program = """
import sys
from types import SimpleNamespace
from fluffy_nb.diagram import graphviz_process, warm_up
warm_up()
graphviz_process.render("digraph { a }", "json0")
print(graphviz_process.worker._process.pid)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with pytest.raises(ProcessLookupError):
        __import__("os").kill(int(done.stdout), 0)
