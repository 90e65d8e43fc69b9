"""A log format that a user describes: each record is rewritten as a flat record and read as one.

So every rule for flat records holds here too: what an impossible count is, how a total decides between
readings, which words mean an error. `costaudit.ingest.mapping` makes a `FormatMapping` from settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Final

from costaudit.ingest.adapters import flat
from costaudit.ingest.adapters.flat_fields import (
    BY_TARGET,
    EVIDENCE_TARGETS,
    FLAT_FIELDS,
    MODEL_TARGETS,
    FieldKind,
)
from costaudit.ingest.fields import START_US
from costaudit.ingest.format import Adapter, Record, Skip
from costaudit.ingest.paths import Path, decode, follow
from costaudit.schema import Call
from costaudit.stated import Includes
from costaudit.times import END_US

UNITS: Final[Mapping[FieldKind, Mapping[str, Decimal]]] = {
    FieldKind.COST: {
        "usd": Decimal(1),
        "cents": Decimal("1e-2"),
        "milli_usd": Decimal("1e-3"),
        "micro_usd": Decimal("1e-6"),
        "nano_usd": Decimal("1e-9"),
    },
    FieldKind.COUNT: {"tokens": Decimal(1), "thousand": Decimal(1000)},
    FieldKind.TIME: {"s": Decimal(10**6), "ms": Decimal(1000), "us": Decimal(1), "ns": Decimal("1e-3")},
    FieldKind.INTEGER: {"s": Decimal(1000), "ms": Decimal(1), "us": Decimal("1e-3"), "ns": Decimal("1e-6")},
}
"""What a number in a unit is times, to be in USD, tokens, microseconds since 1970, or milliseconds."""

_OUTSIDE: Final = ("cache_read_outside", "write_outside")
"""Targets that are another field with another meaning: said by `input_includes_cache` here."""

TARGETS: Final[Mapping[str, str]] = {
    name: f.target for f in FLAT_FIELDS if f.target not in _OUTSIDE for name in f.names if "." not in name
}
"""The fields that a mapping may fill, with the target of a flat record that each is."""

_STRUCTURED: Final = (FieldKind.MESSAGES, FieldKind.LIST, FieldKind.TAGS, FieldKind.FORMAT)
_COUNTS: Final = tuple(
    f.target for f in FLAT_FIELDS if f.kind is FieldKind.COUNT and f.target != "web_searches"
)

WITH_UNIT: Final = ("cost", "ts", "latency_ms", *_COUNTS)
"""Targets of flat records whose unit can be stated."""

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class FieldSource:
    """Where the value of one field comes from."""

    paths: tuple[Path, ...] = ()
    """The first at which a value stands that is neither null nor empty is taken."""
    value: Scalar | None = None
    """Taken where no path has a value."""
    factor: Decimal | None = None
    """From UNITS; None for the unit that the field has by itself."""
    words: Mapping[str, Scalar] = field(default_factory=dict)
    """Values by the text of what the record says; others stay as they are."""


@dataclass(frozen=True, slots=True)
class RecordMark:
    """What makes a record one of this format: a value at a path, or one of some values."""

    path: Path
    values: tuple[Scalar, ...] = ()
    """Empty: any value that is not null."""


@dataclass(frozen=True, slots=True)
class FormatMapping:
    """A log format, as a project's settings describe it."""

    name: str
    title: str
    fields: Mapping[str, FieldSource]
    """By target of a flat record."""
    when: tuple[RecordMark, ...] = ()
    """All must hold. Empty: the model and a token count (or time, cost …) must be there."""
    each: Path | None = None
    """A list in the record of which each item is a call."""
    input_includes_cache: bool | None = None
    """None: as for flat records, with the record's own total having the last word."""
    output_includes_reasoning: bool | None = None


def mapped_adapter(mapping: FormatMapping) -> Adapter:
    """The adapter that reads the format."""
    evidence = evidence_of(mapping.fields)
    return Adapter(
        name=mapping.name,
        title=mapping.title,
        matches=partial(_matches, mapping, evidence),
        calls=partial(_calls, mapping, evidence),
        needs=_needs(mapping, evidence),
        told=repr(mapping),
        counts=_count_keys(mapping),
    )


def _count_keys(mapping: FormatMapping) -> frozenset[str]:
    """The last keys on the way to what is mapped to counts."""
    sources = (mapping.fields[target] for target in _COUNTS if target in mapping.fields)
    return frozenset(path.steps[-1][0] for source in sources for path in source.paths if path.steps)


def _needs(mapping: FormatMapping, evidence: Sequence[str]) -> tuple[str, ...]:
    """The paths by which a record is recognised, the first of each field's."""
    if mapping.when:
        return tuple(condition.path.text for condition in mapping.when)
    model = next(t for t in MODEL_TARGETS if t in mapping.fields)
    paths = [source.paths[0] for t in (model, *evidence) if (source := mapping.fields[t]).paths]
    if mapping.each is None:
        return tuple(path.text for path in paths)
    return tuple(p.text if p.from_record else f"{mapping.each.text}.0.{p.text}" for p in paths)


