"""One open question as a form, which sends its answer in a single message.

Text typed into a stock widget travels key by key and can lag behind the click that submits it;
here the page reads the field when it is submitted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import traitlets as t

from fluffy_nb.engine.filled import data_of
from fluffy_nb.errors import shortened, text_of
from fluffy_nb.widgets.assets import script, style
from fluffy_nb.widgets.plain import PlainWidget

if TYPE_CHECKING:
    from fluffy_nb.engine.forms import Field
    from fluffy_nb.engine.prompt import Prompt


class PromptWidget(PlainWidget):
    """A form for one prompt.

    Args:
        prompt: What is asked; its `answer` is called with what the person gives.
        report: Called with an error that `answer` raised, besides showing it here.
    """

    _esm = script("common", "shown", "fields", "prompt")
    _css = style("common", "prompt")

    pid = t.Unicode().tag(sync=True)
    state = t.Unicode().tag(sync=True)
    question = t.Unicode().tag(sync=True)
    choices = t.List(t.Unicode()).tag(sync=True)
    multiline = t.Bool(False).tag(sync=True)
    has_fields = t.Bool(False, help="Whether it is a form, which may be empty.").tag(sync=True)
    fields = t.List(t.Dict(), help="What the form asks for.").tag(sync=True)
    shown = t.Dict(help="What is to be reviewed, by mime type.").tag(sync=True)
    deadline = t.Float(None, allow_none=True, help="Epoch seconds; None where no clock runs.").tag(
        sync=True
    )
    refusal = t.Unicode(help="Why the last answer was not accepted.").tag(sync=True)
    problems = t.Dict(help="What was wrong with each field of it.").tag(sync=True)
    closed = t.Bool(False).tag(sync=True)

    def __init__(self, prompt: Prompt, report: Callable[[Exception], object] | None = None) -> None:
        self._prompt, self._report = prompt, report
        super().__init__(
            pid=str(prompt.id),
            state=prompt.state,
            question=prompt.text,
            choices=list(prompt.choices),
            multiline=prompt.multiline,
            has_fields=prompt.schema is not None,
            fields=[_plain(field) for field in prompt.fields],
            shown=dict(prompt.show or {}),
            deadline=prompt.deadline,
            refusal=prompt.refusal,
            problems=dict(prompt.field_errors),
        )
        self.on_msg(self._receive)

    def about(self) -> str:
        """What the text form says in its parentheses."""
        return f"{self.state}: {shortened(self.question, 60)}"

    def note(self) -> None:
        """Show what was wrong with the last answer, whoever gave it."""
        self.refusal = self._prompt.refusal
        self.problems = dict(self._prompt.field_errors)

    def refuse(self, message: str, problems: Mapping[str, str] | None = None) -> None:
        """Show why the answer given here was not accepted, and let the person try again.

        Args:
            message: What was wrong.
            problems: What was wrong with each field, by name.
        """
        self.refusal, self.problems = message, dict(problems or {})
        # The same message twice is no change of the trait, but the form has to open again.
        self.send({"kind": "refused"})

    def _receive(self, _: object, content: Any, __: object) -> None:
        if content.get("kind") != "answer" or content.get("id") != self.pid:
            return
        try:
            value = content["value"]
            if isinstance(value, Mapping):
                data, wrong = data_of(self._prompt.fields, value)
                if wrong:
                    self.refuse("it can't be read", wrong)
                    return
                value = json.dumps(data)
            self._prompt.answer(value, self._told)
        except Exception as problem:  # noqa: BLE001 - shown to the person who answered
            self.refuse(text_of(problem))
            if self._report is not None:
                self._report(problem)

    def _told(self, refusal: str) -> None:
        if refusal:
            self.refuse(refusal, self._prompt.field_errors)


def _plain(field: Field) -> dict[str, Any]:
    """A field as the page needs it: choices by their texts."""
    return {**asdict(field), "choices": [text for text, _ in field.choices]}
