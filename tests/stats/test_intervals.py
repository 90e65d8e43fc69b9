"""Intervals against published examples, and how often they hold the truth."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.stats.bootstrap import GROUPS, ArmSums, group_requests, ratio_of_means, sums_by
from costaudit.stats.intervals import (
    chance_of,
    difference,
    mcnemar,
    paired_difference,
    quantile,
    standardised,
    wilson,
)
from costaudit.stats.student import t_quantile
from tests.often import often


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [  # Newcombe 1998 (Statistics in Medicine 17: 857), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(hits, of, low, high):
    found = wilson(hits, of)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("b", "a", "low", "high"),
    [  # Newcombe 1998 (Statistics in Medicine 17: 873), table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
    ],
)
def test_differences_of_shares_as_published(b, a, low, high):
    found = difference(wilson(*b), wilson(*a))
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_no_trials_no_interval():
    assert wilson(0, 0) is None
    assert paired_difference(0, 0, 0, 0) is None
    assert quantile(np.array([], np.int64), 0.5) is None


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))
def test_a_paired_difference_lies_in_its_interval_and_turns_round(both, only_b, only_a, neither):
    found = paired_difference(both, only_b, only_a, neither)
    if found is None:
        return
    assert -1 - 1e-9 <= found.low <= found.point + 1e-9
    assert found.point - 1e-9 <= found.high <= 1 + 1e-9
    other = paired_difference(both, only_a, only_b, neither)
    assert other.low == pytest.approx(-found.high)


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_the_exact_test_less_half_the_observed(only_b, only_a):
    total, least = only_a + only_b, min(only_a, only_b)
    tail = sum(Fraction(math.comb(total, k), 2**total) for k in range(least + 1))
    exact = min(Fraction(1), 2 * tail)
    found = mcnemar(only_b, only_a)
    if only_a != only_b:
        assert found == pytest.approx(float(exact - Fraction(math.comb(total, least), 2**total)))
    assert found == mcnemar(only_a, only_b)


def test_mcnemar_of_many_pairs_agrees_with_that_of_few():
    assert mcnemar(530, 471) == pytest.approx(mcnemar(529, 470), abs=0.003)


@pytest.mark.parametrize(
    ("freedom", "t"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (6, 2.447), (13, 2.160), (29, 2.045), (120, 1.980)],
)
def test_t_as_tabled(freedom, t):
    assert t_quantile(0.975, freedom) == pytest.approx(t, abs=0.0006)
    assert t_quantile(0.025, freedom) == pytest.approx(-t, abs=0.0006)


@pytest.mark.parametrize(
    ("count", "ranks"),  # Conover, Practical Nonparametric Statistics, ranks of the 95 % interval of a median
    [(5, (None, None)), (6, (1, 6)), (10, (2, 9)), (20, (6, 15)), (50, (18, 33)), (100, (40, 61))],
)
def test_ranks_around_the_median_as_tabled(count, ranks):
    found = quantile(np.arange(1, count + 1), 0.5)
    assert (found.low, found.high) == ranks


@pytest.mark.parametrize(("share", "count"), [(0.5, 80), (0.95, 300)])
def test_order_statistics_hold_the_quantile(share, count):
    rng = np.random.default_rng(21)
    truth = -math.log(1 - share)
    held = 0
    for _ in range(1500):
        found = quantile(rng.exponential(1, count), share)
        held += found.low <= truth <= found.high
    assert 0.94 <= held / 1500 <= 0.985


def test_ranks_of_very_many_are_those_of_the_binomial():
    few, many = (quantile(np.arange(n), 0.95) for n in (100_000, 100_001))
    assert many.low == pytest.approx(few.low, abs=3)
    assert many.high == pytest.approx(few.high, abs=3)


def test_differences_of_shares_hold_the_truth():
    rng = np.random.default_rng(22)
    held = 0
    for good, bad in zip(rng.binomial(200, 0.95, 3000), rng.binomial(150, 0.9, 3000), strict=True):
        found = difference(wilson(int(bad), 150), wilson(int(good), 200))
        held += found.low <= -0.05 <= found.high
    assert 0.935 <= held / 3000 <= 0.97


def test_mixes_that_differ_by_chance_are_called_so():
    rng = np.random.default_rng(23)
    mix = [0.5, 0.3, 0.15, 0.05]
    chances = [
        chance_of(rng.multinomial(400, mix).tolist(), rng.multinomial(700, mix).tolist()) for _ in range(2000)
    ]
    assert np.mean(np.array(chances) < 0.05) == pytest.approx(0.05, abs=0.015)
    assert chance_of([7, 0], [9, 0]) == 1.0


def test_standardised_without_spread():
    assert standardised(1.0, 1.0, 0.0, 0.0) == 0.0
    assert standardised(1.0, 2.0, 0.0, 0.0) == math.inf


# The ratio of means


def by_days(costs, size):
    return ArmSums(costs.sum(axis=1, keepdims=True), np.full((len(costs), 1), float(size)))


@pytest.mark.parametrize(("days", "least"), [(7, 0.90), (14, 0.91), (30, 0.92)])
def test_whole_days_hold_the_ratio_where_days_differ(days, least):
    rng = np.random.default_rng(days)
    held = 0
    for _ in range(300):
        common, own = rng.normal(0, 0.3, (days, 1)), rng.normal(0, 0.08, (days, 1))
        a = np.exp(rng.normal(0, 0.8, (days, 60)) + common)
        b = 0.8 * np.exp(rng.normal(0, 0.8, (days, 60)) + common + own - 0.08**2 / 2)
        found = ratio_of_means(by_days(a, 60), by_days(b, 60), together=True)
        held += found.low <= 0.8 <= found.high
    assert least <= held / 300 <= 0.985


def test_single_requests_hold_the_ratio_where_days_are_alike():
    rng = np.random.default_rng(31)
    held = 0
    rounds = often(40, 150)
    for _ in range(rounds):
        sides = []
        for scale in (1.0, 0.8):
            costs = scale * np.exp(rng.normal(0, 0.8, 400))
            unit, units = group_requests(400)
            sides.append(sums_by(unit, units, costs))
        found = ratio_of_means(*sides, together=False)
        held += found.low <= 0.8 <= found.high
    assert 0.9 <= held / rounds <= 0.99


def test_many_requests_in_groups_give_the_interval_of_single_ones():
    rng = np.random.default_rng(32)
    costs = np.exp(rng.normal(0, 1, (2, 20_000)))
    sides = [sums_by(*group_requests(20_000), side) for side in costs]
    assert len(sides[0].count) == GROUPS
    found = ratio_of_means(*sides, together=False)
    error = math.sqrt(sum(side.var() / side.mean() ** 2 / 20_000 for side in costs))  # delta method
    assert math.log(found.high / found.low) / 2 / 1.96 == pytest.approx(error, rel=0.08)


def test_sums_are_exact_however_large():
    huge = np.array([10**30 + 1, 1, 10**30], dtype=object)
    sums = sums_by(np.array([0, 1, 0]), 2, huge, np.array([0, 0, -1]))
    assert sums.amount.tolist() == [[float(10**30 + 1)], [1.0]]
    assert sums.count.tolist() == [[1.0], [1.0]]


def test_too_few_units_have_no_interval_and_nothing_has_no_ratio():
    one = ArmSums(np.ones((4, 1)), np.ones((4, 1)))
    found = ratio_of_means(one, one, together=True)
    assert (found.point, found.low, found.high) == (1.0, None, None)
    none = ArmSums(np.zeros((9, 1)), np.ones((9, 1)))
    assert ratio_of_means(none, one, together=False) is None


def test_a_fixed_mix_removes_what_the_mix_does():
    # Both arms pay 1 and 10 per request; b has nine times as many of the dear kind.
    count_a, count_b = np.tile([9.0, 1.0], (10, 1)), np.tile([1.0, 9.0], (10, 1))
    price = np.array([1.0, 10.0])
    a, b = ArmSums(count_a * price, count_a), ArmSums(count_b * price, count_b)
    assert ratio_of_means(a, b, together=True).point == pytest.approx(91 / 19)
    assert ratio_of_means(a, b, together=True, weights=[0.9, 0.1]).point == pytest.approx(1)
