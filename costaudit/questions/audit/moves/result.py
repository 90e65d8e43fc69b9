"""What a move of prices does to the projection: parts of the JSON contract."""

from __future__ import annotations

from typing import Literal

from costaudit.render.part import Part, Usd


class PriceSensitivity(Part, frozen=True, kw_only=True):
    """What hangs on one price: the spend of a model through one price class, before and after routing."""

    model: str
    """provider/model of the book."""
    price_class: str
    list_usd: Usd
    """List cost of the log that is multiplied with this price, in all its conditions."""
    list_percent: str | None
    """Of spend.list_usd; rounded for the eye."""
    after_usd: Usd
    """The same of the projection, with the routes as they are: nothing is chosen anew."""
    ten_percent_usd: Usd
    """What a price 10 % higher adds to the list cost of the log; one 10 % lower takes as much off."""
    ten_percent_after_usd: Usd
    monthly_ten_percent_usd: Usd | None
    """Per 30 days; null when the log covers less than a day."""
    monthly_ten_percent_after_usd: Usd | None


class AllocationCost(Part, frozen=True, kw_only=True):
    """The log under some prices: on its own models, and with some routes."""

    before_usd: Usd
    after_usd: Usd


class ShiftedModel(Part, frozen=True, kw_only=True):
    """Requests that the policy puts on a model, and what they cost there, at the changed prices."""

    model: str
    """provider/model of the book."""
    static_requests: int
    reoptimised_requests: int
    static_usd: Usd
    """Without what verifying, deciding and lost cache discounts cost."""
    reoptimised_usd: Usd


class PriceMove(Part, frozen=True, kw_only=True):
    """What the price changes do to routes that stay as they are, and to routes that are chosen anew."""

    at_old_prices: AllocationCost
    static: AllocationCost
    """At the changed prices, with the routes that were chosen at the old ones."""
    reoptimised: AllocationCost
    """At the changed prices, with routes chosen at these."""
    missed_usd: Usd
    """What routes chosen anew save more than old ones: what an allocation that nobody revises misses."""
    monthly_missed_usd: Usd | None
    lost_requests: int
    """Routed requests whose route has no price among the changed ones: they are back on their own model."""
    by_model: list[ShiftedModel]
    """The dearest first."""


class OutlookMonth(Part, frozen=True, kw_only=True):
    """30 days of traffic like the log's, at the prices known for one month."""

    month: str
    """2027-01."""
    before_usd: Usd | None
    """On the models of the log. Null when the log covers less than a day."""
    after_usd: Usd | None
    """With the routes of the projection, none of them revised."""


class OutlookStretch(Part, frozen=True, kw_only=True):
    """A stretch of time in which no price of the log changes: the log's traffic once at these prices."""

    start: str
    """First day."""
    end: str
    """The day after the last."""
    before_usd: Usd
    after_usd: Usd


class ScheduledChange(Part, frozen=True, kw_only=True):
    """A known change of a price that the log is billed or routed by."""

    date: str
    model: str
    price_class: str
    old_usd: Usd | None
    """USD per 1M tokens, or per unit; null where there was none, or several under conditions."""
    new_usd: Usd | None
    before_usd: Usd
    """What it adds to the log's traffic on the models of the log."""
    after_usd: Usd
    """What it adds to the projection, with the routes as they are."""
    monthly_before_usd: Usd | None
    monthly_after_usd: Usd | None


class Retirement(Part, frozen=True, kw_only=True):
    """A model of the log, or one that the policy routes to, that will be taken out of service."""

    model: str
    date: str
    role: Literal["serves", "routed_to", "both"]
    requests: int
    """Of the log, on this model today."""
    list_usd: Usd
    """Their list cost in the log."""
    monthly_usd: Usd | None
    routed_requests: int
    """That the projection puts on it."""


class Outlook(Part, frozen=True, kw_only=True):
    """The three calendar months after the log, at the prices that the book knows for them.

    By list and known fees: what a log reports belongs to its own time.
    """

    start: str
    """The day after the log's last, or the day of --prices-at."""
    end: str
    """The day after the last month."""
    log: AllocationCost
    """The log at its own prices, by the same measure."""
    stretches: list[OutlookStretch]
    months: list[OutlookMonth]
    changes: list[ScheduledChange]
    """By date; the largest first within one."""
    retirements: list[Retirement]
    """By date."""
    unpriced_usd: Usd
    """List cost of the log on models that have no price at the end: counted at the last price they had."""
