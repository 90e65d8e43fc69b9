"""Reported against list for the eye: a few bands of the ratio, and the requests farthest from list."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from costaudit.money import shown
from costaudit.questions.audit import result as m
from costaudit.questions.audit.shown.report import Report
from costaudit.render.blocks import Column, ListLimits, Table
from costaudit.render.figures import count, counts_shown, money, money_with_sum, name_shown, share

BANDS: Final = (
    ("0", "0.4925", "less than half of list"),
    ("0.4925", "0.9475", "half of list to 5% below"),
    ("0.9475", "0.9975", "up to 5% below list"),
    ("0.9975", "1.0025", "at list"),
    ("1.0025", "1.1025", "up to 10% above list"),
    ("1.1025", "1.9775", "10% above to twice list"),
    ("1.9775", None, "twice list and more"),
)
"""From and below which ratio, both edges of buckets, and what that is."""

OUTLIERS: Final = 5
"""Requests far from list that are shown."""


class RatioBand(msgspec.Struct, frozen=True):
    """Requests whose ratio is in one band."""

    title: str
    requests: int
    list_usd: Decimal
    reported_usd: Decimal


def bands(found: m.Reconciliation) -> list[RatioBand]:
    """The bands with requests, and what has no ratio because one side is 0."""
    rows = []
    for low, high, title in BANDS:
        inside = [
            b
            for b in found.distribution
            if Decimal(b.ratio_from) >= Decimal(low)
            and (high is None or Decimal(b.ratio_from) < Decimal(high))
        ]
        rows.append(_band(title, inside))
    zero = Decimal(0)
    rows.append(RatioBand("reported as 0", found.reported_zero_requests, found.reported_zero_list_usd, zero))
    rows.append(RatioBand("0 by list", found.list_zero_requests, zero, found.list_zero_reported_usd))
    return [row for row in rows if row.requests]


def _band(title: str, inside: list[m.RatioBucket]) -> RatioBand:
    return RatioBand(
        title,
        sum(b.requests for b in inside),
        sum((b.list_usd for b in inside), Decimal(0)),
        sum((b.reported_usd for b in inside), Decimal(0)),
    )


def show_reconciliation(report: Report, _: ListLimits) -> Iterator[Table]:
    """Reported against list, and the requests that differ most."""
    found = report.reconciliation
    if found is None:
        return
    rows = bands(found)
    whole = sum(r.requests for r in rows)
    requests = counts_shown([*[r.requests for r in rows], whole])
    listed, reported = (
        money_with_sum([r.list_usd for r in rows]), money_with_sum([r.reported_usd for r in rows])
    )  # fmt: skip
    yield Table(
        "Reported against list, request by request",
        (
            Column("stated cost", tuple(r.title for r in rows), "total", number=False),
            Column("requests", requests[:-1], requests[-1]),
            Column("share", tuple(share(r.requests, whole) for r in rows), leaves=2),
            Column("list", listed[:-1], listed[-1]),
            Column("reported", reported[:-1], reported[-1]),
        ),
        notes=tuple(_notes(found)),
    )
    unexplained = [one for one in found.outliers if not _is_explained(one, found.signatures)]
    if unexplained:
        yield _outliers(unexplained[:OUTLIERS])


def _is_explained(one: m.Outlier, signatures: list[m.SignatureFound]) -> bool:
    """Whether a signature has its ratio: what a finding tells of many requests is not told of each."""
    ratio = Decimal(one.ratio)
    return any(
        s.ratio_from is not None and s.ratio_to is not None
        and Decimal(s.ratio_from) <= ratio < Decimal(s.ratio_to)
        for s in signatures
    )  # fmt: skip


def _notes(found: m.Reconciliation) -> Iterator[str]:
    if found.median_ratio_from is not None:
        low, high = found.median_ratio_from, found.median_ratio_to
        where = f"{low} or more" if high is None else f"between {low} and {high}"
        yield f"The median request reports {where} times its list cost."
    if found.set_aside_requests:
        yield f"{count(found.set_aside_requests, 'impossible cost')} left out (CA-C1)."


def _outliers(rows: list[m.Outlier]) -> Table:
    amounts = [a for r in rows for a in (r.list_usd, r.reported_usd)]
    told = money(amounts) if min(amounts) >= 1 else tuple(shown(a) for a in amounts)
    return Table(
        "Farthest from list",
        (
            Column("model", tuple(name_shown(r.model, "model") for r in rows), number=False),
            Column("list", told[::2]),
            Column("reported", told[1::2]),
            Column("ratio", tuple(r.ratio for r in rows)),
        ),
        under=Column("record", tuple(f"{r.file}:{r.line}" for r in rows), number=False),
    )
