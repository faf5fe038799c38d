"""Whatever a flow does, who reads its file knows of the run what the run knows (semantics 13.1)."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from unittest.mock import patch

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fluffy_nb import RunWatch, testing
from fluffy_nb.journal.writer import Writer
from tests.engine.flows_ruled import ruled
from tests.engine.lockstep import Lockstep
from tests.engine.reference_graph import circle_of_needs, starts_of
from tests.engine.test_agreement_rules import play
from tests.engine.watchdog import watchdog


class WatchedLockstep(Lockstep):
    """After each event the file is read, and tells of the run what its agent does."""

    def __init__(self, flow, file: Path) -> None:
        super().__init__(flow)
        self.agent.store = self.file = file
        self.watch: RunWatch | None = None

    def compare(self) -> None:
        super().compare()
        keeper = self.agent.present_run().runner.keeper
        keeper._stop_timers()
        keeper._tell()  # now: what happens between two ends is written a moment later
        keeper._write()
        self.agent.store.worker.join()  # which writes where the loop would have to wait
        if self.watch is None or self.watch.run_id != self.agent.run_id:
            self.close()
            self.watch = RunWatch(self.file, self.agent.run_id)
        watch, agent = self.watch, self.agent
        for row in watch._store.rows(watch.run_id, watch._replay.seq):
            watch._replay.take(row)
        assert not watch._replay._is_rough
        assert watch.status is agent.status
        there = {name: asdict(known) for name, known in agent.state_metadata.items()}
        assert {name: asdict(known) for name, known in watch.state_metadata.items()} == there
        assert watch.taken_edges == agent.taken_edges
        assert watch.completed_states == agent.completed_states
        assert watch._running_states == agent._running_states
        assert set(watch.state_graph.edges) == set(agent.state_graph.edges)

    def close(self) -> None:
        if self.watch is not None:
            self.watch.close()


async def play_watched(flow, data: st.DataObject, folder: Path) -> None:
    both = WatchedLockstep(flow, folder / "runs.sqlite")
    try:
        await play(both, data)
    finally:
        both.close()


@settings(report_multiple_bugs=False)
@given(st.data())
def test_S13_1_who_reads_the_file_of_any_run_knows_what_it_knows(data):
    flow = data.draw(ruled())
    assume(not circle_of_needs(flow))
    assume(starts_of(flow))
    # Rows are written in their own turn: else a retry that is due at once comes before a pause,
    # which waits for what is kept; the model keeps nothing.
    at_once = patch.object(Writer, "_write_soon", lambda writer: writer._write())
    with tempfile.TemporaryDirectory() as folder, watchdog(), at_once:
        testing.run(play_watched(flow, data, Path(folder)))
