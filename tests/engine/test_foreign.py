"""What is foreign raises where it is looked at or called: that stops no run, and is told."""

from __future__ import annotations

import asyncio
import logging
import warnings
import weakref
from dataclasses import dataclass, field
from enum import StrEnum

import pytest

from fluffy_nb import Agent, RetryPolicy, Send, open_store, register_codec
from fluffy_nb.engine import events as ev
from fluffy_nb.engine.attempts import Attempt
from fluffy_nb.engine.endings import Endings
from fluffy_nb.engine.values import UNCOMPARED, has_changed, look
from fluffy_nb.errors import (
    InvalidResultError,
    SaveWarning,
    StateError,
    add_note,
    bounded,
    called,
    listed,
    nearest,
    plain,
    problem_of,
    shortened,
    text_of,
    warn,
)
from fluffy_nb.errors.wording import MOST_TEXT

from .watchdog import watchdog


@pytest.fixture(autouse=True)
def hang_fails():
    with watchdog():
        yield


class SpeechlessError(Exception):
    """As an error of a client whose response is missing."""

    def __str__(self):
        raise AttributeError("no response")


class OddError(BaseException):
    pass


def raises(error):
    def function(*_):
        raise error

    return function


# ---------------------------------------------------------------- texts


def test_S13_5_the_text_of_an_error_that_has_none_says_what_was_raised():
    text = (
        "SpeechlessError: <SpeechlessError whose text can't be made: AttributeError: no response>"
    )
    assert problem_of(SpeechlessError()) == text


@pytest.mark.parametrize("error", [ValueError("x"), asyncio.CancelledError(), OddError("x")])
def test_S13_5_whatever_a_text_raises_a_text_is_made(error):
    class Hostile:
        __str__ = __repr__ = raises(error)

    assert type(error).__name__ in text_of(Hostile())
    assert shortened(Hostile()) == f"<Hostile whose repr raises {type(error).__name__}>"


def test_ctrl_c_goes_through_while_a_text_is_made():
    class Slow:
        __str__ = __repr__ = raises(KeyboardInterrupt())

    for make in (text_of, shortened):
        with pytest.raises(KeyboardInterrupt):
            make(Slow())


def test_S13_5_a_text_of_a_subclass_of_str_is_a_plain_one():
    class Text(str):
        __slots__ = ()

        def __str__(self):
            return self

        __repr__ = __str__

    class Says:
        def __str__(self):
            return Text("said")

        __repr__ = __str__

    for text in (text_of(Text("x")), text_of(Says()), shortened(Says()), plain(Text("x"))):
        assert type(text) is str


def test_S13_5_of_a_long_text_the_middle_is_left_out():
    text = text_of(ValueError("a" * 100_000 + "the end"))
    assert len(text) <= MOST_TEXT
    assert text.startswith("aaa")
    assert text.endswith("the end")
    kept = text.count("a", 0, text.index("[")) + text.count("a", text.index("]")) + len("the end")
    assert f"[... {100_007 - kept:,} characters left out ...]" in text


@pytest.mark.parametrize("letter", ["a", "é", "日", "😀", "\ud800"])
def test_S13_5_the_bound_is_of_bytes_and_cuts_no_character(letter):
    for length in (2_400, 2_500, 2_501, 10_000, 10_001, 50_000):
        text = bounded(letter * length)
        assert len(text.encode("utf-8", "surrogatepass")) <= MOST_TEXT
        if len((letter * length).encode("utf-8", "surrogatepass")) <= MOST_TEXT:
            assert text == letter * length


def test_the_repr_of_a_large_container_is_made_of_its_beginning():
    class Counted:
        made = 0

        def __repr__(self):
            Counted.made += 1
            return "x"

    for many in ([Counted()] * 1_000_000, (Counted(),) * 1_000_000):
        assert shortened(many)[1:].startswith("x, x, x")
    assert shortened({n: Counted() for n in range(10_000)}).startswith("{0: x, 1: x")
    assert shortened({*range(10_000)}, 10).startswith("{")
    assert Counted.made <= 3 * 120
    assert shortened("x" * 5_000_000) == "'" + "x" * 116 + "..."