def evidence_of(fields: Mapping[str, FieldSource]) -> tuple[str, ...]:
    """The mapped targets of which one must be there: token counts or, where none is mapped, others."""
    mapped = [t for t, source in fields.items() if source.paths]
    return tuple(t for t in mapped if t in _COUNTS) or tuple(t for t in mapped if t in EVIDENCE_TARGETS)


def _matches(mapping: FormatMapping, evidence: Sequence[str], record: Record) -> bool:
    decoded: dict[str, Any] = {}
    if mapping.when:
        return all(_holds(condition, record, decoded) for condition in mapping.when)
    return any(
        _is_call(mapping, evidence, item, record, decoded) for item in _items(mapping, record, decoded)
    )


def _holds(condition: RecordMark, record: Record, decoded: dict[str, Any]) -> bool:
    found = follow(record, condition.path.steps, decoded)
    if not condition.values:
        return found is not None
    return any(found == v and isinstance(found, bool) is isinstance(v, bool) for v in condition.values)


def _items(mapping: FormatMapping, record: Record, decoded: dict[str, Any]) -> Iterator[Record]:
    """What is a call by itself: the record, or the objects of its list."""
    if mapping.each is None:
        yield record
        return
    found = follow(record, mapping.each.steps, decoded)
    found = decode(found, decoded) if isinstance(found, str) else found
    for item in found if isinstance(found, list) else ():
        item = decode(item, decoded) if isinstance(item, str) else item  # noqa: PLW2901 - the same item, decoded
        if isinstance(item, Mapping):
            yield item


def _is_call(
    mapping: FormatMapping, evidence: Sequence[str], item: Record, record: Record, decoded: dict[str, Any]
) -> bool:
    def there(target: str) -> bool:
        source = mapping.fields.get(target)
        return source is not None and _found(source, item, record, decoded) is not None

    return any(map(there, MODEL_TARGETS)) and any(map(there, evidence))


def _calls(mapping: FormatMapping, evidence: Sequence[str], record: Record) -> list[Call]:
    decoded: dict[str, Any] = {}
    calls = [
        _call(mapping, item, record, decoded)
        for item in _items(mapping, record, decoded)
        if mapping.each is None or _is_call(mapping, evidence, item, record, decoded)
    ]
    _separate(calls)
    return calls


def _call(mapping: FormatMapping, item: Record, record: Record, decoded: dict[str, Any]) -> Call:
    told: dict[str, Any] = {}
    for target, source in mapping.fields.items():
        value = _value(target, source, item, record, decoded)
        if value is not None:
            told[BY_TARGET[target].names[0]] = value
    call = flat.call_of(told, _settled(mapping))
    if call.model is None:
        raise Skip("no_model", f"{mapping.name}: no model where the mapping says")
    return call


def _settled(mapping: FormatMapping) -> Includes:
    """What the mapping says of its counts: certain, so that no total overrules it."""
    cache, reasoning = mapping.input_includes_cache, mapping.output_includes_reasoning
    return Includes(
        cache=cache is not False,
        reasoning=reasoning is not False,
        cache_settled=cache is not None,
        reasoning_settled=reasoning is not None,
    )


def _found(source: FieldSource, item: Record, record: Record, decoded: dict[str, Any]) -> Any:
    for path in source.paths:
        value = follow(record if path.from_record else item, path.steps, decoded)
        if value is not None and value != "":
            return value
    return source.value


def _value(target: str, source: FieldSource, item: Record, record: Record, decoded: dict[str, Any]) -> Any:
    value = _found(source, item, record, decoded)
    if value is None:
        return None
    if source.words:
        value = source.words.get(_word(value), value)
    kind = BY_TARGET[target].kind
    if source.factor is not None:
        return _scaled(value, source.factor, kind)
    return decode(value, decoded) if kind in _STRUCTURED and isinstance(value, str) else value


def _word(value: Any) -> str:
    """A value as a key of a table of words: true and false as JSON writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float, Decimal)) else ""


def _scaled(value: Any, factor: Decimal, kind: FieldKind) -> Any:
    """A number in the unit of a flat record; what is no number stays as it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return value
    try:
        amount = Decimal(str(value).strip()) * factor
    except (ArithmeticError, ValueError):
        return value  # a time as text, or nothing that a flat record could read either
    if not amount.is_finite():
        return None
    if kind is FieldKind.TIME:  # a flat time in microseconds is told from other units by its size
        return int(amount) if START_US <= amount < END_US else None
    if kind is FieldKind.COUNT:
        return int(amount) if amount == amount.to_integral_value() else amount
    return amount if kind is FieldKind.COST else _milliseconds(amount)


def _milliseconds(amount: Decimal) -> int | None:
    return int(amount.to_integral_value()) if abs(amount) < 2**31 else None


def _separate(calls: Sequence[Call]) -> None:
    """Calls of one record that share an id of the record get numbers: they do not repeat each other."""
    for name in ("call_id", "response_id"):
        ids = [getattr(call, name) for call in calls]
        if len(set(ids) - {None}) < sum(i is not None for i in ids):
            for number, call in enumerate(calls, 1):
                if getattr(call, name) is not None:
                    setattr(call, name, f"{getattr(call, name)}#{number}")
