"""Semantics 10.5 and 13.5: no secret is left in what is told of a run."""

from __future__ import annotations

import base64
import gc
import html
import io
import json
import logging
import sqlite3
import types
import typing
import urllib.parse
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, SecretStr

from fluffy_nb import Agent
from fluffy_nb.diagram import to_svg
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.facts import KINDS
from fluffy_nb.engine.filled import data_of
from fluffy_nb.engine.secrets import MASK, Secrets
from fluffy_nb.errors import SaveWarning, StateError
from fluffy_nb.widgets.prompt import PromptWidget

from .scripted import Script, settled

SECRET = "hunter2 & \"crème\" <s>/'x'?\\"  # every way of quoting changes it


@dataclass
class Credentials:
    user: str
    password: str


class Login(BaseModel):
    user: str
    password: SecretStr


def kept(value):
    secrets = Secrets()
    secrets.set("key", value)
    return secrets


# ---------------------------------------------------------------- the classes of events

NAMES = {
    "agent",  # of the agent
    "handler",  # of a state, as are the next five
    "next",
    "other",
    "starts",
    "state",
    "states",
    "progress",  # what the run is restored from
    "prompt",  # an id that is made here, as is the next
    "run_id",
    "stream",  # one of three words
    "removed",  # keys of the context, as the next
    "written",
}
"""Fields that hold no text from outside, or what the run needs as it is to go on."""


def holds_text(hint):
    """Whether a field of this type can hold text."""
    if hint in {int, float, bool, type(None)}:
        return False
    inside = [part for part in typing.get_args(hint) if part is not Ellipsis]
    origin = typing.get_origin(hint)
    if origin in {typing.Union, tuple, types.UnionType}:
        return any(map(holds_text, inside))
    return True


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_S13_5_every_field_that_can_hold_text_is_declared(kind):
    hints = typing.get_type_hints(kind)
    texts = {name for name in kind.fields if holds_text(hints[name])}
    undeclared = texts - set(kind.text_fields) - NAMES
    assert not undeclared, "say in text_fields that no secret may be left there"
    assert set(kind.text_fields) <= texts
    assert not set(kind.text_fields) & NAMES
    assert [kind.fields[place] for place in kind.texts] == list(kind.text_fields)


def test_S13_5_the_walk_sees_fields_of_text():
    assert holds_text(str)
    assert holds_text(str | None)
    assert holds_text(tuple[str, ...])
    assert holds_text(Mapping[str, int])
    assert not holds_text(float | None)
    assert not holds_text(tuple[int, ...])


# ---------------------------------------------------------------- spellings

SPELLINGS = {
    "plain": str,
    "repr": repr,
    "ascii": ascii,
    "repr in a list": lambda s: repr([s]),
    "json": json.dumps,
    "json of unicode": lambda s: json.dumps({"k": s}, ensure_ascii=False),
    "json in json": lambda s: json.dumps(json.dumps({"k": s})),
    "quote": urllib.parse.quote,
    "quote all": lambda s: urllib.parse.quote(s, safe=""),
    "quote plus": urllib.parse.quote_plus,
    "quote in lower case": lambda s: urllib.parse.quote(s, safe="").lower(),
    "urlencode": lambda s: urllib.parse.urlencode({"q": s, "z": "1"}),
    "html": html.escape,
    "html text": lambda s: html.escape(s, quote=False),
    "bytes": lambda s: repr(s.encode()),
    "hex": lambda s: s.encode().hex(),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 for urls": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
    "base64 after one": lambda s: base64.b64encode(b"u" + s.encode() + b"@host").decode(),
    "base64 after two": lambda s: base64.b64encode(b"u:" + s.encode() + b"@h").decode(),
    "basic": lambda s: base64.b64encode(f"user:{s}".encode()).decode(),
}


