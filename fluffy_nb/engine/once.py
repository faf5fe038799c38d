"""What was done once in an execution, so that it is not done again (semantics 10.6)."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine import events as ev
from fluffy_nb.errors import OnceInItselfError

if TYPE_CHECKING:
    from fluffy_nb.engine.runner import Runner


Doing = tuple[int, str]
"""What is being done: an execution, and the key."""

_inside: contextvars.ContextVar[tuple[Doing, ...]] = contextvars.ContextVar(
    "fluffy_once", default=()
)
"""What the running code is part of doing once, in its tasks and threads too."""


class Once:
    """The results of `context.once`, by execution and key.

    Args:
        runner: The run.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._results: dict[int, dict[str, Any]] = {}
        self._doing: dict[Doing, asyncio.Future[None]] = {}
        self._waits: dict[Doing, Doing] = {}  # what is being done waits for what else

    async def do(
        self, execution: int, state: str, key: str, function: Callable[..., Any], *arguments: Any
    ) -> Any:
        """Call the function unless this execution has done so; its result is kept first.

        Raises:
            OnceInItselfError: The function that is called for this key asks for it itself.
        """
        this = execution, key
        while this in self._doing:  # two tasks of one body: the second gets what the first got
            await self._wait(this, state)
        results = self._results.setdefault(execution, {})
        if key in results:
            return results[key]
        done = self._doing[this] = self._runner.loop.create_future()
        inside = _inside.get()
        _inside.set((*inside, this))
        try:
            result = function(*arguments)
            if inspect.isawaitable(result):
                result = await result
            if execution in self._runner.machine.executions:  # a late one may have been done with
                results[key] = result
                self._runner.emit(ev.DoneOnce, execution, state, key)
            if self._runner.keeper is not None:
                await self._runner.keeper.caught_up()
        finally:
            _inside.set(inside)
            del self._doing[this]
            done.set_result(None)
        return result

    async def _wait(self, this: Doing, state: str) -> None:
        """Wait until something is done, unless that waits for the code that is running."""
        inside = _inside.get()
        last: Doing | None = this
        while last is not None:
            if last in inside:
                raise OnceInItselfError(state, this[1])
            last = self._waits.get(last)
        self._waits.update(dict.fromkeys(inside, this))
        try:
            await asyncio.wait({self._doing[this]})
        finally:
            for doing in inside:
                self._waits.pop(doing, None)

    def of(self, execution: int) -> dict[str, Any]:
        """The results of an execution by key."""
        return dict(self._results.get(execution, ()))

    def give_again(self, execution: int, results: Mapping[str, Any]) -> None:
        """Have the next body of an execution get what `of` has told."""
        if results:
            self._results[execution] = dict(results)

    def forget(self, execution: int) -> None:
        """An execution has ended."""
        self._results.pop(execution, None)
