"""Break-even volumes by hand, and against trying every volume."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from costaudit.errors import UsageError
from costaudit.questions.audit.fees.break_even import check_names, cost, intervals, parse_option
from costaudit.questions.audit.fees.markup import MarkupTerms, Volume, parse_form

TRAFFIC = Volume(Fraction(20_000), Fraction(10**6), Fraction(4 * 10**9))
"""$20,000 of list, 1M requests, 4,000M tokens a month: $0.02 and 4,000 tokens a request."""


def found(*forms):
    return [
        (i.start * 20_000, None if i.end is None else i.end * 20_000, i.cheapest)
        for i in intervals([parse_form(f) for f in forms], TRAFFIC)
    ]


def test_a_percentage_meets_a_subscription_at_their_quotient():
    # 5.5% of L = $500: L = 500 / 0.055 = $9,090.91
    at = Fraction(500 * 1000, 55)
    assert found("5.5%", "500/month") == [(0, at, (0,)), (at, None, (1,))]


def test_three_ways_take_turns():
    # 10% meets $500 at $5,000; $500 + nothing meets $100 + 2% never first: 10% = 100 + 2% at $1,250, and
    # 100 + 2% = 500 at $20,000.
    assert found("10%", "500/month", "2%+100/month") == [
        (0, 1250, (0,)), (1250, 20_000, (2,)), (20_000, None, (1,))
    ]  # fmt: skip


def test_amounts_per_request_and_token_go_by_the_mix():
    # $0.001 a request is $0.001 per $0.02 of list, 5%; $0.25 per 1M tokens is $0.001 a request of 4,000.
    assert found("0.001/request", "5%") == [(0, None, (0, 1))]
    assert found("0.25/mtok", "5%") == [(0, None, (0, 1))]
    # 5% = $1,200 + $0.10 × 4,000 / 1M a request, which is 2% of list: 3% of L = 1,200
    assert found("5%", "1200/month+0.10/mtok") == [(0, 40_000, (0,)), (40_000, None, (1,))]


def test_own_machines_replace_the_list_price():
    # 5.5% of L = 1,200 + 2% of L - L: 1.035 L = 1,200
    at = Fraction(1200 * 1000, 1035)
    assert found("5.5%", "1200/month+0.10/mtok-100%") == [(0, at, (0,)), (at, None, (1,))]


def test_an_allowance_bends_the_line():
    # Free up to 100,000 requests ($2,000 of list), then $0.002 each: 10% of what is above. It meets 4% where
    # 10% × (L - 2,000) = 4% × L, at L = 200 / 0.06.
    bent = MarkupTerms("", usd_per_request=parse_form("0.002/request").usd_per_request, free_requests=100_000)
    at = Fraction(200 * 100, 6) / 20_000
    assert [(i.start, i.end, i.cheapest) for i in intervals([bent, parse_form("4%")], TRAFFIC)] == [
        (0, at, (0,)), (at, None, (1,))
    ]  # fmt: skip


def test_with_an_allowance_two_ways_may_cross_twice():
    # The same for $49 a month: 4% is cheaper up to L = 49 / 0.04 = $1,225, and again where
    # 49 + 10% × (L - 2,000) = 4% × L, at L = 151 / 0.06.
    bent = replace(parse_form("49/month+0.002/request"), free_requests=100_000)
    first, second = Fraction(1225, 20_000), Fraction(151 * 100, 6) / 20_000
    assert [(i.start, i.end, i.cheapest) for i in intervals([bent, parse_form("4%")], TRAFFIC)] == [
        (0, first, (1,)), (first, second, (0,)), (second, None, (1,))
    ]  # fmt: skip


def test_what_costs_the_same_is_told_as_the_same():
    assert found("5%", "5.0%", "7%") == [(0, None, (0, 1))]


forms = st.builds(
    MarkupTerms,
    st.just(""),
    percent=st.decimals(-100, 100, places=1),
    usd_per_request=st.sampled_from(["0", "0.0004", "0.002"]).map(
        lambda t: parse_form(f"{t}/request").usd_per_request
    ),
    usd_per_month=st.decimals(0, 2000, places=0),
    free_usd=st.sampled_from([0, 3000, 25_000]).map(lambda n: parse_form(f"{n}/month").usd_per_month),
    free_percent_requests=st.sampled_from([0, 0, 250_000]),
    free_requests=st.sampled_from([0, 100_000]),
)


@given(st.lists(forms, min_size=2, max_size=5), st.lists(st.fractions(0, 10), min_size=1, max_size=20))
def test_at_any_volume_the_interval_names_the_cheapest(options, volumes):
    spans = intervals(options, TRAFFIC)
    assert spans[0].start == 0
    assert spans[-1].end is None
    assert all(a.end == b.start for a, b in pairwise(spans))
    for times in volumes:
        costs = [cost(option, TRAFFIC, times) for option in options]
        here = next(s for s in spans if s.start <= times and (s.end is None or times <= s.end))
        assert {costs[place] for place in here.cheapest} == {min(costs)}


@given(st.lists(forms, min_size=2, max_size=4))
def test_at_a_boundary_both_sides_cost_the_same(options):
    spans = intervals(options, TRAFFIC)
    for before, after in pairwise(spans):
        costs = [cost(option, TRAFFIC, after.start) for option in options]
        assert {costs[p] for p in (*before.cheapest, *after.cheapest)} == {min(costs)}


def test_options_have_names():
    assert parse_option("subscription=500/month")[0] == "subscription"
    assert parse_option("500/month")[0] == "500/month"
    with pytest.raises(UsageError, match="no name before the ="):
        parse_option("=5%")


@pytest.mark.parametrize(
    ("options", "told"),
    [(["5%"], "breaks even with nothing"), (["a=5%", "a=3%"], "two options are called 'a'")],
)
def test_one_option_or_a_name_twice_is_refused(options, told):
    with pytest.raises(UsageError, match=told):
        check_names([parse_option(text) for text in options])
