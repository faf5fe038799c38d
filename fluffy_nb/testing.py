"""For tests of your own flows: record what a run does, and let hours pass in milliseconds."""

from __future__ import annotations

import asyncio
import functools
import inspect
import selectors
import time
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, TypeVarTuple, cast, overload

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.agent import Agent
from fluffy_nb.engine.executors.thread import at_work, count_work
from fluffy_nb.engine.specs import check_seconds
from fluffy_nb.engine.watched import WatchedFlow
from fluffy_nb.errors import InvalidSpecError, StandstillError, UsageError, nearest
from fluffy_nb.journal.conformance import check_store

__all__ = ["Recording", "check_store", "fake_clock", "record", "run"]

E = TypeVar("E", bound=ev.Event)
P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

PATIENCE = 30.0
"""Seconds of real time that threads, connections and programs are waited for."""


# ---------------------------------------------------------------- recording


class Recording:
    """The events of an agent's runs from now on; as a context manager it stops at the end.

    Args:
        agent: Whose events.
    """

    def __init__(self, agent: Agent) -> None:
        if not isinstance(agent, WatchedFlow):
            raise InvalidSpecError("what is recorded", agent, "an Agent")
        self.events: list[ev.Event] = []
        """All of them, in order."""
        self.stop = agent.subscribe(self.events.append)
        """Ends the recording; what was recorded stays."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def kinds(self) -> list[str]:
        """The kinds of all events, as "StateStarted", in order."""
        return [event.kind for event in self.events]

    @property
    def started(self) -> list[str]:
        """The state of each attempt, in the order in which they began."""
        return [event.state for event in self.of(ev.StateStarted)]

    @property
    def completed(self) -> list[str]:
        """The states that completed, in the order in which they did."""
        return [event.state for event in self.of(ev.StateCompleted)]

    @overload
    def of(self, kind: type[E], state: str | None = None) -> list[E]: ...

    @overload
    def of(self, kind: str, state: str | None = None) -> list[Any]: ...

    def of(self, kind: str | type[ev.Event], state: str | None = None) -> list[Any]:
        """The events of one kind.

        Args:
            kind: A class of event, or its name.
            state: Only those of this state.

        Returns:
            The events, in order.

        Raises:
            InvalidSpecError: There is no such kind.
        """
        name = kind if isinstance(kind, str) else getattr(kind, "kind", "")
        if not isinstance(name, str) or name not in ev.KINDS:
            allowed = f"a kind of event ({nearest(name, ev.KINDS)})"
            raise InvalidSpecError("kind", kind, allowed)
        found = [event for event in self.events if event.kind == name]
        return [e for e in found if state is None or getattr(e, "state", None) == state]

    def seconds(self, kind: str | type[ev.Event], state: str | None = None) -> list[float]:
        """When the events of one kind happened: seconds since the first event, to the millisecond.

        Args:
            kind: A class of event, or its name.
            state: Only those of this state.

        Returns:
            The seconds, in order.
        """
        return [round(event.time - self.events[0].time, 3) for event in self.of(kind, state)]


def record(agent: Agent) -> Recording:
    """Record the events of an agent's runs.

    Args:
        agent: The agent, before it runs.

    Returns:
        The recording, which grows with every event.

    Example:
        >>> recording = record(agent)
        >>> result = run(agent.run())
        >>> recording.completed
        ['load', 'report']
    """
    return Recording(agent)


# ---------------------------------------------------------------- a clock that jumps


def run(coroutine: Coroutine[Any, Any, T], *, patience: float = PATIENCE) -> T:
    """Run a coroutine as `asyncio.run` does, on a clock that jumps where everybody would wait.

    The clock stands still while something can be done, and while a plain state, `asyncio.to_thread`
    or another executor is at work, or a store is written. When all wait it moves to the next
    timer. While a connection or a pipe is open, or a program runs, nobody knows when something
    comes, and time passes as it always does.

    Args:
        coroutine: What to run, as `agent.run()`.
        patience: Seconds of real time that threads, connections and programs are waited for.

    Returns:
        What the coroutine returns.

    Raises:
        StandstillError: Nothing can happen any more, or the patience was at its end.
        UsageError: A loop runs already in this thread.

    Example:
        >>> result = run(agent.run(timeout=3600, answers={"review": ["approve"]}))
    """
    if not inspect.iscoroutine(coroutine):
        raise InvalidSpecError("the coroutine", coroutine, "one, as agent.run() gives it")
    try:
        check_seconds("patience", patience)
        _check_no_loop()
        with asyncio.Runner(loop_factory=lambda: _Loop(patience)) as runner:
            result: T = runner.run(coroutine)
            return result
    finally:
        coroutine.close()  # where it could not begin


def fake_clock(test: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make an async test a plain one that runs with `run`; a decorator.

    Fixtures of pytest are handed on. One that is async itself lives on another loop, so what it
    gives must not belong to a loop.

    Args:
        test: An `async def` function.

    Returns:
        A plain function of the same name and arguments; no plugin is needed to call it.

    Raises:
        InvalidSpecError: The function is not async.

    Example:
        >>> @fake_clock
        ... async def test_a_pause_does_not_count():
        ...     run = agent.start(timeout=60)
        ...     await agent.pause()
        ...     await asyncio.sleep(3600)
        ...     assert (await agent.resume()).status == "COMPLETED"
    """
    if not inspect.iscoroutinefunction(test):
        raise InvalidSpecError("the test", test, "an async function: async def test_...")

    @functools.wraps(test)
    def on_fake_clock(*args: P.args, **kwargs: P.kwargs) -> T:
        return run(test(*args, **kwargs))

    return on_fake_clock


