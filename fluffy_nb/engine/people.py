"""Questions to people: prompts, how they are opened, answered, timed and withdrawn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.countdown import Countdown
from fluffy_nb.engine.specs import check_seconds, is_async
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import (
    AnswerRefusedError,
    HumanTimeoutError,
    InvalidSpecError,
    NobodyToAskError,
    PromptClosedError,
    listed,
    shortened,
)

if TYPE_CHECKING:
    from fluffy_nb.engine.responders import PreparedAnswers
    from fluffy_nb.engine.runner import Runner

Validator = Callable[[str], bool | None]


class Prompt:
    """An open question to a person.

    Args:
        people: Where it is asked.
        number: Makes its id unique in the run.
        execution: The execution that asks.
        state: Its state.
        text: The question.
        choices: The answers to choose from; empty for free text.
        multiline: Whether free text may have several lines.
        default: The outcome when nobody answers; None for none.
        validator: Accepts or refuses an answer.
    """

    def __init__(
        self,
        people: People,
        number: int,
        execution: int,
        state: str,
        text: str,
        choices: tuple[str, ...],
        *,
        multiline: bool,
        default: Any,
        validator: Validator | None,
    ) -> None:
        self._people = people
        self.id = f"{people.run_id}-{number}"
        self.execution = execution
        self.state = state
        self.text = text
        self.choices = choices
        self.multiline = multiline
        self.default = default
        self.deadline: float | None = None
        """When it times out, seconds since the epoch; None for never, or while paused."""
        self.refusal = ""
        """Why the last answer was refused; empty while none was."""
        self.fate = ""
        """Why it can't be answered any more; empty while it is open."""
        self._validator = validator
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        fate = f", {self.fate}" if self.fate else ""
        return f"<Prompt {self.id} of {self.state!r}: {shortened(self.text)}{fate}>"

    def answer(self, value: str) -> None:
        """Answer the question; safe to call from any thread.

        Args:
            value: The answer. One that is refused leaves the prompt open, with its `refusal`.

        Raises:
            PromptClosedError: It has been answered, has timed out or was withdrawn.
        """
        if self.fate:
            others = [prompt.id for prompt in self._people.open]
            raise PromptClosedError(self.id, self.fate, others)
        self._people.runner.cross(self._people.take_answer, self, value)

    def decline(self) -> None:
        """Say that nobody will answer: the default is taken, or `NobodyToAskError` raised.

        As thread-safe as `answer`; nothing happens where the prompt is closed.
        """
        self._people.runner.cross(self._people.decline, self)

    def refuse(self, value: object) -> str:
        """Why this answer can't be accepted; empty when it can."""
        if not isinstance(value, str):
            return f"{shortened(value)} is no text"
        if self.choices and value not in self.choices:
            return f"{shortened(value)} is not one of {listed(self.choices)}"
        if self._validator is None:
            return ""
        try:
            accepted = self._validator(value)
        except ValueError as problem:
            return str(problem) or "this answer is not accepted"
        except Exception as problem:  # noqa: BLE001 - a broken validator must not close the prompt
            return f"the validator raised {type(problem).__name__}: {problem}"
        return "" if accepted is None or accepted else "this answer is not accepted"


Responder = Callable[[Prompt], object]
"""Is given each prompt when it opens, and sees to it that `prompt.answer` is called."""


