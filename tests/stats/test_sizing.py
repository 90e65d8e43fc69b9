"""Sizes of a test against published tables and formulas worked by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.errors import UsageError
from costaudit.stats.sizing import (
    Design,
    days_for,
    size_cost,
    size_non_inferiority,
    size_paired,
    size_proportions,
)

DROPS = (0.01, 0.02, 0.03, 0.05)

# Requests per arm for a drop of 1, 2, 3 and 5 points: alpha .05 (two-sided; not worse: one-sided), power .8.
PER_ARM = {
    0.85: (20_557, 5_271, 2_400, 903),
    0.90: (14_749, 3_839, 1_772, 683),
    0.95: (8_155, 2_210, 1_057, 432),
    0.98: (3_823, 1_139, 586, 266),
}
NOT_WORSE = {
    0.85: (15_766, 3_942, 1_752, 631),
    0.90: (11_129, 2_783, 1_237, 446),
    0.95: (5_874, 1_469, 653, 235),
    0.98: (2_424, 606, 270, 97),
}
PAIRED = {
    0.05: (3_923, 979, 434, 155),
    0.10: (7_847, 1_960, 870, 312),
    0.20: (15_696, 3_923, 1_742, 626),
}


@pytest.mark.parametrize("base", PER_ARM)
def test_two_proportions(base):
    assert tuple(size_proportions(Design(base, d)).arm for d in DROPS) == PER_ARM[base]


@pytest.mark.parametrize("base", NOT_WORSE)
def test_non_inferiority(base):
    assert tuple(size_non_inferiority(Design(base, d)).arm for d in DROPS) == NOT_WORSE[base]


@pytest.mark.parametrize("psi", PAIRED)
def test_paired_by_connor(psi):
    assert tuple(size_paired(Design(0.9, d), psi) for d in DROPS) == PAIRED[psi]


def test_paired_worked_by_hand():
    # (1.959964 x .447214 + .841621 x .435890)^2 / .01 = (.876523 + .366854)^2 / .01 = 154.60
    assert size_paired(Design(0.9, 0.10), 0.20) == 155


@pytest.mark.parametrize(
    ("drop", "arm", "days"),
    [
        # 7.848879 (.88 x .12 + .01) / .02^2 = 2268.33 and 7.848879 (.89 x .11 + .01) / .01^2 = 8468.94
        (0.02, 2_269, {1_000: 23, 10_000: 7, 100_000: 7}),
        (0.01, 8_469, {1_000: 85, 10_000: 9, 100_000: 7}),
    ],
)
def test_a_tenth_of_the_traffic(drop, arm, days):
    sizes = size_proportions(Design(0.90, drop), 0.1)
    assert sizes.arm == arm
    assert sizes.control == pytest.approx(9 * arm, abs=9)
    for per_day, expected in days.items():
        assert days_for(sizes.arm, Fraction(per_day), 0.1)[1] == expected


def test_a_small_arm_needs_a_little_more_than_half():
    whole = size_proportions(Design(0.90, 0.02)).arm
    assert size_proportions(Design(0.90, 0.02), 0.1).arm / whole == pytest.approx(0.591, abs=0.001)


def test_cost():
    # 2 x 7.848879 x 3^2 / .1^2 = 14127.98; a 10% arm needs (1 + 1/9) / 2 of that.
    assert size_cost(Design(0.9, 0.02), 3.0, 0.10).arm == 14_128
    assert size_cost(Design(0.9, 0.02), 3.0, 0.10, 0.1).arm == 7_849
    # A trace of conversations with a variation of about 1.16 was found to need 8,440, 2,110 and 528.
    for delta, expected in ((0.05, 8_440), (0.10, 2_110), (0.20, 528)):
        assert size_cost(Design(0.9, 0.02), 1.16, delta).arm == pytest.approx(expected, rel=0.002)


@pytest.mark.parametrize(("base", "drop", "share"), [(0.9, 0.05, 0.5), (0.93, 0.04, 0.25)])
def test_tests_of_that_size_find_the_drop_in_four_of_five(base, drop, share):
    sizes = size_proportions(Design(base, drop), share)
    rng = np.random.default_rng(11)
    new = rng.binomial(sizes.arm, base - drop, 20_000) / sizes.arm
    old = rng.binomial(sizes.control, base, 20_000) / sizes.control
    error = np.sqrt(new * (1 - new) / sizes.arm + old * (1 - old) / sizes.control)
    assert (abs(new - old) > 1.959964 * error).mean() == pytest.approx(0.8, abs=0.02)


def test_paired_tests_of_that_size_find_the_drop_in_four_of_five():
    pairs = size_paired(Design(0.9, 0.03), 0.10)
    counts = np.random.default_rng(12).multinomial(pairs, [0.035, 0.065, 0.9], 20_000)
    better, worse = counts[:, 0], counts[:, 1]
    assert (abs(better - worse) > 1.959964 * np.sqrt(better + worse)).mean() == pytest.approx(0.8, abs=0.02)


@given(st.integers(1, 10**7), st.integers(1, 10**6), st.sampled_from([0.01, 0.1, 0.25, 1.0]))
def test_days_are_the_least_that_suffice_and_never_under_a_week(requests, per_day, share):
    needed, days = days_for(requests, Fraction(per_day), share)
    daily = per_day * Fraction(str(share))
    assert needed * daily >= requests > (needed - 1) * daily
    assert days == max(needed, 7)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Design(1.0, 0.02),
        lambda: Design(0.9, 0.0),
        lambda: Design(0.9, 0.95),
        lambda: Design(0.9, 0.02, alpha=0.0),
        lambda: Design(0.9, 0.02, power=0.01),
        lambda: Design(0.9, float("nan")),
        lambda: size_paired(Design(0.9, 0.05), 0.02),
        lambda: size_proportions(Design(0.9, 0.05), 1.0),
        lambda: size_cost(Design(0.9, 0.05), 1.0, 0.0),
        lambda: days_for(10, Fraction(0)),
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(UsageError):
        wrong()
