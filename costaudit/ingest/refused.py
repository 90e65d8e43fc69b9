"""Calls that were refused before a model ran: what a log counts for them is in no bill.

Gateways write the tokens of a prompt beside the error that answered it. A provider that says that a key is
wrong (401), a right is missing (403), a name is unknown (404), there were too many requests (429) or it is
overloaded (529) has run nothing, and bills nothing. Azure may bill a request that it refused as bad (400,
its content filter) or too slow (408; its pricing FAQ): of these nobody knows, and the record is partial.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.ingest.quality import lowered, with_quality
from costaudit.schema import COUNTS, TOKEN_CLASSES, Quality, Status

CODES: Final = frozenset({
    "401", "403", "404", "429", "529", "authentication_error", "permission_error", "not_found_error",
    "rate_limit_error", "rate_limit_exceeded", "rate_limited", "overloaded_error", "insufficient_quota",
    "invalid_api_key", "model_not_found", "too_many_requests",
})  # fmt: skip
"""Errors of requests that were not let in, as status codes and in the words of OpenAI and Anthropic."""

AZURE: Final = "azure"
MAYBE_BILLED: Final = frozenset({"400", "408", "content_filter"})
"""Errors that Azure may bill."""

Mask = npt.NDArray[np.bool_]


class Refused(msgspec.Struct):
    """What was counted for calls that were refused."""

    requests: int = 0
    tokens: int = 0

    def add(self, other: Refused) -> None:
        """Take in what other records have."""
        self.requests += other.requests
        self.tokens += other.tokens


def without_refused(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Refused]:
    """A canonical batch in which refused calls have no tokens, and what they had."""
    status, codes = _words(batch, "status"), _words(batch, "error_code")
    if status is None or codes is None:
        return batch, Refused()
    failed = _is_in(status, {Status.ERROR.value})
    if not failed.any():
        return batch, Refused()
    tokens = sum((_numbers(batch, name) for name in TOKEN_CLASSES), np.zeros(batch.num_rows, np.int64))
    silent = failed & (tokens > 0)
    for name in TOKEN_CLASSES:
        if name.startswith("output"):
            silent &= _numbers(batch, name) == 0
    refused = silent & _is_in(codes, CODES)
    provider = _words(batch, "provider")
    unsure = silent & _is_in(codes, MAYBE_BILLED)
    unsure &= np.zeros_like(unsure) if provider is None else _is_in(provider, {AZURE})
    if refused.any():
        for name in COUNTS:
            if batch.schema.get_field_index(name) >= 0:
                counts = np.where(refused, 0, _numbers(batch, name))
                batch = _with(batch, name, pa.array(counts, batch.schema.field(name).type))
    if refused.any() or unsure.any():
        batch = with_quality(lowered(batch, unsure), refused, Quality.NONE)
    return batch, Refused(int(refused.sum()), int(tokens[refused].sum()))


def _with(batch: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    index = batch.schema.get_field_index(name)
    field = pa.field(name, column.type)
    return batch.append_column(field, column) if index < 0 else batch.set_column(index, field, column)


def _words(batch: pa.RecordBatch, name: str) -> pa.Array | None:
    index = batch.schema.get_field_index(name)
    return None if index < 0 else batch.column(index)


def _is_in(words: pa.Array, wanted: frozenset[str] | set[str]) -> Mask:
    """Rows with one of some words, asked of each word once where they are a dictionary."""
    if pa.types.is_dictionary(words.type):
        held = np.append(np.asarray(pc.is_in(words.dictionary, pa.array(sorted(wanted)))), False)
        return np.asarray(held[np.asarray(words.indices.fill_null(len(held) - 1))], bool)
    return np.asarray(pc.is_in(words, pa.array(sorted(wanted), words.type)), bool)


def _numbers(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.int64]:
    index = batch.schema.get_field_index(name)
    if index < 0:
        return np.zeros(batch.num_rows, np.int64)
    return np.asarray(batch.column(index).fill_null(0), np.int64)
