"""Failures, chains and outages as the blocks that terminal and Markdown draw: the answer first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from costaudit.report import fallback_model as m
from costaudit.report.blocks import Block, Column, Facts, Headline, Prose, Table
from costaudit.report.figures import ABSENT, count, counts_shown, money, name_shown, share, split_rows
from costaudit.report.shadow_model import Interval
from costaudit.report.text import render_blocks

ROWS: Final = 8
"""Models, paths and parts that are listed one by one."""

_REASONS: Final = (
    ("rate limit", "rate_limit"),
    ("timeout", "timeout"),
    ("server", "server_error"),
    ("unusable", "unusable"),
    ("unknown", "unknown"),
)


def render_fallback_text(report: m.FallbackReport, width: int, color: bool) -> str:
    """The report in lines of at most `width` columns."""
    return render_blocks(fallback_blocks(report), width, color)


def fallback_blocks(report: m.FallbackReport) -> Iterator[Block]:
    """What happened, what chains would have made of it, what an outage would do."""
    yield Headline(_headline(report))
    yield Facts(tuple(_facts(report)))
    if report.total.failed:
        yield _models(report)
        yield from _hours(report)
        yield from _pairs(report)
        yield from _depths(report)
        yield _chains(report)
        yield from _models_asked(report)
    for outage in report.outages:
        yield from _outage(outage, chosen(report))
    yield Prose("How to read it", tuple(report.notes))


def chosen(report: m.FallbackReport) -> m.ChainRow:
    """The chain that was asked for: the first after `none`."""
    return report.chains[1]


def _headline(report: m.FallbackReport) -> str:
    counts = report.counts
    if not counts.failed_first:
        return f"No request of {counts.requests:,} failed at first"
    failed = f"{counts.failed_first:,} of {count(counts.requests, 'request')} failed at first"
    logged = report.as_logged
    told = "" if logged is None else f"; retries answered {logged.served:,.0f} of them"
    chain = chosen(report)
    served = _number(chain.served)
    if chain.served < counts.failed_first and served == f"{counts.failed_first:,}":
        served = "nearly all"
    return f"{failed}{told}; {chain.name} would answer {served}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def _facts(report: m.FallbackReport) -> Iterator[tuple[str, str, str]]:
    counts, total, logged = report.counts, report.total, report.logged
    cached = f"; {counts.cache_hits:,} answers of a gateway's cache left out" if counts.cache_hits else ""
    yield "Attempts", f"{counts.attempts:,}", f"of {count(counts.requests, 'request')}{cached}"
    yield "Failed", f"{total.failed:,}", f"{share(total.failed, total.answered + total.failed)} of attempts"
    if total.refused or total.cancelled:
        yield (
            "Set aside",
            f"{total.refused + total.cancelled:,}",
            f"{total.refused:,} refused, {total.cancelled:,} cancelled: they say nothing of who served them",
        )
    if total.failed and total.billed_usd is not None:
        unpriced = f"; {total.unpriced:,} more without a known cost" if total.unpriced else ""
        yield (
            "Billed",
            money([total.billed_usd])[0],
            f"at list price for attempts without an answer{unpriced}",
        )
    if logged.never_answered is not None and counts.failed_first:
        yield (
            "No answer",
            f"{logged.never_answered:,}",
            f"requests ended without one; {_linked(logged)}",
        )
    if total.failed_latency_ms is not None and total.failed_latencies:
        lost = total.failed_latency_ms * total.failed_latencies / 60_000
        told = f"{lost / 60:,.1f} hours" if lost >= 60 else f"{lost:,.1f} minutes"
        yield (
            "Time lost",
            f"{total.failed_latency_ms / 1000:,.1f} s",
            f"per failed attempt, {told} in all",
        )


def _linked(logged: m.Logged) -> str:
    ways = (
        (logged.by_ids, "by their ids"),
        (logged.by_session, "by session and attempt number"),
        (logged.by_prompt, "by the same prompt"),
    )
    told = [f"{number:,} {how}" for number, how in ways if number]
    lost = [f"{count(logged.orphans, 'retry')} without a first attempt".replace("retrys", "retries")]
    return "retries found: " + ", ".join([*(told or ["none"]), *(lost if logged.orphans else [])])


def _model(row: m.FailureRow) -> str:
    return "/".join(name for name in (row.provider, name_shown(row.model, "model")) if name is not None)


def _models(report: m.FallbackReport) -> Table:
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
                tuple(_available(r.availability) for r in listed),
                _available(total.availability),
            ),
        ),
        notes=tuple(notes),
    )


def _available(found: Interval | None) -> str:
    if found is None or found.low is None or found.high is None:
        return ABSENT
    return f"{100 * found.point:.1f}% ({100 * found.low:.1f}–{100 * found.high:.1f})"


def _percent(value: float | None) -> str:
    return ABSENT if value is None else share(value, 1)


def _hours(report: m.FallbackReport) -> Iterator[Table]:
    rows = [row for row in report.by_provider if row.failed]
    if not rows:
        return
    listed, _ = split_rows(rows, ROWS)
    yield Table(
        "When",
        (
            Column("provider", tuple(name_shown(r.provider, "provider") for r in listed), number=False),
            Column("fails", tuple(_percent(r.failure_rate) for r in listed)),
            Column("again in that hour", tuple(_percent(r.again_in_hour) for r in listed)),
            Column("billed part", tuple(_percent(r.billed_part) for r in listed), leaves=2),
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


def _pairs(report: m.FallbackReport) -> Iterator[Table]:
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


def _depths(report: m.FallbackReport) -> Iterator[Table]:
    logged = report.logged
    if not logged.known or not logged.depths:
        return
    rows = logged.depths
    yield Table(
        "What the log did with them",
        (
            Column("further attempts", tuple(f"{r.retries:,}" for r in rows), number=False),
            Column("requests", counts_shown([r.requests for r in rows])),
            Column("answered", counts_shown([r.answered for r in rows])),
            Column("cost", money([r.usd for r in rows]), leaves=1),
        ),
        notes=tuple(_checks(logged)),
    )


def _checks(logged: m.Logged) -> Iterator[str]:
    for check, where in (
        (logged.again, "the provider that had just failed"),
        (logged.elsewhere, "another provider"),
    ):
        if check.attempts:
            yield (
                f"Further attempts at {where}: {check.failed:,} of {check.attempts:,} failed; the rates of "
                f"their hours say {_number(check.expected)}."
            )


def _chains(report: m.FallbackReport) -> Table:
    logged = [] if report.as_logged is None else [report.as_logged]
    rows = [report.chains[0], *logged, *report.chains[1:]]
    return Table(
        f"After a failed first attempt ({count(report.counts.failed_first, 'request')})",
        (
            Column("chain", tuple(r.name for r in rows), number=False),
            Column("answered", tuple(_percent(r.served_share) for r in rows)),
            Column("available", tuple(_fine(r.availability) for r in rows)),
            Column("attempts", tuple(f"{r.attempts:,.0f}" for r in rows), leaves=1),
            Column("per failed request", _dollars([r.usd_per_failed_request for r in rows]), leaves=2),
            Column("extra per 1,000", _dollars([r.extra_usd_per_1000_requests for r in rows], signed=True)),
            Column("per success", _dollars([r.usd_per_success for r in rows]), leaves=3),
        ),
        notes=tuple(_chain_notes(report)),
    )


def _chain_notes(report: m.FallbackReport) -> Iterator[str]:
    yield (
        "Extra per 1,000 requests: failed first attempts and the chain, minus what the answered ones cost on "
        f"their own model. Failed first attempts were billed {money([report.first_attempts_usd])[0]}."
    )
    for chain in report.chains[1:]:
        if chain.without_member:
            yield f"{chain.name}: nothing serves {count(chain.without_member, 'request')}."
        guessed = sum(b.chances for b in chain.basis if b.basis == "all_providers")
        if guessed:
            yield (
                f"{chain.name}: of some providers the log has no attempts; for them the rate of all others "
                f"stands in ({guessed:,} of {count(sum(b.chances for b in chain.basis), 'chance')})."
            )
    unknown = report.counts.requests - report.counts.priced
    if unknown:
        yield f"{count(unknown, 'request')} of unknown cost or size are in no amount."


def _fine(value: float | None) -> str:
    """An availability: its differences are in the last digits."""
    if value is None:
        return ABSENT
    text = f"{100 * value:.2f}%"
    return ">99.99%" if text == "100.00%" and value < 1 else text


def _dollars(amounts: Sequence[Decimal | None], *, signed: bool = False) -> tuple[str, ...]:
    """Small amounts of one column with one number of decimals."""
    known = [abs(a) for a in amounts if a is not None and a]
    digits = 2 if not known or max(known) >= 10 else 4 if max(known) >= Decimal("0.01") else 6
    shown = []
    for amount in amounts:
        if amount is None:
            shown.append(ABSENT)
            continue
        size = f"{abs(amount):,.{digits}f}"
        zero = not size.strip("0.,")
        sign = "" if zero else "-" if amount < 0 else "+" if signed else ""
        shown.append(f"{sign}${size}")
    return tuple(shown)


def _models_asked(report: m.FallbackReport) -> Iterator[Table]:
    rows = [(c.name, s) for c in report.chains[1:] if c.members != ["same"] for s in c.first_asked]
    rows = [row for row in rows if row[0] in ("cheaper", "other")]
    if not rows:
        return
    listed, rest = split_rows(sorted(rows, key=lambda r: (r[0], -r[1].requests, r[1].model)), 2 * ROWS)
    yield Table(
        "Who is asked",
        (
            Column("chain", tuple(name for name, _ in listed), number=False),
            Column("model", tuple(s.model for _, s in listed), number=False),
            Column("requests", tuple(f"{s.requests:,}" for _, s in listed)),
        ),
        notes=(f"and {count(sum(s.requests for _, s in rest), 'request')} of {len(rest)} more",)
        if rest
        else (),
    )


def _outage(outage: m.OutageRow, chain: m.ChainRow) -> Iterator[Block]:
    windows = outage.windows if len({w.start for w in outage.windows}) > 1 else outage.windows[:1]
    rows = [(w, next(c for c in w.chains if c.name == chain.name)) for w in windows]
    yield Table(
        f"{outage.provider} down for {count(outage.hours, 'hour')}, with {chain.name}",
        (
            Column("window", tuple(w.window for w, _ in rows), number=False),
            Column(
                "from (UTC)", tuple(w.start[:16].replace("T", " ") for w, _ in rows), number=False, leaves=2
            ),
            Column("requests", tuple(f"{w.requests:,}" for w, _ in rows)),
            Column("answered", tuple(_percent(c.served_share) for _, c in rows)),
            Column("unserved", tuple(_number(c.unserved) for _, c in rows)),
            Column("extra cost", _dollars([c.extra_usd for _, c in rows], signed=True)),
            Column("cost", _dollars([c.chain_usd for _, c in rows]), leaves=1),
        ),
        notes=tuple(_outage_notes(outage)),
    )
    window, hit = rows[0]
    if not window.requests:
        return
    yield from _parts(window, hit)
    yield _others(outage, window)


def _outage_notes(outage: m.OutageRow) -> Iterator[str]:
    yield "Without a fallback all of these are unserved. Extra: over their cost on their own model."
    if outage.windows_hit != outage.windows_of_log:
        yield (
            f"In {(outage.windows_of_log or 0) - (outage.windows_hit or 0):,} of "
            f"{outage.windows_of_log or 0:,} such windows there is no request to it; the others are ranked."
        )


def _parts(window: m.OutageWindow, hit: m.OutageChain) -> Iterator[Table]:
    tiers = [(_tier(p), p) for p in hit.by_tier]
    features = [(name_shown(p.feature, "feature"), p) for p in hit.by_feature]
    for title, parts in (("tier", tiers), ("feature", features)):
        listed, rest = split_rows(parts, ROWS)
        if len(parts) < 2:
            continue
        yield Table(
            f"Unserved in the {window.window} window, by {title}"
            if window.window != "stated"
            else f"Unserved by {title}",
            (
                Column(title, tuple(name for name, _ in listed), number=False),
                Column("without a fallback", tuple(f"{p.requests:,}" for _, p in listed)),
                Column("with the chain", tuple(_number(p.requests - p.served) for _, p in listed)),
            ),
            notes=(f"and {count(sum(p.requests for _, p in rest), 'request')} of {len(rest)} more",)
            if rest
            else (),
        )


def _tier(part: m.OutagePart) -> str:
    return "untagged" if part.tier is None else f"{part.tier}"


def _others(outage: m.OutageRow, window: m.OutageWindow) -> Table:
    rows = window.chains
    return Table(
        f"Chains, {outage.provider} down at the {window.window} time"
        if window.window != "stated"
        else "Chains",
        (
            Column("chain", tuple(c.name for c in rows), number=False),
            Column("answered", tuple(_percent(c.served_share) for c in rows)),
            Column("unserved", tuple(_number(c.unserved) for c in rows)),
            Column("extra cost", _dollars([c.extra_usd for c in rows], signed=True)),
        ),
    )
