"""What is asked of a person, and which answers are accepted."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, cast

from fluffy_nb.engine.display import mime_bundle
from fluffy_nb.engine.plain import check_plain, check_returned
from fluffy_nb.engine.schema import Schema
from fluffy_nb.engine.verdict import Accepted, Refused, Verdict
from fluffy_nb.errors import (
    InvalidSpecError,
    called,
    listed,
    log_error,
    plain,
    problem_of,
    shortened,
    text_of,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

Validator = Callable[[Any], bool | None]

NOT_ACCEPTED = "this answer is not accepted"


class Question:
    """A question to a person; it checks itself when it is made.

    Args:
        text: The words.
        choices: The answers to choose from; None for free text.
        schema: The pydantic model that an answer has the fields of; None for a text.
        multiline: Whether free text may have several lines.
        default: The outcome when nobody answers; None for none.
        validator: Accepts or refuses an answer that is one otherwise.
        show: What is to be reviewed; None for nothing.

    Raises:
        InvalidSpecError: One of them is not what it must be.
    """

    def __init__(
        self,
        text: str,
        *,
        choices: Collection[str] | None = None,
        schema: type[BaseModel] | None = None,
        multiline: bool = False,
        default: Any = None,
        validator: Validator | None = None,
        show: object = None,
    ) -> None:
        if not isinstance(text, str):
            raise InvalidSpecError("a question", text, "a string")
        if validator is not None:
            check_plain("validator", validator, "the answer")
        if not isinstance(multiline, bool):
            raise InvalidSpecError("multiline", multiline, "True or False")
        if schema is not None and (choices is not None or multiline):
            given = "choices" if choices is not None else "multiline"
            remedy = "A field of the model can have them: Literal['yes', 'no'], or several lines."
            raise InvalidSpecError(
                f"{given}= beside schema=", choices or multiline, "left out", remedy
            )
        self.text = str.__str__(text)
        self.choices = () if choices is None else _checked_choices(choices)
        self.schema = None if schema is None else Schema(schema)
        self.multiline = multiline
        self.default = default
        self.show: Mapping[str, str] | None = None if show is None else mime_bundle(show)
        self._validator = validator
        self._is_logged = False  # that a validator is broken

    def read(self, value: object) -> Verdict:
        """Accept an answer, or say why not.

        Args:
            value: A text, one of the choices, or what `Schema.read` takes.
        """
        verdict, error = called(self._read_value, value)
        if error is not None:
            return self._broken("the validator" if self.schema else "reading the answer", error)
        if isinstance(verdict, Refused) or self._validator is None:
            return cast("Verdict", verdict)
        accepts, error = called(self._is_accepted, verdict.value)
        if isinstance(error, ValueError):
            return Refused(text_of(error) or NOT_ACCEPTED)
        if error is not None:
            return self._broken("the validator", error)
        return cast("Verdict", verdict) if accepts else Refused(NOT_ACCEPTED)

    def _broken(self, who: str, error: BaseException) -> Refused:
        """Say that somebody's code raised: the prompt stays open."""
        if not self._is_logged:
            self._is_logged = True
            asked = shortened(self.text)
            log_error("%s raised at the question %s; it stays open", who, asked, error=error)
        return Refused(f"{who} raised {problem_of(error)}")

    def _is_accepted(self, answer: Any) -> bool:
        accepted: Any = cast("Validator", self._validator)(answer)
        try:
            check_returned("validator", self._validator, accepted, "the answer")
        except InvalidSpecError as wrong:  # a ValueError would be the validator's own refusal
            raise TypeError(str(wrong)) from None
        return accepted is None or bool(accepted)

    def _read_value(self, value: object) -> Verdict:
        return self._read_text(value) if self.schema is None else self.schema.read(value)

    def _read_text(self, value: object) -> Verdict:
        if not isinstance(value, str):
            return Refused(f"{shortened(value)} is no text; answer with a string")
        if self.choices:
            texts = [*map(plain, self.choices)]
            if plain(value) not in texts:
                return Refused(f"{shortened(value)} is not one of {listed(self.choices)}")
            return Accepted(self.choices[texts.index(plain(value))])
        value = str.__str__(value)
        try:
            value.encode()
        except UnicodeEncodeError:
            return Refused("it has half a character, which is no Unicode; type it again")
        return Accepted(value)

    def kept(self, answer: Any) -> Any:
        """An accepted answer as plain data, of which `again` makes it; None where none can."""
        if self.schema is None:
            return str.__str__(answer)
        return called(self.schema.plain, answer)[0]

    def again(self, data: object) -> Verdict:
        """Read what `kept` gave."""
        return self.read(data if self.schema is None else json.dumps(data))


def _checked_choices(choices: Collection[str]) -> tuple[str, ...]:
    several = isinstance(choices, Collection) and not isinstance(choices, str)
    texts = several and all(isinstance(choice, str) for choice in choices)
    if not texts or not 0 < len(choices) == len(set(map(plain, choices))):
        raise InvalidSpecError("choices", choices, "a list of different strings, at least one")
    return tuple(choices)
