"""Hashes of all that a call says of itself, texts and ids as their hashes."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from costaudit.ingest.hashes import Hashes, hash_texts, mixed
from costaudit.ingest.request_id import OWN_ID, PREFIX
from costaudit.schema import COUNTS, Status
from costaudit.tape.columns import Batch
from costaudit.tape.record import HASHED, hashes_in
from costaudit.tape.segment import FLAGS, WORDS, Segment
from costaudit.tiers.traits import PROMPT, SYSTEM

_NUMBERS: Final = (
    "ts", *COUNTS, *FLAGS, "attempt", "tier_tag", "turns", "max_tokens", "latency_ms", "asked_bytes",
    "answered_bytes", "longest_prompt", "reported_picousd", *HASHED.values(),
)  # fmt: skip
_WORDS: Final = (*WORDS, "user")


def with_ids(segment: Segment) -> Segment:
    """Calls with an id for each in OWN_ID, as `request_ids` gives them where a log has no ids.

    They are made of what a log's own ids were hashed to, and of all that is known of a call without them.
    """
    batch = segment.batch()
    calls = Batch(batch)
    call, has_call = hashes_in(batch, "call_hash")
    response, has_response = hashes_in(batch, "response_hash")
    attempt = calls.counts("attempt")
    trial = np.zeros(calls.rows, np.int64) if attempt is None else 2 * attempt
    trial = trial + calls.words("status", Status.OK).among(Status.ERROR)
    named = mixed(mixed(call, response), trial.astype(np.uint64))
    nameless = hashes_of_calls(calls)
    for name in (PROMPT, SYSTEM):
        nameless = mixed(nameless, hashes_in(batch, name)[0])
    idents = np.where(has_call | has_response, named, nameless)
    return segment.with_column(OWN_ID, pa.array([f"{PREFIX}{ident:016x}" for ident in idents.tolist()]))


def hashes_of_calls(calls: Batch) -> Hashes:
    """A hash of all that a call says of itself, texts aside."""
    hashes = np.zeros(calls.rows, np.uint64)
    for name in _NUMBERS:
        column = calls.column(name)
        if column is not None:
            hashes = mixed(hashes, _hashed_numbers(column))
    for name in _WORDS:
        column = calls.column(name)
        if column is not None:
            hashes = mixed(hashes, _hashed_words(column))
    return hashes


def _hashed_numbers(column: pa.Array) -> npt.NDArray[np.uint64]:
    if pa.types.is_unsigned_integer(column.type):
        return np.asarray(column.fill_null(0).to_numpy(zero_copy_only=False), np.uint64)
    values = column.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return np.asarray(values, np.int64).view(np.uint64)


def _hashed_words(column: pa.Array) -> npt.NDArray[np.uint64]:
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    words = encoded.dictionary.fill_null("")
    table = np.append(hash_texts(words, np.uint64(3)), np.uint64(0))
    codes = encoded.indices.cast(pa.int64()).fill_null(len(words)).to_numpy(zero_copy_only=False)
    return np.asarray(table[codes], np.uint64)
