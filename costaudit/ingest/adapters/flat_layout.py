"""Which columns a file of flat records has, and the Arrow type that each is read as."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, Union

import msgspec
import pyarrow as pa

from costaudit.ingest.adapters.flat_fields import FLAT_FIELDS, HOLDERS, KEYS, FieldKind, FlatField, Path
from costaudit.ingest.adapters.flat_unused import is_unused, unused_columns
from costaudit.ingest.adapters.spelled import stated_elsewhere

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_DEFAULT_TYPES: dict[FieldKind, pa.DataType] = {
    FieldKind.TIME: pa.timestamp("us", tz="UTC"),
    FieldKind.COUNT: pa.int64(),
    FieldKind.INTEGER: pa.int64(),
    FieldKind.TEXT: pa.string(),
    FieldKind.STATUS: pa.string(),
    FieldKind.FLAG: pa.bool_(),
    FieldKind.COST: pa.float64(),
    FieldKind.MESSAGES: _MESSAGES,
    FieldKind.LIST: pa.list_(pa.struct([])),
    FieldKind.TAGS: pa.list_(pa.string()),
    FieldKind.FORMAT: pa.string(),
}
_BY_PATH: dict[Path, FlatField] = {path: field for field in FLAT_FIELDS for path in field.paths}

TARGETS: Final = {path: field.target for path, field in _BY_PATH.items()}
"""Every path at which a known value may stand, and what it says."""


class FlatLayout(msgspec.Struct, frozen=True):
    """Which paths a file uses, with the Arrow type that each is read as."""

    types: Mapping[Path, pa.DataType]
    schema: pa.Schema
    """The paths as a (nested) Arrow schema; and scalars that stand where other known paths go through an
    object, so that an object there is noticed."""
    unused: tuple[Path, ...] = ()
    """Further columns of a table, whose numbers nobody reads."""
    elsewhere: frozenset[str] = frozenset()
    """Targets that further columns of a table may state."""


def layout_of(
    types: Mapping[Path, pa.DataType],
    unused: Iterable[Path] = (),
    elsewhere: frozenset[str] = frozenset(),
) -> FlatLayout:
    """A layout of the given paths, known or in the way of known ones."""
    known = {path: kind for path, kind in types.items() if path in _BY_PATH}
    return FlatLayout(known, pa.schema(_nested(types)), tuple(unused), elsewhere)


_MOST_ODD: Final = 0.3
"""The share of a sample whose values are of other types than the rest, beyond which there is no layout."""


def flat_layout(sample: Sequence[Mapping[str, Any]], keys: AbstractSet[str] = KEYS) -> FlatLayout | None:
    """The layout for records that have known values under these keys only, by a sample of them.

    A field has the type that most records of the sample show, or its usual one. None where the sample has
    no known path, or is so mixed that records are better read one by one.
    """
    seen = [dict(_kinds(record, _TREE)) for record in sample]
    votes: dict[Path, Counter[pa.DataType]] = defaultdict(Counter)
    for kinds in seen:
        for path, kind in kinds.items():
            votes[path][kind] += 1
    types = dict(_chosen(_TREE, votes, keys))
    odd = sum(any(not _fits(kind, types.get(p, _OBJECT)) for p, kind in kinds.items()) for kinds in seen)
    layout = layout_of(types)
    return layout if layout.types and odd <= _MOST_ODD * len(sample) else None


def _fits(kind: pa.DataType, wanted: pa.DataType) -> bool:
    return bool(kind == wanted or (kind == pa.int64() and wanted == pa.float64()))


_OBJECT, _UNREADABLE = pa.struct([]), pa.null()
"""What a value is that is no column: an object on the way to others, and what only records can show."""

_SCALARS: dict[type, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}

_Tree = dict[str, Union[FlatField, "_Tree"]]


def _tree() -> _Tree:
    """The known paths, key by key."""
    tree: _Tree = {}
    for path, field in _BY_PATH.items():
        *above, last = path
        node = tree
        for key in above:
            below = node.setdefault(key, {})
            if isinstance(below, FlatField):
                raise TypeError(f"{path}: {key} is a value of its own")
            node = below
        if node.setdefault(last, field) is not field:
            raise TypeError(f"{path} is known twice")
    return tree


_TREE: Final = _tree()


def _kinds(record: Mapping[str, Any], tree: _Tree, above: Path = ()) -> Iterator[tuple[Path, pa.DataType]]:
    """The types of a record's values along the known paths."""
    for key, below in tree.items():
        value = record.get(key)
        if value is None:
            continue
        path = (*above, key)
        if isinstance(below, FlatField):
            yield path, _type_of(value, below.kind) or _UNREADABLE
        elif isinstance(value, Mapping):
            yield path, _OBJECT
            yield from _kinds(value, below, path)
        else:
            yield path, _SCALARS.get(type(value), _UNREADABLE)


def _chosen(
    tree: _Tree, votes: Mapping[Path, Counter[pa.DataType]], keys: AbstractSet[str], above: Path = ()
) -> Iterator[tuple[Path, pa.DataType]]:
    """The type of every path that can occur."""
    for key, below in tree.items():
        if key not in keys:
            continue
        path = (*above, key)
        kind = votes[path].most_common(1)[0][0] if path in votes else None
        if kind == pa.int64() and pa.float64() in votes[path]:
            kind = pa.float64()  # whole numbers among others
        if isinstance(below, FlatField):
            yield path, _DEFAULT_TYPES[below.kind] if kind in {None, _UNREADABLE} else kind
        elif kind in {None, _UNREADABLE, _OBJECT}:
            yield from _chosen(below, votes, keys, path)
        else:
            yield path, kind


