"""The open prompts of an agent, one form each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fluffy_nb.engine import events as ev
from fluffy_nb.widgets.pace import Pace
from fluffy_nb.widgets.plain import PlainBox
from fluffy_nb.widgets.prompt import PromptWidget

if TYPE_CHECKING:
    from fluffy_nb.agent import Pictured

MOST_HIDDEN = 20
"""How many closed forms are kept in their places, showing nothing."""


class Inbox(PlainBox):
    """One form per open prompt; nothing where there is none.

    Args:
        agent: Whose prompts.
        report: Called with an error that answering raised.
    """

    def __init__(
        self, agent: Pictured, report: Callable[[Exception], object] | None = None
    ) -> None:
        self._agent, self._report = agent, report
        self._forms: dict[str, PromptWidget] = {}
        self._shown: tuple[PromptWidget, ...] = ()  # those, and closed ones in their places
        self._refused: set[str] = set()
        self._pace = Pace(self._paint)
        self._unsubscribe = agent.subscribe(self._note)
        super().__init__(layout={"overflow": "visible"})
        self.add_class("fluffy-inbox")
        self._paint()

    def _note(self, event: ev.Event) -> None:
        if isinstance(event, ev.PromptRefused):
            self._refused.add(event.prompt)
        if event.kind.startswith(("Prompt", "Run")):
            self._pace.after(event)

    def _paint(self) -> None:
        """Make the forms agree with the prompts that are open."""
        prompts = {prompt.id: prompt for prompt in self._agent.prompts}
        for pid in self._forms.keys() - prompts.keys():
            self._forms.pop(pid).closed = True
        for pid, prompt in prompts.items():
            if pid not in self._forms:
                self._forms[pid] = PromptWidget(prompt, self._report)
            self._forms[pid].deadline = prompt.deadline
            if pid in self._refused:
                self._forms[pid].note()
        self._refused.clear()
        self._arrange()

    def _arrange(self) -> None:
        """Drop closed forms, but not one that an open one follows.

        The front end makes every child behind a removed one anew, which would take the cursor
        from somebody who types there. Closed forms show nothing, so they can stay a while.
        """
        forms = list(dict.fromkeys([*self._shown, *self._forms.values()]))
        while forms and forms[-1].closed:
            forms.pop()
        if sum(form.closed for form in forms) > MOST_HIDDEN:
            forms = [form for form in forms if not form.closed]
        dropped = set(self._shown).difference(forms)
        if tuple(forms) != self._shown:
            self._shown = self.children = tuple(forms)
        for form in dropped:
            form.close()

    def about(self) -> str:
        """What the text form says in its parentheses."""
        return f"{self._agent.name}: {len(self._forms)} open"

    def close(self) -> None:
        """Stop observing the agent and take the forms away."""
        if self.comm is None:
            return  # closed before
        self._unsubscribe()
        self._pace.stop()
        for form in self._shown:
            form.close()
        super().close()
