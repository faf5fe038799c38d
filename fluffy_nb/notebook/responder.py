"""Who answers prompts in a notebook: a person at its forms, or nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.display import display

from fluffy_nb.engine.surroundings import Surroundings
from fluffy_nb.notebook.requests import kernel_of
from fluffy_nb.notebook.session import Session
from fluffy_nb.widgets import PromptWidget

if TYPE_CHECKING:
    from fluffy_nb.engine.prompt import Prompt, Responder


class NotebookResponder:
    """Finds who answers (semantics 11.6), and sees to it that there is a form to do so.

    Args:
        session: The notebook's.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._noted = ""  # the request whose cell has been told that clicks come late

    def __call__(self) -> Responder | None:
        """Who answers now; None where nobody can."""
        if kernel_of(self._session.shell) is None:
            return Surroundings().responder()  # IPython in a terminal
        return self._offer if self._session.requests.somebody_is_there() else None

    def _offer(self, prompt: Prompt) -> None:
        """Display a form in the cell that waits, unless a view that has one is there already.

        A display is made inside a cell only: what runs in the background is answered in a view.
        """
        request = self._session.requests.running()
        if request is None:
            return
        agent = self._session.agent_of(prompt)
        if agent is None:
            form = PromptWidget(prompt)
            prompt.when_closed(lambda: setattr(form, "closed", True))
            display(form)
        elif not self._session.has_view(agent):
            self._session.show(agent)
        note = self._session.running_cell.note
        if note and self._noted != request.id:
            self._noted = request.id
            print(note)  # noqa: T201 - said in the cell that waits
