"""The base of every error, and how IPython shows one."""

from __future__ import annotations

from fluffy_nb.errors.characters import visible_lines
from fluffy_nb.errors.foreign import called
from fluffy_nb.errors.wording import MOST_TEXT, problem_of, text_of


class FluffyError(Exception):
    """The base of every error this package raises."""

    def __str__(self) -> str:
        """The message, with what would steer a terminal, or can't be seen, as in Python source."""
        return visible_lines(super().__str__())

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show this error as its message, without our frames."""
        notes, _ = called(lambda: list(self.__notes__))  # anything may have been put there
        lines = [line for note in notes or () for line in visible_lines(text_of(note)).split("\n")]
        return [problem_of(self, MOST_TEXT), *lines]
