import pytest

from fluffy_nb.engine import events as ev
from fluffy_nb.widgets.inbox import MOST_HIDDEN, Inbox

from .fakes import FakeAgent, FakePrompt


@pytest.fixture
def agent():
    return FakeAgent("approve")


@pytest.fixture
def inbox(agent):
    return Inbox(agent)


def open_ids(inbox):
    return [form.pid for form in inbox.children if not form.closed]


def test_without_prompts_it_is_empty(inbox):
    assert inbox.children == ()


def test_prompts_that_are_open_already_are_there(agent):
    agent.prompts = (FakePrompt("r1-1"),)
    assert open_ids(Inbox(agent)) == ["r1-1"]


def test_S11_4_any_number_of_prompts_stand_side_by_side(agent, inbox):
    for number in range(3):
        agent.ask(FakePrompt(f"r1-{number}"))
    assert open_ids(inbox) == ["r1-0", "r1-1", "r1-2"]


@pytest.mark.parametrize("kind", [ev.PromptAnswered, ev.PromptExpired, ev.PromptWithdrawn])
def test_a_prompt_that_is_closed_disappears(agent, inbox, kind):
    prompt = FakePrompt("r1-1")
    agent.ask(prompt)
    agent.settle(prompt, kind)
    assert inbox.children == ()


def test_who_types_in_a_later_form_is_not_disturbed_when_an_earlier_one_closes(agent, inbox):
    first, second = FakePrompt("r1-1"), FakePrompt("r1-2")
    agent.ask(first)
    agent.ask(second)
    children = inbox.children
    agent.settle(first)
    assert inbox.children == children  # the front end makes all forms after a removed one anew
    assert [form.closed for form in children] == [True, False]
    agent.settle(second)
    assert inbox.children == ()


def test_closed_forms_do_not_pile_up(agent, inbox):
    lasting = FakePrompt("last")
    prompts = [FakePrompt(f"r1-{number}") for number in range(3 * MOST_HIDDEN)]
    for prompt in prompts:
        agent.ask(prompt)
    agent.ask(lasting)
    for prompt in prompts:
        agent.settle(prompt)
        assert sum(form.closed for form in inbox.children) <= MOST_HIDDEN
    assert open_ids(inbox) == ["last"]


def test_a_dropped_form_is_closed_for_good(agent, inbox):
    prompt = FakePrompt("r1-1")
    agent.ask(prompt)
    (form,) = inbox.children
    agent.settle(prompt)
    assert form.comm is None


def test_a_refusal_reaches_its_form_only(wire, agent, inbox):
    first, second = FakePrompt("r1-1"), FakePrompt("r1-2")
    agent.ask(first)
    agent.ask(second)
    agent.refuse(second, "stars: too few", stars="too few")
    assert [form.refusal for form in inbox.children] == ["", "stars: too few"]
    assert [form.problems for form in inbox.children] == [{}, {"stars": "too few"}]
    assert wire.custom(inbox.children[1]) == []  # who answers there now is not disturbed


def test_a_deadline_that_moves_is_shown(agent, inbox):
    prompt = FakePrompt("r1-1", deadline=100.0)
    agent.ask(prompt)
    prompt.deadline = None
    agent.emit(ev.PromptDeadlineMoved, "r1-1", 1, "approve", None)
    assert inbox.children[0].deadline is None


def test_a_burst_of_prompts_is_shown_in_one_go(wire, agent, loop):
    inbox = Inbox(agent)
    wire.clear()
    for number in range(100):
        agent.ask(FakePrompt(f"r1-{number}"))
    loop.advance(0.01)
    assert len(inbox.children) == 100
    assert len(wire.of(inbox)) == 1


def test_a_question_asked_again_after_a_failure_is_a_new_form(agent, inbox):
    prompt = FakePrompt("r1-1")
    agent.ask(prompt)
    agent.settle(prompt, ev.PromptWithdrawn)
    prompt.fate = ""
    agent.ask(prompt)
    assert open_ids(inbox) == ["r1-1"]


def test_closed_it_observes_no_more(agent, inbox):
    agent.ask(FakePrompt("r1-1"))
    inbox.close()
    assert agent.observers == []
    inbox.close()  # ipywidgets closes again when the object goes


def test_its_text_form_holds_no_address(agent, inbox):
    agent.ask(FakePrompt("r1-1"))
    assert repr(inbox) == "Inbox(review: 1 open)"
