"""What is paid on top of list, for the eye: markups, break-even volumes, commitments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from costaudit.money import shown
from costaudit.questions.audit import result as m
from costaudit.questions.audit.fees.markup import label_of
from costaudit.questions.audit.shown.report import Report, billed_known, is_scenario
from costaudit.render.blocks import Column, ListLimits, Prose, Table
from costaudit.render.figures import ABSENT, counts_shown, money

MIXES: Final = {"as_logged": "as logged", "after_routing": "after routing"}


def show_scenarios(report: Report, _: ListLimits) -> Iterator[Table]:
    """What a gateway's markup would add."""
    rows = report.projection.markup_scenarios
    if not rows or not billed_known(report):
        return
    log = [None if is_scenario(report) else r.period_usd for r in rows]
    columns = (
        Column("in this log", money(log), leaves=1),
        Column("per month", money([r.monthly_usd for r in rows])),
        Column("per year", money([r.yearly_usd for r in rows]), leaves=2),
    )
    yield Table(
        f"What a gateway's markup would add to {money([report.projection.after_usd])[0]}",
        (
            Column("markup", tuple(_label(r) for r in rows), number=False),
            *(c for c in columns if any(cell != ABSENT for cell in c.cells)),
        ),
        notes=tuple(_notes(rows)),
    )


def _label(row: m.FeeTerms) -> str:
    if row.source == "given":
        return row.label or f"{row.percent}%"
    return row.label if row.percent is None else f"{row.label}, {Decimal(row.percent):.3g}%"


def _notes(rows: Sequence[m.FeeTerms]) -> Iterator[str]:
    """Where figures that were not given are from; a note of several rows once."""
    told = dict.fromkeys(
        (note, row.label if row.source != "given" else "") for row in rows for note in row.notes
    )
    for note, label in told:
        yield f"{label}: {note}" if label else f"{note[:1].upper()}{note[1:]}."


NO_MONTH: Final = "The log covers less than a day or states no times: what a month has is not known."


def show_break_even(report: Report, _: ListLimits) -> Iterator[Table | Prose]:
    """Ways to pay: what each adds now, where they cost the same, which is the cheapest at which volume."""
    found = report.projection.break_even
    if found is None or not found.mixes:
        return
    first = found.mixes[0]
    if first.month is None:
        yield Prose("On top of list, per month", (NO_MONTH, *_notes(found.options)))
    else:
        yield _options(found)
    yield _pairs(first)
    yield _intervals(first, found)


def _options(found: m.BreakEven) -> Table:
    """What every option adds to the list price of a month."""
    columns = [
        Column(
            MIXES[mix.mix],
            tuple(money(mix.monthly_usd, signed=True)),
            leaves=0 if mix.mix == "as_logged" else 1,
        )
        for mix in found.mixes
        if mix.month is not None
    ]
    notes = tuple(_cheapest_now(mix) for mix in found.mixes if mix.month is not None)
    return Table(
        "On top of list, per month",
        (
            Column("way to pay", tuple(option.name for option in found.options), number=False),
            Column("terms", tuple(_of_option(option) for option in found.options), number=False, leaves=2),
            *columns,
        ),
        notes=(*notes, *_notes(found.options)),
    )


def _of_option(option: m.FeeOption) -> str:
    """What an option takes, where its name does not say it."""
    if option.source == "given":
        return "" if option.label == option.name else option.label
    amounts = {
        "percent": None if option.percent is None else Decimal(option.percent),
        "usd_per_request": option.per_request_usd,
        "usd_per_month": option.subscription_usd_month,
    }
    return label_of({name: amount for name, amount in amounts.items() if amount is not None})


def _cheapest_now(mix: m.FeeMix) -> str:
    if mix.month is None:
        return ""
    names, spend = " and ".join(mix.cheapest), money([mix.month.list_usd])[0]
    verb = "is" if len(mix.cheapest) == 1 else "are"
    return f"{MIXES[mix.mix].capitalize()}, at {spend} of list a month: {names} {verb} the cheapest."


