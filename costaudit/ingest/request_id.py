"""An id for every request, also where the log has none: short, the same on every run, no text of the log."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import numpy as np
import pyarrow as pa

from costaudit.ingest.canonical import completed

_OWN: Final = ("call_id", "response_id", "attempt")
_PREFIX: Final = "r_"
"""Begins with a letter: a spreadsheet would read digits alone, or digits with an e, as a number."""


def request_ids(batch: pa.RecordBatch) -> list[str]:
    """The id of every call of a canonical batch.

    It is made of the log's own ids and the attempt, and of all that is known of the call where the log has no
    id. Calls that are equal in everything share one. It does not tell what it is made of.

    >>> from costaudit.ingest.canonical import batch_of
    >>> from costaudit.schema import Call
    >>> request_ids(batch_of([Call(call_id="a"), Call(call_id="b"), Call(call_id="a")]))
    ['r_2d77fb6742efe9ca', 'r_14ff2492399c54a7', 'r_2d77fb6742efe9ca']
    """
    names = set(batch.schema.names)
    columns = [_values(batch, name) if name in names else [None] * batch.num_rows for name in _OWN]
    failed = (
        [s == "error" for s in _values(batch, "status")] if "status" in names else [False] * batch.num_rows
    )
    ids = [_digest(own) for own in zip(*columns, failed, strict=True)]
    nameless = np.flatnonzero([a is None and b is None for a, b in zip(columns[0], columns[1], strict=True)])
    if nameless.size:
        whole = completed(batch.take(pa.array(nameless)))
        rows = zip(*(_values(whole, name) for name in whole.schema.names), strict=True)
        for place, row in zip(nameless.tolist(), rows, strict=True):
            ids[place] = _digest(row)
    return ids


def _values(batch: pa.RecordBatch, name: str) -> list[Any]:
    column = batch.column(name)
    return list((column.cast(pa.int64()) if name == "ts" else column).to_pylist())


def _digest(values: tuple[Any, ...]) -> str:
    return _PREFIX + hashlib.blake2b(json.dumps(values).encode(), digest_size=8).hexdigest()
