"""What a change of the tables does to a bill: the same traffic priced by the base, and by the head.

Amounts are compared over requests that both sides can price. What has a price on one side only is counted and
summed apart: it is not a price that rose or fell, and nothing is ever 0 because it has no price.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal, TypedDict

import msgspec

from costaudit.errors import InputError
from costaudit.money import exact, percent_of, shown
from costaudit.prices.diff_gates import Condition
from costaudit.prices.rules.impact import BILL_MOVES, TRAFFIC_LOSES_PRICE
from costaudit.prices.rules.rule import BrokenAt, Violation, violation

REQUEST_TIME: Final = "request-time"


class Sides(msgspec.Struct, frozen=True):
    """An amount by the base and by the head, in USD of the log's period."""

    base: Decimal
    head: Decimal

    @property
    def change(self) -> Decimal:
        """How much the head is dearer; below 0 for cheaper."""
        return self.head - self.base

    @property
    def percent(self) -> str | None:
        """The change in percent of the base, rounded, with a sign; None where the base is 0."""
        text = percent_of(self.change, self.base)
        return text if text is None or text.startswith("-") or not self.change else f"+{text}"


class OneSided(msgspec.Struct, frozen=True):
    """Requests that only one of the sides can price, and what they cost by it."""

    requests: int = 0
    usd: Decimal = Decimal(0)


class ImpactRow(msgspec.Struct, frozen=True):
    """Requests of one model, tier and feature; or all of them."""

    requests: int
    list_usd: Sides
    billed_usd: Sides
    """List and the known fees of gateways; what requests report does not change with a table."""
    projected_usd: Sides | None
    """After routing; None where the routes are not known."""
    lost: OneSided
    """Priced by the base only."""
    gained: OneSided
    """Priced by the head only."""
    unpriced: int
    """Requests that neither side can price."""
    model: str | None = None
    """As logged."""
    tier: int | None = None
    feature: str | None = None

    @property
    def is_changed(self) -> bool:
        """Whether anything is another one by the head."""
        amounts = [self.list_usd, self.billed_usd, *([self.projected_usd] if self.projected_usd else [])]
        return bool(any(one.change for one in amounts) or self.lost.requests or self.gained.requests)


class Recommendation(msgspec.Struct, frozen=True):
    """Where most of the routed requests of a tier and feature go, where head and base differ."""

    tier: int | None
    feature: str | None
    requests: int
    """Of the tier and feature."""
    base: str | None
    """provider/model; None where they keep their models."""
    head: str | None


class View(msgspec.Struct, frozen=True):
    """The comparison at one time of prices."""

    as_of: str
    """request-time, or the instant."""
    total: ImpactRow
    rows: tuple[ImpactRow, ...]
    """Those that change, the largest change first."""
    small: int
    """Rows that change by less than was asked for."""
    unchanged: int
    """Rows that do not change."""
    recommendations: tuple[Recommendation, ...]


class Impact(msgspec.Struct, frozen=True):
    """What a change does to the bill of some traffic."""

    source: Literal["logs", "ledger"]
    requests: int
    start: str | None
    end: str | None
    days: float | None
    policy: str
    unrouted: str | None
    """Why there is no projection; None where there is one."""
    views: tuple[View, ...]
    """At the time of each request, then as on the day from which all changes hold."""
    month: Fraction | None
    """How often the bill of the period is in one of 30 days; None when it covers too little to say."""

    def per_month(self, amount: Decimal) -> Decimal | None:
        """An amount of the period per 30 days, as the whole bill is scaled; None where that is not known."""
        if self.month is None:
            return None
        return amount * self.month.numerator / self.month.denominator

    def monthly(self, amount: Decimal) -> Decimal | None:
        """The same, to the cent."""
        month = self.per_month(amount)
        return None if month is None else month.quantize(Decimal("0.01"))

    def yearly(self, amount: Decimal) -> Decimal | None:
        """Twelve times the amount per 30 days."""
        month = self.monthly(amount)
        return None if month is None else month * 12


def judge_bill(impact: Impact, condition: Condition) -> str | None:
    """What the bill does that a condition forbids; None where it does not.

    A limit holds for list and billed, at both times of prices; exactly the limit does not exceed it. Where
    the base is 0, any rise exceeds every percentage. Raises InputError for a limit in dollars per 30 days on
    traffic of less than a day.
    """
    found: list[tuple[Decimal, str]] = []
    for view in impact.views:
        if condition.unpriced and view.total.lost.requests:
            lost = view.total.lost
            return f"{lost.requests:,} requests ({shown(lost.usd)}) lose their price{_at(view)}"
        for name, amount in (("list", view.total.list_usd), ("bill", view.total.billed_usd)):
            change = amount.change if condition.measure == "increase" else -amount.change
            if condition.measure and change > 0 and _exceeds(impact, condition, change, amount.base):
                found.append((change, _told(impact, view, name, amount)))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def _exceeds(impact: Impact, condition: Condition, change: Decimal, base: Decimal) -> bool:
    if condition.unit == "%":
        return change * 100 > condition.amount * base
    if impact.month is None:
        raise InputError(
            f"--fail-if {condition.text!r} is per 30 days, and the traffic covers less than a day",
            hint="take a percentage, or more traffic",
        )
    return Fraction(change) * impact.month > Fraction(condition.amount)