def _pairs(mix: m.FeeMix) -> Table:
    rows = [(pair, place) for pair in mix.pairs for place in range(max(len(pair.at), 1))]
    points = [pair.at[place] if pair.at else None for pair, place in rows]
    return Table(
        f"Where they cost the same, per month, {MIXES[mix.mix]}",
        (
            Column("between", tuple(f"{pair.a} and {pair.b}" for pair, _ in rows), number=False),
            Column("list", money([None if p is None else p.list_usd for p in points])),
            Column("requests", counts_shown([None if p is None else p.requests for p in points])),
            Column("tokens", counts_shown([None if p is None else p.tokens for p in points]), leaves=1),
        ),
        under=Column("cheaper", tuple(_told(pair, place) for pair, place in rows), number=False),
    )


def _told(pair: m.FeePair, place: int) -> str:
    if not pair.at:
        only = pair.cheaper[0]
        return "the same at every volume" if only is None else f"{only} is cheaper at every volume"
    below, above = pair.cheaper[place], pair.cheaper[place + 1]
    return f"below: {below or 'the same'}; above: {above or 'the same'}"


def _intervals(mix: m.FeeMix, found: m.BreakEven) -> Table:
    rows = mix.intervals
    starts, ends = (
        money([row.start.list_usd for row in rows]),
        money([None if row.end is None else row.end.list_usd for row in rows]),
    )
    return Table(
        f"The cheapest by volume, {MIXES[mix.mix]}",
        (
            Column("cheapest", tuple(" and ".join(row.cheapest) for row in rows), number=False),
            Column("from list a month", starts),
            Column("to", ends),
        ),
        notes=tuple(f"Assumed: {told}" for told in found.assumptions),
    )


def show_commitments(report: Report, _: ListLimits) -> Iterator[Table | Prose]:
    """Committed-use discounts, before and after routing."""
    for found in report.projection.commitments:
        title, notes = f"A commitment: {found.label}", tuple(_commitment_notes(found))
        yield Table(title, _uses(found), notes=notes) if found.uses else Prose(title, notes)


def _uses(found: m.CommitmentResult) -> tuple[Column, ...]:
    uses = found.uses
    return (
        Column("traffic", tuple(MIXES[use.mix] for use in uses), number=False),
        Column("list a month", money([use.list_usd for use in uses])),
        Column("used", tuple(f"{Decimal(use.utilisation_percent):.1f}%" for use in uses), leaves=1),
        Column("with it", money([use.with_commitment_usd for use in uses]), leaves=2),
        Column("saves a month", money([use.saving_monthly_usd for use in uses], signed=True)),
        Column(f"in {found.months} months", money([use.saving_term_usd for use in uses], signed=True)),
    )


def _commitment_notes(found: m.CommitmentResult) -> Iterator[str]:
    yield (
        f"It pays from {found.break_even_utilisation_percent}% of use on: "
        f"{shown(found.paid_usd_month)} of list a month."
    )
    if found.uses:
        yield from _routing_notes(found, found.uses[-1])
    else:
        yield NO_MONTH
    yield (
        f"Lock-in: {shown(found.paid_usd_term)} are owed over {found.months} months whatever is used. "
        "Cheaper models, price cuts, routing and less traffic lower the use, and not what is owed."
    )
    yield from (f"Assumed: {told}" for told in found.assumptions)


_CHEAPEST: Final = {
    "neither": "to do neither",
    "routing": "to route without it",
    "commitment": "to commit without routing",
    "both": "to route and commit",
}


def _routing_notes(found: m.CommitmentResult, routed: m.CommitmentUse) -> Iterator[str]:
    alone, left = found.routing_saves_usd_month, found.routing_saves_committed_usd_month
    if alone is not None and left is not None and alone > left:
        yield (
            f"Routing takes {shown(alone)} a month off list; under the commitment {shown(left)} of that are "
            f"saved, and {shown(alone - left)} are paid anyway."
        )
    if routed.saving_monthly_usd < 0:
        yield (
            f"Too large after routing: it loses {shown(-routed.saving_monthly_usd)} a month, "
            f"{shown(-routed.saving_term_usd)} over {found.months} months; up to "
            f"{shown(found.largest_paying_usd_month)} of list a month would pay for itself."
        )
    yield f"Cheapest of all: {' or '.join(_CHEAPEST[name] for name in found.cheapest)}."
