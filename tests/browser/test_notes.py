"""What looks wrong with a flow is read above its graph before it runs."""

import os

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

FLOW = """%%fluffy review
async def draft(context):
    return "aprove" if context.get_state("bad") else "approve"

async def approve(context):
    return None

@state(next=["notify"])
async def forgotten(context):
    return "notify"

async def notify(context):
    return "forgotten"
"""


@pytest.mark.parametrize("theme", ["lab", "dark_lab"])
def test_S6_3_notes_are_above_the_graph(request, theme):
    notebook = request.getfixturevalue(theme).open(
        ["%load_ext fluffy_nb\nfrom fluffy_nb import state", FLOW]
    )
    notebook.run_cell(0)
    notebook.run_cell(1)
    notebook.wait_for_cells()
    notes = notebook.output(1).locator(".fluffy-notes")
    expect(notes).to_contain_text("1 note")
    expect(notes).to_contain_text("draft can lead to 'aprove', which is no state")
    if folder := os.environ.get("SHOTS"):
        notebook.output(1).screenshot(path=f"{folder}/notes-{theme}.png")
    notebook.assert_no_text_overlaps(".fluffy-view")
