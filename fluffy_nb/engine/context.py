"""The context: what the states of a run share, as one execution sees it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from numbers import Real
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.display import mime_bundle
from fluffy_nb.engine.question import Question
from fluffy_nb.engine.typed import changed, check_typed
from fluffy_nb.errors import (
    ContextClosedError,
    InvalidSpecError,
    MissingKeyError,
    TypedDataError,
    shortened,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

    from fluffy_nb.engine.runner import Runner

T = TypeVar("T")

NO_INPUTS: Mapping[str, Any] = MappingProxyType({})


class Writer(NamedTuple):
    """Who wrote a key last."""

    state: str
    attempt: int
    event: int
    """The number of the run's latest event at that time."""


class SharedState:
    """The values of one run, who wrote each, and which are typed."""

    __slots__ = ("types", "values", "writers")

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self.values: dict[str, Any] = {}
        self.writers: dict[str, Writer] = {}
        self.types: dict[str, type] = {}
        for key, value in (values or {}).items():
            self.set(key, value, Writer("", 0, 0))

    def set(self, key: str, value: object, writer: Writer, *, typed: bool = False) -> None:
        """Store a value; a key that was set typed takes another type only typed again."""
        if not isinstance(key, str):
            raise InvalidSpecError("a context key", key, "a string")
        held = self.types.get(key)
        if typed:
            self.types[key] = type(value)
        elif held is not None and type(value) is not held:
            raise TypedDataError(
                key,
                f"it holds a {held.__name__}, and {shortened(value)} is of {type(value).__name__}",
                f"remove_state({key!r}) first, or choose another key",
            )
        self.values[key] = value
        self.writers[key] = writer

    def take_over(self, values: Mapping[str, Any], writers: Mapping[str, Writer]) -> None:
        """Store what a state wrote in an earlier run."""
        for key, value in values.items():
            self.set(key, value, writers[key])

    def remove(self, key: str) -> None:
        """Forget a key."""
        self.values.pop(key, None)
        self.writers.pop(key, None)
        self.types.pop(key, None)


