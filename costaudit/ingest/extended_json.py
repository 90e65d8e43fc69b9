"""MongoDB's Extended JSON, as mongoexport and drivers write it: numbers, times and ids with their types.

`{"$numberLong": "12"}` is 12, `{"$date": …}` a time, `{"$oid": …}` an id. The canonical and
the relaxed form are those of MongoDB's documentation, "MongoDB Extended JSON (v2)".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from costaudit.ingest.format import Record

DEPTH: Final = 20
"""Levels of a record that are looked into."""


def _number(value: Any) -> Any:
    """A number in a text; any other value as it is."""
    try:
        return int(value)
    except (TypeError, ValueError):
        pass
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


_TYPES: Final[dict[str, Callable[[Any], Any]]] = {
    "$numberInt": _number,
    "$numberLong": _number,
    "$numberDouble": _number,
    "$numberDecimal": lambda value: value,
    "$date": lambda value: value,
    "$oid": lambda value: value,
    "$uuid": lambda value: value,
}


def plain_types(record: Record) -> Record:
    """A record without types, where it has any: its id, or another value of it, is an object with a `$`."""
    if any(type(value) is dict and _is_typed(value) for value in record.values()):
        return {key: _plain(value, DEPTH) for key, value in record.items()}
    return record


def _is_typed(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)) in _TYPES


def _plain(value: Any, depth: int) -> Any:
    if depth == 0:
        return value
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in value]
    if type(value) is not dict:
        return value
    if _is_typed(value):
        name, held = next(iter(value.items()))
        return _TYPES[name](_plain(held, depth - 1))
    return {key: _plain(item, depth - 1) for key, item in value.items()}
