"""Lean lines: one object each, with nothing but scalars under names of the flat record.

No format but the flat one has marks that such a record could show, so that whole stretches of files are read
at once without asking each record, or each file, for its format. Whatever is not lean, or not certain, is
left to those who look at single files.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Final

import msgspec
import pyarrow as pa

from costaudit.ingest.adapters.flat_columns import flat_batch
from costaudit.ingest.adapters.flat_fields import FLAT_FIELDS, KEYS
from costaudit.ingest.adapters.flat_layout import flat_layout
from costaudit.ingest.detect import SAMPLE
from costaudit.ingest.json_columns import ColumnReader
from costaudit.ingest.json_keys import KnownKeys

_SCALARS: Final = (str, int, float, bool, type(None))
_KNOWN_KEYS: Final = KnownKeys(KEYS)

NAMES: Final = frozenset(path[0] for field in FLAT_FIELDS for path in field.paths if len(path) == 1)
"""What a lean line may call its values: names that no other format asks for alone."""

_TEXT_OF_JSON: Final = re.compile(rb'"(?:[ \t]|\\[a-z])*(?:[\[{]|\\u)')
"""A text that may hold a value of its own, which some formats look into."""


def begins_lean(data: bytes) -> bool:
    """Whether the first line is a lean one: a quick look, before more is done."""
    return _is_lean(data[: data.find(b"\n")] if b"\n" in data else data)


def _is_lean(line: bytes) -> bool:
    record = _decoded(line)
    return record is not None and all(
        key in NAMES and isinstance(value, _SCALARS) for key, value in record.items()
    )


def _decoded(line: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def lean_batch(data: bytes) -> pa.RecordBatch | None:
    """The calls of lines, one each; None unless all are lean, and each a call without any doubt.

    The text ends with a newline.
    """
    keys = _KNOWN_KEYS.found_in(data)
    if keys is None or _TEXT_OF_JSON.search(data):
        return None
    sample = [_decoded(line) for line in islice(data.split(b"\n", SAMPLE), min(SAMPLE, data.count(b"\n")))]
    records = [record for record in sample if record is not None]
    layout = flat_layout(records, keys.known & NAMES) if len(records) == len(sample) else None
    if layout is None or any(pa.types.is_nested(column.type) for column in layout.schema):
        return None
    columns = ColumnReader(layout.schema).read_exactly(data)
    flat = None if columns is None else flat_batch(columns.table, layout)
    return None if flat is None or len(flat.doubtful) else flat.batch
