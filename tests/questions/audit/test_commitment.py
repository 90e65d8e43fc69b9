"""Committed-use discounts by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.errors import UsageError
from costaudit.questions.audit.fees.commitment import Commitment, parse_commitment

TWENTY = parse_commitment("percent=20,monthly=10000,months=12")


@pytest.mark.parametrize(
    ("list_usd", "cost", "saving", "used"),
    [
        (0, 8000, -8000, 0),
        (5000, 8000, -3000, Fraction(1, 2)),
        (8000, 8000, 0, Fraction(4, 5)),  # from 80% of use on it pays
        (10_000, 8000, 2000, 1),
        (14_000, 12_000, 2000, 1),  # what is above is paid by list
    ],
)
def test_a_fifth_off_ten_thousand_a_month(list_usd, cost, saving, used):
    spend = Fraction(list_usd)
    assert TWENTY.cost_usd(spend) == cost
    assert TWENTY.saving_usd(spend) == saving
    assert TWENTY.utilisation(spend) == used


def test_the_largest_commitment_that_pays_costs_what_is_used():
    # 20% off M costs 0.8 M: with a use of $6,000 it pays up to M = $7,500.
    assert TWENTY.most_usd(Fraction(6000)) == 7500
    assert Commitment(Decimal(20), Decimal(7500), 12).saving_usd(Fraction(6000)) == 0


@given(st.decimals("0.01", "99.99", places=2), st.decimals("0.01", 10**6, places=2), st.fractions(0, 10**7))
def test_it_pays_exactly_from_the_utilisation_of_the_rest(percent, usd, spend):
    one = Commitment(percent, usd, 12)
    needed = 1 - Fraction(percent) / 100
    assert (one.saving_usd(spend) >= 0) == (one.utilisation(spend) >= needed)
    assert one.cost_usd(spend) >= spend * needed
    assert one.saving_usd(spend) <= Fraction(usd) * Fraction(percent) / 100


def test_twelve_months_are_meant_where_none_are_given():
    assert parse_commitment(" percent = 20% , monthly = $10000 ") == Commitment(
        Decimal(20), Decimal(10_000), 12
    )
    assert TWENTY.label == "20% on $10,000/month for 12 months"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("percent=20", "lacks monthly"),
        ("", "is not percent=, monthly= or months="),
        ("percent=20,monthly=5,month=3", "'month=3' is not percent=, monthly= or months="),
        ("percent=20,percent=30,monthly=5", "gives percent twice"),
        ("percent=0,monthly=5", "between 0% and 100%"),
        ("percent=100,monthly=5", "between 0% and 100%"),
        ("percent=x,monthly=5", "'x' is not a number"),
        ("percent=20,monthly=0", "is above 0"),
        ("percent=20,monthly=nan", "'nan' is not a number"),
        ("percent=20,monthly=5,months=1.5", "a whole number from 1 to 120"),
    ],
)
def test_terms_that_make_no_sense_are_refused(text, told):
    with pytest.raises(UsageError, match=told):
        parse_commitment(text)
