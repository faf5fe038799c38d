"""Answers that are prepared before the questions: by the caller, or in the environment."""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from fluffy_nb.errors import InvalidAnswersError, shortened

VARIABLE = "FLUFFY_NB_ANSWERS"
"""The environment variable that holds prepared answers as JSON."""

Answers = Mapping[str, Any]
"""By state name one answer or a list of them: each a text, or for a schema a dict or an instance.

JSON is a text."""


class PreparedAnswers:
    """Answers given before the questions: for each state a list, in the order it asks.

    Args:
        answers: By state name; a single answer is a list of one.
        source: Where they come from, for messages.

    Raises:
        InvalidAnswersError: They have another form.
    """

    def __init__(self, answers: object, source: str = "answers=") -> None:
        self._answers: dict[str, deque[Any]] = {}
        if not isinstance(answers, Mapping):
            raise InvalidAnswersError(source, f"{shortened(answers)} is no mapping")
        for state, given in answers.items():
            if not isinstance(state, str):
                raise InvalidAnswersError(source, f"{shortened(state)} is no state's name")
            several = [given] if _is_answer(given) else given
            if not isinstance(several, (list, tuple)):
                raise InvalidAnswersError(source, f"{shortened(given)} for {state!r} is no list")
            for answer in several:
                if not _is_answer(answer):
                    problem = f"{shortened(answer)} for {state!r} is neither text nor fields"
                    raise InvalidAnswersError(source, problem)
            self._answers[state] = deque(several)

    def take(self, state: str) -> tuple[Any] | None:
        """The next answer of a state, in a tuple; None when there is none."""
        waiting = self._answers.get(state)
        return (waiting.popleft(),) if waiting else None

    def then(self, others: PreparedAnswers) -> PreparedAnswers:
        """These answers, with those of others for the states these say nothing of."""
        both = PreparedAnswers({})
        both._answers = {**others._answers, **self._answers}
        return both


def _is_answer(value: object) -> bool:
    pydantic = sys.modules.get("pydantic")  # no instance of a model can exist before
    models: Iterable[type] = () if pydantic is None else (pydantic.BaseModel,)
    return isinstance(value, (str, Mapping, *models))


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
