"""A sample is the same for any order, and each request is drawn as often as its weight says."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.tiers.sampling import Sampler, allocate, stratum_of


def requests(size: int, seed: int = 1) -> list[tuple[int, int, str]]:
    chance = random.Random(seed)  # noqa: S311 - the same log on every run
    tiers, units = [-1, 0, 0, 1, 1, 1, 2], [-1, 10**10, 10**12, 10**13]
    return [(chance.choice(tiers), chance.choice(units), f"r{i}") for i in range(size)]


def draw(log, n: int, seed: int = 1):
    sampler: Sampler[str] = Sampler(n, seed)
    for tier, units, ident in log:
        sampler.offer(tier, units, ident, ident, lambda ident=ident: ident)
    return sampler.draw()


@pytest.mark.parametrize("n", [1, 3, 8, 50, 5000])
def test_the_order_of_the_log_does_not_matter(n):
    log = requests(1000)
    first = draw(log, n)
    assert len(first) == min(n, 1000)
    shuffled = random.Random(9).sample(log, len(log))  # noqa: S311 - as above
    assert draw(shuffled, n) == first
    assert n == 5000 or {d.value for d in draw(log, n, seed=2)} != {d.value for d in first}


def test_weights_add_up_to_the_log_in_every_stratum():
    log = requests(1000)
    sizes = Counter(stratum_of(tier, units) for tier, units, _ in log)
    total: Counter[str] = Counter()
    for d in draw(log, 60):
        total[d.stratum] += d.weight
        assert d.stratum_requests == sizes[d.stratum]
    assert total == sizes


def test_the_first_half_of_a_sample_is_a_sample_of_every_stratum():
    whole = draw(requests(4000), 200)
    halves = [Counter(d.stratum for d in half) for half in (whole[:100], whole[100:])]
    assert all(abs(halves[0][name] - halves[1][name]) <= 1 for name in halves[0] | halves[1])
    for name in halves[0]:  # and within a stratum a random one
        keys = [d.key for d in whole if d.stratum == name]
        assert keys == sorted(keys)


def test_every_request_is_drawn_as_often_as_its_weight_says():
    log = requests(60)
    times: Counter[str] = Counter()
    for seed in range(1500):
        times.update(d.value for d in draw(log, 24, seed))
    weight = {d.value: d.weight for seed in range(40) for d in draw(log, 24, seed)}
    for _, _, ident in log:
        p = 1 / float(weight[ident])
        assert abs(times[ident] - 1500 * p) <= 4.5 * (1500 * p * (1 - p)) ** 0.5 + 1e-9, ident


def test_an_estimate_by_weights_is_unbiased():
    log = requests(200)
    truth = sum(max(units, 0) for _, units, _ in log)
    of = {ident: max(units, 0) for _, units, ident in log}
    sums = [float(sum(d.weight * of[d.value] for d in draw(log, 30, seed))) for seed in range(400)]
    assert sum(sums) / 400 == pytest.approx(truth, rel=0.02)


def test_memory_is_bounded_and_values_are_made_only_where_they_may_be_drawn():
    made = []
    sampler: Sampler[int] = Sampler(10, 1)
    for i in range(50_000):
        sampler.offer(1, 10**12, f"r{i}", "", lambda i=i: made.append(i) or i)
        assert len(sampler._strata["tier1 $0.001-0.01"].kept) < 84
    assert len(made) < 1500
    assert sampler.requests == 50_000


def test_too_small_a_sample_puts_costs_together_and_then_tiers():
    log = requests(500)
    assert {d.stratum for d in draw(log, 10)} == {"tier0", "tier1", "tier2", "untagged"}
    assert {d.stratum for d in draw(log, 5)} == {"all"}


@given(
    st.lists(st.tuples(st.integers(1, 500), st.integers(0, 10**6)), min_size=1, max_size=12),
    st.integers(1, 300),
)
def test_an_allocation_keeps_to_what_there_is(strata, n):
    sizes, costs = [s for s, _ in strata], [c for _, c in strata]
    takes = allocate(sizes, costs, n)
    assert sum(takes) == min(n, sum(sizes))
    assert all(0 <= take <= size for take, size in zip(takes, sizes, strict=True))
    if n >= 2 * len(sizes):
        assert all(take >= min(2, size) for take, size in zip(takes, sizes, strict=True))


def test_half_goes_by_requests_and_half_by_cost():
    # 1,000 requests with a tenth of the cost, 1,000 with the rest: (0.5 + 0.1) / 2 and (0.5 + 0.9) / 2
    assert allocate([1000, 1000], [10, 90], 100) == [30, 70]
