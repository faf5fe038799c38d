"""Semantics 10.11: what states print and log belongs to them, and goes where it would go."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import io
import logging
import sys

import pytest

from fluffy_nb.engine import events as ev
from fluffy_nb.engine.output import LEFT_OUT, MOST_CHARACTERS
from fluffy_nb.errors import InputInStateError, StateError

from .scripted import Script, settled


def printed(script, stream=None):
    return [
        (event.state, event.text)
        for event in script.of(ev.OutputPrinted)
        if stream is None or event.stream == stream
    ]


async def test_S10_11_what_a_state_prints_is_its_own_and_is_seen_as_ever(capsys):
    script = Script()
    script.add("a", lambda c: print("one\ntwo", end="\n"), next=[])
    script.add("b", lambda c: print("three", end="", file=sys.stderr), next=[])
    await script.agent.run()
    assert printed(script, "stdout") == [("a", "one\n"), ("a", "two\n")]
    assert printed(script, "stderr") == [("b", "three")]
    assert script.events.index(script.of(ev.OutputPrinted)[-1]) < script.events.index(
        script.of(ev.StateCompleted)[-1]
    )
    out, err = capsys.readouterr()
    assert (out, err) == ("one\ntwo\n", "three")


async def test_S10_11_states_in_parallel_tasks_of_theirs_and_threads_do_not_mix(capsys):
    script = Script()
    script.add("start", ["a", "b", "c"])

    async def speaks(context):
        async def child():
            print(f"{context.state} in a task")

        print(context.state)
        await asyncio.sleep(0)
        await asyncio.create_task(child())

    def plain(context):
        print("c in a thread")

    script.agent.add_state("a", speaks, next=[])
    script.agent.add_state("b", speaks, next=[])
    script.agent.add_state("c", plain, next=[])
    await script.agent.run()
    assert sorted(printed(script)) == [
        ("a", "a\n"),
        ("a", "a in a task\n"),
        ("b", "b\n"),
        ("b", "b in a task\n"),
        ("c", "c in a thread\n"),
    ]
    capsys.readouterr()


async def test_S10_11_logs_are_noted_and_go_to_their_handlers(caplog):
    script = Script()
    log = logging.getLogger("tested")

    def logs(context):
        log.warning("rows: %d", 3)
        log.debug("not wanted")
        with contextlib.suppress(TypeError):
            log.warning("rows: %d", "three")

    script.agent.add_state("s", logs)
    before = logging.getLogRecordFactory()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging, "raiseExceptions", False)
        patch.setattr(caplog.handler, "emit", caplog.handler.records.append)
        await script.agent.run()
    assert printed(script, "log") == [
        ("s", "WARNING tested: rows: 3\n"),
        ("s", "WARNING tested: rows: %d (TypeError)\n"),
    ]
    assert caplog.records[0].args == (3,)
    assert logging.getLogRecordFactory() is before


async def test_S10_11_nothing_is_noted_outside_states_and_nothing_stays_replaced(capsys):
    before = sys.stdout, sys.stderr, builtins.input, logging.getLogRecordFactory()
    script = Script()
    script.add("s", gate=True)
    run = script.agent.start()
    await settled()
    assert builtins.input is not before[2]
    print("outside")
    sys.stdout.writelines(["more\n"])
    logging.getLogger("tested").warning("outside")
    await script.open("s")
    await run
    assert script.of(ev.OutputPrinted) == []
    assert (sys.stdout, sys.stderr, builtins.input, logging.getLogRecordFactory()) == before
    assert capsys.readouterr().out == "outside\nmore\n"


async def test_S10_11_two_runs_at_once_share_the_watch(capsys):
    before = dict(vars(sys.stdout))
    one, two = Script("one"), Script("two")
    for script in (one, two):
        script.add("s", lambda c: print(c.run_id), gate=True, next=[])
    runs = [script.agent.start() for script in (one, two)]
    await one.open("s")
    assert vars(sys.stdout) != before
    await two.open("s")
    results = [await run for run in runs]
    for script, result in zip((one, two), results, strict=True):
        assert printed(script) == [("s", f"{result.run_id}\n")]
    assert vars(sys.stdout) == before
    capsys.readouterr()


async def test_S10_11_what_somebody_else_replaced_meanwhile_stays_theirs(monkeypatch):
    script = Script()
    script.add("s", gate=True)
    run = script.agent.start()
    await settled()
    theirs = io.StringIO()
    monkeypatch.setattr(sys, "stdout", theirs)
    monkeypatch.setattr(builtins, "input", len)
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    await script.open("s")
    await run
    assert sys.stdout is theirs
    assert builtins.input is len
    assert logging.getLogRecordFactory() is logging.LogRecord
    assert factory is not logging.LogRecord


async def test_S10_11_a_state_may_redirect_its_own_output():
    script = Script()
    caught = io.StringIO()

    def redirects(context):
        with contextlib.redirect_stdout(caught):
            print("kept")

    script.add("s", redirects, next=[])
    await script.agent.run()
    assert caught.getvalue() == "kept\n"


async def test_S10_11_it_is_bounded_and_says_so(capsys):
    script = Script()

    def floods(context):
        sys.stdout.write("x" * (MOST_CHARACTERS + 5))
        for _ in range(10):
            print("more")

    script.add("s", floods, next=[])
    await script.agent.run()
    text = "".join(text for _, text in printed(script))
    assert text == "x" * MOST_CHARACTERS + LEFT_OUT
    assert capsys.readouterr().out.endswith("more\n")


async def test_S10_11_output_after_the_end_of_an_attempt_is_not_its_own(capsys):
    script = Script()
    later = asyncio.Event()
    tasks = []

    async def leaves_a_task(context):
        async def speaks_late():
            await later.wait()
            print("late")

        tasks.append(asyncio.create_task(speaks_late()))

    script.agent.add_state("s", leaves_a_task, next=["t"])
    script.add("t", gate=True)
    script.agent.add_state("s", leaves_a_task, next=[], replace=True)
    run = script.agent.start()
    await settled()
    later.set()
    await settled()
    assert script.of(ev.OutputPrinted) == []
    await script.open("t")
    await run
    assert capsys.readouterr().out == "late\n"


async def test_S10_11_input_is_an_error_that_names_the_way_to_ask(monkeypatch):
    script = Script()
    script.add("s", lambda c: input("well?"), next=[])
    with pytest.raises(StateError, match="human_in_the_loop") as caught:
        await script.agent.run()
    assert isinstance(caught.value.__cause__, InputInStateError)


async def test_S10_11_input_outside_states_is_as_ever(monkeypatch):
    monkeypatch.setattr(builtins, "input", lambda prompt: f"typed at {prompt}")
    script = Script()
    script.add("s", gate=True)
    run = script.agent.start()
    await settled()
    assert builtins.input("well?") == "typed at well?"  # noqa: ASYNC250 - replaced above
    await script.open("s")
    await run
