"""Failures, chains and outages as the blocks that terminal and Markdown draw: the answer first."""

from __future__ import annotations

from collections.abc import Iterator

from costaudit.questions.fallback import result as m
from costaudit.questions.fallback.failure_text import show_hours, show_models, show_pairs
from costaudit.questions.fallback.outage_text import show_outage
from costaudit.questions.fallback.shown import ROWS, dollars, fine, number, percent_of
from costaudit.render.blocks import Block, Column, Facts, Headline, Prose, Table
from costaudit.render.figures import count, counts_shown, money, share, split_rows
from costaudit.render.text import render_blocks


def render_fallback_text(report: m.FallbackReport, width: int, color: bool) -> str:
    """The report in lines of at most `width` columns."""
    return render_blocks(fallback_blocks(report), width, color)


def fallback_blocks(report: m.FallbackReport) -> Iterator[Block]:
    """What happened, what chains would have made of it, what an outage would do."""
    yield Headline(_headline(report))
    yield Facts(tuple(_facts(report)))
    if report.total.failed:
        yield show_models(report)
        yield from show_hours(report)
        yield from show_pairs(report)
        yield from _depths(report)
        yield _chains(report)
        yield from _models_asked(report)
    for outage in report.outages:
        yield from show_outage(outage, chosen(report))
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
    served = number(chain.served)
    if chain.served < counts.failed_first and served == f"{counts.failed_first:,}":
        served = "nearly all"
    return f"{failed}{told}; {chain.name} would answer {served}"


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
                f"their hours say {number(check.expected)}."
            )


def _chains(report: m.FallbackReport) -> Table:
    logged = [] if report.as_logged is None else [report.as_logged]
    rows = [report.chains[0], *logged, *report.chains[1:]]
    return Table(
        f"After a failed first attempt ({count(report.counts.failed_first, 'request')})",
        (
            Column("chain", tuple(r.name for r in rows), number=False),
            Column("answered", tuple(percent_of(r.served_share) for r in rows)),
            Column("available", tuple(fine(r.availability) for r in rows)),
            Column("attempts", tuple(f"{r.attempts:,.0f}" for r in rows), leaves=1),
            Column("per failed request", dollars([r.usd_per_failed_request for r in rows]), leaves=2),
            Column("extra per 1,000", dollars([r.extra_usd_per_1000_requests for r in rows], signed=True)),
            Column("per success", dollars([r.usd_per_success for r in rows]), leaves=3),
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
