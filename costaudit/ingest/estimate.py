"""Token counts estimated from text, for calls whose tokens nobody counted: only when it is asked for.

The estimator is named in every report that it has part in. It counts a token per four bytes of UTF-8: a
letter of English is one byte, a Chinese character three. `benchmarks/estimator.py` measures it on recorded
calls of known usage; BAND is what came out.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.schema import CANONICAL, Quality, Status

ESTIMATOR: Final = "bytes/4"
"""Name and formula: UTF-8 bytes of the text, divided by four and rounded up."""

BAND: Final = (4, 18)
"""Tenths of the estimate between which the true count lay for eight calls of ten (see docs/estimates.md)."""

_BYTES_PER_TOKEN: Final = 4


def with_estimates(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The canonical batch with estimated counts where usage is missing and the text is known.

    A call that ended well without usage gets both sides. A call whose output is a placeholder gets its
    output where the text says more than the count. Either becomes quality `estimated`; all other calls
    stay as they are.
    """
    if "answered_bytes" not in batch.schema.names:
        return batch
    answered, asked = _bytes(batch, "answered_bytes"), _bytes(batch, "asked_bytes")
    quality, status = _words(batch, "quality", Quality.EXACT), _words(batch, "status", Status.OK)
    uncounted = (quality == Quality.NONE) & (status == Status.OK) & (answered >= 0) & (asked >= 0)
    output = _counts(batch, "output")
    short = (quality == Quality.PARTIAL) & (tokens_of_bytes(answered) > output)
    if not (uncounted | short).any():
        return batch
    columns = {
        "input": np.where(uncounted, tokens_of_bytes(asked), _counts(batch, "input")),
        "output": np.where(uncounted | short, tokens_of_bytes(answered), output),
        "quality": np.where(uncounted | short, Quality.ESTIMATED.value, quality),
    }
    return _replaced(batch, columns)


def tokens_of_bytes(size: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Estimated tokens of texts of some size; 0 where the size is unknown (-1)."""
    return -(-np.maximum(size, 0) // _BYTES_PER_TOKEN)


def _bytes(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.int64]:
    if name not in batch.schema.names:
        return np.full(batch.num_rows, -1, np.int64)
    return _numbers(batch.column(name), -1)


def _counts(batch: pa.RecordBatch, name: str) -> npt.NDArray[np.int64]:
    if name not in batch.schema.names:
        return np.zeros(batch.num_rows, np.int64)
    return _numbers(batch.column(name), 0)


def _numbers(column: Any, absent: int) -> npt.NDArray[np.int64]:
    return np.asarray(pc.fill_null(column, absent).to_numpy(zero_copy_only=False), np.int64)


def _words(batch: pa.RecordBatch, name: str, default: str) -> npt.NDArray[Any]:
    if name not in batch.schema.names:
        return np.full(batch.num_rows, str(default), object)
    column = batch.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    words: npt.NDArray[Any] = pc.fill_null(column, str(default)).to_numpy(zero_copy_only=False)
    return words


def _replaced(batch: pa.RecordBatch, columns: dict[str, npt.NDArray[Any]]) -> pa.RecordBatch:
    arrays = {name: batch.column(name) for name in batch.schema.names}
    arrays |= {name: pa.array(values, CANONICAL.field(name).type) for name, values in columns.items()}
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))
