"""Intervals of shares, of their differences, and of quantiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

LEVEL = 0.95
"""Confidence of every interval."""

Z = 1.9599639845400536
"""What a standard normal figure is below with the chance of (1 + LEVEL) / 2."""


class Estimate(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval; the ends are None where there is too little to tell."""

    point: float
    low: float | None
    high: float | None

    def excludes(self, value: float) -> bool:
        """Whether the interval is known and does not hold the value."""
        return self.low is not None and self.high is not None and not self.low <= value <= self.high


def wilson(hits: int, of: int) -> Estimate | None:
    """A share by Wilson's score interval (1927); None without trials.

    >>> e = wilson(81, 263); round(e.low, 4), round(e.high, 4)
    (0.2553, 0.3662)
    """
    if of == 0:
        return None
    share = hits / of
    middle = (hits + Z * Z / 2) / (of + Z * Z)
    half = Z / (of + Z * Z) * math.sqrt(share * (1 - share) * of + Z * Z / 4)
    return Estimate(share, 0.0 if hits == 0 else middle - half, 1.0 if hits == of else middle + half)


def difference(of_b: Estimate, of_a: Estimate) -> Estimate:
    """B - a from the intervals of both, by squaring and adding (Newcombe 1998; Zou & Donner 2008).

    >>> d = difference(wilson(56, 70), wilson(48, 80)); round(d.low, 4), round(d.high, 4)
    (0.0524, 0.3339)
    """
    point = of_b.point - of_a.point
    if of_a.low is None or of_a.high is None or of_b.low is None or of_b.high is None:
        return Estimate(point, None, None)
    low = point - math.hypot(of_b.point - of_b.low, of_a.high - of_a.point)
    high = point + math.hypot(of_b.high - of_b.point, of_a.point - of_a.low)
    return Estimate(point, low, high)


def paired_difference(both: int, only_b: int, only_a: int, neither: int) -> Estimate | None:
    """B - a of shares over the same requests (Newcombe 1998, paired, method 10); None without pairs.

    >>> d = paired_difference(36, 12, 2, 0); round(d.point, 2), round(d.low, 4), round(d.high, 4)
    (0.2, 0.0569, 0.3404)
    """
    total = both + only_b + only_a + neither
    of_b, of_a = wilson(both + only_b, total), wilson(both + only_a, total)
    if of_a is None or of_b is None or of_a.low is None or of_b.low is None:
        return None
    if of_a.high is None or of_b.high is None:
        raise AssertionError("a share of some trials has an interval")
    product = (both + only_b) * (only_a + neither) * (both + only_a) * (only_b + neither)
    agreement = both * neither - only_b * only_a
    if agreement > 0:  # Newcombe's continuity correction of the correlation
        agreement = max(agreement - total / 2, 0)  # type: ignore[assignment]
    phi = agreement / math.sqrt(product) if product else 0.0
    point = (only_b - only_a) / total
    b_low, b_high = of_b.point - of_b.low, of_b.high - of_b.point
    a_low, a_high = of_a.point - of_a.low, of_a.high - of_a.point
    low = point - math.sqrt(max(b_low**2 - 2 * phi * b_low * a_high + a_high**2, 0))
    high = point + math.sqrt(max(b_high**2 - 2 * phi * b_high * a_low + a_low**2, 0))
    return Estimate(point, low, high)


def mcnemar(only_b: int, only_a: int) -> float:
    """Two-sided mid-p of McNemar's exact test (Fagerland, Lydersen & Laake 2013).

    >>> round(mcnemar(1, 7), 4), mcnemar(0, 0)
    (0.0391, 1.0)
    """
    total, least = only_a + only_b, min(only_a, only_b)
    if total == 0 or only_a == only_b:
        return 1.0
    if total > 1000:  # the mid-p and the normal agree to four digits
        from statistics import NormalDist  # noqa: PLC0415 - start-up

        return 2 * NormalDist().cdf(-abs(only_b - only_a) / math.sqrt(total))
    below = sum(math.comb(total, k) for k in range(least))
    at = math.comb(total, least)
    return float((2 * below + at) / 2**total)


def quantile(values: npt.NDArray[Any], share: float) -> Estimate | None:
    """A quantile of some integers, and the order statistics that enclose it; None without values.

    The ends are ranks of the binomial distribution, so no shape is assumed (David & Nagaraja 2003,
    section 7.1); an end is None where even the least or largest value is not far enough out.

    >>> e = quantile(np.arange(1, 101), 0.5); e.point, e.low, e.high
    (50.0, 40.0, 61.0)
    """
    count = len(values)
    if count == 0:
        return None
    ordered = np.sort(values)
    point = float(ordered[math.ceil(share * count) - 1])
    below, above = _ranks(count, share)
    return Estimate(
        point,
        float(ordered[below - 1]) if below >= 1 else None,
        float(ordered[above - 1]) if above <= count else None,
    )


def _ranks(count: int, share: float) -> tuple[int, int]:
    """Ranks, from 1, whose values enclose the quantile with at least LEVEL confidence."""
    tail = (1 - LEVEL) / 2
    if count > 100_000:  # a rank more or less: nothing
        half = Z * math.sqrt(count * share * (1 - share)) + 1
        return math.floor(count * share - half), math.ceil(count * share + half) + 1
    cumulative = np.cumsum(_binomial(count, share))
    # The k-th value is at most the quantile unless fewer than k values are: P(X < k) = cumulative[k - 1].
    below = int(np.searchsorted(cumulative, tail, side="right"))
    above = int(np.searchsorted(cumulative, 1 - tail, side="left")) + 1
    return below, above


def _binomial(count: int, share: float) -> npt.NDArray[np.float64]:
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count + 1)))])
    hits = np.arange(count + 1)
    chosen = logs[count] - logs - logs[::-1]
    return np.asarray(np.exp(chosen + hits * math.log(share) + (count - hits) * math.log1p(-share)))


def standardised(mean_a: float, mean_b: float, variance_a: float, variance_b: float) -> float:
    """B - a in standard deviations; above .1 in size two groups count as unbalanced (Austin 2009).

    >>> round(standardised(0.5, 0.6, 0.25, 0.24), 3)
    0.202
    """
    spread = math.sqrt((variance_a + variance_b) / 2)
    if spread == 0:
        return 0.0 if mean_a == mean_b else math.copysign(math.inf, mean_b - mean_a)
    return (mean_b - mean_a) / spread


def chance_of(observed_a: Sequence[int], observed_b: Sequence[int]) -> float:
    """How probable mixes as different as these are by chance: a chi-square test of two rows of counts.

    The tail is the approximation of Wilson & Hilferty (1931), good to a few thousandths.

    >>> round(chance_of([50, 50], [50, 50]), 3), chance_of([90, 10], [10, 90]) < 0.001
    (1.0, True)
    """
    pairs = [(a, b) for a, b in zip(observed_a, observed_b, strict=True) if a + b]
    total_a, total_b = sum(a for a, _ in pairs), sum(b for _, b in pairs)
    freedom = len(pairs) - 1
    if freedom < 1 or not total_a or not total_b:
        return 1.0
    chi2 = 0.0
    for a, b in pairs:
        for seen, of in ((a, total_a), (b, total_b)):
            expected = (a + b) * of / (total_a + total_b)
            chi2 += (seen - expected) ** 2 / expected
    if chi2 == 0:
        return 1.0
    middle = 2 / (9 * freedom)
    from statistics import NormalDist  # noqa: PLC0415 - start-up

    return 1 - NormalDist().cdf(((chi2 / freedom) ** (1 / 3) - (1 - middle)) / math.sqrt(middle))
