"""Texts from outside are shown escaped in text, and isolated in HTML (issue: a stranger's file)."""

import asyncio
import io
import re
import unicodedata

import pytest

from fluffy_nb import Agent
from fluffy_nb.diagram import to_dot, to_mermaid, to_svg
from fluffy_nb.engine.check import Note
from fluffy_nb.engine.conversation import Conversation
from fluffy_nb.engine.lines import Echo, Lines
from fluffy_nb.engine.result import RunResult
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import (
    FluffyError,
    MissingKeyError,
    StateError,
    isolated,
    visible,
    visible_lines,
)
from fluffy_nb.notebook.reports import Table

STEERING = {
    "escape": "\x1b[31m",
    "bell": "\x07",
    "nul": "\x00",
    "return": "\r",
    "C1": "\x9b31m",
    "override": "\u202e",
    "embedding": "\u202a",
    "isolate": "\u2066",
    "pop": "\u2069",
    "mark": "\u200e",
    "arabic mark": "\u061c",
    "no width": "\u200b",
    "byte order": "\ufeff",
    "soft hyphen": "\xad",
    "surrogate": "\ud800",
    "line": "\u2028",
    "joiner": "\u200d",
}


def hidden(text):
    """What in a text would steer a terminal, or can't be seen."""
    kinds = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return [
        c for c in text if (unicodedata.category(c) in kinds or c == "\u3164") and c not in "\n\t"
    ]


@pytest.fixture(params=STEERING.values(), ids=STEERING.keys())
def name(request):
    return f"lo{request.param}ad"


def test_S13_5_a_text_shows_what_it_hides(name):
    assert not hidden(visible(name))
    assert not hidden(visible_lines(name))
    assert not hidden(isolated(name).removeprefix("<bdi>").removesuffix("</bdi>"))
    assert visible(name).encode("ascii").decode("unicode_escape").encode(
        "utf-16", "surrogatepass"
    ) == name.encode("utf-16", "surrogatepass")


@pytest.mark.parametrize(
    "text",
    [
        "Zoë",
        "日本語",
        "\u05e9\u05dc\u05d5\u05dd",
        "👩\u200d👧",
        "e\u0301",
        "\u0645\u06cc\u200c\u062e",
    ],
)
def test_what_people_write_stays_as_it_is(text):
    assert visible(text) == text == visible_lines(text)


def test_letters_without_a_glyph_are_shown():
    assert visible("lo\u3164ad") == "lo\\u3164ad"


def test_lines_stay_lines_where_a_text_may_have_some():
    assert visible_lines("one\n\ttwo\r") == "one\n\ttwo\\r"
    assert visible("one\n") == "one\\n"


def test_S13_5_html_is_escaped_and_isolated():
    assert isolated("<b>\u202e&") == "<bdi>&lt;b&gt;\\u202e&amp;</bdi>"


class TestWhereItIsShown:
    """Every place that shows a text from outside uses the one door."""

    def test_tables(self, name):
        table = Table(("key",), [(name,)])
        assert not hidden(repr(table))
        assert not hidden(table._repr_html_())
        assert "<bdi>" in table._repr_html_()
        assert not hidden(repr(Table((), (), f"no runs are kept in {name}")))

    def test_tables_stay_tables_with_lines_in_a_cell(self):
        assert repr(Table(("a", "b"), [("1\n2", "3")])) == "a     b\n1\\n2  3"

    def test_results(self, name):
        shown = RunResult(AgentStatus.COMPLETED, "r", {name: name}, 1.0, {name: 1})._repr_html_()
        assert not hidden(shown)
        assert shown.count("<bdi>") == 8

    def test_errors_and_their_notes(self, name):
        assert not hidden(str(FluffyError(name)))
        assert not hidden(str(MissingKeyError(name, [name])))
        problem = StateError(name, 1, "run", name)
        problem.add_note(name)
        assert not hidden(str(problem))
        assert not hidden("".join(problem._render_traceback_()))

    def test_findings(self, name):
        assert not hidden(str(Note(name, name)))

    def test_reprs(self, name):
        agent = Agent(name)
        assert not hidden(repr(agent))
        assert not hidden(repr(agent.view()))

    def test_pictures(self, name):
        agent = Agent("pictured")
        agent.add_state(name, _leads_nowhere, next=[])
        assert not hidden(to_dot(agent))
        assert not hidden(to_mermaid(agent))
        # The page finds a node by its name, which is in an attribute and not shown.
        assert not hidden(re.sub(r'data-state="[^"]*"', "", to_svg(agent)))

    async def test_explanations(self, name):
        agent = Agent("explained")

        @agent.state(name=name, next=[])
        async def broken(context):
            raise RuntimeError(name)

        with pytest.raises(StateError) as caught:
            await agent.run()
        assert not hidden(str(caught.value))
        assert name.split("ad", maxsplit=1)[0][:2] in agent.explain(name)
        assert not hidden(agent.explain(name))

    async def test_the_terminal(self, name):
        out, asked = io.StringIO(), asyncio.get_running_loop().create_future()
        agent = Agent("asks", responder=asked.set_result)

        @agent.state(name=name, next=[])
        async def ask(context):
            await context.human_in_the_loop(f"{name}?", choices=["yes", name])

        run = agent.start()
        prompt = await asked
        conversation = Conversation(prompt, Lines(), Echo(), io.StringIO(), out)
        conversation._introduce()
        conversation._offer(prompt.choices)
        assert not hidden(repr(prompt))
        await agent.cancel_all()
        await run
        assert "asks" in out.getvalue()
        assert not hidden(out.getvalue())


async def _leads_nowhere(context):
    return None