@pytest.mark.parametrize("secret", [SECRET, "s3cr3t-token", "pa ss", "ключ-от-всего", "\ud800abcd"])
@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_S13_5_a_secret_is_found_in_every_spelling(spell, secret):
    if secret == "quote in lower case":
        secret = secret.lower()
    try:
        spelled = spell(secret)
    except UnicodeEncodeError:
        return  # it can't be spelled so
    told = kept(secret).masked(f"before {spelled} after")
    assert MASK in told
    assert told.startswith("before ")
    assert told.endswith(" after")
    left = told.replace("before ", "").replace(" after", "").split(MASK)
    assert all(len(part) < 16 for part in left), told


VALUES = {
    "number": (31415926, "31415926"),
    "float": (2.718281, "2.718281"),
    "decimal": (Decimal("1.41421"), "1.41421"),
    "bytes": (b"s3cr3t-\xff\x00", repr(b"s3cr3t-\xff\x00")),
    "bytes as text": (b"s3cr3t-token", "s3cr3t-token"),
    "bytearray": (bytearray(b"s3cr3t-token"), "s3cr3t-token"),
    "SecretStr": (SecretStr("s3cr3t-token"), "s3cr3t-token"),
    "dict": ({"user": "someone", "token": "s3cr3t-token"}, "s3cr3t-token"),
    "dict in a list": ([{"a": {"token": "s3cr3t-token"}}], "s3cr3t-token"),
    "dataclass": (Credentials("someone", "s3cr3t-token"), "s3cr3t-token"),
    "model": (Login(user="someone", password="s3cr3t-token"), "s3cr3t-token"),
    "with its line's end": ("s3cr3t-token\n", "Bearer s3cr3t-token;"),
    "one of its lines": ("-----KEY-----\nMIIabcdefgh\n-----END-----", "at MIIabcdefgh"),
}


@pytest.mark.parametrize(("value", "text"), VALUES.values(), ids=VALUES)
def test_S13_5_secrets_are_of_many_kinds(value, text):
    told = kept(value).masked(f"<{text}>")
    assert MASK in told
    for part in ("3141", "2.718", "1.4142", "s3cr3t", "MIIab"):
        assert part not in told


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("no", "no"),
        (5, "5"),
        (None, "None"),
        (True, "True"),
        ("   ", "a    b"),
        ({"verify": "true"}, "true"),
        (object(), "object"),
    ],
)
def test_S13_5_what_is_in_any_text_is_not_looked_for(value, text):
    assert kept(value).masked(text) == text


class Broken:
    def get_secret_value(self):
        raise RuntimeError("closed")


def test_S13_5_a_secret_that_can_not_be_looked_into_hurts_nobody():
    circle = []
    circle.append(circle)
    for value in (Broken(), circle, {"a": Broken()}):
        secrets = kept(value)
        assert secrets.get("key") is value
        assert secrets.masked("text") == "text"


def test_S13_5_a_secret_that_was_replaced_stays_one():
    secrets = kept("old-password")
    secrets.set("key", "new-password")
    assert secrets.get("key") == "new-password"
    assert secrets.masked("old-password, new-password") == f"{MASK}, {MASK}"


def test_S13_5_the_longer_of_two_secrets_goes_first():
    secrets = kept("abcd")
    secrets.set("longer", "abcd-efgh")
    assert secrets.masked("abcd-efgh abcd") == f"{MASK} {MASK}"


@pytest.mark.parametrize(
    "text", ["at s3cr3t-to...", "the s3cr3t- [... 9 characters left out ...] 3t-token", "s3cr3t..."]
)
def test_S13_5_what_is_left_of_a_secret_where_a_text_was_cut_is_masked(text):
    told = kept("s3cr3t-token").masked(text)
    assert "s3cr" not in told
    assert "oken" not in told
    assert "..." in told


def test_S13_5_containers_are_masked_and_pictures_left_alone():
    secrets = kept("abcd")
    bundle = {"text/plain": "abcd", "image/png": "xxabcdxx", "image/svg+xml": "<t>abcd</t>"}
    assert secrets.masked(bundle) == {
        "text/plain": MASK,
        "image/png": "xxabcdxx",
        "image/svg+xml": f"<t>{MASK}</t>",
    }
    assert secrets.masked(("abcd", ["abcd", 5, None])) == (MASK, [MASK, 5, None])
    assert secrets.masked({"abcd": {"a": "abcd"}}) == {MASK: {"a": MASK}}


