"""Rows in our format for what a source knows and we do not. Never a row that would edit the past."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from costaudit.prices.book import PriceBook
from costaudit.prices.conditions import When
from costaudit.prices.importers.compare import Comparison, Crosscheck, ObservationVerdict
from costaudit.prices.importers.registry import Importer
from costaudit.prices.resolver import How
from costaudit.prices.rows import MODEL_COLUMNS, PRICE_COLUMNS, UNIT_CLASSES, instant_text, instant_us

T = TypeVar("T")

OBSERVED: Final = "The date is the day of observation, not the effective date."
FACTS_NOTE: Final = "Proposed from an observation of its prices: class and capabilities are to be filled in."

NOT_ITS_NAME: Final = "the name stands for a model of ours under another name"
OTHER_LIST: Final = "we price it by another provider's list, which a table of its own would replace"
NO_PROVIDER: Final = "the provider is not in providers.toml"
NO_NAME: Final = "the name does not fit into a table"
NO_START: Final = "the source says until when it held, but not since when"
OTHER_THRESHOLD: Final = "our threshold of input tokens is another one"
SEVERAL: Final = "the source states several prices for the same thing"
TOO_FINE: Final = "more than 9 decimals"

_PROPOSED: Final = (
    ObservationVerdict.DIFFERS,
    ObservationVerdict.MISSING_CLASS,
    ObservationVerdict.UNKNOWN_MODEL,
)
_OWN_NAME: Final = (None, How.EXACT, How.PROVIDER_PREFIX)


class ProposedRow(msgspec.Struct, frozen=True):
    """A row for a prices.csv."""

    provider: str
    model: str
    klass: str
    when: When
    valid_from: int
    usd: Decimal
    status: str
    """Empty, or scheduled where the price is of a day to come."""
    source: str
    confidence: str
    today: date
    note: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells of the row, in the order of the table."""
        day = self.today.isoformat()
        by_name = {
            "model": self.model, "class": self.klass, "usd": f"{self.usd:f}",
            "per": "unit" if self.klass in UNIT_CLASSES else "mtok",
            "valid_from": instant_text(self.valid_from), "when": str(self.when), "status": self.status,
            "source": self.source, "confidence": self.confidence,
            "checked_on": day, "recorded_on": day, "note": self.note,
        }  # fmt: skip
        return tuple(by_name[name] for name in PRICE_COLUMNS)


class ByHand(msgspec.Struct, frozen=True):
    """A difference that needs a correction by hand, and why no row can be proposed."""

    reason: str
    comparison: Comparison


class Proposal(msgspec.Struct, frozen=True):
    """Rows by table; nothing is written."""

    prices: Mapping[str, tuple[ProposedRow, ...]]
    """By provider, sorted as in the table."""
    models: Mapping[str, tuple[tuple[str, ...], ...]]
    """Cells for models.csv by provider, for models that we do not have."""
    source: tuple[str, ...] | None
    """Cells for sources.csv (id, title, url, licence, retrieved_on), unless the source is there already."""
    by_hand: tuple[ByHand, ...]


def propose_rows(
    book: PriceBook,
    check: Crosscheck,
    importer: Importer,
    source: str,
    today: date,
    known_sources: Collection[str] = (),
) -> Proposal:
    """Rows for what differs or is missing, dated by the source, or else by `today` with low confidence.

    What would stand at or before a row of ours for the same (model, class, when) is listed for correction
    by hand instead, and so is everything that is not certainly a price of that model.
    """
    by_hand: list[ByHand] = []
    drafts: dict[tuple[object, ...], list[tuple[ProposedRow, Comparison]]] = {}
    for comparison in (c for verdict in _PROPOSED for c in check.of(verdict)):
        if reason := _unfit(book, comparison):
            by_hand.append(ByHand(reason, comparison))
            continue
        row = _draft(comparison, source, today)
        key = (row.provider, row.model.lower(), row.klass, row.when, row.valid_from)
        drafts.setdefault(key, []).append((row, comparison))
    rows: list[ProposedRow] = []
    for found in drafts.values():
        row = found[0][0]
        if reason := SEVERAL if len({r.usd for r, _ in found}) > 1 else _edits_the_past(book, row):
            by_hand += [ByHand(reason, comparison) for _, comparison in found]
        else:
            rows.append(row)
    new = sorted({(r.provider, r.model) for r in rows if (r.provider, r.model) not in book.rows})
    cells = (source, importer.title, importer.url, importer.licence, today.isoformat())
    return Proposal(
        prices=_by_provider((r.provider, r) for r in sorted(rows, key=_order)),
        models=_by_provider((provider, _facts(model, source)) for provider, model in new),
        source=None if source in known_sources else cells,
        by_hand=tuple(by_hand),
    )


