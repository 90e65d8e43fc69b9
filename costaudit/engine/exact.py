"""Integer arithmetic that never wraps: 64-bit where the result is proved to fit, Python's elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
LIMIT = 2**62
"""Results proved to stay below this are computed in 64 bits."""


def weighted_sum(
    counts: Sequence[Ints], rates: Sequence[Ints | int], most: Sequence[int] | None = None
) -> npt.NDArray[Any]:
    """Sum over i of counts[i] × rates[i], row by row, exactly. All values must be 0 or more.

    `most` holds the largest value of each of `counts`, for a caller who knows it already. The result has
    dtype int64 where every row is proved to fit, else object (Python integers).
    """
    if not counts:
        raise ValueError("nothing to add")
    most = [largest(c) for c in counts] if most is None else most
    bound = sum(m * largest(r) for m, r in zip(most, rates, strict=True))
    if bound < LIMIT:
        total = np.asarray(counts[0] * rates[0], dtype=np.int64)
        for c, r in zip(counts[1:], rates[1:], strict=True):
            total += c * r
        return total
    exact = np.zeros(len(counts[0]), dtype=object)
    for c, r in zip(counts, rates, strict=True):
        exact += c.astype(object) * (r.astype(object) if isinstance(r, np.ndarray) else int(r))
    return exact


def largest(values: Ints | int) -> int:
    """The largest of some numbers of 0 or more, or the number itself."""
    if isinstance(values, np.ndarray):
        return int(values.max(initial=0))
    return int(values)


_HALF: Final = 31
_FEW: Final = 2**21
"""Fewer than so many halves of 64-bit integers add up to less than 2^53."""


def sum_by(group: npt.NDArray[np.intp], groups: int, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Sums of integer `values` per group number, exactly; int64 where proved to fit, else object."""
    if values.dtype == object:
        try:
            return sum_by(group, groups, values.astype(np.int64)).astype(object)
        except OverflowError:  # some do not fit
            pass
    else:
        low, high = int(values.min(initial=0)), int(values.max(initial=0))
        bound = max(high, -low) * max(len(values), 1)
        if bound < 2**53:  # a float holds every partial sum exactly
            return np.bincount(group, weights=values, minlength=groups).astype(np.int64)
        if len(values) < _FEW:
            upper, lower = (
                np.bincount(group, weights=half, minlength=groups).astype(np.int64)
                for half in (values >> _HALF, values & (2**_HALF - 1))
            )
            wide = upper if bound < LIMIT else upper.astype(object)
            return np.asarray(wide * 2**_HALF + lower)
    total: list[int] = [0] * groups
    for number, value in zip(group.tolist(), values.tolist(), strict=True):
        total[number] += value
    return np.array(total, dtype=object)


def exact_total(values: Ints, where: npt.NDArray[np.bool_] | None = None) -> int:
    """The sum of 64-bit integers, of some places or of all, whether 64 bits hold it or not."""
    chosen = values if where is None else values[where]
    return (int((chosen >> _HALF).sum()) << _HALF) + int((chosen & (2**_HALF - 1)).sum())


def exact_totals(values: Ints, starts: npt.NDArray[np.intp]) -> list[int]:
    """The same of stretches that begin at `starts`."""
    halves = values >> _HALF, values & (2**_HALF - 1)
    upper, lower = (np.add.reduceat(half, starts).tolist() for half in halves)
    return [(above << _HALF) + below for above, below in zip(upper, lower, strict=True)]
