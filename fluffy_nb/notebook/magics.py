"""`%fluffy` and `%%fluffy`: what the lines that the transformer writes call."""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import no_var_expand

from fluffy_nb.agent import Agent
from fluffy_nb.engine.declare import note_declared, settings_of
from fluffy_nb.engine.specs import StateSpec
from fluffy_nb.errors import UsageError, nearest, shortened
from fluffy_nb.journal.stores import store_of
from fluffy_nb.notebook import options as o
from fluffy_nb.notebook import verbs
from fluffy_nb.notebook.cells import head, helpers_among, is_of, states_among, takes_context
from fluffy_nb.notebook.options import Line
from fluffy_nb.notebook.session import Session
from fluffy_nb.notebook.transformer import MAGIC


class _Cell:
    """A `%%fluffy` cell that is being run.

    Args:
        line: Its first line.
        file: What stands for it as a file.
        before: What its functions' names stood for when it began.
        looped: Those of the names that a loop defines.
    """

    def __init__(
        self, line: Line, file: str, before: dict[str, object], looped: tuple[str, ...]
    ) -> None:
        self.name = line.words[0]
        self.options = line.options
        self.file = file
        self.before = before
        self.looped = looped
        self.noted: list[Any] = []
        self.made: list[Any] = []  # its states
        self.taken = 0  # how many of those that were noted have been made states
        self.is_new = False
        self.is_defined = False

    @property
    def declared(self) -> list[Any]:
        """The functions of this cell that `@state` was used on, in order."""
        return [function for function in self.noted if is_of(self.file, function)]


