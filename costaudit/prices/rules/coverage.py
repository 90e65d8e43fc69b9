"""CA5: what routing and aliases lead to has a price."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final

from costaudit.prices.cards import timeline_of
from costaudit.prices.proof import CORE
from costaudit.prices.resolver import Resolved, Resolver
from costaudit.prices.rows import instant_text
from costaudit.prices.rules.rule import ERROR, WARNING, BrokenAt, CheckedTables, Rule


def _find_unpriced_routes(case: CheckedTables) -> Iterator[BrokenAt]:
    resolver = Resolver(case.book)
    for wanted in case.wanted:
        for name in wanted.names:
            if not any(_model(resolver, name, at) for at in (case.now or 0, *_moments(resolver, name))):
                told = f"{name} is no model of the price book, so nothing can be routed to it"
                yield BrokenAt(wanted.file, wanted.line, name, told)


def _moments(resolver: Resolver, name: str) -> list[int]:
    provider, _, model = name.partition("/")
    return [start for start, _ in resolver.periods(provider, model)]


def _model(resolver: Resolver, name: str, at: int) -> tuple[str, str] | None:
    provider, _, model = name.partition("/")
    found = resolver.resolve(provider, model, at)
    return (found.provider, found.model) if isinstance(found, Resolved) else None


def _find_dead_seats(case: CheckedTables) -> Iterator[BrokenAt]:
    """Seats none of whose models is released, priced and not retired at `now`."""
    if case.now is None:
        return
    resolver, today = Resolver(case.book), datetime.fromtimestamp(case.now // 1_000_000, UTC).date()
    for wanted in case.wanted:
        keys = [_model(resolver, name, case.now) for name in wanted.names]
        states = [_state(case, key, case.now, today) for key in keys if key is not None]
        if states and not any(state == "" for state in states):
            told = f"nothing can be routed to {wanted.names[-1]} any more: {states[-1]}"
            yield BrokenAt(wanted.file, wanted.line, wanted.names[-1], told)


def _state(case: CheckedTables, key: tuple[str, str], now: int, today: date) -> str:
    """Why a model cannot serve now; empty when it can."""
    facts = case.book.facts.get(key)
    if facts is not None and facts.retired_on is not None and facts.retired_on <= today:
        return f"{'/'.join(key)} was retired on {facts.retired_on}"
    card = timeline_of(case.book, key).at(now, 0)
    if isinstance(card, str):
        return f"{'/'.join(key)} has no price now"
    missing = [klass for klass in CORE if klass not in card.rates]
    return f"{'/'.join(key)} has no {missing[0]} price now" if missing else ""


def _find_unpriced_aliases(case: CheckedTables) -> Iterator[BrokenAt]:
    for rows in case.book.aliases.values():
        for row in rows:
            prices = case.book.in_force.get((row.provider, row.model), ())
            starts = [r.valid_from for r in prices if r.usd is not None]
            if starts and row.valid_from is not None and row.valid_from < min(starts):
                told = (
                    f"alias {row.alias!r} stands for {row.model} from {instant_text(row.valid_from)}, "
                    "which has its "
                    f"first price on {instant_text(min(starts))}"
                )
                yield BrokenAt(row.path, row.line, f"{row.provider}/{row.alias}", told)


def _find_unpriced_traffic(case: CheckedTables) -> Iterator[BrokenAt]:
    """Models that real requests went to and that have no price at the time of those requests."""
    for item in case.unpriced:
        count = f"{item.requests:,} requests" if item.requests != 1 else "1 request"
        why = item.reason.replace("_", " ") + (f"; {item.detail}" if item.detail else "")
        yield BrokenAt(item.file, 0, item.name, f"{item.name} has no price for {count}: {why}")


RULES: Final = (
    Rule(
        "CA501", "unpriced-route", ERROR,
        "A policy that routes to a model without a price projects nothing, or leaves that model out "
        "without a word.",
        "Add its prices, or mend the name in the policy or roster.",
        'a roster with "openai/gpt-6-lunar"',
        _find_unpriced_routes,
    ),
    Rule(
        "CA502", "alias-before-price", ERROR,
        "An alias that is older than the first price of its model: requests under that name are unpriced "
        "until then.",
        "Mend valid_from of the alias, or add the earlier price.",
        "alias from 2024-05-13 for a model with prices from 2024-08-06",
        _find_unpriced_aliases,
    ),
    Rule(
        "CA503", "retired-route", WARNING,
        "All models of a seat are retired or without a price now: the policy routes to nobody there.",
        "Add the successor to the seat.",
        'a seat ["anthropic/claude-3-opus-20240229"] in 2026',
        _find_dead_seats,
        "now",
    ),
    Rule(
        "CA504", "unpriced-traffic", ERROR,
        "Requests without a price are in no total: the bill looks smaller than it is, and a model that was "
        "removed looks like a saving.",
        "Add the price from that time on, an alias of the name, or a mapping in the settings.",
        "147 requests for acme-ranker-2, which no table has",
        _find_unpriced_traffic,
        "traffic",
    ),
)  # fmt: skip
