"""What stays in the notebook: a display that holds a live view and the picture it leaves behind."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display, update_display

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.agent import Agent
from fluffy_nb.notebook.requests import Request

_STILL = (ev.RunCompleted, ev.RunFailed, ev.RunCancelled, ev.RunPaused)
"""After these the picture stays as it is for a while, so that it is worth keeping."""


def bundle(agent: Agent) -> dict[str, Any]:
    """An agent's picture as it is now, by mime type.

    Args:
        agent: Whose picture.

    Returns:
        Text always; an image where there are states and the graph can be laid out.
    """
    from fluffy_nb.widgets.fallback import pictures  # noqa: PLC0415 - not before one is wanted

    return {"text/plain": repr(agent), **(pictures(agent) if agent.states else {})}


def install(shell: InteractiveShell) -> None:
    """Have an agent that is the last line of a cell shown as its picture."""
    shell.display_formatter.mimebundle_formatter.for_type(Agent, bundle)


def uninstall(shell: InteractiveShell) -> None:
    """Have agents shown as any object."""
    shell.display_formatter.mimebundle_formatter.type_printers.pop(Agent, None)


class Shown:
    """A view under a cell, whose saved form follows the runs of its agent.

    The display holds the widget and, for files and exports, its picture. A front end that shows
    the widget leaves it alone when the display is updated, and saves the new picture.

    Args:
        agent: Whose view.
        request: The cell's request it is displayed for.
        live: Show the view; False shows the picture alone.
    """

    def __init__(self, agent: Agent, request: Request | None, *, live: bool) -> None:
        self.agent = agent
        self.request = request
        self.view = _view(agent) if live else None
        self._id = f"fluffy-{uuid.uuid4().hex}"
        self._due = False
        display(self._bundle(), raw=True, display_id=self._id)
        self._unsubscribe = agent.subscribe(self._note) if request is not None else _nothing

    def _bundle(self) -> dict[str, Any]:
        if self.view is None:
            return bundle(self.agent)
        return dict(self.view._repr_mimebundle_())  # noqa: SLF001 - IPython's protocol

    def _note(self, event: ev.Event) -> None:
        if isinstance(event, _STILL) and not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self.refresh)

    def refresh(self) -> None:
        """Put the present picture into the notebook."""
        self._due = False
        update_display(self._bundle(), raw=True, display_id=self._id)

    def close(self) -> None:
        """Stop following the agent; what is displayed stays as it is."""
        self._unsubscribe()
        if self.view is not None:
            self.view.close()


def _view(agent: Agent) -> Any:
    from fluffy_nb.widgets import View  # noqa: PLC0415 - not before a widget is wanted

    return View(agent)


def _nothing() -> None:
    pass
