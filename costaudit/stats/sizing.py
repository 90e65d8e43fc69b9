"""How many requests each arm of a test needs, and how many days that takes.

Shares are fractions: a pass rate of .93, a drop of .02, an arm of .1. Sizes are rounded up once. Requests
count as independent; a log whose days differ needs more.
"""

from __future__ import annotations

import math
from fractions import Fraction
from statistics import NormalDist
from typing import Final

import msgspec

from costaudit.errors import UsageError

WEEK: Final = 7
"""Days that a test lasts at least: traffic of a Monday is not that of a Sunday."""

_QUANTILE: Final = NormalDist().inv_cdf


class Design(msgspec.Struct, frozen=True):
    """What a test is to find out, and how surely."""

    base_pass: float
    """Share of requests that the current model answers well."""
    drop: float
    """The drop in that share which must not go unseen."""
    alpha: float = 0.05
    power: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.base_pass < 1:
            raise UsageError("the base pass rate must lie between 0 and 1", hint="like --base-pass 0.93")
        if not 0 < self.drop < self.base_pass:
            raise UsageError(
                "the drop must be more than 0 and less than the base pass rate",
                hint="in points, like --drop 2",
            )
        if not 0 < self.alpha < 0.5:
            raise UsageError("alpha must lie between 0 and 0.5", hint="like --alpha .05")
        if not self.alpha < self.power < 1:
            raise UsageError("power must lie between alpha and 1", hint="like --power .8")

    @property
    def two_sided(self) -> float:
        """Quantile of alpha/2 plus that of the power."""
        return _QUANTILE(1 - self.alpha / 2) + _QUANTILE(self.power)

    @property
    def one_sided(self) -> float:
        """Quantile of alpha plus that of the power."""
        return _QUANTILE(1 - self.alpha) + _QUANTILE(self.power)


class Sizes(msgspec.Struct, frozen=True):
    """Requests in the arm of the candidate and in that of the current model."""

    arm: int
    control: int


def size_proportions(design: Design, share: float = 0.5) -> Sizes:
    """Two independent arms, two-sided: n = (z_a/2 + z_b)^2 (p1q1/r + p2q2) / d^2, r control per test request.

    With equal arms this is the usual formula (Fleiss, Levin & Paik 2003, section 4.3, uncorrected).

    >>> size_proportions(Design(0.90, 0.02)).arm
    3839
    """
    new = design.base_pass - design.drop
    base_variance, new_variance = design.base_pass * (1 - design.base_pass), new * (1 - new)
    return _split(design.two_sided**2 / design.drop**2, base_variance, new_variance, share)


def size_non_inferiority(design: Design, share: float = 0.5) -> Sizes:
    """Two independent arms, one-sided, both truly at the base pass rate; the drop is the margin.

    n = (z_a + z_b)^2 (pq/r + pq) / d^2 (Blackwelder 1982).

    >>> size_non_inferiority(Design(0.90, 0.02)).arm
    2783
    """
    variance = design.base_pass * (1 - design.base_pass)
    return _split(design.one_sided**2 / design.drop**2, variance, variance, share)


def size_paired(design: Design, discordant: float) -> int:
    """Requests that both models answer: McNemar's test (Connor 1987).

    n = (z_a/2 sqrt(psi) + z_b sqrt(psi - d^2))^2 / d^2, where psi (`discordant`) is the share of requests
    that just one of the two passes. Raises UsageError for a psi that the drop does not allow.

    >>> size_paired(Design(0.90, 0.02), 0.10)
    1960
    """
    if not design.drop <= discordant <= 1:
        raise UsageError(
            f"where one model passes {100 * design.drop:g} points more, at least that share passes just one; "
            f"psi {discordant:g} is less",
            hint="like --psi 0.10",
        )
    alpha, beta = _QUANTILE(1 - design.alpha / 2), _QUANTILE(design.power)
    root = alpha * math.sqrt(discordant) + beta * math.sqrt(discordant - design.drop**2)
    return _up(root**2 / design.drop**2)


def size_cost(design: Design, cv: float, delta: float, share: float = 0.5) -> Sizes:
    """Two independent arms, two-sided, mean cost: n = (z_a/2 + z_b)^2 cv^2 (1/r + 1) / delta^2.

    `cv` is the standard deviation of the cost per request over its mean, taken to be that of both arms;
    `delta` the difference as a fraction of the mean.

    >>> size_cost(Design(0.90, 0.02), 3.0, 0.10).arm
    14128
    """
    if not delta > 0:
        raise UsageError("the cost difference must be more than 0", hint="like --cost-delta 10%")
    return _split(design.two_sided**2 * cv**2 / delta**2, 1.0, 1.0, share)


def days_for(requests: int, requests_per_day: Fraction, share: float = 1.0) -> tuple[int, int]:
    """Days until an arm has so many requests, and days to plan: never less than a week.

    >>> days_for(2269, Fraction(1000), 0.1), days_for(2269, Fraction(10_000), 0.1)
    ((23, 23), (3, 7))
    """
    daily = requests_per_day * Fraction(str(share))
    if daily <= 0:
        raise UsageError("an arm without requests never fills", hint="like --requests-per-day 1000")
    needed = math.ceil(Fraction(requests) / daily)
    return needed, max(needed, WEEK)


def _split(scale: float, base_variance: float, new_variance: float, share: float) -> Sizes:
    if not 0 < share < 1:
        raise UsageError("the arm must be more than 0% and less than 100%", hint="like --arm 10%")
    ratio = (1 - share) / share
    arm = scale * (base_variance / ratio + new_variance)
    return Sizes(_up(arm), _up(arm * ratio))


def _up(size: float) -> int:
    """Rounded up; what exceeds an integer by a rounding error of the float does not count."""
    return math.ceil(size - 1e-9 * size)
