"""What a log says about a test to come: requests per day and how much their cost varies, by feature."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from costaudit.engine.exact import sum_by
from costaudit.money import EXACT
from costaudit.prices.cards import NO_TS
from costaudit.questions.shadow.arms import DIGITS, ArmCalls, days_of


class ArmTraffic(msgspec.Struct):
    """Sums over some calls, exact. Costs are integers of 1e-15 USD, their squares of 1e-30 USD²."""

    requests: int = 0
    dated: int = 0
    priced: int = 0
    cost: int = 0
    squares: int = 0
    first_day: int | None = None
    """Calendar day (UTC) since 1970-01-01 of the first dated request."""
    last_day: int | None = None

    def add(self, other: ArmTraffic) -> None:
        """Take the calls of another into these sums."""
        self.requests += other.requests
        self.dated += other.dated
        self.priced += other.priced
        self.cost += other.cost
        self.squares += other.squares
        known = [d for d in (self.first_day, self.last_day, other.first_day, other.last_day) if d is not None]
        if known:
            self.first_day, self.last_day = min(known), max(known)

    @property
    def days(self) -> int | None:
        """Calendar days from the first to the last request, both included; None without times."""
        if self.first_day is None or self.last_day is None:
            return None
        return self.last_day - self.first_day + 1

    def per_day(self, days: int) -> Fraction:
        """Dated requests per calendar day."""
        return Fraction(self.dated, days)

    @property
    def cost_cv(self) -> float | None:
        """Standard deviation of the cost per priced request over its mean; None without a cost."""
        if not self.cost:
            return None
        spread = self.priced * self.squares - self.cost**2
        return math.sqrt(Fraction(spread, self.cost**2))

    def usd_for(self, requests: int) -> Decimal | None:
        """What so many requests cost at the mean, to 1e-12 USD; None without a price."""
        if not self.priced:
            return None
        total = EXACT.multiply(Decimal(self.cost).scaleb(-DIGITS, EXACT), Decimal(requests))
        return EXACT.divide(total, Decimal(self.priced)).quantize(Decimal("1e-12"), context=EXACT)


def traffic_of(calls: ArmCalls) -> dict[str | None, ArmTraffic]:
    """The sums of one block, by feature."""
    codes, size = calls.feature.codes, len(calls.feature.values)
    day = days_of(calls.ts)
    dated = calls.ts != NO_TS
    cost = calls.cost
    squares: npt.NDArray[Any] = np.array([c * c for c in cost.tolist()], dtype=object)
    one = np.ones(calls.size, np.int64)
    columns = {
        "requests": one,
        "dated": one * dated,
        "priced": one * calls.priced,
        "cost": cost,
        "squares": squares,
    }
    sums = {name: sum_by(codes.astype(np.intp), size, column) for name, column in columns.items()}
    found = {}
    for code, name in enumerate(calls.feature.values):
        if not sums["requests"][code]:
            continue
        days = day[(codes == code) & dated]
        found[name] = ArmTraffic(
            **{column: int(total[code]) for column, total in sums.items()},
            first_day=int(days.min()) if len(days) else None,
            last_day=int(days.max()) if len(days) else None,
        )
    return found


def add_traffic(parts: Iterable[dict[str | None, ArmTraffic]]) -> dict[str | None, ArmTraffic]:
    """The sums of all blocks, by feature; the order of the blocks makes no difference."""
    total: dict[str | None, ArmTraffic] = {}
    for part in parts:
        for name, traffic in part.items():
            total.setdefault(name, ArmTraffic()).add(traffic)
    return dict(sorted(total.items(), key=lambda item: (-item[1].requests, item[0] is None, item[0] or "")))
