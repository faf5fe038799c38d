"""What a field takes, in a few words: read from its JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]

_FORMATS = {
    "email": "an e-mail address",
    "uri": "an address such as https://example.org",
    "uuid": "a UUID",
    "duration": "a duration such as 1:30:00 or PT90M",
    "date": "a date such as 2026-07-31",
    "time": "a time such as 09:30",
    "date-time": "a date and time such as 2026-07-31 09:30",
    "binary": "text, taken as bytes",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "path": "a path",
    "file-path": "the path of a file",
    "directory-path": "the path of a folder",
}
_LIMITS = {
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
    "multipleOf": "a multiple of",
}
_TYPES = {"integer": "a whole number", "number": "a number", "boolean": "yes or no", "null": "null"}


def resolved(schema: Json, root: Json) -> Json:
    """A schema with its reference followed, what stands beside the reference kept.

    Args:
        schema: Part of a JSON schema.
        root: The whole, which has the definitions.
    """
    while "$ref" in schema or len(schema.get("allOf", ())) == 1:
        beside = {key: value for key, value in schema.items() if key not in {"$ref", "allOf"}}
        if "$ref" in schema:
            part = root["$defs"][str(schema["$ref"]).rpartition("/")[2]]
        else:
            part = schema["allOf"][0]  # how earlier versions of pydantic put something beside it
        schema = {**part, **beside}
    return schema


def hint(schema: Json, root: Json, *, inside: bool = False) -> str:
    """What a value of this schema is, in a few words.

    Args:
        schema: Part of a JSON schema.
        root: The whole, which has the definitions.
        inside: Whether it is in an object that is told of: objects in it are not told again, for a
            model may hold itself.

    Returns:
        Words for the middle of a sentence; empty for any text.
    """
    schema = resolved(schema, root)
    kind = schema.get("type")
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(map(str, schema.get("enum", [schema.get("const")])))
    if "anyOf" in schema or "oneOf" in schema:
        return _either(schema, root, inside=inside)
    if kind == "array":
        return _list(schema, root, inside=inside)
    if kind == "object":
        return "an object" if inside else _object(schema, root)
    what = _TYPES.get(str(kind)) or _FORMATS.get(str(schema.get("format")), "")
    told = [what, *_bounds(schema), _length(schema), _pattern(schema)]
    return ", ".join(filter(None, told)).replace(", from ", " from ")


def _either(schema: Json, root: Json, *, inside: bool) -> str:
    options = [resolved(option, root) for option in schema.get("anyOf", schema.get("oneOf"))]
    if [option.get("type") for option in options] == ["number", "string"]:
        options = options[:1]  # a Decimal, which is a number to whoever types it
    told = [hint(o, root, inside=inside) or "text" for o in options if o.get("type") != "null"]
    return " or ".join(dict.fromkeys(told))


def _list(schema: Json, root: Json, *, inside: bool) -> str:
    if "prefixItems" in schema:
        entries = (hint(entry, root, inside=inside) or "text" for entry in schema["prefixItems"])
        return f"a list of {', '.join(entries)}"
    entry = hint(schema.get("items", {}), root, inside=inside)
    each = f", each {entry}" if entry else ""
    alike = ", no two alike" if schema.get("uniqueItems") else ""
    return f"a list{_many(schema, 'minItems', 'maxItems', 'entry', 'entries')}{each}{alike}"


def _object(schema: Json, root: Json) -> str:
    if not schema.get("properties"):
        values = schema.get("additionalProperties")
        each = hint(values, root, inside=True) if isinstance(values, Mapping) else ""
        return f"an object, each value {each}" if each else "an object"
    needed = schema.get("required", ())
    parts = (
        f'"{name}": {hint(part, root, inside=True) or "text"}'
        + ("" if name in needed else ", optional")
        for name, part in schema["properties"].items()
    )
    return "an object with " + "; ".join(parts)


def _bounds(schema: Json) -> list[str]:
    least, most = schema.get("minimum"), schema.get("maximum")
    told = [
        None if least is None or most is not None else f"at least {least}",
        None if most is None or least is not None else f"at most {most}",
        None if least is None or most is None else f"from {least} to {most}",
        *(f"{word} {schema[key]}" for key, word in _LIMITS.items() if key in schema),
    ]
    return [part for part in told if part]


def _length(schema: Json) -> str:
    if schema.get("minLength") == 1 and "maxLength" not in schema:
        return ""  # as everything that must be filled in
    return _many(schema, "minLength", "maxLength", "character", "characters").removeprefix(" of ")


def _pattern(schema: Json) -> str:
    return f"matching {schema['pattern']}" if "pattern" in schema else ""


def _many(schema: Json, least_key: str, most_key: str, one: str, many: str) -> str:
    least, most = schema.get(least_key), schema.get(most_key)
    if least is None and most is None:
        return ""
    if least is None or most is None:
        number, how = (most, "at most") if least is None else (least, "at least")
        return f" of {how} {number} {one if number == 1 else many}"
    if least == most:
        return f" of {least} {one if least == 1 else many}"
    return f" of {least} to {most} {many}"
