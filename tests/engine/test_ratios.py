"""The bucket of a ratio, decided by integers, against fractions and the digits of the cost as written."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.engine.ratios import AT_LIST, EDGES, bucket_of, ratio_buckets

COSTS = st.one_of(
    st.integers(1, 10**6),
    st.integers(1, 10**14),
    st.builds(lambda digits, power: digits * 10**power, st.integers(1, 999), st.integers(0, 12)),
)
LISTS = st.one_of(st.integers(1, 10**9), st.integers(1, 10**17), st.integers(1, 10**22))


def expected(picousd: int, list_units: int) -> int:
    """By the definition: rounding to the stated digits (four at least) first, then the edges one by one."""
    cost, list_usd = Fraction(picousd, 10**12), Fraction(list_units, 10**15)
    exponent = Decimal(picousd).scaleb(-12).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    half_a_unit = Fraction(10) ** min(exponent, -4) / 2
    if list_usd - half_a_unit < cost < list_usd + half_a_unit:
        return AT_LIST
    return max(number for number, edge in enumerate(EDGES) if edge <= cost / list_usd)


@given(st.lists(st.tuples(COSTS, LISTS), min_size=1, max_size=30))
def test_columns_and_single_requests_agree_with_the_definition(pairs: list[tuple[int, int]]):
    costs = np.array([c for c, _ in pairs], np.int64)
    wide = max(n for _, n in pairs) >= 2**62
    lists = np.array([n for _, n in pairs], object if wide else np.int64)
    wanted = [expected(*pair) for pair in pairs]
    assert ratio_buckets(costs, lists).tolist() == wanted
    assert [bucket_of(*pair) for pair in pairs] == wanted


@given(st.sampled_from(EDGES[1:]), st.integers(1, 10**11), st.sampled_from([-1, 0, 1]))
def test_an_edge_belongs_to_the_bucket_above_it(edge: Fraction, size: int, beside: int):
    """A cost that is exactly an edge times list, and a pico-dollar to either side of it."""
    list_units = size * edge.denominator * 1000
    picousd = size * edge.numerator + beside
    if picousd < 1 or abs(1000 * picousd - list_units) <= 500 * 10**8:  # maybe a rounded list cost
        return
    bucket = bucket_of(picousd, list_units)
    assert (bucket >= EDGES.index(edge)) == (beside >= 0)
    one = ratio_buckets(np.array([picousd], np.int64), np.array([list_units], np.int64))
    assert one.tolist() == [bucket]


def test_the_edges_lie_half_way_between_the_known_ratios():
    assert list(EDGES) == sorted(set(EDGES))
    for ratio in ("1", "1.055", "1.05", "2", "0.5", "0.05", "0.1", "0.83"):
        bucket = max(number for number, edge in enumerate(EDGES) if edge <= Fraction(ratio))
        assert EDGES[bucket + 1] + EDGES[bucket] == 2 * Fraction(ratio)


@pytest.mark.parametrize(
    ("cost", "list_usd", "at_list"),
    [
        ("0.000003", "0.0000034", True),  # six digits: 0.0000025 to 0.0000035
        ("0.000003", "0.0000036", False),
        ("0.0000031", "0.0000034", False),  # seven digits: the last one is 1e-7
        ("0.000002", "0.000001", False),  # twice list is never rounding
        ("0.01", "0.0095", False),  # cents are taken for four decimals
        ("0.01", "0.009951", True),
    ],
)
def test_a_cost_written_to_few_digits_may_be_a_rounded_list_cost(cost: str, list_usd: str, at_list: bool):
    picousd, list_units = int(Decimal(cost).scaleb(12)), int(Decimal(list_usd).scaleb(15))
    assert (bucket_of(picousd, list_units) == AT_LIST) is at_list


@given(st.integers(1, 10**12))
def test_twice_list_and_half_of_list_are_never_taken_for_rounding(picousd: int):
    double, half = bucket_of(picousd, 500 * picousd), bucket_of(picousd, 2000 * picousd)
    assert EDGES[double] <= 2 < EDGES[double + 1]
    assert EDGES[half] <= Fraction(1, 2) < EDGES[half + 1]
