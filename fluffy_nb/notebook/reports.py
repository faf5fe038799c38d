"""What the line magics show under their cells: tables, as HTML and as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fluffy_nb.agent import Agent
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.checkpoint import Checkpoint
from fluffy_nb.errors import isolated, shortened, visible, visible_lines

LONGEST = 60
"""How much of a value a table shows."""


@dataclass(frozen=True)
class Table:
    """A few rows under a heading.

    Args:
        columns: Their heads.
        rows: Their cells.
        empty: Said where there are no rows.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = ""

    def __repr__(self) -> str:
        if not self.rows:
            return visible_lines(self.empty)
        lines = [[visible(cell) for cell in line] for line in (self.columns, *self.rows)]
        widths = [max(len(line[n]) for line in lines) for n in range(len(self.columns))]
        padded = (map(str.ljust, line, widths) for line in lines)
        return "\n".join("  ".join(cells).rstrip() for cells in padded)

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<p>{isolated(self.empty)}</p>"
        head = _row(self.columns, "th")
        body = "".join(_row(row, "td") for row in self.rows)
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _row(cells: Iterable[str], tag: str) -> str:
    style = "style='text-align:left;overflow-wrap:anywhere'"
    return "<tr>" + "".join(f"<{tag} {style}>{isolated(cell)}</{tag}>" for cell in cells) + "</tr>"


def listing(agents: Mapping[str, Agent]) -> Table:
    """The agents of a notebook and where they stand.

    Args:
        agents: By their names in the notebook.

    Returns:
        One row each.
    """
    rows = [
        (
            name,
            agent.status.value,
            f"{len(agent.completed_states)}/{len(agent.states)}",
            str(len(agent.prompts)),
            "" if agent.duration is None else f"{agent.duration:.1f} s",
            agent.run_id or "",
        )
        for name, agent in agents.items()
    ]
    empty = "there are no agents yet; a cell that begins with %%fluffy NAME makes one"
    return Table(("agent", "status", "states done", "questions", "time", "run"), rows, empty)


@dataclass
class Steps:
    """Follows an agent's steps, to show what each did.

    Args:
        agent: Whose steps.
    """

    agent: Agent
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    happened: list[str] = field(default_factory=list)

    def note(self, event: ev.Event) -> None:
        """Note what a step does; an observer."""
        match event:
            case ev.StateCompleted(state=state):
                self.happened.append(state)
            case ev.StateFailed(state=state):
                self.happened.append(f"{state} failed")
            case ev.PromptOpened(state=state):
                self.happened.append(f"{state} asks a person")

    def end(self, checkpoint: Checkpoint) -> None:
        """Note the end of a step, with the checkpoint it left."""
        done, self.happened = ", ".join(dict.fromkeys(self.happened)), []
        queue = ", ".join(dict.fromkeys(self.agent.priority_queue))
        asking = ", ".join(dict.fromkeys(prompt.state for prompt in self.agent.prompts))
        following = [queue, asking and f"{asking} (after an answer)"]
        self.rows.append(
            (done or "nothing", _changes(checkpoint), "; ".join(filter(None, following)) or "end")
        )

    def table(self) -> Table:
        """One row for each step."""
        return Table(("state run", "changed in the context", "next"), self.rows, "nothing was run")


def _changes(checkpoint: Checkpoint) -> str:
    changes, values = checkpoint.changes, checkpoint.shared_state
    parts = [f"+ {key} = {shortened(values[key], LONGEST)}" for key in changes.added]
    parts += [f"{key} = {shortened(values[key], LONGEST)}" for key in changes.changed]
    parts += [f"- {key}" for key in changes.removed]
    return "; ".join(parts) or "nothing"
