"""The answers that bodies have got, so that one that begins again gets them at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

Asked = dict[str, Any]
"""A question of a body: its "text", and its "answer" as plain data where there is one to keep."""


class Given:
    """What each execution was asked for and answered, in the order of its questions."""

    def __init__(self) -> None:
        self._asked: dict[int, list[Asked]] = {}
        self._again: dict[int, deque[Asked]] = {}

    def ask(self, execution: int, text: str) -> Asked:
        """Note a question.

        Returns:
            With its "answer" where the body got one before it had to begin again. As soon as
            another question comes than then, no more of them count.
        """
        before = self._again.get(execution)
        asked: Asked = {"text": text}
        if before:
            first = before.popleft()
            if first.get("text") == text:
                asked = first
            else:
                before.clear()
        self._asked.setdefault(execution, []).append(asked)
        return asked

    def of(self, execution: int) -> list[Asked]:
        """The questions of an execution up to the last that has an answer, as plain data."""
        asked = [*self._asked.get(execution, ()), *self._again.get(execution, ())]
        while asked and "answer" not in asked[-1]:
            asked.pop()
        return [dict(question) for question in asked]

    def give_again(self, execution: int, asked: Iterable[Asked]) -> None:
        """Have the next body of an execution get what `of` has told."""
        self._again[execution] = deque(dict(question) for question in asked)

    def begin_again(self, execution: int) -> None:
        """A body was interrupted: the next one gets its answers."""
        asked = self.of(execution)
        self.forget(execution)
        if asked:
            self.give_again(execution, asked)

    def forget(self, execution: int) -> None:
        """A body has ended: the next one asks anew."""
        self._asked.pop(execution, None)
        self._again.pop(execution, None)
