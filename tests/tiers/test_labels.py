"""The statistics of labels against hand arithmetic, closed forms and simulation."""

from __future__ import annotations

import math
import random
from statistics import mean, variance

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.tiers.labels import (
    Z95,
    SampleDesign,
    calibration_error,
    confusion,
    plain_share,
    reliability,
    wilson,
)


@given(st.integers(1, 5000), st.data())
def test_the_ends_of_wilsons_interval_are_where_the_score_test_is_just_passed(n, data):
    right = data.draw(st.integers(0, n))
    for end in wilson(right, n):
        if 0 < end < 1:  # (share - p)² = z² p (1 - p) / n defines the interval
            assert (right / n - end) ** 2 == pytest.approx(Z95**2 * end * (1 - end) / n, rel=1e-6, abs=1e-12)
    low, high = wilson(right, n)
    assert low <= right / n <= high


def test_wilson_at_the_ends():
    # with none right, the upper end is z² / (n + z²)
    assert wilson(0, 10) == (0.0, pytest.approx(1.959964**2 / (10 + 1.959964**2), abs=1e-6))
    assert wilson(10, 10)[1] == 1.0


def test_a_stratified_mean_by_hand():
    # Strata of 90 and 10 requests; labels 1, 0, 1 in the first, 4 and 8 in the second.
    design = SampleDesign.of(["a", "a", "a", "b", "b"], {"a": 90, "b": 10})
    value, var = design.mean(np.array([1.0, 0, 1, 4, 8]))
    assert value == pytest.approx(0.9 * 2 / 3 + 0.1 * 6)
    assert var == pytest.approx(0.9**2 * (1 / 3) / 3 + 0.1**2 * 8 / 2)
    assert design.weights.tolist() == pytest.approx([0.3, 0.3, 0.3, 0.05, 0.05])


def test_strata_with_too_few_labels_join_their_neighbour_of_the_same_tier():
    sizes = {"tier0 a": 10, "tier0 b": 20, "tier1 a": 30, "tier1 b": 40}
    design = SampleDesign.of(["tier0 a", "tier0 b", "tier1 b", "tier1 b"], sizes)
    assert design.shares.tolist() == pytest.approx([0.3, 0.7])
    assert design.stratum.tolist() == [0, 0, 1, 1]
    lonely = SampleDesign.of(["tier1 b", "tier1 b"], sizes)
    assert lonely.shares.tolist() == [1.0]


def test_a_stratum_of_one_request_needs_one_label():
    design = SampleDesign.of(["a", "b", "b"], {"a": 1, "b": 9})
    assert design.shares.tolist() == pytest.approx([0.1, 0.9])


def test_without_labels_there_is_no_design():
    with pytest.raises(ValueError, match="nothing is labelled"):
        SampleDesign.of([], {"a": 3})


def test_prediction_powered_mean_in_one_stratum_is_the_published_formula():
    # Angelopoulos et al. 2023: theta = mean(f) + mean(y - f), se² = var(f)/N + var(y - f)/n
    chance = random.Random(5)  # noqa: S311 - the same numbers on every run
    f_all = [chance.random() for _ in range(400)]
    f, y = [0.2, 0.9, 0.5, 0.4], [0.1, 1.0, 0.9, 0.2]
    rest = [b - a for a, b in zip(f, y, strict=True)]
    theta = mean(f_all) + mean(rest)
    se = math.sqrt(variance(f_all) * 399 / 400 / 400 + variance(rest) / 4)
    design = SampleDesign.of(["all"] * 4, {"all": 400})
    found = design.rectified(
        np.array(f), np.array(y), float(np.mean(f_all)), float(np.var(f_all)), len(f_all)
    )
    assert found.value == pytest.approx(theta)
    assert (found.low, found.high) == (pytest.approx(theta - Z95 * se), pytest.approx(theta + Z95 * se))


def test_labels_that_never_differ_do_not_make_an_interval_of_no_width():
    design = SampleDesign.of(["all"] * 20, {"all": 400})
    same = np.array([True] * 4 + [False] * 16)
    e = design.rectified(same.astype(float), same.astype(float), 0.2, 0.16, 400)
    assert (e.value, e.low, e.high) == (0.2, None, None)
    share = design.rectified_share(same, same, 0.2, 400)
    bound = 1.959964**2 / (20 + 1.959964**2)  # the upper end for none of 20
    assert (share.low, share.high) == (pytest.approx(0.2 - bound, abs=1e-6), pytest.approx(0.2 + bound))
    assert design.rectified_share(~same, ~same, 0.99, 400).high == 1.0


