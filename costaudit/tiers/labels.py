"""Statistics of labelled requests: how often tags are right, and what rectified shares and savings come to.

All are pure functions of arrays with one entry per labelled request. Labels come from a stratified sample:
`SampleDesign` holds what each stratum stands for, so estimates are of the whole log and not of the sample.

Sources: Wilson (1927) for intervals of shares; Cochran, Sampling Techniques, 1977, 5.3 for stratified means
and 6.11 for ratios; Korn and Graubard (1998) for intervals of weighted shares by the effective sample size;
Angelopoulos et al., Prediction-powered inference, Science 382 (2023), for rectified means.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

Z95: Final = 1.9599639845400536
"""What a standard normal figure is below with a chance of 97.5 %."""
"""Standard errors on either side of a 95 % interval."""


class LabelEstimate(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval; None where nothing was labelled that it could rest on."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    """Labelled requests that it rests on."""


UNKNOWN: Final = LabelEstimate(None, None, None, 0)


def wilson(right: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson's score; `n` may be an effective sample size.

    >>> [round(x, 4) for x in wilson(81, 100)]
    [0.7222, 0.8749]
    """
    share, zz = right / n, Z95 * Z95
    middle = (share + zz / (2 * n)) / (1 + zz / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + zz / (4 * n * n)) / (1 + zz / n)
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def plain_share(right: Mask) -> LabelEstimate:
    """The share of true entries, each counted once."""
    n = len(right)
    if n == 0:
        return UNKNOWN
    number = int(right.sum())
    return LabelEstimate(number / n, *wilson(number, n), n)


class SampleDesign(msgspec.Struct, frozen=True):
    """How labelled requests stand for all: their stratum, and the share of all requests in each."""

    stratum: NDArray[np.intp]
    """Per labelled request."""
    shares: Floats
    """Per stratum, adding up to 1."""

    @classmethod
    def of(cls, strata: Sequence[str], sizes: dict[str, int]) -> SampleDesign:
        """The design of labels in named strata; `sizes` are requests of every stratum of the log.

        A stratum with fewer than two labels says nothing of its variance (with none, nothing at all) and is
        put together with its neighbour, of the same tier where there is one. Raises ValueError without
        labels.
        """
        if not strata:
            raise ValueError("nothing is labelled")
        groups = _grouped(strata, sizes)
        number = {name: i for i, group in enumerate(groups) for name in group}
        total = sum(sizes.values())
        shares = [sum(sizes[name] for name in group) / total for group in groups]
        return cls(np.array([number[name] for name in strata], np.intp), np.array(shares))

    @property
    def weights(self) -> Floats:
        """Per labelled request the share of all requests that it stands for; they add up to 1."""
        counts = np.bincount(self.stratum, minlength=len(self.shares))
        return np.asarray(self.shares[self.stratum] / counts[self.stratum])

    def mean(self, values: Floats) -> tuple[float, float]:
        """The mean over all requests, and the variance of that estimate."""
        mean = variance = 0.0
        for number, share in enumerate(self.shares):
            some = values[self.stratum == number]
            mean += share * float(some.mean())
            if len(some) > 1:
                variance += share * share * float(some.var(ddof=1)) / len(some)
        return mean, variance

    def share(self, right: Mask, among: Mask | None = None) -> LabelEstimate:
        """The share of right ones among some of all requests, with the interval of a weighted share."""
        among = np.ones(len(right), bool) if among is None else among
        n = int(among.sum())
        if n == 0:
            return UNKNOWN
        weights = self.weights
        part = float((weights * among).sum())
        value = float((weights * (right & among)).sum()) / part
        _, variance = self.mean(((right & among) - value * among) / part)
        if 0 < value < 1 and variance > 0:
            effective = value * (1 - value) / variance
        else:  # all alike: what unequal weights cost
            some = weights[among]
            effective = float(some.sum() ** 2 / (some**2).sum())
        effective = min(effective, n)
        return LabelEstimate(value, *wilson(value * effective, effective), n)

    def rectified(
        self, predicted: Floats, true: Floats, all_mean: float, all_variance: float, total: int
    ) -> LabelEstimate:
        """The mean of the truth over all requests: that of the predictions, plus what labels say they miss.

        `predicted` and `true` are per labelled request; `all_mean` and `all_variance` those of the
        predictions of all `total` requests. se² = var(f)/N + Σ share² var(y − f)/n, the sum over strata. The
        interval is not known where the labels nowhere say anything else than the predictions.
        """
        gap, variance = self.mean(true - predicted)
        if variance == 0:
            return LabelEstimate(all_mean + gap, None, None, len(true))
        half = Z95 * math.sqrt(all_variance / total + variance)
        return LabelEstimate(all_mean + gap, all_mean + gap - half, all_mean + gap + half, len(true))

    def rectified_share(self, predicted: Mask, true: Mask, share: float, total: int) -> LabelEstimate:
        """`rectified` for a share, of which `share` was predicted: never beyond 0 and 1.

        Where no label differs from its prediction, the interval is as wide as if the next could: by Wilson's
        interval of none among as many as the labels are worth.
        """
        e = self.rectified(predicted.astype(float), true.astype(float), share, share * (1 - share), total)
        if e.value is None:
            return e
        low, high = e.low, e.high
        if low is None or high is None:
            bound = wilson(0, self.effective)[1]
            low, high = e.value - bound, e.value + bound
        return LabelEstimate(min(max(e.value, 0.0), 1.0), max(low, 0.0), min(high, 1.0), e.n)

    @property
    def effective(self) -> float:
        """How many labels of equal weight these are worth (Kish)."""
        return 1 / float((self.weights**2).sum())


