"""Reading what a state returns: where its branch goes on (semantics 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.alike import alike
from fluffy_nb.engine.specs import Flow, Send
from fluffy_nb.errors import InvalidResultError, UnknownStateError, plain

if TYPE_CHECKING:
    from fluffy_nb.engine.definition import Definition


def read_result(
    definition: Definition, state: str, result: object, attempt: int, run_id: str
) -> ev.Next:
    """Say where a state's branch goes on.

    Args:
        definition: The agent the state is in.
        state: Its name, for messages.
        result: What its function returned.
        attempt: Which attempt this was, for messages.
        run_id: The run, for messages.

    Returns:
        The branches to be; names as plain strings, also of enum members.

    Raises:
        InvalidResultError: It does not say where to go.
        UnknownStateError: It names a state that the agent does not have.
    """
    if result is None:
        return ()
    if type(result) is str and result in definition.states:  # the most common, first
        return (result,)
    entries: Any = result if issubclass(type(result), list) else [result]
    return tuple(
        _read_entry(definition, state, entry, result, attempt, run_id) for entry in entries
    )


def _read_entry(
    definition: Definition, state: str, entry: Any, result: object, attempt: int, run_id: str
) -> str | ev.Going:
    def known(given: str, within: Definition) -> str:
        name = plain(given)
        if within.spec(name) is None:
            meant = alike(name, within.states)
            if meant is not None:
                within.tell_form(state, name, meant)
                return meant
            raise UnknownStateError(name, tuple(within.states), state, attempt, run_id)
        return name

    match entry:
        case str():
            return known(entry, definition)
        case Send():
            return _sent(definition, known(entry.name, definition), entry)
        case (Flow() as agent, str(name)):
            start = known(name, agent.definition)
            return ev.Going(definition.state_of(agent), start=start)
        case _:
            raise InvalidResultError(state, result, attempt, run_id)


def _sent(definition: Definition, name: str, send: Send) -> ev.Going:
    """A `Send` by a template's own name means the name that its inputs give."""
    spec = definition.spec(name)
    inputs = dict(send.inputs)
    if spec is not None and spec.template is not None and spec.name == name:
        name = spec.template.fill(inputs)
    return ev.Going(name, inputs, alone=True)