# ---------------------------------------------------------------- a run that tells it everywhere


class Unsavable:
    def __repr__(self):
        return f"<{SECRET}>"


class Form(BaseModel):
    token: str = Field(SECRET, title=f"Not {SECRET}", description=f"as {SECRET}")
    kind: typing.Literal["one", "other"] = "other"


def spellings_of(secret):
    return {spell(secret) for name, spell in SPELLINGS.items() if "after" not in name}


def assert_clean(text):
    for spelled in spellings_of(SECRET):
        assert spelled not in text
    assert "hunter2" not in text


async def tells(context):
    context.set_secret("k", SECRET)
    for spell in SPELLINGS.values():
        context.progress(0.5, spell(SECRET))
        context.show(spell(SECRET))
    context.show({"a": SECRET})
    await context.human_in_the_loop(
        f"Use {SECRET}?", show=f"look at {SECRET}", choices=["x", f"use {SECRET}"]
    )
    answer = await context.human_in_the_loop(f"Again {SECRET}?")
    assert answer == SECRET
    await context.human_in_the_loop(f"Form {SECRET}?", schema=Form)
    context.set_state("u", Unsavable())
    await context.once(f"pay {SECRET}", lambda: 1)
    return "fails"


async def fails(context):
    logging.getLogger("tested").warning("sent %s", SECRET)
    raise ValueError(f"denied {SECRET}") from KeyError(SECRET)


class Answers:
    def __init__(self):
        self.prompts, self.shown = [], io.StringIO()

    def __call__(self, prompt):
        self.prompts.append(prompt)
        print(PromptWidget(prompt).get_state(), file=self.shown)
        print(prompt, prompt.text, prompt.choices, prompt.show, prompt.fields, file=self.shown)
        if prompt.choices:
            prompt.answer(SECRET, lambda refusal: print(refusal, prompt.refusal, file=self.shown))
            prompt.answer(prompt.choices[1])
        elif prompt.schema is None:
            prompt.answer(SECRET)
        else:
            prompt.answer({})


@pytest.mark.parametrize("store", ["memory", "file"])
async def test_S13_5_nothing_that_is_told_of_a_run_holds_a_secret(store, tmp_path, caplog, capsys):
    path = tmp_path / "runs.sqlite"
    answers = Answers()
    agent = Agent("s", responder=answers, store=str(path) if store == "file" else "memory")
    seen = []
    agent.subscribe(seen.append)
    agent.add_state("tells", tells, next=["fails"])
    agent.add_state("fails", fails, next=[])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(StateError) as caught:
            await agent.run()
    assert [warning.category for warning in told] == [SaveWarning] * (store == "file")
    assert len(answers.prompts) == 3
    for event in seen:
        assert_clean(repr(event))
        assert_clean(json.dumps(event.to_dict(), default=str, ensure_ascii=False))
    kinds = {type(event) for event in seen}
    assert {ev.PromptRefused, ev.DoneOnce, ev.OutputShown, ev.StateFailed, ev.RunFailed} <= kinds
    assert_clean(answers.shown.getvalue())
    assert_clean(str(caught.value))
    assert_clean(str(agent.state_metadata["fails"]))
    assert_clean(to_svg(agent))
    assert_clean(agent.explain("fails"))
    assert_clean(caplog.text)
    assert_clean("".join(str(warning.message) for warning in told))
    assert_clean(repr(agent) + repr(agent._run.runner.shared.secrets))
    if store == "file":
        assert any(isinstance(event, ev.SaveFailed) for event in seen)
        agent.store.close()  # its log is in the file then
        assert_clean_file(path)


