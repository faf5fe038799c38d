"""The first notebook as a person meets it: run, watched, answered, stepped, stopped."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01-first-flow.ipynb"
DEFINE, RUN, ASSERTS, STEP, RESUME, PICTURE = 3, 5, 7, 9, 11, 13

# Notes every status that any node of a graph in the page takes on, in order.
RECORD = """() => {
  window.seen = [];
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      if (target.matches(".fluffy-node")) {
        window.seen.push([target.getAttribute("data-state"), target.getAttribute("data-status")]);
      }
    }
  }).observe(document.body, { attributes: true, attributeFilter: ["data-status"], subtree: true });
}"""

SLOW = """%%fluffy slow
import asyncio
gates = {name: asyncio.Event() for name in ("one", "two", "three")}

async def one(context):
    await gates["one"].wait()
    return "two"

async def two(context):
    await gates["two"].wait()
    return "three"

async def three(context):
    await gates["three"].wait()
"""


def node(notebook, cell, state):
    return notebook.output(cell).locator(f'.fluffy-node[data-state="{state}"]')


def button(notebook, cell, name):
    return notebook.output(cell).get_by_role("button", name=name, exact=True)


def test_a_person_runs_the_first_notebook(lab):
    notebook = lab.open(NOTEBOOK)
    notebook.run_cell(1)
    notebook.run_cell(DEFINE)
    notebook.wait_for_cells()
    expect(node(notebook, DEFINE, "load")).to_have_attribute("data-status", "PENDING")
    notebook.assert_no_text_overlaps(".fluffy-view")
    notebook.page.evaluate(RECORD)

    notebook.run_cell(RUN)  # waits: its questions are answered while it runs
    expect(node(notebook, DEFINE, "approve")).to_have_attribute("data-status", "WAITING")
    notebook.assert_no_text_overlaps(".fluffy-view")
    button(notebook, DEFINE, "revise").click()
    field = notebook.output(DEFINE).get_by_role("textbox")
    field.press_sequentially("many")
    field.press("Enter")
    expect(notebook.output(DEFINE).locator(".fluffy-form [role=alert]")).to_be_visible()
    expect(field).to_have_value("many")
    notebook.assert_no_text_overlaps(".fluffy-view")
    field.fill("2")
    button(notebook, DEFINE, "Answer").click()
    button(notebook, DEFINE, "publish").click()
    notebook.wait_for_cells()
    expect(node(notebook, DEFINE, "publish")).to_have_attribute("data-status", "COMPLETED")
    notebook.assert_no_text_overlaps(".fluffy-view")

    seen = notebook.page.evaluate("() => window.seen")
    assert ["approve", "WAITING"] in seen, seen
    assert seen.index(["draft", "COMPLETED"]) < seen.index(["publish", "COMPLETED"])
    notebook.run_cell(ASSERTS)
    notebook.run_cell(STEP)
    notebook.wait_for_cells()
    assert notebook.text(ASSERTS).startswith("# with")
    assert notebook.text(STEP).startswith("after one step: PAUSED")

    notebook.run_cell(RESUME)
    button(notebook, DEFINE, "publish").click()
    notebook.wait_for_cells()
    notebook.run_cell(PICTURE)
    notebook.wait_for_cells()
    saved = notebook.save()
    for cell in (DEFINE, PICTURE):
        displays = [o for o in saved.cells[cell].outputs if "data" in o]
        picture = displays[0].data["image/svg+xml"]
        assert 'data-status="COMPLETED"' in "".join(picture)
    errors = [o for c in saved.cells for o in c.get("outputs", ()) if o.output_type == "error"]
    assert not errors, json.dumps(errors)[:500]


def test_the_buttons_steer_a_run(lab):
    notebook = lab.open(
        [
            "%load_ext fluffy_nb",
            SLOW,
            "gates['one'].set()",
            "gates['two'].set()",
            "gates['three'].set()",
            "slow.status, slow.priority_queue",
        ]
    )
    notebook.run_cell(0)
    notebook.run_cell(1)
    notebook.wait_for_cells()
    button(notebook, 1, "Run").click()
    expect(node(notebook, 1, "one")).to_have_attribute("data-status", "RUNNING")
    button(notebook, 1, "Pause").click()
    notebook.run_cell(2)
    expect(notebook.output(1).locator(".fluffy-view")).to_contain_text("Paused", ignore_case=True)
    expect(node(notebook, 1, "one")).to_have_attribute("data-status", "COMPLETED")
    expect(node(notebook, 1, "two")).to_have_attribute("data-status", "READY")
    notebook.assert_no_text_overlaps(".fluffy-view")

    notebook.run_cell(3)
    button(notebook, 1, "Step").click()
    expect(node(notebook, 1, "two")).to_have_attribute("data-status", "COMPLETED")
    expect(node(notebook, 1, "three")).to_have_attribute("data-status", "READY")
    notebook.run_cell(5)
    notebook.wait_for_cells()
    assert "PAUSED" in notebook.text(5)
    assert "three" in notebook.text(5)

    button(notebook, 1, "Resume").click()
    expect(node(notebook, 1, "three")).to_have_attribute("data-status", "RUNNING")
    notebook.run_cell(4)
    expect(node(notebook, 1, "three")).to_have_attribute("data-status", "COMPLETED")
    expect(button(notebook, 1, "Run")).to_be_enabled()
    expect(button(notebook, 1, "Pause")).to_be_disabled()


def test_stop_ends_the_cell_in_one_line_and_the_run_can_be_resumed(lab):
    notebook = lab.open(
        [
            "%load_ext fluffy_nb",
            SLOW,
            "await slow.run()",
            "for gate in gates.values(): gate.set()",
            "(await slow.resume()).status",
        ]
    )
    notebook.run_cell(0)
    notebook.run_cell(1)
    notebook.wait_for_cells()
    notebook.run_cell(2)
    expect(node(notebook, 1, "one")).to_have_attribute("data-status", "RUNNING")
    notebook.interrupt()
    notebook.wait_for_cells()
    expect(node(notebook, 1, "one")).to_have_attribute("data-status", "CANCELLED")
    message = notebook.output(2).inner_text()
    assert "resume" in message
    assert len(message.strip().splitlines()) == 1, message
    notebook.run_cell(3)
    notebook.run_cell(4)
    notebook.wait_for_cells()
    assert "COMPLETED" in notebook.text(4)


def test_the_view_can_be_read_in_the_dark_theme_too(dark_lab):
    notebook = dark_lab.open(NOTEBOOK)
    notebook.run_cell(1)
    notebook.run_cell(DEFINE)
    notebook.wait_for_cells()
    notebook.run_cell(RUN)
    expect(node(notebook, DEFINE, "approve")).to_have_attribute("data-status", "WAITING")
    notebook.assert_no_text_overlaps(".fluffy-view")
    background, text = notebook.page.evaluate(
        """() => {
          const label = document.querySelector('.fluffy-node[data-state="load"] .label');
          const box = document.querySelector('.fluffy-node[data-state="load"] .box');
          const light = (color) => color.match(/[0-9.]+/g).slice(0, 3).reduce((a, b) => a + +b, 0);
          return [light(getComputedStyle(box).fill), light(getComputedStyle(label).fill)];
        }"""
    )
    assert background < 250
    assert text > 500
    button(notebook, DEFINE, "publish").click()
    notebook.wait_for_cells()
