"""How well the failure rates of their hours foretell the retries of the log itself."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import msgspec

from costaudit.questions.fallback.chain import FailureRates
from costaudit.questions.fallback.kept import KeptAttempts
from costaudit.questions.fallback.replay import Heads

SEEN: Final = 30
"""Retries at the provider that had just failed from which on they say how long failures last."""


class Check(msgspec.Struct, frozen=True):
    """Further attempts as logged, against what the rates of their hour say of them."""

    attempts: int
    failed: int
    expected: Fraction
    """Sum of the chances that they fail."""

    @property
    def persistence(self) -> Fraction:
        """How probable it is that a failure lasts until the next attempt, beyond what the hour's rate says.

        With p of it a chance q becomes q + (1-q)p, which adds up to the failures as logged. 0 where those are
        no more than expected, or too few attempts say so: a chance is raised by this, and never lowered.
        """
        if self.attempts < SEEN or self.failed <= self.expected:
            return Fraction(0)
        return (self.failed - self.expected) / (self.attempts - self.expected)


class Checks(msgspec.Struct, frozen=True):
    """Both kinds of further attempts."""

    again: Check
    """At the provider that the attempt before failed at."""
    elsewhere: Check
    """At another one."""


def check_retries(heads: Heads, kept: KeptAttempts, rates: FailureRates) -> Checks:
    """How well the rates foretell the retries of the log itself."""
    counts = {True: [0, 0], False: [0, 0]}
    expected = {True: Fraction(0), False: Fraction(0)}
    for family in heads.families:
        draw = rates.draw()
        for place, row in enumerate(family.rows):
            if not kept.answered(row) and not kept.failed(row):
                break
            at = (*kept.who(row), kept.hour_of(row))
            if place:
                again = kept.who(family.rows[place - 1])[0] == at[0]
                counts[again][0] += 1
                counts[again][1] += kept.failed(row)
                expected[again] += draw.chance(*at)[0]
            draw.failed(*at)
    both = [Check(counts[k][0], counts[k][1], expected[k]) for k in (True, False)]
    return Checks(*both)
