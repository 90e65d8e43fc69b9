"""A pass rate of some trials, and what it proves: the exact lower bound of Clopper and Pearson (1934).

With k of n trials passed, the one-sided lower bound at confidence 1 - a is the rate p at which k or more
passes would have been seen with probability a: P(X >= k | n, p) = a. That probability grows with p, so the
bound reaches a floor exactly when P(X >= k | n, floor) <= a. No float is involved: the probability is
enclosed between two decimals, and computed as a fraction where the limit lies between them.
"""

from __future__ import annotations

import math
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final

import msgspec

CONFIDENCE: Final = Decimal("0.95")
"""Of the lower bound, one-sided."""

PLACES: Final = 6
"""Decimals of a lower bound, which is rounded down."""

_MOST_TRIALS: Final = 20_000

_DIGITS: Final = (50, 200)
"""Digits with which the probability is enclosed, before it is computed exactly."""


class PassRate(msgspec.Struct, frozen=True):
    """How many of some trials passed.

    >>> PassRate(95, 100).point, PassRate(95, 100).lower(), PassRate(95, 100).meets(Decimal("0.90"))
    (9500, Decimal('0.897746'), False)
    """

    passes: int
    trials: int

    @property
    def point(self) -> int:
        """The observed rate in basis points (1/10,000), rounded half even."""
        return round(Fraction(self.passes * 10_000, self.trials))

    def lower(self, confidence: Decimal = CONFIDENCE) -> Decimal:
        """The rate that the trials prove with a confidence, rounded down to six decimals.

        Raises ValueError for a confidence that is not between 0.5 and 1.
        """
        low, high = 0, 10**PLACES + 1
        while high - low > 1:
            middle = (low + high) // 2
            if self.meets(Decimal(middle).scaleb(-PLACES), confidence):
                low = middle
            else:
                high = middle
        return Decimal(low).scaleb(-PLACES)

    def meets(self, floor: Decimal, confidence: Decimal = CONFIDENCE) -> bool:
        """Whether the lower bound reaches a floor, decided exactly: 0 is always met, 1 never.

        Raises ValueError for a confidence that is not between 0.5 and 1.
        """
        if not Decimal("0.5") < confidence < 1:
            raise ValueError("the confidence must be between 0.5 and 1")
        if floor <= 0 or floor >= 1:
            return floor <= 0
        return _at_most(self.passes, self.trials, Fraction(floor), 1 - Fraction(confidence))


def trials_needed(rate: Decimal, floor: Decimal, confidence: Decimal = CONFIDENCE) -> int | None:
    """The fewest trials that prove a floor when a rate of them, rounded down to whole ones, passes.

    A few more may prove less: one failure more is then rounded up. None where the rate is not above the
    floor, or where it takes more than 20,000 trials.

    >>> trials_needed(Decimal("0.97"), Decimal("0.95"))
    361
    """
    failing = 1 - Fraction(rate)
    if rate <= floor or rate > 1:
        return None
    for failures in range(math.ceil(_MOST_TRIALS * failing) + 1):
        fewest = math.floor((failures - 1) / failing) + 1 if failures else 1
        last = min(math.floor(failures / failing), _MOST_TRIALS) if failing else _MOST_TRIALS
        trials = range(max(fewest, failures + 1), last + 1)
        if trials and PassRate(last - failures, last).meets(floor, confidence):
            return next(n for n in trials if PassRate(n - failures, n).meets(floor, confidence))
    return None


@lru_cache(maxsize=4096)
def _at_most(passes: int, trials: int, rate: Fraction, limit: Fraction) -> bool:
    """Whether P(X >= passes) of `trials` at a rate is at most a limit below one half."""
    if passes <= math.floor(trials * rate):  # no more than the median: at least one half
        return False
    for digits in _DIGITS:
        low, high = (_tail(passes, trials, rate, digits, way) for way in (ROUND_FLOOR, ROUND_CEILING))
        if Fraction(high) <= limit:
            return True
        if Fraction(low) > limit:
            return False
    return _exact_tail(passes, trials, rate) <= limit


def _tail(passes: int, trials: int, rate: Fraction, digits: int, rounding: str) -> Decimal:
    """P(X >= passes) above the mean, every step rounded down, or up: a bound from below, or above.

    The terms fall from `passes` on, each by a smaller factor than the one before, so what is left after a
    term is less than a geometric series; the bound from above includes it.
    """
    context = Context(prec=digits, rounding=rounding, Emin=MIN_EMIN, Emax=MAX_EMAX)
    hit, miss = rate.numerator, rate.denominator - rate.numerator

    def scaled(term: Decimal, top: int, bottom: int) -> Decimal:
        return context.divide(context.multiply(term, Decimal(top)), Decimal(bottom))

    term = _first_term(passes, trials, rate, context)
    total = term
    for k in range(passes, trials):
        top, bottom = (trials - k) * hit, (k + 1) * miss
        term = scaled(term, top, bottom)
        total = context.add(total, term)
        if term.adjusted() < total.adjusted() - digits:
            rest = scaled(term, top, bottom - top)
            return context.add(total, rest) if rounding == ROUND_CEILING else total
    return total


def _first_term(passes: int, trials: int, rate: Fraction, context: Context) -> Decimal:
    """P(X = passes), rounded one way."""
    few = min(passes, trials - passes)
    term = Decimal(1)
    for i in range(1, few + 1):
        term = context.divide(context.multiply(term, Decimal(trials - few + i)), Decimal(i))
    for part, power in ((rate, passes), (1 - rate, trials - passes)):
        base = context.divide(Decimal(part.numerator), Decimal(part.denominator))
        term = context.multiply(term, _power(base, power, context))
    return term


def _power(base: Decimal, exponent: int, context: Context) -> Decimal:
    """A power by squaring, every step rounded one way."""
    result = Decimal(1)
    while exponent:
        if exponent & 1:
            result = context.multiply(result, base)
        base = context.multiply(base, base)
        exponent >>= 1
    return result


def _exact_tail(passes: int, trials: int, rate: Fraction) -> Fraction:
    """P(X >= passes) as a fraction."""
    hit, miss = rate.numerator, rate.denominator - rate.numerator
    term = math.comb(trials, passes) * hit**passes * miss ** (trials - passes)
    total = term
    for k in range(passes, trials):
        term = term * (trials - k) * hit // ((k + 1) * miss)
        total += term
    return Fraction(total, rate.denominator**trials)
