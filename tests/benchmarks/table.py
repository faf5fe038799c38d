"""The table: ratios to bare asyncio, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .environments import BARE, Contender
from .measuring import Cell, Row

BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"


NOBODY = Cell()
"""What bare asyncio comes to where there is nothing to compare with."""


def as_markdown(rows: Iterable[Row], contenders: dict[Contender, str]) -> str:
    """The whole table.

    Args:
        rows: What was measured.
        contenders: The columns, with their versions.
    """
    head = ["", BARE.title, "aim"]
    columns = [contender for contender in contenders if contender is not BARE]
    head += [f"{c.title} {contenders[c]}".strip() for c in columns]
    lines = [head, ["---"] * len(head)]
    notes: list[str] = []
    for row in rows:
        case = row.case
        bare = row.cells.get(BARE.module, NOBODY)
        aims = [case.aim, case.watched_aim]
        if "memory" in case.kind:
            aim = "1.7 KB" if case.kind == "memory" else ""
        else:
            aim = case.aim_text or " / ".join(f"{aim:g}" for aim in aims if aim is not None)
        line = [case.title, absolute(row, bare), aim]
        for column in columns:
            cell = row.cells.get(column.module)
            line.append("" if cell is None else shown(row, cell, bare, column.title, notes))
        lines.append(line)
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return table + "".join(f"\n\n{note}" for note in [legend(notes)] if note)


def legend(notes: list[str]) -> str:
    """What the marks mean."""
    return "\n".join(f"{number}. {note}" for number, note in enumerate(notes, 1))


def shown(row: Row, cell: Cell, bare: Cell, who: str, notes: list[str]) -> str:
    """A ratio, an amount of memory, or a mark with a note."""
    if cell.value is None:
        note = f"{who}, {cell.mark}"
        if note not in notes:
            notes.append(note)
        kind = cell.mark.partition(":")[0]
        return f"{kind} ({notes.index(note) + 1})"
    if "memory" in row.case.kind or not bare.value:
        return absolute(row, cell)
    return ratio(cell.value / bare.value)


def ratio(value: float) -> str:
    """A ratio with two figures that mean something."""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}" if value < 1000 else f"{value:,.0f}"


def absolute(row: Row, cell: Cell) -> str:
    """A time or an amount of memory, with its unit."""
    if cell.value is None:
        return cell.mark
    if row.case.kind == "memory":
        return f"{cell.value / 1024:.2f} KB"
    if row.case.kind == "start memory":
        return f"{cell.value / 1024**2:.1f} MB"
    if row.case.whole:
        return f"{cell.value * 1e3:.1f} ms"
    return f"{cell.value / row.case.executions * 1e6:.2f} µs"


def write(page: Path, table: str) -> None:
    """Put the table between the markers of a page."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no {BEGIN} and {END}; put them where the table belongs.")
    page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")
