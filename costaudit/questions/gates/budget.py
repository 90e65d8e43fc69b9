"""CA701: what requests may cost, by feature, tier or model, as they are or scaled to a day or a month."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Final

import numpy as np

from costaudit.config.gates import BudgetGate
from costaudit.engine.exact import sum_by
from costaudit.engine.ledger import NO_PERIOD
from costaudit.engine.month import MONTH_DAYS
from costaudit.errors import did_you_mean
from costaudit.questions.gates.case import GateCase, Log, Mask, in_usd
from costaudit.questions.gates.figures import counted
from costaudit.questions.gates.outcome import GateLimits, Measured, Unit
from costaudit.routing.policy import matches
from costaudit.schema import UNTAGGED, Tier
from costaudit.times import DAY_US, HOUR_US, instant

UNITS: Final = {
    "log": Unit.USD,
    "peak-day": Unit.USD_PER_DAY,
    "day": Unit.USD_PER_DAY,
    "month": Unit.USD_PER_MONTH,
}


def find_budgets(case: GateCase) -> Iterator[Measured]:
    """Every budget that is set, in the order of the file."""
    log = case.log
    if log is not None:
        yield from (_measured(log, gate, number) for number, gate in enumerate(case.gates.budget))


def _measured(log: Log, gate: BudgetGate, number: int) -> Measured:
    here = _scope(log, gate)
    value, note = _spent(log, gate, here)
    return Measured(subject(gate), value, GateLimits.of(gate), UNITS[gate.per], note, ("budget", number))


def subject(gate: BudgetGate) -> str:
    """What a budget is for."""
    tier = gate.tier if isinstance(gate.tier, str) or gate.tier is None else Tier(gate.tier).label
    parts = [
        *([f"feature {gate.feature}"] if gate.feature is not None else []),
        *([f"tier {gate.tier} {tier}" if tier != gate.tier else str(tier)] if tier is not None else []),
        *([f"model {gate.model}"] if gate.model is not None else []),
    ]
    period = {"log": "", "peak-day": ", dearest day", "day": ", per day", "month": ", per month"}[gate.per]
    return (", ".join(parts) or "total") + period


def _scope(log: Log, gate: BudgetGate) -> Mask:
    here = log.everything
    if gate.tier is not None:
        here &= log.cells.keys["tier"] == (UNTAGGED if gate.tier == "untagged" else gate.tier)
    if gate.feature is not None:
        values = log.cells.values["feature"]
        fitting = [code for code, name in enumerate(values) if matches((gate.feature,), name)]
        here &= np.isin(log.cells.keys["feature"], fitting)
    if gate.model is not None:
        pairs = zip(log.served, log.cells.words("model"), strict=True)
        here &= np.array([matches((str(gate.model),), *pair) for pair in pairs], bool)
    return here


def _spent(log: Log, gate: BudgetGate, here: Mask) -> tuple[Fraction | None, str]:
    """The dollars of a budget, and what they rest on."""
    requests = log.count(here)
    if requests == 0:
        return None, _nothing(log, gate)
    billed = log.count(here & log.costed.known)
    if billed == 0:
        return None, f"no price and no stated cost of its {counted(requests)} is known"
    told = counted(requests)
    if billed < requests:
        told = f"{billed:,} of {told}; the others have no price and no stated cost"
    if gate.per == "log":
        return log.billed(here), told
    return _peak(log, here, told) if gate.per == "peak-day" else _scaled(log, gate, here, told)


def _scaled(log: Log, gate: BudgetGate, here: Mask, told: str) -> tuple[Fraction | None, str]:
    """Per day or 30 days, as every amount per month of a report is scaled."""
    month = log.monthly(here)
    if month is None:
        days = log.days
        if days is None:
            return None, "no request has a time, so nothing can be scaled"
        if days < 1:
            return None, f"the log covers {float(days)} days: less than a day is not scaled"
        return None, "all of it lies on days that the log covers only in part"
    size = Fraction(1) if gate.per == "month" else Fraction(1, MONTH_DAYS)
    return month * size, f"scaled: {log.scaled_from}; {told}"


def _nothing(log: Log, gate: BudgetGate) -> str:
    """Why a scope is empty, with names that come close."""
    near = None
    if gate.feature is not None:
        near = did_you_mean(gate.feature, _names(log.cells.values["feature"]))
    if near is None and gate.model is not None:
        near = did_you_mean(gate.model, _names([*log.served, *log.cells.values["model"]]))
    return "no request of the log is in it" + (f": {near}" if near else "")


def _names(values: Iterable[str | None]) -> list[str]:
    return sorted({name for name in values if name is not None})


def _peak(log: Log, here: Mask, told: str) -> tuple[Fraction | None, str]:
    periods = log.cells.keys["period"]
    timed = here & (periods != NO_PERIOD)
    if not timed.any():
        return None, "no request has a time, so there is no day"
    per_day = DAY_US // (DAY_US if log.work.passed.plan.resolution == "day" else HOUR_US)
    days, group = np.unique(periods[timed] // per_day, return_inverse=True)
    spent = [int(units) for units in sum_by(group.astype(np.intp), len(days), log.costed.billed_units[timed])]
    top = max(range(len(days)), key=lambda i: (spent[i], -i))
    untimed = log.count(here & ~timed)
    without = f"; {untimed:,} without a time are in no day" if untimed else ""
    return in_usd([spent[top]]), f"on {instant(int(days[top]) * DAY_US)[:10]} UTC; {told}{without}"
