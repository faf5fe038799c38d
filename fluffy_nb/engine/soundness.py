"""Whether what a checkpoint says of a run can be: before a machine is made to stand there."""

from __future__ import annotations

from fluffy_nb.engine.checkpoint import Progress, SavedBranch
from fluffy_nb.engine.codecs import REMEDY
from fluffy_nb.engine.shapes import is_count
from fluffy_nb.errors import CheckpointError, shortened


def check_progress(progress: Progress) -> None:
    """Refuse progress in which executions and branches don't fit together.

    Each branch is in the run itself (scope 0), or in an agent that is a state: then its scope is
    the number of that agent's execution. An agent was begun before what is inside it, so nothing
    is inside itself.

    Args:
        progress: Of a checkpoint that was read.

    Raises:
        CheckpointError: A number is none or stands twice, or a branch is in an agent that is not
            there.
    """
    scopes = {0} | {saved.id for saved in progress.executions if saved.inside}
    numbers = [saved.id for saved in progress.executions]
    for number in numbers:
        if not is_count(number) or number == 0:
            raise CheckpointError(f"an execution has the number {shortened(number)}", REMEDY)
    if len(set(numbers)) < len(numbers):
        raise CheckpointError(f"executions have the numbers {shortened(numbers)}", REMEDY)
    for saved in progress.executions:
        _check_scope(saved.branch, saved.id, scopes)
    for branch in progress.waiting:
        _check_scope(branch, None, scopes)
    for counts in (progress.counts, progress.completions):
        for name, count in counts.items():
            if not is_count(count):
                raise CheckpointError(f"state {name!r} was run {shortened(count)} times", REMEDY)


def _check_scope(branch: SavedBranch, number: int | None, scopes: set[int]) -> None:
    if branch.scope not in scopes or (number is not None and branch.scope >= number):
        raise CheckpointError(
            f"a branch at state {branch.state!r} is in agent {shortened(branch.scope)}, which is "
            "not there",
            REMEDY,
        )
