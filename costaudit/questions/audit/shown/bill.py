"""How a comparison with bills is shown: what the log explains, by model, the days that differ, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from costaudit.questions.audit import result as m
from costaudit.questions.audit.shown.lists import skipped_items
from costaudit.questions.audit.shown.report import Report
from costaudit.render.blocks import Block, Column, Items, ListLimits, Table
from costaudit.render.figures import (
    ABSENT,
    count,
    counts_shown,
    money,
    name_shown,
    percent,
    split_rows,
    total_of,
    words,
)
from costaudit.render.safe import safe

VERDICTS: Final = {
    "matched": "matches", "log_misses": "log misses", "bill_misses": "bill misses", "differs": "differs",
}  # fmt: skip

CLASSES_TOLD: Final = 4
"""Token classes that are named for a row, the largest differences first."""


def bill_of(report: Report) -> m.Bill | None:
    """The comparison with bills, if one was asked for."""
    return report.bill if isinstance(report, m.Audit) else None


def bill_facts(report: Report) -> Iterator[tuple[str, str, str]]:
    """One figure per statement for the first screen."""
    bill = bill_of(report)
    for s in bill.statements if bill else ():
        ratio = s.total.ratio_percent
        beyond = ""
        if bill and ratio is not None and Decimal(ratio) > 100 + Decimal(bill.tolerance_percent):
            beyond = f", which holds {percent(ratio)} of it"
        yield "Bill", _share(s.total.explained_percent), f"of {_what(s)} is in the log{beyond}"


def show_bill(report: Report, limits: ListLimits) -> Iterator[Block]:
    """Every statement of the bills against the log."""
    bill = bill_of(report)
    if bill is None:
        return
    for s in bill.statements:
        yield from _statement(s, bill, limits)
    if bill.skipped:
        yield Items("Lines of the bill set aside", tuple(skipped_items(bill.skipped, limits)))


def _what(s: m.BillStatement) -> str:
    days = f"on {s.start}" if s.start == s.end else f"{s.start} to {s.end}"
    return f"{s.provider}'s {s.kind} {days}" if s.kind == "usage" else f"{s.provider}'s costs {days}"


def _share(text: str | None) -> str:
    """A share that the report has cut: 100.0% is said of nothing less."""
    if text is None:
        return ABSENT
    value = Decimal(text)
    return ">99.9%" if Decimal("99.95") <= value < 100 else percent(text)


def _statement(s: m.BillStatement, bill: m.Bill, limits: ListLimits) -> Iterator[Block]:
    if s.by_model:
        top, rest = split_rows(s.by_model, limits.rows)
        names = [name_shown(r.model, "model") for r in top]
        yield _table(
            f"Log against {_what(s)}, by model", "model", names, top, rest, s, notes=tuple(_told(s, bill))
        )
        yield from _days(s, bill, limits, ())
    else:
        yield from _days(s, bill, limits, tuple(_told(s, bill)))


def _days(s: m.BillStatement, bill: m.Bill, limits: ListLimits, notes: tuple[str, ...]) -> Iterator[Block]:
    off = [r for r in s.by_day if r.verdict != "matched"]
    if s.by_model and (not off or len(s.by_day) == 1):
        return
    rows = off if s.by_model else s.by_day
    kept = sorted(sorted(rows, key=_gap, reverse=True)[: limits.rows], key=lambda r: r.day or "")
    left = len(rows) - len(kept)
    if left:
        notes = (f"and {left:,} more days with smaller differences", *notes)
    kind = "day" if "day" in s.by else "bucket"
    title = f"{len(off):,} of {count(len(s.by_day), kind)} differ by more than {bill.tolerance_percent}%"
    if not s.by_model:
        title = f"Log against {_what(s)}, by {kind}"
    yield _table(
        title, kind, [_day(r) for r in kept], kept, [], s, total=not s.by_model and not left, notes=notes
    )


def _gap(row: m.BillRow) -> tuple[Decimal, int, str]:
    """Sorts the largest difference last."""
    money_off = abs((row.usd.bill or Decimal(0)) - (row.usd.log or Decimal(0)))
    return money_off, sum(abs(c.difference or 0) for c in row.tokens.values()), row.day or ""


def _day(row: m.BillRow) -> str:
    return str(row.day) if row.day == row.last_day else f"{row.day} to {row.last_day}"


def _table(  # noqa: PLR0913 - the parts of a table
    title: str, head: str, names: Sequence[str], rows: Sequence[m.BillRow], rest: Sequence[m.BillRow],
    s: m.BillStatement, *, total: bool = True, notes: tuple[str, ...] = (),
) -> Table:  # fmt: skip
    in_money = s.total.usd.bill is not None
    bills: list[Any] = [_side(r, "bill", in_money=in_money) for r in rows]
    logs: list[Any] = [_side(r, "log", in_money=in_money) for r in rows]
    names, explained = [*names], [_share(r.explained_percent) for r in rows]
    verdicts = [VERDICTS[r.verdict] for r in rows]
    under = [_classes(r) for r in rows]
    if rest:
        names.append(f"and {len(rest):,} more")
        bills.append(_sum([_side(r, "bill", in_money=in_money) for r in rest]))
        logs.append(_sum([_side(r, "log", in_money=in_money) for r in rest]))
        explained.append("")
        verdicts.append(f"{sum(r.verdict == 'matched' for r in rest):,} match")
        under.append("")
    left = _shown([*bills, _side(s.total, "bill", in_money=in_money)], in_money=in_money)
    right = _shown([*logs, _side(s.total, "log", in_money=in_money)], in_money=in_money)
    unit = "" if in_money else ", tokens"
    return Table(
        title,
        (
            Column(head, tuple(names), "total" if total else "", number=False),
            Column(f"bill{unit}", left[:-1], left[-1] if total else ""),
            Column(f"log{unit}", right[:-1], right[-1] if total else ""),
            Column("explained", tuple(explained), _share(s.total.explained_percent) if total else ""),
            Column("", tuple(verdicts), VERDICTS[s.total.verdict] if total else "", number=False),
        ),
        under=Column("difference", tuple(under), number=False) if any(under) else None,
        notes=notes,
    )  # fmt: skip


def _side(row: m.BillRow, side: str, *, in_money: bool) -> Any:
    if in_money:
        return getattr(row.usd, side)
    return sum(getattr(c, side) or 0 for name, c in row.tokens.items() if name != "web_searches")


def _sum(values: Sequence[Any]) -> Any:
    return total_of(values) if any(isinstance(v, Decimal) for v in values) else sum(v or 0 for v in values)


def _shown(values: Sequence[Any], *, in_money: bool) -> tuple[str, ...]:
    return money(values) if in_money else counts_shown(values)


def _classes(row: m.BillRow) -> str:
    """Which tokens a row that does not match differs in."""
    if row.verdict == "matched":
        return ""
    off = [(name, c) for name, c in row.tokens.items() if c.difference]
    off = sorted(off, key=lambda kv: -abs(kv[1].difference or 0))[:CLASSES_TOLD]
    told = [f"{words(name)} {c.log:,} of {c.bill or 0:,}" for name, c in off]
    if row.requests.bill is not None and row.requests.difference:
        told.append(f"requests {row.requests.log:,} of {row.requests.bill:,}")
    if row.log_unpriced_requests and not row.tokens:
        told.append(f"{count(row.log_unpriced_requests, 'request')} of the log without a price")
    return "; ".join(told)


def _told(s: m.BillStatement, bill: m.Bill) -> Iterator[str]:
    """Reasons, scope and limits, in sentences."""
    for hint in s.hints:
        yield f"Likely: {safe(hint.title, 240)}."
    scope = s.scope
    outside = [
        (scope.other_days, "on other days"),
        (scope.other_billers, "billed by others"),
        (scope.not_billed, "not billed"),
        (scope.no_time, "without a time"),
    ]
    told = ", ".join(f"{n:,} {what}" for n, what in outside if n)
    asked = f"{count(scope.compared, 'request')} compared, {bill.tolerance_percent}% tolerance"
    basis = "; money is tokens at list" if s.kind == "usage" and s.total.usd.bill is not None else ""
    yield f"{asked}{basis}.{f' Out of scope: {told}.' if told else ''}"
    yield from s.notes