def assert_clean_file(path):
    rows = sqlite3.connect(path)
    for (table,) in rows.execute("select name from sqlite_master where type = 'table'").fetchall():
        for row in rows.execute(f'select * from "{table}"'):
            assert_clean(repr(row))
    rows.close()
    gc.collect()
    for each in path.parent.iterdir():
        data = Path(each).read_bytes()
        for spelled in spellings_of(SECRET):
            assert spelled.encode() not in data
        assert b"hunter2" not in data


async def test_S13_5_the_state_gets_the_choice_itself():
    got = []

    async def state(context):
        context.set_secret("k", "hunter2-secret")
        context.set_secret("l", "hunter3-secret")
        choices = ["use hunter2-secret", "use hunter3-secret", "none"]
        got.extend([await context.human_in_the_loop("?", choices=choices) for _ in range(4)])

    answers = iter([lambda p: p.choices[0], lambda p: p.choices[1], lambda _: "use hunter2-secret"])

    def respond(prompt):
        shown.append(prompt.choices)
        prompt.answer(next(answers, lambda _: "none")(prompt))

    shown = []
    agent = Agent("a", responder=respond)
    agent.add_state("s", state)
    await agent.run()
    assert shown[0] == (f"use {MASK} (1)", f"use {MASK} (2)", "none")
    assert got == ["use hunter2-secret", "use hunter3-secret", "use hunter2-secret", "none"]


async def test_S13_5_a_prepared_answer_may_name_the_choice_as_it_is_shown():
    got = []

    async def state(context):
        context.set_secret("k", "hunter2-secret")
        got.append(await context.human_in_the_loop("?", choices=["a", "use hunter2-secret"]))

    agent = Agent("a")
    agent.add_state("s", state)
    await agent.run(answers={"s": [f"use {MASK}"]})
    assert got == ["use hunter2-secret"]


async def test_S13_5_a_default_that_is_secret_is_not_shown_and_is_taken():
    got, shown = [], []

    class Asked(BaseModel):
        token: str = "hunter2-secret"
        user: str = "someone"

    async def state(context):
        context.set_secret("k", "hunter2-secret")
        got.append(await context.human_in_the_loop("?", schema=Asked))

    def respond(prompt):
        shown.extend(prompt.fields)
        data, wrong = data_of(prompt.fields, {field.name: field.text for field in prompt.fields})
        assert not wrong
        prompt.answer(json.dumps(data))

    agent = Agent("a", responder=respond)
    agent.add_state("s", state)
    await agent.run()
    assert [field.text for field in shown] == ["", "someone"]
    assert got == [Asked()]


async def test_S13_5_an_answer_that_is_a_secret_is_not_kept():
    script = Script(responder=lambda prompt: prompt.answer("hunter2-secret"))

    async def state(context):
        answer = await context.human_in_the_loop("The key?")
        context.set_secret("k", answer)  # from here on
        await script.agent.pause()
        await context.human_in_the_loop("Go on?")

    script.agent.add_state("s", state, next=[])
    run = script.agent.start()
    await settled()
    checkpoint = await run.pause()
    assert "hunter2" not in str(checkpoint.to_dict())
    await script.agent.cancel_all()


async def test_S11_5_an_answer_to_a_question_with_a_secret_is_given_again():
    asked = []

    async def state(context):
        context.set_secret("k", "hunter2-secret")
        first = await context.human_in_the_loop("Use hunter2-secret?")
        asked.append((first, await context.human_in_the_loop("Sure?")))

    script = Script(responder=lambda prompt: "Use" in prompt.text and prompt.answer("yes"))
    script.agent.add_state("s", state, next=[])
    run = script.agent.start()
    await settled()
    assert [prompt.text for prompt in script.agent.prompts] == ["Sure?"]
    checkpoint = await run.pause()
    assert "hunter2" not in str(checkpoint.to_dict())
    other = Agent("other", responder=lambda prompt: prompt.answer("sure"))
    other.add_state("s", state, next=[])
    await other.restore_from_checkpoint(checkpoint)
    await other.resume()
    assert asked == [("yes", "sure")]
    await script.agent.cancel_all()


