"""Breaks of the engine, one line each, that the suite must notice.

A break is written down as it would be made: in which file, which line becomes which. Where a line
is written anew, so is its break.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """A break.

    Args:
        name: What goes wrong, in a few words.
        file: Under `fluffy_nb/engine`.
        old: The line, or enough lines around it that they are found once.
        new: What stands there instead.
        killers: The test files, under `tests/engine`, of which one must fail.
    """

    name: str
    file: str
    old: str
    new: str
    killers: tuple[str, ...] = ("test_never_again.py",)


MUTANTS = (
    Mutant(
        "a join runs before a branch that can still come",
        "joins.py",
        "                elif topology.leads(branch.node, node):",
        "                elif False:",
    ),
    Mutant(
        "a join runs once for each arrival",
        "execution.py",
        "        return self.id if self.alone else self.state",
        "        return self.id",
    ),
    Mutant(
        "a loop's head waits for the next turn",
        "joins.py",
        "                if at_rest:",
        "                if False:",
        ("test_loops.py", "test_agreement.py"),
    ),
    Mutant(
        "others do not end where another was first",
        "moves.py",
        "            branch.lost |= lost",
        "            pass",
        ("test_results.py",),
    ),
    Mutant(
        "a dependency that has not completed counts",
        "joins.py",
        "            elif not met:",
        "            elif False:",
        ("test_dependencies.py",),
    ),
    Mutant(
        "an optional dependency is required",
        "joins.py",
        "        return optional or self._counts(group, state, dependency)",
        "        return self._counts(group, state, dependency)",
        ("test_dependencies.py",),
    ),
    Mutant(
        "a completion that counts once counts for ever",
        "moves.py",
        "    ends.take(node, topology.rules.dependencies.get(node, {}))",
        "    pass",
        ("test_dependencies.py",),
    ),
    Mutant(
        "retries have no end",
        "retry.py",
        "        if tries > self.max_retries:",
        "        if tries > 1000:",
    ),
    Mutant(
        "a retry is lost",
        "endings.py",
        "        if delay is not None:",
        "        if delay:",
    ),
    Mutant(
        "a wrong name is retried",
        "attempts.py",
        "        if policy is None or issubclass(type(error), NOT_RETRIED):",
        "        if policy is None:",
    ),
    Mutant(
        "a handler is passed over",
        "endings.py",
        "        elif handler is not None and attempt.definition.spec(handler) is not None:",
        "        elif False:",
        ("test_failing.py",),
    ),
    Mutant(
        "a failing run starts more",
        "deciding.py",
        "    if machine.failed:",
        "    if machine.failed and not machine.running:",
        ("test_machine.py",),
    ),
    Mutant(
        "a slot leaks",
        "machine.py",
        "        self.running -= 1",
        "        pass",
        ("test_machine.py",),
    ),
    Mutant(
        "resources leak",
        "machine.py",
        "            self.ledger.give_back(execution.id)",
        "            pass",
        ("test_order.py",),
    ),
    Mutant(
        "memory is not counted",
        "machine.py",
        "            self.ledger.take(execution.id, execution.needs)",
        "            pass",
    ),
    Mutant(
        "a person keeps the slot",
        "machine.py",
        "            self._release_slot(execution)\n            self._mark(",
        "            self._mark(",
        ("test_machine.py",),
    ),
    Mutant(
        "priority does not matter",
        "queue.py",
        "    return -execution.needs.priority, execution.order",
        "    return 0, execution.order",
        ("test_order.py",),
    ),
    Mutant(
        "some are passed without end",
        "queue.py",
        "            if self._was_passed(oldest):",
        "            if False:",
        ("test_never_again.py", "test_order.py"),
    ),
    Mutant(
        "a step lets two run",
        "runner.py",
        "                self.limit -= 1",
        "                self.limit -= 0.5",
        ("test_rules.py",),
    ),
    Mutant(
        "a breakpoint is passed",
        "deciding.py",
        "    if not picked.paused and not picked.retried and _is_breakpoint(",
        "    if False and _is_breakpoint(",
        ("test_steering.py",),
    ),
    Mutant(
        "a person's time counts as the state's",
        "work.py",
        "is_asking(attempt.execution.id):\n            attempt.clock.stop()",
        "is_asking(attempt.execution.id):\n            pass",
    ),
    Mutant(
        "a secret is told",
        "runner.py",
        "masked(each) if n in texts else each",
        "each",
        ("test_tracking.py",),
    ),
    Mutant(
        "writes that crossed are not reported",
        "context_values.py",
        "            if last is not None and self._conflicts(key, last):",
        "            if False:",
        ("test_tracking.py",),
    ),
    Mutant(
        "an attempt that has ended writes on",
        "context_values.py",
        '        """Refuse all further writes, and say what was written, in place as well."""\n'
        "        self._closed = True",
        '        """Refuse all further writes, and say what was written, in place as well."""\n'
        "        self._closed = False",
        ("test_context.py",),
    ),
    Mutant(
        "inputs of a Send are lost",
        "moves.py",
        "        branch.inputs = {**branch.inputs, **to.inputs, **named}",
        "        branch.inputs = {**branch.inputs, **named}",
        ("test_results.py",),
    ),
    Mutant(
        "a cancelled state is left alone",
        "cancelling.py",
        "                    task.cancel()",
        "                    pass",
    ),
    Mutant(
        "a body begins with what the one before it has set",
        "work.py",
        "            self._context.copy(),",
        "            self._context,",
        ("test_begin_alike.py",),
    ),
    Mutant(
        "a body that comes later begins before those that wait",
        "work.py",
        "        if self._waiting:\n            self._waiting.append(attempt)\n        elif",
        "        if",
        ("test_begin_alike.py",),
    ),
    Mutant(
        "what an observer prints is the state's",
        "runner.py",
        "                    self.work.outside().run(self._observers.deliver, event)",
        "                    self._observers.deliver(event)",
        ("test_begin_alike.py", "test_observers.py"),
    ),
    Mutant(
        "the id of a prompt is used again after a restore",
        "run.py",
        "        runner.people.number_anew()",
        "        pass",
        ("test_once_more.py",),
    ),
    Mutant(
        "answers are lost when a run is taken up",
        "run.py",
        "            runner.people.give_again(saved.id, saved.answers)",
        "            pass",
        ("test_people.py", "test_once_more.py"),
    ),
    Mutant(
        "once within itself waits for ever",
        "once.py",
        "            if last in inside:",
        "            if False:",
        ("test_once_more.py",),
    ),
    Mutant(
        "the inputs of what failed are lost on the way to its handler",
        "machine.py",
        "ev.Going(event.handler, execution.branch.inputs, alone=True)",
        "ev.Going(event.handler, alone=True)",
        ("test_slips.py",),
    ),
    Mutant(
        "the text of another function is read",
        "source.py",
        "def _is_same(one: CodeType, other: CodeType) -> bool:\n",
        "def _is_same(one: CodeType, other: CodeType) -> bool:\n    return True\n",
        ("test_returns_code.py",),
    ),
    Mutant(
        "sums that differ by rounding do not fit",
        "resources.py",
        "    return amount > than and not math.isclose(",
        "    return amount > than and True or not math.isclose(",
        ("test_order.py", "test_hardware.py"),
    ),
)
