"""Semantics 4.2 to 4.4 and 5.2, 5.3: Send, templates, agents inside agents, other joins."""

from __future__ import annotations

import asyncio
import json

import pytest

from fluffy_nb import Agent, AgentStatus, Checkpoint, Send, StateStatus
from fluffy_nb.engine import events as ev
from fluffy_nb.errors import (
    AgentInItselfError,
    InvalidSpecError,
    OverlappingTemplatesError,
    StateError,
    UndefinedTargetWarning,
    UnknownStateError,
)

from .scripted import Script, settled

# ---------------------------------------------------------------- 4.2 Send


def fan_out(script, number=3, **settings):
    """start sends to `work` several times; each goes on to `merge`."""
    sends = [Send("work", i=i) for i in range(number)]
    script.add("start", lambda _: sends, next=["work"])
    seen = []

    def work(context):
        seen.append(context.get_state("i"))
        return "merge"

    script.add("work", work, next=["merge"], **settings)
    script.add("merge")
    return seen


async def test_S4_2_several_sends_run_a_state_several_times_and_what_follows_joins():
    script = Script()
    seen = fan_out(script)
    result = await script.agent.run()
    assert sorted(seen) == [0, 1, 2]
    assert result.counts == {"start": 1, "work": 3, "merge": 1}


@pytest.mark.parametrize("first", [0, 1, 2])
async def test_S4_2_what_follows_joins_whichever_is_first(first):
    script = Script()
    script.add("start", lambda _: [Send("work", i=i) for i in range(3)], next=["work"])
    gates = [asyncio.Event() for _ in range(3)]

    async def work(context):
        await gates[context.inputs["i"]].wait()
        return "merge"

    script.agent.add_state("work", work, next=["merge"])
    script.add("merge")
    run = script.agent.start()
    for i in range(3):
        await settled()
        assert "merge" not in script.started
        gates[(first + i) % 3].set()
    assert (await run).counts["merge"] == 1


async def test_S4_2_inputs_are_seen_before_the_shared_state_and_only_there():
    script = Script()
    read = []
    script.add("start", lambda _: [Send("work", page=7)], next=["work"])

    def work(context):
        read.extend([context.get_state("page"), context.inputs["page"], dict(context.inputs)])
        return "after"

    script.add("work", work, next=["after"])
    script.add("after", lambda context: read.append(context.get_state("page")))
    await script.agent.run(inputs={"page": 1})
    assert read == [7, 7, {"page": 7}, 1]


async def test_S4_2_inputs_survive_a_checkpoint():
    script = Script()
    seen = fan_out(script)
    await script.agent.step(2)
    data = json.loads(json.dumps(script.agent.create_checkpoint().to_dict()))
    other = Script("other")
    seen_there = fan_out(other)
    await other.agent.restore_from_checkpoint(Checkpoint.from_dict(data))
    result = await other.agent.run()
    assert sorted(seen + seen_there) == [0, 1, 2]
    assert result.counts["merge"] == 1


async def test_S4_2_a_send_that_the_code_does_not_show_joins_behind_it_all_the_same():
    script = Script()
    script.add("start", lambda _: [Send("work", i=i) for i in range(2)], next=["work", "merge"])
    script.add("work", "merge")
    script.add("merge")
    assert (await script.agent.run()).counts["merge"] == 1


def test_S4_2_a_send_says_where_and_what():
    send = Send("work", i=1)
    assert (send.name, dict(send.inputs)) == ("work", {"i": 1})
    assert repr(send) == "Send('work', i=1)"
    assert send == Send("work", i=1)
    assert send != Send("work", i=2)
    assert send != "work"
    assert hash(send) == hash(Send("work", i=2))
    with pytest.raises(TypeError):
        send.inputs["i"] = 2
    with pytest.raises(InvalidSpecError, match="the state to send to is 5"):
        Send(5)


# ---------------------------------------------------------------- 4.3 templates


