"""A kernel is restarted under a view."""

import os

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

FLOW = """%%fluffy nightly
async def load(context):
    return ["clean", "other"]

async def clean(context):
    return "publish"

async def other(context):
    return "publish"

async def publish(context):
    await context.human_in_the_loop("Publish it?", choices=["yes", "no"])
"""


@pytest.mark.parametrize("theme", ["lab", "dark_lab"])
def test_what_the_kernel_left_is_faded_and_nothing_can_be_pressed(request, theme):
    notebook = request.getfixturevalue(theme).open(
        ["%load_ext fluffy_nb", FLOW, "%fluffy run nightly"]
    )
    notebook.run_all()
    notebook.wait_for_cells()
    view = notebook.output(1)
    expect(view.locator(".fluffy-prompt")).to_have_css("opacity", "1")
    notebook.restart()
    expect(view).to_contain_text("The kernel of this view is gone")
    for part in (".fluffy-graph-widget", ".fluffy-prompt"):
        expect(view.locator(part)).to_have_css("opacity", "0.45")
    expect(view.locator(".fluffy-prompt")).to_have_css("pointer-events", "none")
    expect(view.locator(".fluffy-verbs button:enabled")).to_have_count(0)
    if folder := os.environ.get("SHOTS"):
        notebook.output(1).screenshot(path=f"{folder}/gone-{theme}.png")
