"""What failed and when, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from costaudit.questions.fallback import result as m
from costaudit.questions.fallback.shown import ROWS, available, percent_of
from costaudit.render.blocks import Column, Table
from costaudit.render.figures import ABSENT, count, money, name_shown, share, split_rows

_REASONS: Final = (
    ("rate limit", "rate_limit"),
    ("timeout", "timeout"),
    ("server", "server_error"),
    ("unusable", "unusable"),
    ("unknown", "unknown"),
)


def show_models(report: m.FallbackReport) -> Table:
    """Attempts by model and reason."""
    failing = [row for row in report.by_model if row.failed]
    listed, rest = split_rows(failing, ROWS)
    total = report.total
    reasons = [
        Column(
            title,
            tuple(f"{getattr(row, name):,}" for row in listed),
            f"{getattr(total, name):,}",
            leaves=9 - place,
        )
        for place, (title, name) in enumerate(_REASONS)
        if getattr(total, name)
    ]
    billed = money([*(row.billed_usd for row in listed), total.billed_usd])
    notes = []
    if rest:
        notes.append(f"and {count(sum(r.failed for r in rest), 'failed attempt')} of {len(rest)} more models")
    notes.append("Available: answered of answered and failed attempts, with its 95% interval (Wilson).")
    return Table(
        "What failed",
        (
            Column("model", tuple(_model(row) for row in listed), "all", number=False),
            Column("attempts", tuple(f"{r.attempts:,}" for r in listed), f"{total.attempts:,}", leaves=10),
            Column("failed", tuple(f"{r.failed:,}" for r in listed), f"{total.failed:,}"),
            *reasons,
            Column("billed", billed[:-1], billed[-1], leaves=11),
            Column(
                "available",
                tuple(available(r.availability) for r in listed),
                available(total.availability),
            ),
        ),
        notes=tuple(notes),
    )


def _model(row: m.FailureRow) -> str:
    return "/".join(name for name in (row.provider, name_shown(row.model, "model")) if name is not None)


def show_hours(report: m.FallbackReport) -> Iterator[Table]:
    """Whether failures come together."""
    rows = [row for row in report.by_provider if row.failed]
    if not rows:
        return
    listed, _ = split_rows(rows, ROWS)
    yield Table(
        "When",
        (
            Column("provider", tuple(name_shown(r.provider, "provider") for r in listed), number=False),
            Column("fails", tuple(percent_of(r.failure_rate) for r in listed)),
            Column("again in that hour", tuple(percent_of(r.again_in_hour) for r in listed)),
            Column("billed part", tuple(percent_of(r.billed_part) for r in listed), leaves=2),
            Column("worst hour (UTC)", tuple(_worst(r.worst_hours) for r in listed), leaves=1),
        ),
        notes=(
            "Again in that hour: how often another attempt fails in an hour in which one has failed.",
            "Far above the first figure, failures come together, and asking again is of less help.",
            f"Hours of the day with the highest share of failures: {_times_of_day(report.by_hour_of_day)}.",
        ),
    )


def _worst(hours: Sequence[m.WorstHour]) -> str:
    if not hours:
        return ABSENT
    return f"{hours[0].hour[:13].replace('T', ' ')}h: {hours[0].failed:,} of {hours[0].attempts:,}"


def _times_of_day(rows: Sequence[m.HourRow]) -> str:
    sums: dict[int, list[int]] = {}
    for row in rows:
        if row.hour is not None:
            held = sums.setdefault(row.hour, [0, 0])
            held[0] += row.failed
            held[1] += row.attempts
    worst = sorted((h for h in sums if sums[h][0]), key=lambda h: (-sums[h][0] / sums[h][1], h))[:3]
    return ", ".join(f"{h:02}h ({sums[h][0]:,} of {sums[h][1]:,})" for h in worst)


def show_pairs(report: m.FallbackReport) -> Iterator[Table]:
    """Whether providers fail together."""
    some = [r for r in report.pairs if r.failed_in_bad_hours + r.failed_in_good_hours]
    rows = sorted(some, key=lambda r: (not r.dependent, -r.attempts_in_bad_hours))[:ROWS]
    if not rows:
        return
    yield Table(
        "Do providers fail together?",
        (
            Column("provider", tuple(r.b for r in rows), number=False),
            Column("when", tuple(f"{r.a} failed" for r in rows), number=False),
            Column("fails", tuple(share(r.failed_in_bad_hours, r.attempts_in_bad_hours) for r in rows)),
            Column("else", tuple(share(r.failed_in_good_hours, r.attempts_in_good_hours) for r in rows)),
            Column(
                "together",
                tuple("?" if r.dependent is None else "yes" if r.dependent else "not shown" for r in rows),
            ),
        ),
        notes=(
            "Attempts in hours in which attempts at the other provider failed, against those in all others.",
        ),
    )
