"""Amounts of other tables come out exact, or with a reason why there is none."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.prices.importers.amounts import MTOK, parse_amount
from costaudit.prices.importers.observation import DYNAMIC_PRICE, NO_PRICE, NOT_AN_AMOUNT

MICROS = st.integers(1, 10**10).map(lambda n: Decimal(n) / 10**6)
"""Prices per 1M tokens from 0.000001 to 10,000 dollars, to six decimals."""


@given(MICROS)
def test_a_price_per_token_survives_the_arithmetic_of_floats(usd):
    for noisy in (float(usd) / MTOK, float(usd) * 1e-6, float(usd) / 1000 / 1000):
        assert parse_amount(noisy, MTOK) == usd
        assert parse_amount(json.loads(json.dumps(noisy), parse_float=Decimal), MTOK) == usd


@given(MICROS)
def test_a_decimal_text_is_taken_as_it_stands(usd):
    assert parse_amount(f"{usd / MTOK:f}", MTOK) == usd
    assert parse_amount(usd) == usd


@given(st.one_of(st.text(), st.floats(), st.decimals(), st.integers(), st.none(), st.booleans(), st.binary()))
def test_an_amount_is_a_plain_number_above_zero_or_a_reason(value):
    found = parse_amount(value, MTOK)
    if isinstance(found, Decimal):
        assert found > 0
        assert len(f"{found:f}") < 60
    else:
        assert found in {NO_PRICE, DYNAMIC_PRICE, NOT_AN_AMOUNT}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (0, NO_PRICE),
        ("0", NO_PRICE),
        (0.0, NO_PRICE),
        (None, NO_PRICE),
        ("", NO_PRICE),
        ("-1", DYNAMIC_PRICE),
        ("-0.5", NOT_AN_AMOUNT),
        ("free", NOT_AN_AMOUNT),
        ("NaN", NOT_AN_AMOUNT),
        ("Infinity", NOT_AN_AMOUNT),
        ("1e999999999", NOT_AN_AMOUNT),
        (True, NOT_AN_AMOUNT),
        ({"base": 1}, NOT_AN_AMOUNT),
    ],
)
def test_what_is_no_price_has_a_reason(value, reason):
    assert parse_amount(value, MTOK) == reason


@pytest.mark.parametrize(
    ("value", "usd"),
    [(2.9999999999999997e-07, "0.3"), (1.0000000000000002e-06, "1"), (1.41953125e-07, "0.141953125")],
)
def test_the_noise_of_a_float_is_no_part_of_a_price(value, usd):
    assert f"{parse_amount(value, MTOK):f}" == usd
