"""Every error of the package, each composing its own message.

A message has one form: what happened, with the culprit's repr, what is allowed or the nearest
name, and the remedy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping


def nearest(name: str, allowed: Collection[str]) -> str:
    """Say which of the allowed names come closest, or list a few of them.

    Args:
        name: The name that was not found.
        allowed: The names that would have been.

    Returns:
        A clause without a full stop, for the middle of a message.
    """
    if not allowed:
        return "there are none"
    from difflib import get_close_matches  # noqa: PLC0415 - where all goes well nobody needs it

    close = get_close_matches(name, allowed, n=3, cutoff=0.5) if isinstance(name, str) else []
    if close:
        return "did you mean " + " or ".join(map(repr, close)) + "?"
    return "there are " + listed(allowed)


def listed(names: Iterable[str], most: int = 8) -> str:
    """Join the reprs of some names, and count the rest."""
    every = [repr(name) for name in names]
    rest = len(every) - most
    return ", ".join(every[:most]) + (f" and {rest} more" if rest > 0 else "")


class FluffyError(Exception):
    """The base of every error this package raises."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show this error as its message, without our frames."""
        notes = [line for note in getattr(self, "__notes__", []) for line in note.splitlines()]
        return [f"{type(self).__name__}: {self}", *notes]


class UndefinedTargetWarning(UserWarning):
    """A state names a next state that the agent does not have."""


# ---------------------------------------------------------------- definition


class NoStatesError(FluffyError, ValueError):
    """An agent without states was asked to run."""

    def __init__(self, agent: str) -> None:
        super().__init__(
            f"agent {agent!r} has no states, so there is nothing to run; "
            f"add one with add_state(name, function) or @{agent}.state."
        )


class InvalidSpecError(FluffyError, ValueError):
    """A setting of an agent or a state is outside what is allowed."""

    def __init__(self, what: str, value: object, allowed: str, remedy: str = "") -> None:
        super().__init__(f"{what} is {value!r}; it must be {allowed}." + (remedy and f" {remedy}"))


class StateFunctionError(FluffyError, TypeError):
    """What was given as a state can't be called with a context."""

    def __init__(self, name: str, function: object, problem: str) -> None:
        super().__init__(
            f"state {name!r} is given {function!r}, which {problem}; a state is a function of one "
            "argument, the context: async def "
            f"{name if name.isidentifier() else 'state'}(context): ..."
        )


class DuplicateStateError(FluffyError, ValueError):
    """A state of this name exists already."""

    def __init__(self, agent: str, name: str) -> None:
        super().__init__(
            f"agent {agent!r} already has a state {name!r}; "
            "choose another name, or replace it with add_state(..., replace=True)."
        )


class AgentInItselfError(FluffyError, ValueError):
    """An agent was to become a state of itself, or of an agent inside it."""

    def __init__(self, agent: str, name: str) -> None:
        super().__init__(
            f"state {name!r} of agent {agent!r} would be an agent that has {agent!r} inside, so it "
            "could never end; lead back to an earlier state to repeat something."
        )


class OverlappingTemplatesError(FluffyError, ValueError):
    """One name could be that of two templates."""

    def __init__(self, name: str, other: str, example: str) -> None:
        super().__init__(
            f"state {name!r} can't be told from state {other!r}: {example!r} could be either; "
            "choose names whose plain parts differ."
        )


class DependencyError(FluffyError, ValueError):
    """The dependencies of a flow can't be satisfied."""


class UnknownDependencyError(DependencyError, LookupError):
    """A state depends on what is no state."""

    def __init__(self, state: str, name: str, names: Collection[str]) -> None:
        problem = "which is no state" if name not in names else "a template, which can't be started"
        super().__init__(
            f"state {state!r} depends on {name!r}, {problem} ({nearest(name, names)}); "
            f"correct the name, or add it: add_state({name!r}, function)."
        )


