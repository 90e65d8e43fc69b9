"""Expected rates by hand: attempts, checks, fallbacks, ratios, and what is rounded."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from costaudit.routing.policy import TierPolicy, Verification
from costaudit.routing.terms import Terms, expect, terms_of

CLASSES = ("input", "output", "web_search", "request")
CHEAP = {"input": 250_000_000, "output": 2_000_000_000, "web_search": 10**13, "request": 0}
"""$0.25 and $2 per 1M tokens, $0.01 per search: in 1e-15 USD."""


@pytest.mark.parametrize(
    ("rate", "tries", "attempts"),
    [
        ("0", 3, "1"),
        ("0.05", 3, "1.0525"),
        ("0.1", 3, "1.11"),
        ("0.2", 3, "1.24"),
        ("0.3", 3, "1.39"),
        ("0.3", 1, "1"),
    ],
)
def test_attempts_are_a_geometric_sum(rate: str, tries: int, attempts: str):
    """1 + f + f² for three tries, as in research on cascades: 1.05, 1.11, 1.24, 1.39."""
    assert Terms(retry_rate=Decimal(rate), max_attempts=tries).attempts == Fraction(attempts)


def test_what_fails_is_what_is_not_good_enough_or_never_parsed():
    """95 % good enough, 10 % unparsed, two tries: 1 - 0.95 × (1 - 0.01) = 0.0595."""
    assert Terms(success=9500, retry_rate=Decimal("0.1"), max_attempts=2).fails == 595
    assert Terms(success=9500).fails == 500
    assert Terms().fails == 0


def test_plain_terms_are_the_price():
    found = expect(CLASSES, CHEAP, Terms())
    assert found.rates == tuple(CHEAP.values())
    assert (found.fixed_checks, found.own_share) == (0, 0)


def test_every_cause_is_a_part_of_the_rate():
    """Input: 250M × 1.2 = 300M; three tries at 10 %: 333M; a check of half an answer: 150M."""
    terms = Terms(
        input_ratio=Decimal("1.2"), retry_rate=Decimal("0.1"), max_attempts=3, checked_multiple=Decimal("0.5")
    )
    found = expect(CLASSES, CHEAP, terms)
    parts = (found.price[0], found.tokens[0], found.retries[0], found.checks[0], found.fallback[0])
    assert parts == (250_000_000, 50_000_000, 33_000_000, 150_000_000, 0)
    assert found.rates[0] == 483_000_000
    assert found.own_share == 10, "0.1³ of the requests are never parsed"


def test_a_checking_model_reads_prompt_and_answer_and_writes_its_own():
    """At $1 in and $4 out it adds $1 to each token read and written, and 200 × $4 per 1M to each request."""
    checker = {"input": 10**9, "output": 4 * 10**9, "request": 0}
    found = expect(CLASSES, CHEAP, Terms(output_ratio=Decimal(2), checked_output=200), checker)
    assert found.checks == (10**9, 2 * 10**9, 0, 0)
    assert found.fixed_checks == 200 * 4 * 10**9


def test_a_fallback_model_is_paid_for_what_fails_instead_of_the_model_of_today():
    other = {"input": 2 * 10**9, "output": 8 * 10**9, "request": 0}
    found = expect(CLASSES, CHEAP, Terms(success=9000), fallback=(other, Terms(output_ratio=Decimal("1.5"))))
    assert found.fallback == (200_000_000, 1_200_000_000, 0, 0)
    assert found.own_share == 0


def test_a_class_without_a_price_stays_without_one():
    found = expect(CLASSES, {"input": 5, "output": 7}, Terms(success=9000))
    assert found.price == (5, 7, -1, 0)
    assert found.rates[2] == -1


def test_rounding_is_half_to_even_and_per_part():
    found = expect(("input",), {"input": 5}, Terms(input_ratio=Decimal("1.1")))
    assert found.rates == (6,), "5.5 becomes 6"
    assert expect(("input",), {"input": 5}, Terms(input_ratio=Decimal("0.9"))).rates == (4,), "4.5 becomes 4"


def test_terms_come_from_the_policy_unless_evals_say_it():
    half = Verification(multiple=Decimal("0.5"))
    rule = TierPolicy(tier=1, classes=("mid",), success_rate=Decimal("0.97"), verification=half)
    assert (terms_of(rule).success, terms_of(rule, 8800).success) == (9700, 8800)
    assert terms_of(rule).checked_multiple == 0, "what is verified moved or not is no part of moving"
    routed = replace(rule, verification=replace(rule.verification, on="routed"))
    assert terms_of(routed).checked_multiple == Decimal("0.5")


@given(
    price=st.integers(0, 10**12),
    success=st.integers(0, 10_000),
    retry=st.integers(0, 9500),
    tries=st.integers(1, 10),
    ratio=st.integers(1, 100_000),
)
def test_worse_terms_never_cost_less(price: int, success: int, retry: int, tries: int, ratio: int):
    def cost(terms: Terms) -> tuple[int, int]:
        found = expect(("input",), {"input": price}, terms)
        return found.rates[0], found.own_share

    terms = Terms(
        Decimal(ratio).scaleb(-4), success=success, retry_rate=Decimal(retry).scaleb(-4), max_attempts=tries
    )
    better = Terms(Decimal(ratio).scaleb(-4), success=10_000)
    assert all(a >= b for a, b in zip(cost(terms), cost(better), strict=True))
