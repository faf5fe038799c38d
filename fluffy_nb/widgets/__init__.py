"""The live view of an agent: graph, controls and inbox, drawn from events, steered by verbs."""

from __future__ import annotations

from fluffy_nb.widgets.controls import ControlsWidget
from fluffy_nb.widgets.graph import GraphWidget
from fluffy_nb.widgets.inbox import Inbox
from fluffy_nb.widgets.prompt import PromptWidget
from fluffy_nb.widgets.view import View

__all__ = ["ControlsWidget", "GraphWidget", "Inbox", "PromptWidget", "View"]