async def test_S4_3_a_name_that_fits_a_template_runs_it_with_what_the_name_says():
    script = Script()
    seen = []
    script.add("start", lambda _: ["chunk_0", "chunk_007", "chunk_x"], next=["chunk_{i}"])

    def chunk(context):
        seen.append((context.state, context.inputs["i"]))
        return "merge"

    script.add("chunk_{i}", chunk, next=["merge"])
    script.add("merge")
    result = await script.agent.run()
    assert sorted(seen) == [("chunk_0", 0), ("chunk_007", "007"), ("chunk_x", "x")]
    assert result.counts == {"start": 1, "chunk_{i}": 3, "merge": 1}
    assert script.agent.state_metadata["chunk_0"].executions == 1
    assert script.agent.state_metadata["chunk_{i}"].completions == 3
    assert script.agent.state_metadata["chunk_x"].status is StateStatus.COMPLETED
    assert "chunk_007" in script.agent.completed_states


async def test_S4_3_an_exact_name_wins_over_a_template():
    script = Script()
    script.add("start", ["chunk_1", "chunk_2"], next=["chunk_1", "chunk_{i}"])
    script.add("chunk_{i}")
    script.add("chunk_1")
    result = await script.agent.run()
    assert result.counts == {"start": 1, "chunk_1": 1, "chunk_{i}": 1}


def test_S4_3_two_templates_that_could_match_one_name_are_refused():
    agent = Agent("tested")
    agent.add_state("chunk_{i}", lambda context: None)
    with pytest.raises(OverlappingTemplatesError, match=r"'chunk_\{i\}'.*'.*_.*' could be either"):
        agent.add_state("{kind}_1", lambda context: None)
    assert list(agent.states) == ["chunk_{i}"]
    agent.add_state("chunk_{i}", lambda context: None, replace=True)
    agent.add_state("page_{i}", lambda context: None)


async def test_S4_3_a_send_to_a_template_fills_its_name():
    script = Script()
    names = []
    script.add("start", lambda _: [Send("chunk_{i}", i=4, extra=1)], next=["chunk_{i}"])
    script.add("chunk_{i}", lambda context: names.append((context.state, dict(context.inputs))))
    await script.agent.run()
    assert names == [("chunk_4", {"i": 4, "extra": 1})]


async def test_S4_3_a_wrong_name_is_told_of_templates():
    script = Script()
    script.add("start", lambda _: "chnk_1", next=["chunk_{i}"])
    script.add("chunk_{i}")
    with pytest.raises(UnknownStateError, match="'chnk_1'"):
        await script.agent.run()


async def test_S5_3_names_of_one_template_join_by_their_full_name():
    script = Script()
    script.add("start", ["a", "b"])
    script.add("a", ["part_1", "part_2"], next=["part_{i}"])
    script.add("b", ["part_1"], next=["part_{i}"])
    script.add("part_{i}")
    result = await script.agent.run()
    assert result.counts["part_{i}"] == 2
    assert script.agent.state_metadata["part_1"].executions == 1


# ---------------------------------------------------------------- 4.4 agents inside


def reviewing(**settings):
    inner = Script("inner", **settings)
    inner.add("draft", ["check", "spell"])
    inner.add("check", "agree")
    inner.add("spell", "agree")
    inner.add("agree")
    return inner.agent


async def test_S4_4_an_agent_runs_as_one_state_and_then_goes_on():
    script = Script()
    script.add("start", "review")
    script.agent.add_state("review", reviewing(), next=["publish"])
    script.add("publish")
    result = await script.agent.run()
    assert script.started == [
        "start",
        "review/draft",
        "review/check",
        "review/spell",
        "review/agree",
        "publish",
    ]
    assert script.ended[-2:] == ["review", "publish"]
    assert result.counts["review"] == result.counts["review/agree"] == 1
    assert script.agent.state_metadata["review/draft"].status is StateStatus.COMPLETED


async def test_S4_4_it_shares_the_context():
    inner = Agent("inner")

    async def double(context):
        context.set_state("n", 2 * context.get_state("n"))

    inner.add_state("double", double)
    script = Script()
    script.agent.add_state("inner", inner)
    assert (await script.agent.run(inputs={"n": 21})).values == {"n": 42}


