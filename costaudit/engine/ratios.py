"""How many times its list cost a request says that it cost: a bucket per request, by integers alone.

The buckets are half a percent wide around the multiples of half a percent up to 2.5, so that 1, 1.055, 2,
0.5 and 0.05 each stand in the middle of one; beyond, they widen. A request that states its cost to few
digits is at list when list, rounded to these digits, can give what it states.
"""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

FINE: Final = 500
"""Buckets of half a percent: the ratios 0.005, 0.010 … 2.5."""

_BELOW: Final = (Fraction(0), Fraction(1, 10_000), Fraction(1, 1000))
_ABOVE: Final = tuple(
    Fraction(text)
    for text in ("3.5", "4.5", "5.5", "7.5", "9.5", "10.5", "15", "20", "50", "97.5", "102.5", "975", "1025")
)

EDGES: Final = (*_BELOW, *(Fraction(2 * step - 1, 400) for step in range(1, FINE + 2)), *_ABOVE)
"""Bucket i holds the ratios from EDGES[i] to below EDGES[i + 1]; the last one has no upper edge."""

AT_LIST: Final = len(_BELOW) - 1 + 200
"""The bucket around 1."""

NOTHING_REPORTED: Final = -1
"""Not a bucket: the request states that it cost 0."""
NOTHING_ON_LIST: Final = -2
"""Not a bucket: the request costs 0 by list, and states a cost."""

COARSEST_UNIT: Final = 10**8
"""Pico-dollars of the last digit of a cost that is taken for rounded: four decimals."""

_SMALL_COST: Final = 2**44
_SMALL_LIST: Final = 2**57
"""Below these ($17.59 in 1e-12, $144 in 1e-15 USD) no product of this module leaves 64 bits."""


def ratio_buckets(picousd: Ints, list_units: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The bucket of every request. Reported costs in 1e-12 USD and list costs in 1e-15 USD, all above 0."""
    small = np.asarray((picousd < _SMALL_COST) & (list_units < _SMALL_LIST), bool)
    if small.all():
        return _small_buckets(picousd, list_units.astype(np.int64, copy=False))
    bucket = np.empty(len(picousd), np.int64)
    bucket[small] = _small_buckets(picousd[small], list_units[small].astype(np.int64))
    large = np.flatnonzero(~small)
    bucket[large] = [bucket_of(int(picousd[row]), int(list_units[row])) for row in large.tolist()]
    return bucket


def bucket_of(picousd: int, list_units: int) -> int:
    """The bucket of one request, in Python's integers.

    >>> bucket_of(10**12, 10**15) == AT_LIST, EDGES[bucket_of(2 * 10**12, 10**15)]
    (True, Fraction(799, 400))
    """
    if _is_rounded_list(picousd, list_units):
        return AT_LIST
    return bisect_right(EDGES, Fraction(1000 * picousd, list_units)) - 1


def edge_text(bucket: int) -> str | None:
    """The lower edge of a bucket as a decimal number; None beyond the last.

    >>> edge_text(202), edge_text(0), edge_text(10**6)
    ('0.9975', '0', None)
    """
    if bucket >= len(EDGES):
        return None
    edge = EDGES[bucket]
    return f"{Decimal(edge.numerator) / Decimal(edge.denominator):f}"


def _is_rounded_list(picousd: int, list_units: int) -> bool:
    unit = 1
    while unit < COARSEST_UNIT and picousd % (10 * unit) == 0:
        unit *= 10
    return 2 * abs(1000 * picousd - list_units) < 1000 * unit


def _small_buckets(picousd: Ints, list_units: Ints) -> npt.NDArray[np.int64]:
    step = (400_000 * picousd + list_units) // (2 * list_units)  # the nearest half percent
    bucket = step + (len(_BELOW) - 1)
    low = np.flatnonzero(step == 0)
    bucket[low] = _wide(picousd[low], list_units[low], _BELOW[1:], 0)
    high = np.flatnonzero(step > FINE)
    bucket[high] = _wide(picousd[high], list_units[high], _ABOVE, len(_BELOW) + FINE)
    off = np.abs(1000 * picousd - list_units)
    doubtful = np.flatnonzero((bucket != AT_LIST) & (2 * off < 1000 * COARSEST_UNIT))
    unit = last_units(picousd[doubtful])
    bucket[doubtful[2 * off[doubtful] < 1000 * unit]] = AT_LIST
    return bucket


def _wide(picousd: Ints, list_units: Ints, edges: tuple[Fraction, ...], first: int) -> Ints:
    bucket = np.full(len(picousd), first, np.int64)
    for edge in edges if len(picousd) else ():
        bucket += 1000 * picousd * edge.denominator >= edge.numerator * list_units
    return bucket


def last_units(picousd: Ints) -> Ints:
    """The place value of the last digit that is not 0, in pico-dollars, at most COARSEST_UNIT."""
    unit = np.ones(len(picousd), np.int64)
    rest = np.arange(len(picousd))
    for power in range(1, len(str(COARSEST_UNIT))):
        rest = rest[picousd[rest] % 10**power == 0]
        unit[rest] = 10**power
    return unit
