"""The machine without a loop: events in, commands out."""

from __future__ import annotations

import pytest

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.commands import Continue, Finish, Queue, Start
from fluffy_nb.engine.execution import Phase
from fluffy_nb.engine.explain import explain
from fluffy_nb.engine.machine import Machine
from fluffy_nb.engine.progress import progress_of
from fluffy_nb.engine.status import AgentStatus, StateStatus
from fluffy_nb.engine.topology import Topology

from .drive import Driver
from .reference import Flow

DIAMOND = {"s": ["a", "b"], "a": ["j"], "b": ["j"], "j": []}


class Table:
    """A machine that is told events by hand."""

    def __init__(self, edges, starts=("s",), max_concurrent=None):
        self.machine = Machine(Topology(list(edges), edges, starts), max_concurrent)
        self.seq = 0
        self.tell(ev.RunStarted, "run", "agent", tuple(starts))

    def tell(self, kind, *details):
        self.seq += 1
        self.machine.apply(kind(self.seq, float(self.seq), *details))

    def next(self, limit=None):
        """The next command, told back as an event at once."""
        command = self.machine.decide(limit)
        match command:
            case Start():
                self.tell(ev.StateStarted, *command)
            case Queue():
                self.tell(ev.StateQueued, *command)
            case Continue():
                self.tell(ev.StateContinued, *command)
            case Finish(AgentStatus.PAUSED):
                self.tell(ev.RunPaused)
            case Finish(AgentStatus.COMPLETED):
                self.tell(ev.RunCompleted)
            case Finish(AgentStatus.FAILED):
                self.tell(ev.RunFailed, "why")
        return command

    def complete(self, execution, state, *targets):
        self.tell(ev.StateCompleted, execution, state, 1, targets)

    def ask(self, execution, state, prompt="p"):
        self.tell(ev.PromptOpened, prompt, execution, state, "?", (), False, None)

    def answer(self, execution, state, prompt="p"):
        self.tell(ev.PromptAnswered, prompt, execution, state)


def test_S5_1_a_diamond_command_by_command():
    table = Table(DIAMOND)
    assert table.next() == Start(1, "s", 1, (1,))
    assert table.next() is None
    table.complete(1, "s", "a", "b")
    assert table.next() == Start(2, "a", 1, (2,))
    assert table.next() == Start(3, "b", 1, (3,))
    table.complete(2, "a", "j")
    assert table.next() is None
    assert explain(table.machine, "j") == "waits for b (running)"
    table.complete(3, "b", "j")
    assert table.next() == Start(4, "j", 1, (4, 5))
    assert explain(table.machine, "j") == ""
    table.complete(4, "j")
    assert table.next() == Finish(AgentStatus.COMPLETED)
    assert table.next() is None


def test_S5_6_a_waiting_state_says_what_for():
    table = Table({"s": ["a", "b"], "a": ["j"], "b": ["b2"], "b2": ["b3"], "b3": ["j"], "j": []})
    table.next()
    table.complete(1, "s", "a", "b")
    table.next(), table.next()
    table.complete(2, "a", "j")
    assert table.next() is None
    assert explain(table.machine, "j") == "waits for b (running) through b2 and b3"
    assert explain(table.machine, "a") == ""


def test_S5_6_it_may_wait_for_one_that_waits_itself():
    edges = {"s": ["a", "b", "c"], "a": ["x"], "b": ["x"], "x": ["y"], "c": ["y"], "y": []}
    table = Table(edges)
    table.next()
    table.complete(1, "s", "a", "b", "c")
    for _ in range(3):
        table.next()
    table.complete(2, "a", "x")
    table.next()
    table.complete(4, "c", "y")
    assert table.next() is None
    assert explain(table.machine, "y") in {
        "waits for x (waiting too)",
        "waits for b (running) through x",
    }


