"""A committed-use discount: what it pays, and what routing takes away from it.

A commitment is to `usd` of list price a month, paid at (100 - percent) % of it whether it is used or not. Use
beyond it is paid by list. So with a use of L a month:

    cost(L) = usd × (1 - percent / 100) + max(0, L - usd)

which is below L from L = usd × (1 - percent / 100) on: the utilisation that pays is 1 - percent / 100.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

import msgspec

from costaudit.errors import UsageError, did_you_mean
from costaudit.money import is_amount
from costaudit.questions.audit.fees.markup import grouped, plain

LONGEST_MONTHS: Final = 120

HINT: Final = "like percent=20,monthly=10000,months=12"


class Commitment(msgspec.Struct, frozen=True):
    """A discount for a committed use."""

    percent: Decimal
    """Of the list price of what is committed to."""
    usd: Decimal
    """Use a month, by list, that is committed to."""
    months: int

    @property
    def label(self) -> str:
        """How it is written."""
        return f"{plain(self.percent)}% on ${grouped(self.usd)}/month for {self.months} months"

    @property
    def paid_usd(self) -> Fraction:
        """What is paid a month, used or not; the least use by list that is worth it."""
        return Fraction(self.usd) * (100 - Fraction(self.percent)) / 100

    def cost_usd(self, list_usd: Fraction) -> Fraction:
        """What a use of so much a month, by list, costs under it."""
        return self.paid_usd + max(list_usd - Fraction(self.usd), Fraction(0))

    def saving_usd(self, list_usd: Fraction) -> Fraction:
        """What it takes off the list price of a month: below 0 where it costs more than it saves."""
        return list_usd - self.cost_usd(list_usd)

    def utilisation(self, list_usd: Fraction) -> Fraction:
        """The part of what is committed to that is used."""
        return min(list_usd / Fraction(self.usd), Fraction(1))

    def most_usd(self, list_usd: Fraction) -> Fraction:
        """The largest commitment at this discount that a use of so much a month still pays for."""
        return list_usd * 100 / (100 - Fraction(self.percent))


def parse_commitment(text: str) -> Commitment:
    """`percent=20,monthly=10000,months=12`; months are 12 where not given. Raises UsageError."""
    found: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in _READ:
            hint = did_you_mean(name, _READ) or HINT
            raise UsageError(f"{text!r}: {part.strip()!r} is not percent=, monthly= or months=", hint=hint)
        if name in found:
            raise UsageError(f"{text!r} gives {name} twice", hint=HINT)
        found[name] = value
    if missing := [name for name in ("percent", "monthly") if name not in found]:
        raise UsageError(f"{text!r} lacks {' and '.join(missing)}", hint=HINT)
    numbers = {name: _READ[name](value, text) for name, value in found.items()}
    return Commitment(numbers["percent"], numbers["monthly"], int(numbers.get("months", Decimal(12))))


def _number(value: str, text: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not is_amount(number):
        raise UsageError(f"{text!r}: {value!r} is not a number", hint=HINT)
    return number


def _percent(value: str, text: str) -> Decimal:
    number = _number(value.removesuffix("%").strip(), text)
    if not 0 < number < 100:
        raise UsageError(f"{text!r}: a discount is between 0% and 100%", hint=HINT)
    return number


def _usd(value: str, text: str) -> Decimal:
    number = _number(value.removeprefix("$").strip(), text)
    if number <= 0:
        raise UsageError(f"{text!r}: the committed use of a month is above 0", hint=HINT)
    return number


def _months(value: str, text: str) -> Decimal:
    number = _number(value, text)
    if number != number.to_integral_value() or not 1 <= number <= LONGEST_MONTHS:
        raise UsageError(f"{text!r}: months are a whole number from 1 to {LONGEST_MONTHS}", hint=HINT)
    return number


_READ: Final[dict[str, Callable[[str, str], Decimal]]] = {
    "percent": _percent, "monthly": _usd, "months": _months
}  # fmt: skip
