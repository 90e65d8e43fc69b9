"""How far the counts of whole batches can be trusted, where that is known after they were settled."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from costaudit.schema import Quality

Mask = npt.NDArray[np.bool_]

_WHOLE: Final = pa.array([Quality.EXACT.value, Quality.AMBIGUOUS.value, Quality.GUESSED.value])
"""Qualities of counts of which nothing is missing."""


def lowered(batch: pa.RecordBatch, partial: Mask) -> pa.RecordBatch:
    """A canonical batch in which some rows are partial, unless less than that is known of them."""
    return with_quality(batch, partial, Quality.PARTIAL, among=_WHOLE) if partial.any() else batch


def with_quality(
    batch: pa.RecordBatch, where: Mask, quality: Quality, among: pa.Array | None = None
) -> pa.RecordBatch:
    """A canonical batch in which some rows have a quality, of them those with one `among` some if given."""
    index = batch.schema.get_field_index("quality")
    known = (
        pa.repeat(Quality.EXACT.value, batch.num_rows) if index < 0 else batch.column(index).cast(pa.string())
    )
    rows = pa.array(where)
    if among is not None:
        rows = pc.and_(rows, pc.is_in(known, among))
    column = pc.if_else(rows, quality.value, known).dictionary_encode()
    field = pa.field("quality", column.type)
    return batch.append_column(field, column) if index < 0 else batch.set_column(index, field, column)
