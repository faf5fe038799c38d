"""A pydantic model as the form of an answer: what is read of one, and what can be kept of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fluffy_nb.engine.forms import ROOT, Field, fields_of
from fluffy_nb.engine.verdict import WHOLE, Accepted, Refused, Verdict, refused_fields
from fluffy_nb.errors import InvalidSpecError, text_of

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

REMEDY = "Derive one from pydantic.BaseModel: class Review(BaseModel): stars: int"


class Schema:
    """What a question asks for by `schema=`.

    Args:
        model: A class that derives from `pydantic.BaseModel`.

    Raises:
        InvalidSpecError: It is no such class, or one that has no JSON schema.
    """

    def __init__(self, model: object) -> None:
        self.model = _checked(model)
        self.json = _json_schema(self.model)
        """The JSON schema as plain data."""

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """What a form asks for, in order."""
        return fields_of(self.model, self.json)

    def read(self, value: object) -> Verdict:
        """Make an instance of an answer.

        Args:
            value: An instance, the fields by name, or either as JSON.
        """
        from pydantic import RootModel, ValidationError  # noqa: PLC0415 - importing stays cheap

        model = self.model
        try:
            if isinstance(value, str):
                return Accepted(model.model_validate_json(value))
            if isinstance(value, (model, Mapping)) or issubclass(model, RootModel):
                return Accepted(model.model_validate(value))
        except ValidationError as problem:
            is_field = [field.name for field in self.fields] != [ROOT]
            return refused_fields(_problems(problem, is_field=is_field))
        kind, name = type(value).__name__, model.__name__
        if kind == name:
            return Refused(f"this {kind} is of a class that was defined again since: make it anew")
        return Refused(f"this is of {kind}; answer with a {name}, a dict of its fields, or JSON")

    def plain(self, answer: Any) -> Any:
        """An accepted answer as plain data, of which `read` makes it again; None where none can.

        An answer that holds a secret is never given.
        """
        try:
            if _holds_secret(answer) or '"writeOnly": true' in json.dumps(self.json):
                return None
            text = answer.model_dump_json(by_alias=True, round_trip=True)
            again = self.read(text)
        except Exception:  # noqa: BLE001 - whatever a serializer raises: the person is asked again
            return None
        same = isinstance(again, Accepted) and again.value == answer
        return json.loads(text) if same else None


def _checked(model: object) -> type[BaseModel]:
    from pydantic import BaseModel  # noqa: PLC0415 - as above

    if isinstance(model, BaseModel):
        name = type(model).__name__
        raise InvalidSpecError("schema", model, "a pydantic model class", f"Give schema={name}.")
    if not isinstance(model, type) or not issubclass(model, BaseModel) or model is BaseModel:
        raise InvalidSpecError("schema", model, "a pydantic model class", REMEDY)
    return model


def _json_schema(model: type[BaseModel]) -> dict[str, Any]:
    from pydantic.json_schema import GenerateJsonSchema  # noqa: PLC0415 - as above
    from pydantic_core import PydanticSerializationError  # noqa: PLC0415 - as above

    class Quiet(GenerateJsonSchema):
        """Leaves out defaults that are secret or that JSON can't hold, without a warning."""

        ignored_warning_kinds = {"non-serializable-default", "skipped-choice"}  # noqa: RUF012

        def encode_default(self, default: Any) -> Any:
            if _holds_secret(default):
                raise PydanticSerializationError("secret")
            return super().encode_default(default)

    try:
        schema = model.model_json_schema(schema_generator=Quiet)
        # NaN and the infinities as texts, which pydantic reads: a browser's JSON has none.
        plain: dict[str, Any] = json.loads(json.dumps(schema), parse_constant=str)
    except Exception as problem:  # noqa: BLE001 - as its own JSON schema methods may raise
        reason = text_of(problem, 500).partition("\n")[0]
        allowed = f"a pydantic model of which a form can be made ({reason})"
        remedy = "Give its fields types that JSON has, or ask for text and make the object of it."
        raise InvalidSpecError("schema", model, allowed, remedy) from None
    return plain


def _problems(error: ValidationError, *, is_field: bool) -> dict[str, str]:
    """What is wrong with each field, by name; what has no place in a field under WHOLE.

    Args:
        error: What pydantic found.
        is_field: Whether the first part of a place is a field's name: not in a list, for example.
    """
    found: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False, include_input=False):
        name, inside = WHOLE, problem["loc"]
        if inside and is_field:
            name, inside = str(inside[0]), inside[1:]
        place = ".".join(map(str, inside))
        told = f"{place}: {_told(problem)}" if place else _told(problem)
        found.setdefault(name, []).append(told)
    return {name: "; ".join(dict.fromkeys(told)) for name, told in found.items()}


def _told(problem: Mapping[str, Any]) -> str:
    """The message of a validator as it was written, of pydantic as it is."""
    if problem["type"] == "missing":
        return "a value is needed"
    if problem["type"] in {"value_error", "assertion_error"}:
        return text_of(problem["ctx"]["error"]) or "this value is not accepted"
    return str(problem["msg"])


def _holds_secret(value: Any) -> bool:
    from pydantic import BaseModel, Secret, SecretBytes, SecretStr  # noqa: PLC0415 - as above

    if isinstance(value, (Secret, SecretStr, SecretBytes)):
        return True
    inside: Iterable[Any] = ()
    if isinstance(value, BaseModel):
        inside = [*value.__dict__.values(), *(value.model_extra or {}).values()]
    elif isinstance(value, Mapping):
        inside = [*value, *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        inside = value
    return any(map(_holds_secret, inside))
