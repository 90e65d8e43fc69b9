"""Names without end, shortened before they are priced, judged, added up and shown.

A name is held as a key of the ledger, and shown several times in a report. So of one that no person has
given, its beginning is kept, with a hash that tells it from others that begin alike.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

MOST_CHARS: Final = 10_000
"""Characters of a name that are kept."""

_NAMES: Final = frozenset({
    "provider", "model", "model_requested", "gateway", "error_code", "service_tier", "region", "speed",
    "feature", "user", "user_tier", "response_format",
})  # fmt: skip
"""Columns that are names; ids stay whole, because calls are told apart by them."""


def with_short_names(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A canonical batch in which no name is longer than MOST_CHARS, but for the hash behind it."""
    for place, field in enumerate(batch.schema):
        if field.name in _NAMES:
            column = batch.column(place)
            coded = pa.types.is_dictionary(column.type)
            words = column.dictionary if coded else column
            if (pc.max(pc.binary_length(words)).as_py() or 0) > MOST_CHARS:
                short = pa.array([_shortened(word) for word in words.to_pylist()], words.type)
                column = pa.DictionaryArray.from_arrays(column.indices, short) if coded else short
                batch = batch.set_column(place, field, column)
    return batch


def _shortened(word: Any) -> Any:
    if word is None or len(word) <= MOST_CHARS:
        return word
    told_apart = hashlib.blake2b(word.encode(), digest_size=8).hexdigest()
    return f"{word[:MOST_CHARS]}… {told_apart}"
