"""The fields of a form, read from a pydantic model."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine.hints import Json, hint, resolved

if TYPE_CHECKING:
    from pydantic import BaseModel

ROOT = ""
"""The name of the only field of a model that is no object."""

LONG = 120
"""A text that may be longer gets several lines."""

YES_NO: tuple[tuple[str, Any], ...] = (("yes", True), ("no", False))

_PLAIN = {"date": "date", "time": "time", "date-time": "datetime", "password": "password"}
_NUMBERS = {"integer", "number"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form.

    Args:
        name: Its key in the answer.
        kind: How it is filled in: "text", "area" (several lines), "password", "integer", "number",
            "date", "time", "datetime", "choice", "check" (yes or no), "lines" (a list, one entry
            per line), "json", or "any" (text where it is no JSON).
        label: What it is called.
        description: What it is for.
        hint: What it takes.
        required: Whether it must be filled in.
        nullable: Whether left empty it is null.
        choices: What to choose from: the text and the value of each.
        text: What it holds at first: the default.
        items: What an entry of "lines" is: "text", "integer" or "number".
        zoned: Whether a "datetime" is of a time zone.
    """

    name: str
    kind: str
    label: str
    description: str = ""
    hint: str = ""
    required: bool = False
    nullable: bool = False
    choices: tuple[tuple[str, Any], ...] = ()
    text: str = ""
    items: str = "text"
    zoned: bool = False


def masked_field(field: Field, masked: Callable[[Any], Any]) -> Field:
    """A field as it is shown: a default that is secret is left out, and is taken all the same.

    Args:
        field: As the schema has it.
        masked: Gives a text without secrets.
    """
    shown = (field.label, field.description, field.hint, field.text)
    names = tuple(name for name, _ in field.choices)
    label, description, hint, text = told = masked(shown)
    if told == shown and masked(names) == names:
        return field
    values = (value for _, value in field.choices)
    return replace(
        field,
        label=label,
        description=description,
        hint=hint,
        text=text if text == field.text or names else "",
        choices=tuple(zip(masked(names), values, strict=True)),
    )


# ---------------------------------------------------------------- a model's fields


def fields_of(model: type[BaseModel], root: Json) -> tuple[Field, ...]:
    """Read the fields of a form.

    Args:
        model: The model.
        root: Its JSON schema as plain data.
    """
    schema = resolved(root, root)
    annotations = _annotations(model)
    properties = schema.get("properties", {})
    if getattr(model, "__pydantic_root_model__", False) and not properties:
        return (_field(ROOT, schema, root, annotations["root"], required=True),)
    required = schema.get("required", ())
    return tuple(
        _field(name, part, root, annotations.get(name), required=name in required)
        for name, part in properties.items()
    )


def _annotations(model: type[BaseModel]) -> dict[str, Any]:
    """The types of a model's fields by the names that its JSON schema has."""
    found = {}
    for name, info in model.model_fields.items():
        alias = info.validation_alias or info.alias
        found[alias if isinstance(alias, str) else name] = info.annotation
    return found


def _field(name: str, given: Json, root: Json, annotation: Any, *, required: bool) -> Field:
    schema, nullable = _not_null(resolved(given, root), root)
    kind = "password" if _mentions(annotation, _secrets()) else _kind(schema, root)
    default = None if kind == "password" else given.get("default")
    choices = _choices(schema, annotation)
    if kind == "yes":
        kind, choices = ("choice" if default is None or nullable else "check"), YES_NO
    text = "" if default is None else _as_text(default, kind, choices)
    return Field(
        name=name,
        kind="area" if kind == "text" and "\n" in text else kind,
        label=str(given.get("title") or name.replace("_", " ").title()),
        description=str(given.get("description") or schema.get("description") or ""),
        hint=_hint(kind, schema, root),
        required=required,
        nullable=nullable,
        choices=choices,
        text=text,
        items=_items(schema, root) or "text",
        zoned=kind == "datetime" and bool(_mentions(annotation, _aware()) or _has_zone(text)),
    )


