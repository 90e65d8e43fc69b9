"""What the types of the reports have in common: they are the JSON contract, and quick to define.

A command defines all parts of its report before it does anything. pydantic, which writes their JSON Schema,
takes longer for that than a small log takes to audit: see `costaudit.contracts`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from costaudit.money import exact

Usd = Decimal
"""Dollars, written exactly."""


SCHEMA: Final = {"schema_": "schema"}
"""How the name of a contract is written in its JSON."""


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a report: an object of its JSON, with the keys in this order."""


class StatedRate(Decimal):
    """A price as its table states it: written with the digits that it has."""


class PricedLine(Part, frozen=True, kw_only=True, rename={"class_": "class"}):
    """The cost of one class of tokens, or of units of counted tools."""

    class_: str
    tokens: int
    usd_per_mtok: StatedRate
    """USD per 1M tokens, or per unit."""
    usd: Usd
    rate_id: str


class LogRead(Part, frozen=True, kw_only=True):
    """How much of a log was read."""

    files: int
    records: int
    requests: int
    duplicates: int
    skipped: int


class Interval(Part, frozen=True, kw_only=True):
    """A figure with its 95 % interval; an end is null where there is too little to tell."""

    point: float
    low: float | None
    high: float | None


def stated_empty() -> list[Any]:
    """An empty list that the JSON Schema states as the default."""
    return []


def plain_of(part: Part) -> dict[str, Any]:
    """A part as JSON has it: amounts as exact decimal strings, keys as they are written."""
    return {
        key: value if type(value) in _AS_IT_IS else _loosely(value) if is_loose else _plain(value)
        for name, key, is_loose in _keys(type(part))
        for value in [getattr(part, name)]
    }


@functools.cache
def _keys(kind: type[Part]) -> tuple[tuple[str, str, bool], ...]:
    """The fields of a part, as they are written, and whether they are loose."""
    loose = _loose(kind)
    names = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    return tuple((name, key, name in loose) for name, key in names)


def _loose(kind: type[Part]) -> frozenset[str]:
    """Fields that hold whatever a finding has to say: their numbers are written as they stand."""
    hints: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        hints |= inspect.get_annotations(base)
    return frozenset(name for name, hint in hints.items() if "Any" in str(hint))


_AS_IT_IS: Final = frozenset({str, int, float, bool, type(None)})


def _plain(value: Any) -> Any:
    if type(value) in _AS_IT_IS:
        return value
    if isinstance(value, Part):
        return plain_of(value)
    if isinstance(value, Decimal):
        return f"{value:f}" if type(value) is StatedRate else exact(value)
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, Mapping) else value


def _loosely(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_loosely(one) for one in value]
    return {key: _loosely(one) for key, one in value.items()} if isinstance(value, Mapping) else value
