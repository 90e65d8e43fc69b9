"""64-bit hashes of whole text columns: the same on every run and machine. They find candidates, no more.

A text is hashed eight bytes at a time: a word is taken in with XOR, a product and a shift. Texts take their
nth words together, all of them in one step, until only a few long ones are left. Those go on one by one:
a step over a column has its price however few take part, and a text of a megabyte has 131,072 words.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Hashes = npt.NDArray[np.uint64]
_Bytes = npt.NDArray[np.uint8]
_Ints = npt.NDArray[np.int64]

_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(29)
_BITS: Final = 2**64 - 1

_FEW: Final = 16
"""Texts that go on one by one: measured, a step over a column costs as much as 20 in plain Python."""

_PART: Final = 1 << 16
"""Bytes of a text that are Python integers at a time."""


def hash_texts(array: pa.Array, salt: np.uint64) -> Hashes:
    """64-bit hashes of UTF-8 strings without nulls, in time linear in their bytes."""
    count = len(array)
    if count == 0:
        return np.zeros(0, np.uint64)
    starts, lengths, padded = _layout(array)
    hashes = lengths.astype(np.uint64) * _MIX + salt
    if count > _FEW and lengths.min() == lengths.max():
        _take_in_equally_long(hashes, padded, int(lengths[0]))
    else:
        shortest_first = _order(lengths)
        by_length = hashes[shortest_first]
        _take_in(by_length, padded, starts[shortest_first], lengths[shortest_first])
        hashes[shortest_first] = by_length
    hashes ^= hashes >> np.uint64(32)
    return hashes


def mixed(hashes: Hashes, word: Hashes) -> Hashes:
    """Hashes with another word each taken in."""
    out = hashes ^ word
    out *= _MIX
    out ^= out >> _SHIFT
    return out


def _layout(array: pa.Array) -> tuple[_Ints, _Ints, _Bytes]:
    """Where each text starts, how many bytes it has, and all bytes with a word of zeros behind them."""
    _, offsets_buffer, data = array.buffers()
    kind = np.int64 if pa.types.is_large_string(array.type) else np.int32
    offsets = np.frombuffer(offsets_buffer, kind)[array.offset : array.offset + len(array) + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    padded = np.zeros(last - first + 8, np.uint8)
    if data is not None:
        padded[: last - first] = np.frombuffer(data, np.uint8)[first:last]
    return offsets[:-1].astype(np.int64) - first, np.diff(offsets).astype(np.int64), padded


def _order(lengths: _Ints) -> npt.NDArray[np.intp]:
    """The shortest first; numpy sorts numbers of 16 bits in linear time."""
    narrow = lengths if lengths.max() > np.iinfo(np.uint16).max else lengths.astype(np.uint16)
    return np.argsort(narrow, kind="stable")


def _take_in(hashes: Hashes, padded: _Bytes, starts: _Ints, lengths: _Ints) -> None:
    """Take in the words of texts that are sorted by length."""
    windows = np.ndarray((len(padded) - 7,), "<u8", padded.data, strides=(1,))
    places = np.arange(0, int(lengths[-_FEW - 1]) if len(lengths) > _FEW else 0, 8)
    longer = np.searchsorted(lengths, places, "right").tolist()
    whole = np.searchsorted(lengths, places + 8, "left").tolist()
    for place, begin, full in zip(places.tolist(), longer, whole, strict=True):
        word = windows[starts[begin:] + place]
        if full > begin:
            unused = (place + 8 - lengths[begin:full]).astype(np.uint64) * np.uint64(8)
            word[: full - begin] &= np.uint64(_BITS) >> unused
        hashes[begin:] = mixed(hashes[begin:], word)
    for row in range(max(0, len(lengths) - _FEW), len(lengths)):
        rest = padded[starts[row] + 8 * len(places) : starts[row] + lengths[row]]
        hashes[row] = _with_words(int(hashes[row]), rest)


def _take_in_equally_long(hashes: Hashes, padded: _Bytes, length: int) -> None:
    """What `_take_in` does, for texts of one length, which ids mostly have, without gathering."""
    for place in range(0, length, 8):
        word = np.ndarray((len(hashes),), "<u8", padded.data, offset=place, strides=(length,))
        if length - place < 8:
            word = word & np.uint64(2 ** (8 * (length - place)) - 1)
        hashes[:] = mixed(hashes, word)


def _with_words(value: int, data: _Bytes) -> int:
    """A hash with the words of one text taken in, in plain Python."""
    mix, shift = int(_MIX), int(_SHIFT)
    for start in range(0, len(data), _PART):
        part = data[start : start + _PART].tobytes()
        for word in np.frombuffer(part.ljust(-(-len(part) // 8) * 8, b"\0"), "<u8").tolist():
            value = (value ^ word) * mix & _BITS
            value ^= value >> shift
    return value
