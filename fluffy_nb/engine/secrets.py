"""The secrets of a run, and how texts are cleared of them (semantics 10.5, 13.5)."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import re
import traceback
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from itertools import islice
from numbers import Real
from typing import Any

from fluffy_nb.engine.spellings import spellings
from fluffy_nb.errors import called

MASK = "\u2022\u2022\u2022\u2022\u2022"
"""What stands in texts instead of a secret."""

SHORTEST_SECRET = 4
"""Shorter ones are not looked for in texts: they would be found in any word."""

NO_SECRETS = frozenset({"true", "false", "null", "none"})
"""Words that stand in containers of secrets, and in any text."""

MOST_CUTS = 50
"""So many places of a text where it seems to be cut are looked at: "..." can be a decoration."""

DEEPEST = 5
"""So deep are the texts of a secret looked for in containers."""

PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Kinds of content that hold no text: their base64 is left as it is."""

_CUT = re.compile(r"(?: \[)?\.\.\.|\[more output")
_RESUMED = re.compile(r"\.\.\.\] ")

_holders: weakref.WeakSet[Secrets] = weakref.WeakSet()
"""The secrets of all runs of this process, for its own log."""


class Secrets:
    """What `context.set_secret` keeps, by key."""

    __slots__ = ("__weakref__", "_spelled", "_values")

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._spelled: tuple[str, ...] = ()  # all that is looked for, longest first

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<{len(self)} secrets>"

    def get(self, key: str, default: Any = None) -> Any:
        """The secret of a key."""
        return self._values.get(key, default)

    def set(self, key: str, value: object) -> None:
        """Keep a secret; texts are cleared of it from now on.

        Args:
            key: What it is called.
            value: Texts, bytes and numbers are looked for, also in containers, dataclasses and
                pydantic models.
        """
        # One that was replaced stays secret: an old password is no public text.
        spelled = {*self._spelled, *spelled_ways(value)}
        self._values[key] = value
        self._spelled = tuple(sorted(spelled, key=len, reverse=True))
        _holders.add(self)

    def masked(self, value: Any) -> Any:
        """A text, or containers of texts, without the secrets in it.

        Args:
            value: What is about to be told to others; what is neither text nor a container is
                returned as it is.

        Returns:
            The same with `MASK` for every secret.
        """
        if not self._spelled:
            return value
        if isinstance(value, str):
            for spelled in self._spelled:  # faster than one regular expression of them all
                if spelled in value:
                    value = value.replace(spelled, MASK)
            return self._ends_masked(value)
        if isinstance(value, Mapping):
            return {
                self.masked(key): part if key in PICTURES else self.masked(part)
                for key, part in value.items()
            }
        if type(value) in {list, tuple}:
            return type(value)(map(self.masked, value))
        return value

    def kept_key(self, key: str, known: Collection[str]) -> str:
        """A key as it is kept: one that holds a secret is masked, and stays different from others.

        Args:
            key: As the state gives it.
            known: The keys that are kept already. A secret may have been set, or been lost by a
                restore, since: the one that this key became is found all the same.
        """
        if key in known:
            return key
        mark = f" #{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        before = next((other for other in known if other.endswith(mark)), None)
        if before is not None:
            return before
        masked = self.masked(key)
        return key if masked == key else f"{masked}{mark}"

    def _ends_masked(self, text: str) -> str:
        """Mask what is left of a secret where a text was cut in the middle of it."""
        if "..." not in text and "[more output" not in text:
            return text
        for cut in reversed(list(islice(_CUT.finditer(text), MOST_CUTS))):
            head = text[: cut.start()]
            kept = next((n for s in self._spelled if (n := _overlap(head, s))), 0)
            if kept:
                text = head[:-kept] + MASK + text[cut.start() :]
        for cut in reversed(list(islice(_RESUMED.finditer(text), MOST_CUTS))):
            tail = text[cut.end() :]
            kept = next((n for s in self._spelled if (n := _overlap(tail[::-1], s[::-1]))), 0)
            if kept:
                text = text[: cut.end()] + MASK + tail[kept:]
        return text


def _overlap(text: str, secret: str) -> int:
    """How many characters at the end of a text are the beginning of a secret; 0 for too few."""
    longest = min(len(secret) - 1, len(text))
    return next((n for n in range(longest, 3, -1) if text.endswith(secret[:n])), 0)


def spelled_ways(value: object) -> set[str]:
    """All spellings of all texts in a secret that are long enough to be looked for."""
    found: set[str] = set()
    for text in _texts(value, 0):
        whole = text.strip() if isinstance(text, str) else text
        if len(whole) >= SHORTEST_SECRET and str(whole).lower() not in NO_SECRETS:
            found |= {each for each in spellings(text) if len(each) >= SHORTEST_SECRET}
    return {each for each in found if each.strip()}


def _texts(value: object, depth: int) -> Iterator[str | bytes]:
    if depth > DEEPEST or value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        yield str.__str__(value)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        yield bytes(value)
    elif isinstance(value, (Real, Decimal)):
        yield str(value)
    else:
        for part in _parts(value):
            yield from _texts(part, depth + 1)


def _parts(value: Any) -> list[object]:
    try:
        if hasattr(value, "get_secret_value"):  # pydantic's SecretStr and its kin
            return [value.get_secret_value()]
        if isinstance(value, Mapping):
            return list(value.values())
        if isinstance(value, (list, tuple, set, frozenset)):
            return list(value)
        if dataclasses.is_dataclass(value):
            return [getattr(value, field.name) for field in dataclasses.fields(value)]
        if hasattr(type(value), "model_fields"):  # a pydantic model
            return list(vars(value).values())
    except Exception:  # noqa: BLE001 - whatever a foreign class raises: it is no text, then
        return []
    return []


# ---------------------------------------------------------------- logs


def mask_record(record: logging.LogRecord, masked: Callable[[str], str]) -> None:
    """Clear a log record, and the traceback it has, of secrets; others are left as they are."""
    text, problem = called(record.getMessage)
    if problem is not None:
        return  # logging itself tells of it
    hidden = masked(text)
    if hidden != text:
        record.msg, record.args = hidden, ()
    if record.exc_info and record.exc_info[0] is not None:
        lines, problem = called(traceback.format_exception, *record.exc_info)
        trace = "".join(lines or ()).rstrip("\n")
        hidden = masked(trace)
        if hidden != trace:
            record.exc_text, record.exc_info = hidden, None


def _masked_everywhere(text: str) -> str:
    for secrets in list(_holders):
        text = secrets.masked(text)
    return text


def _clear(record: logging.LogRecord) -> bool:
    if _holders:
        mask_record(record, _masked_everywhere)
    return True


logging.getLogger("fluffy_nb").addFilter(_clear)  # our own log: no run needs to be known there
