"""Questions on standard input and output, one at a time, in a thread of their own."""

from __future__ import annotations

import contextvars
import logging
import sys
import threading
from collections import deque

from fluffy_nb.engine.conversation import Conversation, LeftError
from fluffy_nb.engine.lines import Echo, Lines
from fluffy_nb.engine.prompt import Prompt
from fluffy_nb.engine.wakeup import Wakeup

_log = logging.getLogger("fluffy_nb")


class Terminal:
    """A responder that asks in the terminal.

    The thread lives as long as there are questions. It never holds up the interpreter's end, and
    it reads nothing unless it asks.

    Args:
        lines: Reads what is typed.
    """

    def __init__(self, lines: Lines | None = None) -> None:
        self._lines = lines or Lines()
        self._echo = Echo()
        self._lock = threading.Lock()
        self._waiting: deque[Prompt] = deque()
        self._now: Prompt | None = None
        self._conversation: Conversation | None = None  # about it
        self._is_asking = False
        self._wakeup = Wakeup()  # Ctrl-C is the way out of a question

    def __call__(self, prompt: Prompt) -> None:
        """Ask when all that was asked before is answered."""
        self._wakeup.need(prompt)
        prompt.when_closed(lambda: self._closed(prompt))
        with self._lock:
            self._waiting.append(prompt)
            if self._is_asking:
                return
            self._is_asking = True
        threading.Thread(target=self._ask_all, name="fluffy-terminal", daemon=True).start()

    def _closed(self, prompt: Prompt) -> None:
        """Nobody waits for it any more; in the run's loop, where the interpreter may be ending."""
        self._wakeup.free(prompt)
        conversation = self._conversation
        if self._now is prompt and conversation is not None:
            contextvars.Context().run(conversation.closed)  # no state's own output
            self._lines.wake()

    def _ask_all(self) -> None:
        while True:
            with self._lock:
                self._now = self._waiting.popleft() if self._waiting else None
                if self._now is None:
                    self._is_asking = False
                    return
            self._ask(self._now)

    def _ask(self, prompt: Prompt) -> None:
        try:
            conversation = Conversation(prompt, self._lines, self._echo, sys.stdin, sys.stdout)
            self._conversation = conversation
            conversation.hold()
        except LeftError:
            return
        except EOFError:
            prompt.decline()
        except Exception:  # noqa: BLE001 - as a standard output that was closed
            _log.exception("the terminal can't ask %r; it counts as declined", prompt)
            prompt.decline()
        finally:
            self._conversation = None


ask_in_terminal = Terminal()
"""The one of this process: there is one standard input."""
