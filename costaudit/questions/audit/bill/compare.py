"""A bill against the log: what the log explains of it, what it misses, and what it has beyond it.

Usage (tokens) is compared class by class, each class weighed by its standard list price of the day on
both sides, so that a token of output counts for more than one read from the cache. Costs are compared
with the log's tokens at list. A share is never above 100 %: what the log has too much of one model does
not make up for what it lacks of another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

import msgspec

from costaudit.errors import UsageError
from costaudit.ingest.bills.line import ReadBill
from costaudit.money import EXACT
from costaudit.prices.gateways import Gateways
from costaudit.questions.audit import result as m
from costaudit.questions.audit.bill.cells import MONEY, Cell, Statement, statements_of
from costaudit.questions.audit.bill.hints import NEXT, find_hints
from costaudit.questions.audit.bill.log_side import LogSide, log_side, unread
from costaudit.questions.audit.work import Audited
from costaudit.render.figures import count

TOLERANCE_PERCENT: Final = Decimal(2)
"""Differences up to this share of the bill are taken for rounding, clocks and calls across midnight."""

_ZERO: Final = Decimal(0)


def compare_bills(work: Audited, bills: Sequence[ReadBill], gateways: Gateways) -> m.Bill:
    """The comparison of an audit with the bills of its providers.

    Raises UsageError for a bill that is given twice, and for an audit at the prices of another date.
    """
    if work.passed.plan.prices_at is not None:
        raise UsageError(
            "a bill cannot be compared with prices of another date",
            hint="leave out --prices-at or --compare-bill",
        )
    _require_distinct(bills)
    side = log_side(work, gateways)
    return m.Bill(
        tolerance_percent=f"{TOLERANCE_PERCENT}",
        files=[m.BillFile(file=b.file, formats=list(b.formats), lines=len(b.lines)) for b in bills],
        skipped=_skipped(bills),
        statements=[_statement(s, bills, side) for s in statements_of(bills, side, work.passed.plan)],
    )


def _require_distinct(bills: Sequence[ReadBill]) -> None:
    seen: dict[str, str] = {}
    for bill in bills:
        if bill.sha256 in seen:
            raise UsageError(
                f"{bill.file} is the same bill as {seen[bill.sha256]}: it would count twice",
                hint="give each bill once",
            )
        seen[bill.sha256] = bill.file


def _skipped(bills: Sequence[ReadBill]) -> list[m.Skipped]:
    counts: Counter[str] = Counter()
    for bill in bills:
        counts.update(bill.quarantine.counts)
    return [
        m.Skipped(
            reason=reason,
            count=number,
            examples=[
                m.Example(file=p.file, line=p.line, byte=p.byte, detail=p.detail)
                for bill in bills
                for p in bill.quarantine.places.get(reason, ())
            ][:5],
        )
        for reason, number in sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))
    ]


def _statement(made: Statement, bills: Sequence[ReadBill], side: LogSide) -> m.BillStatement:
    files = [b for b in bills if (made.provider, made.kind) in b.spans]
    elsewhere = unread(side, made.provider)
    start, end = made.spans[0].first, made.spans[-1].last
    by: list[Any] = ["day" if all(s.first == s.last for s in made.spans) else "bucket"]
    by += ["model"] if made.by_model else []
    total = _row(made, made.cells)
    return m.BillStatement(
        provider=made.provider,
        kind=made.kind,
        files=[b.file for b in files],
        formats=sorted({line.format for line in made.lines}),
        start=str(start),
        end=str(end),
        by=by,
        usd_basis="stated" if made.kind == "cost" else "list",
        total=total,
        by_model=_rows(made, lambda c: (None, c.model)) if made.by_model else [],
        by_day=_rows(made, lambda c: (c.span, None)),
        rows=_rows(made, lambda c: (c.span, c.model)) if made.by_model else [],
        scope=m.BillScope(compared=made.compared, other_days=made.other_days, **elsewhere),
        hints=find_hints(made, TOLERANCE_PERCENT),
        notes=list(_notes(made, files)),
    )


def _rows(made: Statement, key: Callable[[Cell], tuple[Any, str | None]]) -> list[m.BillRow]:
    groups: dict[tuple[Any, str | None], list[Cell]] = {}
    for cell in made.cells:
        groups.setdefault(key(cell), []).append(cell)
    rows = [_row(made, cells, *name) for name, cells in groups.items()]
    if all(row.day is None for row in rows):  # models: the dearest first
        return sorted(
            rows,
            key=lambda r: (-(r.usd.bill or _ZERO), -(r.usd.log or _ZERO), r.model is None, r.model or ""),
        )
    return rows  # days: cells are in order


class _Weighed(msgspec.Struct, frozen=True):
    """Both sides of a group of cells, thing by thing, in one unit."""

    bill: Decimal
    log: Decimal
    short: Decimal
    """What the log lacks."""
    over: Decimal
    """What the log has beyond the bill."""


def _weigh(made: Statement, cells: Sequence[Cell]) -> _Weighed:
    bill: dict[tuple[str | None, str], Decimal] = {}
    log: dict[tuple[str | None, str], Decimal] = {}
    worth = any(cell.values for cell in cells)
    for cell in cells:
        for name, left, right in _things(made, cell, worth=worth):
            key = (cell.model, name)
            bill[key] = bill.get(key, _ZERO) + left
            log[key] = log.get(key, _ZERO) + right
    gaps = [bill[key] - log[key] for key in bill]
    return _Weighed(
        sum(bill.values(), _ZERO),
        sum(log.values(), _ZERO),
        sum((g for g in gaps if g > 0), _ZERO),
        sum((-g for g in gaps if g < 0), _ZERO),
    )


def _things(made: Statement, cell: Cell, *, worth: bool) -> Iterator[tuple[str, Decimal, Decimal]]:
    """What is compared in a cell, as (name, bill, log): money, or tokens by their value if any have one."""
    if made.kind == "cost":
        yield MONEY, cell.bill.usd, cell.log.usd
        return
    for name in made.stated:
        value = (cell.values or {}).get(name) if worth else Decimal(1)
        if value is not None:
            left, right = Decimal(cell.bill.tokens[name]), Decimal(cell.log.tokens[name])
            yield name, EXACT.multiply(left, value), EXACT.multiply(right, value)


def _row(made: Statement, cells: Sequence[Cell], span: Any = None, model: str | None = None) -> m.BillRow:
    weighed = _weigh(made, cells)
    bill_usd = sum((c.bill.usd for c in cells), _ZERO) if any(c.bill.has_usd for c in cells) else None
    priced = any(c.log.priced or c.log.usd for c in cells) or not any(c.log.requests for c in cells)
    log_usd = sum((c.log.usd for c in cells), _ZERO) if priced else None
    requests = sum(c.log.requests for c in cells)
    return m.BillRow(
        day=None if span is None else str(span.first),
        last_day=None if span is None else str(span.last),
        model=None if model is None else f"{made.provider}/{model}",
        verdict=_verdict(weighed),
        explained_percent=_percent(weighed.bill - weighed.short, weighed.bill),
        ratio_percent=_percent(weighed.log, weighed.bill),
        requests=_compared(sum(c.bill.requests for c in cells) if made.states_requests else None, requests),
        tokens={
            name: _compared(sum(c.bill.tokens[name] for c in cells), sum(c.log.tokens[name] for c in cells))
            for name in made.stated
        },
        usd=m.ComparedUsd(
            bill=bill_usd,
            log=log_usd,
            difference=None if bill_usd is None or log_usd is None else log_usd - bill_usd,
        ),
        log_unpriced_requests=requests - sum(c.log.priced for c in cells),
    )


def _verdict(weighed: _Weighed) -> Any:
    allowed = abs(weighed.bill) * TOLERANCE_PERCENT / 100
    short, over = weighed.short > allowed, weighed.over > allowed
    if short and over:
        return "differs"
    if short:
        return "log_misses"
    return "bill_misses" if over else "matched"


def _percent(part: Decimal, whole: Decimal) -> str | None:
    """A share with two decimals, cut so that 100 is said of nothing less."""
    if whole <= 0:
        return None
    return f"{(max(part, _ZERO) * 100 / whole).quantize(Decimal('0.01'), ROUND_FLOOR):f}"


def _compared(bill: int | None, log: int) -> m.Compared:
    return m.Compared(bill=bill, log=log, difference=None if bill is None else log - bill)


def _notes(made: Statement, files: Sequence[ReadBill]) -> Iterator[str]:
    """What limits the comparison, in sentences."""
    if not made.by_model:
        yield "The bill is not grouped by model: only the sum of all models is compared."
    if any(span.first != span.last for span in made.spans):
        yield "The bill has buckets longer than a day, or that overlap: within them only sums are compared."
    if not all(span.utc for span in made.spans):
        yield "The bill's days are not UTC days: at the ends of its period some hours are on one side only."
    if any(b.incomplete for b in files):
        yield "The bill says that it has more pages: what they hold looks like requests of the log beyond it."
    if made.bill_unpriced:
        yield f"{count(made.bill_unpriced, 'line')} of the bill without a list price."
    if made.has_windows:
        yield "Prices depend on the time of day, which the bill does not state: it is valued at noon."
    if made.kind == "usage" and made.by_model and not any(c.values for c in made.cells):
        yield "No model of the bill has a list price: shares are of tokens."
    if len(files) > 1 and (both := _twice(made)):
        yield f"{both:,} days and models are in more than one file of the bill: they are added up."


def _twice(made: Statement) -> int:
    files: dict[tuple[Any, ...], set[str]] = {}
    for line in made.lines:
        if line.model is not None:
            files.setdefault((line.span.first, line.model, line.line_item), set()).add(line.file)
    return sum(len(names) > 1 for names in files.values())


def find_gaps(bill: m.Bill) -> Iterator[m.Finding]:
    """CA-B1: the log lacks more than 2 % of a bill, or has more than 2 % beyond it."""
    for s in bill.statements:
        explained, ratio = s.total.explained_percent, s.total.ratio_percent
        if s.total.verdict == "matched" or explained is None or ratio is None:
            continue
        what = "usage" if s.kind == "usage" else "costs"
        beyond = f", and holds {ratio}% of it" if Decimal(ratio) > 100 else ""
        yield m.Finding(
            code="CA-B1",
            title=f"the log explains {explained}% of the {what} that {s.provider} bills{beyond}",
            usd=None,
            monthly_usd=None,
            evidence={
                "provider": s.provider, "kind": s.kind, "start": s.start, "end": s.end,
                "explained_percent": explained, "ratio_percent": ratio,
                "hints": [hint.code for hint in s.hints],
            },
            next=next((NEXT[hint.code] for hint in s.hints if hint.code in NEXT), NEXT["missing_models"]),
        )  # fmt: skip