def test_a_long_name_is_no_misspelt_one():
    long = "all work and no play " * 100_000
    assert nearest(long, ["start", "end"]) == "there are 'start', 'end'"
    assert nearest("strat", ["start", "end"]) == "did you mean 'start'?"
    assert len(listed([long] * 100)) < 2_000


async def test_S13_5_a_long_error_is_bounded_in_the_error_the_events_and_the_metadata():
    agent, seen = Agent("a"), []
    agent.subscribe(seen.append)
    agent.add_state("talks", raises(ValueError("so much " * 1_000_000 + "!")))
    with pytest.raises(StateError, match="characters left out") as raised:
        await agent.run()
    texts = [event.error for event in seen if isinstance(event, (ev.StateFailed, ev.RunFailed))]
    assert len(texts) == 2
    for text in [*texts, str(raised.value), agent.state_metadata["talks"].error]:
        assert len(text) <= MOST_TEXT
        assert "so much !" in text
    assert str(raised.value).endswith("what completed before is kept.")
    assert texts[1].count("left out") == 1


# ---------------------------------------------------------------- functions and errors of people


def test_what_a_function_raises_is_handed_back():
    error = OddError("x")
    assert called(raises(error), 1) == (None, error)
    assert called(max, 1, 2) == (2, None)
    for goes_through in (KeyboardInterrupt, SystemExit):
        with pytest.raises(goes_through):
            called(raises(goes_through()))


def test_an_error_that_takes_no_notes_goes_without():
    error = ValueError("x")
    error.__notes__ = 5
    add_note(error, "more")
    assert error.__notes__ == 5


def test_a_warning_that_a_filter_makes_an_error_is_logged(caplog):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn("not kept", SaveWarning)
    assert caplog.messages == ["not kept"]
    with pytest.warns(SaveWarning, match="not kept"):
        warn("not kept", SaveWarning)


@pytest.mark.parametrize("error", [SpeechlessError(), OddError("x"), GeneratorExit()])
@pytest.mark.parametrize("is_async", [True, False])
async def test_S8_4_whatever_a_state_raises_is_its_failure(error, is_async):
    async def asynchronous(context):
        raise error

    agent = Agent("a")
    agent.add_state("call", asynchronous if is_async else raises(error))
    with pytest.raises(StateError, match=type(error).__name__) as raised:
        await agent.run()
    assert raised.value.__cause__ is error
    assert agent.status == "FAILED"


async def test_S8_1_an_error_without_a_text_is_tried_again_and_handled():
    attempts, found = [], []

    async def call(context):
        attempts.append(context.attempt)
        raise SpeechlessError

    async def mend(context):
        found.append(context.error)

    agent = Agent("a")
    policy = RetryPolicy(max_retries=2, initial_delay=0)
    agent.add_state("call", call, retry_policy=policy, on_error="mend")
    agent.add_state("mend", mend)
    assert (await agent.run()).status == "COMPLETED"
    assert attempts == [1, 2, 3]
    assert isinstance(found[0], SpeechlessError)


async def test_S8_1_an_error_that_takes_no_notes_fails_where_retry_on_raises():
    class FrozenError(Exception):
        def __setattr__(self, name, value):
            raise AttributeError(name)

    agent = Agent("a")
    policy = RetryPolicy(retry_on=raises(OddError("odd")))
    agent.add_state("call", raises(FrozenError("no")), retry_policy=policy)
    with pytest.raises(StateError, match="FrozenError: no"):
        await agent.run()


async def test_S8_4_a_second_failure_without_a_text_is_noted():
    async def start(context):
        return ["one", "other"]

    agent = Agent("a")
    agent.add_state("start", start)
    for name in ("one", "other"):
        agent.add_state(name, raises(SpeechlessError()))
    with pytest.raises(StateError) as raised:
        await agent.run()
    assert "SpeechlessError" in raised.value.__notes__[0]


def test_an_error_with_strange_notes_is_shown():
    error = StateError("s", 1, "r", "no")
    error.__notes__ = [1, "two\nlines", SpeechlessError()]
    lines = error._render_traceback_()
    assert lines[1:4] == ["1", "two", "lines"]
    error.__notes__ = 5
    assert len(error._render_traceback_()) == 1


