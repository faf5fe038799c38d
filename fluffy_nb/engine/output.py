"""What states print and log: it belongs to their executions, and goes on to where it would go.

While a run is active `sys.stdout`, `sys.stderr`, the making of log records and `input` look whether
a state is running (semantics 10.11). When the last run has stopped they are as they were.
"""

from __future__ import annotations

import builtins
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.attempts import executing
from fluffy_nb.engine.secrets import mask_record
from fluffy_nb.engine.streams import Streams
from fluffy_nb.errors import InputInStateError, called, class_of, text_of

if TYPE_CHECKING:
    from fluffy_nb.engine.context import Context
    from fluffy_nb.engine.secrets import Secrets

MOST_CHARACTERS = 65_536
"""Of what one attempt prints, so many are kept in events."""

LEFT_OUT = "[more output is left out here]\n"


class Printed:
    """What one attempt prints, told line by line.

    Args:
        context: The attempt's.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._left = MOST_CHARACTERS
        self._unfinished = {"stdout": "", "stderr": ""}

    def write(self, stream: str, text: str) -> None:
        """Take what was written to a stream; whole lines are told at once."""
        unfinished = self._unfinished[stream] + text
        lines, newline, rest = unfinished.rpartition("\n")
        self._unfinished[stream] = rest
        if len(rest) > MOST_CHARACTERS:  # a line without an end
            self.flush()
        if newline:
            self.tell(stream, lines + newline)

    @property
    def secrets(self) -> Secrets:
        """Those of the attempt's run."""
        return self._context.secrets

    def flush(self) -> None:
        """Tell the lines that have no end."""
        for stream, text in self._unfinished.items():
            if text:
                self._unfinished[stream] = ""
                self.tell(stream, text)

    def tell(self, stream: str, text: str) -> None:
        """Make an event of it, as long as there is room."""
        if self._left <= 0:
            return
        if len(text) > self._left:
            text = text[: self._left] + LEFT_OUT
        self._left -= len(text)
        self._context.tell(ev.OutputPrinted, stream, text)


def _printed() -> Printed | None:
    """What the running code prints into; None where no state runs it."""
    context = executing.get()
    if context is None or context.is_closed:
        return None
    if context.printed is None:
        context.printed = Printed(context)
    printed: Printed = context.printed
    return printed


def _write(name: str, write: Callable[..., Any], /, text: Any, *more: Any, **named: Any) -> Any:
    """Write to a stream, and note it where a state does so."""
    printed = _printed()
    if printed is None:
        return write(text, *more, **named)
    token = executing.set(None)  # what the stream writes to others is not noted again
    try:
        written = write(text, *more, **named)
    finally:
        executing.reset(token)
    if isinstance(text, str):
        printed.write(name, text)
    return written


class _Watch:
    """Watches streams, log records and `input` while runs are active."""

    def __init__(self) -> None:
        self._active = 0
        self._streams = Streams(_write)
        self._make_record: Callable[..., logging.LogRecord] = logging.LogRecord
        self._input: Callable[..., str] = input

    def begin(self) -> None:
        """A run becomes active; the present streams may be others than at the one before."""
        self._active += 1
        self._streams.watch()
        if self._active > 1:
            return
        self._make_record = logging.getLogRecordFactory()
        logging.setLogRecordFactory(self._record)
        self._input = builtins.input
        builtins.input = self._refuse_input

    def end(self) -> None:
        """A run has stopped; what somebody else has replaced meanwhile stays theirs."""
        self._active -= 1
        if self._active:
            return
        self._streams.leave()
        if logging.getLogRecordFactory() == self._record:
            logging.setLogRecordFactory(self._make_record)
        if builtins.input == self._refuse_input:
            builtins.input = self._input

    def _record(self, *arguments: Any, **more: Any) -> logging.LogRecord:
        record = self._make_record(*arguments, **more)
        printed = _printed()
        if printed is not None:
            message, problem = called(record.getMessage)
            if problem is not None:  # logging itself tells of it
                message = f"{text_of(record.msg)} ({class_of(problem)})"
            secrets = printed.secrets
            if secrets:  # semantics 10.5: in no log, wherever the record goes
                mask_record(record, secrets.masked)
            printed.tell("log", f"{record.levelname} {record.name}: {message}\n")
        return record

    def _refuse_input(self, *prompt: Any) -> str:
        context = executing.get()
        if context is not None:
            raise InputInStateError(context.state)
        return self._input(*prompt)


watch = _Watch()
"""The one watch of this process."""