class Fluffy:
    """What `get_ipython().fluffy` is.

    Args:
        session: The notebook's.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._cell = _Cell(Line("", [""]), "", {}, ())

    # ------------------------------------------------------------ the frame of a cell

    def begin(self, text: str, names: tuple[str, ...], looped: tuple[str, ...] = ()) -> None:
        """Begin a `%%fluffy` cell: refuse what can't be meant before anything is run.

        Args:
            text: The rest of its first line.
            names: The functions that the cell will define, in order.
            looped: Those of them that it defines in a loop.
        """
        line = o.parse(verbs.CELL, text)
        _check_together(line.options)
        session, file = self.session, sys._getframe(1).f_code.co_filename  # noqa: SLF001 - the cell's own
        session.check_name(line.words[0])
        namespace = session.shell.user_ns
        cell = _Cell(line, file, {name: namespace.get(name) for name in names}, looped)
        cell.is_new = cell.name not in session.agents
        session.agent_or_new(cell.name)  # so that the cell can add states to it
        cell.noted = note_declared()
        self._cell = cell
        _hide_frame(file, text)

    def _states(self) -> dict[str, Callable[..., Any]]:
        """The states of the cell, as far as it has defined them."""
        cell, namespace = self._cell, self.session.shell.user_ns
        functions = {
            name: namespace[name]
            for name, before in cell.before.items()
            if name in namespace and namespace[name] is not before
        }
        cell.taken = len(cell.noted)
        functions_of_agent = [s.function for s in self.session.agent(cell.name).states.values()]
        added = [f for f in functions_of_agent if not any(f is made for made in cell.made)]
        listed = {
            settings_of(function).name or name: function
            for name, function in self._listed(cell.options.get("states", ()))
        }
        found = states_among(functions, cell.declared, added)
        states = listed | {
            name: f for name, f in found.items() if not any(f is one for one in listed.values())
        }
        has_added = any(f is one for f in functions.values() for one in added)
        if functions and not states and not has_added:
            raise UsageError(
                f"no function of this cell is a state: {_heads(functions)}; the first parameter of "
                "a state is the context: async def load(context): ..."
            )
        return states

    def _listed(self, names: list[str]) -> Iterator[tuple[str, Any]]:
        """The functions that `--states` lists."""
        namespace = self.session.shell.user_ns
        for name in names:
            function = namespace.get(name)
            if not (callable(function) or isinstance(function, Agent)) or inspect.isclass(function):
                functions = [n for n, f in namespace.items() if takes_context(f)]
                what = f"is {shortened(function, 60)}" if name in namespace else "is not there"
                raise UsageError(
                    f"%%fluffy: --states lists {name!r}, which {what}: {nearest(name, functions)}. "
                    "Import or define the function in this cell, or in one above."
                )
            StateSpec(name, function)  # refuses what can't be a state before anything is changed
            yield name, function

    def define(self) -> None:
        """Make what the cell has defined the states of its agent, and show it."""
        cell, session = self._cell, self.session
        states = self._states()
        cell.is_defined = True
        agent = session.agent_or_new(cell.name)
        if "store" in cell.options:
            agent.store = store_of(cell.options["store"])
        elif "quiet" not in cell.options:
            session.tell_file(agent)
            if cell.is_new:
                session.tell_left(agent)
        if "checkpoint_interval" in cell.options:
            agent.checkpoint_interval = cell.options["checkpoint_interval"]
        self._apply(agent, states)
        if "max_concurrent" in cell.options:
            agent.max_concurrent = cell.options["max_concurrent"]
        if "start" in cell.options:
            session.start_at(agent, [name for names in cell.options["start"] for name in names])
        if "layout" in cell.options:
            agent.layout = cell.options["layout"]
        if "quiet" not in cell.options:
            session.show(agent)

    def _apply(self, agent: Agent, states: dict[str, Callable[..., Any]]) -> None:
        request = self.session.requests.mine()
        self.session.owners.apply(request and request.cell, agent, states)
        self._cell.made = [*states.values()]

    def _finish(self, agent: Agent) -> None:
        """Take the states that came behind the last `def`, and say what may not be meant."""
        cell = self._cell
        note_declared(stop=True)
        if len(cell.noted) > cell.taken:
            self._apply(agent, self._states())
        for line in _doubts(cell, agent):
            print(line)  # noqa: T201 - what the magic has to say

    def ended(self, _: object = None) -> None:
        """A cell has ended: let the agent go that one made before it failed."""
        cell, names = self._cell, self.session.shell.user_ns
        if cell.is_new and not cell.is_defined:
            made = names.get(cell.name)
            if isinstance(made, Agent) and not made.states:
                del names[cell.name]
        self._cell = _Cell(Line("", [""]), "", {}, ())
        note_declared(stop=True)

    async def end(self, value: object = None) -> object:
        """End the cell: run or step its agent where that was asked for.

        Args:
            value: Of the cell's last expression.

        Returns:
            What the cell shows.
        """
        cell, session = self._cell, self.session
        agent = session.agent(cell.name)
        self._finish(agent)
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
        if not verbs.waits(text):
            return verbs.call(self.session, text)
        if not self.session.shell.autoawait:
            self.unawaitable(f"%{MAGIC} {text}")
        raise UsageError(
            f"%fluffy {text} has to wait, and inside a function it can't: write it in a cell, "
            "outside of functions, or await the agent's method of that name in an async function."
        )

    def unawaitable(self, line: str) -> NoReturn:
        """Refuse a line that would have to wait where `%autoawait` is off.

        Args:
            line: As it was written.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"{line.strip()!r} awaits a run, and %autoawait is off in this notebook: switch it on "
            "with %autoawait on, or block with the agent's run_sync()."
        )

    def misplaced(self, magic: str) -> NoReturn:
        """Refuse a `%%fluffy` that stands below another cell magic.

        Args:
            magic: The one above, as `%%time`.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"%%fluffy can't stand below {magic}: it must be the first line of its cell, and "
            f"{magic} would run the cell where it can't await. Leave {magic} out; "
            "agent.duration tells how long a run took, and --quiet shows no view."
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
    heads = [head(name, function) for name, function in functions.items()]
    return ", ".join(heads[:3]) + (", ..." if len(heads) > 3 else "")


def _doubts(cell: _Cell, agent: Agent) -> Iterator[str]:
    """What the person may not have meant, a line for each."""
    if not agent.states:
        yield (
            f"agent {cell.name!r} has no states: this cell defines no function that takes a "
            f"context. List those that were imported: %%fluffy {cell.name} --states load clean"
        )
    states: dict[str, Any] = {
        name: agent.states[name].function for name in cell.before if name in agent.states
    }
    for name, caller in helpers_among(states).items():
        yield (
            f"{name!r} is a state of agent {cell.name!r}, because it takes a context, and "
            f"{caller!r} calls it: if it is a helper, name it _{name}"
        )
    for name in cell.looped:
        if name in states and settings_of(states[name]).name is None:
            yield (
                f"{name!r} is defined in a loop, and only what the loop defined last is a state; "
                f'give each a name: @state(name=f"{name}_{{i}}")'
            )


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
    shell.events.register("post_run_cell", fluffy.ended)


def uninstall(shell: InteractiveShell) -> None:
    """Take the magics away."""
    for kind, name in (("line", MAGIC), ("cell", MAGIC), ("line", f"%{MAGIC}")):
        shell.magics_manager.magics[kind].pop(name, None)
    fluffy = vars(shell).pop(MAGIC, None)
    if fluffy is not None:
        shell.events.unregister("post_run_cell", fluffy.ended)
