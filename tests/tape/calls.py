"""Calls merged as a tape merges them, and read back as calls."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import pyarrow as pa

from costaudit.ingest.canonical import batch_of, calls_of
from costaudit.schema import Call
from costaudit.tape.merge import merge
from costaudit.tape.record import Keeps, recorded
from costaudit.tiers.rules import load_rules
from costaudit.tiers.tagger import Tagger


@cache
def tagger() -> Tagger:
    return Tagger(load_rules())


def record_of(calls: Iterable[Call]) -> pa.RecordBatch:
    """Calls as a tape records them, with their ids and texts."""
    return recorded(batch_of(list(calls)), tagger(), Keeps(ids=True, texts=True))


def merge_calls(calls: Iterable[Call]) -> list[Call]:
    """One call for each distinct one, sorted by content: what several records say of it is put together."""
    return sorted(calls_of(merge(record_of(calls)).batch), key=str)
