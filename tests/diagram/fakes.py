"""An agent, as little as pictures see of it; the engine's own records inside."""

import itertools
from dataclasses import dataclass, field

from fluffy_nb.engine.graph import Edge, EdgeKind, StateGraph
from fluffy_nb.engine.metadata import StateMetadata
from fluffy_nb.engine.status import StateStatus

HOSTILE = (
    '"><script>alert(1)</script>',
    "</svg>",
    "</style><script>alert(2)</script>",
    "new\nline\rand\ttab",
    "back\\slash\\",
    "\"double\" 'single' `back`",
    "&amp; &lt; &#10;",
    "<b>",
    "<b>bold</b>",
    "]]> <!-- -->",
    "{a|b} %s {0} $x \\N \\l",
    "end",
    "#quot; subgraph --> ; }",
    "nul \x00 bell \x07",
    "override \u202e lre",
    "half \ud800 pair",
    "\uffff no character",
)

LONG = (
    "process_incoming_customer_complaints_from_the_northern_region_office",
    "HTTPServerRequestHandlerFactoryBeanSingletonProxyImplementationImpl",
    "x" * 70,
    "W" * 70,
    "word " * 60,
    "数据清洗和验证以及随后的报告生成和发布流程最终审核数据清洗和验证以及随后的报告生成",
    "معالجة_البيانات_الواردة_من_المكتب_الإقليمي_الشمالي_للشكاوى",
    "👩\u200d👩\u200d👧\u200d👦 family 🇩🇪🇫🇷 👍🏽 and ❤️ in_a_long_name_of_a_state_with_emoji",
)


@dataclass
class FakeAgent:
    """States with their metadata, and edges as `"a b"` or `("a b", kind)`."""

    states: dict = field(default_factory=dict)
    edges: tuple = ()
    starts: tuple = ()
    undefined: tuple = ()
    open: dict = field(default_factory=dict)
    taken_edges: dict = field(default_factory=dict)
    waiting: dict = field(default_factory=dict)
    name: str = "review"
    layout: str = "TB"
    breakpoints: set = field(default_factory=set)
    steers: bool = True

    @property
    def state_graph(self):
        edges = (edge if isinstance(edge, tuple) else (edge, "inferred") for edge in self.edges)
        edges = tuple(Edge(*names.split(" "), EdgeKind(kind)) for names, kind in edges)
        return StateGraph(
            tuple(self.states), edges, self.starts, self.undefined, self.open, forks={}
        )

    @property
    def state_metadata(self):
        return {name: known or StateMetadata() for name, known in self.states.items()}

    def explain_each(self, names):
        return {name: self.explain(name) for name in names}

    def explain(self, name):
        return self.waiting.get(name, "")


def known(status, seconds=None, **facts):
    """Metadata of a state that began at second 100."""
    ended = None if seconds is None else 100.0 + seconds
    facts = {"attempts": 1, "executions": 1, **facts}
    return StateMetadata(StateStatus(status), started=100.0, ended=ended, **facts)


def chain(*names, **more):
    """States one after the other; the names must hold no space."""
    edges = tuple(f"{a} {b}" for a, b in itertools.pairwise(names))
    return FakeAgent(dict.fromkeys(names), edges, names[:1], **more)
