"""Bill and log side by side: cells of the finest grain that both can state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

import msgspec

from costaudit.engine.plan import Plan
from costaudit.ingest.bills.line import CLASSES, BillLine, DaySpan, Kind, ReadBill
from costaudit.money import EXACT
from costaudit.prices.cards import Card, name_timeline
from costaudit.prices.conditions import STANDARD, service_tier
from costaudit.prices.resolver import Resolved
from costaudit.prices.rows import UNIT_CLASSES
from costaudit.questions.audit.bill.log_side import LogSide, LogSum

MONEY: Final = "usd"
"""The one thing that a cost statement compares."""

_ONE_DAY: Final = timedelta(days=1)
_RATE: Final = {name: "web_search" if name == "web_searches" else name for name in CLASSES}


class BillSum(msgspec.Struct):
    """What a bill states of one span and model."""

    tokens: Counter[str] = msgspec.field(default_factory=Counter)
    requests: int = 0
    usd: Decimal = Decimal(0)
    has_usd: bool = False
    batch_tokens: int = 0


class Cell(msgspec.Struct):
    """One span and model on both sides."""

    span: DaySpan
    model: str | None
    bill: BillSum = msgspec.field(default_factory=BillSum)
    log: LogSum = msgspec.field(default_factory=LogSum)
    values: dict[str, Decimal] | None = None
    """What one of each class is worth at the standard list price of the day, in USD; None without a price."""


class Statement(msgspec.Struct):
    """All lines of one provider and kind, joined with the log."""

    provider: str
    kind: Kind
    lines: list[BillLine]
    spans: list[DaySpan]
    by_model: bool
    stated: tuple[str, ...]
    """Classes that any line states."""
    states_requests: bool
    cells: list[Cell]
    other_days: int = 0
    """Requests of the log that this provider bills, outside the period."""
    compared: int = 0
    bill_unpriced: int = 0
    """Lines whose tokens have no list price."""
    has_windows: bool = False
    """Whether a price depends on the time of day, which no bill states."""


def statements_of(bills: Sequence[ReadBill], side: LogSide, plan: Plan) -> list[Statement]:
    """The statements that bills make, by provider and kind."""
    keys = sorted({key for bill in bills for key in bill.spans})
    made = []
    for provider, kind in keys:
        lines = [x for bill in bills for x in bill.lines if x.provider == provider and x.kind == kind]
        spans = _spans([bill.spans[provider, kind] for bill in bills if (provider, kind) in bill.spans])
        if lines:
            made.append(_joined(provider, kind, lines, spans, side, plan))
    return made


def _spans(files: Iterable[Sequence[DaySpan]]) -> list[DaySpan]:
    """The buckets of all files, joined where they overlap, and the days between those of one file.

    A day that an export leaves out is a day without usage; a month between two exports is not known.
    """
    every: set[DaySpan] = set()
    for spans in files:
        held = _merged(spans)
        every.update(held)
        for left, right in pairwise(held):
            between = DaySpan(left.last + _ONE_DAY, right.first - _ONE_DAY)
            every.update(DaySpan(day, day) for day in _days(between))
    return _merged(every)


def _merged(spans: Iterable[DaySpan]) -> list[DaySpan]:
    out: list[DaySpan] = []
    for span in sorted(set(spans), key=lambda s: (s.first, s.last, s.utc)):
        if out and span.first <= out[-1].last:
            out[-1] = DaySpan(out[-1].first, max(out[-1].last, span.last), out[-1].utc and span.utc)
        else:
            out.append(span)
    return out


def noon_us(day: date) -> int:
    """The middle of a UTC day, at whose prices its tokens are valued."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return int(at.timestamp()) * 1_000_000


