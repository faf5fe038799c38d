"""The engine and the reference model side by side: after every event they stand at the same place.

Bodies end when the test says so, and time passes when it says so; so all that a run does is
decided by the rules, and compared after each event.
"""

from __future__ import annotations

import asyncio
import json
from math import inf

from fluffy_nb import AgentStatus, Checkpoint
from fluffy_nb.engine import events as ev
from fluffy_nb.errors import BlockedError, StateError

from .played import Gate, agent_of
from .reference import Model
from .reference_branch import DELAYED, RUNS, Seen, seen_of
from .reference_flow import Flow, nth

TICK = 1 / 1024
"""Seconds that each event takes on the loop's clock: all that is not a timer has happened then."""


class Lockstep:
    """One agent and its model; each verb is done to both.

    Args:
        flow: What they play.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.loop = asyncio.get_running_loop()
        self.gates: list[Gate] = []
        self.order: list[Seen] = []  # as the engine's executions became ready, until compared
        self.timers: list[Seen] = []  # as they went off, until compared
        self.seen: dict[int, Seen] = {}  # by execution
        self.branches: dict = {}  # of the engine, by number, those that have ended too
        self.kept: dict = {}
        self.awaited: list[asyncio.Task] = []
        self.story: list[str] = []
        self.agent = self._new_agent()
        self.model = Model(flow, self.loop.time(), self.kept, self.order, self.timers)

    def _new_agent(self):
        agent = agent_of(self.flow, self.gates)
        agent.subscribe(self._note)
        return agent

    def _note(self, event: ev.Event) -> None:
        self.branches |= self.agent.present_run().runner.machine.branches
        fresh = isinstance(event, (ev.StateStarted, ev.StateReused)) and event.branches
        if fresh or isinstance(event, ev.StateQueued):
            branch = self.branches[event.branches[0]]  # those that join it have become it
            seen = seen_of(branch, branch.lost, handles=branch.error is not None)
            self.seen[event.execution] = seen
            self.order.append(seen)
        timed_out = isinstance(event, ev.StateFailed) and event.timed_out
        if timed_out or isinstance(event, ev.RetryDue):
            self.timers.append(self.seen[event.execution])

    # ---------------------------------------------------------------- verbs

    async def _both(self, told: str, happens, *arguments) -> None:
        """What was done to the engine happens in the model, and they are compared."""
        self.story.append(told)
        began = self.loop.time()
        await self._pass_time(TICK)
        self.model.now = began
        happens(*arguments)
        self.model.wait(self.loop.time())
        self.compare()

    async def _pass_time(self, seconds: float) -> None:
        """Also timers that go off at the end of it have done all they cause."""
        await asyncio.sleep(seconds)
        for _ in range(10):
            await asyncio.sleep(0)

    def _await(self, coroutine) -> None:
        task = self.loop.create_task(coroutine)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.awaited.append(task)

    async def begin(self) -> None:
        self._await(self.agent.run())
        await self._both("run", self.model.begin)

    async def run_again(self) -> None:
        """Another run of the same agent."""
        self.model = Model(self.flow, self.loop.time(), self.kept, self.order, self.timers)
        await self.begin()

    async def resume(self) -> None:
        self._await(self.agent.resume())
        await self._both("resume", self.model.go)

    async def step(self, n: int) -> None:
        self._await(self.agent.step(n))
        await self._both(f"step {n}", self.model.go, n)

    async def pause(self) -> None:
        self._await(self.agent.pause())
        await self._both("pause", self.model.pause)

    async def cancel(self) -> None:
        self._await(self.agent.cancel_all())
        await self._both("cancel", self.model.cancel)

    async def restore(self) -> None:
        """Leave the agent; another one goes on from a checkpoint of this moment."""
        data = json.loads(json.dumps(self.agent.create_checkpoint().to_dict()))
        left, self.agent = self.agent, self._new_agent()
        await left.cancel_all()
        await asyncio.gather(*self.awaited, return_exceptions=True)
        self.awaited.clear()
        self._await(self.agent.restore_from_checkpoint(Checkpoint.from_dict(data)))
        await self._both("restore", self.model.restore)

    async def end(self, place: int) -> None:
        """Let the body of a running attempt end."""
        branch = self.model.in_phase(RUNS)[place]
        same = [b for b in self.model.in_phase(RUNS) if b.state == branch.state]
        gates = [gate for gate in self.gates if gate.state == branch.state]
        assert len(same) == len(gates)
        alike = [gate for gate in gates if told_of(gate) == told_of(branch)]
        executions = self.agent.present_run().runner.machine.executions
        lost = [executions[gate.execution].branch.lost for gate in alike]  # told by nothing else
        gate = alike[lost.index(branch.lost)]
        fails = branch.failed < nth(self.flow.of(branch.node).failures, branch.execution)
        gate.end(nth(self.flow.script[branch.node], branch.execution), fails=fails)
        told = f"{branch.state} {'fails' if fails else 'ends'}"
        await self._both(told, self.model.end, branch)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.story.append(f"{seconds:g} s")
        await asyncio.sleep(seconds)
        await self._pass_time(TICK)
        self.model.wait(self.loop.time())
        self.compare()

    async def finish(self) -> None:
        """Go on to the end, whatever has to be resumed on the way."""
        for _ in range(1000):
            model = self.model
            if model.status == "COMPLETED" or model.blocked:
                return
            if model.status != "RUNNING":
                await self.resume()
            elif model.in_phase(RUNS):
                await self.end(0)
            else:
                due = min(branch.due for branch in model.in_phase(DELAYED))
                assert due < inf
                await self.wait(due - model.now)
        raise AssertionError("it does not come to an end")

    # ---------------------------------------------------------------- comparing

    def compare(self) -> None:
        model, agent = self.model, self.agent
        assert agent.status == model.status
        running = [told_of(gate) for gate in self.gates]
        assert sorted(running) == sorted(told_of(branch) for branch in model.in_phase(RUNS))
        assert agent._running_states == {branch.state for branch in model.in_phase(RUNS)}
        assert agent.priority_queue == tuple(branch.state for branch in model.queue())
        metadata = agent.state_metadata
        counts = {name: data.executions for name, data in metadata.items()}
        names = {name for name in counts if "{" not in name or name not in self.flow.script}
        assert {n: counts[n] for n in names if counts[n]} == dict(+model.counts)
        assert agent.completed_states == model.completed
        if agent.status is AgentStatus.RUNNING:
            return
        for task in self.awaited:
            assert task.done(), f"{task} goes on after the end"
            self._compare_outcome(task)
        self.awaited.clear()

    def _compare_outcome(self, task: asyncio.Task) -> None:
        """What the verb that began the activity returned or raised."""
        error = task.exception()
        of_run = task.get_coro().__name__ in {"run", "resume", "step"}
        if not of_run or self.model.status != "FAILED":
            assert error is None
        elif self.model.blocked:
            assert isinstance(error, BlockedError)
            assert sorted(error.reasons) == sorted(set(self.model.blocked))
        else:
            assert isinstance(error, StateError)

    def nothing_left(self) -> None:
        """No task and no timer is left behind."""
        assert not self.gates
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert not [timer for timer in self.loop._scheduled if not timer.cancelled()]


def told_of(attempt) -> tuple:
    """What can be told of a running attempt from within."""
    return attempt.state, attempt.attempt, sorted(attempt.inputs.items()), attempt.handles