class People:
    """The prompts of one run.

    Args:
        runner: Carries events and crosses threads.
        find_responder: Says who answers, or None where nobody can.
        answers: Prepared answers, asked first.
    """

    def __init__(
        self,
        runner: Runner,
        find_responder: Callable[[], Responder | None],
        answers: PreparedAnswers,
    ) -> None:
        self.runner = runner
        self.answers = answers
        self._find_responder = find_responder
        self.open: list[Prompt] = []
        self._count = 0
        self._clocks: dict[Prompt, Countdown] = {}
        self._held: dict[int, list[tuple[Prompt, Any]]] = {}  # outcomes not yet handed over
        self._withdrawn: list[Prompt] = []  # by a failure; asked again on resume

    @property
    def run_id(self) -> str:
        """The run whose prompts these are."""
        return self.runner.machine.run_id

    async def ask(
        self,
        execution: int,
        state: str,
        text: str,
        *,
        timeout: float | None,  # noqa: ASYNC109 - the clock stands still while the run is paused
        default: Any,
        validator: Validator | None,
        choices: Collection[str] | None,
        multiline: bool,
    ) -> Any:
        """Ask a person and wait for the answer (`Context.human_in_the_loop`)."""
        _check(text, timeout, choices, validator)
        self._count += 1
        prompt = Prompt(
            self,
            self._count,
            execution,
            state,
            text,
            tuple(choices or ()),
            multiline=multiline,
            default=default,
            validator=validator,
        )
        ask = self._find_answer(prompt)
        self._clocks[prompt] = Countdown(timeout, lambda: self._expire(prompt, timeout or 0))
        self._open(prompt)
        try:
            if not prompt.fate:  # an observer may have been quicker
                ask()
            return await prompt.future
        finally:
            if not prompt.fate:
                self._withdraw(prompt, "was withdrawn")
            self._forget(prompt)

    def _find_answer(self, prompt: Prompt) -> Callable[[], object]:
        """Who is asked first: a prepared answer, the responder, or the default where nobody is."""
        prepared = self._find_prepared(prompt)
        if prepared is not None:
            return prepared
        responder = self._find_responder()
        if responder is not None:
            return lambda: responder(prompt)
        if prompt.default is None:
            raise NobodyToAskError(prompt.state, prompt.text)
        return prompt.decline

    def _find_prepared(self, prompt: Prompt) -> Callable[[], object] | None:
        answer = self.answers.take(prompt.state)
        return None if answer is None else lambda: self._take_prepared(prompt, *answer)

    # ------------------------------------------------------------ answers

    def take_answer(self, prompt: Prompt, value: object) -> None:
        """Accept or refuse an answer; in the loop."""
        if prompt.fate:
            return  # closed between the click and now
        prompt.refusal = prompt.refuse(value)
        if prompt.refusal:
            self._emit(prompt, ev.PromptRefused, prompt.refusal)
        else:
            self._settle(prompt, "was answered", ev.PromptAnswered, value)

    def decline(self, prompt: Prompt) -> None:
        """Nobody will answer; in the loop."""
        if not prompt.fate:
            nobody = NobodyToAskError(prompt.state, prompt.text)
            self._give_up(prompt, "had nobody to answer it", nobody)

    def _take_prepared(self, prompt: Prompt, value: str) -> None:
        why = prompt.refuse(value)
        if why:
            raise AnswerRefusedError(prompt.state, value, why)
        self._settle(prompt, "was answered", ev.PromptAnswered, value)

    def _expire(self, prompt: Prompt, seconds: float) -> None:
        late = HumanTimeoutError(prompt.state, prompt.text, seconds)
        self._give_up(prompt, "timed out", late)

    def _give_up(self, prompt: Prompt, fate: str, error: Exception) -> None:
        outcome = error if prompt.default is None else prompt.default
        self._settle(prompt, fate, ev.PromptExpired, outcome)

    def _settle(self, prompt: Prompt, fate: str, kind: type[ev.Event], outcome: Any) -> None:
        self._close(prompt, fate)
        self._held.setdefault(prompt.execution, []).append((prompt, outcome))
        self._emit(prompt, kind)
        if self.runner.is_asking(prompt.execution):
            self.hand_over(prompt.execution)  # it asks another question still: no slot is needed
        self.runner.advance()

    def hand_over(self, execution: int) -> None:
        """Give an execution the outcomes of its prompts, unless the run stands still."""
        if self.runner.machine.status is not AgentStatus.RUNNING:
            return
        for prompt, outcome in self._held.pop(execution, ()):
            if prompt.future.done():
                continue  # the body has stopped waiting for it
            if isinstance(outcome, BaseException):
                prompt.future.set_exception(outcome)
            else:
                prompt.future.set_result(outcome)

    # ------------------------------------------------------------ the run stops and goes on

    def stop_clocks(self) -> None:
        """The run stands still: no prompt times out meanwhile."""
        for prompt in list(self.open):
            if self.runner.machine.status is AgentStatus.PAUSED and self._clocks[prompt].stop():
                self._set_deadline(prompt, None)

    def withdraw_all(self) -> None:
        """The run has failed: nobody is asked until it is resumed."""
        for prompt in list(self.open):
            if not prompt.fate:  # an observer may have answered it meanwhile
                self._withdrawn.append(prompt)
                self._withdraw(prompt, "was withdrawn because the run failed")

    def go_on(self) -> None:
        """The run is resumed: clocks go on, withdrawn questions are asked again."""
        again, self._withdrawn = self._withdrawn, []
        for prompt in list(self.open):
            if self._clocks[prompt].start():
                self._set_deadline(prompt, self._deadline(prompt))
            self._ask_again(prompt, self._find_prepared)
        for prompt in again:
            if not prompt.future.done():
                prompt.fate = ""
                self._open(prompt)
                self._ask_again(prompt, self._find_answer)
        for execution in list(self._held):
            if self.runner.is_asking(execution):
                self.hand_over(execution)

    def _ask_again(
        self, prompt: Prompt, find: Callable[[Prompt], Callable[[], object] | None]
    ) -> None:
        """Ask for a body that waits already: what is raised is raised there."""
        if prompt.fate:
            return  # answered meanwhile
        try:
            ask = find(prompt)
            if ask is not None:
                ask()
        except Exception as problem:  # noqa: BLE001 - whatever a responder raises
            if not prompt.fate:
                self._withdraw(prompt, "was withdrawn because nobody could be asked")
                prompt.future.set_exception(problem)

    def withdraw_of(self, execution: int) -> None:
        """Withdraw what an execution asked and no longer waits for: it has ended."""
        for prompt in [prompt for prompt in self.open if prompt.execution == execution]:
            self._withdraw(prompt, "was withdrawn because its state has ended")
            self._forget(prompt)
        self._held.pop(execution, None)

    # ------------------------------------------------------------ bookkeeping

    def _open(self, prompt: Prompt) -> None:
        clock = self._clocks[prompt]
        runs = self.runner.machine.status is AgentStatus.RUNNING and clock.start()
        prompt.deadline = self._deadline(prompt) if runs else None
        self.open.append(prompt)
        self._emit(
            prompt,
            ev.PromptOpened,
            prompt.text,
            prompt.choices,
            prompt.multiline,
            prompt.deadline,
        )
        self.runner.advance()  # its slot is free

    def _close(self, prompt: Prompt, fate: str) -> None:
        prompt.fate = fate
        prompt.refusal = ""
        self.open.remove(prompt)
        self._clocks[prompt].stop()

    def _withdraw(self, prompt: Prompt, fate: str) -> None:
        self._close(prompt, fate)
        self._emit(prompt, ev.PromptWithdrawn)

    def _forget(self, prompt: Prompt) -> None:
        clock = self._clocks.pop(prompt, None)
        if clock is not None:
            clock.stop()
        if prompt in self._withdrawn:
            self._withdrawn.remove(prompt)

    def _deadline(self, prompt: Prompt) -> float | None:
        """When a prompt whose clock begins now times out, seconds since the epoch."""
        left = self._clocks[prompt].left
        return None if left is None else self.runner.now() + left

    def _set_deadline(self, prompt: Prompt, deadline: float | None) -> None:
        prompt.deadline = deadline
        self._emit(prompt, ev.PromptDeadlineMoved, deadline)

    def _emit(self, prompt: Prompt, kind: type[ev.Event], *details: Any) -> None:
        self.runner.emit(kind, prompt.id, prompt.execution, prompt.state, *details)


def _check(
    text: object, timeout: float | None, choices: Collection[str] | None, validator: object
) -> None:
    if not isinstance(text, str):
        raise InvalidSpecError("a question", text, "a string")
    check_seconds("timeout", timeout)
    if choices is not None:
        several = isinstance(choices, Collection) and not isinstance(choices, str)
        different = several and all(isinstance(choice, str) for choice in choices)
        if not different or not 0 < len(choices) == len(set(choices)):
            raise InvalidSpecError("choices", choices, "a list of different strings, at least one")
    if validator is not None and (not callable(validator) or is_async(validator)):
        raise InvalidSpecError("validator", validator, "a plain function of the answer")
