"""Quantiles of Student's t for whole degrees of freedom."""

from __future__ import annotations

import functools
import math


@functools.cache
def t_quantile(probability: float, freedom: int) -> float:
    """The t below which a share of the distribution lies; beyond 1,000 degrees that of the normal.

    >>> round(t_quantile(0.975, 6), 3), round(t_quantile(0.975, 13), 3)
    (2.447, 2.16)
    """
    if not 0 < probability < 1 or freedom < 1:
        raise ValueError("a probability between 0 and 1, and at least one degree of freedom")
    if freedom > 1000:
        from statistics import NormalDist  # noqa: PLC0415 - start-up

        return NormalDist().inv_cdf(probability)
    if probability < 0.5:
        return -t_quantile(1 - probability, freedom)
    low, high = 0.0, 1.0
    while _central(high, freedom) < 2 * probability - 1:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        if _central(middle, freedom) < 2 * probability - 1:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _central(t: float, freedom: int) -> float:
    """The share between -t and t (Abramowitz & Stegun 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    cos2 = math.cos(angle) ** 2
    odd = freedom % 2
    term, total = (math.cos(angle) if odd else 1.0), 0.0
    for step in range(1 + odd, freedom, 2):
        total += term
        term *= cos2 * step / (step + 1)
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