async def test_S13_2_an_observer_that_raises_anything_is_dropped(caplog):
    agent, seen = Agent("a"), []
    agent.subscribe(raises(OddError("odd")))
    agent.subscribe(seen.append)
    agent.add_state("s", lambda context: None)
    assert (await agent.run()).status == "COMPLETED"
    assert [event.kind for event in seen][-1] == "RunCompleted"
    assert "and was dropped" in caplog.text


@pytest.mark.parametrize("error", [OddError("odd"), asyncio.CancelledError(), StopIteration()])
async def test_S11_2_a_validator_that_raises_anything_refuses(error, caplog):
    async def ask(context):
        def check(answer):
            if answer == "no":
                raise error
            return True

        context.set_state("got", await context.human_in_the_loop("?", validator=check))

    told = []

    def responder(prompt):
        prompt.answer("no", told.append)
        prompt.answer("yes", raises(error))

    agent = Agent("a", responder=responder)
    agent.add_state("ask", ask)
    assert (await agent.run()).values["got"] == "yes"
    assert told[0].startswith(f"the validator raised {type(error).__name__}")
    assert "and raised" in caplog.text


@pytest.mark.parametrize("error", [ValueError("no"), OddError("no"), StopIteration("no")])
async def test_S9_2_a_responder_that_raises_when_a_run_goes_on_fails_the_state_that_asks(error):
    asked = []

    def responder(prompt):
        asked.append(prompt)
        if len(asked) > 1:
            raise error

    async def ask(context):
        await context.human_in_the_loop("?")

    async def start(context):
        return ["ask", "fail"]

    async def fail(context):
        while not asked:  # noqa: ASYNC110 - it is asked in the next steps of the loop
            await asyncio.sleep(0)
        raise ValueError("withdraws what is asked")

    agent = Agent("a", responder=responder)
    for state in (start, ask, fail):
        agent.state(state)
    with pytest.raises(StateError, match="withdraws"):
        await agent.run()
    agent.add_state("fail", lambda context: None, replace=True)
    with pytest.raises(StateError, match="no") as raised:
        await agent.resume()
    assert raised.value.state == "ask"
    cause = raised.value.__cause__
    assert cause is error or cause.__cause__ is error


async def test_S11_3_a_default_that_is_an_error_is_an_answer():
    default = ValueError("none given")

    async def ask(context):
        context.set_state("got", await context.human_in_the_loop("?", timeout=0, default=default))

    agent = Agent("a", responder=lambda prompt: None)
    agent.add_state("ask", ask)
    assert (await agent.run()).values["got"] is default


async def test_S11_6_a_responder_that_is_empty_is_asked():
    class Inbox(list):
        def __call__(self, prompt):
            prompt.answer("yes")

    async def ask(context):
        context.set_state("got", await context.human_in_the_loop("?"))

    agent = Agent("a", responder=Inbox())
    agent.add_state("ask", ask)
    assert (await agent.run()).values["got"] == "yes"


# ---------------------------------------------------------------- values


@dataclass
class Report:
    name: str
    score: float = field(init=False)


class Uncopied:
    """A value whose class says that it is an array, and is none."""

    __array__ = copy = raises(OddError("copy"))

    def __eq__(self, other):
        raise OddError("eq")

    __hash__ = None


def test_S10_4_what_raises_when_it_is_looked_at_counts_as_changed():
    class Odd:
        __class__ = property(raises(OddError("class")))

    class Fickle(int):
        def __eq__(self, other):
            raise OddError("eq")

        __hash__ = int.__hash__

    for value in (Odd(), Report("x"), weakref.proxy(Uncopied())):
        assert look(value) is UNCOMPARED
    values = [Fickle(1)]
    before = look(values)
    values[0] = Fickle(1)
    assert has_changed(before, values)


@pytest.mark.parametrize("store", ["memory", "file"])
async def test_S12_2_a_dataclass_with_an_unset_field_hangs_no_run(store, tmp_path):
    path = tmp_path / "runs.sqlite"

    async def begin(context):
        context.set_state("report", Report("x"))
        return "fill"

    async def fill(context):
        context.get_state("report").score = 1.0

    agent = Agent("a", store=path if store == "file" else "memory")
    agent.state(begin)
    agent.state(fill)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert (await agent.run()).status == "COMPLETED"
    if store == "file":
        (told,) = [str(one.message) for one in warned if one.category is SaveWarning]
        assert "'report'" in told
        assert "of Report, of which saving raised AttributeError" in told
        assert "written by state 'begin'" in told
        assert open_store(path).runs()[0].status == "COMPLETED"
        assert agent.checkpoints[-1].shared_state["report"] == agent.present_run().values["report"]