class DependencyCycleError(DependencyError):
    """States require each other in a circle."""

    def __init__(self, cycle: Collection[str]) -> None:
        super().__init__(
            f"states require each other in a circle: {' needs '.join(map(repr, cycle))}; "
            "leave one of these dependencies out, or make it OPTIONAL."
        )


class ResourceError(FluffyError, ValueError):
    """A state needs more than there will ever be."""

    def __init__(self, state: str, lacks: str) -> None:
        super().__init__(
            f"state {state!r} needs more than the pool has: {lacks}; lower its "
            "ResourceRequirements, or give the agent a larger ResourcePool."
        )


class LargeStateWarning(UserWarning):
    """A state needs more than this machine has, and will run alone."""


class StateInUseError(FluffyError, RuntimeError):
    """A state can't be removed while a branch of a run stands at it."""

    def __init__(self, name: str, run_id: str) -> None:
        super().__init__(
            f"state {name!r} can't be removed: a branch of run {run_id!r} stands at it; "
            "let the run end (resume() it where it stands still), begin another run, or replace "
            "the state instead."
        )


class AmbiguousStartError(FluffyError, ValueError):
    """Nobody can tell which states start the run."""

    def __init__(
        self, candidates: Collection[str], state: str, target: str, names: Collection[str]
    ) -> None:
        super().__init__(
            f"where to start is unclear: {listed(candidates)} are all led to by nothing, and state "
            f"{state!r} names {target!r}, which is no state ({nearest(target, names)}). "
            f"Correct that name, add the state {target!r}, or say where to start: run(start=...)."
        )


class OpenStateError(FluffyError, ValueError):
    """A flow that can fork has a state whose successors can't be known."""

    def __init__(self, state: str, why: str, forks: str, names: Collection[str]) -> None:
        line = ", ".join(repr(name) for name in names)
        super().__init__(
            f"the next states of {state!r} can't be read from its code ({why}), but this flow runs "
            f"branches in parallel ({forks}), so nobody could say what a join should wait for. "
            f"Declare them, keeping those that apply: next=[{line}]"
        )


# ---------------------------------------------------------------- running


class StateError(FluffyError, RuntimeError):
    """A state failed and the run with it; the original error is the cause."""

    def __init__(self, state: str, attempt: int, run_id: str, problem: str) -> None:
        super().__init__(
            f"state {state!r} failed in attempt {attempt} of run {run_id!r}: "
            f"{problem.rstrip('.')}. "
            "Mend the state and go on with resume(); what completed before is kept."
        )
        self.state = state
        self.attempt = attempt
        self.run_id = run_id


class UnknownStateError(StateError, LookupError):
    """A state returned, or a caller named, a state that the agent does not have."""

    def __init__(  # a name given by a caller has no run yet
        self,
        name: str,
        names: Collection[str],
        returned_by: str | None = None,
        attempt: int = 0,
        run_id: str = "",
    ) -> None:
        who = f"state {returned_by!r} returned {name!r}" if returned_by else f"{name!r} was named"
        Exception.__init__(
            self,
            f"{who}, which is no state ({nearest(name, names)}); "
            f"correct the name, or add it: add_state({name!r}, function).",
        )
        self.name = name
        self.state = returned_by or name
        self.attempt = attempt
        self.run_id = run_id


class InvalidResultError(StateError, TypeError):
    """A state returned something that does not say where to go."""

    def __init__(self, state: str, value: object, attempt: int = 0, run_id: str = "") -> None:
        Exception.__init__(
            self,
            f"state {state!r} returned {shortened(value)} ({type(value).__name__}); "
            "a state returns the name of the next state, a list of names to run in parallel, "
            "or None to end. "
            "Keep data in the context: context.set_state(key, value).",
        )
        self.state = state
        self.attempt = attempt
        self.run_id = run_id


class StateTimeoutError(FluffyError, TimeoutError):
    """An attempt of a state took longer than it may."""

    def __init__(self, state: str, attempt: int, seconds: float) -> None:
        super().__init__(
            f"attempt {attempt} of state {state!r} did not end within {seconds:g} s; "
            "give it a longer timeout=, or a retry_policy=."
        )


