"""Which keys of a flat record nobody reads, though they speak of what is billed.

A key that flat records know is known wherever it stands. Looked at are the record's own keys and those of the
objects that hold counts (`usage`). The same is found in a record, in lines and in the columns of a table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from costaudit.ingest.adapters.flat_fields import FLAT_FIELDS, HOLDERS, Path
from costaudit.ingest.format import Record
from costaudit.ingest.unused import (
    DEPTH,
    Mask,
    Unused,
    number_above_0,
    speaks,
    times,
    total_of,
    unused_numbers,
)  # fmt: skip

KNOWN: Final = frozenset(path[-1] for field in FLAT_FIELDS for path in field.paths)
"""Keys of values that flat records may state."""

_ANY: Final = re.compile("")
"""Of a flat record a known key is known in every object inside."""


def is_unused(key: str) -> bool:
    """Whether a number under this key is one that nobody reads."""
    return key not in KNOWN and speaks(key)


def is_unused_at(path: Path) -> bool:
    """Whether a number at this place in a record is one that nobody reads."""
    *above, key = path
    if above and (above[0] not in HOLDERS or len(above) > DEPTH or not KNOWN.isdisjoint(above)):
        return False
    return is_unused(key)


def unused_in_record(record: Record) -> dict[str, Decimal] | None:
    """The unused numbers of one record by their paths; None where there is none."""
    shallow = {k: v for k, v in record.items() if k in HOLDERS or not isinstance(v, Mapping)}
    return unused_numbers(shallow, KNOWN, opened=_ANY)


def unused_in_lines(lines: Iterable[bytes], keys: AbstractSet[str]) -> tuple[Unused, Mask]:
    """The unused numbers of lines that are objects, and which lines have some.

    No others than these keys are unused.
    """
    names = tuple(sorted(keys | HOLDERS))
    decoder, unused = _decoder(names), Unused()
    parts = [_decoded(decoder, line) for line in lines]
    met = np.zeros(len(parts), bool)
    for number, name in enumerate(names):
        values = [None if part is None else getattr(part, f"f{number}") for part in parts]
        if name in HOLDERS:
            for row, value in enumerate(values):
                if isinstance(value, Mapping):
                    found = unused_numbers({name: value}, KNOWN, opened=_ANY) or {}
                    unused.take(found)
                    met[row] |= bool(found)
        if is_unused(name):
            met |= _take_scalars(unused, name, values)
    return unused, met


def _take_scalars(unused: Unused, name: str, values: Sequence[Any]) -> Mask:
    """Count the numbers above 0 of one key, and say where they are."""
    scalars = [value if type(value) in _SCALARS else None for value in values]
    above = {}
    for value, records in Counter(scalars).items():
        number = number_above_0(value)
        if number is not None:
            unused.add(name, times(number, records), records)
            above[value] = True
    return np.fromiter((value in above for value in scalars), bool, len(scalars))


def take_texts(unused: Unused, name: str, texts: Mapping[bytes, int]) -> frozenset[bytes]:
    """Count the numbers of one name in JSON, each with how many records have it; those above 0."""
    values: dict[Any, tuple[Decimal, int]] = {}
    above = []
    for text, records in texts.items():
        value, number = (_number_in if len(text) < _SHORT else _number_in.__wrapped__)(text)
        if number is not None:
            first, held = values.get(value, (number, 0))
            values[value] = first, held + records
            above.append(text)
    if values:
        unused.add(name, total_of(values.values()), sum(records for _, records in values.values()))
    return frozenset(above)


_SHORT: Final = 64
"""Bytes of a value in JSON that is remembered."""


@lru_cache(maxsize=1 << 14)
def _number_in(text: bytes) -> tuple[Any, Decimal | None]:
    """A scalar in JSON, and the number above 0 that it is."""
    value = msgspec.json.decode(text)
    return (value, number_above_0(value)) if type(value) in _SCALARS else (None, None)


_SCALARS: Final = frozenset({int, float, str})


def _decoded(decoder: msgspec.json.Decoder[Any], line: bytes) -> Any:
    """What a line says under some keys; None for a line that Arrow reads and others do not."""
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


@lru_cache(maxsize=64)
def _decoder(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    fields = [(f"f{number}", Any, None) for number in range(len(names))]
    rename = {f"f{number}": name for number, name in enumerate(names)}
    return msgspec.json.Decoder(msgspec.defstruct("Line", fields, rename=rename))


def unused_columns(fields: Iterable[pa.Field], above: Path = ()) -> Iterator[Path]:
    """The paths of a table's columns that nobody reads, and that can hold numbers."""
    for field in fields:
        path = (*above, field.name)
        if pa.types.is_struct(field.type):
            if (above or field.name in HOLDERS) and len(path) <= DEPTH + 1 and field.name not in KNOWN:
                yield from unused_columns(field.type, path)
        elif _holds_numbers(field.type) and is_unused(field.name):
            yield path


def _holds_numbers(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(
        test(kind)
        for test in (
            pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_string,
            pa.types.is_large_string,
        )
    )  # fmt: skip
