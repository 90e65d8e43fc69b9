"""Sides of calls whose names say nothing: found where at list they come to another column of the log."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import permutations
from typing import Final

from costaudit.ingest.guess.count_names import INPUT, OUTPUT, count_name
from costaudit.ingest.guess.counts import MOST_TOKENS
from costaudit.ingest.guess.prices import AFTER_ALL, KnownPrices
from costaudit.ingest.guess.survey import LogColumn
from costaudit.ingest.guess.work import Work, named

_ROWS: Final = 40
"""Records that are priced with each pair of columns."""
_FEWEST: Final = 5
_MOST_COLUMNS: Final = 8
_UNITS: Final = (Decimal(1), Decimal(100), Decimal(10**6))
"""Of a dollar: itself, cents, millionths."""
_NEAR: Final = Decimal("0.002")


def find_sides_by_price(work: Work) -> None:
    """Take the one pair of columns whose list price is an amount of the log in each record."""
    model, prices = work.fields.get("model"), work.prices
    if model is None or prices is None or {INPUT, OUTPUT} <= work.fields.keys():
        return
    amounts = [c for c in work.survey.columns.values() if c.is_numeric and not c.is_whole][:_MOST_COLUMNS]
    found = [
        (pair, amount)
        for pair in _pairs(work)
        for amount in amounts
        if _makes(work, prices, model, pair, amount)
    ]
    pairs = list(dict.fromkeys(pair for pair, _ in found))
    if len(pairs) != 1:
        return
    for field, column in zip((INPUT, OUTPUT), pairs[0], strict=True):
        if work.fields.get(field) is not column:
            work.left.pop(column.path, None)
            work.take(
                field, column, f"at the prices of the book {named(pairs[0])} come to {found[0][1].path}"
            )


def _pairs(work: Work) -> Iterator[tuple[LogColumn, LogColumn]]:
    """Columns that may be input and output; a side that is known stays what it is."""
    known = work.fields.get(INPUT), work.fields.get(OUTPUT)
    free = [c for c in work.survey.columns.values() if c not in work.fields.values() and _may_count(c)]
    some = [c for c in known if c is not None] + free[:_MOST_COLUMNS]
    for pair in permutations(some, 2):
        if all(is_known is None or is_known is column for is_known, column in zip(known, pair, strict=True)):
            yield pair


def _may_count(column: LogColumn) -> bool:
    if not column.is_whole or isinstance(count_name(column), str) or column.distinct < _FEWEST:
        return False
    return max(column.numbers.values()) <= MOST_TOKENS


def _makes(
    work: Work,
    prices: KnownPrices,
    model: LogColumn,
    pair: tuple[LogColumn, LogColumn],
    amount: LogColumn,
) -> bool:
    """Whether an amount is what two counts cost, in all records that have them and in one unit."""
    names = model.by_row()
    times = work.fields["timestamp"].times if "timestamp" in work.fields else {}
    asked, answered = pair[0].numbers, pair[1].numbers
    rows = sorted(amount.numbers.keys() & asked.keys() & answered.keys() & names.keys())[:_ROWS]
    if len(rows) < _FEWEST:
        return False
    units = set(_UNITS)
    for row in rows:
        counts = {"input": int(asked[row]), "output": int(answered[row])}
        usd = prices.list_usd(str(names[row]), None, times.get(row, AFTER_ALL), counts)
        units = {u for u in units if usd and abs(amount.numbers[row] - usd * u) <= _NEAR * usd * u}
        if not units:
            return False
    return True
