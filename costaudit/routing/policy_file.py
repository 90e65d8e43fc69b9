"""What people write into a policy file, checked: what is wrong is told with its place.

The models are those tables of `costaudit.routing.policy` as pydantic defines them. Policies that come with
costaudit do without: pydantic takes longer to import than a small log takes to audit.
"""

from __future__ import annotations

import functools
import types
import typing
from decimal import Decimal
from typing import Annotated, Any, Final, get_args, get_origin

import msgspec
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    create_model,
    model_validator,
)

from costaudit.errors import ConfigError, did_you_mean
from costaudit.routing.policy import (
    Bounds,
    Never,
    Pair,
    Policy,
    Residency,
    RulePolicy,
    Said,
    TierPolicy,
    Verification,
)
from costaudit.toml.load import Toml

TABLES: Final[tuple[type[Said], ...]] = (
    Policy, TierPolicy, RulePolicy, Verification, Never, Residency, Pair
)  # fmt: skip


def policy_of(read: Toml) -> Policy:
    """The policy that a TOML file states; raises ConfigError, with the line, for what none may say."""
    try:
        found = model_of(Policy).model_validate(read.table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        hint = None
        if first["type"] == "extra_forbidden":
            known = {name: None for table in TABLES for name in table.__struct_encode_fields__}
            hint = did_you_mean(str(first["loc"][-1]), known)
        message, line = f"{where}: {first['msg']}".lstrip(": "), read.line(*first["loc"])
        raise ConfigError(message, path=read.shown, line=line, hint=hint) from error
    return msgspec.convert(found.model_dump(by_alias=True), Policy)


def _no_float(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError('write numbers with a point as strings, like "0.5"')  # noqa: TRY004 - pydantic wants it
    return value


_EXACT: Final = Annotated[Decimal, BeforeValidator(_no_float), PlainSerializer(str)]


def _verification(value: Any) -> Any:
    return {"multiple": value} if isinstance(value, (str, int, Decimal)) else _no_float(value)


@functools.cache
def model_of(table: type[Said]) -> type[BaseModel]:
    """A table as pydantic defines it: with the same fields, bounds and checks."""
    hints = typing.get_type_hints(table, include_extras=True)
    fields: dict[str, Any] = {
        one.name: (_modelled(hints[one.name]), _field(one)) for one in msgspec.structs.fields(table)
    }

    def checked(said: Any) -> Any:
        table.check(said)
        return said

    made: type[BaseModel] = create_model(
        table.__name__,
        __config__=ConfigDict(extra="forbid", frozen=True, populate_by_name=True),
        __doc__=table.__doc__,
        __module__=table.__module__,
        __validators__={"checked": model_validator(mode="after")(checked)},  # type: ignore[dict-item]
        **fields,
    )
    return made


def _field(one: msgspec.structs.FieldInfo) -> Any:
    alias = None if one.encode_name == one.name else one.encode_name
    if one.required:
        return Field(alias=alias)
    if one.name == "groups":
        return Field(default_factory=dict, exclude=True)
    default = one.default
    return Field(model_of(type(default))() if isinstance(default, Said) else default, alias=alias)


def _modelled(hint: Any) -> Any:
    """A type with the models of tables in place of the tables, and bounds as pydantic knows them."""
    origin, inner = get_origin(hint), get_args(hint)
    found = hint
    if hint is Decimal:
        found = _EXACT
    elif hint is Verification:
        model = model_of(Verification)
        found = Annotated[model, BeforeValidator(_verification, json_schema_input_type=model | _EXACT)]
    elif isinstance(hint, type) and issubclass(hint, Said):
        found = model_of(hint)
    elif origin is Annotated:
        found = Annotated[_modelled(inner[0]), Field(**_stated(inner[1]))]
    elif origin in (types.UnionType, typing.Union):
        found = functools.reduce(lambda one, other: one | other, map(_modelled, inner))
    elif origin is tuple and inner[-1] is Ellipsis:
        found = tuple.__class_getitem__((_modelled(inner[0]), ...))
    return found


def _stated(bounds: Bounds) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(bounds).items() if value is not None}
