"""The base of every error, and how IPython shows one."""

from __future__ import annotations

from fluffy_nb.errors.characters import visible_lines


class FluffyError(Exception):
    """The base of every error this package raises."""

    def __str__(self) -> str:
        """The message, with what would steer a terminal, or can't be seen, as in Python source."""
        return visible_lines(super().__str__())

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show this error as its message, without our frames."""
        notes = [
            line
            for note in getattr(self, "__notes__", [])
            for line in visible_lines(note).split("\n")
        ]
        return [f"{type(self).__name__}: {self}", *notes]
