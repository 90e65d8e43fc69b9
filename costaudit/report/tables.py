"""What a report shows, in the order in which it is read: the blocks that text and Markdown draw.

Names in blocks are as logged; the renderer that draws them makes them harmless. Money is written here.
A figure that is not known is a dash, never $0.00.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from costaudit.ingest.quarantine import REASONS
from costaudit.money import shown
from costaudit.report import model as m
from costaudit.report.safe import clean, safe

Report = m.Audit | m.Simulation

ABSENT: Final = "—"
CENT: Final = Decimal("0.01")
MOVES: Final = 3
"""Findings that the first screen names."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rows of each kind are listed one by one; what is left out is counted and summed."""

    rows: int = 10
    """Of models, features and findings."""
    users: int = 5
    unpriced: int = 5
    places: int = 2
    """Of skipped records, per reason."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: figures are right-aligned and ours, words may come from a log."""

    title: str
    cells: tuple[str, ...]
    total: str = ""
    number: bool = True
    leaves: int = 0
    """Rank in which it leaves a narrow table; 0 stays."""
    wide: bool = False
    """Only where there is plenty of room."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The answer in one line."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Labelled figures, each with a few words."""

    rows: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length."""

    title: str
    columns: tuple[Column, ...]
    under: Column | None = None
    """A sentence to each row, or an empty one."""
    notes: tuple[str, ...] = ()
    bars: tuple[tuple[Decimal, Decimal], ...] = ()
    """The spans of a waterfall, in dollars."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list."""

    text: str
    lead: str = ""
    figure: str = ""
    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Items:
    """A list; `unit` says what its figures are."""

    title: str
    items: tuple[Item, ...]
    unit: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Days:
    """Money over time, one mark per day or per few days."""

    title: str
    first: str
    last: str
    amounts: tuple[Decimal | str | None, ...]
    """Per calendar day: dollars, "" for a day without requests, None where nothing has a price."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """Sentences."""

    title: str
    lines: tuple[str, ...]


Block = Headline | Facts | Table | Items | Days | Prose


# Figures


def money(amounts: Sequence[Decimal | None], *, signed: bool = False) -> tuple[str, ...]:
    """Amounts of one column in one form: cents if any reaches a dollar, else 4 significant digits.

    >>> money([Decimal("12.5"), Decimal("0.0004"), Decimal(0), None])
    ('$12.50', '<$0.01', '$0.00', '—')
    """
    cents = any(a is not None and abs(a) >= 1 for a in amounts)
    return tuple(_money(a, cents=cents, signed=signed) for a in amounts)


def _money(amount: Decimal | None, *, cents: bool, signed: bool) -> str:
    if amount is None:
        return ABSENT
    sign = "-" if amount < 0 else "+" if signed and amount > 0 else ""
    size = abs(amount)
    if not cents or not size:
        return sign + shown(size)
    return f"{sign}<$0.01" if size < CENT / 2 else f"{sign}${size:,.2f}"


def money_with_sum(
    parts: Sequence[Decimal | None], *, signed: bool = False, firm: int = 0
) -> tuple[str, ...]:
    """Amounts and, last, their sum, in cents that add up as shown.

    Where rounding breaks the sum, the largest amounts are rounded to their other cent, but never the
    first `firm` ones, nor an amount of a cent or less.

    >>> money_with_sum([Decimal("1.004"), Decimal("2.004"), Decimal("1.003")])
    ('$1.00', '$2.01', '$1.00', '$4.01')
    """
    whole = [*parts, _sum(parts)]
    if all(a is None or abs(a) < 1 for a in whole):
        return money(whole, signed=signed)
    cents = _adding_up(whole, firm)
    shown_as = [a if c is None or abs(c) < CENT else c for a, c in zip(whole, cents, strict=True)]
    return tuple(_money(a, cents=True, signed=signed) for a in shown_as)


def _adding_up(whole: Sequence[Decimal | None], firm: int) -> list[Decimal | None]:
    """Amounts and their sum in cents; whatever is moved stays within a cent of what it was."""
    cents = [None if a is None else a.quantize(CENT) for a in whole]
    gap = (cents[-1] or Decimal(0)) - (_sum(cents[:-1]) or Decimal(0))
    step = CENT.copy_sign(gap)
    free = [
        (c, i)
        for i, (c, a) in enumerate(zip(cents[:-1], whole, strict=False))
        if c is not None and a is not None and i >= firm and abs(c) > CENT and (c - a) * step < 0
    ]
    for cent, i in sorted(free, key=lambda f: (-abs(f[0]), f[1]))[: int(abs(gap) / CENT)]:
        cents[i] = cent + step
    return cents


def share(part: float, whole: float) -> str:
    """A share as a percentage that says 0 or 100 only where that is exact.

    >>> share(1, 3), share(99_999, 100_000), share(1, 100_000), share(1, 0)
    ('33.3%', '>99.9%', '<0.1%', '—')
    """
    if not whole:
        return ABSENT
    text = f"{100 * part / whole:.1f}%"
    if text == "100.0%" and part < whole:
        return ">99.9%"
    return "<0.1%" if text == "0.0%" and part > 0 else text


def percent(text: str | None, *, signed: bool = False) -> str:
    """A percentage that the report states as text, with one decimal."""
    value = decimal_or_none(text)
    if value is None:
        return ABSENT
    sign = "-" if value < 0 else "+" if signed and value > 0 else ""
    size = f"{abs(value):.1f}%"
    return f"{sign}<0.1%" if size == "0.0%" and value else sign + size


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "file"), count(1200, "request")
    ('1 file', '1,200 requests')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def tokens_of(tokens: m.Tokens | None) -> int | None:
    """All tokens; reasoning is inside output."""
    if tokens is None:
        return None
    return int(sum(n for name, n in tokens.model_dump().items() if name != "reasoning"))


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [a for a in amounts if a is not None]
    return sum(known, Decimal(0)) if known else None


def list_known(report: Report) -> bool:
    """Whether anything has a price, so that a total of 0 is a fact and not an absence."""
    if report.spend is None or report.spend.list_usd:
        return True
    rows: list[m.Row] = [*report.by_tier, *report.by_model]
    return any(row.list_usd is not None for row in rows)


def billed_known(report: Report) -> bool:
    """Whether anything has a price or a stated cost."""
    return list_known(report) or (report.spend is not None and report.spend.reported_usd is not None)


def words(name: str) -> str:
    """A name of the JSON contract as words."""
    return name.replace("_", " ")


# The report, block by block


def blocks(report: Report, limits: Limits) -> Iterator[Block]:
    """Everything that is shown, in order."""
    yield Headline(headline(report))
    if isinstance(report, m.Simulation) and report.scenario is not None:
        yield Prose("", (report.scenario.title,))
    if facts := (*_spend_facts(report), *_coverage_facts(report)):
        yield Facts(facts)
    for part in _parts(report):
        yield from part(report, limits)


def _is_scenario(report: Report) -> bool:
    return isinstance(report, m.Simulation) and report.scenario is not None


def headline(report: Report) -> str:
    """What was spent, what it would have been, and the difference."""
    if report.inputs is not None and not report.inputs.requests:
        return "No requests in these logs"
    if not billed_known(report):
        requests = report.spend.requests if report.spend else 0
        return f"What was spent is not known: no price for {count(requests, 'request')}"
    p = report.projection
    before, after = money([p.before_usd, p.after_usd])
    if isinstance(report, m.Simulation):
        what = "a month" if report.scenario is not None else f"under policy {_policy(report)}"
        return f"{before} → {after} {what}: {_less(p)}"
    return f"{before} billed, {after} under policy {_policy(report)}: {_less(p)}"


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


def _spend_facts(report: Report) -> Iterator[tuple[str, str, str]]:
    s, p = report.spend, report.projection
    if s is None or not s.requests:
        return
    billed, list_, after, low, high = (
        money([s.billed_usd, s.list_usd, p.after_usd, p.low_usd, p.high_usd])
        if billed_known(report) else (ABSENT,) * 5
    )  # fmt: skip
    yield "Billed", billed, f"{count(s.requests, 'request')}, {_when(report.period)}"
    yield "List", list_ if list_known(report) else ABSENT, _price_time(report.prices)
    stated = "the log states no cost"
    if s.reported_usd is not None:
        stated = f"stated in the log for {count(s.reported_requests, 'request')}"
    yield "Reported", money([s.reported_usd])[0], stated
    if (fact := _markup_fact(report)) is not None:
        yield fact
    bounds = f"; range {low} to {high}" if billed_known(report) else ""
    yield "After", after, f"under policy {_policy(report)}{bounds}"


def _when(period: m.Period | None) -> str:
    if period is None or period.start is None or period.end is None:
        return "at times that the log does not state"
    first, last = period.start, period.end
    if period.days is None or period.days < 1:
        end = last[11:16] if last[:10] == first[:10] else f"{last[:10]} {last[11:16]}"
        return f"{first[:10]} {first[11:16]} to {end} UTC, less than a day"
    return f"{first[:10]} to {last[:10]} UTC, {period.days:,.1f} days"


def _price_time(prices: m.Prices) -> str:
    if prices.as_of == "request-time":
        return "at the prices in force when each request was made"
    return f"at the prices of {prices.as_of}"


def _markup_fact(report: Report) -> tuple[str, str, str] | None:
    amount = report.drivers.markup_usd if report.drivers else Decimal(0)
    if not amount:
        return None
    size = money([abs(amount), report.projection.before_usd])[0]
    if amount < 0:
        return "Below list", size, "less was billed than the list price"
    named = [r for r in report.markup if r.usd > 0 and r.gateway is not None and r.percent is not None]
    names = [safe(_named(r.gateway, "gateway"), 24) for r in named[:3]]
    told = ", ".join(f"{n} {percent(r.percent, signed=True)}" for n, r in zip(names, named, strict=False))
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    return "Markup", size, f"billed above list: {told}{more}" if told else "billed above list"


def _coverage_facts(report: Report) -> Iterator[tuple[str, str, str]]:
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


def _monthly(report: Report) -> bool:
    return any(f.monthly_usd is not None for f in report.findings)


def _finding_unit(report: Report) -> str:
    return "per 30 days" if _monthly(report) else "in the log's period"


def _finding_money(report: Report, findings: Sequence[m.Finding]) -> tuple[str, ...]:
    monthly = _monthly(report)
    return money([f.monthly_usd if monthly else f.usd for f in findings])


def _moves(report: Report, _: Limits) -> Iterator[Items]:
    """The findings with the most money, on the first screen."""
    best = sorted((f for f in report.findings if f.usd is not None), key=lambda f: -(f.usd or 0))[:MOVES]
    if best:
        figures = _finding_money(report, best)
        items = tuple(Item(f.title, lead=figure) for f, figure in zip(best, figures, strict=True))
        yield Items(f"What matters most, {_finding_unit(report)}", items)


def _unpriced(report: Report, limits: Limits) -> Iterator[Table]:
    rows = report.coverage.unpriced if report.coverage else []
    if not rows:
        return
    top, rest = _split(rows, limits.unpriced)
    names = [_named(u.model, "model") for u in top]
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
            Column("requests", _counts(requests)),
            Column("tokens", _counts(tokens), leaves=1),
            Column("reason", tuple(reasons), number=False, leaves=2),
        ),
        under=Column("hint", tuple(details), number=False) if any(details) else None,
    )


def _split(rows: Sequence[Any], limit: int) -> tuple[list[Any], list[Any]]:
    """The rows that are listed, and those that are summed: never a single one."""
    cut = limit if len(rows) > limit + 1 else len(rows)
    return list(rows[:cut]), list(rows[cut:])


def _named(name: str | None, kind: str) -> str:
    """A name as logged; an absent or blank one in brackets."""
    if name is None:
        return f"(no {kind})"
    return name if clean(name).strip() else "(blank)"


def _counts(numbers: Sequence[int | None]) -> tuple[str, ...]:
    return tuple(ABSENT if n is None else f"{n:,}" for n in numbers)


@dataclass(frozen=True, slots=True)
class _Line:
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
        _sum([t.billed for t in lines]),
        _sum([t.after for t in lines]),
    )


def _breakdown(head: str, lines: Sequence[_Line], *, total: bool = False, after: bool = True) -> Table:
    whole = _together("total", lines)
    rows = [*lines, whole]
    per_1k = [t.billed * 1000 / t.requests if t.billed is not None and t.requests else None for t in rows]

    def column(name: str, cells: Sequence[str], **how: Any) -> Column:
        return Column(name, tuple(cells[:-1]), total=cells[-1] if total else "", **how)

    columns = [
        column(head, [t.name for t in rows], number=False),
        column("requests", _counts([t.requests for t in rows]), leaves=4),
        column("share", [share(t.requests, whole.requests) for t in rows], leaves=3, wide=not total),
        column("tokens", _counts([t.tokens for t in rows]), leaves=1, wide=True),
        column("$/1k req", money(per_1k), leaves=2, wide=True),
        column("billed", money_with_sum([t.billed for t in lines])),
    ]
    if after:
        columns.append(column("after", money_with_sum([t.after for t in lines])))
    return Table(f"By {head}", tuple(columns))


def _tiers(report: Report, _: Limits) -> Iterator[Table]:
    if report.by_tier:
        names = [r.name if r.tier is None else f"{r.tier} {r.name}" for r in report.by_tier]
        lines = [_line(name, row) for name, row in zip(names, report.by_tier, strict=True)]
        yield _breakdown("tier", lines, total=True)


def _listed(kind: str, rows: Sequence[Any], limit: int, *, after: bool = True) -> Iterator[Table]:
    """A breakdown by a name from the log: the dearest rows, and the rest in one."""
    if _nameless(kind, rows):
        return
    lines = [_line(_name(r, kind), r) for r in rows]
    top, rest = _split(lines, limit)
    if rest:
        top.append(_together(f"and {len(rest):,} more", rest))
    yield _breakdown(kind, top, after=after)


def _nameless(kind: str, rows: Sequence[Any]) -> bool:
    return all(getattr(r, kind) is None for r in rows)


def _name(row: Any, kind: str) -> str:
    others = getattr(row, "others", 0)
    return f"{others:,} further users" if others else _named(getattr(row, kind), kind)


def _models(report: Report, limits: Limits) -> Iterator[Table]:
    yield from _listed("model", report.by_model, limits.rows)


def _features(report: Report, limits: Limits) -> Iterator[Table]:
    yield from _listed("feature", report.by_feature, limits.rows)


def _users(report: Report, limits: Limits) -> Iterator[Table]:
    yield from _listed("user", report.by_user, limits.users, after=False)


STEPS: Final[Mapping[str, tuple[str, str]]] = {
    "billed": ("billed", "what was paid"),
    "before": ("before", "what is paid"),
    "markup": ("gateway markup", "billed on top of list"),
    "reliability": ("reliability", "attempts that failed or were replaced"),
    "overspecification": ("overspecification", "a dearer model than the tier needs"),
    "lock_in": ("lock-in", "a cheaper provider not chosen"),
    "routing": ("routing", "each tier on its own model"),
    "verification": ("verification", "a second pass over the highest tier"),
    "after": ("after", "what the same requests would cost"),
}
"""Steps of the waterfall: label and meaning."""

ENDS: Final = frozenset({"billed", "before", "after"})
"""Steps that are levels; all others add to the level before them."""


def _waterfall(report: Report, _: Limits) -> Iterator[Table]:
    steps = report.projection.steps
    if not steps or not billed_known(report):
        return
    labels, meanings, bars = [], [], []
    level = Decimal(0)
    for step in steps:
        label, meaning = STEPS.get(step.name, (words(step.name), ""))
        if step.name == "markup" and step.usd > 0:
            label, meaning = "billed below list", "list is what the rest starts from"
        start = Decimal(0) if step.name in ENDS else level
        level = start + step.usd
        labels.append(label)
        meanings.append(meaning)
        bars.append((start, level))
    firm = sum(s.name in {"billed", "before", "markup"} for s in steps[:2])  # they are shown elsewhere too
    signed = money_with_sum([s.usd for s in steps[:-1]], signed=True, firm=firm)
    cells = [a.lstrip("+") if s.name in ENDS else a for a, s in zip(signed, steps, strict=True)]
    yield Table(
        f"From {labels[0]} to {labels[-1]}",
        (
            Column("step", tuple(labels), number=False),
            Column("amount", tuple(cells)),
            Column("meaning", tuple(meanings), number=False, leaves=1, wide=True),
        ),
        notes=_kept_note(report.projection.kept),
        bars=tuple(bars),
    )


KEPT: Final[Mapping[str, str]] = {
    "untagged": "without a tier",
    "unpriced": "without a price",
    "not_billed": "cost nothing",
    "tier_keeps": "in a tier that keeps its models",
    "not_chat": "not chat",
    "no_adequate_candidate": "without an adequate candidate",
    "not_cheaper": "without a cheaper candidate",
}


def _kept_note(kept: Mapping[str, int]) -> tuple[str, ...]:
    if not kept:
        return ()
    moved = kept.get("routed", 0)
    stay = sorted(((n, name) for name, n in kept.items() if name != "routed"), key=lambda kv: (-kv[0], kv[1]))
    moving = f"{count(moved, 'request')} {'moves' if moved == 1 else 'move'}"
    if not stay:
        return (f"{moving}.",)
    told = ", ".join(f"{n:,} {KEPT.get(name, words(name))}" for n, name in stay)
    return (f"{moving}; {sum(n for n, _ in stay):,} stay: {told}.",)


EVIDENCE: Final = {"reported": "stated in the log", "table": "known fees", "given": "as given"}


def _gateways(report: Report, limits: Limits) -> Iterator[Table]:
    if not any(r.usd for r in report.markup):
        return
    top, rest = _split(report.markup, limits.rows)
    names = [_named(r.gateway, "gateway") for r in top]
    requests, amounts = [r.requests for r in top], [r.usd for r in top]
    evidence, markups = [EVIDENCE[r.evidence] for r in top], [_over_list(r.percent) for r in top]
    if rest:
        names.append(f"and {len(rest):,} more")
        requests.append(sum(r.requests for r in rest))
        amounts.append(sum((r.usd for r in rest), Decimal(0)))
        evidence.append("")
        markups.append("")
    yield Table(
        "Billed against list, by gateway",
        (
            Column("gateway", tuple(names), number=False),
            Column("requests", _counts(requests), leaves=2),
            Column("evidence", tuple(evidence), number=False, leaves=1),
            Column("markup", tuple(markups)),
            Column("amount", money(amounts, signed=True)),
        ),
    )


def _over_list(text: str | None) -> str:
    if text is not None and text.startswith("-"):
        return f"{percent(text[1:])} below list"
    return percent(text, signed=True)


def _scenarios(report: Report, _: Limits) -> Iterator[Table]:
    rows = report.projection.markup_scenarios
    if not rows or not billed_known(report):
        return
    log = [None if _is_scenario(report) else r.period_usd for r in rows]
    columns = (
        Column("in this log", money(log), leaves=1),
        Column("per month", money([r.monthly_usd for r in rows])),
        Column("per year", money([r.yearly_usd for r in rows]), leaves=2),
    )
    yield Table(
        f"What a gateway's markup would add to {money([report.projection.after_usd])[0]}",
        (
            Column("markup", tuple(f"{r.percent}%" for r in rows), number=False),
            *(c for c in columns if any(cell != ABSENT for cell in c.cells)),
        ),
    )


def _days(report: Report, _: Limits) -> Iterator[Days]:
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
        amount = money([_sum([r.billed_usd for r in undated])])[0]
        yield f"{count(sum(r.requests for r in undated), 'request')} without a time: {amount}"


def _findings(report: Report, limits: Limits) -> Iterator[Items]:
    if not report.findings:
        return
    rows = report.findings[: limits.rows * 2]
    items = []
    for i, (f, figure) in enumerate(zip(rows, _finding_money(report, rows), strict=True)):
        last = i + 1 == len(rows) or (rows[i + 1].code, rows[i + 1].next) != (f.code, f.next)
        items.append(Item(f.title, lead=f.code, figure=figure, more=(f"Next: {f.next}",) if last else ()))
    left = len(report.findings) - len(rows)
    notes = (f"and {left:,} more",) if left else ()
    short = any(f.usd is not None for f in rows) and not _monthly(report)
    if short:
        notes = (*notes, _no_month(report.period))
    yield Items("Findings", tuple(items), unit=_finding_unit(report), notes=notes)


def _no_month(period: m.Period | None) -> str:
    if period is None or period.days is None:
        return "The log states no times, so nothing is scaled to a month."
    return "The log covers less than a day, so nothing is scaled to a month."


def _skipped(report: Report, limits: Limits) -> Iterator[Items]:
    rows = report.inputs.skipped if report.inputs else []
    if rows:
        yield Items("Skipped records", tuple(_skipped_item(s, limits.places) for s in rows))


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


def _levers(report: Report, limits: Limits) -> Iterator[Table]:
    rows = report.levers[: limits.rows]
    if rows:
        yield Table(
            "Further levers",
            (
                Column("lever", tuple(words(str(r.get("name"))) for r in rows), number=False),
                Column("alone", money([decimal_or_none(r.get("alone_usd")) for r in rows])),
                Column("after the others", money([decimal_or_none(r.get("marginal_usd")) for r in rows])),
            ),
        )


def decimal_or_none(value: object) -> Decimal | None:
    """An amount that the report holds as text."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _segments(report: Report, _: Limits) -> Iterator[Table]:
    if not isinstance(report, m.Simulation) or not report.segments:
        return
    rows = report.segments
    before, after = money_with_sum([r.before_usd for r in rows]), money_with_sum([r.after_usd for r in rows])
    requests = _counts([*[r.requests for r in rows], sum(r.requests for r in rows)])
    yield Table(
        "Segments, per month",
        (
            Column("segment", tuple(r.name for r in rows), "total", number=False),
            Column("requests", requests[:-1], requests[-1], leaves=1),
            Column("before", before[:-1], before[-1]),
            Column("after", after[:-1], after[-1]),
        ),
        under=Column("how", tuple(r.how for r in rows), number=False),
    )


