"""A person watches in one notebook the run of another, which has a kernel of its own."""

import os

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

FLOW = """%%fluffy nightly
import asyncio

async def load(context):
    return ["clean", "a_step_with_a_rather_long_name"]

async def clean(context):
    context.progress(0.4, "4 of 10 files")
    await go.wait()
    return "publish"

async def a_step_with_a_rather_long_name(context):
    return "publish"

async def publish(context):
    await context.human_in_the_loop("Publish it?", choices=["yes", "no"])
"""

LATEST = """from fluffy_nb import open_store
run = open_store(".fluffy/runs.sqlite").runs()[0].id
await get_ipython().fluffy.line(f"watch {run}")  # as %fluffy watch with the id does"""


def shot(notebook, name):
    """For those who look: a picture of the watch."""
    if folder := os.environ.get("SHOTS"):
        notebook.output(1).screenshot(path=f"{folder}/watch-{name}.png")


@pytest.mark.parametrize("theme", ["lab", "dark_lab"])
def test_S12_3_the_run_of_another_notebook_is_watched_live(request, theme):
    lab = request.getfixturevalue(theme)
    runs = lab.open(
        [
            "%load_ext fluffy_nb\nimport asyncio\ngo = asyncio.Event()",
            FLOW,
            "%fluffy run nightly",
            "go.set()",
            "%fluffy answer nightly yes",
        ]
    )
    for cell in range(3):
        runs.run_cell(cell)
        runs.wait_for_cells()
    watches = lab.open(["%load_ext fluffy_nb", LATEST])
    watches.run_all()
    watches.wait_for_cells()
    view = watches.output(1)
    expect(view.locator(".fluffy-where")).to_contain_text("watched; process")
    expect(view.locator(".fluffy-verbs")).to_be_hidden()
    expect(view.locator("[data-status='RUNNING']").first).to_be_visible()
    expect(view.locator(".fluffy-node[data-status='COMPLETED']")).to_have_count(2)
    watches.assert_no_text_overlaps(".fluffy-view svg")
    shot(watches, f"{theme}-runs")
    runs.run_cell(3)
    expect(view.locator(".fluffy-node[data-status='WAITING']")).to_have_count(1)
    expect(view.locator(".fluffy-prompt")).to_have_count(0)
    expect(view.locator(".fluffy-where")).to_contain_text("publish asks there: Publish it?")
    shot(watches, f"{theme}-asks")
    runs.run_cell(4)
    expect(view.locator(".fluffy-pill").first).to_contain_text("completed", ignore_case=True)
    expect(view.locator(".fluffy-where")).to_have_text("watched; kept in runs.sqlite")
    shot(watches, f"{theme}-done")
