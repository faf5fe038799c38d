"""The context: what the states of a run share, as one execution sees it."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Collection, Coroutine, Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.context_values import ContextValues
from fluffy_nb.engine.display import mime_bundle
from fluffy_nb.engine.execution import NO_INPUTS
from fluffy_nb.engine.executors.thread import resting
from fluffy_nb.engine.question import Question
from fluffy_nb.engine.shared import check_key
from fluffy_nb.errors import (
    AskOnLoopError,
    InvalidSpecError,
    explains_arguments,
    text_of,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

    from fluffy_nb.engine.runner import Runner

T = TypeVar("T")


class Context(ContextValues):
    """What a state's function is given: the run's shared values, and where it stands.

    Example:
        >>> async def double(context: Context) -> StateResult:
        ...     context.set_state("n", 2 * context.get_state("n", 1))
        ...     return "next_state"
    """

    __slots__ = ("_asking", "_given_up", "printed")

    def __init__(
        self,
        runner: Runner,
        execution: int,
        state: str,
        attempt: int,
        inputs: Mapping[str, Any] = NO_INPUTS,
        error: BaseException | None = None,
    ) -> None:
        super().__init__(runner, execution, state, attempt, inputs, error)
        self._given_up = False
        self._asking: set[concurrent.futures.Future[Any]] = set()  # from a thread
        self.printed: Any = None  # what it prints and logs, kept by `output`

    def __repr__(self) -> str:
        return f"<Context of {self.state!r} in run {self.run_id!r}: {len(self.keys())} keys>"

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self._runner.machine.run_id

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
        self.tell(ev.ProgressReported, float(fraction), text_of(message))

    def show(self, obj: object) -> None:
        """Attach to this execution what a cell would display: a figure, a table, Markdown."""
        self.tell(ev.OutputShown, mime_bundle(obj))

    @explains_arguments
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
        ask = self._runner.people.ask
        return await self._in_loop(ask, self._execution, self.state, question, timeout)

    async def once(self, key: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Do something that must not be done twice, as charging a card.

        The result is kept before it is returned. A body that begins again, because it failed or
        because the process had died, gets it back, and the function is not called.

        Args:
            key: What it is called in this execution.
            function: Async or plain; a plain one is called in the loop.
            *arguments: Its arguments.

        Returns:
            What the function returned, now or before.

        Example:
            >>> receipt = await context.once("charge", charge, card, 100)
        """
        self._check_open()
        check_key(key)
        if not callable(function):
            raise InvalidSpecError("what once() calls", function, "a function, async or plain")
        key = self.secrets.kept_key(key, self._runner.once.of(self._execution))
        do = self._runner.once.do
        return await self._in_loop(do, self._execution, self.state, key, function, *arguments)

    async def _in_loop(self, wait: Callable[..., Coroutine[Any, Any, Any]], *given: Any) -> Any:
        """Await in the loop of the run; a plain function may run a loop of its own."""
        if self._runner.is_at_home():
            return await wait(*given)
        return await self._runner.at_home(resting(wait, *given))

    def ask(self, prompt: str, **settings: Any) -> Any:
        """Ask a person from a plain function, and wait for the answer in its thread.

        Args:
            prompt: The question.
            **settings: As `human_in_the_loop` takes them.

        Returns:
            The answer.

        Raises:
            AskOnLoopError: It was called in the loop, which it would hold.

        Example:
            >>> def review(context):
            ...     return "publish" if context.ask("Publish?") == "yes" else "draft"
        """
        self._check_open()
        if self._runner.is_at_home():
            raise AskOnLoopError(self.state)
        asking = resting(self.human_in_the_loop, prompt, **settings)
        future = asyncio.run_coroutine_threadsafe(asking, self._runner.loop)
        self._asking.add(future)
        if self._given_up:  # between the call and now
            future.cancel()
        try:
            return future.result()
        finally:
            self._asking.discard(future)

    def stop_asking(self) -> None:
        """Nobody waits for the function any more: what it asks in its thread is withdrawn."""
        self._given_up = True
        for future in list(self._asking):
            future.cancel()