def test_S5_7_many_joins_that_wait_for_one_branch_cost_one_look_each():
    looks = 0

    class Counted(Topology):
        def leads(self, source, state):
            nonlocal looks
            looks += 1
            return super().leads(source, state)

    joins = [f"j{number}" for number in range(300)]
    edges = {"s": ["slow", *joins], "slow": joins, **{join: [] for join in joins}}
    machine = Machine(Counted(list(edges), edges, ("s",)))
    machine.apply(ev.RunStarted(1, 0.0, "run", "agent", ("s",)))
    machine.apply(ev.StateStarted(2, 0.0, *machine.decide()))
    machine.apply(ev.StateCompleted(3, 0.0, 1, "s", 1, ("slow", *joins)))
    machine.apply(ev.StateStarted(4, 0.0, *machine.decide()))
    assert machine.decide() is None
    assert explain(machine, "j299") == "waits for slow (running)"
    machine.apply(ev.StateCompleted(5, 1.0, 2, "slow", 1, ()))
    started = [machine.decide()]
    while started[-1] is not None:
        machine.apply(ev.StateStarted(5 + len(started), 1.0, *started[-1]))
        started.append(machine.decide())
    assert [command.state for command in started[:-1]] == joins
    assert looks < 20  # each for itself: 300 times 300


def test_S5_4_joins_that_wait_in_a_circle_are_let_go_earliest_first():
    class Circle(Topology):
        """Every state holds every other, as dependencies will make possible."""

        def leads(self, source, state):
            return source != state

    machine = Machine(Circle(["x", "y"], {"x": [], "y": []}, ("x", "y")))
    machine.apply(ev.RunStarted(1, 0.0, "run", "agent", ("y", "x")))
    assert machine.decide() == Start(1, "x", 1, (2,))


def test_S5_4_stepping_lets_go_too():
    class Circle(Topology):
        def leads(self, source, state):
            return source != state

    machine = Machine(Circle(["x", "y"], {"x": [], "y": []}, ("x", "y")))
    machine.apply(ev.RunStarted(1, 0.0, "run", "agent", ("y", "x")))
    assert machine.decide(1) == Start(1, "x", 1, (2,))
    assert machine.decide(0) == Finish(AgentStatus.PAUSED)


def test_S7_2_slots_bound_executions_and_the_queue_keeps_its_order():
    table = Table({"s": ["a", "b", "c"], "a": [], "b": [], "c": []}, max_concurrent=1)
    table.next()
    table.complete(1, "s", "a", "b", "c")
    assert table.next() == Start(2, "a", 1, (2,))
    assert table.next() == Queue(3, "b", (3,))
    assert table.next() == Queue(4, "c", (4,))
    assert table.next() is None
    assert table.machine.metadata["b"].status is StateStatus.READY
    table.complete(2, "a")
    assert table.next() == Start(3, "b", 1, ())
    table.complete(3, "b")
    assert table.next() == Start(4, "c", 1, ())


def test_S7_2_who_asks_a_person_holds_no_slot_and_returns_ahead_of_the_queue():
    table = Table({"s": ["a", "b", "c"], "a": [], "b": [], "c": []}, max_concurrent=1)
    table.next()
    table.complete(1, "s", "a", "b", "c")
    table.next(), table.next(), table.next()
    table.ask(2, "a")
    assert table.machine.metadata["a"].status is StateStatus.WAITING
    assert table.next() == Start(3, "b", 1, ())
    table.answer(2, "a")
    assert table.next() is None
    table.complete(3, "b")
    assert table.next() == Continue(2, "a")
    assert table.machine.metadata["a"].status is StateStatus.RUNNING
    table.complete(2, "a")
    assert table.next() == Start(4, "c", 1, ())


def test_S11_4_with_two_questions_open_one_answer_needs_no_slot():
    table = Table({"s": []})
    table.next()
    table.ask(1, "s", "p1")
    table.ask(1, "s", "p2")
    table.answer(1, "s", "p1")
    assert table.machine.executions[1].phase is Phase.ASKING
    table.answer(1, "s", "p2")
    assert table.next() == Continue(1, "s")


def test_S9_3_a_limit_of_one_lets_one_start_and_then_pauses():
    table = Table(DIAMOND)
    table.next()
    table.complete(1, "s", "a", "b")
    assert table.next(1) == Start(2, "a", 1, (2,))
    assert table.next(0) == Queue(3, "b", (3,))
    assert table.next(0) is None
    table.complete(2, "a", "j")
    assert table.next(0) == Finish(AgentStatus.PAUSED)
    assert table.next(0) is None
    table.tell(ev.RunResumed)
    assert table.next(1) == Start(3, "b", 1, ())


def test_S9_3_a_step_with_nothing_to_start_pauses_and_does_not_wait_for_a_person():
    table = Table({"s": []})
    table.next()
    table.ask(1, "s")
    assert table.machine.decide(None) is None
    assert table.next(1) == Finish(AgentStatus.PAUSED)


