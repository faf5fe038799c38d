"""The base of every error, and how IPython shows one."""

from __future__ import annotations


class FluffyError(Exception):
    """The base of every error this package raises."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show this error as its message, without our frames."""
        notes = [line for note in getattr(self, "__notes__", []) for line in note.splitlines()]
        return [f"{type(self).__name__}: {self}", *notes]
