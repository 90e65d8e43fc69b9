"""A test that may be looked at every day: the mixture sequential probability ratio test (mSPRT).

Johari, Koomen, Pekelis & Walsh, "Peeking at A/B tests" (KDD 2017) and "Always valid inference" (Operations
Research 2022): with a difference of shares d whose variance is V, and a normal mixture of width tau,
L = sqrt(V / (V + tau^2)) exp(tau^2 d^2 / (2 V (V + tau^2))). Stop when L exceeds 1 / alpha.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.stats.sizing import Design

Floats = npt.NDArray[np.float64]

RUNS: Final = 4000
"""Simulated tests behind every figure: its standard error is at most 0.8 points."""

SEED: Final = 20170813
LONGEST: Final = 365
"""Days that a simulated test goes on at most."""


def likelihood_ratio(difference: Floats, variance: Floats, tau: float) -> Floats:
    """L of the test; 1 where the variance is 0, because then nothing has been seen.

    >>> float(likelihood_ratio(np.array([0.0]), np.array([4e-4]), 0.02).round(4)[0])
    0.7071
    """
    safe = np.where(variance > 0, variance, 1.0)
    exponent = tau**2 * difference**2 / (2 * safe * (safe + tau**2))
    ratio = np.sqrt(safe / (safe + tau**2)) * np.exp(np.minimum(exponent, 700.0))
    return np.where(variance > 0, ratio, 1.0)


def boundary(variance: float, tau: float, alpha: float) -> float:
    """The difference from which on the test stops, at a variance of the difference.

    >>> round(boundary(4e-4, 0.02, 0.05), 4)
    0.0731
    """
    spread = variance + tau**2
    return math.sqrt(2 * variance * spread / tau**2 * (-math.log(alpha) + 0.5 * math.log(spread / variance)))


class Looks(msgspec.Struct, frozen=True):
    """What daily looks come to, over RUNS simulated tests."""

    days: int
    """Days after which a test ends undecided."""
    arm_per_day: int
    control_per_day: int
    tau: float
    type_i: float
    """Share of tests without a difference that the mSPRT stops."""
    peeked_type_i: float
    """The same for a test of fixed size that is read, and believed, every day."""
    found: float
    """Share of tests with the planned drop that the mSPRT stops."""
    mean_days: float | None
    """Days until it stops, of those that it stops; None when it stops none."""
    power_days: int | None
    """Days after which the planned power is reached; None when it is not within `days`."""
    boundaries: tuple[tuple[int, float], ...]
    """Day, and the observed difference of shares from which on the test stops that day."""


def simulate_looks(  # noqa: PLR0913 - a design, its traffic, and how it is simulated
    design: Design,
    arm_per_day: int,
    control_per_day: int,
    days: int,
    *,
    tau: float | None = None,
    runs: int = RUNS,
    seed: int = SEED,
) -> Looks:
    """Simulate a test with one look per day; tau is the planned drop unless given."""
    tau = design.drop if tau is None else tau
    days = max(1, min(days, LONGEST))
    rng = np.random.default_rng(seed)
    base, new = design.base_pass, design.base_pass - design.drop
    null = _walk(rng, (base, base), (arm_per_day, control_per_day), days, runs)
    drop = _walk(rng, (new, base), (arm_per_day, control_per_day), days, runs)
    limit = 1 / design.alpha
    critical = NormalDist().inv_cdf(1 - design.alpha / 2)
    stopped_null = (likelihood_ratio(*null, tau) > limit).any(axis=1)
    peeked = (np.abs(null[0]) > critical * np.sqrt(null[1])) & (null[1] > 0)
    crossed = likelihood_ratio(*drop, tau) > limit
    stopped = crossed.any(axis=1)
    when = np.where(stopped, crossed.argmax(axis=1) + 1, days + 1)
    by_day = [float((when <= day).mean()) for day in range(1, days + 1)]
    reached = next((day for day, share in enumerate(by_day, 1) if share >= design.power), None)
    marks = sorted({day for day in (1, 2, 3, 5, 7, 10, 14, 21, 30, 60, 90, 180, days) if day <= days})
    scale = base * (1 - base) * (1 / arm_per_day + 1 / control_per_day)
    return Looks(
        days=days,
        arm_per_day=arm_per_day,
        control_per_day=control_per_day,
        tau=tau,
        type_i=float(stopped_null.mean()),
        peeked_type_i=float(peeked.any(axis=1).mean()),
        found=float(stopped.mean()),
        mean_days=float(when[stopped].mean()) if stopped.any() else None,
        power_days=reached,
        boundaries=tuple((day, boundary(scale / day, tau, design.alpha)) for day in marks),
    )


def _walk(
    rng: np.random.Generator, shares: tuple[float, float], per_day: tuple[int, int], days: int, runs: int
) -> tuple[Floats, Floats]:
    """Observed difference and its pooled variance after every day, one row per test."""
    day = np.arange(1, days + 1)
    sizes = [day * n for n in per_day]
    passed = [
        np.cumsum(rng.binomial(n, p, (runs, days)), axis=1) for n, p in zip(per_day, shares, strict=True)
    ]
    pooled = (passed[0] + passed[1]) / (sizes[0] + sizes[1])
    variance = pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1])
    return passed[0] / sizes[0] - passed[1] / sizes[1], variance