class BlockedError(FluffyError, RuntimeError):
    """Branches wait for what can't come any more."""

    def __init__(self, run_id: str, reasons: Mapping[str, str]) -> None:
        waiting = "; ".join(f"{state!r} {why}" for state, why in reasons.items())
        super().__init__(
            f"run {run_id!r} can't go on: {waiting}. Add or mend what leads there, or replace the "
            "state without that dependency, and go on with resume()."
        )
        self.reasons = dict(reasons)


class RestoredError(FluffyError, RuntimeError):
    """What led to a state by `on_error` before the run was restored: only its text is kept."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)


class RunActiveError(FluffyError, RuntimeError):
    """The agent is running already, or has a run to go on with."""

    def __init__(self, agent: str, run_id: str, status: str, remedy: str) -> None:
        super().__init__(f"agent {agent!r} has run {run_id!r} {status.lower()}; {remedy}")


class BlockedLoopError(FluffyError, RuntimeError):
    """A blocking run was asked for where it would wait for itself."""

    def __init__(self) -> None:
        super().__init__(
            "run_sync() was called by a coroutine in the loop of another run_sync(), which it "
            "would block for ever; await run() there, or call it in a plain function."
        )


class NothingToResumeError(FluffyError, RuntimeError):
    """There is no paused, failed or cancelled run to go on with."""

    def __init__(self, agent: str, status: str) -> None:
        super().__init__(
            f"agent {agent!r} is {status}: there is no run to go on with; begin one with run()."
        )


class RunTimeoutError(FluffyError, TimeoutError):
    """The time given to run() was up; the run can be resumed."""

    def __init__(self, run_id: str, seconds: float, running: Collection[str]) -> None:
        where = f" while {listed(running)} ran" if running else ""
        super().__init__(
            f"run {run_id!r} did not end within {seconds:g} s{where}; what completed is kept: "
            "go on with resume(), with a longer timeout= if that was too short."
        )


class CleanupWarning(RuntimeWarning):
    """A cancelled state did not end within the cleanup time."""


class StopError(FluffyError, RuntimeError):
    """The kernel was interrupted; the base of what is shown as one line, without a name."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class RunStoppedError(StopError):
    """The kernel was interrupted while a cell waited for a run; shown as one line."""

    def __init__(self, stopped: Mapping[str, str], going_on: Mapping[str, str]) -> None:
        parts = [
            f"run {run!r} stopped; go on with: await {name}.resume() or %fluffy resume {name}"
            for name, run in stopped.items()
        ] or [
            f"stopped waiting; run {run!r} goes on in the background, end it with: "
            f"%fluffy cancel {name}"
            for name, run in going_on.items()
        ]
        super().__init__("; ".join(parts) or "the run stopped; go on with its agent's resume()")


class StoppedBeforeError(StopError):
    """The kernel was interrupted in a cell before its run had begun; shown as one line."""

    def __init__(self) -> None:
        super().__init__("the cell was stopped before its run began; execute it again to run.")


# ---------------------------------------------------------------- context


class TypedDataError(FluffyError, TypeError):
    """A typed value has a field of the wrong type, or the wrong class."""

    def __init__(self, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"typed value {key!r}: {problem}; {remedy}")


class MissingKeyError(FluffyError, KeyError):
    """The context holds no value under this key."""

    def __init__(self, key: str, keys: Collection[str]) -> None:
        self.message = (
            f"the context holds nothing under {key!r} ({nearest(key, keys)}); "
            f"store it first: context.set_typed({key!r}, value)."
        )
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message  # KeyError would show the repr of the message


class InputReadOnlyError(FluffyError, TypeError):
    """A state wrote a key that is an input of its execution."""

    def __init__(self, state: str, key: str) -> None:
        super().__init__(
            f"{key!r} is an input of this execution of state {state!r}, and inputs are read-only; "
            "store the result under another key."
        )