def test_S9_1_an_answer_given_in_a_pause_is_kept_for_the_resume():
    table = Table({"s": []})
    table.next()
    table.ask(1, "s")
    assert table.next(0) == Finish(AgentStatus.PAUSED)
    table.answer(1, "s")
    assert table.next() is None
    table.tell(ev.RunResumed)
    assert table.next() == Continue(1, "s")


def test_S8_4_after_a_failure_nothing_starts_and_running_ones_end_first():
    table = Table({"s": ["a", "b", "c"], "a": [], "b": [], "c": []}, max_concurrent=2)
    table.next()
    table.complete(1, "s", "a", "b", "c")
    table.next(), table.next(), table.next()
    table.tell(ev.StateFailed, 2, "a", 1, "ValueError: no")
    assert table.next() is None
    table.complete(3, "b")
    assert table.next() == Finish(AgentStatus.FAILED)
    assert table.machine.metadata["a"].error == "ValueError: no"
    table.tell(ev.RunResumed)
    assert table.next() == Start(2, "a", 2, ())
    assert table.machine.metadata["a"].executions == 1
    assert table.next() == Start(4, "c", 1, ())


def test_S8_4_a_question_withdrawn_by_a_failure_leaves_its_state_waiting():
    table = Table({"s": ["a", "b"], "a": [], "b": []})
    table.next()
    table.complete(1, "s", "a", "b")
    table.next(), table.next()
    table.ask(3, "b")
    table.tell(ev.StateFailed, 2, "a", 1, "ValueError: no")
    table.tell(ev.PromptWithdrawn, "p", 3, "b")
    assert table.next() == Finish(AgentStatus.FAILED)
    assert table.machine.executions[3].phase is Phase.ASKING
    table.tell(ev.RunResumed)
    table.ask(3, "b")
    table.answer(3, "b")
    assert table.next() == Continue(3, "b")


def test_S11_1_a_body_that_stops_asking_runs_on_with_a_slot():
    table = Table({"s": []})
    table.next()
    table.ask(1, "s")
    table.tell(ev.PromptWithdrawn, "p", 1, "s")
    assert table.machine.running == 1
    assert table.machine.metadata["s"].status is StateStatus.RUNNING


def test_S8_5_what_was_cancelled_runs_again_as_the_next_attempt():
    table = Table({"s": ["a"], "a": []})
    table.next()
    table.ask(1, "s")
    table.answer(1, "s")
    table.tell(ev.StateCancelled, 1, "s", 1)
    table.tell(ev.RunCancelled, "stop")
    assert table.machine.status is AgentStatus.CANCELLED
    assert not table.machine.answered
    table.tell(ev.RunResumed)
    assert table.next() == Start(1, "s", 2, ())


@pytest.mark.parametrize("ends", range(8))
def test_S12_5_progress_taken_up_elsewhere_comes_to_the_same_end(ends):
    flow = Flow({"s": [["a", "b"]], "a": ["j"], "b": ["b2"], "b2": ["j"], "j": ["s", None]})
    driver = Driver(flow, {})
    driver.begin()
    driver.advance(limit=None)
    for _ in range(ends):
        driver.end_next()
        driver.advance()
    progress = progress_of(driver.machine)
    other = Machine(Topology(list(flow.script), flow.edges, ("s",)))
    other.apply(ev.RunRestored(1, 0.0, "run", "agent", progress))
    assert other.status is AgentStatus.PAUSED
    again = progress_of(other)
    for saved in progress["executions"]:
        saved["attempt"] += saved["started"]
        saved["started"] = False
    assert again == progress


def test_S2_4_a_changed_graph_is_looked_at_anew():
    edges = {"s": ["a", "b"], "a": ["j"], "b": ["j"], "j": []}
    table = Table(edges)
    table.next()
    table.complete(1, "s", "a", "b")
    table.next(), table.next()
    table.complete(2, "a", "j")
    assert table.next() is None
    table.machine.set_topology(Topology(list(edges), {**edges, "b": []}, ("s",)))
    assert table.next() == Start(4, "j", 1, (4,))


def test_an_event_the_machine_does_not_need_changes_nothing():
    table = Table(DIAMOND)
    before = progress_of(table.machine)
    table.tell(ev.ProgressReported, 1, "s", 0.5, "half")
    assert progress_of(table.machine) == before
