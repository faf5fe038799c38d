import asyncio

from fluffy_nb.engine import events as ev
from fluffy_nb.widgets.pace import PER_SECOND, Pace

CHANGED = ev.RunResumed(1, 0.0)
ENDED = ev.RunCompleted(2, 0.0)


def test_without_a_loop_it_paints_at_once():
    painted = []
    Pace(lambda: painted.append(1)).after(CHANGED)
    assert painted == [1]


def test_the_first_change_is_painted_when_the_loop_turns_again(loop):
    painted = []
    pace = Pace(lambda: painted.append(loop.now))
    pace.after(CHANGED)
    assert painted == []
    loop.advance(0)
    assert painted == [0.0]


def test_many_changes_are_painted_together(loop):
    painted = []
    pace = Pace(lambda: painted.append(loop.now))
    for _ in range(1000):
        pace.after(CHANGED)
    loop.advance(0.01)
    assert len(painted) == 1


def test_a_stream_of_changes_is_painted_at_most_30_times_a_second(loop):
    painted = []
    pace = Pace(lambda: painted.append(loop.now))
    for _ in range(3000):
        pace.after(CHANGED)
        loop.advance(0.001)
    loop.advance(1)
    assert len(painted) > 2 * PER_SECOND
    for first, later in zip(painted, painted[PER_SECOND:], strict=False):
        assert later - first >= 1 - 1e-9


def test_an_end_is_painted_before_the_loop_is_gone():
    painted = []
    pace = Pace(lambda: painted.append(1))

    async def run():
        pace.after(ENDED)

    asyncio.run(run())
    assert painted == [1]


def test_an_end_is_painted_after_it_was_delivered(loop):
    painted = []
    Pace(lambda: painted.append(1)).after(ENDED)
    assert painted == []  # an observer that paints would hold up the run
    loop.advance(0)
    assert painted == [1]


def test_the_end_of_a_busy_run_does_not_wait(loop):
    painted = []
    pace = Pace(lambda: painted.append(loop.now))
    for _ in range(3000):
        pace.after(CHANGED)
        loop.advance(0.001)
    pace.after(ENDED)
    loop.advance(0)
    assert painted[-1] == loop.now


def test_ends_in_a_stream_are_held_to_the_same_limit(loop):
    painted = []
    pace = Pace(lambda: painted.append(loop.now))
    for _ in range(2000):
        pace.after(ENDED)
        loop.advance(0.001)
    for first, later in zip(painted, painted[PER_SECOND:], strict=False):
        assert later - first >= 1 - 1e-9


def test_what_a_dead_loop_was_to_paint_is_painted_by_the_next(loop, monkeypatch):
    painted = []
    pace = Pace(lambda: painted.append(1))
    pace.after(CHANGED)
    other = type(loop)()
    monkeypatch.setattr("asyncio.get_running_loop", lambda: other)
    pace.after(CHANGED)
    other.advance(0)
    assert painted == [1]


def test_stopped_it_paints_no_more(loop):
    painted = []
    pace = Pace(lambda: painted.append(1))
    pace.after(CHANGED)
    pace.stop()
    loop.advance(1)
    assert painted == []
