"""One question asked in a terminal, until its answer is accepted."""

from __future__ import annotations

import json
import queue
import threading
import time
from typing import TextIO

from fluffy_nb.engine.filled import data_of
from fluffy_nb.engine.forms import Field
from fluffy_nb.engine.lines import Echo, Lines
from fluffy_nb.engine.prompt import Prompt
from fluffy_nb.engine.verdict import WHOLE
from fluffy_nb.errors import PromptClosedError, visible_lines

REPLY_SECONDS = 0.2
"""How often to look whether a loop that does not reply has gone."""

_LONG = {"area", "lines", "json", "any"}


class LeftError(Exception):
    """The question was closed elsewhere."""


class Conversation:
    """Asks a prompt.

    Args:
        prompt: The question.
        lines: Reads what is typed.
        echo: Hides what is typed.
        entry: Where it is typed.
        out: Where to write.
    """

    def __init__(
        self, prompt: Prompt, lines: Lines, echo: Echo, entry: TextIO, out: TextIO
    ) -> None:
        self._prompt = prompt
        self._lines = lines
        self._echo = echo
        self._entry = entry
        self._out = out
        self._is_giving = False
        self._is_over = threading.Lock()  # taken by whoever tells of it

    def hold(self) -> None:
        """Ask, and ask again what is refused.

        Raises:
            LeftError: The question was closed elsewhere.
            EOFError: There is nobody to type any more.
        """
        if self._prompt.fate:
            raise LeftError
        try:
            self._introduce()
            if self._prompt.schema is not None:
                self._fill_in()
            else:
                self._ask()
        except LeftError:
            self._tell_end()
            raise

    def closed(self) -> None:
        """The prompt was closed; said at once, before whoever waits for the run writes more."""
        self._echo.on()
        if not self._is_giving:  # else by what was typed here
            self._tell_end()

    def _tell_end(self) -> None:
        if self._is_over.acquire(blocking=False):
            self._say(f"\n  (this question {self._prompt.fate})")

    def _introduce(self) -> None:
        prompt = self._prompt
        if prompt.show is not None:
            self._say("\n" + prompt.show.get("text/markdown", prompt.show["text/plain"]))
        until = ""
        if prompt.deadline is not None:
            until = time.strftime(", until %H:%M:%S", time.localtime(prompt.deadline))
        self._say(f"\n{prompt.state} asks{until}: {prompt.text}")

    # ------------------------------------------------------------ a text, or one of several

    def _ask(self) -> None:
        choices = self._prompt.choices
        self._offer(choices)
        if self._prompt.multiline and not choices:
            self._say("  (an empty line ends the answer)")
        read = self._several if self._prompt.multiline and not choices else self._line
        while refusal := self._give(_chosen(read("> "), choices)):
            self._say(f"  {refusal}")

    def _offer(self, choices: tuple[str, ...], indent: str = "  ") -> None:
        for number, choice in enumerate(choices, 1):
            self._say(f"{indent}{number}  {choice}")

    # ------------------------------------------------------------ the fields of a schema

    def _fill_in(self) -> None:
        """Ask for one field after the other; then again for those that are refused."""
        fields = self._prompt.fields
        texts = {field.name: field.text for field in fields}
        asked = fields
        while True:
            for field in asked:
                texts[field.name] = self._field(field, texts[field.name])
            data, _ = data_of(fields, texts)
            if not (refusal := self._give(json.dumps(data))):
                return
            wrong = self._prompt.field_errors
            asked = tuple(field for field in fields if field.name in wrong)
            for field in asked:
                self._say(f"  {field.label or 'this'}: {wrong[field.name]}")
                texts[field.name] = field.text
            if WHOLE in wrong or not asked:
                self._say(f"  {wrong.get(WHOLE, refusal)}")
                asked = fields

    def _field(self, field: Field, present: str) -> str:
        """Ask for a field until what is typed can be read; an empty line keeps what it holds."""
        may_be_empty = field.nullable or not field.required
        optional = " (optional)" if may_be_empty and not field.text else ""
        ends = "an empty line ends it" if field.kind in _LONG else ""
        takes = "; ".join(filter(None, [field.hint, ends]))
        told = ". ".join(filter(None, [takes, field.description]))
        self._say(f"  {field.label}{optional}" + (told and f": {told}"))
        choices = tuple(text for text, _ in field.choices)
        self._offer(choices, indent="    ")
        while True:
            typed = self._typed(field, present)
            text = _chosen(typed, choices) if typed else present
            wrong = data_of((field,), {field.name: text})[1].get(field.name)
            if wrong is None:
                return text
            self._say(f"  {wrong}")

    def _typed(self, field: Field, present: str) -> str:
        held = "as before" if field.kind == "password" else " ".join(present.split())
        mark = f"  [{held}] > " if present else "  > "
        if field.kind in _LONG:
            return self._several(mark, until_json=field.kind in {"json", "any"})
        if field.kind != "password":
            return self._line(mark)
        self._echo.off(self._entry.fileno())
        try:
            line = self._line(mark)
        finally:
            self._echo.on()
        self._say("")  # the end of the line was not shown
        return line

    # ------------------------------------------------------------ typing and giving

    def _several(self, mark: str, *, until_json: bool = False) -> str:
        """Lines up to an empty one, or to where they are JSON."""
        lines: list[str] = []
        indent = mark[: -len(mark.lstrip())]
        while line := self._line(indent + "> " if lines else mark):
            lines.append(line)
            if until_json and _is_json("\n".join(lines)):
                break
        return "\n".join(lines)

    def _line(self, mark: str) -> str:
        self._say(mark, end="")
        if self._entry.closed:
            raise EOFError
        line = self._lines.read(self._entry.fileno(), lambda: not self._prompt.fate)
        if line is None:
            raise LeftError
        return line.decode(self._entry.encoding or "utf-8", "surrogateescape")

    def _give(self, value: str) -> str:
        """Answer, and wait for what comes of it: why it is refused, or nothing."""
        told: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._is_giving = True
        try:
            self._prompt.answer(value, told.put)
        except (PromptClosedError, RuntimeError):  # a loop that was closed
            raise LeftError from None
        while True:
            try:
                refusal = told.get(timeout=REPLY_SECONDS)
            except queue.Empty:
                if self._prompt.fate:
                    raise LeftError from None
            else:
                self._is_giving = not refusal  # what is accepted is closed a moment later
                return refusal

    def _say(self, text: str, end: str = "\n") -> None:
        """Write, with what would steer the terminal made visible."""
        shown = visible_lines(text)
        encoding = self._out.encoding or "utf-8"
        self._out.write(shown.encode(encoding, "backslashreplace").decode(encoding) + end)
        self._out.flush()


def _chosen(typed: str, choices: tuple[str, ...]) -> str:
    """The choice of this name, or else of this number; what is neither is left to be refused."""
    number = int(typed) if typed.isdecimal() and len(typed) < 9 else 0
    if typed not in choices and 0 < number <= len(choices):
        return choices[number - 1]
    return typed


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
