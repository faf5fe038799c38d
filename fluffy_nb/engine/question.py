"""What is asked of a person, and which answers are accepted."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine.display import mime_bundle
from fluffy_nb.engine.schema import Schema
from fluffy_nb.engine.specs import is_async
from fluffy_nb.engine.verdict import Accepted, Refused, Verdict
from fluffy_nb.errors import InvalidSpecError, listed, shortened

if TYPE_CHECKING:
    from pydantic import BaseModel

Validator = Callable[[Any], bool | None]

_log = logging.getLogger("fluffy_nb")


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
        if validator is not None and (not callable(validator) or is_async(validator)):
            raise InvalidSpecError("validator", validator, "a plain function of the answer")
        if schema is not None and (choices is not None or multiline):
            given = "choices" if choices is not None else "multiline"
            remedy = "A field of the model can have them: Literal['yes', 'no'], or several lines."
            raise InvalidSpecError(
                f"{given}= beside schema=", choices or multiline, "left out", remedy
            )
        self.text = text
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
        try:
            return self._read(value)
        except Exception as problem:  # noqa: BLE001 - a broken validator must not close the prompt
            if not self._is_logged:
                self._is_logged = True
                told = shortened(self.text)
                _log.exception("a validator of %s raised; the prompt stays open", told)
            return Refused(f"the validator raised {type(problem).__name__}: {problem}")

    def _read(self, value: object) -> Verdict:
        verdict = self._read_text(value) if self.schema is None else self.schema.read(value)
        if isinstance(verdict, Refused) or self._validator is None:
            return verdict
        try:
            accepted: Any = self._validator(verdict.value)
        except ValueError as problem:
            return Refused(str(problem) or "this answer is not accepted")
        if inspect.iscoroutine(accepted):
            accepted.close()
            raise TypeError("it returned a coroutine; a validator is a plain function")
        return verdict if accepted is None or accepted else Refused("this answer is not accepted")

    def _read_text(self, value: object) -> Verdict:
        if not isinstance(value, str):
            return Refused(f"{shortened(value)} is no text; answer with a string")
        if self.choices:
            if value not in self.choices:
                return Refused(f"{shortened(value)} is not one of {listed(self.choices)}")
            return Accepted(self.choices[self.choices.index(value)])
        try:
            value.encode()
        except UnicodeEncodeError:
            return Refused("it has half a character, which is no Unicode; type it again")
        return Accepted(value)

    def kept(self, answer: Any) -> Any:
        """An accepted answer as plain data, of which `again` makes it; None where none can."""
        return str.__str__(answer) if self.schema is None else self.schema.plain(answer)

    def again(self, data: object) -> Verdict:
        """Read what `kept` gave."""
        return self.read(data if self.schema is None else json.dumps(data))


def _checked_choices(choices: Collection[str]) -> tuple[str, ...]:
    several = isinstance(choices, Collection) and not isinstance(choices, str)
    texts = several and all(isinstance(choice, str) for choice in choices)
    if not texts or not 0 < len(choices) == len(set(choices)):
        raise InvalidSpecError("choices", choices, "a list of different strings, at least one")
    return tuple(choices)
