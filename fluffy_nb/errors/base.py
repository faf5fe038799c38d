"""The base of every error: its text is bounded, it can be copied, and IPython shows it short."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Self, TypeVar

from fluffy_nb.errors.characters import visible_lines
from fluffy_nb.errors.foreign import called
from fluffy_nb.errors.wording import MOST_TEXT, bounded, problem_of, text_of

E = TypeVar("E", bound=BaseException)


class FluffyError(Exception):
    """The base of every error this package raises.

    An error can be pickled and copied whatever its constructor takes: its text, attributes, notes,
    cause and context come back.

    Args:
        text: The message; the middle of a very long one is left out.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(bounded(text))

    def __str__(self) -> str:
        """The message, with what would steer a terminal, or can't be seen, as in Python source."""
        return bounded(visible_lines(super().__str__()))

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show this error as its message, without our frames."""
        notes, _ = called(lambda: list(self.__notes__))  # anything may have been put there
        lines = [line for note in notes or () for line in visible_lines(text_of(note)).split("\n")]
        return [problem_of(self, MOST_TEXT), *lines]

    def __reduce__(self) -> tuple[Any, ...]:
        """What pickle keeps: see `errors.packing`."""
        from fluffy_nb.errors.packing import pack, unpack  # noqa: PLC0415 - it needs this class

        return unpack, (pack(self),)

    def __copy__(self) -> Self:
        return self._again(dict(vars(self)), self.__cause__, self.__context__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        from fluffy_nb.errors.packing import deep_copy  # noqa: PLC0415 - as above

        copied = self._again({}, None, None)
        memo[id(self)] = copied  # first: a cause can lead back here
        vars(copied).update((key, deep_copy(each, memo)) for key, each in vars(self).items())
        copied.__cause__ = deep_copy(self.__cause__, memo)
        copied.__context__ = deep_copy(self.__context__, memo)
        copied.__suppress_context__ = self.__suppress_context__
        return copied

    def _again(
        self,
        attributes: dict[str, Any],
        cause: BaseException | None,
        context: BaseException | None,
    ) -> Self:
        """Another error of this class and text; its constructor is not called."""
        copied = made_of(type(self), self.args, attributes)
        copied.__cause__, copied.__context__ = cause, context
        copied.__suppress_context__ = self.__suppress_context__
        return copied


def made_of(kind: type[E], arguments: tuple[Any, ...], attributes: Mapping[str, Any]) -> E:
    """An error of a class with these `args`; the constructor of the class is not called.

    Args:
        kind: The class. Where it derives from `RuntimeError` and `OSError`, only one of the two
            can make it, and Python's look-up may find the other.
        arguments: What `args` was.
        attributes: What `vars` gave.
    """
    for base in kind.__mro__:
        if "__new__" in vars(base):
            with contextlib.suppress(TypeError):
                made: E = vars(base)["__new__"](kind)
                break
    else:
        raise TypeError(f"{kind.__name__} can't be made")
    made.args = arguments
    vars(made).update(attributes)
    return made


class StandInError(FluffyError):
    """Stands for an error that could not be pickled, or not be read again: only its text is kept.

    Args:
        text: The class of that error and its text.
    """
