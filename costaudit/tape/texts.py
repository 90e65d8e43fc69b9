"""The texts of some requests of a tape, read again from the logs: a tape has none."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import numpy as np
import pyarrow as pa

from costaudit.errors import InputError
from costaudit.ingest.canonical import numbers_of
from costaudit.tape.merge import merge
from costaudit.tape.record import Keeps, placed, recorded
from costaudit.tape.tape import AT, Tape
from costaudit.tiers.columns import TEXTS
from costaudit.tiers.tagger import Tagger

_KEEPS: Final = Keeps(texts=True, scores=False)


def with_texts(batch: pa.RecordBatch, tape: Tape, tagger: Tagger) -> pa.RecordBatch:
    """Some requests of a reel with their prompts and system texts, where the log has any.

    What was read from the file of a tape has none. The tape must keep ids. Raises
    InputError where the logs have changed since they were read.
    """
    at = batch.column(AT).to_pylist()
    found = _records(tape, {code for codes in at for code in codes}, tagger)
    texts: dict[str, list[Any]] = {name: [] for name in TEXTS}
    for codes in at:
        records = _stacked([found[code] for code in codes])
        whole = merge(records).batch if len(codes) > 1 else records
        for name, values in texts.items():
            known = whole.column(name).to_pylist() if name in whole.schema.names else [None]
            values.append(next((value for value in known if value is not None), None))
    for name, values in texts.items():
        if name not in batch.schema.names and any(value is not None for value in values):
            batch = batch.append_column(name, pa.array(values, pa.string()))
    return batch


def _records(tape: Tape, codes: set[int], tagger: Tagger) -> dict[int, pa.RecordBatch]:
    """The records of some codes (see `AT`), each as a batch of one row."""
    wanted: dict[int, list[int]] = defaultdict(list)
    for code in sorted(codes):
        wanted[code >> 32].append(code & 0xFFFFFFFF)
    by_source: dict[int, dict[int, int]] = defaultdict(dict)
    found: dict[int, pa.RecordBatch] = {}
    for segment, rows in wanted.items():
        if segment in tape.origins:
            source, block = tape.origins[segment]
            by_source[source][block] = segment
        else:
            batch = tape.store.get(segment).take(np.array(rows)).batch()
            found |= {segment << 32 | row: batch.slice(place, 1) for place, row in enumerate(rows)}
    for number, blocks in by_source.items():
        reader = tape.readers[number]
        for block in reader.blocks(set(blocks)):
            segment = blocks.pop(block.index)
            parsed = reader.parse(block)
            if parsed.batch.num_rows != tape.recorded_rows[segment]:
                raise _changed(reader.name)
            rows = wanted[segment]
            batch = recorded(parsed.batch.take(pa.array(rows)), tagger, _KEEPS)
            batch = placed(batch, *reader.places(numbers_of(parsed.lines)[rows]))
            found |= {segment << 32 | row: batch.slice(place, 1) for place, row in enumerate(rows)}
        if blocks:
            raise _changed(reader.name)
    return found


def _changed(name: str) -> InputError:
    return InputError("the log has changed while it was read", path=name, hint="read a copy of it")


def _stacked(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    table = pa.concat_tables([pa.Table.from_batches([p]) for p in parts], promote_options="permissive")
    return table.unify_dictionaries().combine_chunks().to_batches()[0]
