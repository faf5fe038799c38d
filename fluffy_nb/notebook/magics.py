"""`%fluffy` and `%%fluffy`: what the lines that the transformer writes call."""

from __future__ import annotations

import inspect
import linecache
import sys
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import no_var_expand

from fluffy_nb.errors import UsageError
from fluffy_nb.journal.stores import store_of
from fluffy_nb.notebook import options as o
from fluffy_nb.notebook import verbs
from fluffy_nb.notebook.cells import states_among
from fluffy_nb.notebook.options import Line
from fluffy_nb.notebook.session import Session
from fluffy_nb.notebook.transformer import MAGIC


class _Cell:
    """A `%%fluffy` cell that is being run."""

    def __init__(self, line: Line, before: dict[str, object]) -> None:
        self.name = line.words[0]
        self.options = line.options
        self.before = before  # what its functions' names stood for when it began


class Fluffy:
    """What `get_ipython().fluffy` is.

    Args:
        session: The notebook's.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._cell = _Cell(Line("", [""]), {})

    # ------------------------------------------------------------ the frame of a cell

    def begin(self, text: str, names: tuple[str, ...]) -> None:
        """Begin a `%%fluffy` cell: refuse what can't be meant before anything is run.

        Args:
            text: The rest of its first line.
            names: The functions that the cell will define, in order.
        """
        line = o.parse(verbs.CELL, text)
        _check_together(line.options)
        self.session.check_name(line.words[0])
        namespace = self.session.shell.user_ns
        self._cell = _Cell(line, {name: namespace.get(name) for name in names})
        _hide_frame(sys._getframe(1).f_code.co_filename, text)  # noqa: SLF001 - the cell's own

    def define(self) -> None:
        """Make what the cell has defined the states of its agent, and show it."""
        cell, session = self._cell, self.session
        namespace = session.shell.user_ns
        functions = {
            name: namespace[name]
            for name, before in cell.before.items()
            if name in namespace and namespace[name] is not before
        }
        states = states_among(functions)
        if functions and not states:
            raise UsageError(
                f"no function of this cell is a state: {_heads(functions)}; the first parameter of "
                "a state is the context: async def load(context): ..."
            )
        is_new = cell.name not in session.agents
        agent = session.agent_or_new(cell.name)
        if "store" in cell.options:
            agent.store = store_of(cell.options["store"])
        elif "quiet" not in cell.options:
            session.tell_file(agent)
            if is_new:
                session.tell_left(agent)
        if "checkpoint_interval" in cell.options:
            agent.checkpoint_interval = cell.options["checkpoint_interval"]
        request = session.requests.mine()
        session.owners.apply(request and request.cell, agent, states)
        if "max_concurrent" in cell.options:
            agent.max_concurrent = cell.options["max_concurrent"]
        if "start" in cell.options:
            session.start_at(agent, [name for names in cell.options["start"] for name in names])
        if "layout" in cell.options:
            agent.layout = cell.options["layout"]
        if "quiet" not in cell.options:
            session.show(agent)

    async def end(self, value: object = None) -> object:
        """End the cell: run or step its agent where that was asked for.

        Args:
            value: Of the cell's last expression.

        Returns:
            What the cell shows.
        """
        cell, session = self._cell, self.session
        agent = session.agent(cell.name)
        result: object = None
        async with session.running_cell():
            if "run" in cell.options:
                run = agent.start(timeout=cell.options.get("timeout"))
                result = await run if "wait" in cell.options else None
            elif "step" in cell.options:
                result = await verbs.step(session, agent, Line("", [cell.name]))
        return result if value is None else value

    # ------------------------------------------------------------ lines

    async def line(self, text: str) -> object:
        """Do what a `%fluffy` line says, and wait where it says so.

        Args:
            text: What stands behind `%fluffy`.

        Returns:
            What the cell shows.
        """
        async with self.session.running_cell():  # before a run begins that Stop should prevent
            outcome = verbs.call(self.session, text)
            return await outcome if inspect.iscoroutine(outcome) else outcome

    def unawaited(self, text: str, body: str | None = None) -> object:
        """Do what a line says where nothing can wait: inside a function.

        Args:
            text: What stands behind `%fluffy`.
            body: Of a `%%fluffy` cell that is no real cell.

        Raises:
            UsageError: It would have to wait.
        """
        if body is not None:
            raise UsageError("%%fluffy must be the first line of a cell of its own.")
        outcome = verbs.call(self.session, text)
        if not inspect.iscoroutine(outcome):
            return outcome
        outcome.close()
        raise UsageError(
            f"%fluffy {text} has to wait, and inside a function it can't: write it in a cell, "
            "outside of functions, or await the agent's method of that name in an async function."
        )


def _hide_frame(file: str, text: str) -> None:
    """Have error messages show the cell as it was written, without the frame's lines.

    The first line becomes a comment, because `inspect` parses the text to find classes in it.
    """
    size, time, lines, name = linecache.cache.get(file, (0, None, [], file))  # type: ignore[misc]
    if lines:
        linecache.cache[file] = (size, time, [f"# %%fluffy {text}\n", *lines[1:-1]], name)


def _check_together(options: dict[str, Any]) -> None:
    if "run" in options and "step" in options:
        raise UsageError("%%fluffy: --run and --step exclude each other; leave one out.")
    for flag in ("wait", "timeout"):
        if flag in options and "run" not in options:
            raise UsageError(f"%%fluffy: --{flag} is about a run; add --run.")


def _heads(functions: dict[str, Any]) -> str:
    """A few functions as they are called, for a message."""
    heads = [
        f"{name}{inspect.signature(function)}" if callable(function) else name
        for name, function in functions.items()
    ]
    return ", ".join(heads[:3]) + (", ..." if len(heads) > 3 else "")


def install(shell: InteractiveShell, fluffy: Fluffy) -> None:
    """Register the magics with a shell."""

    def magic(line: str, cell: str | None = None) -> object:
        return fluffy.unawaited(line, cell)

    def misplaced(_: str) -> None:
        raise UsageError("%%fluffy must be the first line of its cell: move it up.")

    magic.__doc__ = verbs.described()
    shell.register_magic_function(misplaced, "line", f"%{MAGIC}")  # type: ignore[arg-type]  # what IPython takes it for
    shell.register_magic_function(no_var_expand(magic), "line_cell", MAGIC)  # type: ignore[arg-type]
    setattr(shell, MAGIC, fluffy)


def uninstall(shell: InteractiveShell) -> None:
    """Take the magics away."""
    for kind, name in (("line", MAGIC), ("cell", MAGIC), ("line", f"%{MAGIC}")):
        shell.magics_manager.magics[kind].pop(name, None)
    vars(shell).pop(MAGIC, None)
