"""Tab completes the verbs, agents, states and options of the magics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from IPython.core import completer
from IPython.core.interactiveshell import InteractiveShell

from fluffy_nb.journal.stores import runs_in
from fluffy_nb.notebook.cells import takes_context
from fluffy_nb.notebook.options import Option, Usage, split
from fluffy_nb.notebook.past import numbers_of
from fluffy_nb.notebook.session import Session
from fluffy_nb.notebook.verbs import CELL, START, STATES, VERBS

MOST_NUMBERS = 20
"""How many of the latest checkpoints are offered."""

_IDENTIFIER = "fluffy_matcher"


def install(shell: InteractiveShell, session: Session) -> None:
    """Have Tab know the magics' words; once, however often it is called."""
    uninstall(shell)
    shell.Completer.custom_matchers.append(_matcher(session))


def uninstall(shell: InteractiveShell) -> None:
    """Have Tab forget them."""
    matchers = shell.Completer.custom_matchers
    matchers[:] = [one for one in matchers if getattr(one, "matcher_identifier", "") != _IDENTIFIER]


def _matcher(session: Session) -> Callable[..., Any]:
    if hasattr(completer, "context_matcher"):
        return _context_matcher(session)

    def match(_: str) -> list[str]:  # before IPython 8.6
        text = session.shell.Completer.text_until_cursor.lstrip()
        return _matches(session, text, is_first_line=True)[1]

    match.matcher_identifier = _IDENTIFIER  # type: ignore[attr-defined]
    return match


def _context_matcher(session: Session) -> Callable[..., Any]:
    @completer.context_matcher(identifier=_IDENTIFIER)  # type: ignore[untyped-decorator]
    def match(context: completer.CompletionContext) -> completer.SimpleMatcherResult:
        text = context.text_until_cursor.lstrip()
        begun, words = _matches(session, text, is_first_line=context.cursor_line == 0)
        return {
            "completions": [completer.SimpleCompletion(word, type="fluffy") for word in words],
            "matched_fragment": begun,
            "suppress": bool(words),
        }

    return match


def _matches(session: Session, text: str, *, is_first_line: bool) -> tuple[str, list[str]]:
    """What is written of the word at the cursor, and the words that it can become."""
    if text.startswith("%%fluffy ") and is_first_line:
        found = _of_cell(session, text.removeprefix("%%fluffy "))
    elif text.startswith("%fluffy "):
        found = _of_line(session, text.removeprefix("%fluffy "))
    else:
        return "", []
    begun = _begun(text)
    return begun, [word for word in found if word.startswith(begun)]


def _begun(text: str) -> str:
    """The part of a word that is written already."""
    word = "" if text[-1:].isspace() else text.rsplit(maxsplit=1)[-1]
    return word.rpartition("=")[2].rpartition(",")[2]


def _of_cell(session: Session, text: str) -> list[str]:
    *words, _ = split(text + "x")  # the x keeps what stands at the cursor one word
    if not words:
        return list(session.agents)
    return _of_usage(session, CELL, words, text)


def _of_line(session: Session, text: str) -> list[str]:
    *words, _ = split(text + "x")
    if not words:
        return list(VERBS)
    verb = VERBS.get(words[0])
    return [] if verb is None else _of_usage(session, verb.usage, words[1:], text)


def _of_usage(session: Session, usage: Usage, words: list[str], text: str) -> list[str]:
    """What can stand behind some words of a magic."""
    named = [word for word in words if not word.startswith("-")]
    agent = session.agents.get(named[0]) if named else None
    states = list(agent.states) if agent else []
    written = "" if text[-1:].isspace() else text.rsplit(maxsplit=1)[-1]
    flag = written.partition("=")[0] if "=" in written else "".join(words[-1:])
    option = usage.option(flag)
    if option is not None and option.value:
        return _of_option(session, option, states)
    if not named and "NAME" in usage.words:
        return list(session.agents)
    if "RUN" in usage.words:
        return _runs(session, named)
    found = [option.flag for option in usage.options if option.flag not in words or option.repeats]
    place = usage.words[len(named)] if len(named) < len(usage.words) else ""
    if "SEQ" in place and agent is not None:
        found += [str(number) for number in numbers_of(agent)[-MOST_NUMBERS:]]
    if place == "STATE" and agent is not None:
        found += states
    if len(named) == 1 and "[N|all]" in usage.words:
        found.append("all")
    if len(named) == 1 and "[STATE]" in usage.words and agent is not None:
        found += dict.fromkeys(prompt.state for prompt in agent.prompts)
    if agent is not None and "VALUE" in usage.words:
        found += _choices(prompt.choices for prompt in agent.prompts)
    return found


def _runs(session: Session, named: list[str]) -> list[str]:
    """The runs in the notebook's file, or in the one that is named."""
    path = Path(named[0]).expanduser() if named else session.file
    if not path.is_file():
        return []
    return [info.id for info in runs_in(path)]


def _of_option(session: Session, option: Option, states: list[str]) -> list[str]:
    if option is STATES:
        return [n for n, f in session.shell.user_ns.items() if takes_context(f) and n[0] != "_"]
    return states if option is START else list(option.choices)


def _choices(offered: Iterable[tuple[str, ...]]) -> list[str]:
    return list(dict.fromkeys(choice for choices in offered for choice in choices))
