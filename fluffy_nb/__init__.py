"""Build, watch, steer and resume workflows of plain Python functions, in a notebook and without."""

from typing import Any

from fluffy_nb.agent import Agent, RunWatch
from fluffy_nb.engine.checkpoint import Checkpoint
from fluffy_nb.engine.codecs import register_type
from fluffy_nb.engine.context import Context
from fluffy_nb.engine.declare import state
from fluffy_nb.engine.dependencies import Dependency, DependencyLifecycle, DependencyType
from fluffy_nb.engine.prompt import Prompt
from fluffy_nb.engine.registering import register_codec
from fluffy_nb.engine.resources import Priority, ResourcePool, ResourceRequirements
from fluffy_nb.engine.result import RunResult
from fluffy_nb.engine.retry import RetryPolicy
from fluffy_nb.engine.run import Run
from fluffy_nb.engine.specs import Send, StateResult
from fluffy_nb.engine.status import AgentStatus, StateStatus
from fluffy_nb.engine.typed import TypedContextData
from fluffy_nb.journal.stores import open_store

__all__ = [
    "Agent",
    "AgentStatus",
    "Checkpoint",
    "Context",
    "Dependency",
    "DependencyLifecycle",
    "DependencyType",
    "Priority",
    "Prompt",
    "ResourcePool",
    "ResourceRequirements",
    "RetryPolicy",
    "Run",
    "RunResult",
    "RunWatch",
    "Send",
    "StateResult",
    "StateStatus",
    "TypedContextData",
    "open_store",
    "register_codec",
    "register_type",
    "state",
]


def load_ipython_extension(ipython: Any) -> None:
    """Install the magics: `%load_ext fluffy_nb`."""
    from fluffy_nb import notebook  # noqa: PLC0415 - importing the package imports no notebook

    notebook.load_ipython_extension(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Remove what `load_ipython_extension` installed."""
    from fluffy_nb import notebook  # noqa: PLC0415 - as above

    notebook.unload_ipython_extension(ipython)
