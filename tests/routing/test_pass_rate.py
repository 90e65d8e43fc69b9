"""What a pass rate proves: cited bounds, and an independent computation of the binomial tail."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from costaudit.routing.pass_rate import PassRate, _exact_tail, _tail, trials_needed

Q6 = Decimal("0.000001")


def tail(passes: int, trials: int, rate: Fraction) -> Fraction:
    """P(X >= passes), term by term from the definition."""
    return sum(
        (math.comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(passes, trials + 1)),
        Fraction(0),
    )


@pytest.mark.parametrize(
    ("passes", "trials", "bound"),
    [
        (95, 100, ".898"),
        (190, 200, ".917"),
        (475, 500, ".931"),
    ],
)
def test_the_bound_of_95_percent_at_three_sizes(passes, trials, bound):
    assert PassRate(passes, trials).lower().quantize(Decimal("0.001")) == Decimal(bound)


@pytest.mark.parametrize(
    ("passes", "trials", "bound"),
    [  # all passed: the bound is 0.05 ** (1 / n); none passed: 0
        (1, 1, "0.050000"),
        (2, 2, "0.223606"),  # the root of 0.05 is 0.2236067…
        (59, 59, "0.950492"),  # exp(-2.995732 / 59)
        (0, 7, "0.000000"),
        (1, 2, "0.025320"),  # 1 - p² - … : 1 - (1 - p)² = 0.05, p = 1 - sqrt(0.95)
    ],
)
def test_bounds_that_have_a_closed_form(passes, trials, bound):
    assert PassRate(passes, trials).lower() == Decimal(bound)


@given(
    st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from(["0.8", "0.9", "0.95", "0.99"]),
)
def test_the_bound_encloses_the_rate_at_which_the_tail_is_the_error(counts, confidence):
    passes, trials = counts
    bound = PassRate(passes, trials).lower(Decimal(confidence))
    error = 1 - Fraction(confidence)
    if passes == 0:
        assert bound == 0
        return
    assert tail(passes, trials, Fraction(bound)) <= error
    assert tail(passes, trials, Fraction(bound + Q6)) > error


@given(
    st.integers(1, 80).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.integers(1, 9999),
)
def test_a_floor_is_met_exactly_where_the_tail_at_the_floor_is_at_most_the_error(counts, floor):
    passes, trials = counts
    assert PassRate(passes, trials).meets(Decimal(floor).scaleb(-4)) == (
        tail(passes, trials, Fraction(floor, 10_000)) <= Fraction(1, 20)
    )


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.integers(1, 999))
def test_the_enclosure_holds_the_exact_tail(counts, thousandths):
    passes, trials = counts
    rate = Fraction(thousandths, 1000)
    assume(passes > trials * rate)
    low, high = (_tail(passes, trials, rate, 30, way) for way in ("ROUND_FLOOR", "ROUND_CEILING"))
    exact = _exact_tail(passes, trials, rate)
    assert exact == tail(passes, trials, rate)
    assert Fraction(low) <= exact <= Fraction(high)
    assert Fraction(high) - Fraction(low) <= Fraction(high) / 10**20


def test_a_floor_on_the_bound_itself_is_met():
    assert PassRate(1, 1).meets(Decimal("0.05"))  # one trial: the bound is the error, exactly
    assert not PassRate(1, 1).meets(Decimal("0.0500000000000000000001"))
    # 1 - p³ - … : two of two at 0.25 has the tail 1/16, so a confidence of 15/16 is met to the digit
    assert PassRate(2, 2).meets(Decimal("0.25"), Decimal("0.9375"))
    assert not PassRate(2, 2).meets(Decimal("0.25"), Decimal("0.93750000000000000001"))


@given(
    st.integers(2, 400).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))),
    st.integers(1, 99),
)
def test_more_passes_never_prove_less_and_the_bound_stays_below_the_rate(counts, percent):
    passes, trials = counts
    floor = Decimal(percent).scaleb(-2)
    fewer, more = PassRate(passes, trials), PassRate(passes + 1, trials)
    assert fewer.meets(floor) <= more.meets(floor)
    assert fewer.lower() <= more.lower()
    assert Fraction(fewer.lower()) <= Fraction(passes, trials)
    assert fewer.meets(floor) == (fewer.lower() >= floor)


@pytest.mark.parametrize(("floor", "met"), [("0", True), ("-1", True), ("1", False), ("2", False)])
def test_the_ends_of_the_scale(floor, met):
    assert PassRate(10, 10).meets(Decimal(floor)) is met


@pytest.mark.parametrize("confidence", ["0.5", "0", "1", "-1"])
def test_a_confidence_outside_of_one_half_to_one_is_refused(confidence):
    with pytest.raises(ValueError, match=r"between 0\.5 and 1"):
        PassRate(1, 2).meets(Decimal("0.1"), Decimal(confidence))


@pytest.mark.parametrize(
    ("passes", "trials", "points"),
    [(95, 100, 9500), (1, 3, 3333), (2, 3, 6667), (1, 20_000, 0), (3, 20_000, 2), (20_000, 20_000, 10_000)],
)
def test_the_point_is_in_basis_points_with_halves_to_even(passes, trials, points):
    assert PassRate(passes, trials).point == points


def test_many_trials_are_judged_as_the_normal_distribution_says():
    # z = 1.64485, sd = sqrt(.95 * .05 / 200,000) = .00048734: the bound is close to .95 - .00080160
    assert abs(PassRate(190_000, 200_000).lower() - Decimal("0.949198")) < Decimal("0.00001")


@pytest.mark.parametrize(
    ("rate", "floor", "trials"),
    [("0.97", "0.95", 365), ("0.98", "0.95", 185), ("0.92", "0.90", 650)],
)
def test_the_cited_sizes_are_enough_and_five_fewer_are_not_always(rate, floor, trials):
    def proved(number: int) -> bool:
        return PassRate(math.floor(Decimal(rate) * number), number).meets(Decimal(floor))

    assert proved(trials)
    assert not any(proved(number) for number in range(5, trials, 5))
    fewest = trials_needed(Decimal(rate), Decimal(floor))
    assert fewest == next(number for number in range(1, trials + 1) if proved(number))


@pytest.mark.parametrize(
    ("floor", "trials"),
    [("0.95", 59), ("0.99", 299)],  # ln 0.05 / ln 0.95 = 58.4, ln 0.05 / ln 0.99 = 298.07
)
def test_without_a_failure_the_size_has_a_closed_form(floor, trials):
    assert trials_needed(Decimal(1), Decimal(floor)) == trials


@pytest.mark.parametrize(("rate", "floor"), [("0.95", "0.95"), ("0.9", "0.95"), ("0.9501", "0.95")])
def test_a_rate_at_the_floor_proves_nothing(rate, floor):
    assert trials_needed(Decimal(rate), Decimal(floor)) is None
