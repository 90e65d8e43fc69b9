"""Rules that the price tables must keep. Each returns what it finds; nothing stops at the first.

CA1 structure, CA2 history, CA3 plausibility, CA4 provenance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from costaudit.errors import CostauditError
from costaudit.prices.book import ModelKey, PriceBook, load_book
from costaudit.prices.gateways import load_gateways
from costaudit.prices.proof import find_flaws
from costaudit.prices.rows import PriceRow, instant_text
from costaudit.prices.semantics import ANY, load_semantics


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """A rule that a row breaks. Sorts by file and line."""

    file: str
    line: int
    code: str
    severity: str
    """error or warning."""
    message: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what it looks for, and how bad that is."""

    code: str
    name: str
    severity: str
    find: Callable[[PriceBook], Iterable[tuple[str, int, str]]]
    """Yields (file, line, message)."""


def check_tables(directory: Path | str | None = None, overlays: Sequence[Path | str] = ()) -> list[Violation]:
    """Everything that is wrong with a directory of tables (the shipped one by default) and its overlays.

    A table that cannot be read at all is one violation, CA101, and nothing else can be judged.
    """
    try:
        book = load_book(directory, overlays=overlays)
        load_gateways(directory)
        semantics = load_semantics(directory)
        for table in (book.rows, book.facts, book.aliases, book.in_force):
            for key in table:
                table[key]
    except CostauditError as error:
        message = error.message + (f" ({error.hint})" if error.hint else "")
        return [Violation(error.path or "", error.line or 0, "CA101", "error", message)]
    found = [
        Violation(file, line, rule.code, rule.severity, message)
        for rule in RULES
        for file, line, message in rule.find(book)
    ]
    strangers = sorted({p for p, _ in semantics.rows} - {*book.providers, ANY})
    shown = f"{book.directory}/semantics.csv"
    found += [Violation(shown, 0, "CA110", "error", f"no provider {name!r}") for name in strangers]
    return sorted(found)


def _rows(book: PriceBook) -> Iterator[PriceRow]:
    """Every row that was ever written."""
    for rows in book.rows.values():
        yield from rows


def _standing(book: PriceBook) -> Iterator[PriceRow]:
    """The rows that still hold: a price that was corrected need not be plausible."""
    for rows in book.in_force.values():
        yield from rows