def _order(row: ProposedRow) -> tuple[object, ...]:
    return row.provider, row.model, row.klass, str(row.when), row.valid_from


def _unfit(book: PriceBook, c: Comparison) -> str | None:
    """Why an observation cannot become a row, whatever its date."""
    item = c.observation
    own = book.provider_by_log_name.get(item.provider_hint.strip().lower())
    named = bool(c.model) and c.model == c.model.strip() and c.model.isprintable()
    reasons = (
        (c.provider is None, NO_PROVIDER),
        (c.how is How.SAME_LIST or c.provider != own, OTHER_LIST),
        (c.how not in _OWN_NAME and not _is_lasting_alias(book, c), NOT_ITS_NAME),
        (not named, NO_NAME),
        (item.valid_from is None and item.valid_to is not None, NO_START),
        (_decimals(item.usd) > 9, TOO_FINE),
        (_other_threshold(book, c), OTHER_THRESHOLD),
    )
    return next((reason for holds, reason in reasons if holds), None)


def _is_lasting_alias(book: PriceBook, c: Comparison) -> bool:
    """Whether the source's name has always meant our model; by one that moved it may mean an earlier one."""
    rows = book.aliases_named(str(c.provider), c.observation.model) if c.how is How.ALIAS else ()
    return len(rows) == 1 and rows[0].valid_from is None and rows[0].valid_to is None


def _decimals(usd: Decimal) -> int:
    exponent = usd.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _other_threshold(book: PriceBook, c: Comparison) -> bool:
    """Whether we have this price with another threshold, which a row of theirs would stand beside."""
    theirs = c.observation.when
    return theirs.context_over >= 0 and any(
        row.klass == c.observation.klass
        and (row.when.tier, row.when.region, row.when.speed) == (theirs.tier, theirs.region, theirs.speed)
        and row.when.context_over not in (-1, theirs.context_over)
        for row in book.rows.get((str(c.provider), c.model), ())
    )


def _draft(c: Comparison, source: str, today: date) -> ProposedRow:
    item = c.observation
    start = instant_us(today.isoformat()) if item.valid_from is None else item.valid_from
    notes = [OBSERVED] if item.valid_from is None else []
    if c.verdict is ObservationVerdict.DIFFERS and c.ours is not None and c.ours.usd is not None:
        notes.append(f"Ours was {c.ours.usd:f} from {instant_text(c.ours.valid_from)}.")
    return ProposedRow(
        provider=str(c.provider),
        model=c.model,
        klass=item.klass,
        when=item.when,
        valid_from=start,
        usd=item.usd,
        status="scheduled" if instant_text(start)[:10] > today.isoformat() else "",
        source=source,
        confidence="low" if item.valid_from is None else "medium",
        today=today,
        note=" ".join(notes),
    )


def _edits_the_past(book: PriceBook, row: ProposedRow) -> str | None:
    rows = book.rows.get((row.provider, row.model), ())
    held = [r for r in rows if r.klass == row.klass and r.when == row.when]
    last = max(held, key=lambda r: r.valid_from, default=None)
    if last is None or last.valid_from < row.valid_from:
        return None
    return f"we have a row from {instant_text(last.valid_from)} on; an earlier one would edit the past"


def _facts(model: str, source: str) -> tuple[str, ...]:
    by_name = {"model": model, "class": "other", "source": source, "note": FACTS_NOTE}
    return tuple(by_name.get(name, "") for name in MODEL_COLUMNS)


def _by_provider(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    held: dict[str, list[T]] = {}
    for provider, item in pairs:
        held.setdefault(provider, []).append(item)
    return {provider: tuple(items) for provider, items in held.items()}


def render_csv(rows: Iterable[Sequence[str]]) -> str:
    """Rows as they stand in a table, without its header."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