class Context:
    """What a state's function is given: the run's shared values, and where it stands.

    Example:
        >>> async def double(context: Context) -> StateResult:
        ...     context.set_state("n", 2 * context.get_state("n", 1))
        ...     return "next_state"
    """

    __slots__ = (
        "_closed",
        "_execution",
        "_runner",
        "_shared",
        "attempt",
        "error",
        "inputs",
        "removed",
        "state",
        "written",
    )

    def __init__(
        self,
        runner: Runner,
        execution: int,
        state: str,
        attempt: int,
        inputs: Mapping[str, Any] = NO_INPUTS,
        error: BaseException | None = None,
    ) -> None:
        self.inputs = inputs
        """What this execution alone was given."""
        self.error = error
        """The failure that led here by `on_error`, if one did."""
        self._runner = runner
        self._shared = runner.shared
        self._execution = execution
        self._closed = False
        self.state = state
        """The name of the state that runs."""
        self.attempt = attempt
        """Which attempt this is, from 1."""
        self.written: dict[str, None] = {}
        self.removed: dict[str, None] = {}

    def __repr__(self) -> str:
        return f"<Context of {self.state!r} in run {self.run_id!r}: {len(self.keys())} keys>"

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self._runner.machine.run_id

    # ------------------------------------------------------------ untyped

    def set_state(self, key: str, value: object) -> None:
        """Store a value for all states of the run.

        Args:
            key: A string.
            value: Anything; what is to survive a restart must be savable.

        Raises:
            TypedDataError: The key was set typed, and this is another type.
        """
        self._store(key, value, typed=False)

    def _store(self, key: str, value: object, *, typed: bool) -> None:
        self._check_open()
        writer = Writer(self.state, self.attempt, self._runner.seq)
        self._shared.set(key, value, writer, typed=typed)
        self.written[key] = None
        self.removed.pop(key, None)

    def get_state(self, key: str, default: Any = None) -> Any:
        """Read a value, or the default where nothing is stored."""
        if self.inputs and key in self.inputs:
            return self.inputs[key]
        return self._shared.values.get(key, default)

    def has_state(self, key: str) -> bool:
        """Whether a value is stored under this key."""
        return key in self._shared.values

    def remove_state(self, key: str) -> None:
        """Remove a value; nothing happens where nothing is stored."""
        self._check_open()
        if key in self._shared.values:
            self._shared.remove(key)
            self.written.pop(key, None)
            self.removed[key] = None

    def keys(self) -> Collection[str]:
        """The keys that are stored, in the order they were first set."""
        return tuple(self._shared.values)

    # ------------------------------------------------------------ typed

    def set_typed(self, key: str, value: object) -> None:
        """Store a dataclass of `TypedContextData` or a pydantic model, its fields checked.

        Raises:
            TypedDataError: It is neither, or a field has the wrong type.
        """
        check_typed(key, value)
        self._store(key, value, typed=True)

    def get_typed(self, key: str, cls: type[T]) -> T:
        """Read a value of a class.

        Args:
            key: Where it is stored.
            cls: The class it must be an instance of.

        Raises:
            MissingKeyError: Nothing is stored there; a `KeyError`.
            TypedDataError: What is stored is of another class; a `TypeError`.
        """
        values = self._shared.values
        if key not in values:
            raise MissingKeyError(key, tuple(values))
        value = values[key]
        if not isinstance(value, cls):
            kind = type(value).__name__
            remedy = f"read it with get_typed({key!r}, {kind})"
            if kind == cls.__name__:  # its cell was run again
                remedy = "the class was defined again since: store the value anew"
            raise TypedDataError(
                key, f"it holds {shortened(value)} of {kind}, not {cls.__name__}", remedy
            )
        return value

    def update_typed(self, key: str, /, **changes: object) -> Any:
        """Replace a typed value by a copy with some fields changed.

        Args:
            key: Where it is stored.
            **changes: New values by field name.

        Returns:
            The new object; the old one is left as it was.

        Raises:
            MissingKeyError: Nothing is stored there.
            TypedDataError: The value is not typed, or a field is unknown or of the wrong type.
        """
        value = self.get_typed(key, object)
        if key not in self._shared.types:
            check_typed(key, value)
        new = changed(key, value, changes)
        self.set_typed(key, new)
        return new

    # ------------------------------------------------------------ telling and asking

    def progress(self, fraction: float, message: str = "") -> None:
        """Say how far a long state has come.

        Args:
            fraction: From 0 to 1.
            message: A few words about what is being done.

        Raises:
            InvalidSpecError: The fraction is outside 0 to 1.
        """
        if not isinstance(fraction, Real) or not 0 <= fraction <= 1:
            raise InvalidSpecError("progress", fraction, "a fraction from 0 to 1")
        self._tell(ev.ProgressReported, float(fraction), str(message))

    def show(self, obj: object) -> None:
        """Attach to this execution what a cell would display: a figure, a table, Markdown."""
        self._tell(ev.OutputShown, mime_bundle(obj))

    async def human_in_the_loop(
        self,
        prompt: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the seed's name; the clock is the run's
        default: Any = None,
        validator: Callable[[Any], bool | None] | None = None,
        choices: Collection[str] | None = None,
        *,
        schema: type[BaseModel] | None = None,
        multiline: bool = False,
        show: object = None,
    ) -> Any:
        """Ask a person and wait for the answer; other states go on meanwhile.

        Args:
            prompt: The question.
            timeout: Seconds until the default is taken; None waits for ever. Pauses don't count.
            default: The answer when nobody gives one; None for no default.
            validator: Returns whether an answer is accepted, or raises `ValueError(message)`.
            choices: The answers to choose from; None for free text.
            schema: A pydantic model: its fields become a form, and the answer is an instance.
            multiline: Whether free text may have several lines.
            show: What is to be reviewed, displayed above the question: a text, a table, a figure.

        Returns:
            The answer: a string, one of `choices`, an instance of `schema`, or the default.

        Raises:
            HumanTimeoutError: Nobody answered in time and there is no default.
            NobodyToAskError: Nobody can answer here.
            InvalidSpecError: An argument is not what it must be, as a schema that is no model.

        Example:
            >>> answer = await context.human_in_the_loop("Publish?", choices=["yes", "no"])
        """
        self._check_open()
        question = Question(
            prompt,
            choices=choices,
            schema=schema,
            multiline=multiline,
            default=default,
            validator=validator,
            show=show,
        )
        asking = self._runner.people.ask(self._execution, self.state, question, timeout)
        return await self._runner.at_home(asking)  # a plain function may run its own loop

    def close(self) -> None:
        """Refuse all further writes: the attempt has ended."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise ContextClosedError(self.state, self.attempt)

    def _tell(self, kind: type[ev.Event], *details: Any) -> None:
        self._check_open()
        self._runner.cross(self._runner.emit, kind, self._execution, self.state, *details)
