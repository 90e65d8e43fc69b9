"""Spend by tier, model, feature, user and day, and what has no price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from costaudit.questions.audit import result as m
from costaudit.questions.audit.shown.report import Report, tokens_of
from costaudit.render.blocks import Column, Days, ListLimits, Table
from costaudit.render.figures import (
    count,
    counts_shown,
    money,
    money_with_sum,
    name_shown,
    nameless,
    share,
    split_rows,
    total_of,
    words,
)


def show_unpriced(report: Report, limits: ListLimits) -> Iterator[Table]:
    """What has no price, and why."""
    rows = report.coverage.unpriced if report.coverage else []
    if not rows:
        return
    top, rest = split_rows(rows, limits.unpriced)
    names = [name_shown(u.model, "model") for u in top]
    requests, tokens = [u.requests for u in top], [u.tokens for u in top]
    reasons, details = [words(u.reason) for u in top], [u.detail for u in top]
    if rest:
        names.append(f"and {len(rest):,} more")
        requests.append(sum(u.requests for u in rest))
        tokens.append(sum(u.tokens for u in rest))
        reasons.append("")
        details.append("")
    yield Table(
        "Without a price",
        (
            Column("model", tuple(names), number=False),
            Column("requests", counts_shown(requests)),
            Column("tokens", counts_shown(tokens), leaves=1),
            Column("reason", tuple(reasons), number=False, leaves=2),
        ),
        under=Column("hint", tuple(details), number=False) if any(details) else None,
    )


class _Line(msgspec.Struct, frozen=True):
    """A row of any breakdown."""

    name: str
    requests: int
    tokens: int | None
    billed: Decimal | None
    after: Decimal | None


def _line(name: str, row: m.Row | m.UserRow) -> _Line:
    after = row.after_usd if isinstance(row, m.Row) else None
    return _Line(name, row.requests, tokens_of(row.tokens), row.billed_usd, after)


def _together(name: str, lines: Sequence[_Line]) -> _Line:
    tokens = [t.tokens for t in lines if t.tokens is not None]
    return _Line(
        name,
        sum(t.requests for t in lines),
        sum(tokens) if tokens else None,
        total_of([t.billed for t in lines]),
        total_of([t.after for t in lines]),
    )


def _breakdown(head: str, lines: Sequence[_Line], *, total: bool = False, after: bool = True) -> Table:
    whole = _together("total", lines)
    rows = [*lines, whole]
    per_1k = [t.billed * 1000 / t.requests if t.billed is not None and t.requests else None for t in rows]

    def column(name: str, cells: Sequence[str], **how: Any) -> Column:
        return Column(name, tuple(cells[:-1]), total=cells[-1] if total else "", **how)

    columns = [
        column(head, [t.name for t in rows], number=False),
        column("requests", counts_shown([t.requests for t in rows]), leaves=4),
        column("share", [share(t.requests, whole.requests) for t in rows], leaves=3, wide=not total),
        column("tokens", counts_shown([t.tokens for t in rows]), leaves=1, wide=True),
        column("$/1k req", money(per_1k), leaves=2, wide=True),
        column("billed", money_with_sum([t.billed for t in lines])),
    ]
    if after:
        columns.append(column("after", money_with_sum([t.after for t in lines])))
    return Table(f"By {head}", tuple(columns))


def show_tiers(report: Report, _: ListLimits) -> Iterator[Table]:
    """Spend by tier, with its total."""
    if report.by_tier:
        names = [r.name if r.tier is None else f"{r.tier} {r.name}" for r in report.by_tier]
        lines = [_line(name, row) for name, row in zip(names, report.by_tier, strict=True)]
        yield _breakdown("tier", lines, total=True)


def _listed(kind: str, rows: Sequence[Any], limit: int, *, after: bool = True) -> Iterator[Table]:
    """A breakdown by a name from the log: the dearest rows, and the rest in one."""
    if nameless(kind, rows):
        return
    lines = [_line(_name(r, kind), r) for r in rows]
    top, rest = split_rows(lines, limit)
    if rest:
        top.append(_together(f"and {len(rest):,} more", rest))
    yield _breakdown(kind, top, after=after)


def _name(row: Any, kind: str) -> str:
    others = getattr(row, "others", 0)
    return f"{others:,} further users" if others else name_shown(getattr(row, kind), kind)


def show_models(report: Report, limits: ListLimits) -> Iterator[Table]:
    """Spend by model."""
    yield from _listed("model", report.by_model, limits.rows)


def show_features(report: Report, limits: ListLimits) -> Iterator[Table]:
    """Spend by feature."""
    yield from _listed("feature", report.by_feature, limits.rows)


def show_users(report: Report, limits: ListLimits) -> Iterator[Table]:
    """Spend by user."""
    yield from _listed("user", report.by_user, limits.users, after=False)


def show_days(report: Report, _: ListLimits) -> Iterator[Days]:
    """Spend by day."""
    dated = {date.fromisoformat(r.date): r for r in report.by_day if r.date is not None}
    if all(r.billed_usd is None for r in dated.values()):
        return
    first, last = min(dated), max(dated)
    calendar = [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]
    amounts = tuple(dated[d].billed_usd if d in dated else "" for d in calendar)
    yield Days("By day, billed", str(first), str(last), amounts, tuple(_day_notes(report, dated)))


def _day_notes(report: Report, dated: Mapping[date, m.DayRow]) -> Iterator[str]:
    priced = [(r.billed_usd, d) for d, r in sorted(dated.items()) if r.billed_usd is not None]
    if len(priced) > 1:
        (low, low_day), (high, high_day) = min(priced, key=lambda p: p[0]), max(priced, key=lambda p: p[0])
        high_text, low_text = money([high, low])
        yield f"most {high_text} on {high_day}, least {low_text} on {low_day}"
    elif priced:
        yield f"{money([priced[0][0]])[0]} on {priced[0][1]}"
    undated = [r for r in report.by_day if r.date is None]
    if undated:
        amount = money([total_of([r.billed_usd for r in undated])])[0]
        yield f"{count(sum(r.requests for r in undated), 'request')} without a time: {amount}"
