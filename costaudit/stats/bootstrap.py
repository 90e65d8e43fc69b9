"""The ratio of two means, by resampling whole days or requests.

Days, because requests of one day resemble each other: an interval from single requests is too narrow where
days differ. The interval is on the scale of the logarithm, with Student's t for the number of units, so that
a week is not taken for a month (Davison & Hinkley 1997, sections 2.4 and 5.2.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.stats.intervals import LEVEL, Estimate
from costaudit.stats.student import t_quantile

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RESAMPLES: Final = 2000
SEED: Final = 19790101
GROUPS: Final = 1000
"""More requests than this are put into so many groups by chance, and the groups are drawn."""

FEWEST: Final = 5
"""Days, groups or requests below which no interval is given."""


class ArmSums(msgspec.Struct, frozen=True):
    """Sums of one arm by unit (a day, or a group of requests): rows are units, columns strata."""

    amount: Floats
    count: Floats

    @property
    def units(self) -> int:
        """Number of units that hold anything."""
        return int((self.count.sum(axis=1) > 0).sum())


def sums_by(unit: Ints, units: int, amount: npt.NDArray[Any], stratum: Ints | None = None) -> ArmSums:
    """Sums of `amount` (exact integers, any size) and counts, by unit and stratum.

    A negative stratum is left out. The amounts become floats only once they are added up.
    """
    strata = 1 if stratum is None else int(stratum.max(initial=0)) + 1
    place = unit if stratum is None else unit * strata + stratum
    kept = np.ones(len(unit), bool) if stratum is None else stratum >= 0
    size = units * strata
    total: list[int] = [0] * size
    for at, value in zip(place[kept].tolist(), amount[kept].tolist(), strict=True):
        total[at] += value
    count = np.bincount(place[kept], minlength=size).astype(np.float64)
    return ArmSums(np.array(total, np.float64).reshape(units, strata), count.reshape(units, strata))


def group_requests(count: int, seed: int = SEED) -> tuple[Ints, int]:
    """Each request by itself, or, of many, each put into one of GROUPS by chance, as evenly as possible."""
    if count <= GROUPS:
        return np.arange(count, dtype=np.int64), count
    return np.random.default_rng(seed).permutation(count).astype(np.int64) % GROUPS, GROUPS


def ratio_of_means(
    a: ArmSums,
    b: ArmSums,
    *,
    together: bool,
    weights: Sequence[float] | None = None,
    seed: int = SEED,
) -> Estimate | None:
    """mean(b) / mean(a) with its 95 % interval; None where either mean is 0 or unknown.

    `together` draws the same units for both arms: they ran on the same days, or answered the same requests.
    With `weights` the means are those of a fixed mix of strata, each of which both arms must hold.
    """
    point = _ratio(
        a.amount.sum(axis=0), a.count.sum(axis=0), b.amount.sum(axis=0), b.count.sum(axis=0), weights
    )
    if not np.isfinite(point) or point <= 0:
        return None
    units = min(a.units, b.units)
    if units < FEWEST:
        return Estimate(float(point), None, None)
    rng = np.random.default_rng(seed)
    draws_a = _draws(rng, len(a.count))
    draws_b = draws_a if together else _draws(rng, len(b.count))
    drawn = _ratio(draws_a @ a.amount, draws_a @ a.count, draws_b @ b.amount, draws_b @ b.count, weights)
    usable = drawn[np.isfinite(drawn) & (drawn > 0)]
    if len(usable) < 0.9 * RESAMPLES:
        return Estimate(float(point), None, None)
    error = float(np.log(usable).std(ddof=1)) * np.sqrt(units / (units - 1))
    half = t_quantile((1 + LEVEL) / 2, units - 1) * error
    return Estimate(float(point), float(point * np.exp(-half)), float(point * np.exp(half)))


def _draws(rng: np.random.Generator, units: int) -> Floats:
    """How often each unit is drawn, one row per resample."""
    return rng.multinomial(units, np.full(units, 1 / units), RESAMPLES).astype(np.float64)


def _ratio(
    amount_a: Floats, count_a: Floats, amount_b: Floats, count_b: Floats, weights: Sequence[float] | None
) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        if weights is None:
            above = amount_b.sum(axis=-1) / count_b.sum(axis=-1)
            below = amount_a.sum(axis=-1) / count_a.sum(axis=-1)
        else:
            above = (amount_b / count_b) @ np.asarray(weights)
            below = (amount_a / count_a) @ np.asarray(weights)
        return np.asarray(above / below)
