"""Rows grouped by several keys at once, each given as small integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]

_SMALL: Final = 1 << 16
"""A table of so many numbers costs nothing, however few rows there are."""


def group_rows(
    keys: Mapping[str, tuple[npt.NDArray[np.integer], int, int]],
) -> tuple[dict[str, npt.NDArray[np.int32]], npt.NDArray[np.intp], int]:
    """Group rows by keys given as (codes, lowest, highest).

    Returns the distinct combinations (one array per key), the group of every row, and their number.
    """
    rows = len(next(iter(keys.values()))[0])
    few = max(4 * rows, _SMALL)
    combined, span = np.zeros(rows, np.int64), 1
    for codes, low, high in keys.values():
        width = high - low + 1
        if width == 1:
            continue
        here: npt.NDArray[np.integer] = codes - low if low else codes
        if width > few:
            width, here = _counted(here.astype(np.int64), width)
        if span * width > few:  # numbers of combinations that occur: there are never more than rows
            span, combined = _counted(combined, span)
        if span * width > few:
            width, here = _counted(here.astype(np.int64), width)
        combined = combined * width + here
        span *= width
    size, group = _counted(combined, span)
    first = np.empty(size, np.intp)
    first[group[::-1]] = np.arange(rows - 1, -1, -1)
    return {name: codes[first].astype(np.int32) for name, (codes, _, _) in keys.items()}, group, size


def _counted(numbers: Ints, span: int) -> tuple[int, npt.NDArray[np.intp]]:
    """How many of the numbers from 0 below `span` occur, and which of those each one is."""
    if span <= max(4 * len(numbers), _SMALL):
        seen = np.bincount(numbers, minlength=span) > 0
        return int(np.count_nonzero(seen)), (np.cumsum(seen, dtype=np.int64) - 1)[numbers]
    encoded = pa.array(numbers).dictionary_encode()
    return len(encoded.dictionary), encoded.indices.to_numpy().astype(np.intp)
