"""What becomes of an answer: it is accepted, or refused and said why."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

WHOLE = ""
"""The key of `Refused.fields` for what is wrong with an answer as a whole."""


class Accepted(NamedTuple):
    """An answer as the state gets it."""

    value: Any


class Refused(NamedTuple):
    """Why an answer is not accepted, and, where it has fields, which of them are at fault."""

    why: str
    fields: Mapping[str, str] = MappingProxyType({})


Verdict = Accepted | Refused


def refused_fields(fields: Mapping[str, str]) -> Refused:
    """Refuse an answer for what is wrong with its fields.

    Args:
        fields: What is wrong with each, by name; `WHOLE` for the answer as a whole.
    """
    told = (f"{name}: {why}" if name else why for name, why in fields.items())
    return Refused("; ".join(told), fields)
