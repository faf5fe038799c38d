"""What a run returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import isolated, shortened


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended, or where it was paused.

    Args:
        status: COMPLETED, PAUSED or CANCELLED; a failure is raised instead.
        run_id: The run.
        values: The context's values by key.
        duration: Seconds it was active, pauses not counted.
        counts: How often each state was run; a template's count is that of all its names.
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
