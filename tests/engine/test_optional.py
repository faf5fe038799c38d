"""Semantics 6: a failed OPTIONAL dependency is nothing to the dependent, nor to the run."""

from __future__ import annotations

import logging

import pytest

from fluffy_nb import AgentStatus, DependencyType, RetryPolicy
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.status import StateStatus
from fluffy_nb.errors import StateError, UnknownStateError

from .scripted import Script

OPTIONAL, REQUIRED, ANY = (
    DependencyType.OPTIONAL,
    DependencyType.REQUIRED,
    DependencyType.ANY,
)


def deploy(**settings):
    """`publish` needs `build`, and waits for `check` if that comes."""
    script = Script()
    script.add("build")
    script.add("check", failures=99, **settings)
    script.add("publish", dependencies={"build": REQUIRED, "check": OPTIONAL})
    return script


async def test_S6_the_run_goes_on_and_says_what_failed(caplog):
    script = deploy()
    with caplog.at_level(logging.WARNING, "fluffy_nb"):
        result = await script.agent.run()
    assert result.status is AgentStatus.COMPLETED
    assert script.ended == ["build", "publish"]
    assert [event.optional for event in script.of(ev.StateFailed)] == [True]
    data = script.agent.state_metadata["check"]
    assert (data.status, data.error) == (StateStatus.FAILED, "ValueError: no")
    assert "check" not in script.agent.completed_states
    assert script.agent.explain("check") == "failed: ValueError: no"
    assert (
        "state 'check' failed and nothing needs it, the run goes on: ValueError: no" in caplog.text
    )


async def test_S6_it_is_retried_first():
    script = deploy(retry_policy=RetryPolicy(2, initial_delay=0))
    assert (await script.agent.run()).status is AgentStatus.COMPLETED
    assert [event.optional for event in script.of(ev.StateFailed)] == [False, False, True]


async def test_S6_a_handler_of_its_own_comes_first():
    script = deploy(on_error="handle")
    script.add("handle")
    assert (await script.agent.run()).status is AgentStatus.COMPLETED
    assert "handle" in script.ended
    assert [event.handler for event in script.of(ev.StateFailed)] == ["handle"]


async def test_S6_one_that_a_return_leads_to_and_that_returns_its_dependent():
    """The dependent runs, whether another way leads to it or not."""
    for other in (["check", "build"], ["check"]):
        script = Script()
        script.add("begin", other)
        script.add("build", "publish")
        script.add("check", "publish", failures=99)
        script.add("publish", dependencies={"check": OPTIONAL})
        assert (await script.agent.run(start="begin")).status is AgentStatus.COMPLETED
        assert script.ended.count("publish") == 1


async def fails(script):
    with pytest.raises(StateError):
        await script.agent.run()
    assert [event.optional for event in script.of(ev.StateFailed)] == [False]
    assert script.agent.status is AgentStatus.FAILED


async def test_S6_where_it_is_there_for_something_else_the_run_fails():
    """For another dependent, or for a state that it leads to."""
    script = deploy()
    script.add("announce", dependencies={"check": REQUIRED})
    await fails(script)
    script = Script()
    script.add("build")
    script.add("check", "report", failures=99)
    script.add("report")
    script.add("publish", dependencies={"build": REQUIRED, "check": OPTIONAL})
    await fails(script)
    script = deploy()
    script.add("either", dependencies={"check": ANY, "build": ANY})
    await fails(script)


async def test_S6_a_mistake_in_the_flow_is_not_passed_over():
    script = Script()
    script.agent.add_state("check", lambda context: "misspelt", next=[])
    script.add("publish", dependencies={"check": OPTIONAL})
    with pytest.raises(UnknownStateError):
        await script.agent.run(start="check")


async def test_S6_others_that_need_nothing_of_it_fail_as_ever():
    script = deploy()
    script.add("other", failures=99)
    with pytest.raises(StateError, match="'other'"):
        await script.agent.run()


async def test_S6_the_failure_is_restored_with_the_run():
    """A run that is gone on with elsewhere does not wait for it again."""
    script = deploy()
    checkpoint = None
    while "check" not in [event.state for event in script.of(ev.StateFailed)]:
        checkpoint = await script.agent.step()
    other = deploy()
    await other.agent.restore_from_checkpoint(checkpoint)
    assert (await other.agent.resume()).status is AgentStatus.COMPLETED
    assert "check" not in other.started
    assert other.ended[-1] == "publish"


async def test_S6_a_secret_in_its_error_is_not_logged(caplog):
    script = Script()

    async def check(context):
        context.set_secret("key", "sk-123456")
        raise ValueError("refused sk-123456")

    script.agent.add_state("check", check, next=[])
    script.add("publish", dependencies={"check": OPTIONAL})
    with caplog.at_level(logging.WARNING, "fluffy_nb"):
        await script.agent.run()
    assert "refused" in caplog.text
    assert "sk-123456" not in caplog.text


async def test_S6_what_would_have_led_to_a_template_is_needed():
    """Nobody knows to which of the template's names the branch would have gone on."""
    script = Script()
    script.add("a", "t1", failures=99, next=["t1"])
    script.add("t{i}", dependencies={"a": OPTIONAL})
    with pytest.raises(StateError, match="state 'a' failed"):
        await script.agent.run(start="a")
    assert script.started == ["a"]