def _grouped(strata: Sequence[str], sizes: dict[str, int]) -> list[list[str]]:
    """The names of strata in groups that have two labels each, or all that there are."""
    counts = dict.fromkeys(sorted(sizes), 0)
    for name in strata:
        counts[name] += 1
    groups = [[name] for name in counts]

    def thin(group: list[str]) -> bool:
        labelled = sum(counts[name] for name in group)
        return labelled < 2 and (labelled == 0 or sum(sizes[name] for name in group) > labelled)

    while len(groups) > 1:
        place = next((i for i, group in enumerate(groups) if thin(group)), None)
        if place is None:
            break
        beside = [i for i in (place - 1, place + 1) if 0 <= i < len(groups)]
        near = min(beside, key=lambda i: (_tier_of(groups[i]) != _tier_of(groups[place]), i))
        first, second = sorted((place, near))
        groups[first : second + 1] = [groups[first] + groups[second]]
    return groups


def _tier_of(group: list[str]) -> str:
    return group[0].partition(" ")[0]


def confusion(
    true: NDArray[np.integer], predicted: NDArray[np.integer], weights: Floats | None = None
) -> Floats:
    """Counts, or sums of weights: rows are true tiers, columns predicted ones and, last, untagged."""
    place = np.where(predicted < 0, 4, predicted)
    table = np.zeros((4, 5))
    np.add.at(table, (true, place), 1.0 if weights is None else weights)
    return table


BANDS: Final = (0, 40, 50, 60, 70, 80, 90, 101)
"""Edges of the confidence bands of `reliability`, in percent."""


class LabelBand(msgspec.Struct, frozen=True):
    """Labelled requests of one band of confidence."""

    low: int
    """Percent, as is `high`; both are in the band."""
    high: int
    confidence: float
    """Mean of the confidence, 0 to 1."""
    right: LabelEstimate


def reliability(confidence: NDArray[np.integer], right: Mask) -> list[LabelBand]:
    """How often tags of each confidence are right; bands without labels are left out."""
    bands = []
    for low, high in itertools.pairwise(BANDS):
        here = (confidence >= low) & (confidence < high)
        if here.any():
            mean = float(confidence[here].mean()) / 100
            bands.append(LabelBand(low, high - 1, mean, plain_share(right[here])))
    return bands


def calibration_error(bands: Sequence[LabelBand]) -> float | None:
    """The mean distance between confidence and share right, by labels (expected calibration error)."""
    n = sum(band.right.n for band in bands)
    if not n:
        return None
    return sum(abs(band.confidence - (band.right.value or 0.0)) * band.right.n for band in bands) / n
