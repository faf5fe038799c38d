"""What was typed into a form becomes the data of an answer: for a page and a terminal alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fluffy_nb.engine.forms import ROOT, Field

_TEXTS = {"text", "area", "password"}


def data_of(fields: tuple[Field, ...], given: Mapping[str, object]) -> tuple[Any, dict[str, str]]:
    """Make the data of an answer of what was typed.

    What was left empty is null where that is allowed, empty where there was a default, and
    otherwise left out.

    Args:
        fields: The form's.
        given: What each holds, by name; what is no text is taken as it is.

    Returns:
        The data, and what is wrong with texts that can't be read, by the field's name.
    """
    data: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in fields:
        value = given.get(field.name, "")
        try:
            if not isinstance(value, str):
                data[field.name] = value
            elif value.strip() or (value and field.kind in _TEXTS):
                data[field.name] = _value(field, value)
            elif field.nullable:
                data[field.name] = None
            elif field.text:
                data[field.name] = [] if field.kind == "lines" else ""
        except ValueError as problem:
            wrong[field.name] = str(problem)
    is_root = bool(fields) and fields[0].name == ROOT
    return (data.get(ROOT) if is_root else data), wrong


def _value(field: Field, text: str) -> Any:
    """What a text that is not empty means."""
    if field.kind in _TEXTS:
        return text
    if field.kind in {"choice", "check"}:
        for name, value in field.choices:
            if name in {text, text.strip()}:
                return value
        raise ValueError("this is not one of " + ", ".join(name for name, _ in field.choices))
    if field.kind == "lines":
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return [_number(line, field.items) for line in lines]
    if field.kind in {"json", "any"}:
        try:
            return json.loads(text)
        except ValueError as problem:
            if field.kind == "any":
                return text
            raise ValueError(f"this is no JSON: {problem}") from None
    return _number(text.strip(), field.kind)


def _number(text: str, kind: str) -> Any:
    """A number where a text is one; otherwise the text, for the model to refuse."""
    try:
        return int(text) if kind == "integer" else float(text) if kind == "number" else text
    except ValueError:
        return text
