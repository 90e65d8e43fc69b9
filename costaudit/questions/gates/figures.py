"""Measured values and limits as text: exact for programs, short for the eye, never alike when they differ."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from costaudit.money import shown
from costaudit.questions.gates.outcome import GateOutcome, Unit

PLACES: Final = 9
"""Decimals of a value that does not end: the rest is cut, not rounded."""

_DOLLARS: Final = (Unit.USD, Unit.USD_PER_DAY, Unit.USD_PER_MONTH)


def exact_text(value: Fraction) -> str:
    """A value as a plain decimal number, all of it where it ends, else cut after nine decimals.

    >>> exact_text(Fraction(1, 8)), exact_text(Fraction(200, 3)), exact_text(Fraction(3))
    ('0.125', '66.666666666', '3')
    """
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        value = Fraction(int(value * 10**PLACES), 10**PLACES)
    text = f"{Decimal(value.numerator) / Decimal(value.denominator):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(number: int, noun: str = "request") -> str:
    """A number of things.

    >>> counted(1), counted(2400)
    ('1 request', '2,400 requests')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def dollars(value: Fraction) -> str:
    """An amount for the eye.

    >>> dollars(Fraction(1234567, 1000))
    '$1,234.57'
    """
    return shown(Decimal(value.numerator) / Decimal(value.denominator))


def value_text(outcome: GateOutcome) -> str:
    """The measured value for the eye, with as many digits as tell it from its limit."""
    value, unit = outcome.measured.value, outcome.measured.unit
    if value is None:
        return "not known"
    told = _text(value, unit, 2)
    if outcome.limit is None or value == outcome.limit or told != limit_text(outcome):
        return told
    more = (_text(value, unit, places) for places in range(3, PLACES + 1))
    return next((text for text in more if _figure(text) != _figure(told)), f"{told}…")


def _figure(text: str) -> Decimal:
    return Decimal(text.strip("$%").replace(",", ""))


def limit_text(outcome: GateOutcome) -> str:
    """The limit that decided, for the eye: all of its digits, because it is what was set."""
    limit, unit = outcome.limit, outcome.measured.unit
    if limit is None:
        return "none"
    told = _text(limit, unit, 2)
    return told if (limit * 100).denominator == 1 else _text(limit, unit, PLACES)


def _text(value: Fraction, unit: Unit, places: int) -> str:
    if unit in _DOLLARS:
        if places == 2:
            return dollars(value)
        return f"${_cut(value, places)}"
    if unit is Unit.PERCENT:
        return f"{_cut(value, places if value.denominator != 1 else 0)}%"
    if unit is Unit.DAYS:
        return f"{int(value):,} day{'' if value == 1 else 's'}"
    return f"{int(value):,}"


def _cut(value: Fraction, places: int) -> str:
    """A number cut after some decimals: 99.999% does not become 100%."""
    cut = int(value * 10**places)
    text = f"{Decimal(cut).scaleb(-places):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
