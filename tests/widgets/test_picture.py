import json

import pytest

from fluffy_nb.widgets.picture import PictureWidget

from .fakes import ICON

NODE = {"status": "PENDING", "icon": ICON, "detail": "", "title": "s: pending"}


@pytest.fixture
def picture(wire):
    picture = PictureWidget("review")
    picture.tell = lambda state: {"state": state, "source": "def f(): ..."}
    picture.show("<svg/>", {"n0": NODE, "n1": NODE}, {"n0 n1": 0})
    wire.clear()
    return picture


def running(node):
    return {**node, "status": "RUNNING", "title": "s: running"}


def test_a_patch_is_one_message_with_what_changed(wire, picture):
    picture.patch({"n0": running(NODE), "n1": NODE}, {"n0 n1": 0})
    (message,) = wire.of(picture)
    assert message["content"] == {
        "kind": "patch",
        "revision": 2,
        "nodes": {"n0": running(NODE)},
        "edges": {},
    }


def test_nothing_is_sent_where_nothing_changed(wire, picture):
    picture.patch({"n0": dict(NODE)}, {"n0 n1": 0})
    assert wire.sent == []


def test_rule_8_a_status_change_among_1000_nodes_sends_a_few_hundred_bytes(wire):
    picture = PictureWidget("review")
    picture.show(
        "<svg/>", {f"n{n}": NODE for n in range(1000)}, {f"n{n} n{n + 1}": 0 for n in range(999)}
    )
    wire.clear()
    picture.patch({"n500": running(NODE)}, {"n500 n501": 1})
    assert 0 < wire.size() < 400


def test_a_reloaded_page_gets_the_present_state(wire, picture):
    picture.patch({"n0": running(NODE)}, {"n0 n1": 3})
    wire.clear()
    picture.comm.handle_msg({"content": {"data": {"method": "request_state"}}, "buffers": []})
    (message,) = wire.of(picture)
    assert message["state"]["present"]["nodes"]["n0"]["status"] == "RUNNING"
    assert message["state"]["present"]["edges"] == {"n0 n1": 3}
    assert message["state"]["svg"] == "<svg/>"


def test_another_drawing_comes_with_its_state_in_one_message(wire, picture):
    picture.show("<svg>2</svg>", {"n0": NODE}, {})
    (message,) = wire.of(picture)
    assert message["method"] == "update"
    assert set(message["state"]) == {"svg", "present"}


def test_the_same_drawing_with_another_state_is_shown_too(wire, picture):
    picture.show("<svg/>", {"n0": NODE, "n1": NODE}, {"n0 n1": 0})
    assert len(wire.of(picture)) == 1  # the page redraws at each change of `present`


def test_a_page_that_missed_a_patch_gets_everything(wire, picture):
    picture.patch({"n0": running(NODE)}, {"n0 n1": 1})
    wire.clear()
    wire.say(picture, kind="sync", revision=1)
    (message,) = wire.custom(picture)
    assert message["all"] is True
    assert message["revision"] == 2
    assert message["nodes"]["n0"]["status"] == "RUNNING"
    assert message["edges"] == {"n0 n1": 1}


def test_a_page_that_missed_nothing_gets_nothing(wire, picture):
    wire.say(picture, kind="sync", revision=picture.present["revision"])
    assert wire.custom(picture) == []


def test_details_are_answered(wire, picture):
    wire.say(picture, kind="details", state="draft")
    assert wire.custom(picture) == [{"kind": "details", "state": "draft", "source": "def f(): ..."}]


@pytest.mark.parametrize("content", [{"kind": "details", "state": 3}, {"kind": "details"}, {}])
def test_other_messages_are_not(wire, picture, content):
    wire.say(picture, **content)
    assert wire.custom(picture) == []


def test_what_is_sent_goes_through_json(wire, picture):
    picture.patch({"n0": running(NODE)}, {})
    assert json.loads(json.dumps(wire.of(picture)))


def test_its_text_form_holds_no_address(picture):
    assert repr(picture) == "PictureWidget(review)"
