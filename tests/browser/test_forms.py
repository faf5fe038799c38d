"""A person fills in forms, and reviews what is shown above the question."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

PREPARE = """%load_ext fluffy_nb
import datetime as dt
from typing import Literal
import pandas as pd
from pydantic import AwareDatetime, BaseModel, Field, SecretStr, model_validator"""

REVIEW = """%%fluffy editing --quiet
class Address(BaseModel):
    street: str
    number: int = 1

class Review(BaseModel):
    title: str = Field(min_length=3, max_length=60, description="Shown above the article.")
    stars: int = Field(3, ge=1, le=5)
    price: float = Field(gt=0, description="In euros.")
    mood: Literal["good", "mixed", "bad"]
    section: Literal["politics", "culture", "science", "sport", "weather"] = "science"
    fallback: Literal["a", "b"] | None = None
    publish: bool = Field(True, title="Publish at once")
    checked: bool = Field(title="Facts checked")
    on: dt.date
    at: dt.time = dt.time(9, 30)
    until: AwareDatetime = dt.datetime(2026, 7, 31, 12, tzinfo=dt.timezone.utc)
    keywords: list[str] = Field(["draft"], max_length=3)
    note: str = Field("", json_schema_extra={"format": "multiline"})
    office: Address
    key: SecretStr = Field(SecretStr("hush"), title="API key")
    size: int | str = "large"

    @model_validator(mode="after")
    def agree(self):
        if self.stars == 5 and self.mood == "bad":
            raise ValueError("five stars are not bad")
        return self

async def review(context):
    frame = pd.DataFrame({"words": [812, 1204], "author": ["Ann", "<b>Bob</b>"]})
    context.set_state("review", await context.human_in_the_loop(
        "Review the draft.", schema=Review, show=frame, timeout=600))
"""


def open_form(lab, flow):
    """Open a notebook with a flow, run it, and give the form that appears."""
    notebook = lab.open([PREPARE, flow, "%fluffy run editing", ""])
    for index in range(3):
        notebook.run_cell(index)
    notebook.wait_for_cells()
    form = notebook.output(2).locator(".fluffy-form:visible")
    expect(form).to_be_visible()
    return notebook, form


def answer(form):
    form.get_by_role("button", name="Answer", exact=True).click()


def value(notebook, expression):
    """What an expression is in the kernel."""
    notebook.set_source(3, expression)
    notebook.run_cell(3)
    notebook.wait_for_cells()
    return eval(notebook.text(3))


def test_S11_1_a_person_fills_in_a_form_and_corrects_what_is_refused(lab):
    notebook, form = open_form(lab, REVIEW)
    shown = form.get_by_role("region", name="To be reviewed")
    expect(shown.locator("td", has_text="1204")).to_be_visible()
    expect(shown.locator("td", has_text="<b>Bob</b>")).to_be_visible()
    question = form.get_by_text("Review the draft.", exact=True)
    above = shown.bounding_box()
    assert above["y"] + above["height"] <= question.bounding_box()["y"]
    notebook.assert_no_text_overlaps(".fluffy-form")

    # Defaults are there; what is needed is told at its field, and nothing is lost.
    expect(form.get_by_label("Stars")).to_have_value("3")
    expect(form.get_by_label("Section")).to_have_value("science")
    expect(form.get_by_label("Publish at once")).to_be_checked()
    expect(form.get_by_label("Keywords")).to_have_value("draft")
    expect(form.get_by_label("API key")).to_have_value("")
    form.get_by_label("Title").fill("Go")
    form.get_by_label("Stars").fill("9")
    answer(form)
    expect(form.get_by_text("7 fields need another value.")).to_be_visible()
    expect(form.get_by_label("Title")).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_label("Title")).to_be_focused()
    expect(form.get_by_label("Title")).to_have_accessible_description(
        "Shown above the article. 3 to 60 characters String should have at least 3 characters"
    )
    expect(form.get_by_label("Stars")).to_have_accessible_description(
        "a whole number from 1 to 5 Input should be less than or equal to 5"
    )
    expect(form.get_by_label("Stars")).to_have_value("9")
    expect(form.get_by_label("Section")).to_have_attribute("aria-invalid", "false")
    notebook.assert_no_text_overlaps(".fluffy-form")

    form.get_by_label("Title").fill("Gone with the wind")
    form.get_by_label("Stars").fill("5")
    form.get_by_label("Price").fill("2.5")
    form.get_by_role("radiogroup", name="Mood").get_by_label("bad").check()
    form.get_by_label("Section").select_option("sport")
    form.get_by_role("radiogroup", name="Facts checked").get_by_label("yes").check()
    form.get_by_label("On", exact=True).fill("2026-08-01")
    form.get_by_label("Keywords").fill("wind\n\nSouth")
    form.get_by_label("Note").fill("two\nlines")
    form.get_by_label("Office").fill('{"street": "Main"')
    form.get_by_label("API key").fill("secret")
    answer(form)
    expect(form.get_by_text("this is no JSON")).to_be_visible()
    form.get_by_label("Office").fill('{"street": "Main"}')
    form.get_by_label("Office").press("Control+Enter")
    expect(form.get_by_role("alert").filter(has_text="five stars are not bad")).to_be_visible()
    form.get_by_label("Stars").fill("1")
    answer(form)
    expect(form).to_be_hidden()

    assert value(notebook, "editing.context_values['review'].model_dump(mode='json')") == {
        "title": "Gone with the wind",
        "stars": 1,
        "price": 2.5,
        "mood": "bad",
        "section": "sport",
        "fallback": None,
        "publish": True,
        "checked": True,
        "on": "2026-08-01",
        "at": "09:30:00",
        "until": "2026-07-31T12:00:00Z",
        "keywords": ["wind", "South"],
        "note": "two\nlines",
        "office": {"street": "Main", "number": 1},
        "key": "**********",
        "size": "large",
    }
    assert value(notebook, "editing.context_values['review'].key.get_secret_value()") == "secret"


SHOWN = '''%%fluffy editing --quiet
import base64

class Hostile:
    def __repr__(self):
        return "hostile"

    def _repr_html_(self):
        return """
