"""From an agent to a diagram: tables of agents and what their pictures show."""

import pytest

from fluffy_nb.diagram.extract import duration, extract, nodes, topology
from fluffy_nb.diagram.flat import flatten
from fluffy_nb.diagram.model import Diagram, Edge, Node
from fluffy_nb.engine.agent import Agent
from fluffy_nb.engine.graph import EdgeKind
from fluffy_nb.engine.status import StateStatus

from .fakes import FakeAgent, chain, known

MAZE = "waits for b2 (running) through b3"

TABLE = {
    "no states": (FakeAgent(), Diagram("review")),
    "before the run": (
        chain("draft", "publish"),
        Diagram(
            "review",
            (Node("draft", start=True), Node("publish")),
            (Edge("draft", "publish"),),
        ),
    ),
    "how edges are known, and how often they were taken": (
        FakeAgent(
            dict.fromkeys("abc"),
            (("a b", "declared"), "b a", ("a c", "dependency"), ("b c", "taken")),
            taken_edges={("a", "b"): 3, ("b", "c"): 1},
        ),
        Diagram(
            "review",
            (Node("a"), Node("b"), Node("c")),
            (
                Edge("a", "b", EdgeKind.DECLARED, 3),
                Edge("b", "a", EdgeKind.INFERRED),
                Edge("a", "c", EdgeKind.DEPENDENCY),
                Edge("b", "c", EdgeKind.TAKEN, 1),
            ),
        ),
    ),
    "an undefined target and an open state": (
        FakeAgent(
            {"a": None}, ("a publsh",), undefined=("publsh",), open={"a": "line 12: return pick()"}
        ),
        Diagram(
            "review",
            (
                Node("a", open="line 12: return pick()"),
                Node("publsh", details=("no such state",), undefined=True),
            ),
            (Edge("a", "publsh"),),
        ),
    ),
    "a state whose start is undefined too": (
        FakeAgent({"a": None}, starts=("gone",)),
        Diagram("review", (Node("a"),)),
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_an_agent_becomes_a_diagram(case):
    agent, diagram = TABLE[case]
    assert extract(agent) == diagram


DETAILS = {
    "runs": (known("RUNNING"), ()),
    "runs again": (known("RUNNING", attempts=2, executions=3, completions=2), ("attempt 2", "2/3")),
    "is ready after an earlier execution": (known("READY", 2.1), ()),
    "completed": (known("COMPLETED", 2.1), ("2.1 s",)),
    "completed at last": (known("COMPLETED", 2.1, attempts=3), ("2.1 s", "attempt 3")),
    "was never timed": (known("COMPLETED"), ()),
    "asks": (known("WAITING"), ("waits for you",)),
    "failed": (known("FAILED", 1, error="ValueError: no\n  more"), ("ValueError: no",)),
    "failed without a word": (known("FAILED", 1, error="\n"), ("",)),
    "failed, and nobody knows why": (known("FAILED", 1), ("1.0 s",)),
    "timed out": (known("TIMEOUT", 5.0, error="took over 5 s"), ("took over 5 s",)),
    "was cancelled": (known("CANCELLED", 0.25), ("250 ms",)),
}


@pytest.mark.parametrize("case", DETAILS)
def test_the_most_telling_detail_comes_first(case):
    metadata, details = DETAILS[case]
    (node,) = extract(FakeAgent({"a": metadata})).nodes
    assert (node.status, node.details) == (metadata.status, details)


@pytest.mark.parametrize("status", ["PENDING", "BLOCKED"])
def test_a_branch_that_waits_says_what_for(status):
    agent = FakeAgent({"join": known(status, executions=2, completions=2)}, waiting={"join": MAZE})
    (node,) = extract(agent).nodes
    assert (node.waits, node.details) == (MAZE, (MAZE, "2\u00d7"))


def test_a_state_that_runs_waits_for_nothing():
    agent = FakeAgent({"join": known("RUNNING")}, waiting={"join": MAZE})
    (node,) = extract(agent).nodes
    assert (node.waits, node.details) == ("", ())


def test_the_error_is_kept_whatever_the_status():
    (node,) = extract(FakeAgent({"a": known("RUNNING", attempts=2, error="OSError: x")})).nodes
    assert node.error == "OSError: x"


def test_some_nodes_by_id_without_names_that_are_gone():
    agent = chain("a", "b", "c")
    found = nodes(agent, flatten(agent.state_graph), ["c", "removed", "a"])
    assert found == {"n2": Node("c"), "n0": Node("a", start=True)}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-0.1, "0 ms"),
        (0.0004, "0 ms"),
        (0.24, "240 ms"),
        (0.9996, "1.0 s"),
        (2.14, "2.1 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (185.2, "3 min 05 s"),
        (3599.6, "1 h 00 min"),
        (7800, "2 h 10 min"),
    ],
)
def test_a_duration_is_said_as_people_say_it(seconds, said):
    assert duration(seconds) == said


# ---------------------------------------------------------------- when to draw anew


def test_a_status_or_a_count_is_no_change_of_the_topology():
    agent = chain("a", "b")
    before = topology(agent)
    agent.states["a"] = known("COMPLETED", 1)
    agent.taken_edges = {("a", "b"): 1}
    assert topology(agent) == before
    assert hash(topology(agent)) == hash(before)


@pytest.mark.parametrize(
    "change",
    [
        {"states": dict.fromkeys("abc")},
        {"edges": ("a b", "b a")},
        {"edges": (("a b", "declared"),)},
        {"starts": ("b",)},
        {"undefined": ("c",)},
        {"open": {"b": "why"}},
        {"name": "other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_everything_else_that_is_drawn_is(change):
    agent = chain("a", "b")
    before = topology(agent)
    for name, value in change.items():
        setattr(agent, name, value)
    assert topology(agent) != before


# ---------------------------------------------------------------- with a real agent


async def test_a_real_run_is_seen_through_public_names():
    agent = Agent("real")

    @agent.state
    async def draft(context):
        return "publish" if context.has_state("again") else ["draft", "publish"]

    @agent.state(next=["misspelt"])
    async def publish(context):
        context.set_state("again", True)

    assert extract(agent) == Diagram(
        "real",
        (
            Node("draft", start=True),
            Node("publish"),
            Node("misspelt", details=("no such state",), undefined=True),
        ),
        (
            Edge("draft", "publish"),
            Edge("draft", "draft"),
            Edge("publish", "misspelt", EdgeKind.DECLARED),
        ),
    )
    agent.add_state("misspelt", lambda context: None)
    await agent.run("publish")
    seen = {node.name: node for node in extract(agent).nodes}
    assert seen["publish"].status is StateStatus.COMPLETED
    assert seen["publish"].details[0].endswith(" ms")
    assert seen["draft"].status is StateStatus.PENDING