async def test_S12_2_a_codec_that_raises_names_the_value_and_the_writer(tmp_path):
    class Coded:
        pass

    register_codec(Coded, raises(OddError("broken")), raises(OddError("broken")), name="foreign")

    async def write(context):
        context.set_state("coded", {"inside": [Coded()]})

    agent = Agent("a", store=tmp_path / "runs.sqlite")
    agent.state(write)
    with pytest.warns(SaveWarning, match="of Coded, of which saving raised OddError: broken, wri"):
        await agent.run()


async def test_S12_1_one_value_that_can_not_be_copied_leaves_the_others_copied():
    rows, circle = [1], []
    circle.append(circle)

    async def write(context):
        context.set_state("rows", rows)
        context.set_state("odd", Uncopied())
        context.set_state("circle", circle)

    agent = Agent("a")
    agent.state(write)
    await agent.run()
    checkpoint = agent.create_checkpoint()
    rows.append(2)
    assert checkpoint.shared_state["rows"] == [1]
    assert isinstance(checkpoint.shared_state["odd"], Uncopied)
    assert checkpoint.shared_state["circle"] is circle


async def test_S12_2_a_run_ends_where_warnings_are_errors(tmp_path):
    async def write(context):
        context.set_state("odd", object())
        return "end"

    async def end(context):
        pass

    agent = Agent("a", store=tmp_path / "runs.sqlite")
    agent.state(write)
    agent.state(end)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (await agent.run()).status == "COMPLETED"


async def test_S10_8_what_has_no_text_is_shown_and_reported():
    agent, seen = Agent("a"), []
    agent.subscribe(seen.append)

    async def show(context):
        context.show(SpeechlessError())
        context.progress(0.5, SpeechlessError())

    agent.state(show)
    assert (await agent.run()).status == "COMPLETED"
    (reported,) = [event for event in seen if isinstance(event, ev.ProgressReported)]
    assert "whose text can't be made" in reported.message


# ---------------------------------------------------------------- names and results


class Name(str):
    """A name that lies about itself."""

    __slots__ = ()

    def __eq__(self, other):
        raise OddError("eq")

    def __hash__(self):
        raise OddError("hash")

    __str__ = __repr__ = __bool__ = raises(OddError("text"))


class Where(StrEnum):
    END = "end"


@pytest.mark.parametrize("end", [Name("end"), Where.END])
async def test_S4_1_names_are_plain_strings_whoever_gives_them(end):
    agent, seen = Agent("a", start=Name("begin")), []
    agent.subscribe(seen.append)

    async def begin(context):
        context.set_state(Name("key"), 1)
        return [Send(end, n=1), "other"]

    async def other(context):
        return end

    agent.add_state(Name("begin"), begin, next=[end, Name("other")], on_error=Name("other"))
    agent.add_state("other", other, next=end)
    agent.add_state(end, lambda context: None)
    result = await agent.run()
    assert result.values == {"key": 1}
    assert result.counts == {"begin": 1, "other": 1, "end": 2}
    names = [
        *agent.states,
        *result.counts,
        *result.values,
        *(getattr(e, "state", "") for e in seen),
    ]
    assert {type(name) for name in names} == {str}


async def test_S4_5_a_result_that_can_not_be_looked_at_is_no_result():
    class Odd:
        __class__ = property(raises(OddError("class")))

    agent = Agent("a")
    agent.add_state("s", lambda context: Odd())
    with pytest.raises(InvalidResultError, match=r"'s' returned <.*Odd object") as raised:
        await agent.run()
    assert isinstance(raised.value.__cause__, OddError)


# ---------------------------------------------------------------- the machinery itself


async def test_S8_6_what_a_state_does_to_its_task_is_not_seen_by_the_next(tmp_path):
    async def first(context):
        asyncio.current_task().cancel()
        return "second"

    async def second(context):
        await asyncio.sleep(0)

    for store in ("memory", tmp_path / "runs.sqlite"):
        agent = Agent("a", store=store)
        agent.state(first)
        agent.state(second)
        assert (await agent.run()).status == "COMPLETED"