def _population(seed: int, size: int = 3000):
    """Predictions that are wrong more often in one stratum than in the others, and what is true."""
    rng = np.random.default_rng(seed)
    stratum = rng.choice(3, size, p=[0.7, 0.25, 0.05])
    f = np.where(rng.random(size) < np.array([0.2, 0.6, 0.9])[stratum], 1.0, 0.0)
    wrong = rng.random(size) < np.array([0.05, 0.3, 0.45])[stratum]
    return stratum, f, np.where(wrong, 1 - f, f)


def _draw(rng, stratum, takes):
    return np.concatenate([rng.choice(np.flatnonzero(stratum == h), n, False) for h, n in enumerate(takes)])


def test_rectified_means_are_unbiased_and_their_intervals_hold_what_they_promise():
    stratum, f, y = _population(1)
    sizes = {str(h): int((stratum == h).sum()) for h in range(3)}
    rng, values, covered, naive = np.random.default_rng(2), [], 0, []
    for _ in range(600):
        rows = _draw(rng, stratum, (50, 50, 40))
        design = SampleDesign.of([str(h) for h in stratum[rows]], sizes)
        e = design.rectified(f[rows], y[rows], float(f.mean()), float(f.var()), len(f))
        values.append(e.value)
        naive.append(y[rows].mean())
        covered += e.low <= y.mean() <= e.high
    spread = np.std(values) / math.sqrt(len(values))
    assert abs(np.mean(values) - y.mean()) < 4 * spread
    assert abs(np.mean(naive) - y.mean()) > 0.05  # the sample itself is far off: strata are drawn unequally
    assert 0.93 <= covered / 600 <= 0.99


def test_a_weighted_share_is_unbiased_and_its_interval_covers():
    stratum, f, y = _population(3)
    sizes = {str(h): int((stratum == h).sum()) for h in range(3)}
    right, among = f == y, f == 1
    truth = right[among].mean()
    rng, covered, values = np.random.default_rng(4), 0, []
    for _ in range(600):
        rows = _draw(rng, stratum, (60, 60, 40))
        design = SampleDesign.of([str(h) for h in stratum[rows]], sizes)
        e = design.share(right[rows], among[rows])
        values.append(e.value)
        covered += e.low <= truth <= e.high
    assert abs(np.mean(values) - truth) < 0.01  # a ratio estimator: biased by order 1/n
    assert 0.92 <= covered / 600 <= 0.99


def test_equal_weights_give_the_plain_interval():
    right = np.array([True] * 30 + [False] * 10)
    design = SampleDesign.of(["all"] * 40, {"all": 400})
    weighted, plain = design.share(right), plain_share(right)
    assert weighted.value == plain.value == 0.75
    # the effective size is n - 1 where the variance has n - 1 below it
    assert (weighted.low, weighted.high) == pytest.approx(wilson(0.75 * 39, 39))
    none = design.share(right, np.zeros(40, bool))
    assert (none.value, none.n) == (None, 0)


def test_shares_of_all_right_pay_for_unequal_weights():
    design = SampleDesign.of(["a", "a", "b", "b"], {"a": 90, "b": 10})
    e = design.share(np.ones(4, bool))
    weights = [0.45, 0.45, 0.05, 0.05]
    effective = sum(weights) ** 2 / sum(w * w for w in weights)
    assert (e.value, e.low) == (1.0, pytest.approx(wilson(effective, effective)[0]))


def test_confusion_counts_and_weighs():
    true, predicted = np.array([0, 0, 1, 3]), np.array([0, 2, 1, -1])
    assert confusion(true, predicted).tolist() == [
        [1, 0, 1, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1],
    ]  # fmt: skip
    weighted = confusion(true, predicted, np.array([0.1, 0.2, 0.3, 0.4]))
    assert weighted.sum() == pytest.approx(1)
    assert (weighted[0, 2], weighted[3, 4]) == (0.2, 0.4)


def test_reliability_by_band_of_confidence():
    bands = reliability(np.array([85, 88, 50, 59, 100]), np.array([True, False, True, True, True]))
    told = [(b.low, b.high, b.confidence, b.right.value, b.right.n) for b in bands]
    assert told == [(50, 59, 0.545, 1.0, 2), (80, 89, 0.865, 0.5, 2), (90, 100, 1.0, 1.0, 1)]
    assert calibration_error(bands) == pytest.approx((0.455 * 2 + 0.365 * 2 + 0) / 5)
    assert calibration_error([]) is None
