"""Rows grouped by several keys at once, each given as small integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]

_MOST: Final = 2**62
"""So many combinations one 64-bit number tells apart with room to spare."""


def group_rows(
    keys: Mapping[str, tuple[npt.NDArray[np.integer], int, int]],
) -> tuple[dict[str, npt.NDArray[np.int32]], npt.NDArray[np.intp], int]:
    """Group rows by keys given as (codes, lowest, highest).

    Returns the distinct combinations (one array per key), the group of every row, and their number.
    """
    spans = {name: high - low + 1 for name, (_, low, high) in keys.items()}
    size = 1
    for span in spans.values():
        size *= span
    if size >= _MOST:
        return _group_wide(keys)
    rows = len(next(iter(keys.values()))[0])
    combined = np.zeros(rows, np.int64)
    for name, (codes, low, _) in keys.items():
        if spans[name] > 1:
            combined = combined * spans[name] + (codes - low if low else codes)
    distinct, group = factorise(combined, size)
    rest, out = distinct, {}
    for name in reversed(list(keys)):
        span, low = spans[name], keys[name][1]
        out[name] = (rest % span + low).astype(np.int32)
        rest = rest // span
    return {name: out[name] for name in keys}, group, len(distinct)


def factorise(combined: Ints, size: int) -> tuple[Ints, npt.NDArray[np.intp]]:
    """The distinct numbers, all from 0 below `size`, and which of them each one is."""
    if size <= max(4 * len(combined), 1 << 16):
        seen = np.bincount(combined, minlength=size) > 0
        distinct = np.flatnonzero(seen)
        number = np.empty(size, np.int64)
        number[distinct] = np.arange(len(distinct))
        return distinct.astype(np.int64), number[combined]
    encoded = pa.array(combined).dictionary_encode()
    return encoded.dictionary.to_numpy(), encoded.indices.to_numpy().astype(np.intp)


def _group_wide(
    keys: Mapping[str, tuple[npt.NDArray[np.integer], int, int]],
) -> tuple[dict[str, npt.NDArray[np.int32]], npt.NDArray[np.intp], int]:
    """Too many possible combinations for one 64-bit number: fold the keys one after the other."""
    names = list(keys)
    half = len(names) // 2
    left, left_group, left_size = group_rows({n: keys[n] for n in names[:half]})
    right, right_group, right_size = group_rows({n: keys[n] for n in names[half:]})
    distinct, group = factorise(
        left_group.astype(np.int64) * right_size + right_group, left_size * right_size
    )
    first, second = distinct // right_size, distinct % right_size
    merged = {n: c[first] for n, c in left.items()} | {n: c[second] for n, c in right.items()}
    return merged, group, len(distinct)