class ContextClosedError(FluffyError, RuntimeError):
    """An attempt that was cancelled wrote to the context."""

    def __init__(self, state: str, attempt: int) -> None:
        super().__init__(
            f"attempt {attempt} of state {state!r} has ended (it was cancelled or timed out), so "
            "its writes are refused; return from the function, the next attempt writes."
        )


# ---------------------------------------------------------------- people


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


class HumanTimeoutError(FluffyError, TimeoutError):
    """Nobody answered in time and the question has no default."""

    def __init__(self, state: str, text: str, seconds: float) -> None:
        super().__init__(
            f"nobody answered {shortened(text)} of state {state!r} within {seconds:g} s; "
            "give human_in_the_loop a default= or a longer timeout=."
        )


# ---------------------------------------------------------------- keeping


class CheckpointError(FluffyError, ValueError):
    """A checkpoint can't be read, or a value can't be saved in one."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")


class StoreError(FluffyError, OSError):
    """A file of runs can't be read or written."""

    def __init__(self, path: object, problem: str, remedy: str) -> None:
        super().__init__(f"the store {str(path)!r}: {problem}; {remedy}")


class StoreBusyError(StoreError):
    """Another process is writing just now."""


class UnknownRunError(FluffyError, LookupError):
    """A store has no run of this id."""

    def __init__(self, run: str, store: str, runs: Collection[str]) -> None:
        super().__init__(f"there is no run {run!r} in {store}: {nearest(run, runs)}")


class RunHeldError(FluffyError, RuntimeError):
    """Another process executes the run."""

    def __init__(self, run: str, holder: str) -> None:
        super().__init__(
            f"run {run!r} is executed by {holder}; wait until it has ended or paused, stop that "
            "process, or fork the run: agent.fork(checkpoint)"
        )


class RunMovedOnError(FluffyError, RuntimeError):
    """Another process has gone on with a run that stood still here."""

    def __init__(self, run: str) -> None:
        super().__init__(
            f"run {run!r} has gone on in another process since it stood still here; "
            f"take it up where it is now: agent.take_up({run!r})"
        )


class SaveWarning(RuntimeWarning):
    """A run goes on, and what it did can't be kept for now."""


# ---------------------------------------------------------------- pictures and notebook


class LayoutError(FluffyError, RuntimeError):
    """Graphviz could not lay out the graph."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"the graph could not be laid out: {problem}; "
            "install Graphviz so that `dot` is on PATH, or reinstall pygraphviz, which carries it."
        )


class LayoutTimeoutError(LayoutError, TimeoutError):
    """Graphviz took too long for the graph."""

    def __init__(self, seconds: float) -> None:
        FluffyError.__init__(
            self,
            f"the graph could not be laid out within {seconds:g} s, so Graphviz was stopped; "
            "a graph with fewer states or edges can be drawn.",
        )


class UsageError(FluffyError, ValueError):
    """A magic was used in a way it does not understand; shown as one line."""


# ---------------------------------------------------------------- testing


class StandstillError(FluffyError, RuntimeError):
    """A loop with a fake clock waits for what does not come."""

    def __init__(self, waiting: Collection[str], beside: str, seconds: float) -> None:
        who = listed(waiting)
        super().__init__(
            f"{beside} did not come to an end within {seconds:g} s of real time, in which the fake "
            f"clock stands still and {who} wait; end it, or give run() a longer patience=."
            if beside
            else f"nothing can happen any more: {who} wait, and no timer, thread or connection is "
            "left that could wake one; answer what they ask (answers=), end what they wait for, "
            "or give it a timeout=."
        )


def shortened(value: object, most: int = 120) -> str:
    """The repr of a value, cut to a length that fits a message."""
    try:
        text = repr(value)
    except Exception as problem:  # noqa: BLE001 - a broken repr must not hide the real error
        text = f"<{type(value).__name__} whose repr raises {type(problem).__name__}>"
    return text if len(text) <= most else text[: most - 3] + "..."
