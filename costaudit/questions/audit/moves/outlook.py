"""The quarter after a log, at the prices that the book already knows for it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec
import numpy as np
from msgspec.structs import asdict

from costaudit.engine.costing import usd
from costaudit.engine.exact import sum_by
from costaudit.prices.book import PriceBook
from costaudit.prices.cards import Card, timeline_of
from costaudit.prices.conditions import STANDARD_WHEN
from costaudit.prices.numbered import PRICED
from costaudit.questions.audit.month import rounded_usd
from costaudit.questions.audit.moves.build import served_by
from costaudit.questions.audit.moves.hanging import Listed, Price, model_of, price_class
from costaudit.questions.audit.moves.reprice import later_card, reprice
from costaudit.questions.audit.moves.result import (
    AllocationCost,
    Outlook,
    OutlookMonth,
    OutlookStretch,
    Retirement,
    ScheduledChange,
)
from costaudit.questions.audit.work import Audited
from costaudit.routing.projection import exact_sum
from costaudit.times import DAY_US

MONTHS: Final = 3
"""Calendar months of the outlook."""


def build_outlook(work: Audited, listed: Listed) -> Outlook | None:
    """The next quarter of a log; None where nothing says when the log was."""
    plan, last = work.passed.plan, work.passed.last_ts
    since = last // DAY_US + 1 if plan.prices_at is None and last is not None else None
    if plan.prices_at is not None:
        since = plan.prices_at // DAY_US
    if since is None:
        return None
    start = _date(since)
    months = list(_months(start))
    end = months[-1][1]
    stretches = list(_stretches(listed, start, end))
    changes = [c for one, after in itertools.pairwise(stretches) for c in _changes(work, one, after)]
    return Outlook(
        start=start.isoformat(),
        end=end.isoformat(),
        log=_cost(listed),
        stretches=[
            OutlookStretch(start=s.start.isoformat(), end=s.end.isoformat(), **asdict(_cost(s.listed)))
            for s in stretches
        ],
        months=[_month(work, first, after, stretches) for first, after in months],
        changes=changes,
        retirements=list(_retirements(work, listed, start, end)),
        unpriced_usd=usd(exact_sum(listed.costed.list_units[stretches[-1].lost])),
    )


def _date(day: int) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()


def _us(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_US


def _months(start: date) -> Iterator[tuple[date, date]]:
    """First day, and the day after the last, of the calendar months that begin on a day or later."""
    first = start if start.day == 1 else _next_month(start)
    for _ in range(MONTHS):
        yield first, _next_month(first)
        first = _next_month(first)


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


class _Stretch(msgspec.Struct, frozen=True):
    """Some days in which no price of the log changes."""

    start: date
    end: date
    listed: Listed
    lost: np.ndarray[tuple[int], np.dtype[np.bool_]]
    """Cells whose model has no price any more."""


def _stretches(listed: Listed, start: date, end: date) -> Iterator[_Stretch]:
    """The log at the prices of every stretch. A price that changes within a day counts from the next on."""
    edges = {start, end}
    cards = [
        c for c, used in zip(listed.plan.prices.cards, listed.used.tolist(), strict=True) if used and c.model
    ]
    for card in cards:
        when = card.when
        timeline = timeline_of(
            listed.plan.prices.book, (card.provider, card.model), when.tier, when.region, when.speed
        )
        days = (_date(-(-s.start // DAY_US)) for s in timeline.segments)
        edges |= {day for day in days if start < day < end}
    for one, after in itertools.pairwise(sorted(edges)):
        then = reprice(listed.routes.cells, listed.plan, listed.plan.prices.book, _us(one), keep=True)
        yield _Stretch(one, after, Listed.at(listed, then.cells, then.plan), then.lost)


def _cost(listed: Listed) -> AllocationCost:
    return AllocationCost(before_usd=usd(listed.before_units), after_usd=usd(listed.after_units))


def _month(work: Audited, first: date, after: date, stretches: Sequence[_Stretch]) -> OutlookMonth:
    """30 days at the prices of a month: where they change within it, by the days of each."""
    before, routed = Decimal(0), Decimal(0)
    for stretch in stretches:
        days = (min(after, stretch.end) - max(first, stretch.start)).days
        if days > 0:
            before += usd(stretch.listed.before_units) * days
            routed += usd(stretch.listed.after_units) * days
    factor = work.month_factor
    if factor is None:
        return OutlookMonth(month=f"{first:%Y-%m}", before_usd=None, after_usd=None)
    each = [rounded_usd(Fraction(a) * factor / (after - first).days) for a in (before, routed)]
    return OutlookMonth(month=f"{first:%Y-%m}", before_usd=each[0], after_usd=each[1])


def _changes(work: Audited, one: _Stretch, after: _Stretch) -> list[ScheduledChange]:
    """What each price that changes between two stretches adds, the largest first."""
    plan, at = one.listed.plan, _us(after.start)
    moved: dict[Price, dict[int, Card]] = {}
    for number in np.flatnonzero(one.listed.used).tolist():
        card = plan.prices.cards[number]
        later = later_card(card, plan.prices.book, at) if card.model else ""
        if isinstance(later, Card):
            for name, changed in _differences(card, later):
                moved.setdefault((model_of(card), name), {})[number] = changed
    rows = []
    for (model, name), cards in moved.items():
        chosen = np.zeros(len(plan.prices.cards), bool)
        chosen[list(cards)] = True
        before, routed = (usd(u) for u in one.listed.difference(cards, one.listed.touched(chosen)))
        if before or routed:
            old, new = _rates([(plan.prices.cards[n], c) for n, c in cards.items()], name)
            rows.append(
                ScheduledChange(
                    date=after.start.isoformat(), model=model, price_class=name, old_usd=old, new_usd=new,
                    before_usd=before, after_usd=routed,
                    monthly_before_usd=work.monthly(before), monthly_after_usd=work.monthly(routed),
                )
            )  # fmt: skip
    return sorted(rows, key=lambda r: (-max(abs(r.before_usd), abs(r.after_usd)), r.model, r.price_class))


def _differences(card: Card, later: Card) -> Iterator[tuple[str, Card]]:
    """By price class the card with only the prices of that class as they are later."""
    by_class: dict[str, list[str]] = {}
    later = later.with_stand_ins()
    for name in PRICED:
        if name in card.rates and name in later.rates and card.rates[name].usd != later.rates[name].usd:
            by_class.setdefault(price_class(later, name), []).append(name)
    for klass, names in by_class.items():
        yield klass, card.with_rates({name: later.rates[name] for name in names})


def _rates(pairs: Sequence[tuple[Card, Card]], name: str) -> tuple[Decimal | None, Decimal | None]:
    """The price before and after: the one without conditions, if the log uses it; else the only one."""
    told = {
        (old.rates[name].usd if name in old.rates else None, new.rates[name].usd, old.when == STANDARD_WHEN)
        for old, new in pairs
        if name in new.rates
    }
    standard = [pair for *pair, plain in told if plain]
    both = standard if len(standard) == 1 else [pair for *pair, _ in told]
    return (both[0][0], both[0][1]) if len(both) == 1 else (None, None)


def _retirements(work: Audited, listed: Listed, start: date, end: date) -> Iterator[Retirement]:
    """Models that serve the log, or that it is routed to, and are retired from a day on."""
    book, cells = listed.plan.prices.book, listed.cells
    own = [model_of(listed.plan.prices.cards[c]) if c >= 0 else "" for c in cells.keys["card"].tolist()]
    routed = served_by(listed.costed, listed.routes)
    names = sorted({*own, *routed} - {""})
    number = {name: i for i, name in enumerate(["", *names])}
    of_own, of_routed = (np.array([number[n] for n in side], np.intp) for side in (own, routed))
    size, requests = len(number), cells.measures["requests"]
    served, spent = sum_by(of_own, size, requests), sum_by(of_own, size, listed.costed.list_units)
    sent = sum_by(of_routed, size, np.where(listed.routes.moved, requests, 0))
    rows = []
    for name in names:
        day, i = _retired_on(book, name), number[name]
        if day is not None and start <= day < end and (served[i] or sent[i]):
            list_usd = usd(int(spent[i]))
            rows.append(
                Retirement(
                    model=name, date=day.isoformat(),
                    role="both" if served[i] and sent[i] else "serves" if served[i] else "routed_to",
                    requests=int(served[i]), list_usd=list_usd, monthly_usd=work.monthly(list_usd),
                    routed_requests=int(sent[i]),
                )
            )  # fmt: skip
    yield from sorted(rows, key=lambda r: (r.date, -r.list_usd, r.model))


def _retired_on(book: PriceBook, name: str) -> date | None:
    provider, _, model = name.partition("/")
    facts = book.facts.get((provider, model))
    return facts.retired_on if facts is not None else None
