"""The names of `fluffy_nb` under the import name that Fluffy Agent Flow gives them.

`from fluffy_agent import Agent` and `from fluffy_nb import Agent` are one object, so flows
written for either name work together.
"""

from fluffy_nb import (
    Agent,
    AgentStatus,
    Checkpoint,
    Context,
    Dependency,
    DependencyLifecycle,
    DependencyType,
    Priority,
    Prompt,
    ResourcePool,
    ResourceRequirements,
    RetryPolicy,
    Run,
    RunResult,
    RunWatch,
    Send,
    StateResult,
    StateStatus,
    TypedContextData,
    open_store,
    register_codec,
    register_type,
    state,
)

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
