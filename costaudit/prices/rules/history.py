"""CA2, what a book alone can show: dates that do not fit each other, corrections that correct nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from costaudit.prices.conditions import When
from costaudit.prices.rows import PriceRow, instant_text
from costaudit.prices.rules.rule import ERROR, WARNING, BrokenAt, CheckedTables, Rule


def _find_early_schedules(case: CheckedTables) -> Iterator[BrokenAt]:
    for row in case.rows:
        if row.status != "scheduled" or row.recorded_on is None:
            continue
        if instant_text(row.valid_from)[:10] < row.recorded_on.isoformat():
            told = f"{row.rate_id} is scheduled for a day before it was recorded"
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_idle_corrections(case: CheckedTables) -> Iterator[BrokenAt]:
    for rows in case.book.rows.values():
        corrections = [row for row in rows if row.status == "correction"]
        facts = {_fact(r) for r in rows if r.status != "correction"} if corrections else set()
        for row in corrections:
            if _fact(row) not in facts:
                told = f"{row.rate_id} corrects nothing: no row of this class, when and day"
                yield BrokenAt(row.path, row.line, row.rate_id, told)


def _fact(row: PriceRow) -> tuple[object, ...]:
    return row.overlay, row.klass, row.when, row.valid_from


def _find_silent_corrections(case: CheckedTables) -> Iterator[BrokenAt]:
    for row in case.rows:
        if row.status == "correction" and not row.note:
            told = f"{row.rate_id} is a correction without a note that says what it corrects"
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_unscheduled(case: CheckedTables) -> Iterator[BrokenAt]:
    for row in case.rows:
        if row.status in ("scheduled", "correction") or row.recorded_on is None:
            continue
        if instant_text(row.valid_from)[:10] > row.recorded_on.isoformat():
            told = f"{row.rate_id} starts after it was recorded ({row.recorded_on}), but is not scheduled"
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_unborn(case: CheckedTables) -> Iterator[BrokenAt]:
    for key, rows in case.book.in_force.items():
        facts = case.book.facts.get(key)
        if facts is None or facts.released_on is None:
            continue
        born = facts.released_on.isoformat()
        for row in rows:
            if instant_text(row.valid_from)[:10] < born:
                told = f"{row.rate_id} starts before the release of the model on {born}"
                yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_future_days(case: CheckedTables) -> Iterator[BrokenAt]:
    today = datetime.fromtimestamp((case.now or 0) // 1_000_000, UTC).date()
    for row in case.rows:
        for day, name in ((row.recorded_on, "recorded_on"), (row.checked_on, "checked_on")):
            if day is not None and (day - today).days > 1:  # a day may have begun elsewhere
                told = f"{row.rate_id}: {name} is {day}, which is yet to come"
                yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_unconfirmed(case: CheckedTables) -> Iterator[BrokenAt]:
    now = case.now or 0
    for row in case.standing:
        if row.status != "scheduled" or row.valid_from > now or row.checked_on is None:
            continue
        if row.checked_on.isoformat() < instant_text(row.valid_from)[:10]:
            told = f"{row.rate_id} was announced, and nobody has looked since its day whether it came"
            yield BrokenAt(row.path, row.line, row.rate_id, told)


def _find_idle_rows(case: CheckedTables) -> Iterator[BrokenAt]:
    for rows in case.book.in_force.values():
        last: dict[tuple[str, When], PriceRow] = {}
        for row in sorted(rows, key=lambda r: r.valid_from):
            before = last.get((row.klass, row.when))
            if before is not None and before.usd == row.usd and not (before.overlay or row.overlay):
                told = f"{row.rate_id} repeats the price before it: nothing changes on its day"
                yield BrokenAt(row.path, row.line, row.rate_id, told)
            last[row.klass, row.when] = row


RULES: Final = (
    Rule(
        "CA201", "scheduled-in-the-past", ERROR,
        "What was recorded after its day was not announced, it had come: the status is wrong, or the date.",
        "Leave status empty, or mend valid_from.",
        "gpt-x,input,2,mtok,2026-01-01,,scheduled,…  recorded on 2026-02-01",
        _find_early_schedules,
    ),
    Rule(
        "CA202", "idle-correction", ERROR,
        "A correction takes the place of the row of its class, when and valid_from; without one it is a "
        "price of its own.",
        "Repeat valid_from and when of the row that was wrong.",
        "a correction from 2026-01-02 for a row from 2026-01-01",
        _find_idle_corrections,
    ),
    Rule(
        "CA203", "silent-correction", ERROR,
        "A correction changes what past bills should have been; whoever repeats an audit must be able to "
        "read why.",
        "Say in the note what was wrong and where the right price stands.",
        "gpt-x,input,2,mtok,2026-01-01,,correction,…,  (no note)",
        _find_silent_corrections,
    ),
    Rule(
        "CA208", "unscheduled-future", ERROR,
        "A row that starts after it was recorded is an announcement. Mostly it is a wrong year.",
        "Mend valid_from, or set status=scheduled.",
        "gpt-x,input,2,mtok,2062-01-01,…  recorded on 2026-01-01",
        _find_unscheduled,
    ),
    Rule(
        "CA209", "price-before-release", ERROR,
        "A price from before the release of its model has a wrong date, or is of another model.",
        "Mend valid_from, or released_on in models.csv.",
        "a price from 2025-05-13 of a model released on 2026-05-13",
        _find_unborn,
    ),
    Rule(
        "CA210", "day-to-come", ERROR,
        "Nobody can have recorded or checked a price on a day that has not come; --known-on would not "
        "see the row.",
        "Mend recorded_on or checked_on.",
        "recorded_on 2062-11-20",
        _find_future_days,
        "now",
    ),
    Rule(
        "CA211", "unconfirmed-schedule", WARNING,
        "Announced changes are called off: Anthropic withdrew the rise of Claude Sonnet 5 that it had "
        "announced for "
        "2026-09-01.",
        "Look at the provider's page. If it came, set checked_on; if not, add a correction with an empty "
        "usd.",
        "a scheduled row whose day has passed, checked before that day",
        _find_unconfirmed,
        "now",
    ),
    Rule(
        "CA215", "idle-row", ERROR,
        "A change to the price that was there already is no change: the new figure was forgotten.",
        "Enter the new price, or remove the row.",
        "input 2.5 from 2026-01-01, and 2.5 from 2026-06-01",
        _find_idle_rows,
    ),
)  # fmt: skip
