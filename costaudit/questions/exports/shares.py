"""Shares as weights in whole numbers."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction


def parts_of(share: Decimal) -> tuple[int, int]:
    """A share and the rest as the smallest whole weights.

    >>> parts_of(Decimal("0.25")), parts_of(Decimal(1))
    ((1, 3), (1, 0))
    """
    part = Fraction(share)
    return part.numerator, part.denominator - part.numerator
