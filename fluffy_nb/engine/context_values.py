"""The values of a run as one execution sees them: reads, writes, and what was changed in place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.execution import NO_INPUTS
from fluffy_nb.engine.plain import check_plain, check_returned
from fluffy_nb.engine.shared import Writer, check_key
from fluffy_nb.engine.typed import changed, check_typed
from fluffy_nb.engine.values import has_changed, look
from fluffy_nb.errors import (
    ContextClosedError,
    InputReadOnlyError,
    InvalidSpecError,
    MissingKeyError,
    TypedDataError,
    shortened,
)

if TYPE_CHECKING:
    from fluffy_nb.engine.runner import Runner
    from fluffy_nb.engine.secrets import Secrets

T = TypeVar("T")

_NOTHING = object()

_UPDATES = "what updates a value"


class Written(NamedTuple):
    """What an attempt did to the context: the keys it set or changed, and removed."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


class ContextValues:
    """The values that a state can read and write; `Context` adds the rest.

    Args:
        runner: The run.
        execution: The execution's number.
        state: Its state.
        attempt: Which attempt this is, from 1.
        inputs: What this execution alone was given.
        error: The failure that led here by `on_error`, if one did.
    """

    __slots__ = (
        "_began",
        "_closed",
        "_execution",
        "_looks",
        "_runner",
        "_seen",
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
        self._runner = runner
        self._shared = runner.shared
        self._execution = execution
        self._closed = False
        self._began = runner.seq
        self._looks: dict[str, tuple[object, object]] = {}  # what was read, and how it looked
        self._seen: dict[str, Writer | None] = {}  # whose write of a key this execution knows
        self.state = state
        """The name of the state that runs."""
        self.attempt = attempt
        """Which attempt this is, from 1."""
        self.inputs = inputs
        """What this execution alone was given, read-only."""
        self.error = error
        """The failure that led here by `on_error`; None where none did."""
        self.written: dict[str, None] = {}
        self.removed: dict[str, None] = {}

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
        key = check_key(key)
        self._check_no_input(key)
        with self._shared.lock:
            last = self._shared.writers.get(key)
            writer = Writer(self.state, self.attempt, self._runner.seq, self._execution)
            self._shared.set(key, value, writer, typed=typed)
            if last is not None and self._conflicts(key, last):
                self.tell(ev.WriteConflict, key, last.state, last.execution)
            self._seen[key] = writer
        self._looks.pop(key, None)
        self.written[key] = None
        self.removed.pop(key, None)

    def _conflicts(self, key: str, last: Writer) -> bool:
        """Whether another execution wrote it while this one ran, unseen (semantics 10.3)."""
        foreign = last.execution not in {0, self._execution}
        return foreign and last.event >= self._began and self._seen.get(key) is not last

    def get_state(self, key: str, default: Any = None) -> Any:
        """Read a value, or the default where nothing is stored; the inputs come first.

        A list, dict, array or the like that is changed in place is noticed when the state ends.
        """
        if self.inputs and type(key) is str and key in self.inputs:
            return self.inputs[key]
        value = self.peek(key, _NOTHING)
        if value is _NOTHING:
            check_key(key)  # only here: what was found is under a key
            return default
        known = self._looks.get(key)
        if (known is None or known[0] is not value) and not self._closed:
            seen = look(value)
            if seen is not None:
                self._looks[key] = (value, seen)
        return value

    def peek(self, key: str, default: Any = None) -> Any:
        """Read a value with the promise not to change it: nothing is compared later.

        Args:
            key: Where it is stored.
            default: What to return where nothing is.
        """
        try:
            if self.inputs and key in self.inputs:
                return self.inputs[key]
            shared = self._shared
            self._seen[key] = shared.writers.get(key)
            return shared.values.get(key, default)
        except TypeError:  # a list, say, which has no hash
            check_key(key)
            raise

    def update_state(self, key: str, function: Callable[[Any], Any], default: Any = None) -> Any:
        """Read a value and write what a function makes of it, in one step.

        Nobody else writes the key in between, whatever runs in parallel.

        Args:
            key: Where it is stored.
            function: Is given the value, or the default; must be plain and quick.
            default: What it is given where nothing is stored.

        Returns:
            The new value.

        Example:
            >>> context.update_state("done", lambda n: n + 1, default=0)
        """
        check_plain(_UPDATES, function, "the value")
        with self._shared.lock:
            value = function(self.peek(key, default))
            check_returned(_UPDATES, function, value, "the value")
            self.set_state(key, value)
        return value

    def has_state(self, key: str) -> bool:
        """Whether a value is stored under this key, or it is an input."""
        check_key(key)
        return key in self._shared.values or key in self.inputs

    def remove_state(self, key: str) -> None:
        """Remove a value; nothing happens where nothing is stored."""
        self._check_open()
        key = check_key(key)
        self._check_no_input(key)
        if key in self._shared.values:
            self._shared.remove(key)
            self._looks.pop(key, None)
            self.written.pop(key, None)
            self.removed[key] = None

    def keys(self) -> Collection[str]:
        """The keys that can be read, in the order they were first set; inputs come last."""
        return tuple(dict.fromkeys([*list(self._shared.values), *self.inputs]))

    def _check_no_input(self, key: str) -> None:
        if self.inputs and key in self.inputs:
            raise InputReadOnlyError(self.state, key)

    # ------------------------------------------------------------ never saved

    def set_secret(self, key: str, value: object) -> None:
        """Keep something for all states of the run that nobody else may see.

        It is in no checkpoint, event, log, picture or repr, and gone after a restore. Where it
        turns up in an error, a question or what a state logs, as it is, quoted or encoded, there
        are dots instead; events that were told before keep what they hold.

        Args:
            key: A string.
            value: Anything. Texts, bytes and numbers of at least four characters are looked for,
                also in containers, dataclasses and pydantic models.
        """
        self._check_open()
        self._shared.secrets.set(check_key(key), value)

    def get_secret(self, key: str, default: Any = None) -> Any:
        """Read a secret, or the default where there is none."""
        check_key(key)
        return self._shared.secrets.get(key, default)

    @property
    def secrets(self) -> Secrets:
        """The run's, to clear texts of them."""
        return self._shared.secrets

    def set_local(self, key: str, value: object) -> None:
        """Keep what can't be saved (a connection, a model) for all states; gone after a restore."""
        self._check_open()
        self._shared.local[check_key(key)] = value

    def get_local(self, key: str, default: Any = None) -> Any:
        """Read what `set_local` kept, or the default where there is nothing."""
        check_key(key)
        return self._shared.local.get(key, default)

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
        if not isinstance(cls, type):
            raise InvalidSpecError("what get_typed reads", cls, "a class")
        value = self.get_state(key, _NOTHING) if isinstance(key, str) else _NOTHING
        if value is _NOTHING:
            raise MissingKeyError(key, tuple(self.keys()))
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

    # ------------------------------------------------------------ the end of the attempt

    def finish(self) -> Written:
        """Refuse all further writes, and say what was written, in place as well."""
        self._closed = True
        for key, (value, before) in self._looks.items():
            kept = self._shared.values.get(key, _NOTHING)
            if kept is value and has_changed(before, value):
                event = self._runner.seq
                writer = Writer(self.state, self.attempt, event, self._execution)
                self._shared.writers[key] = writer
                self.written[key] = None
                self._runner.work.looked_again(key, value)
        self._looks.clear()
        return Written(tuple(self.written), tuple(self.removed))

    def look_again(self, key: str, value: object) -> None:
        """Another execution has changed this in place: what it did is not ours."""
        if key in self._looks and self._looks[key][0] is value:
            self._looks[key] = (value, look(value))

    def _check_open(self) -> None:
        if self._closed:
            raise ContextClosedError(self.state, self.attempt)

    @property
    def is_closed(self) -> bool:
        """Whether the attempt has ended."""
        return self._closed

    def tell(self, kind: type[ev.Event], *details: Any) -> None:
        """Make an event of this execution; from any thread."""
        self._check_open()
        self._runner.cross(self._runner.emit, kind, self._execution, self.state, *details)
