"""The first screen and the last lines: the answer, what it stands on, and how it was made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from costaudit.questions.audit import result as m
from costaudit.questions.audit.month import month_line, month_notes
from costaudit.questions.audit.shown.measured import measured_line
from costaudit.questions.audit.shown.report import Report, billed_known, is_scenario, list_known
from costaudit.render.blocks import Item, Items, ListLimits, Prose
from costaudit.render.figures import ABSENT, count, money, name_shown, nameless, percent, share, words
from costaudit.render.safe import safe

MOVES: Final = 3
"""Findings that the first screen names."""


def headline(report: Report) -> str:
    """What was spent, what it would have been, and the difference."""
    if report.inputs is not None and not report.inputs.requests:
        return "No requests in these logs"
    if not billed_known(report):
        requests = count(report.spend.requests if report.spend else 0, "request")
        why = "no cost is stated" if _is_reported_only(report) else "no price"
        return f"What was spent is not known: {why} for {requests}"
    p = report.projection
    before, after = money([p.before_usd, p.after_usd])
    if isinstance(report, m.Simulation):
        what = "a month" if report.scenario is not None else f"under policy {_policy(report)}"
        return f"{before} → {after} {what}: {_less(p)}"
    if report.agents is not None:
        price = "at list price" if _is_list(report) else "as stated, else at list price"
        return f"{before} {price}, {after} under policy {_policy(report)}: {_less(p)}"
    return f"{before} billed, {after} under policy {_policy(report)}: {_less(p)}"


def _is_reported_only(report: Report) -> bool:
    return report.spend is not None and report.spend.cost_source == "reported"


def _is_list(report: Report) -> bool:
    """Whether nothing but list prices is in the bill."""
    spend = report.spend
    return spend is not None and (spend.reported_usd is None or spend.cost_source == "list")


def _policy(report: Report) -> str:
    return safe(report.projection.policy, 40)


def _less(p: m.Projection) -> str:
    if not p.savings_usd:
        return "no saving"
    word = "less" if p.savings_usd > 0 else "more"
    part = (
        percent(p.savings_percent.lstrip("-"))
        if p.savings_percent is not None
        else money([abs(p.savings_usd)])[0]
    )
    return f"{part} {word}"


def spend_facts(report: Report) -> Iterator[tuple[str, str, str]]:
    """The bill in labelled figures."""
    s, p = report.spend, report.projection
    if s is None or not s.requests:
        return
    billed, list_, after, low, high = (
        money([s.billed_usd, s.list_usd, p.after_usd, p.low_usd, p.high_usd])
        if billed_known(report) else (ABSENT, *money([s.list_usd]), ABSENT, ABSENT, ABSENT)
    )  # fmt: skip
    label = "Billed" if report.agents is None else "At list price" if _is_list(report) else "Stated or list"
    yield label, billed, f"{count(s.requests, 'request')}, {_when(report.period)}"
    if s.monthly_usd is not None and report.period is not None and report.period.coverage is not None:
        told = month_line(report.period.coverage, report.period.days)
        yield "Per month", money([s.monthly_usd])[0], told
    if _is_reported_only(report) and s.unbilled_requests:
        some = count(s.unbilled_requests, "request")
        state = "states" if s.unbilled_requests == 1 else "state"
        told = f"by list: {some} ({share(s.unbilled_requests, s.requests)}) that {state} no cost, in no bill"
        yield "Not billed", money([s.unbilled_list_usd])[0], told
    yield "List", list_ if list_known(report) else ABSENT, _price_time(report.prices)
    stated = "the log states no cost"
    if s.reported_usd is not None:
        stated = f"stated in the log for {count(s.reported_requests, 'request')}"
        if s.cost_source == "list":
            stated += "; not in the bill"
    yield "Reported", money([s.reported_usd])[0], stated
    if s.estimated is not None:
        yield _estimated_fact(s.estimated)
    yield from _inexact_fact(report)
    if (fact := _markup_fact(report)) is not None:
        yield fact
    bounds = f"; range {low} to {high}" if billed_known(report) else ""
    yield "After", after, f"under policy {_policy(report)}{bounds}"


def _estimated_fact(part: m.Estimated) -> tuple[str, str, str]:
    listed, low, high = money([part.list_usd, part.low_usd, part.high_usd])
    band = "" if part.list_usd is None else f", {low} to {high} by the error band"
    some = count(part.requests, "request")
    return "Estimated", listed, f"of list: tokens of {some} by {part.estimator} of the text{band}"


def _inexact_fact(report: Report) -> Iterator[tuple[str, str, str]]:
    """What is billed by counts that say not all, or two things; estimates have a line of their own."""
    rows = [] if report.coverage is None else report.coverage.inexact
    rows = [row for row in rows if row.quality != "estimated" and row.list_usd is not None]
    if rows:
        amounts = [row.list_usd for row in rows if row.list_usd is not None]
        some = count(sum(row.requests for row in rows), "request")
        told = " or ".join(row.quality for row in rows)
        yield (
            "Not exact",
            money([sum(amounts, Decimal(0))])[0],
            (f"of list: {some} with {told} tokens, in no saving"),
        )


def _when(period: m.Period | None) -> str:
    if period is None or period.start is None or period.end is None:
        return "at times that the log does not state"
    first, last = period.start, period.end
    if period.days is None or (period.days < 1 and not _has_month(period)):
        end = last[11:16] if last[:10] == first[:10] else f"{last[:10]} {last[11:16]}"
        return f"{first[:10]} {first[11:16]} to {end} UTC, less than a day"
    return f"{first[:10]} to {last[:10]} UTC, {period.days:,.1f} days"


def _has_month(period: m.Period) -> bool:
    return period.coverage is not None and period.coverage.method != "none"


def _price_time(prices: m.Prices) -> str:
    supposed = ", some of them supposed" if prices.changes else ""
    if prices.as_of == "request-time":
        return f"at the prices in force when each request was made{supposed}"
    return f"at the prices of {prices.as_of}{supposed}"


def _markup_fact(report: Report) -> tuple[str, str, str] | None:
    amount = report.drivers.markup_usd if report.drivers else Decimal(0)
    if not amount:
        return None
    size = money([abs(amount), report.projection.before_usd])[0]
    if amount < 0:
        return "Below list", size, "less was billed than the list price"
    named = [r for r in report.markup if r.usd > 0 and r.gateway is not None and r.percent is not None]
    names = [safe(name_shown(r.gateway, "gateway"), 24) for r in named[:3]]
    told = ", ".join(f"{n} {percent(r.percent, signed=True)}" for n, r in zip(names, named, strict=False))
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    return "Markup", size, f"billed above list: {told}{more}" if told else "billed above list"


def coverage_facts(report: Report) -> Iterator[tuple[str, str, str]]:
    """How much of the log the bill stands for."""
    c, i = report.coverage, report.inputs
    if c is not None and c.requests is not None:
        missing = sum(u.requests for u in c.unpriced)
        tokens, requests = (_covered(f, missing) for f in (c.tokens, c.requests))
        rest = f"; {missing:,} {'has' if missing == 1 else 'have'} no price" if missing else ""
        yield "Priced", tokens, f"of tokens, {requests} of requests{rest}"
    if i is not None:
        skipped = sum(s.count for s in i.skipped)
        parts = [count(i.requests, "request"), count(i.duplicates, "duplicate"), f"{skipped:,} skipped"]
        if i.ignored:
            parts.append(f"{i.ignored:,} not calls")
        adds_up = i.records == i.requests + i.duplicates + i.ignored + skipped
        yield "Records", f"{i.records:,}", "= " + " + ".join(parts) if adds_up else ", ".join(parts)


def _covered(part: float | None, missing: int) -> str:
    """A coverage, which the report rounds: never all of it while something is missing."""
    if part is None:
        return ABSENT
    return share(min(part, 0.999999) if missing else part, 1)


def is_monthly(report: Report) -> bool:
    """Whether findings are scaled to 30 days."""
    return any(f.monthly_usd is not None for f in report.findings)


def finding_unit(report: Report) -> str:
    """What the money of findings is per."""
    return "per 30 days" if is_monthly(report) else "in the log's period"


def finding_money(report: Report, findings: Sequence[m.Finding]) -> tuple[str, ...]:
    """The money of findings, in one form."""
    monthly = is_monthly(report)
    return money([f.monthly_usd if monthly else f.usd for f in findings])


def show_moves(report: Report, _: ListLimits) -> Iterator[Items]:
    """The findings with the most money, on the first screen."""
    best = sorted((f for f in report.findings if f.usd is not None), key=lambda f: -(f.usd or 0))[:MOVES]
    if best:
        figures = finding_money(report, best)
        items = tuple(Item(f.title, lead=figure) for f, figure in zip(best, figures, strict=True))
        yield Items(f"What matters most, {finding_unit(report)}", items)


AS_OF: Final[Mapping[str, str]] = {
    "request-time": "each request at the price of its own time",
    "scenario": "as the scenario states them",
}


BILLED: Final[Mapping[str, str]] = {
    "reported": "Billed is what the log states; a request that states no cost is in no bill.",
    "list": "Billed is list and the known fees of gateways, whatever the log states.",
}


def show_how(report: Report, _: ListLimits) -> Iterator[Prose]:
    """How the number was made."""
    yield Prose("How the number was made", tuple(_how_lines(report)))


def _how_lines(report: Report) -> Iterator[str]:
    book = report.prices
    at = AS_OF.get(book.as_of, f"all as of {book.as_of}")
    yield (
        f"Prices {book.version} (sha256 {book.sha256[:12]}), {at}; "
        f"policy {_policy(report)}; costaudit {report.version}."
    )
    yield from (f"Supposed price: {safe(text, 80)}." for text in book.changes)
    if report.spend is not None and report.spend.cost_source != "auto":
        yield BILLED[report.spend.cost_source]
    if report.inputs is not None and report.inputs.formats:
        read = count(report.inputs.files, "file")
        yield f"Read: {read}; records by format: {_tally(report.inputs.formats)}."
    yield from _ledger_lines(report)
    if report.coverage is not None:
        yield from _coverage_lines(report.coverage)
    if report.period is not None and report.period.coverage is not None:
        yield from month_notes(report.period.coverage)
    if report.inputs is not None and report.inputs.requests:
        unnamed = [
            kind for kind in ("model", "feature", "user") if nameless(kind, getattr(report, f"by_{kind}"))
        ]
        if report.inputs.ledgers:
            unnamed = [kind for kind in unnamed if kind != "user"]
        if unnamed:
            yield f"The log names no {' and no '.join(unnamed)}."
    if is_scenario(report):
        yield "A scenario's own shares and prices; nothing here was measured on your traffic."
    elif isinstance(report, m.Audit) and report.labels is not None:
        yield measured_line(report.labels)
        yield "Quality of cheaper models not measured on your traffic."
    else:
        yield "Quality of cheaper models and tags not measured on your traffic."


def _ledger_lines(report: Report) -> Iterator[str]:
    """What saved ledgers do not hold, where they were read in place of logs."""
    ledgers = report.inputs.ledgers if report.inputs is not None else []
    if not ledgers:
        return
    books = ", ".join(sorted({one.book_version for one in ledgers}))
    yield (
        f"From {count(len(ledgers), 'saved ledger')}, made with prices {books}: users, single requests, "
        "places of records, and reported against list request by request are not in it."
    )
    if isinstance(report, m.Simulation) and any(one.sessions for one in ledgers):
        yield "Sessions are in no ledger: what moving costs in prompt caches is not in these figures."


def _coverage_lines(c: m.Coverage) -> Iterator[str]:
    told = {"Usage": c.usage, "Input counts": c.reading, "Models found": c.resolved}
    parts = [f"{what}: {_tally(counts)}" for what, counts in told.items() if counts]
    tagged = [] if c.tagged is None else [f"Tagged: {share(c.tagged, 1)} of requests"]
    if parts or tagged:
        yield ". ".join([*tagged, *parts]) + "."


def _tally(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))
    return ", ".join(f"{n:,} {words(name)}" for name, n in ranked)
