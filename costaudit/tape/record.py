"""What the tape keeps of a batch of calls: names and numbers as they are, ids and texts as hashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.ingest.hashes import Hashes, hash_texts, mixed
from costaudit.ingest.long_names import with_short_names
from costaudit.ingest.request_id import OWN_ID, nameless_ids
from costaudit.tiers.columns import TEXTS
from costaudit.tiers.tagger import Tagger

_SALT: Final = np.uint64(0x5AE3)
"""The same for every id: a parent id is found among the ids of others."""

_OF_TRACE: Final = np.uint64(0xD1B54A32D192ED03)
_OF_SPAN: Final = np.uint64(0x8CB92BA72F3D8DD7)

HASHED: Final = {
    "call_id": "call_hash", "response_id": "response_hash", "parent_id": "parent_hash",
    "session": "session_hash",
}  # fmt: skip
"""Ids of the log, and the columns of their hashes."""

SPANS: Final = {"span_trace": "trace_hash", "span_id": "span_hash", "span_parent": "around_hash"}
"""The same of the ids that say where a span stands in its trace; the column `span_kind` stays as it is."""
SPAN_KIND: Final = "span_kind"
ONE_SPAN: Final = "one_span"
"""The column for the hash of the span that stands for several of one call."""

FILE, LINE = "_file", "_line"
"""Columns that say where a request stands: the file as the user named it, line or row counted from 1."""


COPIES: Final = {"copy_of": "copy_hash"}
"""The same of the record that a record may repeat: see `copied`."""

_AS_HASHES: Final = HASHED | SPANS | COPIES


class Keeps(msgspec.Struct, frozen=True):
    """What a tape keeps beside what every tape does, because the user asked for it."""

    ids: bool = False
    """The ids of the log, and those of `request_ids`."""
    texts: bool = False
    """Prompts and system texts."""
    scores: bool = True
    """What texts say of the tier: this takes longer than all else, and not every question needs it."""


def recorded(batch: pa.RecordBatch, tagger: Tagger, keeps: Keeps) -> pa.RecordBatch:
    """A canonical batch as the tape keeps it: see `HASHED` and `costaudit.tiers.traits`."""
    batch = with_short_names(batch)
    kept: dict[str, pa.Array] = {}
    read_as_words = {name for name in HASHED if keeps.ids or name in tagger.word_columns}
    kept |= {name: batch.column(name) for name in batch.schema.names if name in read_as_words}
    if keeps.ids:
        kept[OWN_ID] = nameless_ids(batch)
    if keeps.texts:
        kept |= {name: batch.column(name) for name in TEXTS if name in batch.schema.names}
    read = tagger.read(batch, scored=keeps.scores)
    columns = {name: read.column(name) for name in read.schema.names if name not in _AS_HASHES}
    for name, hashed in _AS_HASHES.items():
        if name in batch.schema.names and batch.column(name).null_count < batch.num_rows:
            columns[hashed] = hashed_column(batch.column(name))
    columns |= kept
    if not columns:
        columns = {"status": pa.nulls(batch.num_rows, pa.string())}  # a batch needs one to have a length
    return pa.RecordBatch.from_pydict(columns)


def hashed_column(column: pa.Array) -> pa.Array:
    """The hashes of texts, null where there is none. Equal texts have equal hashes in every column."""
    if pa.types.is_dictionary(column.type):
        return hashed_column(column.dictionary).take(column.indices)
    if not column.null_count:
        return pa.array(hash_texts(column, _SALT))
    there = np.asarray(column.is_valid(), dtype=bool)
    hashes = np.zeros(len(column), np.uint64)
    hashes[there] = hash_texts(column.drop_null(), _SALT)
    return pa.array(hashes, mask=~there)


def hashes_of(idents: Iterable[str]) -> list[int]:
    """The hashes of ids, as in the hashed columns."""
    return [int(value) for value in hash_texts(pa.array(list(idents), pa.string()), _SALT)]


def hashes_in(batch: pa.RecordBatch, name: str) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """A column of hashes with 0 for null, and where it holds one."""
    index = batch.schema.get_field_index(name)
    if index < 0:
        return np.zeros(batch.num_rows, np.uint64), np.zeros(batch.num_rows, bool)
    column = batch.column(index)
    there = np.asarray(column.is_valid(), dtype=bool)
    filled = column.fill_null(0) if column.null_count else column
    return np.asarray(filled.to_numpy(zero_copy_only=False), np.uint64), there


def span_keys(trace: Hashes, span: Hashes) -> Hashes:
    """The hashes of spans: each is known by its trace and its own id.

    Both are mixed on their own first: ids that count up have hashes of which XOR would make equal ones.
    """
    size = len(trace)
    return mixed(mixed(trace, np.full(size, _OF_TRACE)), mixed(span, np.full(size, _OF_SPAN)))


def spans_in(batch: pa.RecordBatch) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """By what records are one span, or one call that is several spans (see `nesting`); and which are any."""
    one, joined = hashes_in(batch, ONE_SPAN)
    span, there = hashes_in(batch, SPANS["span_id"])
    own = span_keys(hashes_in(batch, SPANS["span_trace"])[0], span)
    return np.where(joined, one, own), joined | there


def placed(batch: pa.RecordBatch, files: Sequence[str], file: Any, lines: Any) -> pa.RecordBatch:
    """The batch with where each row stands: `file` is an index into `files` for every row."""
    kind = np.int8 if len(files) < 128 else np.int32
    names = pa.DictionaryArray.from_arrays(pa.array(np.asarray(file, kind)), pa.array(files, pa.string()))
    batch = batch.append_column(FILE, names)
    return batch.append_column(LINE, pa.array(np.asarray(lines, np.int64)))
