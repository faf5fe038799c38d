"""What the browser tests stand on: a real JupyterLab, and an eye for unreadable texts."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

CLICK = """
import asyncio
import ipywidgets
from IPython.display import display

clicked = asyncio.Event()
loop = asyncio.get_running_loop()
button = ipywidgets.Button(description="Press")
button.on_click(lambda _: loop.call_soon_threadsafe(clicked.set))
display(button)
"""


def test_cells_run_and_a_click_arrives(lab):
    notebook = lab.open([CLICK, "", "print('after')"])
    notebook.run_cell(0)
    notebook.wait_for_cells()
    notebook.output(0).get_by_role("button", name="Press").click()
    notebook.set_source(1, "await asyncio.wait_for(clicked.wait(), 30)\nprint('clicked')")
    notebook.run_cell(1)
    notebook.run_cell(2)
    notebook.wait_for_cells()
    assert notebook.text(1) == "clicked\n"
    assert notebook.save().cells[2].outputs[0].text == "after\n"


def test_an_error_is_read_as_text(lab):
    notebook = lab.open(["1 / 0"])
    notebook.run_all()
    notebook.wait_for_cells()
    assert notebook.text(0) == "ZeroDivisionError: division by zero\n"


def test_stop_interrupts_a_cell(lab):
    notebook = lab.open(["import time\nprint('on')\ntime.sleep(600)"])
    notebook.run_cell(0)
    expect(notebook.output(0)).to_contain_text("on")
    notebook.interrupt()
    notebook.wait_for_cells()
    assert "KeyboardInterrupt" in notebook.text(0)


def test_the_themes_differ(lab, dark_lab):
    expect(lab.open(["1"]).page.locator("body")).to_have_attribute("data-jp-theme-light", "true")
    dark = dark_lab.open(["1"]).page.locator("body")
    expect(dark).to_have_attribute("data-jp-theme-light", "false")


BOX = '<div id="box" style="position:relative; width:300px; height:60px; {0}">{1}</div>'
AT = '<span style="position:absolute; left:{0}px; top:{1}px; white-space:nowrap; {3}">{2}</span>'
SHADE = '<div style="position:absolute; inset:0; background:#888"></div>'
NODE = """<svg><g class="fluffy-node">
<rect class="box" width="30" height="20"/><text y="15">too wide for it</text>
</g></svg>"""


@pytest.mark.parametrize(
    ("style", "inside", "problem"),
    [
        ("", AT.format(0, 0, "first", "") + AT.format(80, 0, "second", ""), None),
        ("", AT.format(0, 0, "first", "") + AT.format(9, 3, "second", ""), "overlap"),
        ("overflow:hidden", AT.format(250, 0, "a long sentence", ""), "is cut by"),
        ("overflow:auto", AT.format(250, 0, "one to scroll to", ""), None),
        (
            "",
            AT.format(0, 0, "shortened", "width:30px; overflow:hidden; text-overflow:ellipsis"),
            "ellipsis",
        ),
        ("", AT.format(0, 0, "behind", "") + SHADE, "is covered by"),
        ("", AT.format(0, 0, "spoken", "width:1px; height:1px; overflow:hidden"), None),
        (
            "",
            NODE,
            "sticks out",
        ),
    ],
)
def test_unreadable_texts_are_found(chromium, assert_no_text_overlaps, style, inside, problem):
    page = chromium.new_page()
    page.set_content(BOX.format(style, inside))
    try:
        assert_no_text_overlaps(page, "#box")
        found = None
    except AssertionError as problems:
        found = str(problems)
    page.close()
    assert found == problem or problem in found