def _differences(report: Report, _: Limits) -> Iterator[Table | Prose]:
    if not isinstance(report, m.Simulation):
        return
    if rows := report.differences:
        yield Table(
            "The source document prints other figures",
            (
                Column("figure", tuple(_figure_name(d.figure) for d in rows), number=False),
                Column("printed", tuple(figure(d.figure, d.published) for d in rows)),
                Column("computed", tuple(figure(d.figure, d.computed) for d in rows)),
            ),
            under=Column("explanation", tuple(d.explanation for d in rows), number=False),
        )
    if report.scenario is not None:
        yield Prose("Source", (report.scenario.source,))


def _figure_name(name: str) -> str:
    return words(name.removesuffix("_usd").removesuffix("_percent").replace("_percent_", "% "))


def figure(name: str, value: str) -> str:
    """A figure of a source document, by the unit that its name ends with.

    >>> figure("after_usd", "28000"), figure("savings_percent", "77")
    ('$28,000.00', '77%')
    """
    amount = decimal_or_none(value)
    if amount is not None and name.endswith("_usd"):
        return shown(amount)
    return safe(f"{value}%" if amount is not None and name.endswith("_percent") else value, 24)


AS_OF: Final[Mapping[str, str]] = {
    "request-time": "each request at the price of its own time",
    "scenario": "as the scenario states them",
}


