"""The log's side of a comparison with a bill: sums by day, who bills, and model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np

from costaudit.engine.costing import DIGITS, usd
from costaudit.engine.ledger import NO_PERIOD, Cells, Ints
from costaudit.engine.plan import Plan
from costaudit.ingest.bills.line import CLASSES
from costaudit.prices.conditions import service_tier
from costaudit.prices.gateways import Gateways
from costaudit.prices.numbered import PRICED
from costaudit.prices.resolver import Resolved
from costaudit.questions.audit.work import Audited
from costaudit.times import DAY_US, HOUR_US
from costaudit.tokens import PRICED_AS

RESELLERS: Final = frozenset({"openrouter", "vercel", "tokenmix", "alltoken"})
"""Gateways that sell tokens and bill them themselves: their requests are on no provider's bill of ours."""

_EPOCH: Final = date(1970, 1, 1).toordinal()
_SEARCH_SCALE: Final = 10 ** (DIGITS - 15)


class LogSum(msgspec.Struct):
    """What the log holds of one day and model."""

    tokens: Counter[str] = msgspec.field(default_factory=Counter)
    requests: int = 0
    usd: Decimal = Decimal(0)
    """At list."""
    search_usd: Decimal = Decimal(0)
    """The part of it that is for web searches."""
    priced: int = 0
    """Requests with a price."""
    batch_tokens: int = 0

    def add(self, other: LogSum) -> None:
        """Take in another sum."""
        self.tokens.update(other.tokens)
        self.requests += other.requests
        self.usd += other.usd
        self.search_usd += other.search_usd
        self.priced += other.priced
        self.batch_tokens += other.batch_tokens


DayModel = tuple[date, str]
"""A UTC day, and a model as it is joined: the book's name, or the logged one in lower case."""


class LogSide(msgspec.Struct):
    """All requests of a log, by what bills could say of them."""

    sums: dict[str, dict[DayModel, LogSum]] = msgspec.field(default_factory=dict)
    """By the provider that bills."""
    no_time: Counter[str] = msgspec.field(default_factory=Counter)
    """Requests by the provider that bills."""
    not_billed: int = 0
    resold: int = 0
    nobody: int = 0
    """Requests whose provider is not known."""
    total: int = 0


_WITHIN: Final = {**PRICED_AS, "output_image": "output"}
"""Classes that a bill counts within another: it states no images, and no sound among what was cached."""


def _billed_as(cells: Cells, name: str) -> Ints:
    """The tokens of a class as bills count them."""
    inner = (cells.measures[part] for part, whole in _WITHIN.items() if whole == name)
    return sum(inner, cells.measures[name])


def log_side(work: Audited, gateways: Gateways) -> LogSide:
    """The requests of an audit as a bill would sum them."""
    cells, plan = work.passed.cells, work.passed.plan
    side = LogSide()
    step = DAY_US if plan.resolution == "day" else HOUR_US
    words = {key: cells.words(key) for key in ("provider", "model", "gateway", "service_tier")}
    searches = _search_units(work)
    resold = {name for name in cells.values["gateway"] if (g := gateways.named(name)) and g.id in RESELLERS}
    counts = {name: _billed_as(cells, name).tolist() for name in CLASSES}
    requests, priced = cells.measures["requests"].tolist(), work.costed.priced.tolist()
    units, cards = work.costed.list_units.tolist(), cells.keys["card"].tolist()
    for i, period in enumerate(cells.keys["period"].tolist()):
        side.total += requests[i]
        if cards[i] == plan.prices.free_card:
            side.not_billed += requests[i]
            continue
        if words["gateway"][i] in resold:
            side.resold += requests[i]
            continue
        at = max(period, 0) * step
        biller, model = _biller(
            plan, cards[i], words["provider"][i] or words["gateway"][i], words["model"][i], at
        )
        if biller is None:
            side.nobody += requests[i]
            continue
        if period == NO_PERIOD:
            side.no_time[biller] += requests[i]
            continue
        day = date.fromordinal(_EPOCH + at // DAY_US)
        one = side.sums.setdefault(biller, {}).setdefault((day, model), LogSum())
        one.tokens.update({name: counts[name][i] for name in CLASSES if counts[name][i]})
        one.requests += requests[i]
        if priced[i]:
            one.usd += usd(units[i])
            one.search_usd += usd(searches[i])
            one.priced += requests[i]
        if service_tier(words["service_tier"][i]) == "batch":
            one.batch_tokens += sum(counts[name][i] for name in CLASSES)
    return side


def _search_units(work: Audited) -> list[int]:
    """What the web searches of every cell cost, in the units of `list_units`."""
    cells, matrix = work.passed.cells, work.passed.plan.prices.rates().rates
    searches = cells.measures["web_searches"]
    if not searches.any() or not len(matrix):
        return [0] * cells.rows
    card = cells.keys["card"]
    rates = np.where(card >= 0, np.maximum(matrix[np.maximum(card, 0), PRICED.index("web_search")], 0), 0)
    return [n * r * _SEARCH_SCALE for n, r in zip(searches.tolist(), rates.tolist(), strict=True)]


def _biller(
    plan: Plan, card: int, provider: str | None, model: str | None, at: int
) -> tuple[str | None, str]:
    """Who sends the bill for a cell, and the model as it is joined.

    A cloud or host bills what it serves, also at another provider's list; otherwise it is the maker of
    the model as resolved: logs name OpenAI for whatever speaks its protocol.
    """
    book = plan.prices.book
    named = book.provider_by_log_name.get(provider.strip().lower()) if provider else None
    found = plan.prices.cards[card] if card >= 0 else None
    if found is not None and found.model:
        maker, known = found.provider, found.model
    else:
        resolved = plan.prices.resolver.resolve(provider, model, at)
        if not isinstance(resolved, Resolved):
            return named, (model or "").strip().lower()
        maker, known = resolved.provider, resolved.model
    if named is not None and book.providers[named].kind in ("cloud", "host", "gateway"):
        return named, known
    return maker, known


def unread(side: LogSide, provider: str) -> Mapping[str, int]:
    """Requests that no bill of a provider can be about, by reason."""
    others = sum(
        one.requests for biller, sums in side.sums.items() if biller != provider for one in sums.values()
    )
    undated_elsewhere = sum(n for biller, n in side.no_time.items() if biller != provider)
    return {
        "other_billers": others + undated_elsewhere + side.resold + side.nobody,
        "no_time": side.no_time[provider],
        "not_billed": side.not_billed,
    }
