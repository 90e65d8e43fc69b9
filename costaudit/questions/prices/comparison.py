"""What another price table says, held against ours: as an answer and for the eye."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, Literal

from costaudit.prices.importers.compare import Comparison, Crosscheck, ObservationVerdict
from costaudit.prices.importers.load import PriceSource
from costaudit.prices.importers.propose import Proposal, render_csv
from costaudit.prices.rows import instant_text
from costaudit.questions.prices.result import CLASS
from costaudit.render.part import SCHEMA, Part, StatedRate
from costaudit.render.safe import clean

_NAMED: Final = 8
"""Models that the text names for each provider; the JSON has all."""


class ComparedSource(Part, frozen=True, kw_only=True, rename={"from_": "from"}):
    """The other table."""

    id: str
    kind: str
    from_: str


class OurPrice(Part, frozen=True, kw_only=True):
    """The row of ours that a price is held against."""

    rate_id: str
    usd: StatedRate | None
    confidence: str
    file: str
    line: int


class ComparedPrice(Part, frozen=True, kw_only=True, rename=CLASS):
    """A price of the other table that does not agree with ours."""

    verdict: str
    provider: str | None
    model: str
    class_: str
    when: str
    at: str
    usd: StatedRate
    valid_from: str | None
    source_provider: str
    source_place: str
    ours: OurPrice | None
    ratio: str | None
    """Theirs over ours."""
    detail: str | None


class ProposedTable(Part, frozen=True, kw_only=True):
    """Rows that could be added to one of our tables."""

    table: str
    rows: list[list[str]]


class LeftToHand(Part, frozen=True, kw_only=True):
    """A price for which no row can be proposed, and why."""

    reason: str
    comparison: ComparedPrice


class ProposedRows(Part, frozen=True, kw_only=True):
    """What could be done about the differences."""

    tables: list[ProposedTable]
    by_hand: list[LeftToHand]


class PriceComparison(Part, frozen=True, kw_only=True, rename=SCHEMA):
    """Another price table held against ours: costaudit/pricing-import@1."""

    schema_: Literal["costaudit/pricing-import@1"]
    source: ComparedSource
    prices: str
    """Where our tables are."""
    counts: dict[str, int]
    """Prices by verdict."""
    skipped: dict[str, int]
    """By reason."""
    comparisons: list[ComparedPrice]
    proposal: ProposedRows | None


def comparison_told(
    source: PriceSource, check: Crosscheck, proposal: Proposal | None, directory: str
) -> PriceComparison:
    """Every comparison that does not agree, and every proposed row."""
    return PriceComparison(
        schema_="costaudit/pricing-import@1",
        source=ComparedSource(id=source.id, kind=source.importer.kind, from_=source.shown),
        prices=directory,
        counts={verdict.value: count for verdict, count in check.counts.items()},
        skipped=dict(check.reasons),
        comparisons=[_told(c) for c in check.comparisons if c.verdict is not ObservationVerdict.AGREES],
        proposal=None if proposal is None else _proposed_told(proposal),
    )


def _told(c: Comparison) -> ComparedPrice:
    item, ours = c.observation, c.ours
    return ComparedPrice(
        verdict=c.verdict.value, provider=c.provider, model=c.model, class_=item.klass, when=str(item.when),
        at=instant_text(c.at), usd=StatedRate(item.usd),
        valid_from=None if item.valid_from is None else instant_text(item.valid_from),
        source_provider=item.provider_hint, source_place=item.place,
        ours=None if ours is None else OurPrice(
            rate_id=ours.rate_id, usd=None if ours.usd is None else StatedRate(ours.usd),
            confidence=ours.confidence, file=ours.path, line=ours.line,
        ),
        ratio=None if c.ratio is None else str(c.ratio), detail=c.detail or None,
    )  # fmt: skip


def _proposed_told(proposal: Proposal) -> ProposedRows:
    return ProposedRows(
        tables=[
            ProposedTable(table=table, rows=[list(row) for row in cells])
            for table, cells in _tables(proposal)
        ],
        by_hand=[LeftToHand(reason=h.reason, comparison=_told(h.comparison)) for h in proposal.by_hand],
    )


def comparison_text(source: PriceSource, check: Crosscheck, proposal: Proposal | None, directory: str) -> str:
    """The answer for the eye: counts, every difference, and the rest by provider."""
    lines = [f"{source.shown}, read as {source.importer.kind}", ""]
    lines += [
        f"  {verdict.value.replace('_', ' '):<16}  {count:>7,}" for verdict, count in check.counts.items()
    ]
    lines += [f"  {'skipped':<16}  {count:>7,}  {reason}" for reason, count in check.reasons.items()]
    lines += [*_differences(check), *_older(check), *_unmatched(check)]
    lines = [clean(line) for line in lines]
    if proposal is not None:
        lines += _proposed(proposal, directory)
    return "\n".join(lines) + "\n"


def _differences(check: Crosscheck) -> Iterator[str]:
    found = check.of(ObservationVerdict.DIFFERS)
    if not found:
        return
    yield from ("", "differs")
    head = f"  {'on':<10}  {'ours':>12}  {'theirs':>12}  {'ratio':>9}  {'confidence':<10}  "
    yield head + "our row; where in the source"
    for c in found:
        yield _line(c)


def _older(check: Crosscheck) -> Iterator[str]:
    found = check.of(ObservationVerdict.OLDER_THAN_OURS)
    if found:
        yield from ("", "older than ours")
    for c in found:
        yield f"{_line(c)} ({c.detail})"


def _line(c: Comparison) -> str:
    ours = "ended" if c.ours is None or c.ours.usd is None else f"{c.ours.usd:f}"
    ratio = "" if c.ratio is None else f"{c.ratio}×"
    row, confidence = ("", "") if c.ours is None else (c.ours.rate_id, c.ours.confidence)
    return (
        f"  {instant_text(c.at)[:10]:<10}  {ours:>12}  {c.observation.usd:>12f}  {ratio:>9}  "
        f"{confidence:<10}  {row}; {c.observation.place}"
    )


def _unmatched(check: Crosscheck) -> Iterator[str]:
    for verdict in (ObservationVerdict.MISSING_CLASS, ObservationVerdict.UNKNOWN_MODEL):
        found = check.of(verdict)
        if found:
            yield from ("", verdict.value.replace("_", " "))
        names: dict[str, dict[str, int]] = {}
        for c in found:
            models = names.setdefault(
                c.provider or f"{c.observation.provider_hint} (no provider of the book)", {}
            )
            label = (
                c.model if verdict is ObservationVerdict.UNKNOWN_MODEL else f"{c.model}:{c.observation.klass}"
            )
            models[label] = models.get(label, 0) + 1
        for provider, models in sorted(names.items()):
            shown = ", ".join(list(models)[:_NAMED])
            rest = f" and {len(models) - _NAMED} more" if len(models) > _NAMED else ""
            yield f"  {provider}: {shown}{rest}"


def _proposed(proposal: Proposal, directory: str) -> Iterator[str]:

    yield from ("", "proposed rows (nothing was written)")
    for table, cells in _tables(proposal):
        yield from ("", f"# {directory}/{table}", render_csv(cells).rstrip("\n"))
    if proposal.by_hand:
        yield from ("", "needs a correction by hand")
    for reason, count in sorted(Counter(h.reason for h in proposal.by_hand).items()):
        places = [h.comparison.observation.place for h in proposal.by_hand if h.reason == reason]
        yield clean(f"  {count:>7,}  {reason}: {', '.join(places[:3])}{' …' if count > 3 else ''}")


def _tables(proposal: Proposal) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Every table that rows are proposed for, with their cells."""
    if proposal.source is not None and proposal.prices:
        yield "sources.csv", [proposal.source]
    for provider, rows in proposal.prices.items():
        if provider in proposal.models:
            yield f"{provider}/models.csv", list(proposal.models[provider])
        yield f"{provider}/prices.csv", [row.cells for row in rows]
