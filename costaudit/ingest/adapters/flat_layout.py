"""Which columns a file of flat records has, and the Arrow type that each is read as."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from costaudit.ingest.adapters.flat_fields import FLAT_FIELDS, FlatField, Kind, Path

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_DEFAULT_TYPES: dict[Kind, pa.DataType] = {
    Kind.TIME: pa.timestamp("us", tz="UTC"),
    Kind.COUNT: pa.int64(),
    Kind.INTEGER: pa.int64(),
    Kind.TEXT: pa.string(),
    Kind.STATUS: pa.string(),
    Kind.FLAG: pa.bool_(),
    Kind.COST: pa.float64(),
    Kind.MESSAGES: _MESSAGES,
    Kind.LIST: pa.list_(pa.struct([])),
    Kind.TAGS: pa.list_(pa.string()),
    Kind.FORMAT: pa.string(),
}
_BY_PATH: dict[Path, FlatField] = {path: field for field in FLAT_FIELDS for path in field.paths}
_ROOTS = frozenset(path[0] for path in _BY_PATH)


@dataclass(frozen=True, slots=True)
class FlatLayout:
    """Which paths a file uses, with the Arrow type that each is read as."""

    types: Mapping[Path, pa.DataType]
    schema: pa.Schema
    """The paths as a (nested) Arrow schema."""
    whole: bool
    """True when every known path is in the schema, so that unknown fields may be ignored."""


def layout_of(types: Mapping[Path, pa.DataType], *, whole: bool = False) -> FlatLayout:
    """A layout of the given paths."""
    return FlatLayout(types, pa.schema(_nested(types)), whole)


def flat_layout(sample: Iterable[Mapping[str, Any]]) -> FlatLayout | None:
    """The layout that the sample shows; None when a known path has values that no one type fits."""
    seen: dict[Path, pa.DataType] = {}
    for record in sample:
        for path, field in _BY_PATH.items():
            value: Any = record
            for key in path:
                value = value.get(key) if isinstance(value, Mapping) else None
            if value is None:
                continue
            wanted = _type_of(value, field.kind)
            if wanted is None or seen.setdefault(path, wanted) != wanted:
                return None
    return layout_of(seen) if seen and _consistent(seen) else None


def flat_table_layout(schema: pa.Schema) -> FlatLayout | None:
    """The layout of a Parquet schema; None when a known column has a type that only records can show."""
    seen: dict[Path, pa.DataType] = {}
    for path, kind in _typed_leaves(schema, ()):
        field = _BY_PATH.get(path)
        if field is None:
            continue
        if not (pa.types.is_null(kind) or _READABLE[field.kind](kind)):
            return None
        seen[path] = kind
    return layout_of(seen) if seen else None


def flat_text_layout(names: Iterable[str], sample: Sequence[Mapping[str, str]]) -> FlatLayout | None:
    """The layout of a table of texts; None when a known column can only be read record by record."""
    seen: dict[Path, pa.DataType] = {}
    for name in names:
        field = _BY_PATH.get((name,))
        if field is None:
            continue
        values = [record[name] for record in sample if name in record]
        kind = _time_type(values) if field.kind is Kind.TIME else _AS_TEXT.get(field.kind)
        if kind is None:
            return None
        seen[(name,)] = kind
    return layout_of(seen) if seen else None


_AS_TEXT: dict[Kind, pa.DataType] = {
    Kind.COUNT: pa.int64(),
    Kind.INTEGER: pa.int64(),
    Kind.COST: pa.float64(),
    Kind.FLAG: pa.bool_(),
    Kind.TEXT: pa.string(),
    Kind.STATUS: pa.string(),
    Kind.TAGS: pa.string(),
    Kind.FORMAT: pa.string(),
}
"""What a column of texts can be read as, whole; messages and tools are JSON in a field."""


def _time_type(values: Sequence[str]) -> pa.DataType | None:
    """The type that all times of a column have: numbers, times with a zone, times without."""
    if all(value.isdecimal() for value in values):
        return pa.int64()
    zoned = {bool(re.search(r"(?:Z|[+-]\d\d:?\d\d)$", value)) for value in values}
    if len(zoned) != 1 or any(value.isdecimal() for value in values):
        return None
    return pa.timestamp("us", tz="UTC") if zoned.pop() else pa.timestamp("us")


def _typed_leaves(fields: Iterable[pa.Field], above: Path) -> Iterable[tuple[Path, pa.DataType]]:
    for field in fields:
        path = (*above, field.name)
        if pa.types.is_struct(field.type) and path not in _BY_PATH:
            yield from _typed_leaves(field.type, path)
        else:
            yield path, field.type


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_count(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) and not pa.types.is_uint64(kind))


def _is_text_or_number(kind: pa.DataType) -> bool:
    return _is_text(kind) or bool(pa.types.is_integer(kind))


_READABLE: dict[Kind, Callable[[pa.DataType], bool]] = {
    Kind.TIME: lambda kind: bool(pa.types.is_timestamp(kind) or pa.types.is_int64(kind)),
    Kind.COUNT: _is_count,
    Kind.INTEGER: _is_count,
    Kind.FLAG: lambda kind: bool(pa.types.is_boolean(kind)),
    Kind.COST: lambda kind: bool(pa.types.is_floating(kind)),
    Kind.TEXT: _is_text_or_number,
    Kind.STATUS: _is_text_or_number,
    Kind.MESSAGES: lambda kind: bool(kind == _MESSAGES),
    Kind.TAGS: lambda kind: (
        _is_text(kind) or bool(pa.types.is_list(kind) and pa.types.is_string(kind.value_type))
    ),
    Kind.FORMAT: _is_text,
    Kind.LIST: lambda kind: bool(pa.types.is_list(kind)),
}
"""Whether a Parquet column of a type holds such a value for every row alike."""


def whole_layout(layout: FlatLayout) -> FlatLayout | None:
    """The layout widened to every known path, each of its usual type where the file showed none."""
    types = {path: layout.types.get(path, _DEFAULT_TYPES[field.kind]) for path, field in _BY_PATH.items()}
    for path in layout.types:  # a text at the root rules out an object of that name, and the reverse
        types = {
            p: t for p, t in types.items() if p == path or (p[: len(path)] != path and path[: len(p)] != p)
        }
    return layout_of(types, whole=True) if _consistent(types) else None


def _consistent(types: Mapping[Path, pa.DataType]) -> bool:
    return not any(path[:depth] in types for path in types for depth in range(1, len(path)))


def _nested(types: Mapping[Path, pa.DataType]) -> list[pa.Field]:
    roots: dict[str, dict[Path, pa.DataType]] = {}
    for path, kind in types.items():
        roots.setdefault(path[0], {})[path[1:]] = kind
    return [
        pa.field(root, inner[()] if () in inner else pa.struct(_nested(inner)))
        for root, inner in roots.items()
    ]


_READ_AS: dict[tuple[Kind, type], pa.DataType] = {
    (Kind.FLAG, bool): pa.bool_(),
    (Kind.COUNT, int): pa.int64(),
    (Kind.INTEGER, int): pa.int64(),
    (Kind.TIME, int): pa.int64(),
    (Kind.TIME, float): pa.float64(),
    (Kind.TIME, str): pa.timestamp("us", tz="UTC"),
    (Kind.COST, int): pa.float64(),
    (Kind.COST, float): pa.float64(),
    (Kind.TEXT, str): pa.string(),
    (Kind.TEXT, int): pa.int64(),
    (Kind.STATUS, str): pa.string(),
    (Kind.STATUS, int): pa.int64(),
    (Kind.FORMAT, str): pa.string(),
    (Kind.TAGS, str): pa.string(),
    (Kind.TAGS, list): pa.list_(pa.string()),
    (Kind.MESSAGES, list): _MESSAGES,
    (Kind.LIST, list): pa.list_(pa.struct([])),
}
"""The Arrow type that a sampled JSON value is read as; a pair that is missing only `flat.calls` can read."""


def _type_of(value: Any, kind: Kind) -> pa.DataType | None:
    if isinstance(value, list) and not all(_plain_entry(entry, kind) for entry in value):
        return None
    return _READ_AS.get((kind, type(value)))


def _plain_entry(entry: Any, kind: Kind) -> bool:
    if kind is Kind.MESSAGES:
        return _plain_message(entry)
    return isinstance(entry, str if kind is Kind.TAGS else dict)


def _plain_message(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("role"), str)
        and isinstance(value.get("content"), (str, type(None)))
    )


def unknown_columns(schema: pa.Schema, layout: FlatLayout) -> set[Path]:
    """Known paths that a block holds (its inferred schema says so) and the layout does not."""
    return {path for path in _leaves(schema, ()) if path in _BY_PATH and path not in layout.types} | {
        (name,)
        for name in schema.names
        if name in _ROOTS
        and (name,) not in layout.types
        and not any(path[0] == name for path in layout.types)
    }


def _leaves(fields: Iterable[pa.Field], above: Path) -> Iterable[Path]:
    for field in fields:
        path = (*above, field.name)
        if pa.types.is_struct(field.type) and path not in _BY_PATH:
            yield from _leaves(field.type, path)
        elif not pa.types.is_null(field.type):
            yield path
