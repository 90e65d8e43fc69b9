"""Calls merged as a tape merges them, and read back as calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import pyarrow as pa

from costaudit.ingest.canonical import batch_of, calls_of
from costaudit.schema import Call
from costaudit.tape.copied import RunCopies
from costaudit.tape.ids import RunIds, sorted_keys
from costaudit.tape.merge import merge
from costaudit.tape.record import Keeps, placed, recorded
from costaudit.tape.run_spans import RunSpans
from costaudit.tape.segment import Segment
from costaudit.tape.tape import Tape
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


def calls_of_run(parts: Sequence[Sequence[Call]], *, held: int = 1000, at_once: int = 1000) -> list[Call]:
    """The requests that the records of several blocks come to, sorted by content."""
    ids, spans, copies = RunIds(held, at_once), RunSpans(held, at_once), RunCopies()
    with Tape(keeps_ids=True) as tape:
        for part in parts:
            calls = [call for call in part if call.span is None or call.span.is_call]
            others = [call for call in part if call.span is not None and not call.span.is_call]
            if others:
                spans.add(record_of(others), -1)
            if calls:
                batch = placed(record_of(calls), ["log"], np.zeros(len(calls)), np.arange(1, len(calls) + 1))
                number = tape.add(Segment.of(batch), 0, 0)
                ids.add(number, sorted_keys(batch))
                spans.add(batch, number)
                copies.add(batch)
        tape.nest(spans, ids)
        tape.leave_out(copies, ids)
        tape.merge_repeated(*ids.repeated())
        ids.close()
        spans.close()
        found = [call for reel in tape.reels() for call in calls_of(reel.batch)]
        assert len(found) == tape.requests
        return sorted(found, key=str)
