"""A prompt: a question that waits for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine.forms import Field, masked_field
from fluffy_nb.engine.plain import check_plain, check_returned
from fluffy_nb.engine.question import Question
from fluffy_nb.engine.verdict import Refused
from fluffy_nb.errors import (
    PromptClosedError,
    called,
    explains_arguments,
    log_error,
    plain,
    shortened,
    visible,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

    from fluffy_nb.engine.people import People

_CALLBACK = "what is called when a prompt is closed"

NOTHING_WRONG: Mapping[str, str] = MappingProxyType({})


class Prompt:
    """An open question to a person.

    Args:
        people: Where it is asked.
        id_: Its id; no other prompt of the run has it, also after a restore.
        execution: The execution that asks.
        state: Its state.
        question: What is asked.
    """

    def __init__(
        self, people: People, id_: str, execution: int, state: str, question: Question
    ) -> None:
        self._people = people
        self.id = id_
        self.execution = execution
        self.state = state
        self.question = question
        self.deadline: float | None = None
        """When it times out, seconds since the epoch; None for never, or while paused."""
        self.refusal = ""
        """Why the last answer was refused; empty while none was."""
        self.field_errors: Mapping[str, str] = NOTHING_WRONG
        """What was wrong with the fields of the last answer, by name; "" for it as a whole."""
        self.fate = ""
        """Why it can't be answered any more; empty while it is open."""
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._when_closed: list[Callable[[], object]] = []

    def __repr__(self) -> str:
        fate = f", {self.fate}" if self.fate else ""
        return f"<Prompt {self.id} of {self.state!r}: {visible(shortened(self.text))}{fate}>"

    @property
    def text(self) -> str:
        """The question; secrets in it, as in all that is shown, are masked."""
        return self._people.masked(self.question.text)

    @property
    def choices(self) -> tuple[str, ...]:
        """The answers to choose from; empty for free text."""
        plain = tuple(map(str.__str__, self.question.choices))
        shown = self._people.masked(plain)
        return plain if shown == plain else _different(shown)

    @property
    def multiline(self) -> bool:
        """Whether free text may have several lines."""
        return self.question.multiline

    @property
    def default(self) -> Any:
        """The outcome when nobody answers; None for none."""
        return self.question.default

    @property
    def show(self) -> Mapping[str, str] | None:
        """What is to be reviewed, by mime type; None where nothing is."""
        return self._people.masked(self.question.show)

    @property
    def schema(self) -> type[BaseModel] | None:
        """The pydantic model of which an answer is an instance; None for a text."""
        return None if self.question.schema is None else self.question.schema.model

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of its form; empty where there is no schema."""
        if self.question.schema is None:
            return ()
        return tuple(
            masked_field(each, self._people.masked) for each in self.question.schema.fields
        )

    # ------------------------------------------------------------ answering

    @explains_arguments
    def answer(self, value: Any, told: Callable[[str], object] | None = None) -> None:
        """Answer the question; safe to call from any thread.

        Args:
            value: A text or one of the choices; for a schema an instance, a dict of its fields, or
                JSON. An answer that is refused leaves the prompt open, with its `refusal`.
            told: Is called in the run's loop with that refusal, empty where it was accepted.

        Raises:
            PromptClosedError: It has been answered, has timed out or was withdrawn.
        """
        if told is not None:
            check_plain("told", told, "the refusal")
        if self.fate:
            raise self.closed_error()
        self._people.runner.cross(self._people.take_answer, self, value, told)

    def meant(self, value: object) -> object:
        """What an answer stands for: a choice is chosen by what is shown of it, too."""
        choices = self.question.choices
        if choices and issubclass(type(value), str):  # isinstance would ask the object
            text, shown = str.__str__(value), self.choices
            if text in shown and text not in [*map(plain, choices)]:
                return choices[shown.index(text)]
        return value

    def decline(self) -> None:
        """Say that nobody will answer: the default is taken, or `NobodyToAskError` raised.

        As thread-safe as `answer`; nothing happens where the prompt is closed.
        """
        self._people.runner.cross(self._people.decline, self)

    def when_closed(self, callback: Callable[[], object]) -> None:
        """Have a function called when it is answered, has timed out or is withdrawn.

        Args:
            callback: Is called in the run's loop; at once where the prompt is closed. One that is
                asked again after a failure calls it each time.
        """
        check_plain(_CALLBACK, callback, "nothing")
        self._when_closed.append(callback)
        if self.fate:
            self._tell(callback)

    def closed_error(self) -> PromptClosedError:
        """Why it can't be answered, as an error."""
        return PromptClosedError(self.id, self.fate, [other.id for other in self._people.open])

    # ------------------------------------------------------------ what its people do with it

    def note(self, refused: Refused | None) -> None:
        """Keep what was wrong with the last answer."""
        self.refusal = "" if refused is None else refused.why
        self.field_errors = NOTHING_WRONG if refused is None else refused.fields

    def close(self, fate: str) -> None:
        """It can't be answered any more."""
        self.fate = fate
        self.note(None)
        for callback in self._when_closed:
            self._tell(callback)

    def _tell(self, callback: Callable[[], object]) -> None:
        _, error = called(self._call, callback)
        if error is not None:
            told = shortened(callback)
            log_error("%r has told %s, which raised; the run goes on", self, told, error=error)

    @staticmethod
    def _call(callback: Callable[[], object]) -> None:
        check_returned(_CALLBACK, callback, callback(), "nothing")


def _different(choices: tuple[str, ...]) -> tuple[str, ...]:
    """Texts of which some may have become alike; those get a number."""
    many = {choice for choice in choices if choices.count(choice) > 1}
    return tuple(f"{c} ({n})" if c in many else c for n, c in enumerate(choices, 1))


Responder = Callable[[Prompt], object]
"""Is given each prompt when it opens, and sees to it that `prompt.answer` is called."""
