"""What a run returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import isolated, shortened

if TYPE_CHECKING:
    from fluffy_nb.engine.machine import Machine


class Counts(dict[str, int]):
    """How often each state was run.

    A state with placeholders in its name is one entry. How often each of the names that it stood
    for was run can be asked for, and is not counted again.

    Args:
        states: The entries.
        names: The counts of the other names.

    Example:
        >>> result.counts
        {'split': 1, 'chunk_{i}': 3}
        >>> result.counts["chunk_2"]
        1
    """

    __slots__ = ("_names",)

    def __init__(self, states: Mapping[str, int], names: Mapping[str, int]) -> None:
        super().__init__(states)
        self._names = dict(names)

    def __missing__(self, name: str) -> int:
        return self._names[name]


def counts_of(machine: Machine) -> Counts:
    """How often each state of a run was run."""
    counts = {name: data.executions for name, data in machine.metadata.items()}
    others = {name for name in counts if machine.root.topology.state(name) != name}
    states = {name: count for name, count in counts.items() if name not in others}
    return Counts(states, {name: counts[name] for name in others})


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended, or where it was paused.

    Args:
        status: COMPLETED, PAUSED or CANCELLED; a failure is raised instead.
        run_id: The run.
        values: The context's values by key.
        duration: Seconds it was active, pauses not counted.
        counts: How often each state was run; one with placeholders once, for all names it
            stood for.
    """

    status: AgentStatus
    run_id: str
    values: Mapping[str, Any]
    duration: float
    counts: Mapping[str, int]

    def __repr__(self) -> str:
        executions = sum(self.counts.values())
        return (
            f"<RunResult {self.status}: {executions} executions of {len(self.counts)} states, "
            f"{len(self.values)} values>"
        )

    def _repr_html_(self) -> str:
        states = "".join(_row(name, str(count)) for name, count in self.counts.items())
        values = "".join(_row(key, shortened(value, 200)) for key, value in self.values.items())
        return (
            f"<table class='fluffy-result'><caption style='text-align:left'><b>{self.status}</b> "
            f"in {self.duration:.2f} s</caption>"
            f"<thead>{_row('state', 'executions', 'th')}</thead><tbody>{states}</tbody>"
            f"<thead>{_row('key', 'value', 'th')}</thead><tbody>{values}</tbody></table>"
        )


def _row(name: str, value: str, tag: str = "td") -> str:
    style = "style='text-align:left;overflow-wrap:anywhere'"
    cells = "".join(f"<{tag} {style}>{isolated(text)}</{tag}>" for text in (name, value))
    return f"<tr>{cells}</tr>"
