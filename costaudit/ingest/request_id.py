"""An id for every request, also where the log has none: short, the same on every run, no text of the log."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import numpy as np
import pyarrow as pa

from costaudit.ingest.canonical import completed

OWN_ID: Final = "_id"
"""The column for the ids of calls without one, where texts are gone."""

_OWN: Final = ("call_id", "response_id", "attempt")
PREFIX: Final = "r_"
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
    nameless = _values(nameless_ids(batch))
    names = set(batch.schema.names)
    columns = [_values(batch.column(n)) if n in names else [None] * batch.num_rows for n in _OWN]
    failed = (
        [s == "error" for s in _values(batch.column("status"))]
        if "status" in names
        else [False] * batch.num_rows
    )
    named = (_digest(own) for own in zip(*columns, failed, strict=True))
    return [own if ident is None else ident for own, ident in zip(named, nameless, strict=True)]


def nameless_ids(batch: pa.RecordBatch) -> pa.Array:
    """The ids of the calls for which the log has none, null for the others.

    They are made of all that the log says of a call, texts included: a batch whose texts are gone has them in
    a column of their own.
    """
    names = set(batch.schema.names)
    if OWN_ID in names:
        return batch.column(OWN_ID)
    named = np.zeros(batch.num_rows, bool)
    for name in ("call_id", "response_id"):
        if name in names:
            named |= np.asarray(batch.column(name).is_valid(), dtype=bool)
    ids: list[str | None] = [None] * batch.num_rows
    nameless = np.flatnonzero(~named)
    if nameless.size:
        whole = completed(batch.take(pa.array(nameless)))
        rows = zip(*(_values(whole.column(name)) for name in whole.schema.names), strict=True)
        for place, row in zip(nameless.tolist(), rows, strict=True):
            ids[place] = _digest(row)
    return pa.array(ids, pa.string())


def _values(column: pa.Array) -> list[Any]:
    return list((column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist())


def _digest(values: tuple[Any, ...]) -> str:
    return PREFIX + hashlib.blake2b(json.dumps(values).encode(), digest_size=8).hexdigest()
