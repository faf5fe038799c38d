"""One notebook's session: its agents, the cells that made them, and what is displayed of them."""

from __future__ import annotations

import keyword
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell

from fluffy_nb.agent import Agent, Pictured, RunWatch
from fluffy_nb.engine.status import AgentStatus
from fluffy_nb.errors import FluffyError, RunStoppedError, UsageError, nearest, shortened
from fluffy_nb.journal.stores import runs_in
from fluffy_nb.notebook.cells import Owners
from fluffy_nb.notebook.picture import FORMS, Shown
from fluffy_nb.notebook.requests import Requests
from fluffy_nb.notebook.running_cell import RunningCell

if TYPE_CHECKING:
    from fluffy_nb.engine.prompt import Prompt
    from fluffy_nb.engine.run import Run


FILE = ".fluffy/runs.sqlite"


class Session:
    """What the extension knows of the notebook it is loaded in.

    Args:
        shell: The IPython shell.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.requests = Requests(shell)
        self.owners = Owners()
        self.running_cell = RunningCell(shell, self.requests, self._interrupted)
        self.shown: list[Shown] = []
        self.file = Path(FILE).absolute()
        """Where runs of agents that cells make are kept, beside the notebook."""
        self._has_told = self.file.exists()

    # ------------------------------------------------------------ agents

    @property
    def agents(self) -> dict[str, Agent]:
        """The agents among the notebook's names."""
        return {
            name: value
            for name, value in list(self.shell.user_ns.items())
            if isinstance(value, Agent) and not name.startswith("_")
        }

    def agent(self, name: str) -> Agent:
        """The agent of a name.

        Raises:
            UsageError: It is none; the message says which come nearest.
        """
        agents = self.agents
        if name in agents:
            return agents[name]
        if name in self.shell.user_ns:
            what = shortened(self.shell.user_ns[name], 60)
            raise UsageError(f"{name!r} is {what}, no agent: {nearest(name, agents)}")
        raise UsageError(
            f"there is no agent {name!r}: {nearest(name, agents)} "
            f"A cell that begins with %%fluffy {name} makes one."
        )

    def check_name(self, name: str) -> None:
        """Refuse a name that can't be, or is not, an agent's.

        Raises:
            UsageError: It is no identifier, or the name of something else.
        """
        if not name.isidentifier() or keyword.iskeyword(name):
            raise UsageError(
                f"{name!r} can't be an agent's name: it becomes a name in the notebook, so it must "
                "be made of letters, digits and underscores, like 'review'."
            )
        if name in self.shell.user_ns:
            self.agent(name)  # says what else it is

    def agent_or_new(self, name: str) -> Agent:
        """The agent of a name, made where there is none."""
        agents = self.agents
        if name not in agents:
            self.shell.user_ns[name] = Agent(name, store=self.file)
        return self.agents[name]

    def tell_file(self, agent: Agent) -> None:
        """Say where runs are kept, before there is a file that says so itself."""
        if not self._has_told and agent.keeps_in == self.file:
            self._has_told = True
            print(f"runs are kept in {FILE}; %fluffy runs lists them")  # noqa: T201 - said once

    def tell_left(self, agent: Agent) -> None:
        """Say that the last run of an agent, in an earlier kernel, has not come to its end."""
        if agent.keeps_in != self.file or not self.file.exists():
            return
        with suppress(FluffyError):  # a file that can't be read is told when it is written
            runs = (run for run in runs_in(self.file) if run.agent == agent.name)
            left = next(runs, None)
            if left is not None and left.status != AgentStatus.COMPLETED:
                when = time.strftime("%Y-%m-%d %H:%M", time.localtime(left.updated))
                print(  # noqa: T201 - said once, by the first cell of the agent
                    f"run {left.id} of {agent.name!r}, last written {when}, has not ended; "
                    f"take it up: %fluffy load {left.id}"
                )

    def start_at(self, agent: Agent, states: list[str]) -> None:
        """Have an agent's runs start at these states."""
        agent.definition.start = tuple(states)

    def run_of(self, agent: Agent) -> Run | None:
        """The present or last run of an agent; None before its first."""
        return agent._run  # noqa: SLF001 - no verb gives a run without starting one

    def agent_of(self, prompt: Prompt) -> Agent | None:
        """The agent whose prompt this is, as far as the notebook knows it."""
        shown = (shown.agent for shown in self.shown)
        known = [*self.agents.values(), *(agent for agent in shown if isinstance(agent, Agent))]
        return next((agent for agent in known if prompt in agent.prompts), None)

    # ------------------------------------------------------------ displays

    def show(self, agent: Pictured) -> None:
        """Show an agent's view under the cell that runs; once in one run of a cell.

        Where nobody is there to click, the picture alone is shown.
        """
        request = self.requests.running()
        for shown in list(self.shown):
            if request is None or shown.agent is not agent or shown.request is None:
                continue
            if shown.request.id == request.id:
                return
            if request.cell is not None and shown.request.cell == request.cell:
                shown.close()  # the front end has thrown it away
                self.shown.remove(shown)
        view = agent.view() if self.requests.somebody_is_there() else None
        self.shown.append(Shown(agent, request, view))

    def show_watch(self, watch: RunWatch) -> None:
        """Show a run in a file under the cell that runs, and how it goes on."""
        for shown in list(self.shown):
            if isinstance(shown.agent, RunWatch) and shown.agent.run_id == watch.run_id:
                shown.close()  # one view of a run is enough, and this one is where somebody looks
                self.shown.remove(shown)
        self.show(watch)
        if self.shown[-1].widget is None:
            watch.close()
        else:
            self.shown[-1].follow(watch)

    def show_widget(self, widget: Any) -> None:
        """Show a widget of an agent that a person made; IPython calls this to display it."""
        agent = widget._agent  # noqa: SLF001 - all widgets of an agent have it
        self.shown.append(Shown(agent, self.requests.running(), widget))

    def has_view(self, agent: Agent) -> bool:
        """Whether a view in which prompts can be answered is displayed."""
        return any(shown.agent is agent and isinstance(shown.widget, FORMS) for shown in self.shown)

    def close(self) -> None:
        """Let the displays be as they are."""
        for shown in self.shown:
            shown.close()
        self.shown.clear()

    # ------------------------------------------------------------ Stop

    def _interrupted(self) -> Callable[[], Exception]:
        running = {n: agent for n, agent in self.agents.items() if _runs(agent)}

        def explain() -> Exception:
            stopped = {n: str(a.run_id) for n, a in running.items() if not _runs(a)}
            going_on = {n: str(a.run_id) for n, a in running.items() if _runs(a)}
            return RunStoppedError(stopped, going_on)

        return explain


def _runs(agent: Any) -> bool:
    return bool(agent.status is AgentStatus.RUNNING)
