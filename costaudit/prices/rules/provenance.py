"""CA4: where prices come from, and how long ago anybody looked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from costaudit.prices.rows import PriceRow, read_cells
from costaudit.prices.rules.rule import ERROR, WARNING, BrokenAt, CheckedTables, Rule

SOURCE_COLUMNS: Final = ("id", "title", "url", "licence", "retrieved_on")


def _find_unsourced(case: CheckedTables) -> Iterator[BrokenAt]:
    for row in case.rows:
        if row.overlay and not (row.source or row.checked_on or row.recorded_on):
            continue  # one's own price, in a table without those columns
        if not row.source:
            yield BrokenAt(row.path, row.line, row.rate_id, f"{row.rate_id} has no source")
        elif row.checked_on is None or row.recorded_on is None:
            told = f"{row.rate_id} does not say when it was checked and recorded"
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_unknown_sources(case: CheckedTables) -> Iterator[BrokenAt]:
    """Sources that sources.csv does not list; a book without that table, and an overlay, need none."""
    path = case.place / "sources.csv"
    if not path.exists():
        return
    known = {cells["id"] for cells in read_cells(path, case.shown("sources.csv"), SOURCE_COLUMNS)}
    for row in case.rows:
        for source in row.source.split("+") if row.source and not row.overlay else ():
            if source not in known:
                told = f"{row.rate_id}: source {source!r} is not in sources.csv"
                yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_stale(case: CheckedTables) -> Iterator[BrokenAt]:
    """The prices of a model in force that were checked longest ago; one finding for a model."""
    if case.now is None or case.max_age_days is None:
        return
    today = datetime.fromtimestamp(case.now // 1_000_000, UTC).date()
    for key, rows in case.book.in_force.items():
        held: dict[tuple[object, ...], PriceRow] = {}
        for row in sorted(rows, key=lambda r: r.valid_from):
            if row.valid_from <= case.now:
                held[row.klass, row.when] = row
        dated = [row for row in held.values() if row.usd is not None and row.checked_on is not None]
        oldest = min(dated, key=lambda r: (str(r.checked_on), r.line), default=None)
        facts = case.book.facts.get(key)
        gone = facts is not None and facts.retired_on is not None and facts.retired_on <= today
        if oldest is None or oldest.checked_on is None or gone:
            continue
        age = (today - oldest.checked_on).days
        if age > case.max_age_days:
            told = f"{oldest.rate_id} was checked {age} days ago, on {oldest.checked_on}"
            yield BrokenAt(oldest.path, oldest.line, "/".join(key), told)


RULES: Final = (
    Rule(
        "CA401", "no-source", ERROR,
        "A price that nobody can look up cannot be checked, and a bill that rests on it cannot be defended.",
        "Name the page in sources.csv and its id in source; set checked_on and recorded_on.",
        "gpt-x,input,2,mtok,2026-01-01,,,,high,…",
        _find_unsourced,
    ),
    Rule(
        "CA402", "unknown-source", ERROR,
        "A source id without a line in sources.csv leads nowhere.",
        "Add the source to sources.csv, or mend the id.",
        "source openai-pricng",
        _find_unknown_sources,
    ),
    Rule(
        "CA403", "stale-price", WARNING,
        "Prices change without notice: Langfuse had gpt-4o at its launch price for seven months too "
        "long. Judged with "
        "--max-age.",
        "Compare with the provider's page and set checked_on.",
        "checked_on a year ago",
        _find_stale,
        "max_age",
    ),
    Rule(
        "CA410", "differs-from-observer", WARNING,
        "Another table says otherwise. It may be the one that is wrong: of 687 models that genai-prices "
        "and litellm share, "
        "105 differ. Judged with --against.",
        "Look at the provider's page; set checked_on, or add a correction.",
        "ours 2.5, litellm 2",
        lambda _case: (),
        "against",
    ),
)  # fmt: skip
