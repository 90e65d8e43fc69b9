"""64-bit hashes of whole text columns: the same on every run and machine. They find candidates, no more."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]

_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def hash_texts(array: pa.Array, salt: np.uint64) -> Hashes:
    """64-bit hashes of UTF-8 strings without nulls, eight bytes at a time over the whole column."""
    _, offsets_buffer, data_buffer = array.buffers()
    kind = np.int64 if pa.types.is_large_string(array.type) else np.int32
    count = len(array)
    if count == 0:
        return np.zeros(0, np.uint64)
    offsets = np.frombuffer(offsets_buffer, kind)[array.offset : array.offset + count + 1].astype(np.int64)
    starts, lengths = offsets[:-1], np.diff(offsets)
    raw = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.zeros(0, np.uint8)
    first, last = int(offsets[0]), int(offsets[-1])
    padded = np.zeros(last - first + 8, np.uint8)
    padded[: last - first] = raw[first:last]
    shortest, longest = int(lengths.min()), int(lengths.max())
    if shortest == longest:
        return _hash_equally_long(padded, count, longest, salt)
    windows = np.ndarray((len(padded) - 7,), "<u8", padded.data, strides=(1,))
    hashes = lengths.astype(np.uint64) * _MIX + salt
    for place in range(0, longest, 8):
        everyone = shortest > place
        rows = slice(None) if everyone else np.flatnonzero(lengths > place)
        word = windows[starts[rows] - first + place]
        rest = lengths[rows] - place
        if int(rest.min()) < 8:
            keep = np.minimum(rest, 8).astype(np.uint64) * np.uint64(8)
            word = word & (~np.uint64(0) >> (np.uint64(64) - keep))
        hashes[rows] = mixed(hashes[rows], word)
    hashes ^= hashes >> np.uint64(32)
    return hashes


def _hash_equally_long(padded: npt.NDArray[np.uint8], count: int, length: int, salt: np.uint64) -> Hashes:
    """What `hash_texts` gives for strings of one length, which ids mostly have, without gathering."""
    hashes = np.full(count, length, np.uint64) * _MIX + salt
    for place in range(0, length, 8):
        word = np.ndarray((count,), "<u8", padded.data, offset=place, strides=(length,))
        if length - place < 8:
            word = word & np.uint64(2 ** (8 * (length - place)) - 1)
        hashes = mixed(hashes, word)
    hashes ^= hashes >> np.uint64(32)
    return hashes


def mixed(hashes: Hashes, word: Hashes) -> Hashes:
    """Hashes with another word each taken in."""
    out = hashes ^ word
    out *= _MIX
    out ^= out >> np.uint64(29)
    return out
