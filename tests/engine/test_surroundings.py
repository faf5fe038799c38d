"""What the place a run lives in provides."""

import asyncio

from fluffy_nb.engine import surroundings as around
from fluffy_nb.engine.surroundings import Surroundings, reset, surroundings


async def test_a_script_has_no_cell_and_no_loop_of_its_own():
    async with Surroundings().running_cell():
        await asyncio.sleep(0)
    assert Surroundings().loop() is None


def test_what_a_notebook_has_set_is_undone():
    surroundings.responder = surroundings.loop = surroundings.running_cell = lambda: None
    reset()
    assert surroundings == Surroundings()
    assert around.surroundings is surroundings
