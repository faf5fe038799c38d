"""Names that differ in Unicode form only: the run goes where they mean, and it is told."""

from __future__ import annotations

import unicodedata
import warnings

import pytest

from fluffy_nb import Agent, Send
from fluffy_nb.errors import (
    InvalidSpecError,
    NameFormWarning,
    SameLookError,
    UnknownStateError,
    nearest,
)

COMPOSED = unicodedata.normalize("NFC", "prüfen")
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


def flow(state, name=COMPOSED, **settings):
    agent = Agent("flow")

    async def reached(context):
        context.set_state("reached", True)

    agent.add_state("start", state, **settings)
    agent.add_state(name, reached)
    return agent


async def literal(context):
    return DECOMPOSED


async def listed(context):
    return [DECOMPOSED]


async def computed(context):
    return context.get_state("next")


async def sent(context):
    return Send(DECOMPOSED)


@pytest.mark.parametrize("state", [literal, listed, sent])
async def test_a_return_that_differs_in_form_is_told_and_leads_there(state):
    agent = flow(state)
    with pytest.warns(NameFormWarning, match=r"'pru\\u0308fen'.*'pr\\xfcfen'") as told:
        result = await agent.run()
    assert result.values == {"reached": True}
    assert agent.state_graph.starts == ("start",)
    assert len(told) == 1


async def test_a_name_that_is_computed_is_told_when_it_is_returned():
    agent = flow(computed, next=[COMPOSED])
    with pytest.warns(NameFormWarning):
        await agent.run(inputs={"next": DECOMPOSED})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # once
        result = await agent.run(inputs={"next": DECOMPOSED})
    assert result.values["reached"]


async def test_a_function_named_with_a_ligature_is_found_by_it():
    names: dict[str, object] = {}
    exec("async def \ufb01x(context): context.set_state('reached', True)", names)
    agent = Agent("flow")

    async def start(context):
        return "\ufb01x"

    agent.add_state("start", start)
    agent.add_state("fix", names["fix"])
    with pytest.warns(NameFormWarning):
        assert (await agent.run()).values == {"reached": True}


async def test_names_that_several_could_be_meant_by_are_unknown():
    agent = flow(computed, name="x²", next=["x²", "x₂"])
    agent.add_state("x₂", computed, next=[])
    with pytest.raises(UnknownStateError, match="Unicode form only"):
        await agent.run(inputs={"next": "x2"})


def test_two_states_that_look_the_same_are_refused():
    agent = flow(literal)
    with pytest.raises(SameLookError, match=r"'pru\\u0308fen'.*'pr\\xfcfen'"):
        agent.add_state(DECOMPOSED, literal)
    agent.add_state(COMPOSED, literal, replace=True)
    assert list(agent.states) == ["start", COMPOSED]


def test_a_message_about_a_name_says_that_only_the_form_differs():
    assert nearest(DECOMPOSED, ["start", COMPOSED]) == (
        f"did you mean {COMPOSED!r}? It is 'pr\\xfcfen': they differ in Unicode form only"
    )
    assert nearest("star", ["start", COMPOSED]) == "did you mean 'start'?"


async def test_a_declared_start_in_another_form_is_told():
    with pytest.raises((UnknownStateError, InvalidSpecError), match="Unicode form only"):
        await flow(literal).run(start=DECOMPOSED)