@pytest.mark.parametrize("error", [ValueError("broken"), OddError("broken")])
async def test_a_fault_while_an_end_is_taken_in_is_the_failure_of_the_state(error, monkeypatch):
    agent = Agent("a")

    async def s(context):
        if context.attempt == 1:
            monkeypatch.setattr(type(context), "finish", raises(error))

    agent.state(s)
    with pytest.raises(StateError, match="broken") as raised:
        await agent.run()
    assert raised.value.__cause__ is error
    monkeypatch.undo()
    assert agent.status == "FAILED"
    assert (await agent.resume()).status == "COMPLETED"


@pytest.mark.parametrize("error", [ValueError("broken"), OddError("broken")])
@pytest.mark.parametrize("place", ["failed", "begin"])
async def test_a_fault_around_an_attempt_leaves_no_run_waiting(error, place, monkeypatch):
    agent, seen = Agent("a"), []
    agent.subscribe(seen.append)

    async def s(context):
        if context.attempt == 1:
            monkeypatch.setattr(Endings, "failed", raises(error))
            raise ValueError("the state's own")

    agent.state(s)
    if place == "begin":
        monkeypatch.setattr(Attempt, "begin", raises(error))
    with pytest.raises((StateError, ValueError, OddError), match="broken"):
        await agent.run()
    monkeypatch.undo()
    ends = [event.kind for event in seen if event.kind in {"StateFailed", "StateCancelled"}]
    assert ends == ["StateFailed" if place == "begin" else "StateCancelled"]
    assert (await agent.resume()).status == "COMPLETED"


async def test_a_fault_of_the_machine_ends_the_run_with_it(monkeypatch):
    agent, seen = Agent("a"), []
    agent.subscribe(seen.append)

    async def s(context):
        decide = raises(ValueError("broken"))
        monkeypatch.setattr(type(agent.present_run().runner.machine), "decide", decide)
        return "t"

    async def t(context):
        pass

    agent.state(s)
    agent.state(t)
    with pytest.raises(ValueError, match="broken"):
        await agent.run()
    monkeypatch.undo()
    assert seen[-1].kind == "RunCancelled"
    assert (await agent.resume()).counts == {"s": 1, "t": 1}


async def test_a_logging_filter_that_raises_hurts_no_run():
    class Refuses(logging.Filter):
        def filter(self, record):
            raise ValueError("no")

    refuses = Refuses()
    log = logging.getLogger("fluffy_nb")
    log.addFilter(refuses)
    try:
        agent = Agent("a")
        agent.subscribe(raises(ValueError("no")))
        agent.add_state("s", lambda context: None)
        assert (await agent.run()).status == "COMPLETED"
    finally:
        log.removeFilter(refuses)


async def test_S10_11_what_can_not_be_logged_is_no_fault_of_the_state():
    class Odd:
        __str__ = raises(ValueError("no text"))

    class OddlyClassedError(Exception):
        __class__ = property(raises(ValueError("no class")))

    async def log(context):
        logging.getLogger("flow").info(Odd())
        context.set_secret("password", "secret words")
        try:
            raise OddlyClassedError
        except OddlyClassedError:
            logging.getLogger("flow").debug("it failed", exc_info=True)

    agent, seen = Agent("a"), []
    agent.subscribe(seen.append)
    agent.state(log)
    logger = logging.getLogger("flow")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False  # what the tests' own handlers do with it is their matter
    logger.addHandler(logging.NullHandler())
    try:
        assert (await agent.run()).status == "COMPLETED"
    finally:
        logger.propagate = True
    told = [event.text for event in seen if isinstance(event, ev.OutputPrinted)]
    assert "INFO flow: <Odd whose text can't be made: ValueError: no text> (ValueError)\n" in told


async def test_S2_1_an_object_that_raises_when_the_code_is_read_leaves_the_state_open():
    class Lies:
        __class__ = property(raises(OddError("class")))

    lies = Lies()

    async def first(context):
        return (lies, "second") if context.has_state("never") else "second"

    async def second(context):
        pass

    agent = Agent("a")
    agent.state(first)
    agent.state(second)
    for _ in range(2):
        assert (await agent.run(start="first")).counts == {"first": 1, "second": 1}