def _told(impact: Impact, view: View, name: str, amount: Sides) -> str:
    month = impact.monthly(amount.change)
    size = (
        f"{shown(abs(amount.change))} in the period" if month is None else f"{shown(abs(month))} per 30 days"
    )
    percent = f" ({amount.percent} %)" if amount.percent is not None else " (from $0.00)"
    what = "the list price of the traffic" if name == "list" else "the bill"
    return f"{what} {'rises' if amount.change > 0 else 'falls'} by {size}{percent}{_at(view)}"


def _at(view: View) -> str:
    return " at the time of each request" if view.as_of == REQUEST_TIME else f" at the prices of {view.as_of}"


def find_impact(
    impact: Impact, failed: Sequence[tuple[Condition, str]], tables: str
) -> tuple[Violation, ...]:
    """The rules of CA6 that a change breaks: a limit that was set, and models that lose their price.

    `failed` are the limits that the bill exceeds, with what it does; `tables` is where messages say so.
    """
    found = [
        violation(BILL_MOVES, BrokenAt(tables, 0, condition.text, f"{told}; the limit is {condition.text}"))
        for condition, told in failed
        if condition.measure
    ]
    lost: dict[str | None, OneSided] = {}
    for view in impact.views:
        of_view: dict[str | None, OneSided] = {}
        for row in view.rows:
            held = of_view.get(row.model, OneSided())
            of_view[row.model] = OneSided(held.requests + row.lost.requests, held.usd + row.lost.usd)
        for model, one in of_view.items():
            if one.requests > lost.get(model, OneSided()).requests:
                lost[model] = one
    for model in sorted(lost, key=lambda name: (name is None, name or "")):
        one, name = lost[model], model or "(no model)"
        told = f"{one.requests:,} requests to {name} lose their price, {shown(one.usd)} by the base"
        found.append(violation(TRAFFIC_LOSES_PRICE, BrokenAt(tables, 0, name, told)))
    return tuple(found)


class SidesValue(TypedDict):
    """Exact amounts of the period; `monthly_change` is per 30 days, null for traffic of less than a day."""

    base: str
    head: str
    change: str
    percent: str | None
    monthly_base: str | None
    monthly_head: str | None
    monthly_change: str | None
    yearly_change: str | None


class OneSidedValue(TypedDict):
    """Requests that only one side can price."""

    requests: int
    usd: str


class ImpactRowValue(TypedDict):
    """One model (as logged), tier and feature; of the total all three are null."""

    model: str | None
    tier: int | None
    feature: str | None
    requests: int
    list_usd: SidesValue
    billed_usd: SidesValue
    projected_usd: SidesValue | None
    lost: OneSidedValue
    gained: OneSidedValue
    unpriced_requests: int


class RecommendationValue(TypedDict):
    """Where most routed requests of a tier and feature go; null where they stay."""

    tier: int | None
    feature: str | None
    requests: int
    base: str | None
    head: str | None


class ViewValue(TypedDict):
    """One time of prices."""

    as_of: str
    total: ImpactRowValue
    rows: list[ImpactRowValue]
    small_rows: int
    unchanged_rows: int
    recommendations: list[RecommendationValue]


class ImpactValue(TypedDict):
    """What the change does to the bill."""

    source: Literal["logs", "ledger"]
    requests: int
    start: str | None
    end: str | None
    days: float | None
    policy: str
    unrouted: str | None
    views: list[ViewValue]


def impact_value(impact: Impact) -> ImpactValue:
    """The JSON of an impact."""
    return {
        "source": impact.source,
        "requests": impact.requests,
        "start": impact.start,
        "end": impact.end,
        "days": impact.days,
        "policy": impact.policy,
        "unrouted": impact.unrouted,
        "views": [
            {
                "as_of": view.as_of,
                "total": _row(impact, view.total),
                "rows": [_row(impact, row) for row in view.rows],
                "small_rows": view.small,
                "unchanged_rows": view.unchanged,
                "recommendations": [_recommendation(one) for one in view.recommendations],
            }
            for view in impact.views
        ],
    }


def _row(impact: Impact, row: ImpactRow) -> ImpactRowValue:
    return {
        "model": row.model,
        "tier": row.tier,
        "feature": row.feature,
        "requests": row.requests,
        "list_usd": _sides(impact, row.list_usd),
        "billed_usd": _sides(impact, row.billed_usd),
        "projected_usd": None if row.projected_usd is None else _sides(impact, row.projected_usd),
        "lost": {"requests": row.lost.requests, "usd": exact(row.lost.usd)},
        "gained": {"requests": row.gained.requests, "usd": exact(row.gained.usd)},
        "unpriced_requests": row.unpriced,
    }


def _sides(impact: Impact, amount: Sides) -> SidesValue:
    monthly = [impact.monthly(value) for value in (amount.base, amount.head, amount.change)]
    told = [None if value is None else exact(value) for value in (*monthly, impact.yearly(amount.change))]
    return {
        "base": exact(amount.base),
        "head": exact(amount.head),
        "change": exact(amount.change),
        "percent": amount.percent,
        "monthly_base": told[0],
        "monthly_head": told[1],
        "monthly_change": told[2],
        "yearly_change": told[3],
    }


def _recommendation(one: Recommendation) -> RecommendationValue:
    return {
        "tier": one.tier, "feature": one.feature, "requests": one.requests, "base": one.base, "head": one.head
    }  # fmt: skip
