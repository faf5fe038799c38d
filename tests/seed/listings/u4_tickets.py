# %%
from dataclasses import dataclass

from fluffy_agent import Agent, Context, StateResult, TypedContextData


# %%
@dataclass
class ServiceTicket(TypedContextData):
    id: str
    content: str
    priority: str
    category: str


async def route_ticket(context: Context) -> StateResult:
    ticket = context.get_typed("ticket", ServiceTicket)
    if ticket.priority == "high":
        return "urgent_response"
    if ticket.category == "technical":
        return "technical_review"
    return "standard_response"


async def urgent_response(context: Context) -> StateResult:
    context.set_state("reply", f"At once: {context.get_typed('ticket', ServiceTicket).id}")
    return "human_review"


# %% left open
async def human_review(context: Context) -> StateResult:
    context.set_state("sent", await context.human_in_the_loop("Send the reply?"))
    return None


async def end(context: Context) -> StateResult:
    return None


agent = Agent("customer_service")
for state in (route_ticket, urgent_response, human_review):
    agent.add_state(state.__name__, state)
agent.add_state("technical_review", end)
agent.add_state("standard_response", end)


# %%
async def handled(priority, category):
    ticket = ServiceTicket("t9", "It hums.", priority, category)
    return await agent.run(inputs={"ticket": ticket})


urgent = await handled("high", "technical")
assert list(urgent.counts) == ["route_ticket", "urgent_response", "human_review"]
assert (urgent.values["reply"], urgent.values["sent"]) == ("At once: t9", "yes")
assert "technical_review" in (await handled("low", "technical")).counts
assert "standard_response" in (await handled("low", "billing")).counts
