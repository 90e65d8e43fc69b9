"""CA705: how long ago the prices that are used were compared with their source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from costaudit.prices.book import ModelKey
from costaudit.prices.numbered import MEASURE
from costaudit.prices.rows import PriceRow
from costaudit.questions.gates.case import GateCase, Log
from costaudit.questions.gates.figures import counted
from costaudit.questions.gates.outcome import GateLimits, Measured, Unit
from costaudit.questions.gates.seats import serving

Used = tuple[ModelKey, str]
"""A model and the id of one of its rates."""


def find_price_age(case: GateCase) -> Iterator[Measured]:
    """The age of the oldest price: of those that priced the log, or without one of those of the policies."""
    gate = case.gates.price_age
    if gate is None:
        return
    used = _used_by_log(case.log) if case.log is not None else _used_by_policies(case)
    subject = "prices of this log" if case.log is not None else "prices of the policies"
    rows = list(_rows(case, used))
    dated = sorted((row.checked_on.isoformat(), row.rate_id) for row in rows if row.checked_on is not None)
    undated = sorted(row.rate_id for row in rows if row.checked_on is None)
    value, note = (
        None,
        f"none of {counted(len(rows), 'price')} says when it was checked" if rows else "no price is used",
    )
    if dated:
        oldest, rate_id = dated[0]
        age = max((case.today - row.checked_on).days for row in rows if row.checked_on is not None)
        value = Fraction(max(age, 0))
        note = f"{rate_id} was checked on {oldest}; {counted(len(rows), 'price')} used"
    doubt = f"{undated[0]} does not say when it was checked" if undated else ""
    if len(undated) > 1:
        doubt += f", nor do {len(undated) - 1:,} more"
    yield Measured(subject, value, GateLimits.of(gate), Unit.DAYS, note, ("price_age",), doubt)


def _used_by_log(log: Log) -> Iterator[Used]:
    """The rates that multiplied something."""
    cells, plan = log.cells, log.work.passed.plan
    for code in np.unique(cells.keys["card"]).tolist():
        if code < 0 or not plan.prices.cards[code].model:
            continue  # not priced, or not billed by anybody
        here = cells.keys["card"] == code
        card = plan.prices.cards[code]
        for klass, rate in card.rates.items():
            measure = MEASURE.get(klass)
            if measure is not None and (cells.measures[measure][here] != 0).any():
                yield (card.provider, card.model), rate.rate_id


def _used_by_policies(case: GateCase) -> Iterator[Used]:
    """The rates at which the newest model of every seat would serve now."""
    for wanted in case.wanted:
        card = serving(wanted, case)
        if not isinstance(card, str):
            yield from (((card.provider, card.model), rate.rate_id) for rate in card.rates.values())


def _rows(case: GateCase, used: Iterable[Used]) -> Iterator[PriceRow]:
    """The rows behind rates, each once."""
    for key, rate_id in dict.fromkeys(used):
        yield from (row for row in case.book.in_force[key] if row.rate_id == rate_id)