def _check_no_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError(
        "fluffy_nb.testing.run() was called where a loop runs already, which keeps its own clock; "
        "call it from a plain function, or make the async one @fake_clock."
    )


class _Loop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own."""

    def __init__(self, patience: float) -> None:
        self.now = 0.0
        self._began = time.time()
        self._programs: list[asyncio.SubprocessTransport] = []
        super().__init__(cast("selectors.BaseSelector", _Selector(self, patience)))

    def time(self) -> float:
        return self.now

    def wall_time(self) -> float:
        """Seconds since the epoch, by this clock."""
        return self._began + self.now

    def run_in_executor(
        self, executor: Any, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        count_work(self, 1)
        future.add_done_callback(lambda _: count_work(self, -1))
        return future

    async def subprocess_exec(
        self, *args: Any, **kwargs: Any
    ) -> tuple[asyncio.SubprocessTransport, Any]:
        begun = await super().subprocess_exec(*args, **kwargs)
        self._programs.append(begun[0])
        return begun

    async def subprocess_shell(
        self, *args: Any, **kwargs: Any
    ) -> tuple[asyncio.SubprocessTransport, Any]:
        begun = await super().subprocess_shell(*args, **kwargs)
        self._programs.append(begun[0])
        return begun

    def is_open(self) -> bool:
        """Whether a program runs, which may say so by a thread that nobody has counted."""
        self._programs = [each for each in self._programs if each.get_returncode() is None]
        return bool(self._programs)

    async def shutdown_default_executor(self, *args: Any, **kwargs: Any) -> None:
        count_work(self, 1)  # a thread waits for the others
        try:
            await super().shutdown_default_executor(*args, **kwargs)
        finally:
            count_work(self, -1)


class _Selector:
    """Where a loop waits: for connections as it should, for timers by moving the clock.

    Args:
        loop: Whose clock.
        patience: Seconds of real time to wait at most.
    """

    def __init__(self, loop: _Loop, patience: float) -> None:
        self._loop = loop
        self._patience = patience
        self._real = selectors.DefaultSelector()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        threads = at_work(self._loop)  # asked first: what one has told since is found below
        events = self._real.select(0)
        if events or timeout == 0:
            return events
        if threads > 0:
            return self._wait("a thread")
        if len(self._real.get_map()) > 1 or self._loop.is_open():  # not just how threads wake it
            return self._flow(timeout)
        if timeout is None:
            raise StandstillError(_waiting(self._loop), "", 0)
        self._loop.now += timeout
        return []

    def _flow(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Let real time pass until a connection has something, or the next timer is due."""
        began = time.monotonic()
        if timeout is None or timeout > self._patience:
            events = self._wait("a connection, pipe or program")
            self._loop.now += time.monotonic() - began
            return events
        events = self._real.select(timeout)
        self._loop.now += min(time.monotonic() - began, timeout) if events else timeout
        return events

    def _wait(self, beside: str) -> list[tuple[selectors.SelectorKey, int]]:
        events = self._real.select(self._patience)
        if not events:
            raise StandstillError(_waiting(self._loop), beside, self._patience)
        return events


def _waiting(loop: asyncio.AbstractEventLoop) -> list[str]:
    return sorted(task.get_name() for task in asyncio.all_tasks(loop))
