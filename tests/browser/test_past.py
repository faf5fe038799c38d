"""A person looks back: the runs that are kept, a checkpoint's context, and a run from then."""

import os
import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

FLOW = """%%fluffy prices
async def load(context):
    context.set_state("rate", 1.2)
    context.set_state("rows", [{"item": "a rather long name of an item", "price": 100}] * 3)
    return "convert"

async def convert(context):
    context.set_state("price", round(100 * context.get_state("rate"), 2))
    return "check"

async def check(context):
    context.remove_state("rows")
"""


DIFF = """seq = [checkpoint.seq for checkpoint in prices.checkpoints]
get_ipython().run_line_magic("fluffy", f"diff prices {seq[0]} {seq[2]}")
"""


def test_S12_6_a_run_is_looked_back_at_and_forked(lab):
    notebook = lab.open(
        [
            "%load_ext fluffy_nb",
            FLOW,
            "%fluffy run prices --wait",
            "%fluffy runs",
            DIFF,
            "get_ipython().run_line_magic('fluffy', f'inspect prices {seq[0]}')",
            "get_ipython().run_line_magic('fluffy', f'rewind prices {seq[0]} rate=1.5')",
            "%fluffy resume prices --wait",
            "print(prices.context_values['price'])",
        ]
    )
    for cell in range(9):
        notebook.run_cell(cell)
        notebook.wait_for_cells()
    expect(notebook.output(1)).to_contain_text("runs are kept in .fluffy/runs.sqlite")
    expect(notebook.output(3).locator("table")).to_contain_text("completed")
    expect(notebook.output(4).locator("table")).to_contain_text(re.compile(r"\+\s*price"))
    expect(notebook.output(5).locator("table")).to_contain_text("a rather long name")
    expect(notebook.output(6)).to_contain_text("is paused after load")
    expect(notebook.output(8)).to_contain_text("150.0")
    if folder := os.environ.get("SHOTS"):
        for cell in (3, 4, 5, 6):
            notebook.output(cell).screenshot(path=f"{folder}/past-{cell}.png")