def _joined(
    provider: str, kind: Kind, lines: list[BillLine], spans: list[DaySpan], side: LogSide, plan: Plan
) -> Statement:
    # A line that names neither model nor item is a sum over all of them: then only sums can be compared.
    named = any(x.model is not None for x in lines)
    by_model = named and all(x.model is not None or x.line_item is not None for x in lines)
    stated = tuple(n for n in CLASSES if any(getattr(x, n) is not None for x in lines))
    counted = any(x.requests is not None for x in lines)
    made = Statement(provider, kind, lines, spans, by_model, stated, counted, [])
    table = _Table({}, {day: span for span in spans for day in _days(span)})
    for line in lines:
        span = table.span_of[line.span.first]
        model = _resolved(plan, provider, line.model, span.first) if by_model else None
        _add_line(made, table.cell(span, model).bill, line, plan)
    for (day, name), one in sorted(side.sums.get(provider, {}).items()):
        if day in table.span_of:
            made.compared += one.requests
            table.cell(table.span_of[day], name if by_model else None).log.add(one)
        else:
            made.other_days += one.requests
    if kind == "cost" and by_model and any(x.model is None for x in lines):
        table.set_searches_apart()
    made.cells = table.in_order()
    for cell in made.cells if kind == "usage" else ():
        card = None if cell.model is None else _card(plan, provider, cell.model, cell.span.first)
        cell.values = None if card is None else _values(card)
    return made


def _days(span: DaySpan) -> Iterator[date]:
    day = span.first
    while day <= span.last:
        yield day
        day += _ONE_DAY


class _Table(msgspec.Struct):
    cells: dict[tuple[DaySpan, str | None], Cell]
    span_of: dict[date, DaySpan]

    def cell(self, span: DaySpan, model: str | None) -> Cell:
        """The cell of a span and model, new if need be."""
        return self.cells.setdefault((span, model), Cell(span, model))

    def set_searches_apart(self) -> None:
        """What the log's web searches cost goes where the bill has it: beside the models."""
        for cell in list(self.cells.values()):
            if cell.model is not None and cell.log.search_usd:
                self.cell(cell.span, None).log.usd += cell.log.search_usd
                cell.log.usd -= cell.log.search_usd

    def in_order(self) -> list[Cell]:
        """By time, then model."""
        keys = sorted(self.cells, key=lambda k: (k[0].first, k[1] is None, k[1] or ""))
        return [self.cells[key] for key in keys]


def _resolved(plan: Plan, provider: str, model: str | None, day: date) -> str | None:
    """The name by which a model of the bill meets the log's."""
    if model is None:
        return None
    found = plan.prices.resolver.resolve(provider, model, noon_us(day))
    return found.model if isinstance(found, Resolved) else model.strip().lower()


def _add_line(made: Statement, one: BillSum, line: BillLine, plan: Plan) -> None:
    tokens = line.tokens
    one.tokens.update(tokens)
    one.requests += line.requests or 0
    if line.batch or service_tier(line.service_tier) == "batch":
        one.batch_tokens += sum(tokens.values())
    money = line.usd if line.kind == "cost" else _list_usd(made, line, tokens, plan)
    if money is not None:
        one.usd += money
        one.has_usd = True


def _list_usd(made: Statement, line: BillLine, tokens: dict[str, int], plan: Plan) -> Decimal | None:
    """What the tokens of a line cost at list, under the conditions that the line states."""
    if line.model is None or not any(tokens.values()):
        return None
    tier = "batch" if line.batch else service_tier(line.service_tier)
    card = _card(plan, line.provider, line.model, line.span.first, line, tier)
    worth = {} if card is None else _values(card)
    if not worth or any(count and name not in worth for name, count in tokens.items()):
        made.bill_unpriced += 1
        return None
    made.has_windows = made.has_windows or (card is not None and "window=" in card.id)
    return sum((EXACT.multiply(worth[n], Decimal(c)) for n, c in tokens.items() if c), Decimal(0))


def _card(
    plan: Plan, provider: str, model: str, day: date, line: BillLine | None = None, tier: str = STANDARD
) -> Card | None:
    """The prices of a model on a day; None where the book has none."""
    at = noon_us(day)
    found = plan.prices.resolver.resolve(provider, model, at)
    if not isinstance(found, Resolved):
        return None
    region, speed = (line.region or "", line.speed or "") if line else ("", "")
    timeline = name_timeline(plan.prices.book, ((0, found),), tier, region, speed)
    card = timeline.at(at, line.context if line else 0)
    return None if isinstance(card, str) else card


def _values(card: Card) -> dict[str, Decimal]:
    """USD for one token, or one search, by class."""
    return {
        name: rate.usd if _RATE[name] in UNIT_CLASSES else rate.usd.scaleb(-6, EXACT)
        for name in CLASSES
        if (rate := card.rates.get(_RATE[name])) is not None
    }