async def test_S10_6_a_key_of_once_that_holds_a_secret_is_masked_and_is_done_once():
    done = []

    async def state(context):
        await context.once("pay 1234-5678", done.append, 1)  # no secret yet
        if not context.get_local("restored"):
            context.set_secret("k", "1234-5678")
            context.set_secret("l", "8765-4321")
        for key in ("pay 1234-5678", "pay 8765-4321", "book 1234-5678", "pay 8765-4321"):
            await context.once(key, done.append, key)
        await context.human_in_the_loop("Go on?")

    script = Script(responder=lambda prompt: None)
    script.agent.add_state("s", state, next=[])
    run = script.agent.start()
    await settled()
    assert done == [1, "pay 8765-4321", "book 1234-5678"]
    assert [event.key.split(" #")[0] for event in script.of(ev.DoneOnce)] == [
        "pay 1234-5678",  # told before it became a secret
        f"pay {MASK}",
        f"book {MASK}",
    ]
    checkpoint = await run.pause()
    assert "8765" not in str(checkpoint.to_dict())

    async def restores(context):
        context.set_local(
            "restored", value=True
        )  # and no secret: what is done is found all the same
        await state(context)

    other = Script(responder=lambda prompt: prompt.answer("x"))
    other.agent.add_state("s", restores, next=[])
    await other.agent.restore_from_checkpoint(checkpoint)
    await other.agent.resume()
    assert len(done) == 3
    await script.agent.cancel_all()


# ---------------------------------------------------------------- logs


async def test_S10_5_a_log_record_of_a_state_is_cleared_wherever_it_goes(caplog):
    def state(context):
        context.set_secret("k", "hunter2-secret")
        log = logging.getLogger("tested")
        log.warning("token %s of %s", "hunter2-secret", "me")
        log.warning("plain %s", "text")
        try:
            raise ValueError("hunter2-secret")
        except ValueError:
            log.exception("failed")

    agent = Agent("a")
    agent.add_state("s", state)
    with caplog.at_level(logging.WARNING):
        await agent.run()
    assert "hunter2" not in caplog.text
    first, second, third = caplog.records
    assert first.getMessage() == f"token {MASK} of me"
    assert (second.msg, second.args) == ("plain %s", ("text",))  # what holds none is left alone
    assert f"ValueError: {MASK}" in third.exc_text


async def test_S10_11_what_a_state_prints_goes_where_it_would_have_gone(capsys):
    def state(context):
        context.set_secret("k", "hunter2-secret")
        print("hunter2-secret")

    script = Script()
    script.agent.add_state("s", state)
    await script.agent.run()
    assert capsys.readouterr().out == "hunter2-secret\n"
    assert script.of(ev.OutputPrinted)[0].text == f"{MASK}\n"


async def test_S10_5_our_own_log_holds_no_secret(caplog):
    def accepts(answer):
        raise RuntimeError("hunter2-secret")

    async def state(context):
        context.set_secret("k", "hunter2-secret")
        await context.human_in_the_loop("Use hunter2-secret?", validator=accepts, default="d")

    def respond(prompt):
        prompt.answer("x")
        prompt.decline()

    agent = Agent("a", responder=respond)
    agent.add_state("s", state)
    with caplog.at_level(logging.ERROR, "fluffy_nb"):
        await agent.run()
    assert "it stays open" in caplog.text
    assert f"RuntimeError: {MASK}" in caplog.text
    assert "hunter2" not in caplog.text


# ---------------------------------------------------------------- cost


async def test_S10_5_without_secrets_nothing_is_looked_at(monkeypatch):
    monkeypatch.setattr(Secrets, "masked", None)
    script = Script(responder=lambda prompt: prompt.answer("x"))

    async def state(context):
        print("text")
        context.progress(0.5, "text")
        await context.human_in_the_loop("?", choices=["x"])

    script.agent.add_state("s", state, next=[])
    await script.agent.run()
    assert script.ended == ["s"]
