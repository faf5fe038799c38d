"""What came of each promise on each kernel, as a table."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.kernels.rows import ROWS, Row

PAGE = Path(__file__).parent.parent.parent / "docs" / "explanation" / "kernels.md"
BEGIN, END = "<!-- generated: begin -->\n", "<!-- generated: end -->\n"

outcomes: dict[tuple[str, str, str], dict[str, list[bool]]] = {}
"""By name, channel and Python of the row: for every promise how each of its tests went."""

said: dict[str, dict[str, str]] = {}
"""What the environments hold."""

missing: set[str] = set()
"""Pythons that are not here."""

promises: dict[str, None] = {}
"""All that were tried, in order."""


def promise_of(item: Any) -> str:
    """What a test is about, as its decorator says."""
    return str(item.get_closest_marker("promise").args[0])


def note(row: Row, channel: str, promise: str, kept: bool) -> None:
    """Note how a test went."""
    promises.setdefault(promise)
    cell = outcomes.setdefault((row.name, channel, row.python), defaultdict(list))
    cell[promise].append(kept)


def text() -> str:
    """The table, as Markdown."""
    heads = ["ipykernel", "Python", "widgets' messages go to", *promises]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    notes = {row.name: row.note for row in ROWS}
    for (name, channel, python), cell in outcomes.items():
        held = said[name]
        version = held["ipykernel"] + (" (newest)" if name.startswith("newest") else "")
        version += f", {notes[name]}" if notes[name] else ""
        where = {"main": "the main shell", "subshell": "a subshell"}[channel]
        marks = [_mark(cell.get(promise, [])) for promise in promises]
        lines.append(f"| {' | '.join([version, python, where, *marks])} |")
    lines += [f"\nPython {python} was not there to be tested." for python in sorted(missing)]
    return "\n".join(lines) + "\n"


def _mark(went: list[bool]) -> str:
    if not went:
        return ""
    return "yes" if all(went) else "**NO**"


def write() -> None:
    """Put the table into its page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{text()}\n{END}{after}")
