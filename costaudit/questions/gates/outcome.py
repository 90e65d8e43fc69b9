"""What a gate comes to: a measured value against its limits, and the verdict.

Compared exactly: at a limit nothing is exceeded. A value that is not there is no pass.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Literal

import msgspec

from costaudit.config.gates import Limit


class GateVerdict(StrEnum):
    """What a gate says."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    FAIL = "fail"
    CANNOT_JUDGE = "cannot_judge"


class Unit(StrEnum):
    """What a measured value counts."""

    USD = "usd"
    USD_PER_DAY = "usd_per_day"
    USD_PER_MONTH = "usd_per_month"
    PERCENT = "percent"
    DAYS = "days"
    MODELS = "models"


class GateLimits(msgspec.Struct, frozen=True):
    """Where a gate warns and fails; one of the two is set."""

    deny: Fraction | None
    warn: Fraction | None
    at_least: bool = False
    """The value must not be below them; else it must not be above."""

    @classmethod
    def of(cls, limit: Limit[Decimal] | Limit[int]) -> GateLimits:
        """The limits of a setting."""
        deny, warn = (None if value is None else Fraction(value) for value in (limit.deny, limit.warn))
        return cls(deny, warn, limit.at_least)

    @classmethod
    def none_at(cls, level: Literal["deny", "warn"]) -> GateLimits:
        """Nothing at all may be found, at a level."""
        nothing = Fraction(0)
        return cls(nothing, None) if level == "deny" else cls(None, nothing)

    @property
    def level(self) -> Literal["deny", "warn"]:
        """The gravest that the gate can say."""
        return "deny" if self.deny is not None else "warn"

    def breaks(self, value: Fraction, limit: Fraction | None) -> bool:
        """Whether a value is on the wrong side of a limit."""
        return limit is not None and (value < limit if self.at_least else value > limit)


class Measured(msgspec.Struct, frozen=True):
    """A value, with the limits that it is held against."""

    subject: str
    """What of the gate it is about: `tokens`, `feature /search*`; names in it may come from a log."""
    value: Fraction | None
    """In its unit, exact; percent for a share. None when it is not known."""
    limits: GateLimits
    unit: Unit
    note: str
    """What it rests on, or why it is not known."""
    key: tuple[str | int, ...]
    """Where the limit stands in `[gates]`."""
    doubt: str = ""
    """Why the true value may be worse, so that it is no pass."""


class GateOutcome(msgspec.Struct, frozen=True):
    """A measured value, judged."""

    measured: Measured
    verdict: GateVerdict
    limit: Fraction | None
    """The one that decided: the broken one, else the gravest."""


def judge(measured: Measured) -> GateOutcome:
    """The verdict. Deny beats warn; doubt leaves nothing but a broken limit."""
    value, limits = measured.value, measured.limits
    gravest = limits.deny if limits.deny is not None else limits.warn
    if value is None:
        return GateOutcome(measured, GateVerdict.CANNOT_JUDGE, gravest)
    if limits.breaks(value, limits.deny):
        return GateOutcome(measured, GateVerdict.FAIL, limits.deny)
    warns = limits.breaks(value, limits.warn)
    if measured.doubt and not (warns and limits.deny is None):
        return GateOutcome(measured, GateVerdict.CANNOT_JUDGE, gravest)
    return (
        GateOutcome(measured, GateVerdict.WARN, limits.warn)
        if warns
        else GateOutcome(measured, GateVerdict.PASS, gravest)
    )
