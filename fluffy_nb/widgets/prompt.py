"""One open question as a form, which sends its answer in a single message.

Text typed into a stock widget travels key by key and can lag behind the click that submits it;
here the page reads the field when it is submitted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import traitlets as t

from fluffy_nb.errors import shortened
from fluffy_nb.widgets.assets import script, style
from fluffy_nb.widgets.plain import PlainWidget

if TYPE_CHECKING:
    from fluffy_nb.engine.prompt import Prompt


class PromptWidget(PlainWidget):
    """A form for one prompt.

    Args:
        prompt: What is asked; its `answer` is called with what the person gives.
        report: Called with an error that `answer` raised, besides showing it here.
    """

    _esm = script("common", "prompt")
    _css = style("common", "prompt")

    pid = t.Unicode().tag(sync=True)
    state = t.Unicode().tag(sync=True)
    question = t.Unicode().tag(sync=True)
    choices = t.List(t.Unicode()).tag(sync=True)
    multiline = t.Bool(False).tag(sync=True)
    deadline = t.Float(None, allow_none=True, help="Epoch seconds; None where no clock runs.").tag(
        sync=True
    )
    refusal = t.Unicode(help="Why the last answer was not accepted.").tag(sync=True)
    closed = t.Bool(False).tag(sync=True)

    def __init__(self, prompt: Prompt, report: Callable[[Exception], object] | None = None) -> None:
        self._prompt, self._report = prompt, report
        super().__init__(
            pid=str(prompt.id),
            state=prompt.state,
            question=prompt.text,
            choices=list(prompt.choices),
            multiline=prompt.multiline,
            deadline=prompt.deadline,
            refusal=prompt.refusal,
        )
        self.on_msg(self._receive)

    def about(self) -> str:
        """What the text form says in its parentheses."""
        return f"{self.state}: {shortened(self.question, 60)}"

    def refuse(self, message: str) -> None:
        """Show why an answer was not accepted, and let the person try again."""
        self.refusal = message
        # The same message twice is no change of the trait, but the form has to open again.
        self.send({"kind": "refused"})

    def _receive(self, _: object, content: Any, __: object) -> None:
        if content.get("kind") != "answer" or content.get("id") != self.pid:
            return
        try:
            self._prompt.answer(content["value"])
        except Exception as problem:  # noqa: BLE001 - shown to the person who answered
            self.refuse(str(problem))
            if self._report is not None:
                self._report(problem)