async def test_S4_4_a_pair_of_agent_and_name_begins_there():
    inner = reviewing()
    script = Script()
    script.add("start", lambda _: (inner, "spell"), next=["review"])
    script.agent.add_state("review", inner, next=["publish"])
    script.add("publish")
    await script.agent.run()
    assert script.started == ["start", "review/spell", "review/agree", "publish"]


async def test_S4_4_an_agent_that_was_not_added_is_a_state_of_its_own_name():
    inner = reviewing()
    script = Script()
    script.add("start", lambda _: (inner, "spell"), next=[])
    await script.agent.run()
    assert script.started == ["start", "inner/spell", "inner/agree"]
    assert list(script.agent.states) == ["start", "inner"]


async def test_S4_4_several_runs_of_one_agent_at_once_do_not_mix():
    inner = Script("inner")
    inner.add("a", ["b", "c"])
    inner.add("b", "d")
    inner.add("c", "d")
    inner.add("d")
    script = Script()
    script.add("start", lambda _: [Send("inner", i=i) for i in range(3)], next=["inner"])
    script.agent.add_state("inner", inner.agent, next=["merge"])
    script.add("merge")
    result = await script.agent.run()
    assert result.counts["inner/d"] == 3
    assert result.counts["merge"] == 1


async def test_S4_4_the_outer_state_holds_no_slot():
    script = Script(max_concurrent=1)
    script.agent.add_state("review", reviewing(), next=["publish"])
    script.add("publish")
    assert (await script.agent.run()).status is AgentStatus.COMPLETED


async def test_S4_4_agents_inside_agents_inside_agents():
    innermost = Script("innermost")
    innermost.add("deep")
    middle = Agent("middle")
    middle.add_state("inner", innermost.agent)
    script = Script()
    script.agent.add_state("middle", middle)
    await script.agent.run()
    assert script.started == ["middle/inner/deep"]
    assert script.ended == ["middle/inner/deep", "middle/inner", "middle"]


async def test_S4_4_its_prompts_and_checkpoints_are_those_of_the_run():
    inner = Agent("inner")

    async def ask(context):
        context.set_state("said", await context.human_in_the_loop("well?"))
        return "after"

    inner.add_state("ask", ask)
    inner.add_state("after", lambda context: None)
    script = Script(responder=lambda prompt: None)
    script.agent.add_state("inner", inner)
    run = script.agent.start()
    await settled()
    (prompt,) = script.agent.prompts
    assert prompt.state == "inner/ask"
    await script.agent.pause()
    data = json.loads(json.dumps(script.agent.create_checkpoint().to_dict()))
    other = Script("other", responder=lambda prompt: prompt.answer("fine"))
    other.agent.add_state("inner", inner)
    await other.agent.restore_from_checkpoint(Checkpoint.from_dict(data))
    result = await other.agent.run()
    assert result.values == {"said": "fine"}
    assert result.counts["inner"] == result.counts["inner/ask"] == 1
    assert other.ended == ["inner/ask", "inner/after", "inner"]
    prompt.answer("late")
    await script.agent.cancel_all()
    assert (await run).status is AgentStatus.CANCELLED


async def test_S4_4_a_failure_inside_is_the_runs_and_it_goes_on_from_there():
    inner = Script("inner")
    inner.add("a", "b")
    inner.add("b", "c", failures=1)
    inner.add("c")
    script = Script()
    script.agent.add_state("inner", inner.agent, next=["after"])
    script.add("after")
    with pytest.raises(StateError, match="state 'inner/b' failed"):
        await script.agent.run()
    await script.agent.resume()
    assert script.started == ["inner/a", "inner/b", "inner/b", "inner/c", "after"]


async def test_S4_4_a_pause_does_not_enter_an_agent():
    script = Script()
    script.add("start", "review", gate=True)
    script.agent.add_state("review", reviewing())
    script.agent.start()
    await settled()
    pausing = asyncio.ensure_future(script.agent.pause())
    await script.open("start")
    await pausing
    assert script.started == ["start"]
    assert script.agent.state_metadata["review"].status is StateStatus.READY
    await script.agent.resume()
    assert script.ended[-1] == "review"