<style>@import url(http://127.0.0.1:9/a.css);</style>
<style>.fluffy-question { display: none } b { color: rgb(1, 2, 3) }</style>
<script>window.hacked = 1</script>
<img src="x" onerror="window.hacked = 2">
<img src="http://127.0.0.1:9/b.png">
<a href="javascript:window.hacked = 3" onclick="window.hacked = 4">a link</a>
<b onmouseover="window.hacked = 5" style="background: u\\\\72l(http://127.0.0.1:9/c.png)">kept</b>
<iframe srcdoc="<script>parent.hacked = 6</script>"></iframe>
<svg onload="window.hacked = 7"><a>drawn</a></svg><input value="typed">
<div style="position: fixed; inset: 0; background: red">cover</div>
<blink>old words</blink>"""

class Drawing:
    def __repr__(self):
        return "a drawing"

    def _repr_svg_(self):
        return ("<svg xmlns='http://www.w3.org/2000/svg' width='30' height='20'>"
                "<script>parent.hacked = 8</script><rect width='30' height='20'/></svg>")

class Figure:
    def __repr__(self):
        return "a figure"

    def _repr_png_(self):
        return base64.b64decode(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
            "rkJggg==")

class Markdown:
    def _repr_markdown_(self):
        return "# A *title* <b>"

class Scripted:
    def __repr__(self):
        return "what is left of a plot"

    def _repr_html_(self):
        return "<div id='plot'></div><script>window.hacked = 9</script>"

SHOWN = [Hostile(), Drawing(), Figure(), Markdown(), Scripted(), "a text <b>\\nof two lines"]

async def review(context):
    for shown in SHOWN:
        await context.human_in_the_loop("Go on?", choices=["yes"], show=shown)
'''


def test_S11_1_what_is_shown_runs_nothing_loads_nothing_and_covers_nothing(lab):
    notebook, form = open_form(lab, SHOWN)
    page = notebook.page
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    shown = form.get_by_role("region", name="To be reviewed")
    go_on = form.get_by_role("button", name="yes")

    expect(shown.get_by_text("kept")).to_have_css("color", "rgb(1, 2, 3)")
    expect(form.get_by_text("Go on?")).to_be_visible()
    expect(shown.get_by_text("old words")).to_be_visible()
    assert shown.locator("script, iframe, svg, input").count() == 0
    assert shown.locator("[href], [src], [onclick], [onmouseover], [onerror]").count() == 0
    frame, cover = shown.bounding_box(), shown.get_by_text("cover").bounding_box()
    assert frame["x"] <= cover["x"]
    assert cover["y"] + cover["height"] <= frame["y"] + frame["height"] + 1
    shown.get_by_text("kept").dispatch_event("mouseover")
    shown.get_by_text("a link").dispatch_event("click")
    go_on.click()

    for alt in ("a drawing", "a figure"):
        picture = shown.get_by_role("img", name=alt)
        expect(picture).to_be_visible()
        assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
        go_on.click()
    for text in ("# A *title* <b>", "what is left of a plot", "a text <b>\nof two lines"):
        expect(shown).to_have_text(text, use_inner_text=True)
        go_on.click()
    expect(form).to_be_hidden()
    assert page.evaluate("() => window.hacked ?? null") is None
    assert [url for url in requests if "127.0.0.1:9/" in url] == []


def test_what_was_typed_survives_a_reload_but_for_passwords(lab):
    notebook, form = open_form(lab, REVIEW)
    form.get_by_label("Title").fill("Gone with the wind")
    form.get_by_role("radiogroup", name="Mood").get_by_label("mixed").check()
    form.get_by_label("Publish at once").uncheck()
    form.get_by_label("API key").fill("secret")
    notebook.save()
    notebook.reload()
    form = notebook.output(2).locator(".fluffy-form:visible")
    expect(form.get_by_label("Title")).to_have_value("Gone with the wind")
    expect(form.get_by_role("radiogroup", name="Mood").get_by_label("mixed")).to_be_checked()
    expect(form.get_by_label("Publish at once")).not_to_be_checked()
    expect(form.get_by_label("API key")).to_have_value("")
    expect(form.get_by_label("Stars")).to_have_value("3")


def test_a_form_can_be_read_in_the_dark_theme_and_where_there_is_little_room(dark_lab):
    notebook, form = open_form(dark_lab, REVIEW)
    answer(form)
    expect(form.get_by_role("alert").filter(has_text="another value")).to_be_visible()
    light = """(element) => {
      const sum = (color) => color.match(/[0-9.]+/g).slice(0, 3).reduce((a, b) => a + +b, 0);
      const style = getComputedStyle(element);
      return [sum(style.backgroundColor), sum(style.color)];
    }"""
    for name in ("Title", "Section", "Keywords", "On"):
        background, text = form.get_by_label(name, exact=True).evaluate(light)
        assert text - background > 250, name
    notebook.assert_no_text_overlaps(".fluffy-form")
    notebook.page.set_viewport_size({"width": 700, "height": 900})
    notebook.assert_no_text_overlaps(".fluffy-form")
    widths = form.evaluate("(form) => [form.scrollWidth, form.clientWidth]")
    assert widths[0] <= widths[1]
