"""What came of each promise on each kernel, as a table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.kernels.rows import FrontEnd, Row

PAGE = Path(__file__).parent.parent.parent / "docs" / "explanation" / "kernels.md"

Cell = tuple[Row, str] | FrontEnd
"""A kernel and where widgets' messages go, or a front end."""

outcomes: dict[Cell, dict[str, list[bool]]] = {}
"""For every promise how each of its tests went."""

said: dict[str, dict[str, str]] = {}
"""The versions in the environments."""

missing: set[str] = set()
"""Pythons that are not here."""


def promise_of(item: Any) -> str:
    """What a test is about, as its decorator says."""
    return str(item.get_closest_marker("promise").args[0])


def note(cell: Cell, promise: str, kept: bool) -> None:
    """Note how a test went."""
    outcomes.setdefault(cell, defaultdict(list))[promise].append(kept)


def tables() -> dict[str, str]:
    """What was tried, each as a table in Markdown: "kernels" and "front ends"."""
    kernels = {cell: went for cell, went in outcomes.items() if not isinstance(cell, FrontEnd)}
    pages = {cell: went for cell, went in outcomes.items() if isinstance(cell, FrontEnd)}
    made = {}
    if kernels:
        lines = [f"\nPython {python} was not there to be tested.\n" for python in sorted(missing)]
        heads = ["ipykernel", "Python", "widgets' messages"]
        made["kernels"] = _table(heads, kernels, _of_kernel) + "".join(lines)
    if pages:
        made["front ends"] = _table(["front end", "ipykernel"], pages, _of_page)
    return made


def _table(heads: list[str], cells: dict[Any, Any], first: Callable[[Any], list[str]]) -> str:
    promises = list(dict.fromkeys(promise for went in cells.values() for promise in went))
    lines = [f"| {' | '.join([*heads, *promises])} |", "|" + "---|" * (len(heads) + len(promises))]
    for cell, went in cells.items():
        marks = [_mark(went.get(promise, [])) for promise in promises]
        lines.append(f"| {' | '.join([*first(cell), *marks])} |")
    return "\n".join(lines) + "\n"


def _of_kernel(cell: tuple[Row, str]) -> list[str]:
    row, channel = cell
    where = {"main": "main shell", "subshell": "a subshell"}[channel]
    return [_version(row), row.python, where]


def _of_page(cell: FrontEnd) -> list[str]:
    return [f"{cell.title} {said[cell.name][cell.package]}", _version(cell)]


def _version(row: Row | FrontEnd) -> str:
    newest = "" if row.ipykernel else " (newest)"
    note = f", {row.note}" if isinstance(row, Row) and row.note else ""
    return said[row.name]["ipykernel"] + newest + note


def _mark(went: list[bool]) -> str:
    return ("yes" if all(went) else "**NO**") if went else ""


def write() -> None:
    """Put the tables into their page."""
    page = PAGE.read_text()
    for name, table in tables().items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n{table}\n{end}{after}"
    PAGE.write_text(page)
