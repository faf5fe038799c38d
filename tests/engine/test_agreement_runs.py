"""Real runs of random flows agree with the slow model, paused and stepped as well."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from fluffy_nb.engine.agent import Agent

from .flows import graphs
from .reference_flow import Flow, names, nth
from .reference_time import simulate


def agent_of(flow: Flow, pauses: dict[str, int], limit: int | None) -> Agent:
    """An agent whose states follow the flow's script and let the loop turn a few times first."""
    agent = Agent("random", start=flow.starts or None, max_concurrent=limit)
    counts = dict.fromkeys(flow.script, 0)

    def function(name):
        async def state(context):
            for _ in range(pauses[name]):
                await asyncio.sleep(0)
            result = nth(flow.script[name], counts[name])
            counts[name] += 1
            return list(names(result)) or None

        return state

    for name, targets in flow.edges.items():
        agent.add_state(name, function(name), next=targets)
    return agent


async def run_in_pieces(agent: Agent, cuts: list[int]) -> dict[str, int]:
    """Run a flow with pauses after some numbers of steps; returns how often each state ran."""
    for steps in cuts:
        if agent.status != "COMPLETED":
            await agent.step(steps)
            assert not agent._running_states
    result = None if agent.status == "COMPLETED" else await agent.run()
    counts = {name: data.executions for name, data in agent.state_metadata.items()}
    assert result is None or result.counts == {name: n for name, n in counts.items() if n}
    return {name: n for name, n in counts.items() if n}


@given(st.data())
def test_S5_1_S9_5_runs_and_steps_agree_with_the_model(data):
    flow = data.draw(graphs(most=6))
    pauses = data.draw(st.fixed_dictionaries(dict.fromkeys(flow.script, st.integers(0, 5))))
    limit = data.draw(st.none() | st.integers(1, 2))
    cuts = data.draw(st.lists(st.integers(1, 3), max_size=4))
    counts = asyncio.run(run_in_pieces(agent_of(flow, pauses, limit), cuts))
    assert counts == dict(simulate(flow).counts)
