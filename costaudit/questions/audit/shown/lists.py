"""Findings, and records that were set aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from costaudit.ingest.quarantine import REASONS
from costaudit.questions.audit import result as m
from costaudit.questions.audit.shown.report import Report
from costaudit.questions.audit.shown.summary import finding_money, finding_unit, is_monthly
from costaudit.render.blocks import Item, Items, ListLimits
from costaudit.render.figures import words


def show_findings(report: Report, limits: ListLimits) -> Iterator[Items]:
    """Findings with their next steps."""
    if not report.findings:
        return
    rows = report.findings[: limits.rows * 2]
    items = []
    for i, (f, figure) in enumerate(zip(rows, finding_money(report, rows), strict=True)):
        last = i + 1 == len(rows) or (rows[i + 1].code, rows[i + 1].next) != (f.code, f.next)
        items.append(Item(f.title, lead=f.code, figure=figure, more=(f"Next: {f.next}",) if last else ()))
    left = len(report.findings) - len(rows)
    notes = (f"and {left:,} more",) if left else ()
    short = any(f.usd is not None for f in rows) and not is_monthly(report)
    if short:
        notes = (*notes, _no_month(report.period))
    elif partial := dict.fromkeys(f.code for f in rows if f.usd is not None and f.monthly_usd is None):
        notes = (
            *notes,
            f"{', '.join(partial)}: on days that the log covers in part, of which no month is made.",
        )
    yield Items("Findings", tuple(items), unit=finding_unit(report), notes=notes)


def _no_month(period: m.Period | None) -> str:
    if period is None or period.days is None:
        return "The log states no times, so nothing is scaled to a month."
    if period.coverage is not None and period.coverage.method != "none":
        return "All of it lies on days that the log covers in part, so nothing is scaled to a month."
    return "The log covers less than a day, so nothing is scaled to a month."


def show_skipped(report: Report, limits: ListLimits) -> Iterator[Items]:
    """Records that were set aside, by reason."""
    rows = report.inputs.skipped if report.inputs else []
    if rows:
        yield Items("Skipped records", tuple(skipped_items(rows, limits)))


def skipped_items(rows: Sequence[m.Skipped], limits: ListLimits) -> Iterator[Item]:
    """What was set aside, one entry per reason."""
    return (_skipped_item(s, limits.places) for s in rows)


def _skipped_item(skipped: m.Skipped, places: int) -> Item:
    told = [_place(e) for e in skipped.examples[:places]]
    left = skipped.count - len(told)
    if told and left:
        told.append(f"and {left:,} more")
    meaning = REASONS.get(skipped.reason, words(skipped.reason))
    return Item(meaning, lead=f"{skipped.count:,}", more=tuple(told))


def _place(example: m.Example) -> str:
    where = f"{example.file}:{example.line}" if example.line else example.file
    return f"{where}: {example.detail}" if example.detail else where
