"""Looking every day: what it does to a fixed test, and that the sequential test withstands it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from costaudit.stats.sequential import boundary, likelihood_ratio, simulate_looks
from costaudit.stats.sizing import Design

# Armitage, McPherson & Rowe (1969), table 2: chance of one nominal 5 % result in so many equal looks.
PEEKED = {1: 0.050, 5: 0.142, 10: 0.193, 20: 0.248}


@pytest.mark.parametrize("looks", PEEKED)
def test_peeking_at_a_fixed_test_is_as_bad_as_published(looks):
    found = simulate_looks(Design(0.93, 0.02), 500, 500, looks)
    assert found.peeked_type_i == pytest.approx(PEEKED[looks], abs=0.02)


@pytest.mark.parametrize(("arm", "control", "base"), [(500, 500, 0.93), (100, 900, 0.9), (50, 450, 0.98)])
def test_daily_looks_leave_the_sequential_test_its_five_percent(arm, control, base):
    found = simulate_looks(Design(base, 0.02), arm, control, 60)
    assert found.type_i < 0.05
    assert found.peeked_type_i > 0.2


def test_the_drop_is_found_and_larger_ones_sooner():
    found = {d: simulate_looks(Design(0.93, d), 500, 500, 30, tau=0.02) for d in (0.01, 0.02, 0.03)}
    assert found[0.01].found == pytest.approx(0.66, abs=0.05)
    assert found[0.02].found > 0.99
    assert found[0.02].mean_days == pytest.approx(7.4, abs=0.4)
    assert found[0.03].mean_days == pytest.approx(3.9, abs=0.3)
    assert found[0.01].power_days is None
    assert found[0.03].power_days < found[0.02].power_days


def stops_on(rng, known, drop, per_day=100, days=30, tau=0.05):
    """The day on which one test stops, 0 if on none; `known` takes the true p for the variance."""
    good, bad = 0, 0
    for day in range(1, days + 1):
        good += sum(rng.random() < 0.93 for _ in range(per_day))
        bad += sum(rng.random() < 0.93 - drop for _ in range(per_day))
        share = 0.93 if known else (good + bad) / (2 * per_day * day)
        variance = 2 * share * (1 - share) / (per_day * day)
        apart = (good - bad) / (per_day * day)
        spread = variance + tau**2
        if math.sqrt(variance / spread) * math.exp(tau**2 * apart**2 / (2 * variance * spread)) > 20:
            return day
    return 0


def test_a_loop_in_plain_python_comes_to_the_same():
    rng = np.random.default_rng(4)
    days = [stops_on(rng, known=False, drop=0.05) for _ in range(400)]
    found = simulate_looks(Design(0.93, 0.05), 100, 100, 30)
    assert found.found == pytest.approx(sum(d > 0 for d in days) / 400, abs=0.03)
    assert found.mean_days == pytest.approx(sum(days) / sum(d > 0 for d in days), rel=0.08)


def test_with_the_true_share_in_the_variance_the_test_is_a_little_sooner():
    # 500 per arm and day, a drop of 2 points: 6.7 days, against 7.4 with p taken from both arms.
    rng = np.random.default_rng(6)
    day = np.arange(1, 31)
    apart = np.cumsum(rng.binomial(500, 0.93, (4000, 30)) - rng.binomial(500, 0.91, (4000, 30)), axis=1)
    variance = np.broadcast_to(2 * 0.93 * 0.07 / (500 * day), apart.shape)
    crossed = likelihood_ratio(apart / (500 * day), variance, 0.02) > 20
    assert crossed.any(axis=1).mean() > 0.99
    assert (crossed.argmax(axis=1) + 1).mean() == pytest.approx(6.7, abs=0.2)


@pytest.mark.parametrize("variance", [1e-6, 4e-4, 0.01])
def test_at_the_boundary_the_ratio_is_one_over_alpha(variance):
    edge = boundary(variance, 0.02, 0.05)
    assert likelihood_ratio(np.array([edge]), np.array([variance]), 0.02)[0] == pytest.approx(20)


def test_nothing_seen_is_no_evidence():
    assert likelihood_ratio(np.array([0.0]), np.array([0.0]), 0.02)[0] == 1.0


def test_the_same_seed_gives_the_same_figures():
    one, two, other = (simulate_looks(Design(0.9, 0.02), 200, 200, 20, seed=s) for s in (1, 1, 2))
    assert one == two
    assert one != other
