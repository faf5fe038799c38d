"""pydantic-graph: steps and joins of its GraphBuilder, without instrumentation."""

import asyncio
from typing import Literal

from pydantic_graph import GraphBuilder, TypeExpression, reduce_null

CANNOT = {"prompts": "asks nobody"}


def levels(levels, seconds, done):
    builder = GraphBuilder(auto_instrument=False)

    def step(name, sleeps):
        async def body(context):
            if sleeps:
                await asyncio.sleep(seconds)
            done.append(name)

        return builder.step(body, node_id=name)

    before = [builder.start_node]
    for level in levels:
        steps = [step(name, seconds and len(level) > 1) for name in level]
        if len(before) > 1:
            join = builder.join(reduce_null, initial=None, node_id=f"join_{level[0]}")
            builder.add(builder.edge_from(*before).to(join))
            before = [join]
        builder.add(builder.edge_from(*before).to(*steps))
        before = steps
    builder.add(builder.edge_from(*before).to(builder.end_node))
    return builder.build().run


def loop(times, done):
    builder = GraphBuilder(auto_instrument=False)

    @builder.step
    async def s(context) -> Literal["again", "enough"]:
        done.append("s")
        return "again" if len(done) < times else "enough"

    def to(answer, node):
        return builder.match(TypeExpression[Literal[answer]]).to(node)

    builder.add(
        builder.edge_from(builder.start_node).to(s),
        builder.edge_from(s).to(
            builder.decision().branch(to("again", s)).branch(to("enough", builder.end_node))
        ),
    )
    return builder.build().run
