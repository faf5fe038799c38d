"""What was done once in an execution, so that it is not done again (semantics 10.6)."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine import events as ev

if TYPE_CHECKING:
    from fluffy_nb.engine.runner import Runner


class Once:
    """The results of `context.once`, by execution and key.

    Args:
        runner: The run.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._results: dict[int, dict[str, Any]] = {}
        self._doing: dict[tuple[int, str], asyncio.Future[None]] = {}

    async def do(
        self, execution: int, state: str, key: str, function: Callable[..., Any], *arguments: Any
    ) -> Any:
        """Call the function unless this execution has done so; its result is kept first."""
        doing = self._doing.get((execution, key))
        while doing is not None:  # two tasks of one body: the second gets what the first got
            await asyncio.wait({doing})
            doing = self._doing.get((execution, key))
        results = self._results.setdefault(execution, {})
        if key in results:
            return results[key]
        done = self._doing[execution, key] = self._runner.loop.create_future()
        try:
            result = function(*arguments)
            if inspect.isawaitable(result):
                result = await result
            results[key] = result
            self._runner.emit(ev.DoneOnce, execution, state, key)
            if self._runner.keeper is not None:
                await self._runner.keeper.caught_up()
        finally:
            del self._doing[execution, key]
            done.set_result(None)
        return result

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
