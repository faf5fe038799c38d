# %%
from dataclasses import dataclass

from fluffy_agent import Agent, Context, StateResult, TypedContextData


# %%
@dataclass
class TrainingConfig(TypedContextData):
    model_type: str
    batch_size: int
    epochs: int


async def train_model(context: Context) -> StateResult:
    config = context.get_typed("config", TrainingConfig)
    for epoch in range(config.epochs):
        metrics = {"loss": 1 / (epoch + 1), "accuracy": 0.9 + epoch / 20}
        context.set_state(f"metrics_epoch_{epoch}", metrics)
        if metrics["accuracy"] > 0.98:
            return "evaluate"
    return "evaluate"


# %% left open
async def evaluate(context: Context) -> StateResult:
    return None


agent = Agent("training")
agent.add_state("train_model", train_model)
agent.add_state("evaluate", evaluate)

# %%
config = TrainingConfig(model_type="tree", batch_size=8, epochs=5)
result = await agent.run(inputs={"config": config})
epochs = [key for key in result.values if key.startswith("metrics")]
assert epochs == ["metrics_epoch_0", "metrics_epoch_1", "metrics_epoch_2"]
assert result.counts == {"train_model": 1, "evaluate": 1}
