"""CA2, what only a comparison shows: history that was written anew. The rules need a base."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from costaudit.prices.book import changed_keys
from costaudit.prices.gateways import Gateway
from costaudit.prices.rows import Alias, PriceRow, WindowRow, instant_text
from costaudit.prices.rules.deltas import Delta, Writing, applied_usd
from costaudit.prices.rules.rule import ERROR, Base, BrokenAt, CheckedTables, Rule
from costaudit.times import DAY_US

RECORD_DAYS: Final = 31
"""A new row may have been written that long ago: a branch that took a while to be merged."""


def deltas_of(case: CheckedTables, *writings: Writing) -> Iterator[Delta]:
    """What happened to rows since the base."""
    return (delta for delta in case.deltas if delta.writing in writings)


def _find_edits(case: CheckedTables) -> Iterator[BrokenAt]:
    for delta in deltas_of(case, Writing.EDITED):
        row = delta.row
        old, new = (_price(r) for r in (delta.old, delta.new))
        told = f"{row.rate_id} was {old} and is {new} now, without a correction"
        yield BrokenAt(row.path, row.line, row.rate_id, told)


def _price(row: PriceRow | None) -> str:
    if row is None or row.usd is None:
        return "no price"
    return f"{row.usd:f}" + (f" ({row.status})" if row.status else "")


def _find_removals(case: CheckedTables) -> Iterator[BrokenAt]:
    for delta in deltas_of(case, Writing.REMOVED):
        row = delta.row
        used = "" if (row.provider, row.model) in case.book.rows else ", and with it the whole model"
        told = f"{row.rate_id} ({_price(row)}) is gone{used}"
        # The line is one of the base: in the tables that are checked there is none any more.
        yield BrokenAt(_home(case, row), 0, row.rate_id, told)


def _home(case: CheckedTables, row: PriceRow) -> str:
    return case.shown(f"{row.provider}/prices.csv") if not row.overlay else row.path


def _find_redated(case: CheckedTables) -> Iterator[BrokenAt]:
    for delta in deltas_of(case, Writing.REDATED):
        if delta.old is not None and delta.new is not None:
            row = delta.new
            told = f"{delta.old.rate_id} starts on {instant_text(row.valid_from)} now, without a correction"
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def is_retroactive(case: CheckedTables, base: Base, row: PriceRow) -> bool:
    """Whether a row prices anew what another price of the base has priced before the settled instant."""
    key = (row.provider, row.model)
    if row.valid_from >= case.settled or key not in base.book.rows:
        return False
    before = applied_usd(base.book, key, row.klass, row.when, row.valid_from)
    return before is not None and before != row.usd


def _find_retroactive(case: CheckedTables) -> Iterator[BrokenAt]:
    for delta in deltas_of(case, Writing.ADDED):
        row = delta.row
        if case.base is not None and not row.note and is_retroactive(case, case.base, row):
            told = (
                f"{row.rate_id} starts more than {case.grace_days} days ago: it prices anew what was billed "
                f"since; say in the note why it comes late"
            )
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_backdated(case: CheckedTables) -> Iterator[BrokenAt]:
    limit = datetime.fromtimestamp(((case.now or 0) - RECORD_DAYS * DAY_US) // 1_000_000, UTC).date()
    for delta in deltas_of(case, Writing.ADDED, Writing.CORRECTED, Writing.ANNOTATED):
        row, old = delta.row, delta.old
        if old is not None and old.recorded_on != row.recorded_on:
            told = f"{row.rate_id} was recorded on {old.recorded_on}, and says {row.recorded_on} now"
        elif old is None and row.recorded_on is not None and row.recorded_on < limit:
            told = f"{row.rate_id} is new, but says that it was recorded on {row.recorded_on}"
        else:
            continue
        yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_alias_rewrites(case: CheckedTables) -> Iterator[BrokenAt]:
    base = case.base
    if base is None:
        return
    names = dict.fromkeys((p, name.lower()) for p, name in changed_keys(base.book.aliases, case.book.aliases))
    for provider, name in names:
        old = base.book.aliases_named(provider, name) if provider in base.book.providers else ()
        new = case.book.aliases_named(provider, name) if provider in case.book.providers else ()
        if _says_that_it_corrects(old, new):
            continue
        edges = sorted(
            {0, *(edge for row in (*old, *new) for edge in (row.valid_from, row.valid_to) if edge)}
        )
        for edge in edges:
            before, after = _target(old, edge), _target(new, edge)
            if edge < case.settled and before is not None and before != after:
                row = (new or old)[0]
                since = f"from {instant_text(edge)} on" if edge else "from the first"
                told = f"alias {row.alias!r} stood for {before} {since}, and for {after or 'nothing'} now"
                home = row.path if new else case.shown(f"{provider}/aliases.csv")
                yield BrokenAt(home, row.line if new else 0, f"{provider}/{row.alias}", told)
                break


CORRECTS: Final = "Corrects"
"""How the note of a row begins that is there to change the past of an alias or a window."""


def _says_that_it_corrects(old: Iterable[Alias | WindowRow], new: Iterable[Alias | WindowRow]) -> bool:
    """Whether a row that the base has not says in its note that it corrects what the base has."""
    known = {row.note for row in old}
    return any(row.note.startswith(CORRECTS) and row.note not in known for row in new)


def _target(rows: Iterable[Alias], at: int) -> str | None:
    return next(
        (
            row.model
            for row in rows
            if (row.valid_from or 0) <= at and (row.valid_to is None or at < row.valid_to)
        ),
        None,
    )


def _find_fee_rewrites(case: CheckedTables) -> Iterator[BrokenAt]:
    base = case.base
    if base is None:
        return
    old, new = _by_id(base.gateways.by_log_name.values()), _by_id(case.gateways.by_log_name.values())
    for ident, gateway in old.items():
        after = new.get(ident)
        for kind, start in dict.fromkeys((fee.kind, fee.valid_from) for fee in gateway.fees):
            was, now = gateway.fee(kind, start), after.fee(kind, start) if after else None
            if start < case.settled and was is not None and (now is None or now.value != was.value):
                told = (
                    f"{ident}: {kind} from {instant_text(start)} was {_fee(was.value)}, "
                    f"and is {_fee(now.value) if now else 'gone'} now"
                )
                line = (
                    case.fee_line(ident, after.fees.index(now))
                    if after is not None and now is not None
                    else 0
                )
                yield BrokenAt(case.shown("gateways.toml"), line, f"{ident}/{kind}", told)


def _by_id(gateways: Iterable[Gateway]) -> dict[str, Gateway]:
    return {gateway.id: gateway for gateway in gateways}


def _fee(value: object) -> str:
    return "undisclosed" if value is None else f"{value:f}"


def _find_window_rewrites(case: CheckedTables) -> Iterator[BrokenAt]:
    base = case.base
    for name, rows in base.book.windows.items() if base is not None else ():
        held = {_window_key(row): row for row in case.book.windows.get(name, ())}
        if _says_that_it_corrects(rows, held.values()):
            continue
        for row in rows:
            now = held.get(_window_key(row))
            if row.valid_from < case.settled and (now is None or _past(case, row) != _past(case, now)):
                told = f"window {name!r} from {instant_text(row.valid_from)} holds at other times than before"
                yield BrokenAt(case.shown("windows.csv"), now.line if now else 0, name, told)


def _window_key(row: WindowRow) -> tuple[object, ...]:
    return row.valid_from, row.start_s, row.end_s


def _past(case: CheckedTables, row: WindowRow) -> tuple[object, ...]:
    """What a window's row says of the time that is settled."""
    limit = datetime.fromtimestamp(case.settled // 1_000_000, UTC).date()
    end = row.valid_to if row.valid_to is not None and row.valid_to < case.settled else None
    return row.weekdays, row.timezone, frozenset(d for d in row.holidays if d < limit), end


RULES: Final = (
    Rule(
        "CA204", "edited-in-place", ERROR,
        "An edited price prices every past request anew, and nobody sees that it was ever another: one "
        "closed week "
        "came to $2,473 with one price map and to $1,924 with the next (ccusage#1636).",
        "Put the row back. A new price is a new row; a mistake gets a row with status=correction and a note.",
        "input 2.5 from 2024-05-13 in the base, 2 from 2024-05-13 now",
        _find_edits,
        "base",
    ),
    Rule(
        "CA205", "removed-row", ERROR,
        "Requests of that time become unpriced: of 5,599 models that 16 releases of litellm listed, 19 % "
        "are gone from "
        "the newest.",
        "Put the row back. What never was right is taken back by a correction with an empty usd.",
        "the rows of a retired model deleted",
        _find_removals,
        "base",
    ),
    Rule(
        "CA206", "redated-row", ERROR,
        "A start that moves prices the days between anew.",
        "Put the row back, take it back by a correction with an empty usd, and add one with the right date.",
        "input 2 from 2026-06-10 in the base, from 2026-07-10 now",
        _find_redated,
        "base",
    ),
    Rule(
        "CA207", "retroactive-start", ERROR,
        "A change that starts long ago alters bills that have been reported. It may be right, but not by "
        "accident.",
        "Mend valid_from, or say in the note since when the price is known and why it comes late.",
        "input 2 from 2026-01-01, added in November without a note",
        _find_retroactive,
        "base",
    ),
    Rule(
        "CA212", "backdated-record", ERROR,
        "recorded_on is what --known-on goes by: a new row with an old day pretends that it was known then.",
        "Set recorded_on to the day on which the row was written.",
        "a row added today with the recorded_on of the row it was copied from",
        _find_backdated,
        "base",
    ),
    Rule(
        "CA213", "rewritten-alias", ERROR,
        "A name that stood for another model then: mistral-large-latest meant $2 a million, then $0.50.",
        "Close the old row with valid_to and start the new target there; a row that corrects the past "
        "says so: its note begins with Corrects.",
        "gpt-latest,gpt-5,,  in the base, gpt-latest,gpt-6,, now",
        _find_alias_rewrites,
        "base",
    ),
    Rule(
        "CA214", "rewritten-fee", ERROR,
        "The markup of past months is evidence; a new fee is a new entry.",
        "Put the entry back and add one with its own valid_from.",
        'value = "5.5" from 2025-06-05 in the base, "5" now',
        _find_fee_rewrites,
        "base",
    ),
    Rule(
        "CA216", "rewritten-window", ERROR,
        "Other hours of a peak window price past calls anew. DeepSeek's weekend rule was a second row, "
        "from its day on.",
        "Close the old row with valid_to and start the new one there; a row that corrects the past "
        "says so: its note begins with Corrects.",
        "start_utc 01:00 in the base, 02:00 now, from the same day",
        _find_window_rewrites,
        "base",
    ),
)  # fmt: skip
