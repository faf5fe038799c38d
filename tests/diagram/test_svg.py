"""The SVG: the contract with pages, and texts that would be markup."""

import html.parser
import itertools
import re
from xml.etree import ElementTree as ET

import pytest

from fluffy_nb.diagram import dot, svg
from fluffy_nb.diagram.box import box_of, detail_of
from fluffy_nb.diagram.icons import ICONS, SIZE, UNDEFINED, icon
from fluffy_nb.diagram.layout import Curve, Layout, lay_out
from fluffy_nb.diagram.model import Diagram, Edge, Node
from fluffy_nb.diagram.text import DETAIL, LABEL, visible, width
from fluffy_nb.engine.graph import EdgeKind
from fluffy_nb.engine.status import StateStatus

from .fakes import HOSTILE, LONG

NS = {"": "http://www.w3.org/2000/svg"}
ALLOWED = {"svg", "style", "rect", "g", "title", "path", "text", "tspan", "circle"}


def drawn(diagram):
    """The picture, parsed, with boxes in a row: no Graphviz is needed."""
    nodes = {i: (100.0 + 300 * n, 50.0) for n, i in enumerate(diagram.ids.values())}
    curves = {
        f"e{n}": Curve(((0, 0), (5, 5), (9, 5), (10, 10)), (10, 17))
        for n in range(len(diagram.edges))
    }
    for n in range(sum(node.start for node in diagram.nodes)):
        nodes[f"s{n}"], curves[f"a{n}"] = (
            (5.0, 5.0),
            Curve(((1, 1), (1, 1), (1, 1), (1, 1)), (1, 1)),
        )
    return ET.fromstring(svg.render(diagram, Layout(300, 200, nodes, curves)))


def of_class(root, name):
    return [element for element in root.iter() if element.get("class") == name]


def one(diagram):
    (node,) = of_class(drawn(diagram), "fluffy-node")
    return node


def part(node, name):
    (found,) = of_class(node, name)
    return found


def texts(element):
    return ["".join(line.itertext()) for line in element]


# ---------------------------------------------------------------- the contract


def test_a_picture_says_what_it_is():
    root = drawn(Diagram("review", (Node("a"),)))
    assert root.attrib == {
        "class": "fluffy-graph",
        "width": "328",
        "height": "228",
        "viewBox": "0 0 328 228",
        "role": "group",
        "aria-label": "States of review",
    }
    assert ".fluffy-graph" in root.find("style", NS).text


def test_a_node_is_what_pages_expect():
    node = one(
        Diagram("x", (Node("draft", StateStatus.COMPLETED, ("2.1 s", "3\u00d7"), start=True),))
    )
    assert node.attrib == {
        "class": "fluffy-node",
        "id": "n0",
        "data-state": "draft",
        "data-status": "COMPLETED",
        "data-start": "",
        "tabindex": "0",
        "role": "button",
        "aria-label": "draft: completed, 2.1 s, 3\u00d7, runs start here",
        "transform": "translate(19 26)",
    }
    assert node.find("title", NS).text == "draft: completed\n2.1 s\n3\u00d7\nruns start here"
    assert part(node, "icon").get("d") == ICONS[StateStatus.COMPLETED]
    assert texts(part(node, "label")) == ["draft"]
    assert part(node, "detail").text == "2.1 s · 3\u00d7"
    assert part(node, "box").tag.endswith("rect")
    assert not of_class(node, "open")


def test_undefined_targets_and_open_states_are_marked():
    undefined = one(Diagram("x", (Node("gone", undefined=True, details=("no such state",)),)))
    assert undefined.get("data-undefined") == ""
    assert undefined.find("title", NS).text == "gone: undefined\nno such state"
    assert part(undefined, "icon").get("d") == UNDEFINED
    opened = one(Diagram("x", (Node("a", open="line 12: return pick()"),)))
    assert opened.get("data-open") == ""
    assert opened.find("title", NS).text.endswith(
        "what follows can't be read: line 12: return pick()"
    )
    assert of_class(opened, "open")


def test_the_title_tells_each_fact_once_and_not_at_any_length():
    node = Node("a", StateStatus.FAILED, ("E: why",), waits="waits for b", error="E: why")
    assert svg.title_of(node) == "a: failed\nE: why\nwaits for b"
    assert len(svg.title_of(Node("a", error="long " * 999))) < 200


def test_an_edge_says_where_it_leads_and_how_that_is_known():
    nodes = (Node("a", start=True), Node("b"))
    edges = (Edge("a", "b", EdgeKind.DECLARED, 3), Edge("b", "a", EdgeKind.DEPENDENCY))
    root = drawn(Diagram("x", nodes, edges))
    first, second = of_class(root, "fluffy-edge")
    assert first.attrib == {
        "class": "fluffy-edge",
        "data-from": "n0",
        "data-to": "n1",
        "data-kind": "declared",
        "data-taken": "3",
    }
    assert second.get("data-kind") == "dependency"
    assert second.get("data-taken") is None
    assert [path.get("class") for path in first] == ["line", "head"]
    assert part(first, "line").get("d") == "M0 0C5 5 9 5 10 10"
    assert part(first, "head").get("d") == "M10 15.5L6.9 10L13.1 10Z"
    (start,) = of_class(root, "fluffy-start")
    assert [mark.get("class") for mark in start] == ["dot", "line", "head"]


