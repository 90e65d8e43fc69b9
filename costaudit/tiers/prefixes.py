"""How far requests begin alike: hashes of the beginnings of all that was sent, without its text.

A beginning is hashed at the sizes of `SIZES`, as far as a text goes. Two requests with the same hash at a
place begin with the same bytes up to its size, so that a cache of prefixes could have served them.
"""

from __future__ import annotations

from bisect import bisect_right
from hashlib import blake2b
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SIZES: Final = tuple(quarters << octave for octave in range(8, 29) for quarters in (4, 5, 6, 7))
"""Bytes of UTF-8: four to every doubling, from 1 KiB. No provider caches less."""

_HASH_BYTES: Final = 8


def prefix_hashes(asked: pa.Array) -> pa.Array:
    """Lists of hashes (uint64) of the beginnings of texts, at `SIZES`; null where there is no text."""
    asked = asked.cast(pa.large_binary())
    lengths = sizes_of(asked).fill_null(0).to_numpy(zero_copy_only=False)
    hashes, counts = bytearray(), np.zeros(len(asked), np.int64)
    for row in np.flatnonzero(lengths >= SIZES[0]).tolist():
        counts[row] = _take_in(hashes, memoryview(asked[row].as_buffer()))
    offsets = pa.array(np.append(0, np.cumsum(counts)).astype(np.int32))
    values = pa.array(np.frombuffer(bytes(hashes), "<u8"))
    return pa.ListArray.from_arrays(offsets, values, mask=asked.is_null())


def sizes_of(texts: pa.Array) -> pa.Array:
    """Bytes of texts in UTF-8; null where there is none."""
    if pa.types.is_dictionary(texts.type):
        return sizes_of(texts.dictionary).take(texts.indices)
    return pc.binary_length(texts).cast(pa.int64())


def _take_in(hashes: bytearray, text: memoryview) -> int:
    """Append the hashes of the beginnings of a text; their number."""
    count, running, start = bisect_right(SIZES, len(text)), blake2b(digest_size=_HASH_BYTES), 0
    for size in SIZES[:count]:
        running.update(text[start:size])
        hashes += running.copy().digest()
        start = size
    return count
