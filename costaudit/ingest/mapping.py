"""Log formats as settings describe them: `[formats.NAME]` of costaudit.toml, checked and typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final

import msgspec

from costaudit.errors import ConfigError, did_you_mean
from costaudit.ingest.adapters import ADAPTERS
from costaudit.ingest.adapters.flat_fields import BY_TARGET, MODEL_TARGETS
from costaudit.ingest.adapters.mapped import (
    TARGETS,
    UNITS,
    WITH_UNIT,
    FieldSource,
    FormatMapping,
    RecordMark,
    Scalar,
    evidence_of,
)
from costaudit.ingest.paths import Path, parse_path

FLAGS: Final = ("input_includes_cache", "output_includes_reasoning")
WORDS: Final = ("title", "when", "each", *FLAGS)
"""What a format's table may hold beside the fields."""

OUTSIDE: Final = {
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
}
"""Names of flat records that say where cached tokens are counted, with the names that do not."""

_KINDS: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "list": "a list",
    "object": "a table",
    "dict": "a table",
}
"""Types as a user of TOML knows them."""

_UNITS_TOLD: Final = 3
"""Targets with a unit that are named one by one; the others are counts."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class _Field(msgspec.Struct, forbid_unknown_fields=True):
    """A field that needs more than a path."""

    path: str | list[str] = []
    value: Scalar | None = None
    unit: str | None = None
    map: dict[str, Scalar] = {}


def parse_formats(tables: Mapping[str, Any], file: str) -> tuple[FormatMapping, ...]:
    """The formats of a settings file in their order; raises ConfigError that names what is wrong."""
    built_in = {adapter.name for adapter in ADAPTERS}
    found = []
    for name, table in tables.items():
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"formats: {name[:60]!r} cannot be a name",
                path=file,
                hint="up to 40 letters, digits, dots, dashes or underscores",
            )
        if name in built_in:
            raise ConfigError(
                f"formats.{name}: this is the name of a format that is built in",
                path=file,
                hint="take another name: it is tried first all the same",
            )
        found.append(parse_format(name, table, file))
    return tuple(found)


def parse_format(name: str, table: Any, file: str) -> FormatMapping:
    """One format; raises ConfigError that names file and key of what is wrong."""
    at = f"formats.{name}"
    if not isinstance(table, dict):
        raise ConfigError(f"{at}: expected a table, got {_told(type(table).__name__)}", path=file)
    fields: dict[str, FieldSource] = {}
    stated: dict[str, str] = {}
    for key, value in table.items():
        if key in WORDS:
            continue
        target = _target(key, at, file)
        if target in stated:
            raise ConfigError(f"{at}: {stated[target]} and {key} are the same field", path=file)
        stated[target] = key
        fields[target] = _source(target, value, f"{at}.{key}", file)
    if not any(target in fields for target in MODEL_TARGETS):
        raise ConfigError(f"{at}: nothing says which model was called", path=file, hint='add model = "…"')
    if not evidence_of(fields):
        raise ConfigError(
            f"{at}: no token count, time or cost is read", path=file, hint='add input_tokens = "…"'
        )
    return FormatMapping(
        name=name,
        title=_typed(table.get("title"), str, f"{at}.title", file) or f"described in {PurePath(file).name}",
        fields=fields,
        when=_conditions(table.get("when"), f"{at}.when", file),
        each=None if table.get("each") is None else _path(table["each"], f"{at}.each", file),
        input_includes_cache=_typed(table.get(FLAGS[0]), bool, f"{at}.{FLAGS[0]}", file),
        output_includes_reasoning=_typed(table.get(FLAGS[1]), bool, f"{at}.{FLAGS[1]}", file),
    )


def _target(key: str, at: str, file: str) -> str:
    if key in TARGETS:
        return TARGETS[key]
    if key in OUTSIDE:
        raise ConfigError(
            f"{at}: {key} is not a field of a mapping",
            path=file,
            hint=f"{OUTSIDE[key]}, and input_includes_cache = false where it is counted beside the input",
        )
    known = [*TARGETS, *WORDS]
    raise ConfigError(
        f"{at}: unknown field {key[:60]!r}",
        path=file,
        hint=did_you_mean(key, known) or "the fields are in docs/formats.md",
    )


def _source(target: str, value: Any, at: str, file: str) -> FieldSource:
    if isinstance(value, (str, list)):
        value = {"path": value}
    if not isinstance(value, dict):
        said = f"expected a path, a list of paths or a table, got {_told(type(value).__name__)}"
        raise ConfigError(f"{at}: {said}", path=file)
    _known(value, _Field.__struct_fields__, at, file)
    spec = _converted(value, _Field, at, file)
    texts = [spec.path] if isinstance(spec.path, str) else spec.path
    if not texts and spec.value is None:
        raise ConfigError(
            f"{at}: neither path nor value", path=file, hint=f'like {at.rsplit(".", maxsplit=1)[-1]} = "a.b"'
        )
    return FieldSource(
        tuple(_path(text, at, file) for text in texts),
        spec.value,
        _factor(target, spec.unit, at, file),
        spec.map,
    )


def _factor(target: str, unit: str | None, at: str, file: str) -> Decimal | None:
    if unit is None:
        return None
    if target not in WITH_UNIT:
        names = ", ".join(BY_TARGET[t].names[0] for t in WITH_UNIT[:_UNITS_TOLD])
        raise ConfigError(f"{at}.unit: only {names} and counts of tokens have a unit", path=file)
    units = UNITS[BY_TARGET[target].kind]
    if unit not in units:
        hint = did_you_mean(unit, units) or f"one of {', '.join(units)}"
        raise ConfigError(f"{at}.unit: unknown unit {unit[:60]!r}", path=file, hint=hint)
    return units[unit]


def _conditions(value: Any, at: str, file: str) -> tuple[RecordMark, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list):
        value = {str(path): [] for path in _converted(value, list[str], at, file)}
    spec = _converted(value, dict[str, Scalar | list[Scalar]], at, file)
    if not spec:
        raise ConfigError(f"{at}: names no path", path=file)
    return tuple(
        RecordMark(_path(text, at, file), tuple(wanted) if isinstance(wanted, list) else (wanted,))
        for text, wanted in spec.items()
    )


def _path(value: Any, at: str, file: str) -> Path:
    text = _typed(value, str, at, file)
    try:
        return parse_path(text or "")
    except ValueError as error:
        raise ConfigError(f"{at}: {error}", path=file, hint="a path is like payload.usage.in") from error


def _known(table: Mapping[str, Any], known: Iterable[str], at: str, file: str) -> None:
    for key in table:
        if key not in known:
            hint = did_you_mean(key, known) or f"known are {', '.join(known)}"
            raise ConfigError(f"{at}: unknown key {key[:60]!r}", path=file, hint=hint)


def _typed(value: Any, kind: type, at: str, file: str) -> Any:
    return None if value is None else _converted(value, kind, at, file)


def _converted(value: Any, kind: Any, at: str, file: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        said, _, where = str(error).partition(" - at `$")
        said = re.sub(r"`([^`]*)`", lambda m: " or ".join(map(_told, m[1].split(" | "))), said)
        raise ConfigError(f"{at}{where.rstrip('`')}: {said[:1].lower()}{said[1:]}", path=file) from error


def _told(kind: str) -> str:
    return _KINDS.get(kind, kind)
