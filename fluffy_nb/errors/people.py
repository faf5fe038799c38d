"""Errors of questions to people."""

from __future__ import annotations

from collections.abc import Collection

from fluffy_nb.errors.base import FluffyError
from fluffy_nb.errors.wording import listed, problem_of, shortened


class AskOnLoopError(FluffyError, RuntimeError):
    """`ask` was called where waiting would hold everything else."""

    def __init__(self, state: str) -> None:
        super().__init__(
            f"state {state!r} called ask() in the event loop, which would stand still until the "
            "answer; write: await context.human_in_the_loop(...). ask() is for plain functions."
        )


class InputInStateError(FluffyError, RuntimeError):
    """A state called `input()`, which nobody would see."""

    def __init__(self, state: str) -> None:
        super().__init__(
            f"state {state!r} called input(), which would stop every other state; ask with "
            "await context.human_in_the_loop(...), in a plain function with context.ask(...)."
        )


class PromptClosedError(FluffyError, LookupError):
    """The prompt has been answered, has timed out or was withdrawn."""

    def __init__(self, prompt: str, fate: str, open_prompts: Collection[str]) -> None:
        rest = f"open now: {listed(open_prompts)}" if open_prompts else "no prompt is open now"
        super().__init__(f"prompt {prompt!r} can't be answered: it {fate}; {rest}.")


class AnswerRefusedError(FluffyError, ValueError):
    """A prepared answer was refused, and nobody is there to give another."""

    def __init__(self, state: str, answer: object, why: str) -> None:
        super().__init__(
            f"the prepared answer {shortened(answer)} for state {state!r} was refused: {why}; "
            "correct it in run(answers={...}) or FLUFFY_NB_ANSWERS."
        )


class InvalidAnswersError(FluffyError, ValueError):
    """Prepared answers are not in the form that is understood."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(
            f"{source}: {problem}; give each state a list of answers, in the order of its "
            'questions: {"review": ["yes"]}.'
        )


class NobodyToAskError(FluffyError, RuntimeError):
    """A state asks a person and nobody can answer."""

    def __init__(self, state: str, text: str) -> None:
        super().__init__(
            f"state {state!r} asks {shortened(text)}, but nobody can answer here: there is no "
            "notebook view or terminal that takes input. Prepare the answer with "
            f'run(answers={{{state!r}: ["..."]}}) or the environment variable '
            f'FLUFFY_NB_ANSWERS=\'{{"{state}": ["..."]}}\', or give the question a default=.'
        )


class ResponderError(FluffyError, RuntimeError):
    """The responder raised what can't be raised where the state waits."""

    def __init__(self, state: str, error: BaseException) -> None:
        super().__init__(
            f"the responder raised {problem_of(error)} when it was given a question of state "
            f"{state!r}; have it call prompt.decline() where it can't answer."
        )
        self.__cause__ = error


class HumanTimeoutError(FluffyError, TimeoutError):
    """Nobody answered in time and the question has no default."""

    def __init__(self, state: str, text: str, seconds: float) -> None:
        super().__init__(
            f"nobody answered {shortened(text)} of state {state!r} within {seconds:g} s; "
            "give human_in_the_loop a default= or a longer timeout=."
        )