def _find_duplicates(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    for rows in book.rows.values():
        seen: dict[tuple[object, ...], PriceRow] = {}
        for row in rows:
            key = (row.overlay, row.klass, row.when, row.valid_from)
            first = seen.get(key)
            if first is None:
                seen[key] = row
            elif row.status != "correction":
                yield row.path, row.line, f"{row.rate_id} stands already on line {first.line}"


def _find_unsorted(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    last: PriceRow | None = None
    for row in _rows(book):
        if last is not None and last.path == row.path and _order(last) > _order(row):
            yield (
                row.path,
                row.line,
                f"{row.model} {row.klass} stands after {last.model} {last.klass}: sort the rows",
            )
        last = row


def _order(row: PriceRow) -> tuple[object, ...]:
    return row.model, row.klass, str(row.when), row.valid_from


def _find_unknown_models(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    for key, rows in book.rows.items():
        if key not in book.facts:
            yield rows[0].path, rows[0].line, f"{rows[0].model} has prices but no row in models.csv"


def _find_bad_aliases(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    for provider, aliases in book.alias_keys.items():
        for name in aliases:
            rows = book.aliases_named(provider, name)
            for place, row in enumerate(rows):
                if (provider, row.model) not in book.rows:
                    yield (
                        row.path,
                        row.line,
                        f"alias {row.alias!r} points at {row.model!r}, which has no prices",
                    )
                if row.alias.lower() in book.model_by_name[provider]:
                    yield row.path, row.line, f"alias {row.alias!r} is also the name of a model"
                if place and rows[place - 1].valid_to != row.valid_from:
                    yield (
                        row.path,
                        row.line,
                        f"alias {row.alias!r} has a gap or an overlap at its change of target",
                    )


def _find_unknown_windows(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    for row in _rows(book):
        if row.when.window and row.when.window not in book.windows:
            yield row.path, row.line, f"window {row.when.window!r} is not in windows.csv"


def _find_retroactive(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    for row in _rows(book):
        if row.status != "scheduled" or row.recorded_on is None:
            continue
        if instant_text(row.valid_from)[:10] < row.recorded_on.isoformat():
            yield row.path, row.line, f"{row.rate_id} is scheduled for a day before it was recorded"


def _find_idle_corrections(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    for rows in book.rows.values():
        facts = {(r.overlay, r.klass, r.when, r.valid_from) for r in rows if r.status != "correction"}
        for row in rows:
            if row.status == "correction" and (row.overlay, row.klass, row.when, row.valid_from) not in facts:
                yield (
                    row.path,
                    row.line,
                    f"{row.rate_id} corrects nothing: no row of this class, when and day",
                )


def _find_silent_corrections(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    for row in _rows(book):
        if row.status == "correction" and not row.note:
            yield (
                row.path,
                row.line,
                f"{row.rate_id} is a correction without a note that says what it corrects",
            )


def _find(kind: str) -> Callable[[PriceBook], Iterator[tuple[str, int, str]]]:
    def found(book: PriceBook) -> Iterator[tuple[str, int, str]]:
        return ((f.row.path, f.row.line, f.message) for f in find_flaws(book) if f.kind == kind)

    return found


def _standard(book: PriceBook) -> Iterator[tuple[ModelKey, dict[tuple[str, int], PriceRow]]]:
    """Rows without conditions by (class, start), for every model."""
    for key, rows in book.in_force.items():
        yield key, {(r.klass, r.valid_from): r for r in rows if not str(r.when) and r.usd is not None}


def _find_dear_cache(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    for _, rows in _standard(book):
        for (klass, start), row in rows.items():
            base = rows.get(("input", start))
            if klass == "cache_read" and base is not None and _usd(row) > _usd(base):
                yield row.path, row.line, f"{row.rate_id}: a cached token costs more than a new one"


def _find_cheap_output(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    for _, rows in _standard(book):
        for (klass, start), row in rows.items():
            base = rows.get(("input", start))
            if klass == "output" and base is not None and 0 < _usd(row) < _usd(base) / 2:
                yield row.path, row.line, f"{row.rate_id}: output costs less than half of input"


def _find_jumps(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    for rows in book.in_force.values():
        last: dict[tuple[object, ...], PriceRow] = {}
        for row in sorted((r for r in rows if r.usd is not None), key=lambda r: r.valid_from):
            before = last.get((row.klass, row.when))
            if before is not None and _usd(before) and _usd(row) and not row.note:
                ratio = _usd(row) / _usd(before)
                if ratio >= 10 or ratio <= Decimal("0.02"):
                    yield (
                        row.path,
                        row.line,
                        f"{row.rate_id}: {before.usd} became {row.usd}; say why in the note",
                    )
            last[row.klass, row.when] = row


def _find_extremes(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    for row in _standing(book):
        if row.klass in ("input", "output") and _usd(row) > 1000:
            yield row.path, row.line, f"{row.rate_id}: {row.usd} USD per 1M tokens; is the unit right?"


def _find_silent_zero(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    for row in _standing(book):
        if row.usd == 0 and not row.note:
            yield row.path, row.line, f"{row.rate_id} is 0 without a note that says why it is free"


def _find_unsourced(book: PriceBook) -> Iterator[tuple[str, int, str]]:
    for row in _rows(book):
        if not row.source:
            yield row.path, row.line, f"{row.rate_id} has no source"
        elif row.checked_on is None or row.recorded_on is None:
            yield row.path, row.line, f"{row.rate_id} does not say when it was checked and recorded"


def _usd(row: PriceRow) -> Decimal:
    return row.usd if row.usd is not None else Decimal(0)


RULES: Final = (
    Rule("CA102", "duplicate-row", "error", _find_duplicates),
    Rule("CA103", "unsorted-row", "error", _find_unsorted),
    Rule("CA104", "model-without-facts", "error", _find_unknown_models),
    Rule("CA105", "bad-alias", "error", _find_bad_aliases),
    Rule("CA106", "unknown-window", "error", _find_unknown_windows),
    Rule("CA107", "overlap", "error", _find("overlap")),
    Rule("CA108", "gap", "error", _find("gap")),
    Rule("CA109", "partial-condition", "error", _find("partial")),
    Rule("CA111", "flat-tier", "warning", _find("flat")),
    Rule("CA201", "scheduled-in-the-past", "error", _find_retroactive),
    Rule("CA202", "idle-correction", "error", _find_idle_corrections),
    Rule("CA203", "silent-correction", "error", _find_silent_corrections),
    Rule("CA301", "cache-read-above-input", "error", _find_dear_cache),
    Rule("CA302", "output-below-input", "warning", _find_cheap_output),
    Rule("CA303", "unexplained-jump", "error", _find_jumps),
    Rule("CA304", "price-out-of-range", "error", _find_extremes),
    Rule("CA305", "silent-zero", "error", _find_silent_zero),
    Rule("CA401", "no-source", "error", _find_unsourced),
)
