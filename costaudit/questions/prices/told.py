"""What the book says as answers: models, rows, changes, a call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from costaudit.errors import UsageError
from costaudit.prices.book import ModelKey, PriceBook
from costaudit.prices.cards import timeline_of
from costaudit.prices.history import PastChange
from costaudit.prices.quote import NoQuote, Quote, split_name
from costaudit.prices.resolver import Periods, Resolved, Resolver, Unresolved
from costaudit.prices.rows import PriceRow, instant_text
from costaudit.questions.prices.result import (
    DoubtfulPrice,
    ListedModel,
    NamePeriod,
    NameResolved,
    PricedCall,
    PriceDoubts,
    PriceHistory,
    PriceList,
    PriceStep,
    StatedPrice,
    UnpricedCall,
)
from costaudit.render.part import PricedLine, StatedRate
from costaudit.times import instant


def list_models(book: PriceBook, at: int, provider: str | None, klass: str | None) -> PriceList:
    """The models of a provider, or of all, with a standard price at an instant."""
    models = []
    for key in sorted(key for key in book.rows if provider in (None, key[0])):
        facts = book.facts.get(key)
        own = facts.klass if facts else None
        card = timeline_of(book, key).at(at, 0) if klass in (None, own) else ""
        if not isinstance(card, str):
            rates = {name: StatedRate(rate.usd) for name, rate in card.rates.items()}
            models.append(ListedModel(model="/".join(key), class_=own, usd_per_mtok=rates))
    return PriceList(version=book.version, sha256=book.sha256, models=models)


def resolved_model(book: PriceBook, resolver: Resolver, model: str, at: int) -> Resolved:
    """The model that a name means; raises UsageError that says why it means none."""
    resolved = resolver.resolve(*split_name(book, model), at)
    if isinstance(resolved, Unresolved):
        raise UsageError(f"no price for {model!r}: {resolved.reason}", hint=resolved.detail or None)
    return resolved


def name_told(resolved: Resolved) -> NameResolved:
    """What a name stands for."""
    return NameResolved(provider=resolved.provider, model=resolved.model, how=resolved.how)


def rows_told(book: PriceBook, key: ModelKey) -> list[StatedPrice]:
    """Every row of a model, the oldest first."""
    places = {(row.path, row.line) for row in book.in_force[key]}
    rows = sorted(book.rows[key], key=lambda r: (r.valid_from, str(r.when), r.klass, r.line))
    return [_row(row, in_force=(row.path, row.line) in places) for row in rows]


def _row(row: PriceRow, *, in_force: bool) -> StatedPrice:
    return StatedPrice(
        valid_from=instant_text(row.valid_from),
        class_=row.klass,
        usd=None if row.usd is None else StatedRate(row.usd),
        when=str(row.when),
        status=row.status or None,
        in_force=in_force,
        overlay=row.overlay or None,
        recorded_on=row.recorded_on.isoformat() if row.recorded_on else None,
        confidence=row.confidence,
        source=row.source,
        file=row.path,
        line=row.line,
        note=row.note or None,
    )


def periods_told(periods: Periods) -> list[NamePeriod]:
    """What a name stood for from each instant on."""
    return [
        NamePeriod(
            from_=instant_text(start) if start else None,
            provider=r.provider if isinstance(r, Resolved) else None,
            model=r.model if isinstance(r, Resolved) else None,
            reason=None if isinstance(r, Resolved) else r.reason,
        )
        for start, r in periods
    ]


def keys_named(book: PriceBook, resolver: Resolver, name: str | None, at: int) -> list[ModelKey]:
    """The models that a name means: all of a provider, or all that the name ever stood for."""
    if name is None:
        return sorted(book.rows)
    vendor = book.provider_by_log_name.get(name.lower())
    if vendor is not None:
        return sorted(key for key in book.rows if key[0] == vendor)
    resolved_model(book, resolver, name, at)
    periods = resolver.periods(*split_name(book, name))
    found = {r.model: (r.provider, r.model) for _, r in periods if isinstance(r, Resolved)}
    return list(found.values())


def history_told(book: PriceBook, changes: Iterable[PastChange]) -> PriceHistory:
    """Every change."""
    return PriceHistory(
        version=book.version, sha256=book.sha256, changes=[_step(change) for change in changes]
    )


def _step(change: PastChange) -> PriceStep:
    row = change.row
    return PriceStep(
        at=instant_text(row.valid_from),
        model=f"{row.provider}/{row.model}",
        class_=row.klass,
        when=str(row.when),
        before_usd=None if change.before_usd is None else StatedRate(change.before_usd),
        after_usd=None if change.after_usd is None else StatedRate(change.after_usd),
        percent=change.percent,
        status=row.status or None,
        rate_id=row.rate_id,
        note=row.note or None,
    )


def doubts_told(book: PriceBook, rows: Iterable[PriceRow]) -> PriceDoubts:
    """Prices of low confidence."""
    doubts = [
        DoubtfulPrice(
            rate_id=row.rate_id,
            model=f"{row.provider}/{row.model}",
            class_=row.klass,
            when=str(row.when) or None,
            usd=None if row.usd is None else StatedRate(row.usd),
            source=row.source,
            note=row.note,
            file=row.path,
            line=row.line,
        )
        for row in rows
    ]
    return PriceDoubts(version=book.version, sha256=book.sha256, doubts=doubts)


def call_told(found: Quote | NoQuote, at: int) -> PricedCall | UnpricedCall:
    """A call with its price, or why it has none."""
    if isinstance(found, NoQuote):
        return UnpricedCall(
            schema_="costaudit/quote@1", model=found.name, at=instant(at), reason=found.reason,
            detail=found.detail, lines=[],
        )  # fmt: skip
    lines: Sequence[PricedLine] = [
        PricedLine(
            class_=line.klass, tokens=line.tokens, usd_per_mtok=StatedRate(line.usd_per_mtok), usd=line.usd,
            rate_id=line.rate_id,
        )
        for line in found.lines
    ]  # fmt: skip
    return PricedCall(
        schema_="costaudit/quote@1", model=found.name, resolved=name_told(found.resolved),
        at=instant(found.at), list_usd=found.list_usd, lines=list(lines),
    )  # fmt: skip
