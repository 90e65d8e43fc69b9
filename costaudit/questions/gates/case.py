"""What gates look at: the settings, the audit of a log if there is one, the price book and the policies."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.config.gates import Gates
from costaudit.engine.costing import DIGITS
from costaudit.prices.book import PriceBook
from costaudit.prices.gateways import Gateways
from costaudit.prices.resolver import Resolver
from costaudit.prices.rules.rule import Wanted
from costaudit.questions.audit.month import month_line, period_coverage
from costaudit.questions.audit.work import Audited, model_names

Mask = npt.NDArray[np.bool_]


class Log:
    """An audit as gates ask it: sums over some of its cells, exactly."""

    def __init__(self, work: Audited) -> None:
        self.work = work
        self.cells, self.costed = work.passed.cells, work.costed
        self.requests = self.cells.measures["requests"]

    def count(self, here: Mask) -> int:
        """Requests."""
        return int(self.requests[here].sum())

    def billed(self, here: Mask) -> Fraction:
        """Dollars; what is in no bill adds nothing."""
        return in_usd(self.costed.billed_units[here].tolist())

    def monthly(self, here: Mask) -> Fraction | None:
        """Dollars per 30 days; None where the log covers too little to scale."""
        scaled = self.work.scale.monthly(self.costed.billed_units, here)
        return None if scaled is None else scaled / 10**DIGITS

    @property
    def scaled_from(self) -> str:
        """What amounts per month stand on."""
        return month_line(period_coverage(self.work.scale.month, 0), self.work.days)

    @property
    def everything(self) -> Mask:
        """Every cell."""
        return np.ones(self.cells.rows, bool)

    @cached_property
    def served(self) -> list[str | None]:
        """For every cell the model: provider/model of the book, or as logged."""
        return model_names(self.work)

    @property
    def days(self) -> Fraction | None:
        """From the first request to the last, as reports say it; None where no request has a time."""
        return None if self.work.days is None else Fraction(repr(self.work.days))


class GateCase(msgspec.Struct, frozen=True):
    """Everything that gates may ask."""

    gates: Gates
    book: PriceBook
    resolver: Resolver
    gateways: Gateways
    now: int
    """The day by which prices are old and models retired: microseconds UTC."""
    policies: tuple[str, ...] = ()
    """Files or names of the policies."""
    wanted: tuple[Wanted, ...] = ()
    """What the policies route to."""
    log: Log | None = None

    @property
    def today(self) -> date:
        """The day of `now`, UTC."""
        return datetime.fromtimestamp(self.now // 1_000_000, UTC).date()


def in_usd(units: Iterable[Any]) -> Fraction:
    """The sum of integer amounts of the engine in dollars, exactly."""
    return Fraction(sum(int(amount) for amount in units), 10**DIGITS)


def percent(part: Fraction | int, whole: Fraction | int) -> Fraction | None:
    """Percent of a whole, exactly; None when there is no whole."""
    return Fraction(part) * 100 / Fraction(whole) if whole else None
