"""The published JSON Schemas of reports."""

from __future__ import annotations

import functools
import types
import typing
from decimal import Decimal
from typing import Annotated, Any, Final, get_args, get_origin

import msgspec
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, create_model

from costaudit.money import exact
from costaudit.questions.audit import result as m
from costaudit.questions.audit.measured import LabelReport
from costaudit.questions.exports.model import PolicyExport
from costaudit.questions.fallback.result import FallbackReport
from costaudit.questions.shadow.result import ShadowComparison, ShadowPlan
from costaudit.render.jsonout import DIALECT
from costaudit.render.part import Part, stated_empty

KINDS: Final[dict[str, type[Part | BaseModel]]] = {
    "audit": m.Audit,
    "simulation": m.Simulation,
    "labels": LabelReport,
    "shadow-plan": ShadowPlan,
    "shadow-comparison": ShadowComparison,
    "policy-export": PolicyExport,
    "fallback": FallbackReport,
}


def json_schema(kind: str) -> dict[str, Any]:
    """The JSON Schema that every `render_json` of that kind (one of KINDS) conforms to.

    It allows further keys: later versions add some.
    """
    found = KINDS[kind]
    model = model_of(found) if issubclass(found, Part) else found
    schema = model.model_json_schema(mode="serialization", by_alias=True)
    return {"$schema": DIALECT, **_open(schema)}


_USD: Final = Annotated[Decimal, PlainSerializer(exact, return_type=str)]


@functools.cache
def model_of(part: type[Part]) -> type[BaseModel]:
    """The same part as pydantic defines it, which writes its JSON Schema and can check a report."""
    hints = typing.get_type_hints(part)
    fields: dict[str, Any] = {
        one.name: (_modelled(hints[one.name]), _field(one)) for one in msgspec.structs.fields(part)
    }
    config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    made: type[BaseModel] = create_model(
        part.__name__, __config__=config, __doc__=part.__doc__, __module__=part.__module__, **fields
    )
    return made


def _field(one: msgspec.structs.FieldInfo) -> Any:
    alias = None if one.encode_name == one.name else one.encode_name
    if one.required:
        return Field(alias=alias)
    if one.default_factory is stated_empty:
        return Field([], alias=alias)
    if one.default is msgspec.NODEFAULT:
        return Field(default_factory=one.default_factory, alias=alias)
    return Field(one.default, alias=alias)


def _modelled(hint: Any) -> Any:
    """A type with the models of parts in place of the parts."""
    if hint is Decimal:
        return _USD
    if isinstance(hint, type) and issubclass(hint, Part):
        return model_of(hint)
    origin, inner = get_origin(hint), tuple(map(_modelled, get_args(hint)))
    if origin in (types.UnionType, typing.Union):
        return functools.reduce(lambda one, other: one | other, inner)
    return origin[inner] if origin in (list, tuple, dict) else hint


def _open(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {k: _open(v) for k, v in schema.items() if not (k == "additionalProperties" and v is False)}
    return [_open(v) for v in schema] if isinstance(schema, list) else schema
