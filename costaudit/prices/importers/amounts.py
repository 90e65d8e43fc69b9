"""Amounts as other tables write them, made exact: per-token floats, strings, decimals."""

from __future__ import annotations

from decimal import Context, Decimal, InvalidOperation
from typing import Final

from costaudit.prices.importers.observation import DYNAMIC_PRICE, NO_PRICE, NOT_AN_AMOUNT

MTOK: Final = 1_000_000
"""Tokens that our prices are for; what a price per token is multiplied with."""

_FLOAT_DIGITS: Final = 15
"""A decimal of up to this many digits survives a double; one of more is the noise of arithmetic."""
_KEPT: Final = Context(prec=12)
_LARGEST: Final = 9
"""Powers of ten between which an amount is believed; 1e99999 would fill the memory when it is written."""


def parse_amount(value: object, times: int = 1) -> Decimal | str:
    """The amount, multiplied, or the reason why it is none. Never 0: that is NO_PRICE.

    >>> parse_amount("0.0000025", MTOK), parse_amount(3.0000000000000004e-07, MTOK)
    (Decimal('2.5'), Decimal('0.3'))
    >>> parse_amount("-1"), parse_amount(0.0)
    ('the price is decided per request', 'no price')
    """
    if value is None or value == "":
        return NO_PRICE
    exact = _decimal(value)
    if exact is None:
        return NOT_AN_AMOUNT
    if exact <= 0:
        return DYNAMIC_PRICE if exact == -1 else NOT_AN_AMOUNT if exact < 0 else NO_PRICE
    if len(exact.as_tuple().digits) > _FLOAT_DIGITS:
        exact = _KEPT.plus(exact)
    return plain(exact * times)


def plain(amount: Decimal) -> Decimal:
    """The same amount without trailing zeros and without an exponent.

    >>> plain(Decimal("4E+1")), plain(Decimal("0.50"))
    (Decimal('40'), Decimal('0.5'))
    """
    return Decimal(f"{amount.normalize():f}")


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, Decimal | float | int | str):
        return None
    try:
        exact = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, ValueError):
        return None
    if not exact.is_finite() or (exact and abs(exact.adjusted()) > _LARGEST + 6):
        return None
    return exact