def _not_null(schema: Json, root: Json) -> tuple[Json, bool]:
    """A schema without its null, and whether it had one."""
    values = schema.get("enum", ())
    if None in values:
        return {**schema, "enum": [value for value in values if value is not None]}, True
    options = [resolved(option, root) for option in schema.get("anyOf", ())]
    rest = [option for option in options if option.get("type") != "null"]
    if len(rest) == len(options):
        return schema, False
    beside = {key: value for key, value in schema.items() if key != "anyOf"}
    return ({**rest[0], **beside} if len(rest) == 1 else {**beside, "anyOf": rest}), True


def _kind(schema: Json, root: Json) -> str:
    kind, options = schema.get("type"), schema.get("anyOf", ())
    if "enum" in schema or "const" in schema:
        return "choice"
    if schema.get("writeOnly"):
        return "password"
    if kind == "string":
        long = schema.get("maxLength", 0) > LONG or schema.get("format") == "multiline"
        long = long or schema.get("contentMediaType") == "application/json"
        return "area" if long else _PLAIN.get(str(schema.get("format")), "text")
    if kind == "boolean":
        return "yes"
    if kind == "array" and _items(schema, root):
        return "lines"
    kinds = [resolved(option, root).get("type") for option in options]
    if kinds == ["number", "string"]:
        return "text"  # a Decimal
    if "string" in kinds or schema.keys().isdisjoint({"type", "anyOf", "oneOf", "allOf"}):
        return "any"
    return str(kind) if kind in _NUMBERS else "json"


def _items(schema: Json, root: Json) -> str:
    """What each entry of a list is; empty where it does not fit on a line."""
    if schema.get("type") != "array" or "prefixItems" in schema:
        return ""
    entry = resolved(schema.get("items", {}), root)
    if entry.get("type") in _NUMBERS and "enum" not in entry:
        return str(entry["type"])
    return "text" if entry.get("type") == "string" else ""


def _choices(schema: Json, annotation: Any) -> tuple[tuple[str, Any], ...]:
    values = [schema["const"]] if "const" in schema else list(schema.get("enum", ()))
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    if len(set(texts)) < len(texts):
        texts = [json.dumps(value) for value in values]
    enum = _mentions(annotation, (Enum,))
    if enum and not any(isinstance(value, str) for value in values):
        names = {member.value: member.name for member in enum}
        texts = [names.get(value, text) for value, text in zip(values, texts, strict=True)]
    return tuple(zip(texts, values, strict=True))


def _hint(kind: str, schema: Json, root: Json) -> str:
    if kind in {"choice", "check"}:
        return ""  # they are there to be seen
    told = hint(schema, root)
    if kind == "lines":
        told = told.replace("a list", "one entry per line", 1)
        return told.replace("per line of ", "per line, ", 1)
    if kind == "json":
        return f"JSON: {told}" if told else "JSON"
    return told or "text or JSON" if kind == "any" else told


def _mentions(annotation: Any, kinds: tuple[type, ...]) -> Any:
    """The first of these classes, or of their subclasses, in a type; None without one."""
    if isinstance(annotation, type) and issubclass(annotation, kinds):
        return annotation
    inside = (*typing.get_args(annotation), typing.get_origin(annotation))
    found = (_mentions(part, kinds) for part in inside if part is not None)
    return next(filter(None, found), None)


def _secrets() -> tuple[type, ...]:
    from pydantic import Secret, SecretBytes, SecretStr  # noqa: PLC0415 - importing stays cheap

    return Secret, SecretBytes, SecretStr


def _aware() -> tuple[type, ...]:
    from pydantic import AwareDatetime  # noqa: PLC0415 - as above

    return (AwareDatetime,)


def _as_text(value: Any, kind: str, choices: tuple[tuple[str, Any], ...]) -> str:
    """A default as a person would have typed it."""
    if kind in {"choice", "check"}:
        return next((text for text, choice in choices if choice == value), "")
    if kind == "lines":
        return "\n".join(map(str, value))
    if isinstance(value, str) and kind != "json":
        return value
    return json.dumps(value, indent=2, ensure_ascii=False)


def _has_zone(text: str) -> bool:
    return text.endswith("Z") or "+" in text or "-" in text.partition("T")[2]