def _how(report: Report, _: Limits) -> Iterator[Prose]:
    yield Prose("How the number was made", tuple(_how_lines(report)))


def _how_lines(report: Report) -> Iterator[str]:
    book = report.prices
    at = AS_OF.get(book.as_of, f"all as of {book.as_of}")
    yield (
        f"Prices {book.version} (sha256 {book.sha256[:12]}), {at}; "
        f"policy {_policy(report)}; costaudit {report.version}."
    )
    if report.inputs is not None and report.inputs.formats:
        read = count(report.inputs.files, "file")
        yield f"Read: {read}; records by format: {_tally(report.inputs.formats)}."
    if report.coverage is not None:
        yield from _coverage_lines(report.coverage)
    if report.inputs is not None and report.inputs.requests:
        nameless = [
            kind for kind in ("model", "feature", "user") if _nameless(kind, getattr(report, f"by_{kind}"))
        ]
        if nameless:
            yield f"The log names no {' and no '.join(nameless)}."
    if _is_scenario(report):
        yield "A scenario's own shares and prices; nothing here was measured on your traffic."
    else:
        yield "Quality of cheaper models and tags not measured on your traffic."


def _coverage_lines(c: m.Coverage) -> Iterator[str]:
    told = {"Usage": c.usage, "Input counts": c.reading, "Models found": c.resolved}
    parts = [f"{what}: {_tally(counts)}" for what, counts in told.items() if counts]
    tagged = [] if c.tagged is None else [f"Tagged: {share(c.tagged, 1)} of requests"]
    if parts or tagged:
        yield ". ".join([*tagged, *parts]) + "."


def _tally(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))
    return ", ".join(f"{n:,} {words(name)}" for name, n in ranked)


Part = Callable[[Report, Limits], Iterator[Block]]

_BODY: Final[tuple[Part, ...]] = (
    _moves, _unpriced, _tiers, _waterfall, _gateways, _levers, _models, _features, _users, _days, _findings,
    _skipped, _how,
)  # fmt: skip
_AUDITED: Final[tuple[Part, ...]] = (*_BODY[:5], _scenarios, *_BODY[5:])
_SIMULATED: Final[tuple[Part, ...]] = (_scenarios, *_BODY)
_SCENARIO: Final[tuple[Part, ...]] = (_segments, _waterfall, _scenarios, _differences, _how)


def _parts(report: Report) -> tuple[Part, ...]:
    if isinstance(report, m.Audit):
        return _AUDITED
    return _SIMULATED if report.scenario is None else _SCENARIO