async def test_S4_4_where_it_goes_on_must_be_a_state():
    script = Script()
    script.agent.add_state("review", reviewing(), next=["publsh"])
    script.add("publish")
    with (
        pytest.warns(UndefinedTargetWarning, match="'publsh'"),
        pytest.raises(UnknownStateError, match="did you mean 'publish'"),
    ):
        await script.agent.run("review")
    assert script.agent.status is AgentStatus.FAILED


def test_S4_4_an_agent_can_not_be_inside_itself():
    outer, inner = Agent("outer"), Agent("inner")
    inner.add_state("outer", outer)
    with pytest.raises(AgentInItselfError, match="'outer' inside"):
        outer.add_state("inner", inner)
    with pytest.raises(AgentInItselfError):
        outer.add_state("itself", outer)


@pytest.mark.parametrize("setting", ["timeout", "on_error"])
def test_S4_4_what_an_agent_can_not_have_is_refused(setting):
    value = {"timeout": 5, "on_error": "other"}[setting]
    with pytest.raises(InvalidSpecError, match=f"{setting}= of state 'inner', which is an agent"):
        Agent("outer").add_state("inner", reviewing(), **{setting: value})
    with pytest.raises(InvalidSpecError, match="Choose a plain name"):
        Agent("outer").add_state("inner_{i}", reviewing())


# ---------------------------------------------------------------- 5.2 other joins


def crossing(join):
    script = Script()
    script.add("start", ["quick", "slow"])
    script.add("quick", "meet", gate=True)
    script.add("slow", "meet", gate=True)
    script.add("meet", "after", join=join)
    script.add("after")
    return script


async def test_S5_2_each_runs_once_for_every_arrival_without_waiting():
    script = crossing("each")
    run = script.agent.start()
    await script.open("quick")
    assert script.started.count("meet") == 1
    await script.open("slow")
    await run
    assert script.started.count("meet") == 2


async def test_S5_2_first_runs_at_the_first_arrival_and_the_others_end_there():
    script = crossing("first")
    run = script.agent.start()
    await script.open("quick")
    assert script.started[-2:] == ["meet", "after"]
    await script.open("slow")
    result = await run
    assert result.counts == {"start": 1, "quick": 1, "slow": 1, "meet": 1, "after": 1}


async def test_S5_2_what_comes_of_the_others_ends_there_too_and_nothing_waits_for_it():
    script = Script()
    script.add("start", ["quick", "slow"])
    script.add("quick", "meet")
    script.add("slow", "slower", gate=True)
    script.add("slower", "meet", gate=True)
    script.add("meet", "after", join="first")
    script.add("after")
    run = script.agent.start()
    await settled()
    assert script.ended == ["start", "quick", "meet", "after"]
    await script.open("slow")
    await script.open("slower")
    assert (await run).counts["meet"] == 1


async def test_S5_2_who_can_come_another_way_is_waited_for():
    script = Script()
    script.add("start", ["quick", "slow"])
    script.add("quick", "meet")
    script.add("slow", lambda _: "after", gate=True, next=["meet", "after"])
    script.add("meet", "after", join="first")
    script.add("after")
    run = script.agent.start()
    await settled()
    assert script.ended == ["start", "quick", "meet"]
    await script.open("slow")
    assert (await run).counts["after"] == 1


def test_S5_2_no_other_join_is_known():
    with pytest.raises(InvalidSpecError, match="'all', 'each' or 'first'"):
        Agent("tested").add_state("a", lambda context: None, join="some")


async def test_S5_3_what_comes_by_send_or_on_error_does_not_join():
    script = Script()
    script.add("start", lambda _: ["bad", Send("meet", i=1), "good"], next=["bad", "meet", "good"])
    script.add("bad", failures=9, on_error="meet")
    script.add("good", "meet")
    script.add("meet")
    result = await script.agent.run()
    assert result.counts["meet"] == 3
    assert len(script.of(ev.StateFailed)) == 1
