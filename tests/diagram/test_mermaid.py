"""Mermaid: the flowchart, and names that would be read as its own."""

import html
import re

import pytest

from fluffy_nb.diagram import mermaid
from fluffy_nb.diagram.box import box_of
from fluffy_nb.diagram.model import Diagram, Edge, Node
from fluffy_nb.engine.graph import EdgeKind
from fluffy_nb.engine.status import StateStatus

from .fakes import HOSTILE

FLOW = Diagram(
    "review",
    (
        Node("draft", StateStatus.COMPLETED, ("2.1 s",), start=True),
        Node("approve", StateStatus.WAITING, ("waits for you",)),
        Node("misspelt", undefined=True, details=("no such state",)),
    ),
    (
        Edge("draft", "approve", EdgeKind.DECLARED, taken=1),
        Edge("draft", "approve", EdgeKind.DECLARED),
        Edge("approve", "draft"),
        Edge("approve", "misspelt", EdgeKind.TAKEN),
        Edge("draft", "approve", EdgeKind.DEPENDENCY),
    ),
)


def test_a_diagram_as_mermaid():
    assert mermaid.render(FLOW) == (
        "flowchart TB\n"
        '  n0["draft<br>completed · 2.1 s"]:::completed\n'
        '  n1["approve<br>waiting · waits for you"]:::waiting\n'
        '  n2["misspelt<br>no such state"]:::undefined\n'
        '  s0((" ")) --> n0\n'
        "  n0 ==> n1\n"
        "  n0 --> n1\n"
        "  n1 -.-> n0\n"
        "  n1 -.-> n2\n"
        "  n0 -.-o n1\n"
        "  classDef completed stroke:#1a7f4b,fill:#1a7f4b14\n"
        "  classDef undefined stroke:#7b889c,fill:#7b889c14,stroke-dasharray:4 3\n"
        "  classDef waiting stroke:#b35f00,fill:#b35f0014\n"
    )


def test_it_reads_to_the_right_when_asked():
    assert mermaid.render(FLOW, "LR").startswith("flowchart LR\n")


@pytest.mark.parametrize("name", [*HOSTILE, "_private_", "1. list", "*bold*", "`code`", "v1.2"])
def test_a_hostile_name_is_text_and_comes_back(name):
    node = Node(name)
    _, line, *rest = mermaid.render(Diagram("x", (node,))).splitlines()
    found = re.fullmatch(r'  n0\["([^"<>`&\\*]*(?:<br>[^"<>`&\\*]*)*)"\]:::pending', line)
    lines = [html.unescape(re.sub(r"#(\d+);", r"&#\1;", text)) for text in found[1].split("<br>")]
    assert tuple(lines) == (*box_of(node).lines, "pending")
    assert len(rest) == 1


def test_numbers_and_words_stay_readable():
    assert '"load_data_v1.2<br>' in mermaid.render(Diagram("x", (Node("load_data_v1.2"),)))
