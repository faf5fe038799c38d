"""Questions to people: prompts, how they are opened, answered, timed and withdrawn."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.countdown import Countdown
from fluffy_nb.engine.given import Asked, Given
from fluffy_nb.engine.plain import call_plain, check_returned
from fluffy_nb.engine.prompt import Prompt, Responder
from fluffy_nb.engine.question import Question
from fluffy_nb.engine.specs import check_seconds
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.engine.verdict import Accepted, Refused
from fluffy_nb.errors import (
    AnswerRefusedError,
    HumanTimeoutError,
    NobodyToAskError,
    ResponderError,
    called,
    log_error,
)

if TYPE_CHECKING:
    from fluffy_nb.engine.responders import PreparedAnswers
    from fluffy_nb.engine.runner import Runner


T = TypeVar("T")


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
        self._series = ""
        self._clocks: dict[Prompt, Countdown] = {}
        # Answers and errors that are not handed over yet, by execution.
        self._held: dict[int, list[tuple[Prompt, Any, Exception | None]]] = {}
        self._withdrawn: list[Prompt] = []  # by a failure; asked again on resume
        self._given = Given()
        self.has_asked = False
        """Whether any state has asked anything; many runs ask nothing."""
        self._asked: dict[Prompt, Asked] = {}

    def next_id(self) -> str:
        """An id for a prompt, which no other prompt of the run has had in any process."""
        self._count += 1
        return f"{self.runner.machine.run_id}-{self._series}{self._count}"

    def number_anew(self) -> None:
        """The run is taken up from a checkpoint, which does not tell what ids were used since."""
        self._series = f"{os.urandom(4).hex()}-"

    def masked(self, told: T) -> T:
        """What is told to people, or kept of it, without secrets."""
        secrets = self.runner.shared.secrets
        return secrets.masked(told) if secrets else told

    async def ask(
        self,
        execution: int,
        state: str,
        question: Question,
        timeout: float | None,  # noqa: ASYNC109 - the clock stands still while the run is paused
    ) -> Any:
        """Ask a person and wait for the answer (`Context.human_in_the_loop`)."""
        check_seconds("timeout", timeout)
        self.has_asked = True
        asked = self._given.ask(execution, self.masked(question.text))
        if "answer" in asked:
            again = question.again(asked["answer"])
            if isinstance(again, Accepted):
                return again.value
            del asked["answer"]  # it is no answer any more: the code has changed
        prompt = Prompt(self, self.next_id(), execution, state, question)
        ask = self._find_answer(prompt)
        self._asked[prompt] = asked
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
            return lambda: _respond(responder, prompt)
        if prompt.default is None:
            raise NobodyToAskError(prompt.state, prompt.text)
        return prompt.decline

    def _find_prepared(self, prompt: Prompt) -> Callable[[], object] | None:
        answer = self.answers.take(prompt.state)
        return None if answer is None else lambda: self._take_prepared(prompt, *answer)

    # ------------------------------------------------------------ answers

    def take_answer(
        self, prompt: Prompt, value: object, told: Callable[[str], object] | None = None
    ) -> None:
        """Accept or refuse an answer; in the loop."""
        refusal = str(prompt.closed_error()) if prompt.fate else self._take(prompt, value)
        if told is None:
            return
        _, error = called(call_plain, "told", told, refusal)
        if error is not None:
            log_error("whoever answered %s was told, and raised", prompt.id, error=error)

    def _take(self, prompt: Prompt, value: object) -> str:
        verdict = prompt.question.read(prompt.meant(value))
        if isinstance(verdict, Accepted):
            self._accept(prompt, verdict.value)
            return ""
        verdict = Refused(self.masked(verdict.why), self.masked(verdict.fields))
        prompt.note(verdict)
        self._emit(prompt, ev.PromptRefused, verdict.why)
        return verdict.why

    def _accept(self, prompt: Prompt, answer: Any) -> None:
        kept = prompt.question.kept(answer)
        if kept is not None and self.masked(kept) == kept:  # a secret is not kept
            self._asked[prompt]["answer"] = kept
        self._settle(prompt, "was answered", ev.PromptAnswered, answer)

    def decline(self, prompt: Prompt) -> None:
        """Nobody will answer; in the loop."""
        if not prompt.fate:
            nobody = NobodyToAskError(prompt.state, prompt.text)
            self._give_up(prompt, "had nobody to answer it", nobody)

    def _take_prepared(self, prompt: Prompt, value: object) -> None:
        verdict = prompt.question.read(prompt.meant(value))
        if isinstance(verdict, Refused):
            shown = value if prompt.schema is None else "(its fields)"  # which may be secret
            raise AnswerRefusedError(prompt.state, shown, verdict.why)
        self._accept(prompt, verdict.value)

    def _expire(self, prompt: Prompt, seconds: float) -> None:
        late = HumanTimeoutError(prompt.state, prompt.text, seconds)
        self._give_up(prompt, "timed out", late)

    def _give_up(self, prompt: Prompt, fate: str, error: Exception) -> None:
        if prompt.default is None:
            self._settle(prompt, fate, ev.PromptExpired, None, error)
        else:
            self._settle(prompt, fate, ev.PromptExpired, prompt.default)

    def _settle(
        self,
        prompt: Prompt,
        fate: str,
        kind: type[ev.Event],
        answer: Any,
        error: Exception | None = None,
    ) -> None:
        self._close(prompt, fate)
        self._held.setdefault(prompt.execution, []).append((prompt, answer, error))
        self._emit(prompt, kind)
        self._hand_over_to_who_asks(prompt.execution)
        self.runner.advance()

    def _hand_over_to_who_asks(self, execution: int) -> None:
        """An execution that asks another question still needs no slot for its answers."""
        if not self.runner.waits_for_keeper() and self.runner.is_asking(execution):
            self.hand_over(execution)

    def kept(self) -> None:
        """Answers are kept now: hand over those that nothing else has to wait for."""
        for execution in list(self._held):
            self._hand_over_to_who_asks(execution)

    def hand_over(self, execution: int) -> None:
        """Give an execution the outcomes of its prompts, unless the run stands still."""
        if self.runner.machine.status is not AgentStatus.RUNNING:
            return
        for prompt, answer, error in self._held.pop(execution, ()):
            if prompt.future.done():
                continue  # the body has stopped waiting for it
            if error is None:
                prompt.future.set_result(answer)
            else:
                prompt.future.set_exception(error)

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
            self._hand_over_to_who_asks(execution)

    def _ask_again(
        self, prompt: Prompt, find: Callable[[Prompt], Callable[[], object] | None]
    ) -> None:
        """Ask for a body that waits already: what is raised is raised there."""
        if prompt.fate:
            return  # answered meanwhile
        ask, problem = called(find, prompt)
        if ask is not None:
            _, problem = called(ask)
        if problem is not None and not prompt.fate:
            self._withdraw(prompt, "was withdrawn because nobody could be asked")
            if isinstance(problem, Exception) and not isinstance(problem, StopIteration):
                prompt.future.set_exception(problem)
            else:  # which a future does not take
                prompt.future.set_exception(ResponderError(prompt.state, problem))

    def withdraw_of(self, execution: int, *, interrupted: bool = False) -> None:
        """Withdraw what an execution asked and no longer waits for: its attempt has ended.

        Args:
            execution: The execution.
            interrupted: Whether it was cancelled: its next attempt gets the answers at once.
        """
        if interrupted:
            self._given.begin_again(execution)
        else:
            self._given.forget(execution)
        for prompt in [prompt for prompt in self.open if prompt.execution == execution]:
            self._withdraw(prompt, "was withdrawn because its state has ended")
            self._forget(prompt)
            if not prompt.future.get_loop().is_closed():
                prompt.future.cancel()  # a task of the body may wait for it still
        self._held.pop(execution, None)

    # ------------------------------------------------------------ answers to be given again

    def given(self, execution: int) -> list[Asked]:
        """The answers that an execution has got, as plain data for a checkpoint.

        Returns:
            Its questions in order, each with its "text", and its "answer" unless there is none to
            keep: it is open, nobody answered in time, or the answer holds a secret.
        """
        given = self._given.of(execution)
        for asked in given if self.runner.shared.secrets else ():
            if self.masked(asked) != asked:  # it has become a secret since
                asked.pop("answer", None)
                asked["text"] = self.masked(asked["text"])
        return given

    def give_again(self, execution: int, asked: Iterable[Asked]) -> None:
        """Have the restarted body of an execution get its answers at once (semantics 11.5).

        Args:
            execution: The execution in this run.
            asked: What `given` returned.
        """
        self.has_asked = True
        self._given.give_again(execution, asked)

    # ------------------------------------------------------------ bookkeeping

    def _open(self, prompt: Prompt) -> None:
        clock = self._clocks[prompt]
        runs = self.runner.machine.status is AgentStatus.RUNNING and clock.start()
        prompt.deadline = self._deadline(prompt) if runs else None
        self.open.append(prompt)
        question = prompt.question
        self._emit(
            prompt,
            ev.PromptOpened,
            question.text,
            prompt.choices,
            question.multiline,
            prompt.deadline,
            None if question.schema is None else question.schema.json,
            question.show,
        )
        self._hand_over_to_who_asks(prompt.execution)
        self.runner.advance()  # its slot is free

    def _close(self, prompt: Prompt, fate: str) -> None:
        self.open.remove(prompt)
        self._clocks[prompt].stop()
        prompt.close(fate)

    def _withdraw(self, prompt: Prompt, fate: str) -> None:
        self._close(prompt, fate)
        self._emit(prompt, ev.PromptWithdrawn)

    def _forget(self, prompt: Prompt) -> None:
        self._asked.pop(prompt, None)
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


def _respond(responder: Responder, prompt: Prompt) -> None:
    check_returned("responder", responder, responder(prompt), "a prompt")
