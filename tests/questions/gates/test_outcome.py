"""The verdict of a value against its limits, and how both are written."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costaudit.questions.gates.figures import exact_text, limit_text, value_text
from costaudit.questions.gates.outcome import GateLimits, GateVerdict, Measured, Unit, judge

GRAVITY = [GateVerdict.PASS, GateVerdict.WARN, GateVerdict.CANNOT_JUDGE, GateVerdict.FAIL]
values = st.fractions(0, 100)


def measured(
    value: Fraction | None, limits: GateLimits, unit: Unit = Unit.PERCENT, doubt: str = ""
) -> Measured:
    return Measured("x", value, limits, unit, "note", ("x",), doubt)


def ordered(low: Fraction, high: Fraction, *, at_least: bool) -> GateLimits:
    return GateLimits(low, high, at_least=True) if at_least else GateLimits(high, low)


@given(values, values, st.booleans())
def test_a_limit_that_is_met_exactly_is_kept(value: Fraction, other: Fraction, at_least: bool):
    limits = GateLimits(value, None, at_least)
    assert judge(measured(value, limits)).verdict is GateVerdict.PASS
    broken = other < value if at_least else other > value
    assert (judge(measured(other, limits)).verdict is GateVerdict.FAIL) == broken


@given(values, values, values, values, st.booleans())
def test_a_worse_value_never_gets_a_kinder_verdict(
    a: Fraction, b: Fraction, warn: Fraction, deny: Fraction, at_least: bool
):
    limits = ordered(*sorted((warn, deny)), at_least=at_least)
    better, worse = sorted((a, b), reverse=at_least)
    verdicts = [judge(measured(v, limits)).verdict for v in (better, worse)]
    assert GRAVITY.index(verdicts[0]) <= GRAVITY.index(verdicts[1])


@given(st.none() | values, st.none() | values, values, st.booleans())
def test_doubt_and_absence_never_pass(
    value: Fraction | None, warn: Fraction | None, deny: Fraction, at_least: bool
):
    for limits in (GateLimits(deny, warn, at_least), GateLimits(None, deny, at_least)):
        assert judge(measured(value, limits, doubt="unsure")).verdict is not GateVerdict.PASS
        assert judge(measured(None, limits)).verdict is GateVerdict.CANNOT_JUDGE


def test_doubt_leaves_a_warning_where_nothing_more_can_be_said():
    warn_only, both = GateLimits(None, Fraction(5)), GateLimits(Fraction(9), Fraction(5))
    assert judge(measured(Fraction(6), warn_only, doubt="unsure")).verdict is GateVerdict.WARN
    assert judge(measured(Fraction(6), both, doubt="unsure")).verdict is GateVerdict.CANNOT_JUDGE
    assert judge(measured(Fraction(10), both, doubt="unsure")).verdict is GateVerdict.FAIL


@given(st.fractions(0, 10**6))
def test_a_value_is_written_exactly_or_cut(value: Fraction):
    written = Fraction(Decimal(exact_text(value)))
    assert written == value or 0 < value - written < Fraction(1, 10**9)


@given(st.decimals(0, 10**9, places=6))
def test_a_decimal_is_written_as_it_is(value: Decimal):
    assert Decimal(exact_text(Fraction(value))) == value


@pytest.mark.parametrize(
    ("value", "limit", "unit", "told"),
    [
        ("50", "50", Unit.USD, ("$50.00", "$50.00")),
        ("50.001", "50", Unit.USD, ("$50.001", "$50.00")),
        ("50.0000000001", "50", Unit.USD, ("$50.00…", "$50.00")),
        ("0.00012", "0.0001", Unit.USD, ("$0.00012", "$0.0001")),
        ("1234.5", "1000", Unit.USD_PER_MONTH, ("$1,234.50", "$1,000.00")),
        ("3", "2.500000001", Unit.USD, ("$3.00", "$2.500000001")),
        ("99.999", "100", Unit.PERCENT, ("99.99%", "100%")),
        ("5.0004", "5", Unit.PERCENT, ("5.0004%", "5%")),
        ("80", "80.000001", Unit.PERCENT, ("80%", "80.000001%")),
        ("1", "30", Unit.DAYS, ("1 day", "30 days")),
        ("0", "0", Unit.MODELS, ("0", "0")),
    ],
)
def test_a_value_and_its_limit_look_alike_only_when_they_are(value: str, limit: str, unit: Unit, told: Any):
    outcome = judge(measured(Fraction(value), GateLimits(Fraction(limit), None), unit))
    assert (value_text(outcome), limit_text(outcome)) == told
