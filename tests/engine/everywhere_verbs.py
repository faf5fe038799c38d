"""What can be asked of an agent at an event, and what it may answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from fluffy_nb.engine.agent import Agent
from fluffy_nb.errors import (
    DuplicateStateError,
    InvalidSpecError,
    NobodyToAskError,
    NothingToResumeError,
    PromptClosedError,
    RunActiveError,
    StateError,
    StateInUseError,
    UnknownStateError,
    UsageError,
)

from .everywhere_flows import SPARE, Flow

REFUSED = (RunActiveError, NothingToResumeError)
"""What a verb says that can't be carried out where the run stands."""


@dataclass
class Moment:
    """Where a verb is called: within the delivery of an event.

    Args:
        flow: The flow.
        event: The event.
        taken: The checkpoints that were taken; each is restored elsewhere when the run has ended.
        removed: What undoes a subscription.
    """

    flow: Flow
    event: Any
    taken: list[Any] = field(default_factory=list)

    @property
    def agent(self) -> Agent:
        return self.flow.agent


@dataclass(frozen=True)
class Verb:
    """A verb.

    Args:
        call: Called in the delivery; a coroutine that it returns becomes a task.
        allowed: The errors that are documented.
        again: Whether bodies may begin again after it: they were cancelled, or their run is gone.
        fails: Whether a state may fail because of it.
    """

    call: Any
    allowed: tuple[type[Exception], ...] = REFUSED
    again: bool = False
    fails: bool = False


async def pause_and_step(moment):
    await moment.agent.pause()
    await moment.agent.step()
    await moment.agent.step(2)


async def pause_and_resume(moment):
    await moment.agent.pause()
    await moment.agent.resume()


async def pause_twice(moment):
    await asyncio.gather(moment.agent.pause(), moment.agent.pause())


async def cancel_and_resume(moment):
    await moment.agent.cancel_all()
    await moment.agent.resume()


async def cancel_while_pausing(moment):
    await asyncio.gather(moment.agent.pause(), moment.agent.cancel_all())


async def cancelled_waiting(moment):
    """Whoever awaits the run is cancelled, and the run with it."""
    waiting = asyncio.ensure_future(moment.agent.present_run().wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def run_with_timeout(moment):
    """A run that goes on has half a second, then it is cancelled."""
    await moment.agent.pause()
    await moment.agent.resume(timeout=0.5)


def checkpoint(moment):
    moment.taken.append(moment.agent.create_checkpoint())


async def pause_and_checkpoint(moment):
    moment.taken.append(await moment.agent.pause())


def fork(moment):
    agent = moment.agent
    agent.fork(agent.create_checkpoint())


def restore_itself(moment):
    agent = moment.agent
    return agent.restore_from_checkpoint(agent.create_checkpoint())


async def restore_and_cancel(moment):
    """What was restored has not begun yet, and is given up for another, or cancelled."""
    agent = moment.agent
    taken = await agent.pause()
    await agent.restore_from_checkpoint(taken)
    await agent.restore_from_checkpoint(taken)
    await agent.cancel_all()


def answer(moment):
    for prompt in moment.agent.prompts:
        prompt.answer("yes")


def decline(moment):
    for prompt in moment.agent.prompts:
        prompt.decline()


def replace(moment):
    """Every state by itself, as running its cell again does."""
    for name, spec in moment.agent.states.items():
        if spec.flow is None:
            moment.agent.add_state(
                name,
                spec.function,
                next=list(spec.next or ()),
                dependencies=spec.dependencies,
                resources=spec.resources,
                retry_policy=spec.retry,
                on_error=spec.on_error,
                replace=True,
            )


def remove(moment):
    moment.agent.remove_state(SPARE)


def add_another(moment):
    moment.agent.add_state(f"added_{moment.event.seq}", moment.flow.body(), next=[])


def break_everywhere(moment):
    moment.agent.breakpoints.update(moment.agent.states)


def break_nowhere(moment):
    moment.agent.breakpoints.clear()


def subscribe(moment):
    stop = moment.agent.subscribe(lambda event: stop())


def watch(moment):
    async def follow():
        async for _ in moment.agent.events():
            return

    return follow()


def look(moment):
    """Everything that can be read."""
    agent = moment.agent
    for name in [*agent.states, "nowhere", getattr(moment.event, "state", "begin")]:
        agent.explain(name)
    agent.check()
    return_of = (
        agent.state_graph,
        agent.status,
        agent.where,
        agent.prompts,
        agent.priority_queue,
        agent.completed_states,
        agent._running_states,
        agent.taken_edges,
        dict(agent.state_metadata),
        agent.context_values,
        agent.duration,
        repr(agent),
        [each.to_dict() for each in list(agent.checkpoints)[-2:]],
        agent.create_checkpoint().to_dict(),
    )
    assert return_of


def requested(verb, *arguments):
    """A button: what is refused stands in the agent's notice."""

    async def wait(moment):
        await asyncio.wrap_future(moment.agent.request(verb, *arguments))

    return wait


VERBS = {
    "pause": Verb(lambda m: m.agent.pause()),
    "pause_twice": Verb(pause_twice),
    "pause_and_step": Verb(pause_and_step),
    "pause_and_resume": Verb(pause_and_resume),
    "pause_and_checkpoint": Verb(pause_and_checkpoint),
    "resume": Verb(lambda m: m.agent.resume()),
    "step": Verb(lambda m: m.agent.step()),
    "step_3": Verb(lambda m: m.agent.step(3)),
    "cancel": Verb(lambda m: m.agent.cancel_all(), again=True),
    "cancel_and_resume": Verb(cancel_and_resume, again=True),
    "cancel_while_pausing": Verb(cancel_while_pausing, again=True),
    "cancelled_waiting": Verb(cancelled_waiting, again=True),
    "run_with_timeout": Verb(run_with_timeout, (*REFUSED, TimeoutError), again=True),
    "run": Verb(lambda m: m.agent.run()),
    "start": Verb(lambda m: m.agent.start().wait()),
    "checkpoint": Verb(checkpoint),
    "fork": Verb(fork, again=True),
    "restore_itself": Verb(restore_itself, again=True),
    "restore_and_cancel": Verb(restore_and_cancel, again=True),
    "answer": Verb(answer, (PromptClosedError,)),
    "decline": Verb(decline, (PromptClosedError,), again=True, fails=True),
    "replace": Verb(replace),
    "remove": Verb(remove, (StateInUseError, UnknownStateError)),
    "add_another": Verb(add_another, (DuplicateStateError,)),
    "break_everywhere": Verb(break_everywhere),
    "break_nowhere": Verb(break_nowhere),
    "subscribe": Verb(subscribe),
    "watch": Verb(watch),
    "look": Verb(look),
    "request_pause": Verb(requested("pause"), (UsageError,)),
    "request_step": Verb(requested("step"), (UsageError,)),
    "request_resume": Verb(requested("resume"), (UsageError,)),
    "request_run": Verb(requested("run"), (UsageError,)),
    "request_cancel": Verb(requested("cancel"), (UsageError,), again=True),
}

GOES_WRONG = (StateError, NobodyToAskError, InvalidSpecError)
"""What a run may raise where somebody has declined a question."""
