"""What stays in the notebook: a display that holds a live view and the picture it leaves behind."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from IPython.display import display, update_display

from fluffy_nb.agent import Agent, Pictured, RunWatch
from fluffy_nb.engine import events as ev
from fluffy_nb.notebook.requests import Request
from fluffy_nb.widgets import GraphWidget, Inbox, View
from fluffy_nb.widgets.fallback import pictures

_STILL = (ev.RunCompleted, ev.RunFailed, ev.RunCancelled, ev.RunPaused)
"""After these the picture stays as it is for a while, so that it is worth keeping."""


WIDGETS = (View, GraphWidget, Inbox)
"""The widgets of one agent that a person can make and display."""

FORMS = (View, Inbox)
"""Those in which its questions can be answered."""


def bundle(agent: Pictured) -> dict[str, Any]:
    """An agent's picture as it is now, by mime type.

    Args:
        agent: Whose picture.

    Returns:
        Text always; an image where there are states and the graph can be laid out.
    """
    return {"text/plain": repr(agent), **(pictures(agent) if agent.states else {})}


def install(shell: Any, show: Callable[[Any], None]) -> None:
    """Have agents shown as their pictures, and their widgets with them.

    Args:
        shell: The IPython shell.
        show: Displays a widget of an agent.
    """
    formatter = shell.display_formatter
    for kind in (Agent, RunWatch):
        formatter.mimebundle_formatter.for_type(kind, bundle)
    for widget in WIDGETS:
        formatter.ipython_display_formatter.for_type(widget, show)


def uninstall(shell: Any) -> None:
    """Have them shown as any object."""
    formatter = shell.display_formatter
    for kind in (Agent, RunWatch):
        formatter.mimebundle_formatter.type_printers.pop(kind, None)
    for widget in WIDGETS:
        formatter.ipython_display_formatter.type_printers.pop(widget, None)


class Shown:
    """A widget under a cell, whose saved form follows the runs of its agent.

    The display holds the widget and, for files and exports, its picture. A front end that shows
    the widget leaves it alone when the display is updated, and saves the new picture.

    Args:
        agent: Whose widget.
        request: The cell's request it is displayed for.
        widget: What to show; None shows the picture alone.
    """

    def __init__(self, agent: Pictured, request: Request | None, widget: Any | None) -> None:
        self.agent = agent
        self.request = request
        self.widget = widget
        self._id = f"fluffy-{uuid.uuid4().hex}"
        self._due = False
        self._following: asyncio.Task[None] | None = None
        display(self._bundle(), raw=True, display_id=self._id)
        self._unsubscribe = agent.subscribe(self._note) if request is not None else _nothing

    def _bundle(self) -> dict[str, Any]:
        if self.widget is None:
            return bundle(self.agent)
        return dict(self.widget._repr_mimebundle_())

    def _note(self, event: ev.Event) -> None:
        if isinstance(event, _STILL) and not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self.refresh)

    def follow(self, watch: RunWatch) -> None:
        """Show how a run in a file goes on, as long as the widget is there.

        Args:
            watch: Whose widget it is.
        """

        def ended(following: asyncio.Task[None]) -> None:
            watch.close()
            problem = None if following.cancelled() else following.exception()
            if problem is not None and self.widget is not None:
                self.widget.controls.report(problem)

        self._following = asyncio.get_running_loop().create_task(watch.follow())
        self._following.add_done_callback(ended)

    def refresh(self) -> None:
        """Put the present picture into the notebook."""
        self._due = False
        update_display(self._bundle(), raw=True, display_id=self._id)

    def close(self) -> None:
        """Stop following the agent; what is displayed stays as it is."""
        self._unsubscribe()
        if self._following is not None:
            self._following.cancel()
        if self.widget is not None:
            self.widget.close()


def _nothing() -> None:
    pass
