"""Which keys of a flat record nobody reads, though they speak of what is billed.

A key that flat records know is known wherever it stands. Looked at are the record's own keys and those of the
objects that hold counts (`usage`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from costaudit.ingest.adapters.flat_fields import FLAT_FIELDS, Kind
from costaudit.ingest.format import Record
from costaudit.ingest.unused import unused_numbers

KNOWN: Final = frozenset(path[-1] for field in FLAT_FIELDS for path in field.paths)
"""Keys of values that flat records may state."""

HOLDERS: Final = tuple(
    dict.fromkeys(
        path[0]
        for field in FLAT_FIELDS
        if field.kind in {Kind.COUNT, Kind.COST}
        for path in field.paths
        if len(path) > 1
    )
)
"""Keys of the objects that hold counts."""


def unused_in_record(record: Record) -> dict[str, Decimal] | None:
    """The unused numbers of one record by their paths; None where there is none."""
    shallow = {k: v for k, v in record.items() if k in HOLDERS or not isinstance(v, Mapping)}
    return unused_numbers(shallow, KNOWN)
