"""Where answers come from when no widget gives them: prepared ones, and the terminal."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from fluffy_nb.errors import InvalidAnswersError, PromptClosedError, shortened

if TYPE_CHECKING:
    from fluffy_nb.engine.people import Prompt

VARIABLE = "FLUFFY_NB_ANSWERS"
"""The environment variable that holds prepared answers as JSON."""

Answers = Mapping[str, str | Iterable[str]]


class PreparedAnswers:
    """Answers given before the questions: for each state a list, in the order it asks.

    Args:
        answers: By state name; a single string is a list of one.
        source: Where they come from, for messages.

    Raises:
        InvalidAnswersError: They have another form.
    """

    def __init__(self, answers: object, source: str = "answers=") -> None:
        self._answers: dict[str, deque[str]] = {}
        if not isinstance(answers, Mapping):
            raise InvalidAnswersError(source, f"{shortened(answers)} is no mapping")
        for state, given in answers.items():
            listed = [given] if isinstance(given, str) else given
            if not isinstance(listed, (list, tuple)) or not all(
                isinstance(answer, str) for answer in listed
            ):
                raise InvalidAnswersError(source, f"{shortened(given)} for {state!r} is no list")
            self._answers[state] = deque(listed)

    def take(self, state: str) -> tuple[str] | None:
        """The next answer of a state, in a tuple; None when there is none."""
        waiting = self._answers.get(state)
        return (waiting.popleft(),) if waiting else None

    def then(self, others: PreparedAnswers) -> PreparedAnswers:
        """These answers, with those of others for the states these say nothing of."""
        both = PreparedAnswers({})
        both._answers = {**others._answers, **self._answers}
        return both


def prepared(answers: Answers | None) -> PreparedAnswers:
    """The answers of `run(answers=)`, and those of the environment for other states.

    Raises:
        InvalidAnswersError: One of them has a form that is not understood.
    """
    text = os.environ.get(VARIABLE, "")
    try:
        environment = json.loads(text) if text.strip() else {}
    except ValueError as problem:
        raise InvalidAnswersError(VARIABLE, f"it is no JSON ({problem})") from None
    given = PreparedAnswers({} if answers is None else answers)
    return given.then(PreparedAnswers(environment, VARIABLE))


def ask_in_terminal(prompt: Prompt) -> None:
    """Ask on standard input, in a thread of its own, until the prompt is closed."""
    threading.Thread(target=_converse, args=(prompt,), name="fluffy-terminal", daemon=True).start()


_one_at_a_time = threading.Lock()


def _converse(prompt: Prompt) -> None:
    with _one_at_a_time:
        print(f"\n{prompt.state}: {prompt.text}", flush=True)  # noqa: T201 - the terminal is the place
        if prompt.choices:
            print("  " + " / ".join(prompt.choices), flush=True)  # noqa: T201 - as above
        while not prompt.fate:
            line = sys.stdin.readline()
            if not line:
                prompt.decline()  # the terminal was closed
                return
            refusal = prompt.refuse(line.rstrip("\n"))
            if refusal:
                print(f"  {refusal}", flush=True)  # noqa: T201 - as above
                continue
            try:
                prompt.answer(line.rstrip("\n"))
            except PromptClosedError as problem:
                print(f"  {problem}", flush=True)  # noqa: T201 - as above
            return
