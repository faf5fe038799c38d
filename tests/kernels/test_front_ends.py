"""What every front end must keep: a person at a real page."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.kernels.test_promises import ASKING, ENDLESS, FORMS, TYPED

pytestmark = pytest.mark.matrix
promise = pytest.mark.promise

LOAD = "%load_ext fluffy_nb"


@pytest.fixture(params=FORMS, ids=["awaited", "blocking"])
def form(request):
    return request.param


def begun(notebook, source, code, after="", name="flow"):
    """Define an agent in one cell, and run it in the next."""
    for cell, text in ((1, source.replace("NAME", name)), (2, code), (3, after)):
        notebook.set_source(cell, text)
    notebook.run_cell(1)
    notebook.wait_for_cells()
    notebook.run_cell(2)


def question(notebook, text, cell=1):
    """The form of an open question."""
    forms = notebook.output(cell).locator(".fluffy-form:visible")
    return forms.filter(has_text=text)


@promise("typed at the keyboard, 20 of 20")
def test_what_a_person_types_fast_arrives_whole(notebook, form):
    begun(notebook, TYPED, f"print(({form.format('flow')}).values['said'])")
    for number in range(20):
        field = question(notebook, f"{number}?").get_by_role("textbox")
        field.press_sequentially("because")
        field.press("Enter")
    notebook.wait_for_cells()
    assert notebook.text(2) == f"{['because'] * 20}\n"


@promise("the page is reloaded in mid-run")
def test_a_page_that_is_reloaded_comes_back_and_answers(notebook, form):
    begun(notebook, ASKING, f"done = {form.format('flow')}", "dict(done.values)")
    expect(question(notebook, "why?")).to_be_visible()
    notebook.save()
    notebook.reload(busy=True)
    field = question(notebook, "why?").get_by_role("textbox")
    field.fill("because")
    field.press("Enter")
    question(notebook, "how?").get_by_role("button", name="well").click()
    node = notebook.output(1).locator('.fluffy-node[data-state="second"]')
    expect(node).to_have_attribute("data-status", "COMPLETED")
    notebook.wait_until_idle()
    notebook.run_cell(3)
    notebook.wait_for_cells()
    assert notebook.text(3) == "{'why': 'because', 'how': 'well'}"


@promise("two tabs in step")
def test_two_tabs_are_in_step(notebook, page):
    begun(notebook, ASKING, "await flow.run()")
    expect(question(notebook, "why?")).to_be_visible()
    notebook.save()
    other = page.open_again(notebook.path.name, busy=True)
    field = question(other, "why?").get_by_role("textbox")
    field.fill("because")
    field.press("Enter")
    expect(question(notebook, "how?")).to_be_visible()
    question(notebook, "how?").get_by_role("button", name="well").click()
    for tab in (notebook, other):
        node = tab.output(1).locator('.fluffy-node[data-state="second"]')
        expect(node).to_have_attribute("data-status", "COMPLETED")
    other.page.close()
    notebook.wait_for_cells()


@promise("the Stop button")
def test_the_stop_button_ends_the_cell_in_one_line(notebook, form):
    begun(notebook, ENDLESS, form.format("endless"), "await endless.resume()", "endless")
    expect(notebook.output(1).locator('.fluffy-node[data-state="wait"]')).to_have_attribute(
        "data-status", "RUNNING"
    )
    notebook.interrupt()
    notebook.wait_for_cells()
    said = notebook.output(2).inner_text().strip().splitlines()
    assert len([line for line in said if line not in {"waiting", ""}]) == 1, said
    assert "await endless.resume()" in said[-1]
    notebook.run_cell(3)
    notebook.wait_for_cells()
    assert "COMPLETED" in notebook.text(3)


@promise("the kernel is restarted")
def test_a_view_says_that_its_kernel_is_gone(notebook):
    begun(notebook, ASKING, "%fluffy run kept", name="kept")
    expect(question(notebook, "why?")).to_be_visible()
    notebook.restart()
    expect(notebook.output(1)).to_contain_text("The kernel of this view is gone")
    for part in (".fluffy-graph-widget", ".fluffy-prompt"):
        expect(notebook.output(1).locator(part).first).to_have_css("opacity", "0.45")
    expect(notebook.output(1).locator(".fluffy-prompt")).to_have_css("pointer-events", "none")
    notebook.run_cell(0)
    notebook.run_cell(1)
    notebook.wait_for_cells()
    expect(notebook.output(1)).to_contain_text("has not ended; take it up: %fluffy load")