def test_nodes_are_drawn_over_edges():
    root = drawn(Diagram("x", (Node("a", start=True),), (Edge("a", "a"),)))
    (group,) = root.findall("g", NS)
    assert [g.get("class") for g in group] == ["fluffy-edge", "fluffy-start", "fluffy-node"]


def test_without_states_it_says_so():
    root = drawn(Diagram("x"))
    assert (root.get("width"), root.get("height")) == ("120", "60")
    assert "".join(root.find("g", NS).itertext()).strip() == "no states yet"


def test_every_status_has_an_icon_of_its_own():
    shapes = {icon(Node("a", status)) for status in StateStatus} | {icon(Node("a", undefined=True))}
    assert len(shapes) == len(StateStatus) + 1
    assert all(re.fullmatch(r"[MLHVCSQTAZmlhvcsqtaz\d. -]+", shape) for shape in shapes)
    assert SIZE == 16


# ---------------------------------------------------------------- texts from outside


@pytest.mark.parametrize("name", [*HOSTILE, *LONG])
def test_a_hostile_name_is_text_everywhere_and_comes_back(name):
    shown = Node(name, StateStatus.FAILED, (name,), waits=name, error=name, open=name)
    root = drawn(Diagram(name, (shown,), (Edge(name, name),)))
    assert {element.tag.removeprefix(f"{{{NS['']}}}") for element in root.iter()} <= ALLOWED
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("on")]
    node = part(root, "fluffy-node")
    assert root.get("aria-label") == f"States of {visible(name)}"
    assert node.get("data-state") == re.sub(
        "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "\ufffd", name
    )
    assert node.find("title", NS).text.startswith(
        visible(name) + ": failed\n" + visible(name)[:160]
    )
    assert tuple(texts(part(node, "label"))) == box_of(shown).lines
    assert part(node, "detail").text == detail_of(shown)


@pytest.mark.parametrize("name", HOSTILE)
def test_and_the_same_where_a_page_has_it_inside(name):
    """As HTML: no element but ours, and the style element is not ended early."""
    seen = []

    class Parser(html.parser.HTMLParser):
        def handle_starttag(self, tag, attributes):
            seen.append(tag)

        handle_startendtag = handle_starttag

    diagram = Diagram(name, (Node(name, details=(name,), open=name),))
    Parser().feed(svg.render(diagram, Layout(1, 1, {"n0": (0, 0)}, {})))
    assert set(seen) <= ALLOWED


def test_any_character_survives_the_way_through_xml():
    text = "".join(
        map(
            chr,
            [*range(0x20), *range(0x7F, 0xA0), 0xD7FF, 0xD800, 0xE000, 0xFFFD, 0xFFFE, 0x10FFFF],
        )
    )
    back = ET.fromstring(f'<a b="{svg.escaped(text)}">{svg.escaped(text)}</a>')
    assert back.get("b") == back.text
    assert len(back.text) == len(text)
    assert {a for a, b in zip(text, back.text, strict=True) if a == b} >= {
        "\t",
        "\n",
        "\r",
        "\ud7ff",
        "\x85",
    }


# ---------------------------------------------------------------- room


@pytest.mark.parametrize("name", [*HOSTILE, *LONG, "a"])
def test_texts_fit_into_their_boxes(name):
    for details in (
        (),
        ("waits for b2 (running) through b3",),
        ("2.1 s", "attempt 2", "1000\u00d7"),
    ):
        shown = Node(name, details=details)
        node = one(Diagram("x", (shown,)))
        right, bottom = (int(part(node, "box").get(side)) for side in ("width", "height"))
        lines = [(float(t.get("x")), float(t.get("y")), t.text, LABEL) for t in part(node, "label")]
        detail = part(node, "detail")
        lines.append((float(detail.get("x")), float(detail.get("y")), detail.text or "", DETAIL))
        for x, y, text, size in lines:
            assert x > 32
            assert x + width(text, size) <= right - 10
            assert size <= y <= bottom - 0.3 * size
        for (_, above, _, _), (_, y, _, size) in itertools.pairwise(lines):
            assert y - above >= 1.2 * size


def test_details_that_do_not_fit_are_left_out_whole():
    waiting = Node("a", details=("waits for you", "attempt 2", "3\u00d7"))
    assert detail_of(waiting) == "waits for you"
    assert detail_of(Node("a", details=("ValueError: no such file",))).endswith("…")
    assert detail_of(Node("a")) == ""


def test_a_box_does_not_change_while_the_state_runs():
    before, later = Node("a"), Node("a", StateStatus.FAILED, ("x" * 99,), error="y", open="z")
    assert (box_of(before).width, box_of(before).height) == (
        box_of(later).width,
        box_of(later).height,
    )


def test_a_name_of_more_lines_makes_a_higher_box():
    assert box_of(Node(LONG[0])).height == box_of(Node("a")).height + 2 * 17


def test_a_real_layout_is_drawn(no_dot):
    diagram = Diagram("x", (Node("a", start=True), Node("b")), (Edge("a", "b"), Edge("b", "b")))
    root = ET.fromstring(svg.render(diagram, lay_out(dot.bare(diagram))))
    assert len(of_class(root, "fluffy-node")) == 2
    assert len(of_class(root, "fluffy-edge")) == 2
    assert len(of_class(root, "fluffy-start")) == 1
