"""Which keys of a record make which fields of its calls: found by taking each away and by changing it.

A format reads a record in its own way, through decoded strings and fallbacks; so the only exact answer is
to try. A key is used when some change of its value changes what is read. The work is bounded by counting,
never by the clock: the same record gives the same answer on every machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from costaudit.ingest.format import Record, Skip
from costaudit.ingest.paths import decode, step_text
from costaudit.schema import FIELDS, Call

WORK: Final = 1_000_000
"""Values that are looked at in all readings of one record together, about: more are not examined."""

ENDS: Final = 20
"""Items at either end of a list that are examined."""

DEPTH: Final = 50
"""Levels that are examined; what lies deeper counts as one value."""

Keys = tuple[str | int, ...]

_GONE: Final = object()


@dataclass(slots=True)
class KeyTrace:
    """What each key of a record was good for."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    """By field of a call, the keys that it depends on."""
    unused: dict[str, str] = field(default_factory=dict)
    """Keys that made no difference, with the JSON type of their value."""
    unexamined: int = 0
    """Values that were not tried, in records that are too large."""


def trace_record(record: Record, read: Callable[[Record], list[Call]]) -> KeyTrace:
    """Try every value of a record; `read` raises Skip for a record that it cannot read.

    A key inside a list is told once for all items. Fields are those of the first call.
    """
    trace = KeyTrace()
    before = _read(read, record)
    leaves = list(_leaves(record, (), {}))
    size = _size(record)
    affordable = max(WORK // max(size, 300), 100)
    used: set[str] = set()
    seen: dict[str, str] = {}
    for keys, value in leaves:
        name = key_text(record, keys)
        tries = [_GONE, *_others(value)]
        if affordable < len(tries):
            trace.unexamined += 1
            continue
        affordable -= len(tries)
        changed: dict[str, None] = {}
        for other in tries:
            after = _read(read, _with(record, keys, other))
            if after != before:
                used.add(name)
                changed |= dict.fromkeys(_differences(before, after))
        for column in changed:
            names = trace.fields.setdefault(column, [])
            if name not in names:
                names.append(name)
        seen.setdefault(name, json_type(value))
    trace.unexamined += max(size - len(leaves), 0)
    trace.unused = {name: kind for name, kind in seen.items() if name not in used}
    return trace


def key_text(record: Record, keys: Keys) -> str:
    """The path of a value, with [] for the items of a list. An attribute of OTLP is named by its key."""
    text = ""
    value: Any = record
    for key in keys:
        value = decode(value, {}) if isinstance(value, str) else value
        if isinstance(key, int):
            value = value[key]
            label = _attribute(value)
            if label is not None:
                return f"{text}[{label}]"
            text += "[]"
        else:
            value = value[key]
            text += ("." if text else "") + step_text(key)
    return text


def _attribute(item: Any) -> str | None:
    """The key of an OTLP attribute: `{"key": …, "value": {"stringValue": …}}`."""
    if not isinstance(item, Mapping) or item.keys() != {"key", "value"}:
        return None
    key, value = item["key"], item["value"]
    typed = isinstance(value, Mapping) and len(value) == 1 and str(*value).endswith("Value")
    return key if typed and isinstance(key, str) else None


def json_type(value: Any) -> str:
    """The type of a value, as JSON calls it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float, Decimal)):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Mapping):
        return "object"
    return "list" if isinstance(value, (list, tuple)) else type(value).__name__


def _read(read: Callable[[Record], list[Call]], record: Record) -> list[Call] | None:
    try:
        return read(record)
    except Skip:
        return None


def _differences(before: list[Call] | None, after: list[Call] | None) -> Iterator[str]:
    """Fields of the first call that differ; none where one of the readings found no call."""
    if before and after and len(before) == len(after):
        for name in FIELDS:
            if getattr(before[0], name) != getattr(after[0], name):
                yield name


def leaves_of(record: Record) -> Iterator[tuple[Keys, Any]]:
    """Every value that holds no other, with the keys that lead to it, also inside JSON in a string."""
    return _leaves(record, (), {})


def _leaves(value: Any, keys: Keys, decoded: dict[str, Any]) -> Iterator[tuple[Keys, Any]]:
    inner = decode(value, decoded) if isinstance(value, str) else value
    if len(keys) == DEPTH:
        yield keys, value
    elif isinstance(inner, Mapping) and inner:
        for key, part in inner.items():
            if isinstance(key, str):
                yield from _leaves(part, (*keys, key), decoded)
    elif isinstance(inner, list) and inner and not isinstance(inner[0], tuple):
        places = range(len(inner))
        for place in places if len(places) <= 2 * ENDS else (*places[:ENDS], *places[-ENDS:]):
            yield from _leaves(inner[place], (*keys, place), decoded)
    else:
        yield keys, value


def _size(value: Any) -> int:
    """Values that hold no other."""
    count, open_ = 0, [value]
    while open_:
        part = open_.pop()
        if isinstance(part, str):
            part = decode(part, {})
        if isinstance(part, Mapping) and part:
            open_ += part.values()
        elif isinstance(part, list) and part and not isinstance(part[0], tuple):
            open_ += part
        else:
            count += 1
    return count


def _with(value: Any, keys: Keys, other: Any) -> Any:
    """A copy of a value in which the value at `keys` is another, or gone."""
    if isinstance(value, str):
        return json.dumps(_with(decode(value, {}), keys, other))
    key, rest = keys[0], keys[1:]
    if isinstance(value, Mapping):
        if not rest and other is _GONE:
            return {k: v for k, v in value.items() if k != key}
        return {k: (_with(v, rest, other) if rest else other) if k == key else v for k, v in value.items()}
    if not rest and other is _GONE:
        other = None  # taking an item out would move the others
    return [(_with(v, rest, other) if rest else other) if n == key else v for n, v in enumerate(value)]


_WORDS: Final = ("error", "1", "2", "true", "2019-08-17T00:00:00Z")
"""Texts of which at least one means something else than what is there, in whatever way it is read."""


def _others(value: Any) -> list[Any]:
    """Values to put in place of one: of its kind, and of kinds that formats look for."""
    if isinstance(value, bool):
        others: list[Any] = [not value]
    elif isinstance(value, (int, float, Decimal)):
        others = [value + 1, 0, 429]
    elif isinstance(value, str):
        others = [value + "~", *(word for word in _WORDS if word != value)]
    elif isinstance(value, datetime):
        others = [value - timedelta(days=1)]
    elif value is None:
        others = ["error", 1, True]
    else:
        others = [["a"]] if isinstance(value, (list, tuple)) else [{"a": "b"}]
    return others
