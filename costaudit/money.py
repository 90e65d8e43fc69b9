"""Money: exact decimal dollars, integer pico-dollars for what logs report, and percentages.

No float ever holds money here. A cost that a log states as a JSON number is read to the nearest
pico-dollar (1e-12 USD), which is finer than any price per token.
"""

from __future__ import annotations

import decimal
from decimal import Decimal

from costaudit.errors import UsageError

PICO_PER_USD = 10**12
"""Pico-dollars in a dollar: the unit of `reported_picousd`."""

MTOK = Decimal(1_000_000)
"""Tokens that a price of 'USD per 1M tokens' is for."""

EXACT = decimal.Context(prec=60, rounding=decimal.ROUND_HALF_EVEN)
"""Wide enough that no sum or product of token counts and rates is ever rounded."""

_MOST_DIGITS = 30
"""Before the point of an amount; an integer of 10**900000 dollars would take minutes to make."""

decimal.DefaultContext.prec = EXACT.prec
decimal.setcontext(EXACT.copy())


MOST_USD = Decimal(10) ** 12
"""No bill and no fee comes to that."""


def is_amount(number: Decimal) -> bool:
    """Whether a number that was written down can be meant: finite, below 10^12, with 12 decimals at most.

    >>> is_amount(Decimal("0.000000000001")), is_amount(Decimal("1e400")), is_amount(Decimal("NaN"))
    (True, False, False)
    """
    if not number.is_finite() or number.copy_abs() >= MOST_USD:
        return False
    return -int(number.as_tuple().exponent) <= 12  # of a finite number it is an integer


def usd_for(tokens: int, usd_per_mtok: Decimal) -> Decimal:
    """Exact dollars for a number of tokens at a rate in USD per 1M tokens."""
    return EXACT.multiply(Decimal(tokens), usd_per_mtok).scaleb(-6, EXACT)


def picousd_from(value: float | int | str | Decimal) -> int:
    """A reported cost in USD as integer pico-dollars; raises ValueError on text that is no amount.

    NaN, infinity and what has more digits than money are no amounts either.

    A float below 1024 dollars is scaled as a float, exactly as whole columns are: its error is below
    a pico-dollar.

    >>> picousd_from(0.0001107)
    110700000
    """
    if isinstance(value, float) and abs(value) < 1024:
        return round(value * 1e12)
    amount = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not amount.is_finite() or amount.adjusted() > _MOST_DIGITS:
        raise ValueError("not an amount")
    return int(amount.scaleb(12, EXACT).to_integral_value(decimal.ROUND_HALF_EVEN, EXACT))


def usd_from_pico(picousd: int) -> Decimal:
    """Integer pico-dollars as exact dollars."""
    return Decimal(picousd).scaleb(-12, EXACT)


def exact(usd: Decimal) -> str:
    """The JSON form of an amount: plain digits, not rounded, at least two decimals, no -0.

    >>> exact(Decimal("27600"))
    '27600.00'
    >>> exact(Decimal("0.00046960"))
    '0.0004696'
    """
    text = f"{usd:f}"
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0").ljust(2, "0")
    text = f"{whole}.{fraction}"
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text


def shown(usd: Decimal | None) -> str:
    """The form for the eye: $ and thousands separators; 4 significant digits below a dollar.

    >>> shown(Decimal("18204.114")), shown(Decimal("0.00046964")), shown(None)
    ('$18,204.11', '$0.0004696', '—')
    """
    if usd is None:
        return "—"
    sign, size = ("-" if usd < 0 else ""), abs(usd)
    if size == 0 or size >= 1:
        return f"{sign}${size:,.2f}" if size else "$0.00"
    digits = max(2, -size.adjusted() + 3)
    text = f"{size:.{min(digits, 12)}f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{sign}${whole}.{fraction.ljust(2, '0')}"


def percent_of(part: Decimal, whole: Decimal, places: int = 1) -> str | None:
    """`part` as a percentage of `whole`, rounded half even; None when there is no whole.

    >>> percent_of(Decimal(28400), Decimal(56000))
    '50.7'
    """
    if whole == 0:
        return None
    quantum = Decimal(1).scaleb(-places)
    value = (part * 100 / whole).quantize(quantum, decimal.ROUND_HALF_EVEN)
    return f"{value if value != 0 else quantum * 0:f}"


def parse_percent(text: str) -> Decimal:
    """'10%' or '5.5 %' as a fraction-free percentage (10, 5.5); raises UsageError otherwise."""
    stripped = text.strip().removesuffix("%").strip()
    try:
        value = Decimal(stripped)
    except decimal.InvalidOperation:
        value = Decimal("NaN")
    if not is_amount(value) or not text.strip().endswith("%"):
        raise UsageError(f"{text!r} is not a percentage", hint="write it like 10% or 5.5%")
    if not -100 < value <= 1000:
        raise UsageError(f"{text!r} is outside -100% .. 1000%")
    return value
