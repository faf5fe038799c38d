# %%
from fluffy_agent import Agent, Context, RetryPolicy, StateResult

# %%
retry_policy = RetryPolicy(max_retries=3, initial_delay=0.001, exponential_base=2.0, jitter=True)

# %% left open
attempts = []


async def make_api_call(context: Context) -> StateResult:
    attempts.append(context.attempt)
    if len(attempts) < 4:
        raise ConnectionError("the service is busy")
    return None


agent = Agent("calls")

# %%
agent.add_state("api_call", make_api_call, retry_policy=retry_policy)
result = await agent.run()

# %% three retries after the first attempt, and one execution
assert attempts == [1, 2, 3, 4]
assert result.counts == {"api_call": 1}
assert agent.state_metadata["api_call"].attempts == 4