def flat_table_layout(schema: pa.Schema) -> FlatLayout | None:
    """The layout of a Parquet schema; None when a column that matters can only be read record by record."""
    seen: dict[Path, pa.DataType] = {}
    leaves = dict(_typed_leaves(schema, ()))
    elsewhere = stated_elsewhere(leaves)
    if elsewhere is None or any((name,) in leaves for name in HOLDERS):
        return None
    for path, kind in leaves.items():
        field = _BY_PATH.get(path)
        if field is None:
            continue
        if not (pa.types.is_null(kind) or _READABLE[field.kind](kind)):
            return None
        seen[path] = kind
    return layout_of(seen, unused_columns(schema), elsewhere) if seen else None


def flat_text_layout(names: Iterable[str], sample: Sequence[Mapping[str, str]]) -> FlatLayout | None:
    """The layout of a table of texts; None when a known column can only be read record by record."""
    seen: dict[Path, pa.DataType] = {}
    names = list(names)
    elsewhere = stated_elsewhere((name,) for name in names)
    if elsewhere is None or not HOLDERS.isdisjoint(names):
        return None
    for name in names:
        field = _BY_PATH.get((name,))
        if field is None:
            continue
        values = [record[name] for record in sample if name in record]
        kind = _time_type(values) if field.kind is FieldKind.TIME else _AS_TEXT.get(field.kind)
        if kind is None:
            return None
        seen[(name,)] = kind
    return layout_of(seen, ((name,) for name in names if is_unused(name)), elsewhere) if seen else None


_AS_TEXT: dict[FieldKind, pa.DataType] = {
    FieldKind.COUNT: pa.int64(),
    FieldKind.INTEGER: pa.int64(),
    FieldKind.COST: pa.float64(),
    FieldKind.FLAG: pa.bool_(),
    FieldKind.TEXT: pa.string(),
    FieldKind.STATUS: pa.string(),
    FieldKind.TAGS: pa.string(),
    FieldKind.FORMAT: pa.string(),
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


_READABLE: dict[FieldKind, Callable[[pa.DataType], bool]] = {
    FieldKind.TIME: lambda kind: bool(pa.types.is_timestamp(kind) or pa.types.is_int64(kind)),
    FieldKind.COUNT: _is_count,
    FieldKind.INTEGER: _is_count,
    FieldKind.FLAG: lambda kind: bool(pa.types.is_boolean(kind)),
    FieldKind.COST: lambda kind: bool(pa.types.is_floating(kind)),
    FieldKind.TEXT: _is_text_or_number,
    FieldKind.STATUS: _is_text_or_number,
    FieldKind.MESSAGES: lambda kind: bool(kind == _MESSAGES),
    FieldKind.TAGS: lambda kind: (
        _is_text(kind) or bool(pa.types.is_list(kind) and pa.types.is_string(kind.value_type))
    ),
    FieldKind.FORMAT: _is_text,
    FieldKind.LIST: lambda kind: bool(pa.types.is_list(kind)),
}
"""Whether a Parquet column of a type holds such a value for every row alike."""


def _nested(types: Mapping[Path, pa.DataType]) -> list[pa.Field]:
    roots: dict[str, dict[Path, pa.DataType]] = {}
    for path, kind in types.items():
        roots.setdefault(path[0], {})[path[1:]] = kind
    return [
        pa.field(root, inner[()] if () in inner else pa.struct(_nested(inner)))
        for root, inner in roots.items()
    ]


_READ_AS: dict[tuple[FieldKind, type], pa.DataType] = {
    (FieldKind.FLAG, bool): pa.bool_(),
    (FieldKind.COUNT, int): pa.int64(),
    (FieldKind.INTEGER, int): pa.int64(),
    (FieldKind.TIME, int): pa.int64(),
    (FieldKind.TIME, float): pa.float64(),
    (FieldKind.TIME, str): pa.timestamp("us", tz="UTC"),
    (FieldKind.COST, int): pa.float64(),
    (FieldKind.COST, float): pa.float64(),
    (FieldKind.TEXT, str): pa.string(),
    (FieldKind.TEXT, int): pa.int64(),
    (FieldKind.STATUS, str): pa.string(),
    (FieldKind.STATUS, int): pa.int64(),
    (FieldKind.FORMAT, str): pa.string(),
    (FieldKind.TAGS, str): pa.string(),
    (FieldKind.TAGS, list): pa.list_(pa.string()),
    (FieldKind.MESSAGES, list): _MESSAGES,
    (FieldKind.LIST, list): pa.list_(pa.struct([])),
}
"""The Arrow type that a sampled JSON value is read as; a pair that is missing only `flat.calls` can read."""


def _type_of(value: Any, kind: FieldKind) -> pa.DataType | None:
    if isinstance(value, list) and not all(_plain_entry(entry, kind) for entry in value):
        return None
    return _READ_AS.get((kind, type(value)))


def _plain_entry(entry: Any, kind: FieldKind) -> bool:
    if kind is FieldKind.MESSAGES:
        return _plain_message(entry)
    return isinstance(entry, str if kind is FieldKind.TAGS else dict)


def _plain_message(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("role"), str)
        and isinstance(value.get("content"), (str, type(None)))
    )
