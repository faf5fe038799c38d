"""An agent, its prompts and its pictures, as little as the widgets see of them."""

import concurrent.futures
import html
from dataclasses import dataclass, field
from types import SimpleNamespace

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.graph import Edge, EdgeKind, StateGraph
from fluffy_nb.engine.metadata import StateMetadata
from fluffy_nb.engine.schema import Schema
from fluffy_nb.engine.status import AgentStatus, StateStatus
from fluffy_nb.errors import PromptClosedError

ICON = "M2 8.5l4 4 8-9"


async def any_state(context):
    """Stands for every state's function."""


@dataclass
class FakePrompt:
    id: str
    state: str = "approve"
    text: str = "Publish this?"
    choices: tuple = ()
    multiline: bool = False
    deadline: float | None = None
    refusal: str = ""
    answers: list = field(default_factory=list)
    fate: str = ""
    schema: type | None = None
    show: dict | None = None
    field_errors: dict = field(default_factory=dict)
    refuses: str = ""

    @property
    def fields(self):
        return () if self.schema is None else Schema(self.schema).fields

    def answer(self, value, told=None):
        if self.fate:
            raise PromptClosedError(self.id, self.fate, [])
        self.answers.append(value)
        if told is not None:
            told(self.refuses)


class FakeAgent:
    def __init__(self, *names, edges=(), name="review"):
        self.name = name
        self.states = {n: SimpleNamespace(name=n, function=any_state) for n in names}
        self.edges = list(edges)
        self.status = AgentStatus.IDLE
        self.state_metadata = {n: StateMetadata() for n in names}
        self.completed_states = frozenset()
        self.taken_edges = {}
        self.duration = None
        self.notice = ""
        self.steers = True
        self.where = ""
        self.prompts = ()
        self.waits = {}
        self.wrong = ()
        self.requests = []
        self.asked = []
        self.observers = []
        self.seq = 0

    @property
    def state_graph(self):
        taken = [edge for edge in self.taken_edges if edge not in self.edges]
        edges = [Edge(a, b, EdgeKind.INFERRED) for a, b in self.edges]
        edges += [Edge(a, b, EdgeKind.TAKEN) for a, b in taken]
        undefined = dict.fromkeys(b for _, b in self.edges if b not in self.states)
        return StateGraph(tuple(self.states), tuple(edges), (), tuple(undefined), {}, {})

    def spec(self, name):
        return self.states.get(name)

    def check(self):
        return self.wrong

    def explain_each(self, names):
        return {name: self.explain(name) for name in names}

    def explain(self, name):
        return self.waits.get(name, "")

    def subscribe(self, observer):
        self.observers.append(observer)
        return lambda: self.observers.remove(observer)

    def request(self, verb):
        self.requests.append(verb)
        self.asked.append(concurrent.futures.Future())
        return self.asked[-1]

    # ------------------------------------------------ what the engine would do

    def emit(self, kind, *details):
        self.seq += 1
        event = kind(self.seq, float(self.seq), *details)
        for observer in list(self.observers):
            observer(event)

    def begin(self):
        self.status, self.duration = AgentStatus.RUNNING, 0.0
        self.state_metadata = {n: StateMetadata() for n in self.states}
        self.completed_states, self.taken_edges = frozenset(), {}
        self.emit(ev.RunStarted, "r1", self.name, tuple(self.states)[:1])

    def enter(self, name):
        data = self.state_metadata[name]
        data.status, data.executions = StateStatus.RUNNING, data.executions + 1
        data.attempts, data.started, data.ended = 1, 100.0, None
        self.emit(ev.StateStarted, 1, name, 1, ())

    def leave(self, name, *following):
        data = self.state_metadata[name]
        data.status, data.ended = StateStatus.COMPLETED, 102.5
        self.completed_states |= {name}
        for target in following:
            edge = name, target
            self.taken_edges[edge] = self.taken_edges.get(edge, 0) + 1
        self.emit(ev.StateCompleted, 1, name, 1, following)

    def end(self, kind=ev.RunCompleted, status=AgentStatus.COMPLETED, *details):
        self.status = status
        self.emit(kind, *details)

    def ask(self, prompt):
        self.prompts = (*self.prompts, prompt)
        self.emit(ev.PromptOpened, prompt.id, 1, prompt.state, prompt.text, (), False, None)

    def settle(self, prompt, kind=ev.PromptAnswered):
        prompt.fate = "was answered"
        self.prompts = tuple(p for p in self.prompts if p is not prompt)
        self.emit(kind, prompt.id, 1, prompt.state)

    def refuse(self, prompt, message, **field_errors):
        prompt.refusal, prompt.field_errors = message, field_errors
        self.emit(ev.PromptRefused, prompt.id, 1, prompt.state, message)


# ---------------------------------------------------------------- pictures


def topology(agent):
    return tuple(agent.states), agent.state_graph.edges


def ids(agent):
    return {name: f"n{number}" for number, name in enumerate(agent.states)}


def draw(agent):
    nodes = "".join(
        f'<g class="fluffy-node" id="{i}" data-state="{html.escape(name)}">'
        f'<title>{html.escape(name)}</title><path class="icon"/><text class="detail"/></g>'
        for name, i in ids(agent).items()
    )
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" class="fluffy-graph">{nodes}</svg>'
    return SimpleNamespace(svg=svg, ids=ids(agent))


def patch(agent, names):
    numbers = ids(agent)
    return {numbers[name]: _node(agent, name) for name in names}


def _node(agent, name):
    data = agent.state_metadata[name]
    detail = agent.explain(name)
    title = f"{name}: {data.status.value.lower()}"
    return {"status": data.status.value, "icon": ICON, "detail": detail, "title": title}
